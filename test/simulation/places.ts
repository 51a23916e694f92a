/** What is true in the directories: accounts with users and groups by id, who is in which group, and what a read that lags behind still shows. */

import { everybodyOf, groupIdOf, groupsOf, keyOf, staysIn, userIdOf } from './company.ts';
import { type Config, longestLagMs } from './config.ts';
import type { Process, World } from './world.ts';

export type User = { readonly email: string; readonly active: boolean; readonly inactiveSince?: number; readonly reactivatedAt?: number };
export type Account = {
  readonly id: string;
  /** By id. A renamed one keeps its id; a namesake has another. */
  readonly users: Map<string, User>;
  /** Names by id. */
  readonly groups: Map<string, string>;
};

/** `elsewhere`: the credentials lead to another account. `forbidden`: nothing is allowed; `read-only`: nothing that changes anything. */
export const outages = ['elsewhere', 'forbidden', 'read-only'] as const;
export type Outage = { readonly kind: (typeof outages)[number]; readonly until: number };

type Change = { readonly at: number; readonly key: string; readonly userId: string; readonly was: boolean };

export type Places = {
  /** By the directory's name: the account it stands for, and the one that wrong credentials lead to. */
  readonly accounts: ReadonlyMap<string, { readonly own: Account; readonly other: Account }>;
  readonly outages: Map<string, Outage>;
  /** User ids by `directory/groupId`, in both accounts. */
  readonly members: Map<string, Set<string>>;
  /** Who stays for good: there from the beginning, or added by an administrator. */
  readonly standing: Map<string, Set<string>>;
  /** By `directory/groupId userId`: when a membership ends by itself, in the directory that was told so. */
  readonly ends: Map<string, number>;
  /** Those of them that were told by a process which had slept, when nobody counted on it any more. */
  readonly strayEnds: Set<string>;
  /** `directory/groupId userId` of who was in without us, and whom an admin has made ours, as long as they are there. */
  readonly takenOver: Set<string>;
  /** `directory/groupId userId` of whom an administrator took out, and who was not added since. */
  readonly takenOut: Set<string>;
  /** Oldest first. */
  lately: readonly Change[];
  /** By `directory/groupId userId`: when the membership last changed. */
  readonly changedAt: Map<string, number>;
  /** How many users and groups were made by hand. */
  made: number;
};

export function newPlaces(config: Pick<Config, 'roles'>): Places {
  const people = everybodyOf(config);
  const places: Places = {
    accounts: new Map(Object.keys(groupsOf).map((name) => [name, { own: account(name, '', people), other: account(name, 'X', people) }])),
    outages: new Map(),
    members: new Map(),
    standing: new Map(),
    ends: new Map(),
    strayEnds: new Set(),
    takenOut: new Set(),
    takenOver: new Set(),
    lately: [],
    changedAt: new Map(),
    made: 1,
  };
  for (const [name, both] of places.accounts) {
    for (const { groups } of [both.own, both.other]) {
      for (const [groupId, group] of groups) {
        const stays = [staysIn[group] ?? []].flat().map((email) => idIn(groupId, userIdOf(email)));
        places.members.set(keyOf(name, groupId), new Set(stays));
        places.standing.set(keyOf(name, groupId), new Set(stays));
      }
    }
  }
  return places;
}

/** Ids of the other account begin with an X. */
const idIn = (groupId: string, id: string): string => `${isElsewhere(groupId) ? 'X' : ''}${id}`;
export const isElsewhere = (groupId: string): boolean => groupId.startsWith('X');

function account(name: string, mark: '' | 'X', people: readonly string[]): Account {
  return {
    id: `${name}-${mark === '' ? 'own' : 'other'}`,
    // One of the same name who has left that other company.
    users: new Map(people.map((email) => [mark + userIdOf(email), { email, active: mark === '' || !email.startsWith('bo') }])),
    groups: new Map((groupsOf[name] ?? []).map((group) => [mark + groupIdOf(group), group])),
  };
}

export function outageOf(world: World, name: string): Outage['kind'] | undefined {
  const outage = world.outages.get(name);
  return outage && world.now < outage.until ? outage.kind : undefined;
}

/** The account that the process's credentials lead to. */
export function accountOf(world: World, process: Process, name: string): Account {
  const both = world.accounts.get(name);
  if (!both) throw new Error(`no directory ${name}`);
  return process.elsewhere.has(name) ? both.other : both.own;
}

/** The ids that grants of that person's are, or were, pinned to in the directory that tells who has left. */
function usersOf(world: World, email: string, states: readonly string[]): readonly User[] {
  const { grants, requests, memberships } = world.rows;
  const users = world.accounts.get('okta')?.own.users;
  return [...grants.values()].flatMap(({ state, requestId, membershipId }) => {
    const row = memberships.get(membershipId);
    if (row?.directory !== 'okta' || !states.includes(state) || requests.get(requestId)?.email !== email) return [];
    return users?.get(row.userId) ?? [];
  });
}

/** Whether the directory has called somebody, as whom the person holds something there, inactive since before that instant. */
export function isInactive(world: World, email: string, before: number): boolean {
  return usersOf(world, email, ['active']).some((user) => !user.active && (user.inactiveSince ?? 0) < before);
}

/** Whether it has done so at any time since. */
export function wasInactive(world: World, email: string, since: number): boolean {
  const all = usersOf(world, email, ['activating', 'active', 'revoking', 'ended']);
  return all.some((user) => !user.active || (user.reactivatedAt ?? 0) >= since);
}

/** It lets nobody in by a membership after the end that it was told. */
export const keepsEnds = (directory: string): boolean => directory === 'aws';

export const isOver = (world: World, key: string, userId: string): boolean =>
  (world.ends.get(`${key} ${userId}`) ?? Number.POSITIVE_INFINITY) <= world.now;

/** Those whom the directory lets in. */
export const lettingIn = (world: World, key: string, members: ReadonlySet<string>): readonly string[] =>
  [...members].filter((userId) => !isOver(world, key, userId));

/** `at once`: a lagging read shows it too. */
export function setMember(world: World, key: string, userId: string, isIn: boolean, atOnce = false): void {
  const members = world.members.get(key);
  world.ends.delete(`${key} ${userId}`);
  if (!members || members.has(userId) === isIn) return;
  world.changedAt.set(`${key} ${userId}`, world.now);
  if (isIn) members.add(userId);
  else {
    members.delete(userId);
    world.intruders.delete(`${key} ${userId}`);
    world.takenOver.delete(`${key} ${userId}`);
  }
  world.dirty = true;
  if (atOnce) world.lately = world.lately.filter((change) => change.key !== key || change.userId !== userId);
  else world.lately = [...world.lately.filter(({ at }) => at > world.now - longestLagMs), { at: world.now, key, userId, was: !isIn }];
}

/** Who was in the group at that instant. */
export function membersAt(world: World, key: string, at: number): ReadonlySet<string> {
  const now = world.members.get(key) ?? new Set<string>();
  const since = world.lately.filter((change) => change.key === key && change.at > at);
  if (since.length === 0) return now;
  const then = new Set(now);
  for (const { userId, was } of since.reverse()) {
    if (was) then.add(userId);
    else then.delete(userId);
  }
  return then;
}
