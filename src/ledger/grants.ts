/** Queries about grants. */

import { assertGrantMove } from '../lifecycle/moves.ts';
import type { Grant, GrantView } from '../lifecycle/types.ts';
import { conflict } from './conflict.ts';
import type { Connection } from './database.ts';
import { grantViewColumns, toGrant, toGrantViews } from './rows.ts';

export type GrantQueries = ReturnType<typeof grantQueries>;

export type GrantChanges = Partial<
  Pick<Grant, 'state' | 'endReason' | 'attempts' | 'nextAttemptAt' | 'lastError' | 'activatedAt' | 'endedAt'>
> & { readonly next?: string | null };

const viewTables = 'grants JOIN memberships ON memberships.id = grants.membership_id JOIN requests ON requests.id = grants.request_id';

const due = "grants.state <> 'ended' AND grants.next_attempt_at <= ?";

export function grantQueries(connection: Connection) {
  const views = async (where: string, params: readonly (string | number)[]): Promise<readonly GrantView[]> =>
    toGrantViews(await connection.all(`SELECT ${grantViewColumns} FROM ${viewTables} WHERE ${where}`, params));

  return {
    grant: async (id: string): Promise<Grant | undefined> => {
      const [row] = await connection.all('SELECT * FROM grants WHERE id = ?', [id]);
      return row && toGrant(row);
    },
    grantsOfRequest: (requestId: string) => views('grants.request_id = ? ORDER BY grants.created_at, grants.id', [requestId]),
    liveGrants: () => views("grants.state <> 'ended' ORDER BY requests.expires_at, grants.id", []),
    // The empty text keeps SQLite from going through every membership of the directory, those long over too.
    dueGrants: (now: number, limit: number, directory?: string) =>
      views(
        `${due}${directory === undefined ? '' : " AND memberships.directory || '' = ?"} ORDER BY grants.next_attempt_at, grants.id LIMIT ?`,
        directory === undefined ? [now, limit] : [now, directory, limit],
      ),
    dueByDirectory: async (now: number): Promise<readonly { readonly directory: string; readonly due: number }[]> =>
      (
        await connection.all(
          `SELECT memberships.directory, count(*) AS due FROM ${viewTables} WHERE ${due} GROUP BY memberships.directory`,
          [now],
        )
      ).map((row) => ({ directory: String(row.directory), due: Number(row.due) })),
    /** Not ended, oldest first. */
    grantsOfMembership: async (membershipId: string): Promise<readonly Grant[]> =>
      (
        await connection.all("SELECT * FROM grants WHERE membership_id = ? AND state <> 'ended' ORDER BY created_at, id", [membershipId])
      ).map(toGrant),
    countGrantsOfRequest: async (requestId: string): Promise<number> =>
      Number((await connection.all('SELECT count(*) AS n FROM grants WHERE request_id = ?', [requestId]))[0]?.n),

    insertGrant: async (grant: Grant): Promise<void> => {
      await connection.run(
        `INSERT INTO grants (id, request_id, membership_id, target, state, end_reason, attempts, next_attempt_at, last_error, created_at, version)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
        [
          grant.id,
          grant.requestId,
          grant.membershipId,
          JSON.stringify(grant.target),
          grant.state,
          grant.endReason ?? null,
          grant.attempts,
          grant.nextAttemptAt,
          grant.lastError ?? null,
          grant.createdAt,
        ],
      );
    },

    /** Compare-and-swap on `version`; refuses a move that the state diagram does not have. */
    changeGrant: async (grant: Grant, changes: GrantChanges): Promise<Grant> => {
      const { next: nextStep = grant.next ?? null, ...others } = changes;
      const { next: _, ...kept } = grant;
      const next: Grant = { ...kept, ...others, ...(nextStep === null ? {} : { next: nextStep }), version: grant.version + 1 };
      assertGrantMove(grant, next);
      const changed = await connection.run(
        `UPDATE grants SET state = ?, end_reason = ?, attempts = ?, next_attempt_at = ?, last_error = ?, next_step = ?, activated_at = ?, ended_at = ?, version = ?
           WHERE id = ? AND version = ?`,
        [
          next.state,
          next.endReason ?? null,
          next.attempts,
          next.nextAttemptAt,
          next.lastError ?? null,
          nextStep,
          next.activatedAt ?? null,
          next.endedAt ?? null,
          next.version,
          grant.id,
          grant.version,
        ],
      );
      return changed === 1 ? next : conflict('grant', grant.id);
    },
  };
}
