/** The copy itself, on two files: many rows, interruptions, and what comes between. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CopyOf, copiedTables, copyLedger } from '../../src/ledger/copy.ts';
import type { Connection, Database } from '../../src/ledger/database.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import { scratch } from '../wiring/scratch.ts';

const noon = Date.parse('2026-11-22T12:00:00Z');

type Place = { readonly database: Database; readonly ledger: Ledger };

async function world(events: number) {
  const folder = scratch();
  const open = async (name: string, id: string): Promise<Place> => {
    const database = await openSqlite(join(folder, name));
    return { database, ledger: await openLedger(database, { now: () => noon, id, mayMigrate: true }) };
  };
  const from = await open('from.db', 'the-one');
  const to = await open('to.db', 'the-one');
  await from.ledger.write(async (q, now) => {
    for (let seq = 1; seq <= events; seq += 1) await q.record({ type: 'member.drift', actor: 'sweep', holder: `h${seq}` });
    for (let n = 0; n < 1_101; n += 1)
      await q.addStranger({ directory: `d${n % 3}`, groupId: `g${n % 7}`, userId: `u${n}`, userName: 'x', kind: 'drift', seenAt: now });
  });
  const copying = (more: Partial<CopyOf> = {}): CopyOf => ({
    from: { database: from.database, name: '/from.db' },
    to: { database: to.database, name: '/to.db' },
    now: from.ledger.now,
    actor: 'oncall',
    policyDigest: 'd1',
    show: () => undefined,
    pause: async () => undefined,
    ...more,
  });
  const record = ({ ledger }: Place): Promise<void> => ledger.write((q) => q.record({ type: 'member.drift', actor: 'sweep' }));
  const close = async (): Promise<void> => {
    await from.ledger.close();
    await to.ledger.close();
  };
  return { from, to, copying, record, close };
}

const rowsIn = ({ database }: Place): Promise<unknown> =>
  database.read(async (c) =>
    Object.fromEntries(
      await Promise.all(
        copiedTables.map(async ({ name, key }) => [name, await c.all(`SELECT * FROM ${name} ORDER BY ${key.join(', ')}`, [])] as const),
      ),
    ),
  );
const isWhole = async ({ ledger }: Place): Promise<boolean> => (await ledger.verifyChain({}, async () => undefined)).breach === undefined;

/** `all` and `run` of every transaction that writes there, past `change`. */
const through = (database: Database, change: (connection: Connection) => Connection): Database => ({
  ...database,
  write: (work) => database.write((connection) => work(change(connection))),
});

describe('a copy of a ledger', () => {
  it('has every row where they come in many parts, and says how far it is', async () => {
    const { from, to, copying, close } = await world(1_203);
    const shown: number[] = [];
    const { tables, head } = await copyLedger(copying({ show: (done) => void shown.push(done) }));
    expect(await rowsIn(to)).toEqual(await rowsIn(from));
    expect(tables).toContainEqual({ name: 'events', rows: 1_204 });
    expect(tables).toContainEqual({ name: 'strangers', rows: 1_101 });
    expect(shown.at(-1)).toBe(1_203 + 1_101);
    expect(head).toMatchObject({ ledger: 'the-one', seq: 1_204 });
    expect(await isWhole(to)).toBe(true);
    await close();
  });

  it('takes writes, with the chain going on, from who has had either open since before', async () => {
    const { from, to, copying, record, close } = await world(3);
    await copyLedger(copying());
    await expect(record(from)).rejects.toMatchObject({ code: 'ledger-moved', message: expect.stringContaining('/to.db') });
    await record(to);
    expect(await isWhole(to)).toBe(true);
    await close();
  });

  it('that is stopped changes nothing in the source, and leaves nothing in the target', async () => {
    const { from, to, copying, record, close } = await world(1_203);
    const before = await rowsIn(from);
    let pauses = 0;
    const stopped = copyLedger(
      copying({
        pause: async () => {
          pauses += 1;
          if (pauses === 5) throw new Error('stopped');
        },
      }),
    );
    await expect(stopped).rejects.toThrow('stopped');
    expect(await rowsIn(from)).toEqual(before);
    expect(await to.database.read((c) => c.all('SELECT count(*) AS many FROM events', []))).toEqual([{ many: 0 }]);
    await record(from);
    expect(await copyLedger(copying())).toMatchObject({ result: 'copied' });
    await close();
  });

  it.each<[string, (sql: string, params: readonly unknown[]) => boolean]>([
    ['loses events', (sql) => sql.startsWith('INSERT INTO events')],
    ['loses the last event', (sql, params) => sql.startsWith('INSERT INTO events') && params[0] === 501],
  ])('into a database that %s is not called one, and the source stays open', async (_, isLost) => {
    const { from, to, copying, record, close } = await world(501);
    const losing = through(to.database, (connection) => ({
      ...connection,
      run: async (sql, params) => (isLost(sql, params) ? 0 : connection.run(sql, params)),
    }));
    await expect(copyLedger(copying({ to: { database: losing, name: '/to.db' } }))).rejects.toMatchObject({ code: 'audit-broken' });
    await record(from);
    expect(await to.database.read((c) => c.all('SELECT moved_to FROM ledger', []))).toEqual([{ moved_to: null }]);
    await close();
  });

  it('asks the source something while the target is checked, so that a server does not give up on it', async () => {
    const { from, copying, close } = await world(8_001);
    let asked = 0;
    const counting = through(from.database, (connection) => ({
      ...connection,
      all: (sql, params) => {
        if (sql === 'SELECT 1 AS one') asked += 1;
        return connection.all(sql, params);
      },
    }));
    await copyLedger(copying({ from: { database: counting, name: '/from.db' } }));
    expect(asked).toBeGreaterThanOrEqual(2);
    await close();
  });

  it('is not opened where somebody has written to it past its being closed', async () => {
    const { from, to, copying, record, close } = await world(3);
    let commits = 0;
    const dying: Database = {
      ...to.database,
      write: async (work) => {
        commits += 1;
        if (commits === 2) throw new Error('died');
        return to.database.write(work);
      },
    };
    await expect(copyLedger(copying({ to: { database: dying, name: '/to.db' } }))).rejects.toThrow('died');
    await expect(record(from)).rejects.toMatchObject({ code: 'ledger-moved' });
    await expect(record(to)).rejects.toMatchObject({
      code: 'ledger-moved',
      message: expect.stringContaining('unfinished copy of /from.db'),
    });
    await to.database.write((c) => c.run('UPDATE ledger SET moved_to = NULL', []));
    await record(to);
    await expect(copyLedger(copying())).rejects.toMatchObject({ code: 'ledger-copy-lost' });
    await close();
  });
});
