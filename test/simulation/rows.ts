/** The ledger as the invariants see it: read by SQL of its own, after every transaction that changed it. */

import type { Connection, Database, Row } from '../../src/ledger/database.ts';
import { keyOf } from './company.ts';
import { settled } from './settle.ts';

export type GrantRow = {
  readonly id: string;
  readonly requestId: string;
  readonly membershipId: string;
  readonly state: string;
  readonly endReason: string | null;
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly endedAt: number | null;
};
export type MembershipRow = {
  readonly id: string;
  readonly directory: string;
  readonly holder: string;
  readonly userId: string;
  readonly groupId: string;
  readonly owned: number | null;
  readonly addBy: number | null;
  readonly unansweredUntil: number;
  readonly busyUntil: number;
  readonly quietUntil: number;
  readonly removeBy: number;
  readonly toldUntil: number | null;
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
  readonly origin: string;
  readonly asked: string;
  readonly decision: string;
  readonly approvals: string;
  /** Of the roles that others say yes to. */
  readonly targets: string | null;
  readonly incident: string | null;
  readonly unknownSince: number | null;
  /** The number in the line for a place. */
  readonly lineNo: number | null;
  readonly version: number;
};

export type EventRow = { readonly seq: number; readonly body: string; readonly prev: string; readonly hash: string };

export type Rows = {
  readonly grants: ReadonlyMap<string, GrantRow>;
  readonly memberships: ReadonlyMap<string, MembershipRow>;
  readonly requests: ReadonlyMap<string, RequestRow>;
  /** Of those who broke the glass, by the request. */
  readonly reviews: ReadonlyMap<string, { readonly dueAt: number; readonly reviewedAt: number | null }>;
  /** When an answer of the rotation was last acted on. */
  readonly answered: number;
  /** Whether somebody was not taken out of it without an admin's word. */
  readonly refused: boolean;
  readonly slots: readonly { readonly role: string; readonly requestId: string }[];
  /** Directories that are pinned to an account. */
  readonly pinned: ReadonlySet<string>;
  /** The events of the last transaction. */
  readonly news: readonly EventRow[];
  readonly lastSeq: number;
  readonly ledger: string;
  /** The ledger's time. */
  readonly clock: number;
  /** What the host's own clock said then. */
  readonly host: number;
  /** Exclusive groups that a reading found clean, by `directory/groupId`. */
  readonly clean: ReadonlySet<string>;
};

export const noRows: Rows = {
  grants: new Map(),
  memberships: new Map(),
  requests: new Map(),
  reviews: new Map(),
  answered: 0,
  refused: false,
  slots: [],
  pinned: new Set(),
  news: [],
  lastSeq: 0,
  ledger: '',
  clock: 0,
  host: 0,
  clean: new Set(),
};

type Read = (connection: Connection, before: Rows) => Promise<Partial<Rows>>;

/** In an order of their own: what a table is read in without being asked is its own business. */
const byId = (rows: readonly Row[]): ReadonlyMap<string, never> =>
  new Map(rows.map((row): [string, never] => [String(row['id']), row as never]).sort(([a], [b]) => (a < b ? -1 : 1)));

/** By table. */
const reads: Readonly<Record<string, Read>> = {
  grants: async (connection) => ({
    grants: byId(
      await connection.all(
        'SELECT id, request_id AS "requestId", membership_id AS "membershipId", state, end_reason AS "endReason", attempts, next_attempt_at AS "nextAttemptAt", ended_at AS "endedAt" FROM grants',
        [],
      ),
    ),
  }),
  memberships: async (connection) => ({
    memberships: byId(
      await connection.all(
        'SELECT id, directory, holder, user_id AS "userId", group_id AS "groupId", owned, add_by AS "addBy", unanswered_until AS "unansweredUntil", busy_until AS "busyUntil", quiet_until AS "quietUntil", remove_by AS "removeBy", told_until AS "toldUntil" FROM memberships',
        [],
      ),
    ),
  }),
  requests: async (connection) => ({
    requests: byId(
      await connection.all(
        `SELECT id, email, role, COALESCE(line, state) AS state, line_no AS "lineNo", open, pending_until AS "pendingUntil", starts_at AS "startsAt", expires_at AS "expiresAt", origin, asked, decision, approvals, CASE WHEN role IN ('four-eyes', 'two-keys') OR role LIKE 'access %' THEN targets END AS targets, incident, unknown_since AS "unknownSince", version FROM requests`,
        [],
      ),
    ),
  }),
  slots: async (connection) => ({
    slots: (await connection.all('SELECT role, request_id AS "requestId" FROM slots ORDER BY role, place', [])) as unknown as Rows['slots'],
  }),
  reviews: async (connection) => ({
    reviews: byId(await connection.all('SELECT request_id AS id, due_at AS "dueAt", reviewed_at AS "reviewedAt" FROM reviews', [])),
  }),
  // However it may be forgotten afterwards.
  rotations: async (connection, { answered }) => {
    const [row] = await connection.all('SELECT answered_at AS at, refused FROM rotations', []);
    return { answered: Math.max(answered, Number(row?.['at'] ?? 0)), refused: row?.['refused'] != null };
  },
  directories: async (connection) => ({
    pinned: new Set((await connection.all("SELECT name FROM directories WHERE account <> ''", [])).map((row) => String(row['name']))),
  }),
  managed_groups: async (connection) => ({
    clean: new Set(
      (await connection.all('SELECT directory, group_id AS id FROM managed_groups WHERE clean_at IS NOT NULL', [])).map((row) =>
        keyOf(String(row['directory']), String(row['id'])),
      ),
    ),
  }),
  ledger: async (connection) => {
    const [row] = await connection.all('SELECT id, clock, host FROM ledger', []);
    return { ledger: String(row?.['id']), clock: Number(row?.['clock']), host: Number(row?.['host']) };
  },
  events: async (connection, { lastSeq }) => {
    const news = (await connection.all('SELECT seq, body, prev, hash FROM events WHERE seq > ? ORDER BY seq', [
      lastSeq,
    ])) as unknown as EventRow[];
    return { news, lastSeq: news.at(-1)?.seq ?? lastSeq };
  },
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
    const tables = [...touched].flatMap((table) => reads[table] ?? []);
    touched.clear();
    if (tables.length === 0) return before;
    return database.read(async (connection) => {
      let after: Rows = { ...before, news: [] };
      for (const fresh of tables) after = { ...after, ...(await fresh(connection, before)) };
      return after;
    });
  };
  return { database: { ...database, write: (work) => database.write((connection) => work(watched(connection))) }, read };
}

/** Everything anew, as of a ledger that was put back. */
export function readAll(database: Database): Promise<Rows> {
  return database.read(async (connection) => {
    let rows: Rows = noRows;
    for (const read of Object.values(reads)) rows = { ...rows, ...(await read(connection, noRows)) };
    return rows;
  });
}

const tables = [
  'ledger',
  'requests',
  'memberships',
  'grants',
  'slots',
  'reviews',
  'directories',
  'managed_groups',
  'strangers',
  'told',
  'rotations',
  'events',
] as const;

/** Every row of every table, in an order that depends on nothing else. */
export function contentOf(database: Database): string {
  const rows = settled(database.read((connection) => Promise.all(tables.map((table) => connection.all(`SELECT * FROM ${table}`, [])))));
  return rows
    .map(
      (all, index) =>
        `${tables[index]}\n${all
          .map((row) => JSON.stringify(row))
          .sort()
          .join('\n')}`,
    )
    .join('\n');
}
