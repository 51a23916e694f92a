/** Exclusive groups that more people came into at once than are taken out unasked: a fault of every sweep, until an admin has decided about them. */

import type { Queries } from '../ledger/ledger.ts';
import type { Policy } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { adoptCommand, foldedGroup, groupsGiven, isExclusive } from './names.ts';
import type { SweepStep } from './types.ts';

const topic = 'left-in';

type ManagedGroup = Awaited<ReturnType<Queries['managedGroups']>>[number];
type Group = { readonly directory: string; readonly groupId: string };

const subjectOf = ({ directory, groupId }: Group): string => JSON.stringify([directory, groupId]);

/** After a reading, once its strangers are written down. `isLeft`: it has left them in just now; else they may have been before. */
export async function noteLeftIn(
  q: Queries,
  at: number,
  group: Group,
  { members, exclusive, isLeft }: { readonly members: number; readonly exclusive: boolean; readonly isLeft: boolean },
): Promise<void> {
  const subject = subjectOf(group);
  const told = (await q.toldOf(topic)).find((one) => one.subject === subject);
  if (told === undefined && !isLeft) return;
  const strangers = (await q.strangers(group.directory, group.groupId)).length;
  const what = `${strangers} of ${members}`;
  if (strangers === 0 || !exclusive) await q.untell(topic, subject);
  else if (told?.what !== what) await q.tell({ topic, subject, what, at });
}

export async function leftIn({ policy, ledger }: Deps): Promise<readonly SweepStep[]> {
  return (await ledger()).read(async (q) => {
    const told = new Map((await q.toldOf(topic)).map(({ subject, what }) => [subject, what]));
    if (told.size === 0) return [];
    const strangers = new Set((await q.strangers()).map(subjectOf));
    return readStill(policy, await q.managedGroups()).flatMap((group): readonly SweepStep[] => {
      const { directory, groupName } = group;
      const many = told.get(subjectOf(group));
      if (many === undefined || !strangers.has(subjectOf(group)) || !isExclusive(policy, directory, groupName)) return [];
      const target = { directory, group: groupName };
      return [
        {
          ...{ action: 'drift', outcome: 'failed', target },
          because: `${many} members came in without oncall, and too many at once to take them out unasked; nobody is let in there`,
          next: `an admin takes them over: ${adoptCommand(target)}; or take them out in ${directory}`,
        },
      ];
    });
  });
}

/** Those that the policy names, by the last group of that name: of others no reading will ever say that they are as they should be. */
function readStill(policy: Policy, groups: readonly ManagedGroup[]): readonly ManagedGroup[] {
  const given = groupsGiven(policy);
  const last = new Map<string, ManagedGroup>();
  for (const group of groups) {
    const name = foldedGroup(group.directory, group.groupName);
    if (given.has(name) && group.firstReadAt >= (last.get(name)?.firstReadAt ?? 0)) last.set(name, group);
  }
  return [...last.values()];
}
