/** The ledger: what was asked, granted and done, in transactions. Every query stands once, in the file of its subject. */

import type { Chain, Expected, Head, LedgerEvent, RecordedEvent } from '../lifecycle/events.ts';
import { type AnswerQueries, answerQueries } from './answers.ts';
import { type ByPolicyQueries, byPolicyQueries } from './by-policy.ts';
import type { Connection, Database, Row, Value } from './database.ts';
import { appendEvent, chainHead, digestOf, type EventsWanted, eventsWith, lastEventOf, lastEvents, lastRecovery } from './events.ts';
import { type GrantQueries, grantQueries } from './grants.ts';
import { type GroupQueries, groupQueries } from './groups.ts';
import { type MembershipQueries, membershipQueries } from './memberships.ts';
import { prepare, requireKnownSchema, type SchemaWorld } from './migrate.ts';
import { moved, whyClosed } from './moved.ts';
import { type NoticeQueries, noticeQueries } from './notices.ts';
import { type RequestQueries, requestQueries } from './requests.ts';
import { type ReviewQueries, reviewQueries } from './reviews.ts';
import { type RotationQueries, rotationQueries } from './rotations.ts';

export type Queries = RequestQueries &
  GrantQueries &
  MembershipQueries &
  GroupQueries &
  ByPolicyQueries &
  ReviewQueries &
  RotationQueries &
  NoticeQueries &
  AnswerQueries & {
    /** How far the clock that the ledger goes by (this host's; with PostgreSQL, the database's) is behind the latest instant the ledger has seen, ms. */
    readonly clockBehindMs: number;
    /** Set where nothing is written any more, or yet: why. Whoever writes is refused for it. */
    readonly closed?: string;
    /** A head that was seen on some host, and is no part of the chain. */
    readonly lost?: Head;
    /** `undefined`: it was recovered. */
    tellLost(head: Head | undefined): Promise<void>;
    record(event: LedgerEvent): Promise<void>;
    lastEvents(limit: number | undefined): Promise<readonly RecordedEvent[]>;
    /** Newest first. */
    eventsWith(wanted: EventsWanted): Promise<readonly RecordedEvent[]>;
    /** Reads the whole trail: for one request that somebody asks about. */
    lastEventOf(requestId: string, types: readonly LedgerEvent['type'][]): Promise<RecordedEvent | undefined>;
    lastRecovery(): Promise<RecordedEvent | undefined>;
    /** As it stands in this transaction. */
    head(): Promise<Omit<Head, 'at'>>;
    eventHash(seq: number): Promise<string | undefined>;
  };

export type Ledger = {
  readonly id: string;
  /** One transaction beside which no other writer runs; `now` is the ledger's time, epoch ms, and never goes back. */
  write<T>(work: (queries: Queries, now: number) => Promise<T>): Promise<T>;
  read<T>(work: (queries: Queries, now: number) => Promise<T>): Promise<T>;
  /** As far as the chain came when it began, in pieces, each a transaction of its own: beside it others read and write. Calls `pause` between them. */
  verifyChain(expected: Expected, pause: () => Promise<void>): Promise<Chain>;
  /** The ledger's time as far as this process knows it, without asking the database. */
  now(): number;
  /** SHA-256 over the canonical JSON (RFC 8785) of a value, hex: as its events are hashed. */
  digest(value: unknown): string;
  /** How far the ledger's time is ahead of this process's clock, ms; below 0 where it is behind. */
  offsetMs(): number;
  close(): Promise<void>;
};

export type LedgerWorld = SchemaWorld;

/** Brings the schema up to date and gives the ledger. */
export async function openLedger(database: Database, world: LedgerWorld): Promise<Ledger> {
  const id = await prepare(database, world).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });

  const queries = (connection: Connection, now: number, clockBehindMs: number, { movedTo, lost }: Standing): Queries => ({
    ...timelessQueries(connection),
    ...answerQueries(connection, now),
    clockBehindMs,
    ...(movedTo === null ? {} : { closed: whyClosed(String(movedTo)) }),
    ...(lost === null ? {} : { lost: JSON.parse(String(lost)) as Head }),
    tellLost: async (head) =>
      // libsql takes a lone NULL for something else.
      void (head === undefined
        ? await connection.run('UPDATE ledger SET lost = NULL', [])
        : await connection.run('UPDATE ledger SET lost = ?', [JSON.stringify(head)])),
    record: (event) => appendEvent(connection, id, now, event),
    lastEvents: (limit) => lastEvents(connection, limit),
    eventsWith: (wanted) => eventsWith(connection, wanted),
    lastEventOf: (requestId, types) => lastEventOf(connection, requestId, types),
    lastRecovery: () => lastRecovery(connection),
    head: async () => ({ ledger: id, ...(await chainHead(connection)) }),
    eventHash: async (seq) => {
      const [row] = await connection.all('SELECT hash FROM events WHERE seq = ?', [seq]);
      return row && String(row.hash);
    },
  });

  // Where the host's clock is behind what the ledger has seen, the ledger's goes on from there at half the pace: it neither goes back nor stands still, and the host catches up.
  let ahead = 0;
  let seen = 0;
  const clockColumn = database.clock === undefined ? '' : `, ${database.clock} AS now`;
  const beginAt = async (row: Row | undefined, local: number, connection: Connection): Promise<Begun> => {
    await requireKnownSchema(connection, Number(row?.schema ?? 0));
    const host = database.clock === undefined ? local : Number(row?.now);
    const now = Math.max(host, Number(row?.clock ?? 0) + Math.ceil(Math.max(0, host - Number(row?.host ?? 0)) / 2));
    ahead = now - local;
    seen = now;
    const movedTo = row?.moved_to ?? null;
    return { now, host, movedTo, queries: queries(connection, now, now - host, { movedTo, lost: row?.lost ?? null }) };
  };
  let last: { readonly row: Row | undefined; readonly begun: Promise<Begun> } | undefined;
  const begin = async (connection: Connection): Promise<Begun> => {
    // Read before the question is sent: with a database's clock `now()` is then rather late than early, and what has a time limit ends rather early.
    const local = world.now();
    const [row] = await connection.all(`SELECT clock, host, schema, moved_to, lost${clockColumn} FROM ledger`, []);
    // Those who read together are given the same row, and have one instant.
    if (row === undefined || row !== last?.row) last = { row, begun: beginAt(row, local, connection) };
    return last.begun;
  };
  // So that `now()` is right before the first transaction: who reckons from it must not find it minutes later in the next moment.
  await database.read(begin);
  return {
    id,
    write: (work) =>
      database.write(async (connection) => {
        const { queries: q, now, host, movedTo } = await begin(connection);
        if (movedTo !== null) throw moved(String(movedTo));
        const result = await work(q, now);
        await connection.run('UPDATE ledger SET clock = ?, host = ?', [now, host]);
        return result;
      }),
    read: (work) =>
      database.read(async (connection) => {
        const { queries: q, now } = await begin(connection);
        return work(q, now);
      }),
    verifyChain: async (expected, pause) => (await import('./verify.ts')).verifyChain(database.read, id, expected, pause),
    now: () => Math.max(seen, world.now() + ahead),
    offsetMs: () => ahead,
    digest: digestOf,
    close: () => database.close(),
  };
}

type Standing = { readonly movedTo: Value; readonly lost: Value };
type Begun = { readonly now: number; readonly host: number; readonly movedTo: Value; readonly queries: Queries };

type Timeless = RequestQueries &
  GrantQueries &
  MembershipQueries &
  GroupQueries &
  ByPolicyQueries &
  RotationQueries &
  ReviewQueries &
  NoticeQueries;

const made = new WeakMap<Connection, Timeless>();

/** Those that do not need to know the time, made once per connection. */
function timelessQueries(connection: Connection): Timeless {
  const known = made.get(connection);
  if (known) return known;
  const queries = {
    ...requestQueries(connection),
    ...grantQueries(connection),
    ...membershipQueries(connection),
    ...groupQueries(connection),
    ...byPolicyQueries(connection),
    ...reviewQueries(connection),
    ...rotationQueries(connection),
    ...noticeQueries(connection),
  };
  made.set(connection, queries);
  return queries;
}
