/** Queries about requests and the places of roles with `maxHolders`. */

import type { Actor, Origin, Request } from '../lifecycle/types.ts';
import { conflict } from './conflict.ts';
import type { Connection } from './database.ts';
import { toRequest, toRequests } from './rows.ts';

export type RequestQueries = ReturnType<typeof requestQueries>;

export type RequestChanges = Partial<
  Pick<
    Request,
    'state' | 'targets' | 'pendingUntil' | 'startsAt' | 'expiresAt' | 'decision' | 'approvals' | 'asked' | 'reason' | 'incident'
  >
>;

export function requestQueries(connection: Connection) {
  const one = async (sql: string, params: readonly (string | number)[]): Promise<Request | undefined> => {
    const [row] = await connection.all(sql, params);
    return row && toRequest(row);
  };
  const many = async (sql: string, params: readonly (string | number)[]): Promise<readonly Request[]> =>
    toRequests(await connection.all(sql, params));

  return {
    request: (id: string) => one('SELECT * FROM requests WHERE id = ?', [id]),
    /** Of each whom and what it is about, of those there are. */
    requestsNamed: async (
      ids: readonly string[],
    ): Promise<readonly { readonly id: string; readonly email: string; readonly role: string }[]> =>
      ids.length === 0
        ? []
        : (await connection.all(`SELECT id, email, role FROM requests WHERE id IN (${ids.map(() => '?').join(', ')})`, ids)).map((row) => ({
            id: String(row.id),
            email: String(row.email),
            role: String(row.role),
          })),
    openRequest: (who: Actor, role: string, origin: Origin = 'asked') =>
      one('SELECT * FROM requests WHERE issuer = ? AND subject = ? AND role = ? AND origin = ? AND open = 1', [
        ...[who.issuer, who.subject, role, origin],
      ]),
    /** In whatever way they have it, or asked for it: by the e-mail, as what the policy gives has no subject. What they asked for comes first. */
    openRequestsOf: (email: string, role: string) =>
      many("SELECT * FROM requests WHERE email = ? AND role = ? AND open = 1 ORDER BY origin <> 'asked', requested_at, id", [email, role]),
    openRequests: () => many('SELECT * FROM requests WHERE open = 1 ORDER BY requested_at, id', []),
    pendingPast: (now: number) =>
      many("SELECT * FROM requests WHERE state = 'pending' AND pending_until <= ? ORDER BY pending_until, id", [now]),
    lastRequestOfMembership: (membershipId: string) =>
      one(
        'SELECT requests.* FROM requests JOIN grants ON grants.request_id = requests.id WHERE grants.membership_id = ? ORDER BY grants.created_at DESC, grants.id DESC LIMIT 1',
        [membershipId],
      ),

    insertRequest: async (request: Request): Promise<void> => {
      await connection.run(
        `INSERT INTO requests (id, issuer, subject, email, origin, role, targets, reason, incident, asked, state, open, requested_at, pending_until,
           starts_at, expires_at, decision, approvals, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, 1)`,
        [
          request.id,
          request.requester.issuer,
          request.requester.subject,
          request.requester.email,
          request.origin,
          request.role,
          JSON.stringify(request.targets),
          request.reason ?? null,
          request.incident ?? null,
          JSON.stringify(request.asked),
          request.state,
          request.requestedAt,
          request.pendingUntil ?? null,
          request.startsAt ?? null,
          request.expiresAt ?? null,
          JSON.stringify(request.decision),
          JSON.stringify(request.approvals),
        ],
      );
    },

    /** Compare-and-swap on `version`. */
    changeRequest: async (request: Request, changes: RequestChanges): Promise<Request> => {
      const next: Request = { ...request, ...changes, version: request.version + 1 };
      const changed = await connection.run(
        `UPDATE requests SET state = ?, targets = ?, pending_until = ?, starts_at = ?, expires_at = ?, decision = ?, approvals = ?, asked = ?,
           reason = ?, incident = ?, open = CASE WHEN ? IN ('denied', 'withdrawn', 'expired') THEN 0 ELSE open END, version = ? WHERE id = ? AND version = ?`,
        [
          next.state,
          JSON.stringify(next.targets),
          next.pendingUntil ?? null,
          next.startsAt ?? null,
          next.expiresAt ?? null,
          JSON.stringify(next.decision),
          JSON.stringify(next.approvals),
          JSON.stringify(next.asked),
          next.reason ?? null,
          next.incident ?? null,
          next.state,
          next.version,
          request.id,
          request.version,
        ],
      );
      return changed === 1 ? next : conflict('request', request.id);
    },

    markUnheld: async (id: string, since: number | undefined): Promise<void> => {
      await connection.run('UPDATE requests SET unheld_since = ? WHERE id = ?', [since ?? null, id]);
    },

    markUnknown: async (id: string, since: number | undefined): Promise<void> => {
      await connection.run('UPDATE requests SET unknown_since = ? WHERE id = ?', [since ?? null, id]);
    },

    /** Once every grant of an approved request has ended: it is no longer open, and its place is free. Says whether that was now. */
    closeRequest: async (id: string): Promise<boolean> => {
      const closed = await connection.run(
        `UPDATE requests SET open = 0 WHERE id = ? AND open = 1 AND state = 'approved'
           AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.request_id = requests.id AND grants.state <> 'ended')`,
        [id],
      );
      if (closed === 1) await connection.run('DELETE FROM slots WHERE request_id = ?', [id]);
      return closed === 1;
    },
    /** An adopted member hangs on a request that had closed; where its person has asked anew meanwhile, that one stays the open one. */
    reopenRequest: async ({ id, requester, role, origin }: Request): Promise<void> => {
      await connection.run(
        'UPDATE requests SET open = 1 WHERE id = ? AND NOT EXISTS (SELECT 1 FROM requests WHERE open = 1 AND issuer = ? AND subject = ? AND role = ? AND origin = ?)',
        [id, requester.issuer, requester.subject, role, origin],
      );
    },

    /** Ids of the approved requests for the role that have not all ended. */
    openHolders: async (role: string): Promise<readonly string[]> =>
      (
        await connection.all("SELECT id FROM requests WHERE role = ? AND open = 1 AND state = 'approved' ORDER BY starts_at, id", [role])
      ).map((row) => String(row.id)),

    placesTaken: async (role: string): Promise<readonly { readonly place: number; readonly requestId: string }[]> =>
      (await connection.all('SELECT place, request_id FROM slots WHERE role = ? ORDER BY place', [role])).map((row) => ({
        place: Number(row.place),
        requestId: String(row.request_id),
      })),
    takePlace: async (role: string, place: number, requestId: string): Promise<void> => {
      await connection.run('INSERT INTO slots (role, place, request_id) VALUES (?, ?, ?)', [role, place, requestId]);
    },
  };
}
