/** The ledger as the invariants see it: read by SQL of its own, after every transaction that changed it. */

import type { Connection, Database, Row } from '../../src/ledger/database.ts';

export type GrantRow = {
  readonly id: string;
  readonly requestId: string;
  readonly membershipId: string;
  readonly state: string;
  readonly endReason: string | null;
  readonly nextAttemptAt: number;
};
export type MembershipRow = {
  readonly id: string;
  readonly directory: string;
  readonly userId: string;
  readonly groupId: string;
  readonly owned: number | null;
  readonly addBy: number | null;
  readonly unansweredUntil: number;
  readonly busyUntil: number;
  readonly quietUntil: number;
};
export type RequestRow = {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  readonly state: string;
  readonly open: number;
  readonly pendingUntil: number | null;
  readonly startsAt: number | null;
  readonly expiresAt: number | null;
  readonly decision: string;
  readonly approvals: string;
};

export type Rows = {
  readonly grants: ReadonlyMap<string, GrantRow>;
  readonly memberships: ReadonlyMap<string, MembershipRow>;
  readonly requests: ReadonlyMap<string, RequestRow>;
  readonly slots: readonly { readonly role: string; readonly requestId: string }[];
};

export const noRows: Rows = { grants: new Map(), memberships: new Map(), requests: new Map(), slots: [] };

const selects: Readonly<Record<keyof Rows, string>> = {
  grants:
    'SELECT id, request_id AS requestId, membership_id AS membershipId, state, end_reason AS endReason, next_attempt_at AS nextAttemptAt FROM grants',
  memberships:
    'SELECT id, directory, user_id AS userId, group_id AS groupId, owned, add_by AS addBy, unanswered_until AS unansweredUntil, busy_until AS busyUntil, quiet_until AS quietUntil FROM memberships',
  requests:
    'SELECT id, email, role, state, open, pending_until AS pendingUntil, starts_at AS startsAt, expires_at AS expiresAt, decision, approvals FROM requests',
  slots: 'SELECT role, request_id AS requestId FROM slots',
};

/** A database that remembers which tables were written, so that only those are read again. */
export function watch(database: Database): { readonly database: Database; readonly read: (before: Rows) => Promise<Rows> } {
  const touched = new Set<string>();
  const wrappers = new Map<Connection, Connection>();
  const watched = (connection: Connection): Connection => {
    const known = wrappers.get(connection);
    if (known) return known;
    const run: Connection['run'] = (sql, params) => {
      touched.add(/(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)/.exec(sql)?.[1] ?? '');
      return connection.run(sql, params);
    };
    const wrapper = { ...connection, run };
    wrappers.set(connection, wrapper);
    return wrapper;
  };
  const read = async (before: Rows): Promise<Rows> => {
    const tables = (Object.keys(selects) as (keyof Rows)[]).filter((table) => touched.has(table));
    touched.clear();
    if (tables.length === 0) return before;
    return database.read(async (connection) => {
      const fresh: Partial<Record<keyof Rows, unknown>> = {};
      for (const table of tables) {
        const rows = await connection.all(selects[table], []);
        fresh[table] = table === 'slots' ? rows : new Map(rows.map((row: Row) => [String(row['id']), row]));
      }
      return { ...before, ...fresh } as Rows;
    });
  };
  return { database: { ...database, write: (work) => database.write((connection) => work(watched(connection))) }, read };
}
