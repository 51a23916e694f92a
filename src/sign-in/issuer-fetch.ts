/** `fetch` for openid-client, over this program's own requests: the global one knows no proxy. */

import type { CustomFetch, CustomFetchOptions } from 'openid-client';
import { isLoopback, send } from '../http.ts';
import { unavailable } from './keys.ts';
import { quotable } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';

const MAX_BYTES = 1024 * 1024;

/** It ends with the command, and no endpoint that metadata names gets anything in the clear. */
export function guardedFetch(identity: OidcIdentity, stop: AbortSignal): CustomFetch {
  return (url, options) => {
    if (!url.startsWith('https://') && !(isLoopback(identity.issuer) && isLoopback(url))) {
      throw unavailable(identity, `its metadata names an address that is not safe: ${quotable(url)}`);
    }
    const signal = options.signal === undefined ? stop : AbortSignal.any([stop, options.signal]);
    return exchange(url, options, signal);
  };
}

/** Fails in the two ways of `fetch`, by which openid-client and `isPassing` tell errors apart. */
async function exchange(url: string, { method, headers, body }: CustomFetchOptions, signal: AbortSignal): Promise<Response> {
  try {
    const response = await send(new URL(url), { method, headers, signal }, body == null ? undefined : String(body));
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    const said = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
    return new Response(bytes === 0 ? null : Buffer.concat(chunks), { status: response.statusCode ?? 0, headers: said });
  } catch (cause) {
    signal.throwIfAborted();
    throw new TypeError('fetch failed', { cause });
  }
}
