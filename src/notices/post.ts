/** Posts a document: once, bounded in time, to https alone (http on this machine), following nothing; what was not acknowledged is a `ProviderError`. */

import { isOncallError, isProviderError, ProviderError, type ProviderFault } from '../errors.ts';
import { isLoopback, late, read, send, stopped, unreachable, waitAsked } from '../http.ts';
import type { SecretRef } from '../policy/types.ts';
import { resolveSecret } from '../secrets.ts';
import type { NoticeCall, NoticeContext } from './notice.ts';

export type Post = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  /** Whether the body of a success says so too. */
  readonly accepts?: (answer: string) => boolean;
  /** What a refusal means, where the medium has words of its own for it. */
  readonly explain?: (status: number, answer: string) => Refusal | undefined;
};

export type Refusal = { readonly fault: ProviderFault; readonly because: string; readonly next?: string };

export async function post(url: URL, { name }: NoticeContext, { signal }: NoticeCall, options: Post): Promise<void> {
  const { body, timeoutMs } = options;
  const about = { provider: name, timeoutMs, maxBytes: 64 * 1024 };
  const tooLate = AbortSignal.timeout(timeoutMs);
  try {
    const response = await send(
      url,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...options.headers },
        signal: signal === undefined ? tooLate : AbortSignal.any([tooLate, signal]),
      },
      body,
    );
    const status = response.statusCode ?? 0;
    const answer = await read(response, about);
    if (status >= 200 && status <= 299 && (options.accepts?.(answer) ?? true)) return;
    const retryAfterMs = status === 429 || status === 503 ? waitAsked(response.headers, undefined) : undefined;
    const { fault, because, next } = options.explain?.(status, answer) ?? refusal(status);
    throw new ProviderError(name, fault, `${name} was not told: ${because} (${status} from ${url.host})`, {
      ...(next === undefined ? {} : { next }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  } catch (error) {
    if (isProviderError(error)) throw error;
    // A proxy that is none.
    if (isOncallError(error)) throw asProviderError(name, 'refused', error);
    if (signal?.aborted) throw stopped(about, undefined);
    if (tooLate.aborted) throw late(url, about);
    throw unreachable(error, url, about);
  }
}

function refusal(status: number): Refusal {
  if (status >= 200 && status <= 299) return { fault: 'malformed', because: 'what answered does not say that it took it' };
  if (status >= 300 && status <= 399)
    return { fault: 'forbidden', because: 'it redirects elsewhere, and nothing is sent on', next: 'name the right address in the policy' };
  if (status === 401 || status === 403)
    return { fault: 'forbidden', because: 'it does not take it from here', next: 'check the secret that it verifies signatures with' };
  if (status === 404 || status === 410)
    return { fault: 'not-found', because: 'there is nothing at that address', next: 'check the address in the policy' };
  if (status === 429) return { fault: 'rate-limited', because: 'it has had too many calls' };
  if (status >= 500 || status === 408) return { fault: 'unavailable', because: 'it is not available' };
  return { fault: 'refused', because: 'it refused this one', next: 'see what it says in its own log' };
}

/** Anybody on the way could read it, and say that it was taken. */
export function requireSecure(address: string, name: string, next: string): URL {
  const isRight = URL.canParse(address) && isPostable(address);
  if (isRight) return new URL(address);
  throw new ProviderError(name, 'credentials', `the address of notify.${name} cannot be used: it is no https:// address`, {
    applied: 'no',
    next,
  });
}

export function isPostable(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, username, password } = new URL(address);
  return (protocol === 'https:' || (protocol === 'http:' && isLoopback(address))) && username === '' && password === '';
}

export async function secretOf(ref: SecretRef, what: string, { name, baseDir }: NoticeContext, { signal }: NoticeCall): Promise<string> {
  try {
    return await resolveSecret(ref, `the ${what} of notify.${name}`, { baseDir, signal });
  } catch (error) {
    if (!isOncallError(error)) throw error;
    throw asProviderError(name, 'credentials', error);
  }
}

function asProviderError(name: string, fault: ProviderFault, error: Error & { why?: string | undefined; next?: string | undefined }) {
  return new ProviderError(name, fault, error.why === undefined ? error.message : `${error.message}: ${error.why}`, {
    applied: 'no',
    cause: error,
    ...(error.next === undefined ? {} : { next: error.next }),
  });
}
