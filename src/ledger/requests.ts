/** Queries about requests and the places of roles with `maxHolders`. */

import type { Actor, Origin, Request, RequestState } from '../lifecycle/types.ts';
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

/** SQLite cannot change what the column `state` may hold: who stands in line is pending there, and `line` says the rest. */
const inLine = (state: RequestState): string | null => (state === 'queued' || state === 'offered' ? state : null);
const storedState = (state: RequestState): string => (inLine(state) === null ? state : 'pending');

/** The number in the line: given to whoever joins it, kept until they leave. Takes what `line` is to be, and the role. */
const numberIn = (now: string): string =>
  `CASE WHEN CAST(? AS TEXT) IS NULL THEN NULL ELSE COALESCE(${now}, 1 + COALESCE((SELECT max(line_no) FROM requests
     WHERE role = ? AND line IS NOT NULL), 0)) END`;

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
    /** Else by the e-mail: a second sign-in under it is nobody else, with no second place in a line and no second start to count from. */
    openRequest: async ({ issuer, subject, email }: Actor, role: string, origin: Origin = 'asked') =>
      (await one('SELECT * FROM requests WHERE issuer = ? AND subject = ? AND role = ? AND origin = ? AND open = 1', [
        ...[issuer, subject, role, origin],
      ])) ??
      one('SELECT * FROM requests WHERE email = ? AND role = ? AND origin = ? AND open = 1 ORDER BY requested_at, id', [
        email,
        role,
        origin,
      ]),
    /** In whatever way they have it, or asked for it: by the e-mail, as what the policy gives has no subject. What they asked for comes first. */
    openRequestsOf: (email: string, role: string) =>
      many("SELECT * FROM requests WHERE email = ? AND role = ? AND open = 1 ORDER BY origin <> 'asked', requested_at, id", [email, role]),
    openRequests: () => many('SELECT * FROM requests WHERE open = 1 ORDER BY requested_at, id', []),
    /** Those that wait for an approver. */
    pendingRequests: () => many("SELECT * FROM requests WHERE state = 'pending' AND line IS NULL ORDER BY requested_at, id", []),
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
           starts_at, expires_at, decision, approvals, line, line_no, version)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ${numberIn('NULL')}, 1)`,
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
          storedState(request.state),
          request.requestedAt,
          request.pendingUntil ?? null,
          request.startsAt ?? null,
          request.expiresAt ?? null,
          JSON.stringify(request.decision),
          JSON.stringify(request.approvals),
          ...[inLine(request.state), inLine(request.state), request.role],
        ],
      );
    },

    /** Compare-and-swap on `version`. */
    changeRequest: async (request: Request, changes: RequestChanges): Promise<Request> => {
      const next: Request = { ...request, ...changes, version: request.version + 1 };
      const changed = await connection.run(
        `UPDATE requests SET state = ?, targets = ?, pending_until = ?, starts_at = ?, expires_at = ?, decision = ?, approvals = ?, asked = ?,
           reason = ?, incident = ?, open = CASE WHEN ? IN ('denied', 'withdrawn', 'expired') THEN 0 ELSE open END, line = ?,
           line_no = ${numberIn('line_no')}, version = ? WHERE id = ? AND version = ?`,
        [
          storedState(next.state),
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
          ...[inLine(next.state), inLine(next.state), next.role],
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

    /** Who has the role or has been offered it: the approved requests that have not all ended, and the offers. */
    openHolders: async (role: string): Promise<readonly { readonly id: string; readonly email: string }[]> =>
      (
        await connection.all(
          "SELECT id, email FROM requests WHERE role = ? AND open = 1 AND (state = 'approved' OR line = 'offered') ORDER BY line IS NOT NULL, starts_at, id",
          [role],
        )
      ).map((row) => ({ id: String(row.id), email: String(row.email) })),
    /** Those who wait for a place of the role, in their order; those to whom one was offered come first. */
    lineOf: (role: string) => many('SELECT * FROM requests WHERE role = ? AND line IS NOT NULL ORDER BY line_no', [role]),
    rolesInLine: async (): Promise<readonly string[]> =>
      (await connection.all('SELECT DISTINCT role FROM requests WHERE line IS NOT NULL ORDER BY role', [])).map((row) => String(row.role)),

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
