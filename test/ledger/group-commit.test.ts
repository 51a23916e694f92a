/** Writes that come together are committed together, and yet each is whole or undone by itself. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Connection } from '../../src/ledger/database.ts';
import { groupCommit } from '../../src/ledger/group-commit.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';

const folder = mkdtempSync(join(tmpdir(), 'oncall-group-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
async function table() {
  const database = await openSqlite(join(folder, `${++files}.db`));
  await database.write((c) => c.script('CREATE TABLE t (n INTEGER PRIMARY KEY)'));
  const put = (n: number) => (c: Connection) => c.run('INSERT INTO t (n) VALUES (?)', [n]);
  const all = () => database.read(async (c) => (await c.all('SELECT n FROM t ORDER BY n', [])).map(({ n }) => n));
  return { database, put, all };
}

/** What is executed, with a fault at the first statement that `breaks`. */
function recorded(breaks?: string) {
  const executed: string[] = [];
  let turn: Promise<void> = Promise.resolve();
  const exec = (sql: string): void => {
    executed.push(sql);
    if (sql === breaks) throw new Error(`${sql} failed`);
  };
  const write = groupCommit({
    begin: () => {
      exec('BEGIN');
      return { connection: {} as Connection, exec, commit: () => exec('COMMIT'), rollback: () => exec('ROLLBACK') };
    },
    inTurn: (work) => {
      turn = turn.then(work);
      return turn;
    },
    gather: async () => undefined,
  });
  return { executed, write };
}

describe('writing at the same time', () => {
  it('commits once for all, in the order they came, and tells each its own result', async () => {
    const { executed, write } = recorded();
    expect(await Promise.all([1, 2, 3].map((n) => write(async () => n * 10)))).toEqual([10, 20, 30]);
    const one = ['SAVEPOINT one', 'RELEASE one'];
    expect(executed).toEqual(['BEGIN', ...one, ...one, ...one, 'COMMIT']);
    await write(async () => 4);
    expect(executed.slice(-2)).toEqual(['BEGIN', 'COMMIT']);
  });

  it('tells nobody that it is done before the commit', async () => {
    const { executed, write } = recorded();
    const seen = await Promise.all([1, 2].map((n) => write(async () => n).then(() => executed.includes('COMMIT'))));
    expect(seen).toEqual([true, true]);
  });

  it('tells everybody that it failed where the commit did', async () => {
    const { executed, write } = recorded('COMMIT');
    const results = await Promise.allSettled([1, 2].map((n) => write(async () => n)));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(executed.at(-1)).toBe('ROLLBACK');
  });

  it('tells everybody the first fault where the database has undone all of it by itself', async () => {
    const { write } = recorded('ROLLBACK TO one');
    const full = new Error('disk full');
    const results = await Promise.allSettled([write(async () => 1), write(() => Promise.reject(full)), write(async () => 3)]);
    expect(results.map((result) => (result.status === 'rejected' ? result.reason : result.value))).toEqual([full, full, full]);
  });

  it('undoes what fails, and that alone', async () => {
    const { database, put, all } = await table();
    const results = await Promise.allSettled([
      database.write(put(1)),
      database.write(async (c) => {
        await put(2)(c);
        throw new Error('changed my mind');
      }),
      database.write(put(1)),
      database.write(put(3)),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(await all()).toEqual([1, 3]);
    await database.close();
  });

  it('goes on after a fault, one at a time and together', async () => {
    const { database, put, all } = await table();
    await expect(database.write(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(database.read(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await Promise.all([database.write(put(1)), database.write(put(2)), all()]);
    expect(await all()).toEqual([1, 2]);
    await database.close();
  });

  it('loses nobody’s work where the disk is full, and says so to whom it concerns', async () => {
    const { database, put, all } = await table();
    await database.write(put(1));
    await database.write((c) => c.script('PRAGMA max_page_count = 3; CREATE TABLE IF NOT EXISTS big (text TEXT)')).catch(() => undefined);
    const results = await Promise.allSettled([
      database.write(put(2)),
      database.write((c) => c.script(`CREATE TABLE a (x TEXT); CREATE TABLE b (x TEXT); CREATE TABLE c (x TEXT); CREATE TABLE d (x TEXT)`)),
      database.write(put(3)),
    ]);
    expect(results[1]?.status).toBe('rejected');
    const kept = [2, 3].filter((_, index) => results[index * 2]?.status === 'fulfilled');
    expect(await all()).toEqual([1, ...kept]);
    await database.close();
  });
});
