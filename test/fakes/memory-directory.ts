/** A directory in memory with ids, for tests of the operations. It obeys the same contract suite as the real adapters. */

import { type Call, type Directory, inTurn } from '../../src/directories/directory.ts';
import { ProviderError, type ProviderFault } from '../../src/errors.ts';
import type { GroupPin, Pin } from '../../src/lifecycle/types.ts';
import { iamRoleIn } from '../../src/policy/iam-role.ts';

export type MemoryDirectory = Directory & {
  readonly calls: { readonly verb: string; readonly user?: string; readonly group?: string }[];
  /** How many calls got as far as writing: to a user and a group that are there. */
  writes(): number;
  /** Names in the group, sorted. */
  in(group: string): readonly string[];
  /** Until when the directory lets them in by a group that is an IAM role; undefined: it was told no end, or they are not in it. */
  until(user: string, group: string): number | undefined;
  /** Behind the tool's back. */
  put(user: string, group: string): void;
  take(user: string, group: string): void;
  /** A second one of that name where the first is still there. */
  addUser(name: string): void;
  renameUser(from: string, to: string): void;
  deleteUser(name: string): void;
  deactivate(name: string): void;
  addGroup(name: string): void;
  renameGroup(from: string, to: string): void;
  /** Who has an IAM role keeps it until it is taken away. */
  deleteGroup(name: string): void;
  /** Throws for the next call of `verb`, before or after its effect. */
  fail(
    verb: 'hasLeft' | 'findUser' | 'findGroup' | 'read' | 'members' | 'add' | 'remove' | 'endSessions',
    error: ProviderError,
    when?: 'before' | 'after',
    times?: number,
  ): void;
};

/** Those that are gone stay, so that nobody else is given their ids. */
type User = { readonly id: string; name: string; isGone: boolean; isActive: boolean };
/** `members`: by their ids, until when. */
type Group = { readonly id: string; name: string; isGone: boolean; readonly members: Map<string, number> };

const isIamRole = (group: string): boolean => iamRoleIn(group) !== undefined;

export function memoryDirectory(
  name: string,
  world: {
    readonly users: readonly string[];
    readonly groups: Readonly<Record<string, readonly string[]>>;
    readonly account?: string;
    readonly now?: () => number;
  },
): MemoryDirectory {
  const account = world.account ?? `${name}-account`;
  const users = new Map<string, User>();
  const groups = new Map<string, Group>();
  const calls: MemoryDirectory['calls'] = [];
  let writes = 0;
  const faults: { verb: string; error: ProviderError; when: 'before' | 'after'; times: number }[] = [];

  const fault = (kind: ProviderFault, message: string): ProviderError => new ProviderError(name, kind, message, { applied: 'no' });
  const called = <T extends User | Group>(things: Map<string, T>, wanted: string): T[] =>
    [...things.values()].filter((one) => one.name === wanted && (!one.isGone || isIamRole(wanted)));
  const only = <T>(found: readonly T[], wanted: string): T | undefined => {
    if (found.length > 1) throw fault('ambiguous', `${name} has more than one ${wanted}`);
    return found[0];
  };
  const known = <T extends User | Group>(things: Map<string, T>, wanted: string): T => {
    const [found] = called(things, wanted);
    if (!found) throw new Error(`the test speaks of ${wanted}, which ${name} does not have`);
    return found;
  };

  const addUser = (user: string): void => {
    const id = `u${users.size + 1}`;
    users.set(id, { id, name: user, isGone: false, isActive: true });
  };
  const addGroup = (group: string): void => {
    const first = groups.get(`g-${group}`);
    if (first && isIamRole(group)) first.isGone = false;
    else {
      const id = first ? `g-${group}-${groups.size}` : `g-${group}`;
      groups.set(id, { id, name: group, isGone: false, members: new Map() });
    }
  };
  const put = (user: string, group: string): void => void known(groups, group).members.set(known(users, user).id, Number.POSITIVE_INFINITY);
  world.users.forEach(addUser);
  for (const [group, members] of Object.entries(world.groups)) {
    addGroup(group);
    for (const user of members) put(user, group);
  }

  const request = <T>(verb: string, about: { user?: string; group?: string }, call: Call, answer: () => T): Promise<T> =>
    inTurn(call, async () => {
      if (call.signal?.aborted) throw fault('unavailable', `stopped before ${name} was asked`);
      if (['add', 'remove', 'endSessions'].includes(verb)) call.beforeWrite?.();
      calls.push({ verb, ...about });
      const failing = faults.find((one) => one.verb === verb && one.times > 0);
      if (failing) failing.times--;
      await Promise.resolve();
      if (failing?.when === 'before') throw failing.error;
      const result = answer();
      if (failing) throw failing.error;
      return result;
    });
  const of = (pin: Pin) => ({ user: pin.userName, group: pin.groupName });
  const reach = (pin: Pick<GroupPin, 'account'>): void => {
    if (pin.account !== account) throw fault('wrong-account', `${name} is ${account}, not ${pin.account}`);
  };
  /** `undefined`: gone. */
  const membersOf = (pin: GroupPin): Map<string, number> | undefined => {
    reach(pin);
    const group = groups.get(pin.groupId);
    return group?.isGone && !isIamRole(group.name) ? undefined : group?.members;
  };
  const membersAround = (pin: Pin): Map<string, number> | undefined => {
    const members = membersOf(pin);
    return users.get(pin.userId)?.isGone === false ? members : undefined;
  };
  const letsIn = (until: number | undefined): boolean => until !== undefined && until > (world.now?.() ?? 0);

  return {
    calls,
    writes: () => writes,
    in: (group) => {
      const ids = called(groups, group).flatMap(({ members }) => [...members.keys()]);
      return ids.map((id) => users.get(id)?.name ?? id).sort();
    },
    until: (user, group) => {
      const until = known(groups, group).members.get(known(users, user).id);
      return until === Number.POSITIVE_INFINITY ? undefined : until;
    },
    put,
    take: (user, group) => void known(groups, group).members.delete(known(users, user).id),
    addUser,
    renameUser: (from, to) => void Object.assign(known(users, from), { name: to }),
    deleteUser: (user) => {
      const gone = known(users, user);
      gone.isGone = true;
      for (const { members } of groups.values()) members.delete(gone.id);
    },
    deactivate: (user) => void Object.assign(known(users, user), { isActive: false }),
    addGroup,
    renameGroup: (from, to) => void Object.assign(known(groups, from), { name: to }),
    deleteGroup: (group) => void Object.assign(known(groups, group), { isGone: true }),
    fail: (verb, error, when = 'before', times = 1) => void faults.push({ verb, error, when, times }),

    findUser: (user, call) =>
      request('findUser', { user }, call, () => {
        const found = only(called(users, user), user);
        return found && { userId: found.id, userName: found.name, active: found.isActive };
      }),
    findGroup: (group, call) =>
      request('findGroup', { group }, call, () => {
        const found = only(called(groups, group), group) ?? groups.get(group);
        if (!found || found.isGone) return undefined;
        return { account, groupId: found.id, groupName: found.name, ...(isIamRole(found.name) && { longestSessionMs: 3_600_000 }) };
      }),
    read: (pin, call) =>
      request('read', of(pin), call, () => {
        const members = membersAround(pin);
        if (!members) return 'gone';
        return letsIn(members.get(pin.userId)) ? 'member' : 'absent';
      }),
    members: (pin, call) =>
      request('members', { group: pin.groupName }, call, () => {
        const members = membersOf(pin);
        if (!members) return 'gone';
        return [...members]
          .filter(([, until]) => letsIn(until))
          .map(([userId]) => ({ userId, userName: users.get(userId)?.name ?? userId }));
      }),
    hasLeft: (pin, call) =>
      request('hasLeft', { user: pin.userName }, call, () => {
        reach(pin);
        const user = users.get(pin.userId);
        return user !== undefined && !user.isGone && !user.isActive;
      }),
    keepsEnd: ({ groupName }) => isIamRole(groupName),
    add: (pin, call) =>
      request('add', of(pin), call, () => {
        const members = membersAround(pin);
        if (!members || groups.get(pin.groupId)?.isGone) throw fault('not-found', `no ${pin.userName} or ${pin.groupName}`);
        if (isIamRole(pin.groupName) && call.until === undefined) throw fault('refused', `${name} gives no IAM role without an end`);
        const already = members.has(pin.userId);
        // Whole seconds, as in a policy of IAM: never later than it was told.
        const until = isIamRole(pin.groupName) ? Math.floor((call.until as number) / 1000) * 1000 : Number.POSITIVE_INFINITY;
        members.set(pin.userId, until);
        writes++;
        return already ? 'already' : 'added';
      }),
    remove: (pin, call) =>
      request('remove', of(pin), call, () => {
        const members = membersAround(pin);
        if (!members) return 'already';
        writes++;
        return members.delete(pin.userId) ? 'removed' : 'already';
      }),
    endSessions: (pin, call) => request('endSessions', { user: pin.userName, group: pin.groupName }, call, () => reach(pin)),
  };
}
