/** The ledger: what was asked, granted and done, in transactions. Every query stands once, in the file of its subject. */

import { OncallError } from '../errors.ts';
import type { Chain, Expected, Head, LedgerEvent, RecordedEvent } from '../lifecycle/events.ts';
import type { Connection, Database } from './database.ts';
import { appendEvent, chainHead, lastEventOf, lastEvents, lastRecovery } from './events.ts';
import { type GrantQueries, grantQueries } from './grants.ts';
import { type GroupQueries, groupQueries } from './groups.ts';
import { type MembershipQueries, membershipQueries } from './memberships.ts';
import first from './migrations/0001-first.sql';
import { type RequestQueries, requestQueries } from './requests.ts';

export type Queries = RequestQueries &
  GrantQueries &
  MembershipQueries &
  GroupQueries & {
    /** How far this host's clock is behind the latest instant the ledger has seen, ms. */
    readonly clockBehindMs: number;
    record(event: LedgerEvent): Promise<void>;
    lastEvents(limit: number | undefined): Promise<readonly RecordedEvent[]>;
    /** Reads the whole trail: for one request that somebody asks about. */
    lastEventOf(requestId: string, types: readonly LedgerEvent['type'][]): Promise<RecordedEvent | undefined>;
    lastRecovery(): Promise<RecordedEvent | undefined>;
    /** As it stands in this transaction. */
    head(): Promise<Omit<Head, 'at'>>;
    eventHash(seq: number): Promise<string | undefined>;
    /** Calls `pause` now and then: a long chain takes a while. */
    verifyChain(expected: Expected, pause: () => Promise<void>): Promise<Chain>;
  };

export type Ledger = {
  readonly id: string;
  /** One transaction beside which no other writer runs; `now` is the ledger's time, epoch ms, and never goes back. */
  write<T>(work: (queries: Queries, now: number) => Promise<T>): Promise<T>;
  read<T>(work: (queries: Queries, now: number) => Promise<T>): Promise<T>;
  /** The ledger's time as far as this process knows it, without asking the database. */
  now(): number;
  close(): Promise<void>;
};

const migrations: readonly string[] = [first];

/** `id` names a new ledger. */
export type LedgerWorld = { readonly now: () => number; readonly id: string };

/** Brings the schema up to date and gives the ledger. */
export async function openLedger(database: Database, world: LedgerWorld): Promise<Ledger> {
  const id = await prepare(database, world).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });

  // Where the host's clock is behind what the ledger has seen, the ledger's goes on from there at half the pace: it neither goes back nor stands still, and the host catches up.
  let ahead = 0;
  let seen = 0;
  const clock = async (connection: Connection): Promise<{ now: number; clockBehindMs: number; host: number }> => {
    const host = world.now();
    const [row] = await connection.all('SELECT clock, host FROM ledger', []);
    const now = Math.max(host, Number(row?.clock ?? 0) + Math.ceil(Math.max(0, host - Number(row?.host ?? 0)) / 2));
    ahead = now - host;
    seen = now;
    return { now, clockBehindMs: ahead, host };
  };
  // So that `now()` is right before the first transaction: who reckons from it must not find it minutes later in the next moment.
  await database.read(clock);
  const queries = (connection: Connection, now: number, clockBehindMs: number): Queries => ({
    ...timelessQueries(connection),
    clockBehindMs,
    record: (event) => appendEvent(connection, id, now, event),
    lastEvents: (limit) => lastEvents(connection, limit),
    lastEventOf: (requestId, types) => lastEventOf(connection, requestId, types),
    lastRecovery: () => lastRecovery(connection),
    head: async () => ({ ledger: id, ...(await chainHead(connection)) }),
    eventHash: async (seq) => {
      const [row] = await connection.all('SELECT hash FROM events WHERE seq = ?', [seq]);
      return row && String(row.hash);
    },
    verifyChain: async (expected, pause) => (await import('./verify.ts')).verifyChain(connection, id, expected, pause),
  });

  return {
    id,
    write: (work) =>
      database.write(async (connection) => {
        const { now, clockBehindMs, host } = await clock(connection);
        const result = await work(queries(connection, now, clockBehindMs), now);
        await connection.run('UPDATE ledger SET clock = ?, host = ?', [now, host]);
        return result;
      }),
    read: (work) =>
      database.read(async (connection) => {
        const { now, clockBehindMs } = await clock(connection);
        return work(queries(connection, now, clockBehindMs), now);
      }),
    now: () => Math.max(seen, world.now() + ahead),
    close: () => database.close(),
  };
}

const made = new WeakMap<Connection, RequestQueries & GrantQueries & MembershipQueries & GroupQueries>();

/** Those that do not need to know the time, made once per connection. */
function timelessQueries(connection: Connection): RequestQueries & GrantQueries & MembershipQueries & GroupQueries {
  const known = made.get(connection);
  if (known) return known;
  const queries = {
    ...requestQueries(connection),
    ...grantQueries(connection),
    ...membershipQueries(connection),
    ...groupQueries(connection),
  };
  made.set(connection, queries);
  return queries;
}

/** Gives the ledger's own id. */
async function prepare(database: Database, world: LedgerWorld): Promise<string> {
  if ((await database.read((c) => database.schemaVersion.read(c))) !== migrations.length) await migrate(database, world);
  return database.read(async (c) => String((await c.all('SELECT id FROM ledger', []))[0]?.id));
}

async function migrate(database: Database, world: LedgerWorld): Promise<void> {
  await database.write(async (connection) => {
    // Read again inside the transaction: another process may have done it meanwhile.
    const version = await database.schemaVersion.read(connection);
    if (version > migrations.length) {
      throw new OncallError(
        'ledger-newer',
        `the ledger was written by a newer oncall (schema ${version}, this one knows ${migrations.length})`,
        {
          next: 'upgrade oncall on this host',
        },
      );
    }
    for (const migration of migrations.slice(version)) await connection.script(migration);
    if (version === 0)
      await connection.run('INSERT INTO ledger (one, id, clock, host) VALUES (1, ?, ?, ?)', [world.id, world.now(), world.now()]);
    await database.schemaVersion.set(connection, migrations.length);
  });
}
