/** Any error as three lines for people (`error:`, `why:`, `next:`), as fields for `--json`, and as an exit code. */

import { type ExitCode, isOncallError, isProviderError, type ProviderError, type ProviderFault } from '../errors.ts';
import type { Paint } from './io.ts';
import { clean, wrap } from './text.ts';

export type ErrorParts = {
  readonly code: string;
  readonly message: string;
  readonly why: string;
  readonly next: string;
};

export type Report = ErrorParts & { readonly exit: ExitCode; readonly isBug: boolean };

const faults: Record<ProviderFault, { why: string; next: string }> = {
  credentials: { why: 'the credentials of this host were not accepted', next: 'check the credentials that the policy names for it' },
  forbidden: { why: 'the credentials were accepted, but lack a right', next: 'give them that right, then run the same command again' },
  'wrong-account': {
    why: 'the answer came from another account than the one on record',
    next: 'check which account the credentials belong to',
  },
  'not-found': { why: 'it does not exist there', next: 'check the name in the policy' },
  ambiguous: { why: 'more than one match where one is needed', next: 'name it by its id in the policy' },
  quota: { why: "a limit of the provider's; waiting does not lift it", next: 'make room there, or have the limit raised' },
  'rate-limited': { why: 'the provider asks to slow down', next: 'run the same command again in a minute' },
  timeout: { why: 'no answer came in time', next: 'run the same command again; it is safe to repeat' },
  unavailable: { why: 'the provider could not be reached', next: 'run the same command again; it is safe to repeat' },
  malformed: { why: 'the answer was not what the provider promises', next: 'run the same command again; it is safe to repeat' },
  'too-late': { why: 'the time in which it could be sent was over, so it was not sent', next: 'run the same command again' },
  refused: { why: 'the provider said no', next: 'run it with --verbose to see more' },
};

export function describeError(error: unknown): Report {
  if (isOncallError(error)) {
    const { code, message, why = '', next = '', exit } = error;
    return { code, message, why, next, exit, isBug: false };
  }
  if (isProviderError(error)) return { ...describeProvider(error), exit: 1, isBug: false };
  return {
    code: 'internal',
    message: `a fault in oncall itself: ${error instanceof Error ? error.message : String(error)}`,
    why: 'this should not happen, whatever was typed; access that was given still ends: run `oncall status`',
    next: 'report it, with what the same command prints under --verbose, where you got oncall',
    exit: 1,
    isBug: true,
  };
}

function describeProvider(error: ProviderError): ErrorParts {
  const { why, next } = faults[error.fault];
  const wait = error.retryAfterMs === undefined ? '' : ` (it asks for ${Math.ceil(error.retryAfterMs / 1000)} s)`;
  const message = error.message.includes(error.provider) ? error.message : `${error.provider}: ${error.message}`;
  return { code: `provider-${error.fault}`, message, why: why + wait, next: error.next ?? next };
}

/** The three lines, without a line break at the end. Parts may have several lines (the faults of a policy): they are indented. */
export function errorLines({ message, why, next }: Omit<ErrorParts, 'code'>, screen: { width: number; paint: Paint }): string {
  const part = (label: string, text: string) =>
    text
      .split('\n')
      .map((line, index) => wrap(`${index === 0 ? label : ' '.repeat(label.length)}${clean(line)}`, screen.width, label.length))
      .join('\n');
  const { red, dim } = screen.paint;
  const lines = [part('error: ', message).replace('error:', red('error:'))];
  if (why !== '') lines.push(part('  why:  ', why).replace('why:', dim('why:')));
  if (next !== '') lines.push(part('  next: ', next).replace('next:', dim('next:')));
  return lines.join('\n');
}
