/** What administrators do by hand in the directories, and what befalls these: behind our back, and fairly, which is what docs/lifecycle.md asks of them. */

import { quietMs } from '../../src/lifecycle/limits.ts';
import { isExclusive } from '../../src/operations/names.ts';
import { approvers, leads } from './approvers.ts';
import {
  everybodyOf,
  exclusiveGroup,
  groupIdOf,
  groupsOf,
  keyOf,
  nextVariant,
  policyOf,
  standing,
  userIdOf,
  userNames,
} from './company.ts';
import { hour, minute } from './config.ts';
import { changesDuty } from './duty.ts';
import { isElsewhere, outageOf, outages, setMember } from './places.ts';
import { troublesRota } from './rota.ts';
import { count, note, type World } from './world.ts';

export function behindOurBack(world: World): void {
  const { config, random } = world;
  if (random.chance(config.adminAdd)) adds(world);
  if (random.chance(config.adminRemove)) removes(world);
  if (random.chance(config.churn)) churns(world);
  if (random.chance(config.outage)) breaks(world);
  changesDuty(world);
  if (random.chance(config.clockStep)) setsClock(world);
  if (random.chance(config.policyChange)) changesPolicy(world);
  troublesRota(world);
  if (random.chance(config.leads)) changesLeads(world);
}

/**
 * Somebody adds a member by hand. Not one who holds, asks for or is being taken out of the same membership through us: no directory can tell
 * the two apart, so that such a member goes out with the grant (documented). And not to an exclusive group, which is promised to us.
 */
function adds(world: World): void {
  const { random, rows } = world;
  const had = [...rows.memberships.values()].map((one) => ({ key: keyOf(one.directory, one.groupId), userId: one.userId }));
  const any = [...world.members.keys()].flatMap((key) =>
    [...userNames, standing].map((email) => ({ key, userId: `${isElsewhere(groupOf(key)) ? 'X' : ''}${userIdOf(email)}` })),
  );
  const { key, userId } = random.pick(had.length > 0 && random.chance(0.7) ? had : any);
  const members = world.members.get(key);
  if (!members || !exists(world, key, userId) || isOurs(world, key)) return;
  const row = [...rows.memberships.values()].find((one) => keyOf(one.directory, one.groupId) === key && one.userId === userId);
  const live = [...rows.grants.values()].some((grant) => grant.membershipId === row?.id && grant.state !== 'ended');
  const uncovered = members.has(userId) && !world.standing.get(key)?.has(userId);
  const lately = Math.max(row?.unansweredUntil ?? 0, (row?.removeBy ?? 0) + quietMs) > Math.min(world.now, rows.clock);
  if (live || uncovered || lately) return;
  setMember(world, key, userId, true, true);
  world.standing.get(key)?.add(userId);
  world.takenOut.delete(`${key} ${userId}`);
  tell(world, 'added a member', `adds ${userId} to ${key}`);
}

const groupOf = (key: string): string => key.slice(key.indexOf('/') + 1);
const directoryOf = (key: string): string => key.slice(0, key.indexOf('/'));

function exists(world: World, key: string, userId: string): boolean {
  const both = world.accounts.get(directoryOf(key));
  return both !== undefined && [both.own, both.other].some(({ users }) => users.has(userId));
}

/** Somebody comes into the group of those who may say yes, or goes. Nothing of ours is ever in it. */
function changesLeads(world: World): void {
  const key = keyOf(leads.directory, groupIdOf(leads.group));
  const userId = userIdOf(world.random.pick([...approvers, ...userNames]));
  const members = world.members.get(key);
  if (!members || !exists(world, key, userId)) return;
  const isIn = !members.has(userId);
  setMember(world, key, userId, isIn);
  world.standing.get(key)?.[isIn ? 'add' : 'delete'](userId);
  world.takenOut[isIn ? 'delete' : 'add'](`${key} ${userId}`);
  tell(world, `changed who leads`, `${isIn ? 'makes' : 'takes'} ${userId} ${isIn ? 'a lead' : 'from the leads'}`);
}

/** In the eyes of anybody who is at work. Also where it was renamed meanwhile: its rows know it as what it was. */
function isOurs(world: World, key: string): boolean {
  if (isElsewhere(groupOf(key))) return false;
  const name = originalName(groupOf(key));
  if (directoryOf(key) === exclusiveGroup.directory && name === exclusiveGroup.group) return true;
  const policies = [
    world.policy,
    ...world.processes.filter(({ state }) => state !== 'done' && state !== 'crashed').map((one) => one.policy),
  ];
  return policies.some((policy) => isExclusive(policy, directoryOf(key), name));
}

/** `G-prod.2` was made as `prod`. */
const originalName = (groupId: string): string => groupId.slice(2).split('.')[0] ?? '';

function removes(world: World): void {
  const all = [...world.members].flatMap(([key, userIds]) => [...userIds].map((userId) => ({ key, userId })));
  if (all.length === 0) return;
  const { key, userId } = world.random.pick(all);
  setMember(world, key, userId, false);
  world.standing.get(key)?.delete(userId);
  world.takenOut.add(`${key} ${userId}`);
  tell(world, 'took a member out', `takes ${userId} out of ${key}`);
}

/** Users and groups are deleted, renamed and made anew; users leave and come back. */
function churns(world: World): void {
  const { random } = world;
  const name = random.pick(Object.keys(groupsOf));
  if (random.chance(0.5)) churnsUser(world, name);
  else churnsGroup(world, name);
}

function churnsUser(world: World, name: string): void {
  const { random } = world;
  const users = ownAccount(world, name).users;
  const email = random.pick([...userNames.slice(0, world.config.users), ...everybodyOf(world.config)]);
  const [userId, user] = [...users].find(([, one]) => one.email === email) ?? [];
  if (userId === undefined || user === undefined) {
    const id = freeId(world, userIdOf(email));
    users.set(id, { email, active: true });
    tell(world, 'made a user anew', `makes ${email} in ${name} anew, as ${id}`);
    return;
  }
  const what = random.pick(['delete', 'delete', 'rename', 'deactivate', 'deactivate'] as const);
  if (!user.active && random.chance(0.7)) {
    users.set(userId, { email, active: true, reactivatedAt: world.now });
    tell(world, 'reactivated a user', `reactivates ${userId} in ${name}`);
  } else if (what === 'rename') {
    users.set(userId, { ...user, email: `${freeId(world, userId)}@elsewhere.dev` });
    tell(world, 'renamed a user', `renames ${userId} in ${name}`);
  } else if (what === 'deactivate') {
    users.set(userId, { email, active: false, inactiveSince: world.now });
    tell(world, 'deactivated a user', `deactivates ${userId} in ${name}`);
  } else {
    tell(world, 'deleted a user', `deletes ${userId} in ${name}`);
    for (const key of world.members.keys()) if (directoryOf(key) === name) leaves(world, key, userId);
    users.delete(userId);
  }
}

function leaves(world: World, key: string, userId: string): void {
  setMember(world, key, userId, false);
  world.takenOut.add(`${key} ${userId}`);
  world.standing.get(key)?.delete(userId);
}

function churnsGroup(world: World, name: string): void {
  const { random } = world;
  const groups = ownAccount(world, name).groups;
  const group = random.pick(groupsOf[name] ?? []);
  const [groupId] = [...groups].find(([, one]) => one === group) ?? [];
  if (groupId === undefined) {
    const id = freeId(world, groupIdOf(group));
    groups.set(id, group);
    world.members.set(keyOf(name, id), new Set());
    world.standing.set(keyOf(name, id), new Set());
    tell(world, 'made a group anew', `makes ${group} in ${name} anew, as ${id}`);
  } else if (random.chance(0.5)) {
    groups.set(groupId, freeId(world, `${group}-before`));
    tell(world, 'renamed a group', `renames ${groupId} in ${name}`);
  } else {
    for (const userId of world.members.get(keyOf(name, groupId)) ?? []) leaves(world, keyOf(name, groupId), userId);
    groups.delete(groupId);
    world.members.delete(keyOf(name, groupId));
    world.standing.delete(keyOf(name, groupId));
    tell(world, 'deleted a group', `deletes ${groupId} in ${name}`);
  }
}

/** No id is ever given twice. */
const freeId = (world: World, id: string): string => `${id}.${++world.made}`;

function ownAccount(world: World, name: string) {
  const both = world.accounts.get(name);
  if (!both) throw new Error(`no directory ${name}`);
  return both.own;
}

/** Not before the ledger knows the account: the first one it meets is the one that it keeps. */
function breaks(world: World): void {
  const { random } = world;
  const name = random.pick(Object.keys(groupsOf));
  if (outageOf(world, name)) return;
  const kind = random.pick(outages);
  if (kind === 'elsewhere' && !world.rows.pinned.has(name)) return;
  const until = world.now + (random.chance(0.3) ? 24 * hour : random.between(minute, hour));
  world.outages.set(name, { kind, until });
  count(world, `a directory was out of order: ${kind}`);
  note(world, `${name} is out of order: ${kind === 'elsewhere' ? 'its credentials lead to another account' : kind}`);
}

/** The host's clock; what is written in the ledger stays. */
function setsClock(world: World): void {
  const { random } = world;
  const before = world.clockOff;
  world.clockOff = random.chance(0.4) ? 0 : random.pick([-1, 1]) * random.between(1, random.pick([minute, hour]));
  if (world.clockOff > before) world.jumpedAt = world.now;
  count(world, `the clock was set ${world.clockOff > before ? 'forward' : 'back'}`);
  note(world, `the host's clock is set to be ${Math.round(world.clockOff / 1000)} s off`);
}

/** A group is made exclusive only where nobody can be taken for ours who is not: no old reading of it counts, and nobody works by an older policy. */
function changesPolicy(world: World): void {
  const { random } = world;
  const variant = nextVariant(random, world.config, world.variant);
  const policy = policyOf(world.config, variant);
  for (const key of world.members.keys()) {
    const name = originalName(groupOf(key));
    const becomes = isExclusive(policy, directoryOf(key), name);
    if (isElsewhere(groupOf(key)) || !becomes || isExclusive(world.policy, directoryOf(key), name)) continue;
    if (isOurs(world, key) || ((world.standing.get(key)?.size ?? 0) > 0 && world.rows.clean.has(key))) return;
  }
  world.variant = variant;
  world.policy = policy;
  count(world, 'the policy was changed');
  note(world, `the policy is changed: ${JSON.stringify(variant)}`);
}

function tell(world: World, what: string, said: string): void {
  world.dirty = true;
  count(world, `an administrator ${what}`);
  note(world, `an administrator ${said}`);
}
