/** What Okta answers besides success, and what keeps it from answering, told as `ProviderError`: the only place that knows Okta's error codes. */

import { ProviderError, type ProviderFault } from '../errors.ts';
import { causeOf, somethingBetween, whatCame } from '../http.ts';
import { proxyFault, viaProxy } from '../proxy.ts';

/** What a request is for, and what Okta wants for it. */
export type Need = {
  /** Fits behind "let these credentials". */
  readonly deed: string;
  readonly scope: string;
  /** Of a custom admin role. */
  readonly permission: string;
};

/** The request that an error is about. `sent`: it writes, and has left. */
export type About = {
  readonly name: string;
  readonly host: string;
  readonly need: Need;
  readonly sent: boolean;
  readonly timeoutMs: number;
  /** What was sent and must not come back in a message. */
  readonly secrets: readonly string[];
};

export type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly text: string };

type Told = { readonly fault: ProviderFault; readonly message: string; readonly next?: string };

const missing = new WeakSet<object>();

/** Okta's own word that a user or group is not there: one code for both. */
export function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && missing.has(error);
}

export function refusal(answer: Answer, about: About): ProviderError {
  const { status, headers } = answer;
  const body = said(answer.text);
  const code = text(body?.errorCode);
  // Where we sent nothing to blot out we do not know what it repeats.
  const summary = about.secrets.length === 0 ? '' : blotted(text(body?.errorSummary) ?? '', about.secrets);
  const quote = summary === '' ? '' : `, "${summary}"`;
  const { fault, message, next } = tell(status, code, about);
  const wait = fault === 'rate-limited' ? untilReset(headers) : fault === 'unavailable' ? retryAfter(headers) : undefined;
  // Below 500 an error code is Okta's own no; without one it may be anybody's.
  const proven = !about.sent || (code !== undefined && status < 500);
  const error = new ProviderError(about.name, fault, `${message} (${[status, code].filter(Boolean).join(' ')}${quote})`, {
    applied: proven ? 'no' : 'unknown',
    ...(next === undefined ? {} : { next }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
  if (fault === 'not-found') missing.add(error);
  return error;
}

function tell(status: number, code: string | undefined, { name, host, need }: About): Told {
  if (status === 429 || code === 'E0000047') return { fault: 'rate-limited', message: `${name} has had too many calls` };
  if (status >= 500 || status === 408) return { fault: 'unavailable', message: `${name} is not available` };
  if (code === undefined || status < 400) {
    return {
      fault: 'malformed',
      message: `what answered for ${name} at ${host} is not Okta`,
      next: somethingBetween(host),
    };
  }
  if (status === 401) {
    return {
      fault: 'credentials',
      message: `${name} does not accept the credentials`,
      next: 'renew the API token (30 days without use end it, and so does the end of its owner), or check clientId and privateKey',
    };
  }
  if (status === 403) {
    return {
      fault: 'forbidden',
      message: `${name} does not let these credentials ${need.deed}`,
      next: `grant the app the scope ${need.scope}, and the app or the token's owner an admin role with ${need.permission} for these groups and users`,
    };
  }
  if (code === 'E0000007') return { fault: 'not-found', message: `${name} knows no such user or group` };
  return { fault: 'refused', message: `${name} refused to ${need.deed}` };
}

const defaultPauseMs = 1_000;
/** Okta counts by the minute; a longer time is not a time to wait for. */
const longestPauseMs = 3_600_000;

/** The reset is an instant of Okta's clock, so it is read against the `Date` of the same answer. Of a past, broken or doubled one nothing can be made. */
function untilReset(headers: Answer['headers']): number {
  const reset = headers['x-rate-limit-reset']?.trim() ?? '';
  const ms = /^\d{9,11}$/.test(reset) ? Number(reset) * 1000 - Date.parse(headers.date ?? '') : Number.NaN;
  return ms > 0 && ms <= longestPauseMs ? ms : defaultPauseMs;
}

function retryAfter(headers: Answer['headers']): number | undefined {
  const seconds = headers['retry-after']?.trim() ?? '';
  return /^\d{1,4}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
}

/** Nothing listens, there is no such host, or it is not the one: the request cannot have left. */
const unsent = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$|CERT|SIGNATURE|ALTNAME|SELF_SIGNED/;

/** Never with the thrown error as cause: some of Node's carry the request with its headers. */
export function unreached(error: unknown, over: 'late' | 'stopped' | undefined, about: About): ProviderError {
  const { name, host, timeoutMs } = about;
  const proxied = proxyFault(error);
  // There was no tunnel, so nothing has left, whatever was to be sent through it.
  if (proxied) return broken(about, proxied.fault, `${name} cannot be reached ${proxied.how}`, proxied.next);
  const { code, because, next } = causeOf(error);
  if (code === 'ERR_INVALID_CHAR') {
    return broken(about, 'credentials', `the credentials of ${name} hold a character that cannot be sent, such as a line break`);
  }
  const applied = about.sent ? 'unknown' : 'no';
  if (over === 'stopped') return new ProviderError(name, 'unavailable', `stopped before ${name} answered`, { applied });
  const via = viaProxy(`https://${host}`);
  if (over === 'late') return new ProviderError(name, 'timeout', `${name} did not answer${via} within ${timeoutMs / 1000} s`, { applied });
  return new ProviderError(name, 'unavailable', `${name} cannot be reached at ${host}${via}: ${because}`, {
    applied: unsent.test(code) ? 'no' : applied,
    ...(next === undefined ? {} : { next }),
  });
}

/** An error that is found before anything was sent, or in an answer to a read. */
export function broken({ name }: { readonly name: string }, fault: ProviderFault, message: string, next?: string): ProviderError {
  return new ProviderError(name, fault, message, { applied: 'no', ...(next === undefined ? {} : { next }) });
}

/** A success that is none: Okta does not answer so. */
export function foreign(name: string, host: string, body: string): ProviderError {
  return broken({ name }, 'malformed', `what answered for ${name} at ${host} sent ${whatCame(body)}`, somethingBetween(host));
}

/** A provider, or a proxy before it, may echo what it was sent. */
export function blotted(words: string, secrets: readonly string[]): string {
  let clean = words;
  for (const part of secrets.flatMap((secret) => [secret, ...secret.split(/[\s=&:,;]+/)])) {
    if (part.length >= 6) clean = clean.replaceAll(part, '…');
  }
  return clean.replace(/\s+/g, ' ').trim().slice(0, 200);
}

/** The object that a body is, if it is one. */
export function said(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
