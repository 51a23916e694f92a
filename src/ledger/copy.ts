/**
 * A whole ledger, from one database into another, ids and hashes as they are. Never do both take writes: the copy is closed until the source is.
 * 1. In one transaction of the source, so that nothing comes between: everything is copied and committed, closed, in the target; then the source
 *    records the event and is closed. 2. The target gets that event too, and is opened. Whatever dies in between, the same again finishes it.
 */

import { OncallError } from '../errors.ts';
import type { Breach, LedgerEvent } from '../lifecycle/events.ts';
import type { Connection, Database, Row, Value } from './database.ts';
import { appendEvent, chainHead } from './events.ts';
import { unfinishedFrom } from './moved.ts';
import { verifyChain } from './verify.ts';

/** In an order in which what is named is there before what names it. Not copied: `upgrades` and `commits`, which are about the database they are in. */
export const copiedTables: readonly { readonly name: string; readonly key: readonly string[] }[] = [
  { name: 'requests', key: ['id'] },
  { name: 'memberships', key: ['id'] },
  { name: 'grants', key: ['id'] },
  { name: 'slots', key: ['role', 'place'] },
  { name: 'directories', key: ['name'] },
  { name: 'managed_groups', key: ['directory', 'group_id'] },
  { name: 'strangers', key: ['directory', 'group_id', 'user_id'] },
  { name: 'told', key: ['topic', 'subject'] },
  { name: 'reviews', key: ['request_id'] },
  { name: 'rotations', key: ['role'] },
  { name: 'channels', key: ['channel'] },
  { name: 'answers', key: ['issuer', 'subject', 'key'] },
  { name: 'events', key: ['seq'] },
];

const rowsAtOnce = 500;

export type Side = {
  readonly database: Database;
  /** For people. */
  readonly name: string;
};

export type CopyOf = {
  readonly from: Side;
  readonly to: Side;
  /** The source's time. */
  readonly now: () => number;
  readonly actor: LedgerEvent['actor'];
  readonly policyDigest: string;
  readonly show: (done: number, total: number) => void;
  /** Between two batches; throws where it is to stop. */
  readonly pause: () => Promise<void>;
};

type Counts = readonly { readonly name: string; readonly rows: number }[];
export type Copied = {
  readonly result: 'copied' | 'already-copied';
  readonly tables: Counts;
  /** Grants whose add may be under way. */
  readonly activating: number;
  readonly head: { readonly ledger: string; readonly seq: number; readonly hash: string };
};

/** Both have the tables of this program, a new target under the source's id. */
export async function copyLedger(copy: CopyOf): Promise<Copied> {
  const { from, to } = copy;
  const before = await from.database.read(stateOf);
  if (before.movedTo === undefined) await copyAndClose(copy);
  else if (before.movedTo !== to.name) throw movedElsewhere(from.name, before.movedTo);
  const isDone = before.movedTo !== undefined && (await to.database.read((t) => from.database.read((s) => goesOnFrom(s, t))));
  if (!isDone) await finish(copy);
  return { result: isDone ? 'already-copied' : 'copied', ...(await from.database.read(look)) };
}

/** What there is to copy. */
export async function look(connection: Connection): Promise<Omit<Copied, 'result'>> {
  const { id, head } = await stateOf(connection);
  const [half] = await connection.all("SELECT count(*) AS many FROM grants WHERE state = 'activating'", []);
  return { tables: await counts(connection), activating: Number(half?.many), head: { ledger: id, ...head } };
}

/** Throws where the target has anything in it but an unfinished copy of this ledger. For a look beforehand; asked again where it counts. */
export async function requireRoom(from: Connection, to: Connection, name: string): Promise<void> {
  const [source, target] = [await stateOf(from), await stateOf(to)];
  const there = (await counts(to)).filter(({ rows }) => rows > 0);
  const isOurs = target.id === source.id;
  if (isOurs && there.length === 0) return;
  if (isOurs && target.movedTo !== undefined && (await has(from, target.head))) return;
  const what = there.length === 0 ? 'no rows yet' : there.map((table) => `${table.rows} in ${table.name}`).join(', ');
  throw new OncallError('ledger-not-empty', `nothing was copied: there is a ledger in ${name} already`, {
    why: `it is ${isOurs ? 'this one, gone on by itself' : 'another one'}: ${what}`,
    next: 'name an empty database, or a file that is not there yet',
  });
}

async function copyAndClose(copy: CopyOf): Promise<void> {
  const { from, to, now, actor, policyDigest } = copy;
  // First, and by bytes: what is no text any more must not be read as one.
  await from.database.read(async (s) => requireWhole(await check(s, s, copy), from.name));
  await from.database.write(async (s) => {
    const state = await stateOf(s);
    if (state.movedTo !== undefined) throw movedElsewhere(from.name, state.movedTo);
    await to.database.write(async (t) => {
      await requireRoom(s, t, to.name);
      await copyRows(copy, s, t);
      // Both the same: from the first reading of its own clock on it goes by that, and it never goes back.
      await t.run('UPDATE ledger SET clock = ?, host = ?, moved_to = ?', [state.clock, state.clock, unfinishedFrom(from.name)]);
      requireWhole(await check(t, s, copy), to.name);
    });
    const at = Math.max(now(), state.clock);
    const data = { from: from.name, to: to.name, copied: state.head };
    await appendEvent(s, state.id, at, { type: 'ledger.copied', actor, policyDigest, data });
    await s.run('UPDATE ledger SET clock = ?, host = ?, moved_to = ?', [at, at, to.name]);
  });
}

async function finish({ from, to }: CopyOf): Promise<void> {
  await from.database.read(async (s) => {
    const { id, clock, head } = await stateOf(s);
    await to.database.write(async (t) => {
      const target = await stateOf(t);
      if (target.id !== id || target.movedTo === undefined || !(await has(s, target.head))) throw lost(from.name, to.name);
      await copyTable(s, t, events, [target.head.seq], async () => undefined);
      await t.run('UPDATE ledger SET clock = ?, host = ?, moved_to = NULL', [clock, clock]);
      if ((await chainHead(t)).hash !== head.hash) throw lost(from.name, to.name);
    });
  });
}

/** Whether the target was opened, and has all that the source had. */
async function goesOnFrom(s: Connection, t: Connection): Promise<boolean> {
  const [source, target] = [await stateOf(s), await stateOf(t)];
  return target.id === source.id && target.movedTo === undefined && has(t, source.head);
}

type State = {
  readonly id: string;
  readonly clock: number;
  readonly movedTo?: string;
  readonly head: { readonly seq: number; readonly hash: string };
};

async function stateOf(connection: Connection): Promise<State> {
  const [row] = await connection.all('SELECT id, clock, moved_to FROM ledger', []);
  const movedTo = row?.moved_to === null || row === undefined ? {} : { movedTo: String(row.moved_to) };
  return { id: String(row?.id), clock: Number(row?.clock), ...movedTo, head: await chainHead(connection) };
}

async function has(connection: Connection, head: State['head']): Promise<boolean> {
  if (head.seq === 0) return true;
  return (await connection.all('SELECT 1 AS one FROM events WHERE seq = ? AND hash = ?', [head.seq, head.hash])).length === 1;
}

async function counts(connection: Connection): Promise<Counts> {
  const found: { name: string; rows: number }[] = [];
  for (const { name } of copiedTables) {
    const [row] = await connection.all(`SELECT count(*) AS many FROM ${name}`, []);
    found.push({ name, rows: Number(row?.many) });
  }
  return found;
}

type Table = (typeof copiedTables)[number];
const events = copiedTables.at(-1) as Table;

/** The events that are there already stay: nobody may take one out. Everything else is as it is now. */
async function copyRows({ show, pause }: CopyOf, s: Connection, t: Connection): Promise<void> {
  const total = (await counts(s)).reduce((sum, { rows }) => sum + rows, 0);
  let done = (await chainHead(t)).seq;
  const behind = done;
  for (const { name } of copiedTables.filter((table) => table !== events).reverse()) await t.run(`DELETE FROM ${name}`, []);
  for (const table of copiedTables) {
    const after = table === events && behind > 0 ? [behind] : undefined;
    await copyTable(s, t, table, after, async (rows) => {
      done += rows;
      show(done, total);
      await pause();
    });
  }
}

async function copyTable(
  s: Connection,
  t: Connection,
  { name, key }: Table,
  begin: readonly Value[] | undefined,
  each: (rows: number) => Promise<void>,
): Promise<void> {
  for (let after = begin; ; ) {
    const where = after === undefined ? '' : `WHERE (${key.join(', ')}) > (${key.map(() => '?').join(', ')})`;
    const rows = await s.all(`SELECT * FROM ${name} ${where} ORDER BY ${key.join(', ')} LIMIT ${rowsAtOnce}`, after ?? []);
    await insert(t, name, rows);
    await each(rows.length);
    const last = rows.at(-1);
    if (last === undefined || rows.length < rowsAtOnce) return;
    after = key.map((column) => last[column] ?? null);
  }
}

async function insert(t: Connection, table: string, rows: readonly Row[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  if (columns.length === 0) return;
  const places = rows.map(() => `(${columns.map(() => '?').join(', ')})`).join(', ');
  const values = rows.flatMap((row) => columns.map((column) => row[column] ?? null));
  await t.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${places}`, values);
}

/** `other` is asked something now and then: a server gives up a transaction in which nothing happens. */
async function check(connection: Connection, other: Connection, { pause }: CopyOf): Promise<Breach | undefined> {
  const { id } = await stateOf(connection);
  const { head } = await stateOf(other);
  const kept = head.seq === 0 ? undefined : { ledger: id, at: 0, ...head };
  const { breach } = await verifyChain(
    (work) => work(connection),
    id,
    { kept },
    async () => {
      await other.all('SELECT 1 AS one', []);
      await pause();
    },
  );
  return breach;
}

function requireWhole(breach: Breach | undefined, name: string): void {
  if (breach === undefined) return;
  throw new OncallError('audit-broken', `nothing was copied: the audit trail in ${name} is broken at event ${breach.seq}`, {
    why: breach.because,
    next: 'see what is wrong with it: oncall audit verify',
  });
}

const movedElsewhere = (from: string, to: string): OncallError =>
  new OncallError('ledger-moved', `nothing was copied: the ledger ${from} was moved before`, {
    why: `it was copied to ${to}`,
    next: 'copy from there, with --policy naming the policy of that place',
  });

const lost = (from: string, to: string): OncallError =>
  new OncallError('ledger-copy-lost', `the copy in ${to} is not what was put there, so it is not opened`, {
    why: `the ledger ${from} was closed for it, and somebody has changed or replaced the copy since`,
    next: 'docs/operations.md says how to go back to the ledger that was copied',
  });
