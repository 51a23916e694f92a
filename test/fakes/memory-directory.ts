/** A directory in memory with ids, for tests of the operations. It obeys the same contract suite as the real adapters. */

import type { Directory, Member } from '../../src/directories/directory.ts';
import { ProviderError } from '../../src/errors.ts';
import type { GroupPin, Pin } from '../../src/lifecycle/types.ts';
import { iamRoleIn } from '../../src/policy/iam-role.ts';

export type MemoryDirectory = Directory & {
  readonly calls: { readonly verb: string; readonly user?: string; readonly group?: string }[];
  /** Names in the group, sorted. */
  in(group: string): readonly string[];
  /** Until when the directory lets them in by a group that is an IAM role; undefined: it was told no end, or they are not in it. */
  until(user: string, group: string): number | undefined;
  /** Behind the tool's back. */
  put(user: string, group: string): void;
  take(user: string, group: string): void;
  deleteUser(name: string): void;
  deactivate(name: string): void;
  addUser(name: string): void;
  /** Throws for the next call of `verb`, before or after its effect. */
  fail(
    verb: 'hasLeft' | 'findUser' | 'findGroup' | 'read' | 'members' | 'add' | 'remove' | 'endSessions',
    error: ProviderError,
    when?: 'before' | 'after',
    times?: number,
  ): void;
};

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
  let lastId = 0;
  const users = new Map<string, string>();
  const addUser = (user: string): void => void users.set(user, `u${++lastId}`);
  world.users.forEach(addUser);
  const groups = new Map(
    Object.entries(world.groups).map(([group, members]) => [group, new Set(members.map((user) => users.get(user) as string))]),
  );
  /** By user id and group: of IAM roles, which let nobody in after it. */
  const ends = new Map<string, number>();
  const isDead = (userId: string, group: string): boolean =>
    (ends.get(`${userId} ${group}`) ?? Number.POSITIVE_INFINITY) <= (world.now?.() ?? 0);
  const inactive = new Set<string>();
  const calls: MemoryDirectory['calls'] = [];
  const faults: { verb: string; error: ProviderError; when: 'before' | 'after'; times: number }[] = [];
  const nameOf = (id: string): string => [...users].find(([, one]) => one === id)?.[0] ?? `deleted ${id}`;

  const call = async <T>(verb: string, about: { user?: string; group?: string }, work: () => T): Promise<T> => {
    calls.push({ verb, ...about });
    const fault = faults.find((one) => one.verb === verb && one.times > 0);
    if (fault) fault.times--;
    await Promise.resolve();
    if (fault?.when === 'before') throw fault.error;
    const result = work();
    if (fault) throw fault.error;
    return result;
  };
  const members = (pin: GroupPin): Set<string> | undefined => {
    if (pin.account !== account)
      throw new ProviderError(name, 'wrong-account', `${name} is ${account}, not ${pin.account}`, { applied: 'no' });
    return groups.get(pin.groupId.slice(2));
  };
  const exists = (pin: Pin): Set<string> | undefined => (nameOf(pin.userId).startsWith('deleted') ? undefined : members(pin));

  return {
    calls,
    in: (group) => [...(groups.get(group) ?? [])].map(nameOf).sort(),
    until: (user, group) => ends.get(`${users.get(user)} ${group}`),
    put: (user, group) => void groups.get(group)?.add(users.get(user) as string),
    take: (user, group) => {
      ends.delete(`${users.get(user)} ${group}`);
      groups.get(group)?.delete(users.get(user) as string);
    },
    deleteUser: (user) => {
      for (const set of groups.values()) set.delete(users.get(user) as string);
      users.delete(user);
    },
    deactivate: (user) => void inactive.add(user),
    hasLeft: (pin) => call('hasLeft', { user: pin.userName }, () => inactive.has(nameOf(pin.userId))),
    addUser,
    fail: (verb, error, when = 'before', times = 1) => void faults.push({ verb, error, when, times }),
    findUser: (user) =>
      call('findUser', { user }, () =>
        users.has(user) ? { userId: users.get(user) as string, userName: user, active: !inactive.has(user) } : undefined,
      ),
    findGroup: (group) =>
      call('findGroup', { group }, () => {
        const [groupName] = [group, group.replace(/^g-/, '')].filter((one) => groups.has(one));
        if (groupName === undefined) return undefined;
        return { account, groupId: `g-${groupName}`, groupName, ...(iamRoleIn(groupName) && { longestSessionMs: 3_600_000 }) };
      }),
    read: (pin) =>
      call('read', { user: pin.userName, group: pin.groupName }, () =>
        exists(pin) ? (exists(pin)?.has(pin.userId) && !isDead(pin.userId, pin.groupName) ? 'member' : 'absent') : 'gone',
      ),
    members: (pin) =>
      call('members', { group: pin.groupName }, () => {
        const set = members(pin);
        return set
          ? [...set].filter((userId) => !isDead(userId, pin.groupName)).map((userId): Member => ({ userId, userName: nameOf(userId) }))
          : 'gone';
      }),
    keepsEnd: ({ groupName }) => iamRoleIn(groupName) !== undefined,
    add: (pin, { beforeWrite, until }) => {
      beforeWrite?.();
      return call('add', { user: pin.userName, group: pin.groupName }, () => {
        const set = exists(pin);
        if (!set) throw new ProviderError(name, 'not-found', `no ${pin.userName} or ${pin.groupName}`, { applied: 'no' });
        const already = set.has(pin.userId);
        set.add(pin.userId);
        if (iamRoleIn(pin.groupName) && until !== undefined) ends.set(`${pin.userId} ${pin.groupName}`, until);
        return already ? 'already' : 'added';
      });
    },
    remove: (pin, { beforeWrite }) => {
      beforeWrite?.();
      return call('remove', { user: pin.userName, group: pin.groupName }, () => {
        ends.delete(`${pin.userId} ${pin.groupName}`);
        return exists(pin)?.delete(pin.userId) ? 'removed' : 'already';
      });
    },
    endSessions: (pin, { beforeWrite }) => {
      beforeWrite?.();
      return call('endSessions', { user: pin.userName, group: pin.groupName }, () => void members(pin));
    },
  };
}
