/** The audit trail: every change writes its event in the same transaction, chained by SHA-256 over canonical JSON (RFC 8785). */

import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { LedgerEvent, RecordedEvent } from '../lifecycle/events.ts';
import type { Connection, Row } from './database.ts';

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** `prev` of the first event. */
export const firstPrev = '0'.repeat(64);

export const eventHash = (prev: string, body: string): string => sha256(`oncall.audit.v1\n${prev}\n${sha256(body)}`);

/** RFC 8785. Through JSON once: drops `undefined`, which canonicalize would too, but silently and not everywhere; and no lone surrogate survives. */
function canonical(value: unknown): string {
  const plain = JSON.parse(JSON.stringify(value), (_key, one) => (typeof one === 'string' ? one.toWellFormed() : one));
  return canonicalize(plain) as string;
}

/** SHA-256 over canonical JSON, hex. */
export const digestOf = (value: unknown): string => sha256(canonical(value));

export async function appendEvent(connection: Connection, ledgerId: string, at: number, event: LedgerEvent): Promise<void> {
  const { seq: last, hash: prev } = await chainHead(connection);
  const seq = last + 1;
  const body = canonical({ ...event, seq, at, ledger: ledgerId });
  await connection.run('INSERT INTO events (seq, body, prev, hash) VALUES (?, ?, ?, ?)', [seq, body, prev, eventHash(prev, body)]);
}

/** Number and hash of the last event; 0 and `firstPrev` before the first. */
export async function chainHead(connection: Connection): Promise<{ readonly seq: number; readonly hash: string }> {
  const [last] = await connection.all('SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1', []);
  return { seq: Number(last?.seq ?? 0), hash: String(last?.hash ?? firstPrev) };
}

/** The last `limit` events, or all, oldest first. */
export async function lastEvents(connection: Connection, limit: number | undefined): Promise<readonly RecordedEvent[]> {
  const rows = await connection.all('SELECT body, prev, hash FROM events ORDER BY seq DESC LIMIT ?', [limit ?? Number.MAX_SAFE_INTEGER]);
  return rows.map(toEvent).reverse();
}

export type EventsWanted = {
  /** Only events below this number, and from that one on. */
  readonly before: number;
  readonly from: number;
  readonly limit: number;
  /** Any of these stands in its text; none: all of them. Found by it is only what may be meant: canonical JSON has one way to write a field, but another field can hold the same. */
  readonly texts: readonly string[];
};

/** The last ones of them, newest first. */
export async function eventsWith(connection: Connection, { before, from, limit, texts }: EventsWanted): Promise<readonly RecordedEvent[]> {
  const having = texts.length === 0 ? '' : `AND (${texts.map(() => 'instr(body, ?) > 0').join(' OR ')})`;
  const sql = `SELECT body, prev, hash FROM events WHERE seq < ? AND seq >= ? ${having} ORDER BY seq DESC LIMIT ?`;
  return (await connection.all(sql, [before, from, ...texts, limit])).map(toEvent);
}

const toEvent = ({ body, prev, hash }: Row): RecordedEvent => ({
  ...JSON.parse(String(body)),
  body: String(body),
  prev: String(prev),
  hash: String(hash),
});

/** The last one of these types about the request. */
export async function lastEventOf(
  connection: Connection,
  requestId: string,
  types: readonly LedgerEvent['type'][],
): Promise<RecordedEvent | undefined> {
  // Its ids and types stand in the body as they are: canonical JSON has one way to write them.
  const rows = await connection.all('SELECT body, prev, hash FROM events WHERE instr(body, ?) > 0 ORDER BY seq DESC', [
    `"requestId":${JSON.stringify(requestId)}`,
  ]);
  return rows.map(toEvent).find((event) => event.requestId === requestId && types.includes(event.type));
}

/** Reads the whole trail: for a ledger that is not what was seen of it. */
export async function lastRecovery(connection: Connection): Promise<RecordedEvent | undefined> {
  const rows = await connection.all('SELECT body, prev, hash FROM events WHERE instr(body, ?) > 0 ORDER BY seq DESC', [
    '"type":"ledger.recovered"',
  ]);
  return rows
    .filter(isJson)
    .map(toEvent)
    .find(({ type }) => type === 'ledger.recovered');
}

/** One that somebody changed into something else must not be what stops a check of the trail. */
function isJson({ body }: Row): boolean {
  try {
    return JSON.parse(String(body)) !== null;
  } catch {
    return false;
  }
}
