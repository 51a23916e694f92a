/** Asks the world everything that a set of rules needs to know about one person, in parallel. A source that fails makes its facts unknown, never an exception. */

import { isOncallError, isProviderError, nextStep } from '../errors.ts';
import { factConditions, factKey, sidesOf } from '../policy/conditions.ts';
import type { Evidence, Fact, FactCondition, Facts, MemberCondition, OnCallCondition, Role, Rule } from '../policy/types.ts';
import type { Shift } from '../rosters/roster.ts';
import type { Deps } from './deps.ts';
import { type AboutIncident, incidentFact, mostEvidence, short } from './incident-fact.ts';
import type { Lookups } from './lookups.ts';
import { nameIn, whereRenamed } from './names.ts';

/** `incident`: as it was named, so that no other speaks for them. `soon`: also when their next shift begins, where they are on none and the roster can tell. */
export type About = Omit<AboutIncident, 'isAdverse'> & { readonly at: number; readonly soon?: boolean };

/** For a role: an incident that was named speaks for somebody alone, but all of theirs may speak against them. */
export function gatherRoleFacts(deps: Deps, world: Lookups, { deny, allow, ask: asks }: Role, about: About): Promise<Facts> {
  return gatherFacts(deps, world, [...deny, ...allow, ...asks], about, deny);
}

/** `against`: those among the rules that let nobody in, but keep people out. */
export async function gatherFacts(
  deps: Deps,
  world: Lookups,
  rules: readonly Rule[],
  about: About,
  against: readonly Rule[] = [],
): Promise<Facts> {
  const { adverse, judged } = sides(rules, against);
  const facts = await Promise.all(
    factConditions(rules).map(async (condition): Promise<readonly [string, Fact]> => {
      const key = factKey(condition);
      const asking = { ...about, isAdverse: adverse.has(key), whoever: about.whoever === true || !judged.has(key) };
      return [key, await ask(deps, world, condition, asking)];
    }),
  );
  return new Map(facts);
}

/** Keys of the conditions that may speak against the person, and of the incidents in their favour for which it matters who made them. */
function sides(rules: readonly Rule[], against: readonly Rule[]) {
  const [adverse, judged] = [new Set<string>(), new Set<string>()];
  for (const { leaf, isAdverse } of sidesOf(rules, against)) {
    if (leaf.kind !== 'incident') continue;
    if (isAdverse) adverse.add(factKey(leaf));
    else if (leaf.selfMade !== 'allow') judged.add(factKey(leaf));
  }
  return { adverse, judged };
}

type Asking = About & { readonly isAdverse: boolean };

async function ask(deps: Deps, world: Lookups, condition: FactCondition, about: Asking): Promise<Fact> {
  try {
    if (condition.kind === 'member') return await isMember(deps, world, condition, about);
    if (condition.kind === 'onCall') return await isOnCall(deps, world, condition, about);
    return await incidentFact(deps, world, condition, about);
  } catch (error) {
    if (!isProviderError(error) && !isOncallError(error)) throw error;
    const next = isProviderError(error) ? nextStep(error) : error.next;
    return {
      holds: 'unknown',
      because: error.message,
      source: condition.kind === 'member' ? condition.directory : condition.roster,
      ...(next === undefined ? {} : { next }),
      ...(isProviderError(error) && error.retryable ? {} : { lasting: true }),
    };
  }
}

async function isMember(deps: Deps, world: Lookups, { directory: name, group }: MemberCondition, { email }: About): Promise<Fact> {
  const [user, pin] = await Promise.all([world.user(name, email), world.group(name, group, 'read')]);
  const about = { source: name, fetchedAt: deps.now() };
  const unknown = (because: string, next: string): Fact => ({ holds: 'unknown', because, next, ...about });
  if (!pin) return unknown(`there is no group "${group}" in ${name}`, 'ask who keeps the policy: oncall never makes a group');
  // Under `deny` and `not`, "no such user" must not pass for "not a member": the person may have another name there.
  if (!user) return unknown(`${name} has no user ${nameIn(deps.policy, name, email)}`, whereRenamed(email));
  if (!user.active) return unknown(`${user.userName} is not active in ${name}`, `ask who runs ${name}`);
  const directory = await deps.directory(name);
  const membership = await directory.read({ ...pin, userId: user.userId, userName: user.userName }, { signal: deps.signal });
  const holds = membership === 'member';
  return { holds, because: `${holds ? '' : 'not '}a member of ${name}/${group}`, ...about, fetchedAt: deps.now() };
}

async function isOnCall(deps: Deps, world: Lookups, condition: OnCallCondition, { email, at, soon }: About): Promise<Fact> {
  const { title, shifts, fetchedAt } = await world.shifts(condition, at);
  const me = nameIn(deps.policy, condition.roster, email).toLowerCase();
  const mine = shifts.filter((shift) => shift.email === me);
  const label = condition.schedule ?? condition.escalationPolicy;
  const about = { source: title, fetchedAt };
  if (mine.length === 0) {
    const others = [...new Set(shifts.map((shift) => shift.email))].slice(0, 3).join(', ');
    const where = label === undefined ? 'on any schedule' : `for "${shifts[0]?.schedule ?? label}"`;
    const nextAt = soon ? await nextShift(world, condition, me, at) : undefined;
    return {
      ...{ holds: false, because: `not on call ${where}`, detail: others === '' ? 'nobody is' : `${others} is`, ...about },
      ...(nextAt === undefined ? {} : { nextAt }),
    };
  }
  const endsAt = latestEnd(mine);
  return {
    holds: true,
    because: `on call for "${mine[0]?.schedule ?? label}"`,
    ...about,
    ...(endsAt === undefined ? {} : { endsAt }),
    evidence: mine.slice(0, mostEvidence).map((shift) => toEvidence(condition.roster, shift)),
  };
}

/** `null`: it never ends. Undefined: the roster does not say of any of them. */
function latestEnd(shifts: readonly Shift[]): number | null | undefined {
  const ends = shifts.flatMap(({ end }) => (end === undefined ? [] : [end]));
  if (ends.length === 0 || ends.includes(null)) return ends[0] === undefined ? undefined : null;
  return Math.max(...(ends as number[]));
}

export function toEvidence(roster: string, { schedule, start, end, level }: Shift): Evidence {
  return {
    ...{ kind: 'shift', roster, schedule: short(schedule) },
    ...(level === undefined ? {} : { level }),
    ...(start === undefined ? {} : { startsAt: start }),
    ...(end === undefined ? {} : { endsAt: end }),
  };
}

/** A help for people: what is not known about later must not make an answer about now unknown. */
async function nextShift(world: Lookups, condition: OnCallCondition, me: string, at: number): Promise<number | undefined> {
  const coming = await world.upcoming(condition, at).catch((error) => {
    if (!isProviderError(error) && !isOncallError(error)) throw error;
    return undefined;
  });
  const starts = (coming ?? []).flatMap(({ email, start }) => (email === me && typeof start === 'number' && start > at ? [start] : []));
  return starts.length === 0 ? undefined : Math.min(...starts);
}
