/**
 * One database for all histories of a thread: its tables are made and its statements prepared once, and each history is a transaction that
 * is undone. The SQL is the program's. In memory the driver is another, three times as fast, because most of a history is spent here.
 */

import type { Connection, Database, Dialect, Row, Value } from '../../src/ledger/database.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { start } from './config.ts';

type Statement = {
  raw(): Statement;
  columns(): readonly { readonly name: string }[];
  get(...params: Value[]): readonly [string];
  run(...params: Value[]): { readonly changes: number };
};
type Driver = { prepare(sql: string): Statement; exec(sql: string): unknown };

/** What a history's ledger runs on. It answers at once: a step of a history sets off nothing but microtasks. */
export type Sql = {
  readonly dialect: Dialect;
  all(sql: string, params: readonly Value[]): readonly Row[];
  run(sql: string, params: readonly Value[]): number;
  /** `BEGIN` and `ROLLBACK` around a history among them. */
  script(sql: string): void;
  readonly version: { read(): number; set(version: number): void };
};

export type Scratch = { readonly database: Database; readonly exec: (sql: string) => void };

let opened: Promise<Scratch> | undefined;

/** An empty ledger in memory. */
export function scratch(): Promise<Scratch> {
  opened ??= inMemory().then(scratchOn);
  return opened;
}

export async function scratchOn(sql: Sql): Promise<Scratch> {
  const database = databaseOn(sql);
  await openLedger(database, { now: () => start, id: 'simulated', mayMigrate: true });
  // Loaded when it is first asked for, which a step of a history would not wait for.
  await import('../../src/operations/recover.ts');
  await import('../../src/operations/take-over.ts');
  return { database, exec: sql.script };
}

async function inMemory(): Promise<Sql> {
  const { default: Libsql } = (await import('libsql')) as unknown as { default: new (path: string) => Driver };
  const driver = new Libsql(':memory:');
  driver.exec('PRAGMA foreign_keys = ON');
  const reading = remembered((sql) => reader(driver, sql));
  const writing = remembered((sql) => driver.prepare(sql));
  return {
    dialect: 'sqlite',
    all: (sql, params) => reading(sql)(params),
    run: (sql, params) => writing(sql).run(...params).changes,
    script: (sql) => void driver.exec(sql),
    version: {
      read: () => Number(reading('SELECT user_version FROM pragma_user_version')([])[0]?.['user_version']),
      set: (version) => void driver.exec(`PRAGMA user_version = ${version}`),
    },
  };
}

function databaseOn({ dialect, all, run, script, version }: Sql): Database {
  const connection: Connection = {
    dialect,
    all: async (sql, params) => all(sql, params),
    run: async (sql, params) => run(sql, params),
    script: async (sql) => script(sql),
  };
  const change = (sql: string): void => void run(sql, []);
  return {
    write: async (work) => {
      change('SAVEPOINT one');
      try {
        return await work(connection);
      } catch (error) {
        change('ROLLBACK TO one');
        throw error;
      } finally {
        change('RELEASE one');
      }
    },
    read: (work) => work(connection),
    schemaVersion: { read: async () => version.read(), set: async (_, to) => version.set(to) },
    close: async () => {},
  };
}

function remembered<T>(make: (sql: string) => T): (sql: string) => T {
  const known = new Map<string, T>();
  return (sql) => {
    const before = known.get(sql) ?? make(sql);
    known.set(sql, before);
    return before;
  };
}

/** All rows as one text: libsql takes ten times as long to hand over a row value by value as SQLite takes to find it. */
function reader(driver: Driver, sql: string): (params: readonly Value[]) => readonly Row[] {
  const names = driver
    .prepare(sql)
    .raw()
    .columns()
    .map(({ name }) => name);
  const values = names.map((name) => `"${name}"`).join(', ');
  const whole = driver.prepare(`SELECT json_group_array(json_array(${values})) FROM (${sql})`).raw();
  return (params) => {
    const rows = JSON.parse(whole.get(...params)[0]) as readonly (readonly Value[])[];
    return rows.map((row) => {
      const named: Record<string, Value> = {};
      for (let at = 0; at < names.length; at++) named[names[at] as string] = row[at] as Value;
      return named;
    });
  };
}
