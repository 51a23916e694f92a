/** Reads that come together see one instant, and none of them one from before it was asked. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Connection, Row } from '../../src/ledger/database.ts';
import { groupRead } from '../../src/ledger/group-read.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';

const folder = mkdtempSync(join(tmpdir(), 'oncall-group-read-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const path = () => join(folder, `${++files}.db`);

const numbers = async (c: Connection): Promise<readonly unknown[]> => (await c.all('SELECT n FROM t ORDER BY n', [])).map(({ n }) => n);
const put = (n: number) => (c: Connection) => c.run('INSERT INTO t (n) VALUES (?)', [n]);

async function table() {
  const at = path();
  const database = await openSqlite(at);
  await database.write((c) => c.script('CREATE TABLE t (n INTEGER PRIMARY KEY)'));
  return { at, database };
}

/** What is executed, with a fault at the first statement that `breaks`. */
function recorded(breaks?: string) {
  const executed: string[] = [];
  let turn: Promise<void> = Promise.resolve();
  const exec = (sql: string): void => {
    executed.push(sql);
    if (sql === breaks) throw new Error(`${sql} failed`);
  };
  const connection: Connection = {
    all: async (sql, params): Promise<readonly Row[]> => {
      exec([sql, ...params].join(' '));
      return [];
    },
    run: async () => 0,
    script: async () => undefined,
  };
  const read = groupRead({
    connection,
    begin: () => exec('BEGIN'),
    end: () => exec('END'),
    inTurn: (work) => {
      turn = turn.then(work);
      return turn;
    },
    gather: async () => undefined,
  });
  return { executed, read, over: () => turn };
}

describe('reading at the same time', () => {
  it('looks up once what several ask for, and by itself what has parameters', async () => {
    const { executed, read, over } = recorded();
    const both = async (c: Connection, n: number) => [await c.all('all', []), await c.all('one', [n])];
    await Promise.all([read((c) => both(c, 1)), read((c) => both(c, 1))]);
    await over();
    expect(executed).toEqual(['BEGIN', 'all', 'one 1', 'one 1', 'END']);
    await read((c) => both(c, 2));
    await over();
    expect(executed.slice(5)).toEqual(['BEGIN', 'all', 'one 2', 'END']);
  });

  it('gives whoever comes while others read what is so then, not what they saw', async () => {
    const { at, database } = await table();
    const other = await openSqlite(at);
    let second: Promise<readonly unknown[]> | undefined;
    const first = await database.read(async (c) => {
      const before = await numbers(c);
      await other.write(put(1));
      second = database.read(numbers);
      return [before, await numbers(c)];
    });
    expect(first).toEqual([[], []]);
    expect(await second).toEqual([1]);
  });

  it('sees what this process was told to write before', async () => {
    const { database } = await table();
    const [, seen] = await Promise.all([database.write(put(1)), database.read(numbers)]);
    expect(seen).toEqual([1]);
  });

  it('fails alone where its own work fails, and tells the others at once', async () => {
    const { database } = await table();
    let finish: (() => void) | undefined;
    const slow = database.read(() => new Promise<void>((resolve) => (finish = resolve)));
    const results = await Promise.allSettled([
      database.read(async () => Promise.reject(new Error('mine'))),
      database.read((): Promise<never> => {
        throw new Error('at once');
      }),
      database.read(numbers),
    ]);
    expect(results).toMatchObject([
      { reason: { message: 'mine' } },
      { reason: { message: 'at once' } },
      { status: 'fulfilled', value: [] },
    ]);
    finish?.();
    await slow;
    expect(await database.read(numbers)).toEqual([]);
  });

  it('tells all of them where the transaction cannot begin, and goes on afterwards', async () => {
    const { executed, read, over } = recorded('BEGIN');
    const asked = await Promise.allSettled([1, 2].map((n) => read(async () => n)));
    expect(asked).toMatchObject([{ reason: { message: 'BEGIN failed' } }, { reason: { message: 'BEGIN failed' } }]);
    await over();
    expect(executed).toEqual(['BEGIN', 'END']);
    await expect(read(async () => 3)).rejects.toThrow('BEGIN failed');
  });
});

describe('a ledger that is read by many at once', () => {
  it('gives each of them one instant, and the next ones a later one', async () => {
    let now = 1_000;
    const ledger = await openLedger(await openSqlite(path()), { now: () => now, id: 'test' });
    const instants = async (): Promise<readonly number[]> => {
      const reads = Array.from({ length: 3 }, () => ledger.read(async (_, at) => at));
      return Promise.all(reads);
    };
    expect(await instants()).toEqual([1_000, 1_000, 1_000]);
    now = 2_000;
    expect(await instants()).toEqual([2_000, 2_000, 2_000]);
    await ledger.close();
  });
});
