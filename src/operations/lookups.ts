/** What the world is asked during one decision or one sweep: each question once, however many rules need it. */

import type { Directory, FoundGroup } from '../directories/directory.ts';
import type { OnCallCondition } from '../policy/types.ts';
import type { Incident, Shift } from '../rosters/roster.ts';
import type { Deps } from './deps.ts';
import { nameIn } from './names.ts';

type User = Awaited<ReturnType<Directory['findUser']>>;

export type Lookups = {
  user(directory: string, email: string): Promise<User>;
  /** `change`: one whose members cannot be changed there is a fault. */
  group(directory: string, name: string, to: 'change' | 'read'): Promise<FoundGroup | undefined>;
  shifts(
    condition: OnCallCondition,
    at: number,
  ): Promise<{ readonly title: string; readonly shifts: readonly Shift[]; readonly fetchedAt: number }>;
  /** Everybody's in the days to come; undefined where the roster cannot tell. */
  upcoming(condition: OnCallCondition, from: number): Promise<readonly Shift[] | undefined>;
  /** With a reference that incident alone, else all live ones. */
  incidents(
    roster: string,
    ref: string | undefined,
  ): Promise<{ readonly title: string; readonly incidents: readonly Incident[]; readonly fetchedAt: number }>;
  /** The incident with who opened it and who put that person on it, as far as the roster can tell. */
  origin(roster: string, incident: Incident, name: string): Promise<Incident>;
};

/** How far ahead anybody is interested in shifts: the handovers of two weeks. */
export const daysAhead = 14;

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
    shifts: (condition, at) =>
      once(['shifts', ...questionOf(condition)], async () => {
        const roster = await deps.roster(condition.roster);
        return { title: roster.title, shifts: await roster.onCall(queryOf(condition), at, { signal }), fetchedAt: deps.now() };
      }),
    upcoming: (condition, from) =>
      once(['upcoming', ...questionOf(condition)], async () => {
        const roster = await deps.roster(condition.roster);
        return roster.shifts?.(queryOf(condition), { from, to: from + daysAhead * 86_400_000 }, { signal });
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
    origin: (roster, incident, name) =>
      once(['origin', roster, incident.ref, name], async () => ({
        ...incident,
        ...(await (await deps.roster(roster)).origin?.(incident, name, { signal })),
      })),
  };
}

const questionOf = ({ roster, schedule, escalationPolicy, levels }: OnCallCondition) => [roster, schedule, escalationPolicy, levels];

export const queryOf = ({ schedule, escalationPolicy, levels }: OnCallCondition) => ({
  ...(schedule === undefined ? {} : { schedule }),
  ...(escalationPolicy === undefined ? {} : { escalationPolicy }),
  levels,
});
