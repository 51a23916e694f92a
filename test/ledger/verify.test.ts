/** The audit trail, changed behind the program's back: both verifiers find it, and say the same of it. `ONCALL_TAMPERINGS=2000` for as many. */

import { isUtf8 } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import Libsql from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { openPostgres } from '../../src/ledger/postgres.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import type { Chain, Head, LedgerEvent } from '../../src/lifecycle/events.ts';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';
import { type Row, seeded, type Tampered, tamper, waysThereAre } from './tampering.ts';

const tamperings = Number(process.env.ONCALL_TAMPERINGS ?? 200);
const script = resolve(import.meta.dirname, '../verify_chain.py');
const python = spawnSync('python3', ['-c', 'import sqlite3'], { encoding: 'utf8' }).status === 0;
if (!python) console.warn('no python3 with sqlite3: the second verifier is not asked');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-verify-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What records can hold, and what is hard to spell in one way only. */
const values: readonly unknown[] = [
  ...[null, true, false, 0, -1, 0.1, 1e21, 1.5e-7, 123456789.125, Number.MAX_SAFE_INTEGER, 5e-324, 1e23, 0.000001],
  ...['', 'é', '\u2028', '"\\/\b\f\n\r\t\u0001', '\u{1f600}', 'ö\u0308', 'a\u0000b', '\ufeff', '\\ud800'],
  { b: [1, { z: null, a: [] }], a: {}, é: 1, '\u{1f600}': 2, '\ufb01': 3, A: 4 },
];

async function written(id: string, events: number): Promise<string> {
  const path = join(folder, `${id}.db`);
  let now = Date.parse('2026-11-22T03:00:00Z');
  const ledger = await openLedger(await openSqlite(path), { now: () => now, id });
  await record(ledger, id, events, (ms) => {
    now += ms;
  });
  const database = new Libsql(path);
  // So that the one file is all of it.
  database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
  database.close();
  return path;
}

async function record(ledger: Ledger, id: string, events: number, pass: (ms: number) => void = () => undefined): Promise<void> {
  const random = seeded(id.length * 7919);
  for (let index = 0; index < events; index++) {
    pass(random.below(60_000));
    const event: LedgerEvent = {
      type: 'grant.active',
      actor: random.below(2) === 0 ? 'oncall' : { issuer: 'local', subject: `${id}-${index}`, email: 'maria@acme.dev' },
      requestId: `r${index}`,
      data: { some: values[index % values.length], more: [values[random.below(values.length)], index] },
    };
    await ledger.write((q) => q.record(event));
  }
  await ledger.close();
}

type Asked = { readonly head?: string | undefined; readonly kept?: Head | undefined };
type Told = { readonly rows: number; readonly breach: { readonly kind: string; readonly seq: number } | null };

async function ours(path: string, { head, kept }: Asked): Promise<Chain> {
  const database = await openSqlite(path);
  const ledger = await openLedger(database, { now: Date.now, id: 'never' });
  try {
    return await ledger.verifyChain({ given: head, kept }, async () => undefined);
  } finally {
    await ledger.close();
  }
}

function theirs(cases: readonly (Asked & { readonly ledger: string })[]): readonly Told[] {
  const input = cases.map((one) => JSON.stringify(one)).join('\n');
  const { stdout, stderr, status } = spawnSync('python3', [script], { input, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
}

const short = ({ rows, breach }: Pick<Chain, 'rows' | 'breach'> | Told) => ({
  rows,
  breach: breach ? { kind: breach.kind, seq: breach.seq } : null,
});

function rowsOf(path: string): readonly Row[] {
  const database = new Libsql(path);
  try {
    return database.prepare('SELECT seq, body, prev, hash FROM events ORDER BY seq').all() as Row[];
  } finally {
    database.close();
  }
}

/** A ledger file with these rows in it: the triggers stop nobody who can write to the file. */
function forge(like: string, name: string, rows: readonly Row[]): string {
  const path = join(folder, name);
  copyFileSync(like, path);
  const database = new Libsql(path);
  // Nobody's disk need wait for a forgery.
  database.exec('PRAGMA synchronous = OFF');
  database.exec('DROP TRIGGER events_no_delete; DROP TRIGGER events_no_update; DELETE FROM events; BEGIN');
  const insert = database.prepare('INSERT INTO events (seq, body, prev, hash) VALUES (?, CAST(? AS TEXT), ?, ?)');
  const insertBytes = database.prepare('INSERT INTO events (seq, body, prev, hash) VALUES (?, ?, ?, ?)');
  for (const { seq, body, prev, hash, isBlob } of rows) (isBlob ? insertBytes : insert).run(seq, Buffer.from(body as string), prev, hash);
  database.exec('COMMIT');
  database.close();
  return path;
}

describe('the chain of events', () => {
  let [one, other] = ['', ''];
  beforeAll(async () => {
    one = await written('ledger-one', 60);
    other = await written('ledger-other', 60);
  });

  it('is whole as it was written, for both verifiers, and knows every earlier head', async () => {
    const rows = rowsOf(one);
    const asked: Asked[] = rows.flatMap(({ seq, hash }) => [
      { head: hash.toUpperCase() },
      { kept: { ledger: 'ledger-one', seq, hash, at: 0 } },
    ]);
    const found = await Promise.all(asked.map((about) => ours(one, about)));
    expect(found.map(short)).toEqual(asked.map(() => ({ rows: 60, breach: null })));
    expect(found[20]).toMatchObject({ firstAt: expect.any(Number), lastAt: expect.any(Number), head: { seq: 60 } });
    if (python) expect(theirs(asked.map((about) => ({ ledger: one, ...about }))).map(short)).toEqual(found.map(short));
  });

  it('is whole when nothing has happened yet, until somebody has seen something', async () => {
    const path = await written('empty', 0);
    const kept = { ledger: 'empty', seq: 3, hash: 'a'.repeat(64), at: 0 };
    expect(await ours(path, {})).toEqual({ rows: 0, head: { ledger: 'empty', seq: 0, hash: '0'.repeat(64) } });
    expect(short(await ours(path, { kept }))).toEqual({ rows: 0, breach: { kind: 'truncation', seq: 1 } });
    if (python)
      expect(theirs([{ ledger: path }, { ledger: path, kept }]).map(({ breach }) => breach)).toEqual([
        null,
        { kind: 'truncation', seq: 1 },
      ]);
  });

  it(`tells of each of ${tamperings} tamperings which row is the first that is wrong, and how`, { timeout: 600_000 }, async () => {
    const [rows, others] = [rowsOf(one), rowsOf(other)];
    expect(tamperings).toBeGreaterThanOrEqual(waysThereAre);
    const batch = 50;
    for (let from = 0; from < tamperings; from += batch) {
      const made: { tampered: Tampered; ledger: string; asked: Asked }[] = [];
      for (let index = from; index < Math.min(tamperings, from + batch); index++) {
        const tampered = tamper(index, rows, others);
        const like = tampered.what === 'another ledger in its place' ? other : one;
        made.push({ tampered, ledger: forge(like, `${index}.db`, tampered.rows), asked: { head: tampered.given, kept: tampered.kept } });
      }
      const found: Chain[] = [];
      for (const { ledger, asked } of made) found.push(await ours(ledger, asked));
      const said = found.map(({ breach }, index) => ({ what: made[index]?.tampered.what, kind: breach?.kind, seq: breach?.seq }));
      expect(said).toEqual(made.map(({ tampered: { what, expected } }) => ({ what, ...expected })));
      if (python) expect(theirs(made.map(({ ledger, asked }) => ({ ledger, ...asked }))).map(short)).toEqual(found.map(short));
      for (const { ledger } of made) for (const file of [ledger, `${ledger}-wal`, `${ledger}-shm`]) rmSync(file, { force: true });
    }
  });

  it('is called broken, and not unreadable, where the text is no UTF-8', async () => {
    const rows = rowsOf(one);
    const made = rows.map((row, index) => (index === 7 ? { ...row, body: Buffer.from([0x7b, 0xff, 0x7d]) } : row));
    expect((await ours(forge(one, 'bytes.db', made), {})).breach).toMatchObject({ kind: 'edit', seq: 8 });
  });

  it('is called cut off where its end goes while it is checked', { timeout: 60_000 }, async () => {
    const path = join(folder, 'cut.db');
    const ledger = await openLedger(await openSqlite(path), { now: Date.now, id: 'cut' });
    await ledger.write(async (q) => {
      for (let n = 0; n < 2_500; n++) await q.record({ type: 'request.pending', actor: 'sweep' });
    });
    const chain = await ledger.verifyChain({}, async () => {
      const database = new Libsql(path);
      database.exec('DROP TRIGGER IF EXISTS events_no_delete; DELETE FROM events WHERE seq > 2400');
      database.close();
    });
    await ledger.close();
    expect(chain).toMatchObject({ rows: 2_400, breach: { kind: 'truncation', seq: 2_401 } });
  });

  it('cannot be checked where its table is another one', async () => {
    const path = forge(one, 'table.db', []);
    const database = new Libsql(path);
    database.exec('DROP TABLE events; CREATE TABLE events (seq INTEGER, body TEXT, prev TEXT, hash TEXT)');
    database.close();
    await expect(ours(path, {})).rejects.toMatchObject({ code: 'audit-no-table', exit: 2 });
    if (python)
      expect(spawnSync('python3', [script, path], { encoding: 'utf8' })).toMatchObject({
        status: 2,
        stdout: expect.stringContaining('error'),
      });
  });

  it.skipIf(!python)('is told by the script as the command tells it: 0 whole, 1 broken, 2 cannot be checked', () => {
    const ask = (...args: string[]) => spawnSync('python3', [script, ...args], { encoding: 'utf8' }).status;
    const last = rowsOf(one).at(-1)?.hash ?? '';
    expect([ask(one), ask(one, '--head', last), ask(one, '--head', 'f'.repeat(64)), ask(join(folder, 'gone.db'))]).toEqual([0, 0, 1, 2]);
  });
});

describe.skipIf(noPostgres !== undefined)(
  `the chain of events on PostgreSQL${noPostgres === undefined ? '' : ` (skipped: ${noPostgres})`}`,
  () => {
    let server: Postgres;
    const names = { one: '', other: '' };
    beforeAll(async () => {
      server = await startPostgres();
      for (const which of ['one', 'other'] as const) {
        names[which] = await server.createDatabase();
        const database = await openPostgres(server.url(names[which]));
        await record(await openLedger(database, { now: Date.now, id: `ledger-${which}`, mayMigrate: true }), `ledger-${which}`, 60);
      }
    });
    afterAll(async () => server?.remove());

    const rowsIn = async (name: string): Promise<readonly Row[]> =>
      (await server.query(name, 'SELECT seq, body, prev, hash FROM events ORDER BY seq')).map(
        (row) => ({ ...row, seq: Number(row['seq']) }) as Row,
      );
    const check = async (name: string, { head, kept }: Asked): Promise<Chain> => {
      const ledger = await openLedger(await openPostgres(server.url(name)), { now: Date.now, id: 'never' });
      try {
        return await ledger.verifyChain({ given: head, kept }, async () => undefined);
      } finally {
        await ledger.close();
      }
    };
    /** What is no text without a NUL, it does not take. */
    const fits = ({ body, isBlob }: Row): boolean => !isBlob && !body.includes('\0') && (typeof body === 'string' || isUtf8(body));
    const put = (name: string, rows: readonly Row[]) =>
      server.query(
        name,
        'INSERT INTO events (seq, body, prev, hash) SELECT seq, body, prev, hash FROM json_to_recordset($1) AS t (seq bigint, body text, prev text, hash text)',
        [JSON.stringify(rows.map((row) => ({ ...row, body: row.body.toString() })))],
      );

    it(`is told broken as it is in a file: ${tamperings} tamperings`, { timeout: 600_000 }, async () => {
      const [rows, others] = [await rowsIn(names.one), await rowsIn(names.other)];
      for (const name of Object.values(names))
        await server.query(name, 'DROP TRIGGER events_no_delete ON events; DROP TRIGGER events_no_update ON events');
      let tried = 0;
      for (let index = 0; index < tamperings; index++) {
        const tampered = tamper(index, rows, others);
        if (!tampered.rows.every(fits)) continue;
        tried += 1;
        const name = tampered.what === 'another ledger in its place' ? names.other : names.one;
        await server.query(name, 'DELETE FROM events');
        await put(name, tampered.rows);
        const { breach } = await check(name, { head: tampered.given, kept: tampered.kept });
        expect({ what: tampered.what, kind: breach?.kind, seq: breach?.seq }).toEqual({ what: tampered.what, ...tampered.expected });
      }
      expect(tried).toBeGreaterThan(tamperings / 2);
      await server.query(names.one, 'DELETE FROM events');
      await put(names.one, rows);
      expect(await check(names.one, { head: rows.at(-1)?.hash })).toMatchObject({ rows: 60, foundSeq: 60 });
    });

    it.skipIf(!python)('is told the same by the script, from rows as psql gives them', async () => {
      const lines = async (): Promise<string> => {
        const path = join(folder, 'events.jsonl');
        const rows = await server.query(names.one, 'SELECT row_to_json(events)::text AS line FROM events ORDER BY seq');
        writeFileSync(path, rows.map(({ line }) => `${line}\n`).join(''));
        return path;
      };
      const { seq, hash } = (await rowsIn(names.one)).at(-1) as Row;
      const asked = { kept: { ledger: 'ledger-one', seq, hash, at: 0 } };
      expect(theirs([{ ledger: await lines(), ...asked }])[0]).toMatchObject({ rows: 60, breach: null });
      await server.query(names.one, "UPDATE events SET body = replace(body, 'grant.active', 'grant.ended') WHERE seq = 30");
      expect(short(await check(names.one, asked))).toEqual({ rows: 29, breach: { kind: 'edit', seq: 30 } });
      expect(theirs([{ ledger: await lines(), ...asked }]).map(short)).toEqual([{ rows: 29, breach: { kind: 'edit', seq: 30 } }]);
    });

    it('cannot be checked where its table is another one', async () => {
      const name = await server.createDatabase();
      await (await openLedger(await openPostgres(server.url(name)), { now: Date.now, id: 'x', mayMigrate: true })).close();
      await server.query(name, 'ALTER TABLE events ALTER COLUMN body TYPE bytea USING convert_to(body, $$UTF8$$)');
      await expect(check(name, {})).rejects.toMatchObject({ code: 'audit-no-table', why: expect.stringContaining('body bytea') });
    });
  },
);
