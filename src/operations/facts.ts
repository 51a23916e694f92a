/** Asks the world everything that a set of rules needs to know about one person, in parallel. A source that fails makes its facts unknown, never an exception. */

import { isOncallError, isProviderError, nextStep } from '../errors.ts';
import { factConditions, factKey } from '../policy/conditions.ts';
import type { Fact, FactCondition, Facts, IncidentCondition, MemberCondition, OnCallCondition, Rule } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import { nameIn } from './names.ts';

export type About = { readonly email: string; readonly at: number; readonly incident?: string };

export async function gatherFacts(deps: Deps, world: Lookups, rules: readonly Rule[], about: About): Promise<Facts> {
  const conditions = factConditions(rules);
  const facts = await Promise.all(
    conditions.map(async (condition): Promise<readonly [string, Fact]> => [factKey(condition), await ask(deps, world, condition, about)]),
  );
  return new Map(facts);
}

async function ask(deps: Deps, world: Lookups, condition: FactCondition, about: About): Promise<Fact> {
  try {
    if (condition.kind === 'member') return await isMember(deps, world, condition, about);
    if (condition.kind === 'onCall') return await isOnCall(deps, world, condition, about);
    return await hasIncident(deps, world, condition, about);
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
  if (!pin) return { holds: 'unknown', because: `there is no group "${group}" in ${name}`, ...about };
  // Under `deny` and `not`, "no such user" must not pass for "not a member": the person may have another name there.
  if (!user) return { holds: 'unknown', because: `${name} has no user ${nameIn(deps.policy, name, email)}`, ...about };
  if (!user.active) return { holds: 'unknown', because: `${user.userName} is not active in ${name}`, ...about };
  const directory = await deps.directory(name);
  const membership = await directory.read({ ...pin, userId: user.userId, userName: user.userName }, { signal: deps.signal });
  const holds = membership === 'member';
  return { holds, because: `${holds ? '' : 'not '}a member of ${name}/${group}`, ...about, fetchedAt: deps.now() };
}

async function isOnCall(deps: Deps, world: Lookups, condition: OnCallCondition, { email, at }: About): Promise<Fact> {
  const { title, shifts, fetchedAt } = await world.shifts(condition, at);
  const me = nameIn(deps.policy, condition.roster, email).toLowerCase();
  const mine = shifts.filter((shift) => shift.email === me);
  const label = condition.schedule ?? condition.escalationPolicy;
  const about = { source: title, fetchedAt };
  if (mine.length === 0) {
    const others = [...new Set(shifts.map((shift) => shift.email))].slice(0, 3).join(', ');
    const where = label === undefined ? 'on any schedule' : `for "${shifts[0]?.schedule ?? label}"`;
    return { holds: false, because: `not on call ${where}`, detail: others === '' ? 'nobody is' : `${others} is`, ...about };
  }
  const ends = mine.map((shift) => shift.end);
  return {
    holds: true,
    because: `on call for "${mine[0]?.schedule ?? label}"`,
    ...about,
    endsAt: ends.includes(null) ? null : Math.max(...(ends as number[])),
  };
}

async function hasIncident(deps: Deps, world: Lookups, condition: IncidentCondition, { email, incident: ref }: About): Promise<Fact> {
  const { title, incidents, fetchedAt } = await world.incidents(condition.roster, ref);
  const me = nameIn(deps.policy, condition.roster, email).toLowerCase();
  const fits = (wanted: readonly string[], has: readonly string[]): boolean =>
    wanted.length === 0 || has.some((value) => wanted.includes(value));
  const mine = incidents.filter(
    (incident) =>
      incident.live &&
      incident.assigned.includes(me) &&
      fits(condition.services, incident.services) &&
      fits(condition.severities, incident.severity === undefined ? [] : [incident.severity]) &&
      fits(condition.types, incident.type === undefined ? [] : [incident.type]),
  );
  const about = { source: title, fetchedAt };
  if (mine.length === 0) {
    return {
      holds: false,
      because:
        ref === undefined
          ? 'assigned to no live incident that this rule counts'
          : `not assigned to a live incident ${ref} that this rule counts`,
      ...about,
    };
  }
  return {
    holds: true,
    because: `assigned to ${mine.map((incident) => incident.ref).join(', ')}`,
    ...about,
    incidents: mine.map(({ ref: id, title: name, openedBy, assignedBy }) => ({
      ref: id,
      ...(name === undefined ? {} : { title: name }),
      // Who opened it is not known: then it may have been the requester.
      selfMade: openedBy === undefined || openedBy === me || assignedBy === me,
    })),
  };
}
