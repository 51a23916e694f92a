/** Any error as three lines for people (`error:`, `why:`, `next:`), as fields for `--json`, and as an exit code. */

import { type ExitCode, isOncallError, isProviderError, nextStep, type ProviderError, type ProviderFault } from '../errors.ts';
import type { Paint } from './io.ts';
import { clean, wrap } from './text.ts';

export type ErrorParts = {
  readonly code: string;
  readonly message: string;
  readonly why: string;
  readonly next: string;
};

export type Report = ErrorParts & { readonly exit: ExitCode; readonly isBug: boolean };

const reasons: Record<ProviderFault, string> = {
  credentials: 'the credentials of this host were not accepted',
  forbidden: 'the credentials were accepted, but lack a right',
  'wrong-account': 'the answer came from another account than the one on record',
  'not-found': 'it does not exist there',
  ambiguous: 'more than one match where one is needed',
  quota: "a limit of the provider's; waiting does not lift it",
  'rate-limited': 'the provider asks to slow down',
  timeout: 'no answer came in time',
  unavailable: 'the provider could not be reached',
  malformed: 'the answer was not what the provider promises',
  'too-late': 'the time in which it could be sent was over, so it was not sent',
  refused: 'the provider said no',
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
  const wait = error.retryAfterMs === undefined ? '' : ` (it asks for ${Math.max(1, Math.ceil(error.retryAfterMs / 1000))} s)`;
  const message = error.message.includes(error.provider) ? error.message : `${error.provider}: ${error.message}`;
  return { code: `provider-${error.fault}`, message, why: reasons[error.fault] + wait, next: nextStep(error) };
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
