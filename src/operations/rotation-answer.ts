/** Who is on call on a role's rotation, now and one overlap later, as its rosters say: all of them, or it is not known. */

import { isOncallError, isProviderError, nextStep } from '../errors.ts';
import type { Duty } from '../lifecycle/rotation.ts';
import { instant } from '../policy/end.ts';
import { type Follows, schedulesIn } from '../policy/follows.ts';
import type { OnCallCondition } from '../policy/types.ts';
import type { Shift } from '../rosters/roster.ts';
import type { Given } from './by-policy.ts';
import type { Deps } from './deps.ts';
import { toEvidence } from './facts.ts';
import { whyClockIsOff } from './gate.ts';
import { type Lookups, queryOf } from './lookups.ts';
import { peopleKnownAs } from './names.ts';

export type OnDuty = Duty & { readonly finding: Given['finding'] };

/** `askedAt`: ledger time right before. */
export type Answer = { readonly askedAt: number } & (
  | { readonly duties: readonly OnDuty[]; readonly nameless: readonly Nameless[] }
  | { readonly unanswered: Unanswered }
);

/** Who is on call and is nobody here: the policy gives whoever has that address another name in the roster. */
export type Nameless = { readonly name: string; readonly because: string };

/** `lasts`: until somebody changes something. */
export type Unanswered = { readonly because: string; readonly next?: string; readonly lasts: boolean };

export async function askRotation(deps: Deps, world: Lookups, follows: Follows): Promise<Answer> {
  const ledger = await deps.ledger();
  const { askedAt, because } = await ledger.read(async (q, now) => ({ askedAt: now, because: whyClockIsOff(deps, q.clockBehindMs) }));
  // It would be asked who is on call at another time.
  if (because !== undefined) return { askedAt, unanswered: { because, lasts: false } };
  try {
    return { askedAt, ...(await whoIsOnDuty(deps, world, follows)) };
  } catch (error) {
    if (!isOncallError(error) && !isProviderError(error)) throw error;
    const next = isProviderError(error) ? nextStep(error) : error.next;
    const lasts = !isProviderError(error) || !error.retryable;
    return { askedAt, unanswered: { because: error.message, lasts, ...(next === undefined ? {} : { next }) } };
  }
}

type Found = { readonly duties: readonly OnDuty[]; readonly nameless: readonly Nameless[] };

export async function whoIsOnDuty(deps: Deps, world: Lookups, follows: Follows): Promise<Found> {
  const found = await Promise.all(schedulesIn(follows).map((condition) => onDuty(deps, world, condition, follows)));
  const all = found.flatMap(({ duties }) => duties);
  const emails = [...new Set(all.map(({ email }) => email))];
  const duties = emails.map((email) => together(all.filter((one) => one.email === email)));
  return { duties, nameless: found.flatMap(({ nameless }) => nameless) };
}

async function onDuty(deps: Deps, world: Lookups, condition: OnCallCondition, { rule, overlapMs }: Follows): Promise<Found> {
  const at = deps.now();
  const [now, ahead] = await Promise.all([world.shifts(condition, at), shiftsAhead(deps, condition, at, overlapMs)]);
  const shifts = [...now.shifts, ...ahead.filter((shift) => !now.shifts.some((one) => isSame(one, shift)))];
  const duties: OnDuty[] = [];
  const nameless: Nameless[] = [];
  for (const shift of shifts) {
    const begins = typeof shift.start === 'number' && shift.start > at ? ` from ${instant(shift.start)}` : '';
    const because = `on call for "${shift.schedule}"${begins}`;
    const people = peopleKnownAs(deps.policy, condition.roster, shift.email);
    if (people.length === 0) nameless.push({ name: shift.email, because });
    const evidence = [toEvidence(condition.roster, shift)];
    const finding = { rule: rule.name, because, source: now.title, fetchedAt: now.fetchedAt, evidence };
    for (const email of people) duties.push({ email, finding, ...(shift.end === undefined ? {} : { end: shift.end }) });
  }
  return { duties, nameless };
}

/** A shift that begins and ends between now and then is met when it is on. */
async function shiftsAhead(deps: Deps, condition: OnCallCondition, at: number, overlapMs: number): Promise<readonly Shift[]> {
  if (overlapMs === 0) return [];
  const roster = await deps.roster(condition.roster);
  return roster.onCall(queryOf(condition), at + overlapMs, { signal: deps.signal });
}

const isSame = (one: Shift, other: Shift): boolean =>
  one.email === other.email && one.schedule === other.schedule && one.start === other.start && one.end === other.end;

/** Several shifts of one person: the one that lasts longest counts, an end that is not said only where no other is. */
function together(shifts: readonly OnDuty[]): OnDuty {
  const reach = ({ end }: OnDuty): number => (end === undefined ? 0 : (end ?? Number.POSITIVE_INFINITY));
  return shifts.reduce((longest, one) => (reach(one) > reach(longest) ? one : longest));
}
