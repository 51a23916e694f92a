/** A world for `rehearse` that is made of what a case says, and answers nothing else: there is no directory, roster or ledger behind it. */

import type { Directory } from '../directories/directory.ts';
import { ProviderError } from '../errors.ts';
import { momentOf } from '../policy/fixture-schema.ts';
import type { Case, Duty, FixtureIncident } from '../policy/fixture-types.ts';
import type { Policy } from '../policy/types.ts';
import type { Incident, Roster } from '../rosters/roster.ts';
import type { Deps } from './deps.ts';
import { nameIn } from './names.ts';

/** `now`: where it is not the moment of the case. */
export function madeUp(policy: Policy, { world, at }: Pick<Case, 'world' | 'at'>, now = at): Deps {
  const answering = <T>(name: string, source: T): T => {
    if (world.down.includes(name)) throw new ProviderError(name, 'unavailable', `${name} does not answer`, { applied: 'no' });
    return source;
  };
  const never = (): never => {
    throw new Error('a test of the policy asked for what there is none of');
  };
  const nothing = (): void => undefined;
  return {
    policy,
    directory: async (name) => answering(name, directoryOf(name, policy, world)),
    roster: async (name) => answering(name, rosterOf(name, policy, world, at)),
    now: () => now,
    signal: new AbortController().signal,
    ...{ ledger: never, actor: never, random: never, sleep: never, anchor: { read: never, keep: never } },
    ...{ log: nothing, progress: nothing, clockSkew: () => undefined, courtesy: false },
  };
}

function directoryOf(name: string, policy: Policy, { members }: Case['world']): Directory {
  const never = (): never => {
    throw new Error('a test of the policy changes nothing');
  };
  const isIn = (userName: string, group: string): boolean =>
    members.some((one) => one.directory === name && one.group === group && nameIn(policy, name, one.email) === userName);
  return {
    findUser: async (userName) => ({ userId: userName, userName, active: true }),
    findGroup: async (groupName) => ({ account: name, groupId: groupName, groupName }),
    read: async ({ userId, groupId }) => (isIn(userId, groupId) ? 'member' : 'absent'),
    ...{ members: never, add: never, remove: never },
  };
}

function rosterOf(name: string, policy: Policy, { duties, incidents }: Case['world'], at: number): Roster {
  const known = (email: string): string => nameIn(policy, name, email).toLowerCase();
  const toShift = ({ email, schedule, escalationPolicy, level, from, until }: Duty) => ({
    ...{ email: known(email), level, schedule: schedule ?? escalationPolicy ?? '' },
    start: from === undefined ? null : momentOf(from, at),
    end: until === undefined ? null : momentOf(until, at),
  });
  const toIncident = ({ roster: _, assigned, openedBy, assignedBy, ...rest }: FixtureIncident): Incident => ({
    ...rest,
    assigned: assigned.map(known),
    ...(openedBy === undefined ? {} : { openedBy: known(openedBy) }),
    ...(assignedBy === undefined ? {} : { assignedBy: known(assignedBy) }),
  });
  const here = incidents.filter(({ roster }) => roster === name).map(toIncident);
  return {
    title: name,
    onCall: async ({ schedule, escalationPolicy, levels }, moment) =>
      duties
        .filter((duty) => duty.roster === name && (schedule === undefined || duty.schedule === schedule))
        .filter((duty) => escalationPolicy === undefined || duty.escalationPolicy === escalationPolicy)
        .filter((duty) => levels.length === 0 || levels.includes(duty.level))
        .map(toShift)
        .filter(({ start, end }) => (start === null || start <= moment) && (end === null || end > moment)),
    incident: async (ref) => here.find((one) => one.ref === ref),
    incidents: async () => here.filter(({ live }) => live),
  };
}
