/** Queries about memberships: one row per directory, account, user and group. */

import type { GroupPin, Membership, Pin } from '../lifecycle/types.ts';
import { conflict } from './conflict.ts';
import type { Connection } from './database.ts';
import { bit, toMembership } from './rows.ts';

export type MembershipQueries = ReturnType<typeof membershipQueries>;

export type MembershipChanges = {
  /** `null` unsets it: the removal is confirmed. */
  readonly owned?: boolean | null;
  readonly addBy?: number;
  readonly unansweredUntil?: number;
  readonly endSessions?: boolean;
  readonly busyUntil?: number;
  readonly quietUntil?: number;
  readonly removeBy?: number;
  /** `null` unsets it, as `owned`. */
  readonly toldUntil?: number | null;
};

export function membershipQueries(connection: Connection) {
  const one = async (where: string, params: readonly (string | number)[]): Promise<Membership | undefined> => {
    const [row] = await connection.all(`SELECT * FROM memberships WHERE ${where}`, params);
    return row && toMembership(row);
  };

  return {
    membership: (id: string) => one('id = ?', [id]),
    membershipAt: (directory: string, pin: Pick<Pin, 'account' | 'userId' | 'groupId'>) =>
      one('directory = ? AND account = ? AND user_id = ? AND group_id = ?', [directory, pin.account, pin.userId, pin.groupId]),
    /** Every row of a group, with whether a grant that has not ended stands on it. */
    membershipsOfGroup: async (directory: string, groupId: string): Promise<readonly (Membership & { readonly live: boolean })[]> =>
      (
        await connection.all(
          `SELECT memberships.*, CASE WHEN EXISTS (SELECT 1 FROM grants WHERE membership_id = memberships.id AND state <> 'ended') THEN 1 ELSE 0 END AS live
             FROM memberships WHERE directory = ? AND group_id = ? ORDER BY id`,
          [directory, groupId],
        )
      ).map((row) => ({ ...toMembership(row), live: row.live === 1 })),
    /** Groups with a membership that a grant stands on, or one whose unanswered add is remembered still. */
    groupsInUse: async (now: number): Promise<readonly (GroupPin & { readonly directory: string; readonly unanswered: boolean })[]> =>
      (
        await connection.all(
          `SELECT directory, account, group_id, max(group_name) AS group_name, max(CASE WHEN unanswered_until > ? THEN 1 ELSE 0 END) AS unanswered FROM memberships
             WHERE id IN (
               SELECT membership_id FROM grants WHERE state <> 'ended'
               UNION ALL SELECT id FROM memberships WHERE unanswered_until > 0 AND unanswered_until > ?
             )
             GROUP BY directory, group_id, account ORDER BY directory, group_id`,
          [now, now],
        )
      ).map((row) => ({
        unanswered: row.unanswered === 1,
        directory: String(row.directory),
        account: String(row.account),
        groupId: String(row.group_id),
        groupName: String(row.group_name),
      })),

    /** Memberships of ours whose end the directory keeps, and not the one that holds now: the latest of what stands on it. */
    untoldEnds: async (): Promise<readonly string[]> =>
      (
        await connection.all(
          // By what is told, not by what stands: the state twice, for the index that has only what is not over.
          `SELECT id FROM (
             SELECT memberships.id, memberships.told_until, (
               SELECT max(requests.expires_at) FROM grants JOIN requests ON requests.id = grants.request_id
                 WHERE grants.membership_id = memberships.id AND grants.state <> 'ended' AND grants.state = 'active'
             ) AS ends FROM memberships WHERE memberships.told_until >= 0 AND memberships.owned = 1
           ) AS kept WHERE ends <> told_until`,
          [],
        )
      )
        .map(({ id }) => String(id))
        .sort(),

    /** Every group that anybody was ever let into. */
    groupsEverUsed: async (): Promise<readonly (GroupPin & { readonly directory: string })[]> =>
      (
        await connection.all(
          'SELECT directory, account, group_id, max(group_name) AS group_name FROM memberships GROUP BY directory, group_id, account',
          [],
        )
      ).map((row) => ({
        directory: String(row.directory),
        account: String(row.account),
        groupId: String(row.group_id),
        groupName: String(row.group_name),
      })),

    /** By whom else than this person the memberships are known on which requests of theirs stood: one user in a directory, under an e-mail of before. */
    alsoHeldAs: async (email: string): Promise<readonly string[]> =>
      (
        await connection.all(
          `SELECT DISTINCT memberships.holder FROM requests JOIN grants ON grants.request_id = requests.id
             JOIN memberships ON memberships.id = grants.membership_id WHERE requests.email = ? AND memberships.holder <> ?`,
          [email, email],
        )
      ).map(({ holder }) => String(holder)),
    insertMembership: async (id: string, directory: string, holder: string, pin: Pin): Promise<Membership> => {
      await connection.run(
        `INSERT INTO memberships (id, directory, account, holder, user_id, user_name, group_id, group_name, unanswered_until, end_sessions, busy_until, quiet_until, remove_by, version)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 1)`,
        [id, directory, pin.account, holder, pin.userId, pin.userName, pin.groupId, pin.groupName],
      );
      return {
        id,
        directory,
        holder,
        ...pin,
        unansweredUntil: 0,
        endSessions: false,
        busyUntil: 0,
        quietUntil: 0,
        removeBy: 0,
        version: 1,
      };
    },

    /** Compare-and-swap on `version`. */
    changeMembership: async (membership: Membership, changes: MembershipChanges): Promise<Membership> => {
      const { owned: _owned, toldUntil: _told, ...rest } = membership;
      const owned = changes.owned === undefined ? membership.owned : (changes.owned ?? undefined);
      const toldUntil = changes.toldUntil === undefined ? membership.toldUntil : (changes.toldUntil ?? undefined);
      const next: Membership = {
        ...rest,
        ...(owned === undefined ? {} : { owned }),
        ...(toldUntil === undefined ? {} : { toldUntil }),
        ...(changes.addBy === undefined ? {} : { addBy: changes.addBy }),
        unansweredUntil: changes.unansweredUntil ?? membership.unansweredUntil,
        endSessions: changes.endSessions ?? membership.endSessions,
        busyUntil: changes.busyUntil ?? membership.busyUntil,
        quietUntil: changes.quietUntil ?? membership.quietUntil,
        removeBy: changes.removeBy ?? membership.removeBy,
        version: membership.version + 1,
      };
      const changed = await connection.run(
        `UPDATE memberships SET owned = ?, add_by = ?, unanswered_until = ?, end_sessions = ?, busy_until = ?, quiet_until = ?, remove_by = ?, told_until = ?, version = ? WHERE id = ? AND version = ?`,
        [
          bit(next.owned),
          next.addBy ?? null,
          next.unansweredUntil,
          bit(next.endSessions),
          next.busyUntil,
          next.quietUntil,
          next.removeBy,
          next.toldUntil ?? null,
          next.version,
          membership.id,
          membership.version,
        ],
      );
      return changed === 1 ? next : conflict('membership', membership.id);
    },
  };
}
