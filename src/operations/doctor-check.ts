/** How `doctor` turns what it met into lines: a failure is a finding, never the end of the others. */

import { isOncallError, isProviderError, OncallError, type ProviderFault } from '../errors.ts';
import type { Policy, Role, Rule } from '../policy/types.ts';
import { inParallel } from './parallel.ts';
import type { Check } from './types.ts';

type Area = Check['area'];

export function check(area: Area, what: string, outcome: Check['outcome'], because: string, next?: string): Check {
  return { area, what, outcome, because, ...(next === undefined ? {} : { next }) };
}

const nexts: Partial<Record<ProviderFault, (provider: string) => string>> = {
  credentials: (provider) => `check the credentials that the policy names for ${provider}`,
  forbidden: (provider) => `give the credentials of ${provider} the right to do that`,
  timeout: () => 'oncall doctor again in a minute',
  unavailable: () => 'oncall doctor again in a minute',
  'rate-limited': () => 'oncall doctor again in a minute',
};

/** `doing` is what it was about, where the error does not say. Also a bug is told as a finding: this is what people run when nothing works. */
export function fault(area: Area, what: string, error: unknown, doing = ''): Check {
  const during = doing === '' ? '' : ` (${doing})`;
  if (isProviderError(error)) return check(area, what, 'fault', `${error.message}${during}`, error.next ?? nexts[error.fault]?.(what));
  if (isOncallError(error)) {
    const why = error.why === undefined ? '' : `: ${error.why}`;
    return check(area, what, 'fault', `${error.message}${why}${during}`, error.next);
  }
  return check(area, what, 'fault', `a fault in oncall itself: ${error instanceof Error ? error.message : String(error)}${during}`);
}

export type Attempt<T> = { readonly doing: string } & ({ readonly value: T } | { readonly error: unknown });

export async function attempt<T>(doing: string, work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { doing, value: await work() };
  } catch (error) {
    return { doing, error };
  }
}

export const valuesOf = <T>(attempts: readonly Attempt<T>[]): readonly T[] =>
  attempts.flatMap((one) => ('value' in one ? [one.value] : []));

/** What holds for every call to a provider, however each error words it. Which right is missing differs from call to call. */
const ofAllCalls: readonly ProviderFault[] = ['credentials', 'wrong-account', 'timeout', 'unavailable', 'rate-limited'];

/** One line for each thing that went wrong, with how much it stopped: a directory that is down is one line. */
export function faults(area: Area, what: string, attempts: readonly Attempt<unknown>[]): readonly Check[] {
  const causes = new Map<string, { readonly error: unknown; readonly doing: readonly string[] }>();
  for (const one of attempts) {
    if (!('error' in one)) continue;
    const { error, doing } = one;
    const cause = isProviderError(error) && ofAllCalls.includes(error.fault) ? error.fault : String(error);
    const known = causes.get(cause);
    causes.set(cause, { error: known?.error ?? error, doing: [...(known?.doing ?? []), doing] });
  }
  return [...causes.values()].map(({ error, doing }) => fault(area, what, error, some(doing, 1)));
}

/** Gives up when the signal is aborted, whether or not the work listens to it. */
export function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new OncallError('late', 'no answer came in time', { next: 'oncall doctor again in a minute' }));
    signal.addEventListener('abort', late, { once: true });
    if (signal.aborted) late();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', late));
  });
}

const callsAtOnce = 4;

/** In the order of the items; so many at a time that no provider minds. */
export async function each<A, B>(items: readonly A[], work: (item: A) => Promise<B>): Promise<readonly B[]> {
  const results: B[] = [];
  await inParallel([...items.entries()], callsAtOnce, async ([index, item]) => {
    results[index] = await work(item);
  });
  return results;
}

export function everyRule({ admins, roles }: Policy): readonly Rule[] {
  const rulesOf = ({ deny, allow, ask, approvers, follows }: Role): readonly Rule[] => [
    ...[...deny, ...allow, ...ask, ...approvers],
    ...(follows === undefined ? [] : [follows.rule]),
  ];
  return [...admins, ...Object.values(roles).flatMap(rulesOf)];
}

/** `a, b, c and 4 more` */
export function some(names: readonly string[], most = 5): string {
  const left = names.length - most;
  return left <= 0 ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${left} more`;
}

export const counted = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
