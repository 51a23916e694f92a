/** What the world is asked during one decision or one sweep: each question once, however many rules need it. */

import type { Directory } from '../directories/directory.ts';
import type { GroupPin } from '../lifecycle/types.ts';
import type { OnCallCondition } from '../policy/types.ts';
import type { Incident, Shift } from '../rosters/roster.ts';
import type { Deps } from './deps.ts';
import { nameIn } from './names.ts';

type User = Awaited<ReturnType<Directory['findUser']>>;

export type Lookups = {
  user(directory: string, email: string): Promise<User>;
  /** `change`: one whose members cannot be changed there is a fault. */
  group(directory: string, name: string, to: 'change' | 'read'): Promise<GroupPin | undefined>;
  shifts(
    condition: OnCallCondition,
    at: number,
  ): Promise<{ readonly title: string; readonly shifts: readonly Shift[]; readonly fetchedAt: number }>;
  /** With a reference that incident alone, else all live ones. */
  incidents(
    roster: string,
    ref: string | undefined,
  ): Promise<{ readonly title: string; readonly incidents: readonly Incident[]; readonly fetchedAt: number }>;
};

export function lookups(deps: Deps): Lookups {
  const asked = new Map<string, Promise<unknown>>();
  const once = <T>(key: readonly unknown[], ask: () => Promise<T>): Promise<T> => {
    const name = JSON.stringify(key);
    const known = asked.get(name) as Promise<T> | undefined;
    if (known) return known;
    const asking = ask();
    asked.set(name, asking);
    return asking;
  };
  const { signal } = deps;

  return {
    user: (directory, email) =>
      once(['user', directory, email], async () =>
        (await deps.directory(directory)).findUser(nameIn(deps.policy, directory, email), { signal }),
      ),
    group: (directory, name, to) =>
      once(['group', directory, name, to], async () =>
        (await deps.directory(directory)).findGroup(name, { signal, toRead: to === 'read' }),
      ),
    shifts: ({ roster: name, schedule, escalationPolicy, levels }, at) =>
      once(['shifts', name, schedule, escalationPolicy, levels], async () => {
        const roster = await deps.roster(name);
        const query = {
          ...(schedule === undefined ? {} : { schedule }),
          ...(escalationPolicy === undefined ? {} : { escalationPolicy }),
          levels,
        };
        return { title: roster.title, shifts: await roster.onCall(query, at, { signal }), fetchedAt: deps.now() };
      }),
    incidents: (name, ref) =>
      once(['incidents', name, ref], async () => {
        const roster = await deps.roster(name);
        if (ref !== undefined) {
          const found = await roster.incident?.(ref, { signal });
          return { title: roster.title, incidents: found ? [found] : [], fetchedAt: deps.now() };
        }
        return { title: roster.title, incidents: (await roster.incidents?.({ signal })) ?? [], fetchedAt: deps.now() };
      }),
  };
}
