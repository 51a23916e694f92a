/** What the AWS SDK throws, told as `ProviderError`: the only place that knows AWS's error names. */

import { isProviderError, ProviderError, type ProviderFault } from '../errors.ts';
import { causeOf, somethingBetween } from '../http.ts';
import { proxyFault } from '../proxy.ts';

/** What went on when it was thrown. `sent`: a writing request has left. */
export type Attempt = {
  readonly name: string;
  /** As IAM policies spell it: `iam:AddUserToGroup`. */
  readonly action: string;
  readonly stage: 'credentials' | 'call';
  readonly sent: boolean;
  readonly timeoutMs: number;
  /** ` through the proxy proxy.acme.dev:3128`, where there is one. */
  readonly via: string;
  /** What the service speaks. */
  readonly wire: 'xml' | 'json';
  /** Why we stopped waiting for it, if we did. */
  readonly over: 'stopped' | 'late' | undefined;
};

/** The parts of an SDK error that are looked at. `Code` is AWS's word in XML, `__type` in JSON. */
type SdkError = {
  readonly name?: string;
  readonly message?: string;
  readonly Code?: string;
  readonly __type?: unknown;
  readonly Reason?: string;
  readonly ResourceType?: string;
  readonly RetryAfterSeconds?: unknown;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string | undefined };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
};

type Telling = { readonly fault: ProviderFault; readonly message: string; readonly next?: string; readonly applied?: 'no' };

/** What AWS itself said, for adapters that have to tell one definite no from another. */
type Said = { readonly code: string; readonly reason?: string | undefined; readonly resource?: string | undefined };

const words = new WeakMap<object, Said>();

export function saidByAws(error: unknown): Said | undefined {
  return typeof error === 'object' && error !== null ? words.get(error) : undefined;
}

/** IAM's word for "no such user", "no such group" and "not a member" alike, which only the ids tell apart. */
export function isNoSuchEntity(error: unknown): boolean {
  return saidByAws(error)?.code === 'NoSuchEntity';
}

export function toProviderError(thrown: unknown, attempt: Attempt): ProviderError {
  if (isProviderError(thrown)) return thrown;
  const error = (thrown ?? {}) as SdkError;
  const told = attempt.stage === 'credentials' ? tellCredentials(error, attempt) : tellCall(error, attempt);
  const wait = told.fault === 'rate-limited' || told.fault === 'unavailable' ? retryAfterMs(error) : undefined;
  // Without the SDK's error as cause: it holds the request, and that the session token.
  const made = new ProviderError(attempt.name, told.fault, told.message, {
    applied: attempt.sent ? (told.applied ?? 'unknown') : 'no',
    ...(told.next === undefined ? {} : { next: told.next }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
  const code = codeOf(error, attempt);
  if (attempt.stage === 'call' && told.applied === 'no' && code !== undefined)
    words.set(made, { code, reason: error.Reason, resource: error.ResourceType });
  return made;
}

export function malformed(name: string, message: string): ProviderError {
  return new ProviderError(name, 'malformed', message, { applied: 'no' });
}

/** Anybody may answer with JSON that names an error; AWS says in it which type that is, and gives a request id. */
function codeOf(error: SdkError, { wire }: Attempt): string | undefined {
  if (wire === 'xml') return error.Code;
  return typeof error.__type === 'string' && error.$metadata?.requestId !== undefined ? error.name : undefined;
}

function tellCall(error: SdkError, attempt: Attempt): Telling {
  const status = error.$metadata?.httpStatusCode;
  if (attempt.over === 'stopped') return { fault: 'unavailable', message: `stopped before AWS answered ${attempt.action}` };
  const code = codeOf(error, attempt);
  if (code !== undefined) return tellAnswer(code, error, attempt);
  if (status === undefined || attempt.over) return tellConnection(error, attempt);
  if (status >= 500) return { fault: 'unavailable', message: `AWS is not available: ${attempt.action} was answered with ${status}` };
  return {
    fault: 'malformed',
    message: `what answered ${attempt.action} (${status}) is not AWS`,
    next: somethingBetween('AWS'),
  };
}

/** AWS, or what stands before it, may repeat what it was sent: a session token and a signature are longer than any name. */
function quoted({ message = '' }: SdkError): string {
  const [line = ''] = message.split('\n');
  return line.replace(/[\w+/=%-]{64,}/g, '…').slice(0, 500);
}

const REJECTED = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'NotAuthorized',
  'OptInRequired',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);
const FORBIDDEN = new Set(['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation']);
const THROTTLED = new Set(['Throttling', 'ThrottlingException', 'RequestLimitExceeded', 'TooManyRequestsException', 'SlowDown']);
/** Definite answers that time alone heals. */
const PASSING = new Set([
  'ConcurrentModification',
  'ConcurrentModificationException',
  'ConflictException',
  'EntityTemporarilyUnmodifiable',
]);

/** AWS said so itself: below 500 that proves that nothing was changed. */
function tellAnswer(code: string, error: SdkError, { action }: Attempt): Telling {
  const said = error.message === undefined ? '' : `: ${quoted(error)}`;
  if ((error.$metadata?.httpStatusCode ?? 500) >= 500 || code.startsWith('RequestTimeout')) {
    return THROTTLED.has(code)
      ? { fault: 'rate-limited', message: `AWS has had too many calls (${action})` }
      : { fault: 'unavailable', message: `AWS is not available: ${action} was answered with ${code}` };
  }
  const applied = 'no';
  if (THROTTLED.has(code)) return { fault: 'rate-limited', message: `AWS has had too many calls (${action})`, applied };
  if (PASSING.has(code)) return { fault: 'unavailable', message: `AWS cannot do ${action} just now (${code})`, applied };
  // Of a key that is not to be had AWS says the same as of a user who is not.
  if (error.Reason?.startsWith('KMS_')) {
    return {
      fault: code === 'AccessDeniedException' ? 'forbidden' : 'refused',
      message: `AWS cannot open the identity store for ${action} (${error.Reason})${said}`,
      next: 'see to the KMS key of IAM Identity Center: it must be enabled, and these credentials need kms:Decrypt on it',
      applied,
    };
  }
  if (code === 'ResourceNotFoundException' && error.ResourceType === 'IDENTITY_STORE') {
    return {
      fault: 'wrong-account',
      message: `AWS knows no such identity store here (${action})${said}`,
      next: 'check identityStoreId and region, and whether the credentials are of the account in which IAM Identity Center runs',
      applied,
    };
  }
  if (code === 'NoSuchEntity' || code === 'ResourceNotFoundException')
    return { fault: 'not-found', message: `AWS knows no such user or group (${action})${said}`, applied };
  if (FORBIDDEN.has(code)) {
    return {
      fault: 'forbidden',
      message: `the AWS credentials may not do ${action}${said}`,
      next: `allow ${action} in the IAM policy of these credentials`,
      applied,
    };
  }
  if (REJECTED.has(code)) {
    return {
      fault: 'credentials',
      message: `AWS does not accept the credentials (${code})${said}`,
      next: 'renew or correct the AWS credentials',
      applied,
    };
  }
  if (code === 'LimitExceeded' && action === 'iam:PutUserPolicy') {
    return {
      fault: 'quota',
      message: `the inline policies of the user would be longer than IAM allows, which is 2,048 characters in all${said}`,
      next: 'take away an inline policy of the user that is not needed, or make a managed one of it: nobody can raise that quota',
      applied,
    };
  }
  if (code === 'LimitExceeded') {
    return {
      fault: 'quota',
      message: `the user is in as many groups as IAM allows, which is 10 where nobody had it raised${said}`,
      next: 'take the user out of a group that is not needed; the quota is called "Groups per user" and most accounts cannot raise it',
      applied,
    };
  }
  if (code === 'ServiceQuotaExceededException') {
    return {
      fault: 'quota',
      message: `the identity store is as full as AWS allows (${action})${said}`,
      next: 'make room in IAM Identity Center, or have its quota raised',
      applied,
    };
  }
  return { fault: 'refused', message: `AWS refused ${action} (${code})${said}`, applied };
}

/** Nothing listens, or there is no such host: the request cannot have left. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

function tellConnection(error: SdkError, { action, timeoutMs, over, via }: Attempt): Telling {
  const proxied = proxyFault(error);
  // There was no tunnel, so nothing has left, whatever was to be sent through it.
  if (proxied) return { ...proxied, message: `AWS cannot be reached for ${action} ${proxied.how}`, applied: 'no' };
  const code = error.code;
  if (over || isTimeout(error)) return { fault: 'timeout', message: `AWS did not answer ${action}${via} within ${timeoutMs / 1000} s` };
  const message = `AWS cannot be reached for ${action}${via}${unreached(error)}`;
  const { next } = causeOf(error);
  return { fault: 'unavailable', message, ...(next && { next }), ...(code && NOT_SENT.has(code) ? { applied: 'no' } : {}) };
}

/** ` at iam.amazonaws.com: nothing listens there` */
function unreached(error: SdkError): string {
  const { hostname, address, port } = error as { hostname?: string; address?: string; port?: number };
  const where = hostname ?? (address && port && `${address}:${port}`);
  return `${where ? ` at ${where}` : ''}: ${error.code === undefined ? (error.name ?? 'no reason given') : causeOf(error).because}`;
}

/** The SDK calls a reset connection a time-out, too. */
function isTimeout(error: SdkError): boolean {
  return (error.name === 'TimeoutError' || error.name === 'AbortError') && error.code !== 'ECONNRESET' && error.code !== 'EPIPE';
}

/** Where the SDK looks for credentials it may call STS, a sign-in service or a command of the user's. */
function tellCredentials(error: SdkError, attempt: Attempt): Telling {
  if (attempt.over === 'stopped') return { fault: 'unavailable', message: 'stopped before there were AWS credentials' };
  const proxied = proxyFault(error);
  if (proxied) return { ...proxied, message: `what gives the AWS credentials cannot be reached ${proxied.how}` };
  if (attempt.over || isTimeout(error))
    return { fault: 'timeout', message: `there were no AWS credentials${attempt.via} within ${attempt.timeoutMs / 1000} s` };
  if (error.Code !== undefined && THROTTLED.has(error.Code))
    return { fault: 'rate-limited', message: 'AWS has had too many calls for credentials' };
  const status = error.$metadata?.httpStatusCode;
  if ((status ?? 0) >= 500)
    return { fault: 'unavailable', message: `what gives the AWS credentials is not available (${error.Code ?? status})` };
  if (error.code && status === undefined) {
    const { next } = causeOf(error);
    return { fault: 'unavailable', message: `what gives the AWS credentials cannot be reached${unreached(error)}`, ...(next && { next }) };
  }
  if (error.Code !== undefined && FORBIDDEN.has(error.Code)) {
    return {
      fault: 'forbidden',
      message: `the AWS credentials may not get those that the policy names: ${quoted(error)}`,
      next: "allow sts:AssumeRole in their IAM policy, and them in the IAM role's trust policy",
    };
  }
  if (error.Code !== undefined && REJECTED.has(error.Code)) {
    const message = `AWS gives no credentials for those of this host (${error.Code}): ${quoted(error)}`;
    return { fault: 'credentials', message, next: 'renew or correct the AWS credentials' };
  }
  const isForeign = error.Code === undefined && status !== undefined;
  if (isForeign || /^Invalid response from STS/.test(error.message ?? '')) {
    return { fault: 'malformed', message: 'what answered the call for AWS credentials is not AWS', next: somethingBetween('AWS') };
  }
  // What a credential process printed may be in the message.
  const why = error.Code ?? error.name ?? 'unknown';
  const said = error.Code === undefined && error.name !== 'CredentialsProviderError' ? '' : `: ${quoted(error)}`;
  return {
    fault: 'credentials',
    message: `there are no AWS credentials to use (${why})${said}`,
    next: 'name a profile that works, or sign in to AWS again',
  };
}

function retryAfterMs(error: SdkError): number | undefined {
  const headers = error.$response?.headers ?? {};
  const text = headers['retry-after'] ?? secondsIn(error);
  if (/^\d{1,6}(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  // A date is read against the clock of who wrote it.
  const ms = Date.parse(text) - Date.parse(headers.date ?? '');
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function secondsIn({ RetryAfterSeconds: seconds }: SdkError): string {
  return typeof seconds === 'number' || typeof seconds === 'string' ? String(seconds) : '';
}
