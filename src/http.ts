/** One small JSON-over-HTTP reader for adapters: bounded in time, size and tries, follows nothing, and fails with `ProviderError` only. */

import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { isIPv4 } from 'node:net';
import { isProviderError, ProviderError, type ProviderFault } from './errors.ts';
import { proxyAgent, proxyFault, proxyFor, viaProxy } from './proxy.ts';

export type GetOptions = {
  /** The provider's name for people: `PagerDuty`. */
  readonly provider: string;
  /** Sent as they are; no value of theirs is ever repeated in a message. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole call: connecting, every try, every pause, the whole body. */
  readonly timeoutMs: number;
  /** A `performance.now()` from which `timeoutMs` counts, so that several calls can share it. Left out: now. */
  readonly startedAt?: number;
  readonly signal?: AbortSignal | undefined;
  readonly maxBytes?: number;
  readonly tries?: number;
  readonly onServerDate?: (ms: number) => void;
  readonly log?: (line: string) => void;
  /** Finds the provider's own words in the body of a refusal. */
  readonly explain?: (body: unknown) => string | undefined;
  /** Finds in the body of a refusal how long to wait, for a provider that says it there: seconds or a date, as in `Retry-After`. */
  readonly retryAfter?: (body: unknown) => string | undefined;
};

const maxBytesByDefault = 8 * 1024 * 1024;
const pausesMs = [150, 450];

export async function getJson(url: URL, options: GetOptions): Promise<unknown> {
  const deadline = (options.startedAt ?? performance.now()) + options.timeoutMs;
  const tries = options.tries ?? pausesMs.length + 1;
  for (let tried = 1; ; tried++) {
    try {
      return await getOnce(url, options, deadline - performance.now());
    } catch (error) {
      const pauseMs = tried < tries ? pauseAfter(error, tried) : undefined;
      if (pauseMs === undefined || performance.now() + pauseMs >= deadline) throw error;
      options.log?.(`${(error as Error).message}; asking again in ${pauseMs} ms`);
      await pause(pauseMs, options);
    }
  }
}

/** Only what passes by itself is tried again; a broken answer or a time-out would be the same the second time. */
function pauseAfter(error: unknown, tried: number): number | undefined {
  if (!isProviderError(error)) return undefined;
  if (error.fault !== 'rate-limited' && error.fault !== 'unavailable') return undefined;
  return Math.max(error.retryAfterMs ?? 0, pausesMs[Math.min(tried, pausesMs.length) - 1] ?? 0);
}

async function pause(ms: number, options: GetOptions): Promise<void> {
  const { setTimeout: sleep } = await import('node:timers/promises');
  await sleep(ms, undefined, { signal: options.signal }).catch((cause) => {
    throw stopped(options, cause);
  });
}

async function getOnce(url: URL, options: GetOptions, leftMs: number): Promise<unknown> {
  if (leftMs <= 0) throw late(url, options);
  const tooLate = new AbortController();
  const timer = setTimeout(() => tooLate.abort(), leftMs);
  const signal = options.signal === undefined ? tooLate.signal : AbortSignal.any([tooLate.signal, options.signal]);
  try {
    const response = await send(url, { headers: options.headers ?? {}, signal });
    const body = await read(response, options);
    const date = Date.parse(response.headers.date ?? '');
    if (!Number.isNaN(date)) options.onServerDate?.(date);
    return answer(response, body, url, options);
  } catch (error) {
    if (isProviderError(error)) throw error;
    if (options.signal?.aborted) throw stopped(options, error);
    if (tooLate.signal.aborted) throw late(url, options);
    throw unreachable(error, url, options);
  } finally {
    clearTimeout(timer);
  }
}

export type Requester = (options: RequestOptions) => ClientRequest;

/**
 * Every request of this program but the AWS SDK's begins here, through the proxy where there is one.
 * `https` costs 33 ms to load and is not needed for an emulator; `fetch` would cost 87 ms on Node 20.
 */
export async function requester(url: URL): Promise<Requester> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const agent = proxyFor(url) === undefined ? undefined : await proxyAgent();
  return ({ headers, ...options }) =>
    request(url, { ...options, ...(agent && { agent }), headers: { 'user-agent': 'oncall', ...(headers as Record<string, string>) } });
}

export async function send(url: URL, options: RequestOptions, body?: string | Uint8Array): Promise<IncomingMessage> {
  const open = await requester(url);
  return new Promise((resolve, reject) => {
    const outgoing = open(options);
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export async function read(response: IncomingMessage, options: Pick<GetOptions, 'provider' | 'maxBytes'>): Promise<string> {
  const most = options.maxBytes ?? maxBytesByDefault;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most) {
      response.destroy();
      throw new ProviderError(options.provider, 'malformed', `${options.provider} answered with more than ${most} bytes`, {
        applied: 'no',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: IncomingMessage, text: string, url: URL, options: GetOptions): unknown {
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 299) throw refusal(status, response.headers, parsed(text), url, options);
  const body = parsed(text);
  if (body === undefined) {
    throw new ProviderError(options.provider, 'malformed', `what answered for ${options.provider} at ${url.host} sent ${whatCame(text)}`, {
      applied: 'no',
      next: somethingBetween(url.host),
    });
  }
  return body;
}

/** What is not the answer it should be, in words. */
export function whatCame(text: string): string {
  if (text.trim() === '') return 'an empty answer';
  if (parsed(text) !== undefined) return 'data of another shape';
  return /^\s*</.test(text) ? 'a web page, not data' : 'half an answer, or none that is JSON';
}

export const somethingBetween = (host: string): string =>
  `look for what stands between this host and ${host}: a proxy, a sign-in page of the network; or a wrong address in the policy`;

/** `undefined` is no JSON value, so it can stand for a text that is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Every status that is not a success, in this one place. */
function refusal(status: number, headers: IncomingHttpHeaders, body: unknown, url: URL, options: GetOptions): ProviderError {
  const { provider } = options;
  const said = quoted(body, options);
  const fail = (fault: ProviderFault, message: string, next?: string) => {
    const retryAfterMs = fault === 'rate-limited' || fault === 'unavailable' ? waitAsked(headers, options.retryAfter?.(body)) : undefined;
    return new ProviderError(provider, fault, `${message} (${status}${said})`, {
      applied: 'no',
      ...(next === undefined ? {} : { next }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  };
  if (status < 400) {
    return fail(
      'refused',
      `${provider} at ${url.host} redirects elsewhere, and the credentials are not sent on`,
      `name the right endpoint of ${provider} in the policy`,
    );
  }
  if (status === 401)
    return fail(
      'credentials',
      `${provider} did not accept the credentials`,
      `check the key that the policy names for ${provider}: it may be expired or of another region`,
    );
  if (status === 403)
    return fail(
      'forbidden',
      `${provider} does not let these credentials read ${url.pathname}`,
      `give the key of ${provider} the right to read it`,
    );
  if (status === 404) return fail('not-found', `${provider} knows nothing at ${url.pathname}`);
  if (status === 429) return fail('rate-limited', `${provider} has had too many calls`);
  if (status >= 500 || status === 408) return fail('unavailable', `${provider} is not available`);
  return fail('refused', `${provider} refused the question`);
}

/** `Retry-After` in seconds or as a date (read against the answer's own `Date`), else the `ratelimit-reset` of the IETF draft or what Opsgenie calls it, in seconds. */
export function waitAsked(headers: IncomingHttpHeaders, inBody: string | undefined): number | undefined {
  const after = headers['retry-after'] ?? headers['ratelimit-reset'] ?? headers['x-ratelimit-period-in-sec'] ?? inBody;
  if (typeof after !== 'string') return undefined;
  if (/^\d{1,7}(\.\d+)?$/.test(after.trim())) return Math.ceil(Number(after) * 1000);
  const ms = Date.parse(after) - Date.parse(headers.date ?? '');
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** A provider, or a proxy before it, may echo what it was sent: whatever looks like part of a header is blotted out. */
function quoted(body: unknown, options: GetOptions): string {
  let said = body === undefined ? undefined : options.explain?.(body);
  if (said === undefined || said === '') return '';
  for (const part of Object.values(options.headers ?? {}).flatMap((value) => [value, ...value.split(/[\s=:,;]+/)])) {
    if (part.length >= 6) said = said.replaceAll(part, '…');
  }
  return `, "${said.replace(/\s+/g, ' ').slice(0, 200)}"`;
}

const reasons: Readonly<Record<string, string>> = {
  EPROTO: 'what listens there does not speak TLS',
  HPE_INVALID_CONSTANT: 'what listens there does not speak HTTP',
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved now',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
};

const steps: Readonly<Record<string, string>> = {
  EPROTO: 'check its address in the policy',
  HPE_INVALID_CONSTANT: 'check its address in the policy',
  ENOTFOUND: 'check its address in the policy, and whether this host can resolve names',
  ECONNREFUSED: 'check its address in the policy, and the firewalls on the way',
};

/** What a failed connection means, for people, and what they can do about it. */
export function causeOf(error: unknown): { readonly code: string; readonly because: string; readonly next?: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no reason given';
  if (/CERT|SIGNATURE|ALTNAME|SELF_SIGNED/.test(code)) {
    const next = 'where a company proxy opens TLS, name its certificate in NODE_EXTRA_CA_CERTS';
    return { code, because: `its TLS certificate is not trusted here (${code})`, next };
  }
  const next = steps[code];
  return { code, because: reasons[code] ?? code, ...(next === undefined ? {} : { next }) };
}

export function unreachable(error: unknown, url: URL, { provider }: Pick<GetOptions, 'provider'>): ProviderError {
  const { code, because, next } = causeOf(error);
  // Never Node's error as cause: some carry the request with its headers.
  if (code === 'ERR_INVALID_CHAR') {
    return new ProviderError(
      provider,
      'credentials',
      `the credentials for ${provider} hold a character that cannot be sent, such as a line break`,
      { applied: 'no' },
    );
  }
  const proxied = proxyFault(error);
  if (proxied) {
    const { fault, how } = proxied;
    return new ProviderError(provider, fault, `${provider} cannot be reached ${how}`, { applied: 'no', next: proxied.next, cause: error });
  }
  return new ProviderError(provider, 'unavailable', `${provider} cannot be reached at ${url.host}${viaProxy(url)}: ${because}`, {
    applied: 'no',
    ...(next === undefined ? {} : { next }),
  });
}

export function late(url: URL, { provider, timeoutMs }: Pick<GetOptions, 'provider' | 'timeoutMs'>): ProviderError {
  return new ProviderError(
    provider,
    'timeout',
    `${provider} did not answer${viaProxy(url)} within ${timeoutMs < 1000 ? `${timeoutMs} ms` : `${timeoutMs / 1000} s`}`,
    { applied: 'no' },
  );
}

export function stopped({ provider }: Pick<GetOptions, 'provider'>, cause: unknown): ProviderError {
  return new ProviderError(provider, 'unavailable', `stopped before ${provider} answered`, { applied: 'no', cause });
}

export function isLoopback(url: string): boolean {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
