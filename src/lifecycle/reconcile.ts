/** What one reading of a whole group means; pure. Nobody is ever taken out for being unknown: only who is ours, or in a group that is ours alone. */

import type { Member } from '../directories/directory.ts';
import { isJustRemoved, isUnanswered } from './ownership.ts';
import type { Membership } from './types.ts';

export type Reading = {
  readonly members: readonly Member[];
  /** Ledger time right before the reading began. */
  readonly readAt: number;
  readonly rows: readonly (Membership & { readonly live: boolean })[];
  /** User ids that earlier readings recorded. */
  readonly known: readonly string[];
  readonly exclusive: boolean;
  /** First reading of this group ever. */
  readonly first: boolean;
  /** Whether an earlier reading of an exclusive group found nobody unexplained. */
  readonly clean: boolean;
  readonly now: number;
};

type Leaving = { readonly member: Member; readonly row?: Membership; readonly because: string };

export type Reconciliation = {
  /** Members to be taken out: an add of ours that was never answered, or a stranger in an exclusive group. */
  readonly adopt: readonly Leaving[];
  /** New to us, reported once. */
  readonly drift: readonly Member[];
  readonly baseline: readonly Member[];
  /** User ids recorded earlier who are no longer there, or explained now. */
  readonly forget: readonly string[];
  /** Nobody in it but who came through us. */
  readonly nobodyElse: boolean;
  /** So many strangers at once in a group that was ours alone, that the earlier reading is doubted sooner than they: all are left in, as drift. */
  readonly tooMany: boolean;
};

/** So many strangers may always be taken out by one reading, and this share of all who are in. */
const fewLeave = 2;
const shareLeaves = 0.3;

export function planReconcile(reading: Reading): Reconciliation {
  const { members, rows, known, exclusive, first, clean, now } = reading;
  const rowOf = new Map(rows.map((row) => [row.userId, row]));
  const adopt: Leaving[] = [];
  const others: Member[] = [];
  const intruders: Leaving[] = [];
  let undecided = false;
  for (const member of members) {
    const row = rowOf.get(member.userId);
    const unanswered = row !== undefined && isUnanswered(row, now);
    if (row?.live && (row.owned === true || unanswered)) continue;
    if (row && unanswered) {
      adopt.push({ member, row, because: 'an add of ours was never answered, and has landed' });
    } else if (row && row.owned === undefined && isJustRemoved(row, reading.readAt)) {
      // The next reading tells.
      undecided = true;
    } else if (exclusive && clean) {
      intruders.push({ member, ...(row ? { row } : {}), because: 'the group is exclusive, and no grant stands for this member' });
    } else {
      others.push(member);
    }
  }
  const tooMany = intruders.length > Math.max(fewLeave, shareLeaves * members.length);
  if (tooMany) others.push(...intruders.map(({ member }) => member));
  else adopt.push(...intruders);
  const there = new Set(others.map((member) => member.userId));
  const isNew = (member: Member): boolean => !known.includes(member.userId);
  return {
    adopt,
    drift: first ? [] : others.filter(isNew),
    baseline: first ? others.filter(isNew) : [],
    forget: known.filter((userId) => !there.has(userId)),
    nobodyElse: others.length === 0 && !undecided,
    tooMany,
  };
}
