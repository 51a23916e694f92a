/** Who is in the managed groups without a grant, and what is known about them. */

import type { Member } from '../directories/directory.ts';
import { isOncallError, isProviderError, OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Head } from '../lifecycle/events.ts';
import type { GroupPin, Membership } from '../lifecycle/types.ts';
import type { Policy } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { ownersOf } from './names.ts';
import type { Uncovered } from './types.ts';

export type GroupReading = { readonly directory: string; readonly group: GroupPin; readonly members: readonly Member[] };

export type Found = {
  readonly told: Uncovered;
  readonly member: Member;
  readonly row: Membership | undefined;
  readonly directory: string;
  readonly group: GroupPin;
  /** Recorded by a sweep as in without oncall. */
  readonly isStranger: boolean;
};

type Pins = readonly (GroupPin & { readonly directory: string })[];

/** Every group of the policy, and every one that the ledger knows of. One that cannot be read is a refusal: nothing is accepted half-read. */
export async function readManagedGroups(
  deps: Deps,
): Promise<{ readonly readings: readonly GroupReading[]; readonly passedOver: readonly string[] }> {
  const ledger = await deps.ledger();
  const { used, inUse } = await ledger.read(async (q, now) => ({ used: await q.groupsEverUsed(), inUse: await q.groupsInUse(now) }));
  const named = Object.keys(deps.policy.directories);
  const wanted = [...new Set([...named, ...inUse.map(({ directory }) => directory)])];
  const attempts = await Promise.all(wanted.map((name) => readDirectory(deps, name, used)));
  const failed = attempts.flatMap((one) => ('fault' in one ? [one.fault] : []));
  if (failed.length > 0) {
    throw new OncallError('recover-unread', 'not every group could be read, so nothing was accepted and nothing is granted', {
      why: failed.join('\n'),
      next: 'mend that (oncall doctor), then: oncall ledger recover',
    });
  }
  return {
    readings: attempts.flatMap((one) => ('fault' in one ? [] : one.readings)),
    passedOver: [...new Set(used.map(({ directory }) => directory))].filter((name) => !wanted.includes(name)),
  };
}

async function readDirectory(
  deps: Deps,
  name: string,
  used: Pins,
): Promise<{ readonly fault: string } | { readonly readings: readonly GroupReading[] }> {
  try {
    const directory = await deps.directory(name);
    const targets = Object.values(deps.policy.roles).flatMap((role) => role.targets.filter((target) => target.directory === name));
    const names = new Set([...targets.map(({ group }) => group), ...(deps.policy.directories[name]?.exclusive ?? [])]);
    const byId = new Map<string, GroupPin>(used.filter((pin) => pin.directory === name).map((pin) => [pin.groupId, pin]));
    for (const group of names) {
      const pin = await directory.findGroup(group, { toRead: true });
      if (pin !== undefined) byId.set(pin.groupId, pin);
    }
    const readings: GroupReading[] = [];
    for (const group of byId.values()) {
      const members = await directory.members(group, {});
      // With the group went every membership in it.
      if (members !== 'gone') readings.push({ directory: name, group, members });
    }
    return { readings };
  } catch (error) {
    if (!isOncallError(error) && !isProviderError(error)) throw error;
    return { fault: `${name}: ${error.message}` };
  }
}

type Knowing = {
  readonly policy: Policy;
  readonly readings: readonly GroupReading[];
  readonly kept: Head | undefined;
  /** E-mails that somebody typed. */
  readonly called: readonly string[];
};

/** Person by person, those about whom least is known first. */
export async function uncoveredIn(q: Queries, { policy, readings, kept, called }: Knowing): Promise<readonly Found[]> {
  const found: Found[] = [];
  const emails = await emailsKnown(q, policy, readings, called);
  for (const { directory, group, members } of readings) {
    const rows = new Map((await q.membershipsOfGroup(directory, group.groupId)).map((row) => [row.userId, row]));
    const strangers = new Map((await q.strangers(directory, group.groupId)).map((stranger) => [stranger.userId, stranger]));
    for (const member of members) {
      const row = rows.get(member.userId);
      // Any other grant would end without taking them out: its ownership was not settled when the copy was made, or they had been in before and may have come in anew since.
      if (row?.live && row.owned === true) continue;
      const seenAt = strangers.get(member.userId)?.seenAt;
      // What a sweep wrote down since the ledger lost its memory says nothing about the time before.
      const seenBefore = seenAt !== undefined && seenAt <= (kept?.at ?? Number.POSITIVE_INFINITY) ? seenAt : undefined;
      const people = row?.holder.includes('@') ? [row.holder] : ownersOf(policy, directory, member.userName, emails);
      const told = { ...(await about(q, row, seenBefore)), ...named(directory, group, member), people };
      found.push({ told, member, row, directory, group, isStranger: seenAt !== undefined });
    }
  }
  const least = new Map<string, number>();
  for (const one of found) least.set(personOf(one), Math.min(rank(one), least.get(personOf(one)) ?? Number.POSITIVE_INFINITY));
  const keys = new Map(found.map((one) => [one, `${least.get(personOf(one))} ${personOf(one)} ${rank(one)} ${one.told.id}`]));
  return found.sort((a, b) => ((keys.get(a) ?? '') < (keys.get(b) ?? '') ? -1 : 1));
}

const rank = ({ told }: Found): number => ['unknown', 'holder', 'before'].indexOf(told.known);

const personOf = ({ told }: Found): string => told.people[0] ?? told.holder;

/** Every e-mail that could be somebody's in a group: a directory that knows only the part before the @ does not say it. */
async function emailsKnown(q: Queries, policy: Policy, readings: readonly GroupReading[], called: readonly string[]) {
  const rows = await Promise.all(readings.map(({ directory, group }) => q.membershipsOfGroup(directory, group.groupId)));
  const members = readings.flatMap((reading) => reading.members.map(({ userName }) => userName));
  const all = [...Object.keys(policy.people), ...rows.flat().map(({ holder }) => holder), ...members, ...called];
  return [...new Set(all.filter((name) => name.includes('@')).map((email) => email.toLowerCase()))];
}

/** By the name that a person can type and a terminal can show; else by the directory's own id. */
function named(directory: string, { groupName }: GroupPin, { userName, userId }: Member): Pick<Uncovered, 'id' | 'holder' | 'target'> {
  const name = /^[\p{L}\p{N}\p{P}\p{S}]+$/u.test(userName) ? userName : userId;
  return { id: `${name}@${directory}/${groupName}`, holder: userName, target: { directory, group: groupName } };
}

async function about(
  q: Queries,
  row: Membership | undefined,
  seenBefore: number | undefined,
): Promise<Pick<Uncovered, 'known' | 'because'>> {
  if (row?.owned === false) return { known: 'before', because: 'was in before the first grant' };
  if (seenBefore !== undefined) return { known: 'before', because: `was in without a grant at ${new Date(seenBefore).toISOString()}` };
  const last = row && (await q.lastRequestOfMembership(row.id));
  if (last === undefined) return { known: 'unknown', because: 'nothing is known: let in since, or added by somebody' };
  return { known: 'holder', because: `had ${last.role} once (${last.id}), which has ended` };
}
