/**
 * Walks the chain of events from its first and names the first row that is not right. `test/verify_chain.py` does the same in another language;
 * docs/audit.md says what the kinds mean, in the order in which a row is asked.
 */

import { hash as digest } from 'node:crypto';
import canonicalize from 'canonicalize';
import { OncallError } from '../errors.ts';
import type { Breach, Chain, Expected } from '../lifecycle/events.ts';
import type { Connection, Database, Dialect, Row } from './database.ts';
import { chainHead, firstPrev } from './events.ts';

/** Some 10 ms: so long nobody else gets a turn. */
const rowsAtOnce = 1000;

/** Bytes, not text: a driver may stop at a NUL, mend what is no UTF-8, or end the process at it. */
const columns: Readonly<Record<Dialect, string>> = {
  sqlite: `seq, CAST(body AS BLOB) AS body, CAST(prev || hash AS BLOB) AS links,
    typeof(body) = 'text' AND typeof(prev) = 'text' AND typeof(hash) = 'text' AND length(CAST(prev AS BLOB)) = 64 AS sound`,
  postgres: `seq, convert_to(body, 'UTF8') AS body, convert_to(prev || hash, 'UTF8') AS links,
    CASE WHEN octet_length(prev) = 64 THEN 1 ELSE 0 END AS sound`,
};

/** `read`: one after the other, within one transaction or each in its own: events are only ever added, so that what was read stays as it was. */
export async function verifyChain(
  read: Database['read'],
  ledger: string,
  { kept, given }: Expected,
  pause: () => Promise<void>,
): Promise<Chain> {
  // What is written while it goes on is the business of the next check.
  const upTo = await read(async (connection) => {
    await requireTable(connection, connection.dialect ?? 'sqlite');
    return (await chainHead(connection)).seq;
  });
  const last = { ledger, seq: 0, hash: firstPrev };
  let times: readonly number[] = [];
  let foundSeq: number | undefined;
  const chain = (breach?: Breach): Chain => ({
    rows: last.seq,
    ...(times.length === 0 ? {} : { firstAt: times[0] as number, lastAt: times[1] as number }),
    head: last,
    ...(foundSeq === undefined ? {} : { foundSeq }),
    ...(breach === undefined ? {} : { breach }),
  });
  const broken = (kind: Breach['kind'], seq: number, because: string): Chain => chain({ kind, seq, because });
  if (kept !== undefined && kept.ledger !== ledger) return broken('fork', 1, 'this is another ledger than the one whose head was kept');
  for (;;) {
    // Every number at first: a row before the first one is no less wrong than one after the last.
    const [after, from] = last.seq === 0 ? ['', []] : ['WHERE seq > ?', [last.seq]];
    const rows = await read(({ all, dialect = 'sqlite' }) =>
      all(`SELECT ${columns[dialect]} FROM events ${after} ORDER BY seq LIMIT ${rowsAtOnce}`, from),
    );
    for (const row of rows) {
      if (Number(row.seq) > upTo) break;
      const judged = judge(row, last, kept);
      if ('kind' in judged) return chain(judged);
      last.seq += 1;
      last.hash = judged.hash;
      times = [times[0] ?? judged.at, judged.at];
      if (judged.hash === given?.toLowerCase()) foundSeq = last.seq;
    }
    if (rows.length < rowsAtOnce || last.seq >= upTo) break;
    await pause();
  }
  const next = last.seq + 1;
  if (kept !== undefined && last.seq < kept.seq)
    return broken('truncation', next, `the chain ends at ${last.seq}, and event ${kept.seq} was seen`);
  if (last.seq < upTo) return broken('truncation', next, `the chain ends at ${last.seq}, and came to ${upTo} when this check began`);
  if (given !== undefined && foundSeq === undefined) return broken('behind', next, 'no event has the hash that was given as head');
  return chain();
}

/** What is wrong with the row; where nothing is, its hash and when it was recorded. */
function judge(row: Row, last: Chain['head'], kept: Expected['kept']): Breach | { readonly hash: string; readonly at: number } {
  const seq = last.seq + 1;
  const broken = (kind: Breach['kind'], because: string): Breach => ({ kind, seq, because });
  const found = Number(row.seq);
  if (found < seq) return { kind: 'fork', seq: found, because: 'there is a row before the first' };
  if (found > seq) return broken('gap', `no row has this number; the next one is ${found}`);
  const body = bytes(row.body);
  const record = row.sound === 1 ? canonicalRecord(body) : undefined;
  if (record === undefined) return broken('edit', 'its text is not canonical JSON, so it is not as it was written');
  const links = bytes(row.links);
  const hash = links.toString('latin1', 64);
  const follows = links.toString('latin1', 0, 64) === last.hash;
  if (hash !== hashOf(follows ? last.hash : links.subarray(0, 64), body))
    return broken('edit', 'its hash is not that of its text and of the hash before it');
  if (record.seq !== seq) return broken('reorder', `it was written as number ${JSON.stringify(record.seq)}`);
  if (record.ledger !== last.ledger) return broken('fork', 'it was written in another ledger');
  if (!follows) return broken('fork', 'it does not follow from the event before it');
  if (kept?.seq === seq && kept.hash !== hash)
    return broken('fork', 'another event was seen in this place: it, or one before it, was rewritten');
  return { hash, at: Number(record.at) };
}

type Unchecked = { readonly seq?: unknown; readonly ledger?: unknown; readonly at?: unknown };

/** Spelled in any other way, one record could have two hashes. */
function canonicalRecord(body: Buffer): Unchecked | undefined {
  try {
    const text = body.toString();
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
    // RFC 8785 has no lone surrogates, and only those are written so; `canonicalize` would let them pass.
    if (text.includes('\\ud') && /(?<!\\)(?:\\\\)*\\ud/.test(text)) return undefined;
    // Three times as fast. It says no where numbers are names as well, which JSON.stringify puts first; and U+FFFD may stand for other bytes.
    if (JSON.stringify(value) === text && isSorted(value) && !text.includes('\ufffd')) return value;
    return Buffer.from(canonicalize(value) ?? '').equals(body) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isSorted(value: object): boolean {
  let last = '';
  for (const key in value) {
    if (key < last) return false;
    last = key;
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner !== 'object' || inner === null) continue;
    if (Array.isArray(inner) ? !inner.every((one) => typeof one !== 'object' || one === null || isSorted(one)) : !isSorted(inner))
      return false;
  }
  return true;
}

function hashOf(prev: string | Buffer, body: Buffer): string {
  const own = digest('sha256', body, 'hex');
  if (typeof prev === 'string') return digest('sha256', `oncall.audit.v1\n${prev}\n${own}`, 'hex');
  return digest('sha256', Buffer.concat([Buffer.from('oncall.audit.v1\n'), prev, Buffer.from(`\n${own}`)]), 'hex');
}

/** What a BLOB comes as is the driver's affair. */
const bytes = (value: unknown): Buffer => (Buffer.isBuffer(value) ? value : Buffer.from(value as ArrayBuffer));

const tables: Readonly<Record<Dialect, readonly [string, string]>> = {
  sqlite: ["SELECT name, type, pk FROM pragma_table_info('events') ORDER BY cid", 'seq INTEGER 1, body TEXT 0, prev TEXT 0, hash TEXT 0'],
  postgres: [
    `SELECT attname AS name, format_type(atttypid, NULL) AS type, CASE WHEN attnum = ANY (conkey) THEN 1 ELSE 0 END AS pk
       FROM pg_attribute LEFT JOIN pg_constraint ON conrelid = attrelid AND contype = 'p'
       WHERE attrelid = to_regclass('events') AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    'seq bigint 1, body text 0, prev text 0, hash text 0',
  ],
};

/** What is not the table of the migration has no rows that could be told to be whole. */
async function requireTable(connection: Connection, dialect: Dialect): Promise<void> {
  const [question, answer] = tables[dialect];
  const found = (await connection.all(question, [])).map(({ name, type, pk }) => `${name} ${type} ${pk}`).join(', ');
  if (found === answer) return;
  throw new OncallError('audit-no-table', 'the audit trail cannot be checked', {
    exit: 2,
    why: `the table of events is not as this program made it (${found || 'it is gone'})`,
    next: 'put back a backup of the ledger, then: oncall ledger recover',
  });
}
