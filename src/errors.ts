/** The two errors of this program. They are told apart by `name`, never by `instanceof`: each command is a bundle of its own and has its own copy of these classes. */

/** 0 done · 1 failed · 2 usage or policy · 3 denied · 4 not signed in · 8 not yet · 130 interrupted */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 8 | 130;

/**
 * A refusal or a broken surrounding that a person can do something about: shown as three lines (what, why, next).
 * `code` is stable and kebab-case; `message` starts in lower case and fits behind `error: `.
 */
export class OncallError extends Error {
  override readonly name = 'OncallError';
  readonly code: string;
  readonly exit: ExitCode;
  readonly why: string | undefined;
  readonly next: string | undefined;

  constructor(code: string, message: string, more: { exit?: ExitCode; why?: string; next?: string; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.exit = more.exit ?? 1;
    this.why = more.why;
    this.next = more.next;
  }
}

export type ProviderFault =
  | 'credentials' // not accepted, expired, none found
  | 'forbidden' // accepted, but without the right
  | 'wrong-account' // the right kind of answer from another account, org or file
  | 'not-found' // the thing asked for does not exist there
  | 'ambiguous' // more than one match where one is needed
  | 'quota' // a limit of the provider that waiting does not lift
  | 'rate-limited'
  | 'timeout'
  | 'unavailable' // 5xx, refused or reset connection, DNS, TLS
  | 'malformed' // an answer that does not have the promised shape
  | 'too-late' // the moment until which the call could be sent has passed; nothing was sent
  | 'refused'; // any other definite no

/**
 * What an adapter makes of its SDK's errors, in one place each.
 * `applied`: `'no'` only where the provider's answer (or that nothing was sent) proves that a write had no effect.
 */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly provider: string;
  readonly fault: ProviderFault;
  readonly applied: 'no' | 'unknown';
  readonly retryAfterMs: number | undefined;
  readonly next: string | undefined;

  constructor(
    provider: string,
    fault: ProviderFault,
    message: string,
    more: { applied?: 'no' | 'unknown'; retryAfterMs?: number; next?: string; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.provider = provider;
    this.fault = fault;
    this.applied = more.applied ?? 'unknown';
    this.retryAfterMs = more.retryAfterMs;
    this.next = more.next;
  }

  /** Whether the same call may succeed later without anybody changing anything. */
  get retryable(): boolean {
    return ['rate-limited', 'timeout', 'unavailable', 'malformed'].includes(this.fault);
  }
}

const steps: Record<ProviderFault, string> = {
  credentials: 'check the credentials that the policy names for it',
  forbidden: 'give them that right, then run the same command again',
  'wrong-account': 'check which account the credentials belong to',
  'not-found': 'check the name in the policy',
  ambiguous: 'name it by its id in the policy',
  quota: 'make room there, or have the limit raised',
  'rate-limited': 'run the same command again in a minute',
  timeout: 'run the same command again, it is safe to repeat; if it stays so: oncall doctor',
  unavailable: 'run the same command again, it is safe to repeat; if it stays so: oncall doctor',
  malformed: 'run the same command again, it is safe to repeat; if it stays so: oncall doctor',
  'too-late': 'run the same command again',
  refused: 'run it with --verbose to see more',
};

/** What somebody can do about it: the adapter's own advice, or else what fits the fault. */
export function nextStep({ next, fault, retryAfterMs }: ProviderError): string {
  if (next !== undefined) return next;
  const isLimited = fault === 'rate-limited' && retryAfterMs !== undefined;
  return isLimited ? `run the same command again in ${Math.max(1, Math.ceil(retryAfterMs / 1000))} s` : steps[fault];
}

export function isOncallError(error: unknown): error is OncallError {
  return error instanceof Error && error.name === 'OncallError';
}

export function isProviderError(error: unknown): error is ProviderError {
  return error instanceof Error && error.name === 'ProviderError';
}
