/** The embedded ledger: one SQLite file, one host. */

import { chmodSync } from 'node:fs';
import { isOncallError, OncallError } from '../errors.ts';
import { type Connection, type Database, type Row, storable, type Value } from './database.ts';
import { groupCommit } from './group-commit.ts';
import { groupRead } from './group-read.ts';

type Statement = { all(...params: Value[]): Row[]; run(...params: Value[]): { changes: number }; readonly reader?: boolean };
type Driver = { prepare(sql: string): Statement; exec(sql: string): unknown; close(): unknown; readonly inTransaction: boolean };

/** How long a writer waits for another process's transaction, ms. */
const busyTimeoutMs = 20_000;

/** `between`: runs `work` while no transaction of this process is open. */
type SqliteDatabase = Database & { readonly between: (work: () => void) => Promise<void> };

/** Opens (and creates) the file; `:memory:` keeps nothing. Throws `OncallError` where the file cannot be used. */
export async function openSqlite(path: string): Promise<SqliteDatabase> {
  const { default: Libsql } = (await import('libsql')) as unknown as { default: new (path: string) => Driver };
  const driver = guard(path, () => {
    const opened = new Libsql(path);
    try {
      // busy_timeout first: in the other order a start beside other processes fails at once with SQLITE_BUSY.
      for (const pragma of [`busy_timeout = ${busyTimeoutMs}`, 'journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON'])
        opened.prepare(`PRAGMA ${pragma}`).all();
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  });
  if (path !== ':memory:') keepPrivate(path);
  return database(path, driver);
}

function database(path: string, driver: Driver): SqliteDatabase {
  const prepared = new Map<string, Statement>();
  const statement = (sql: string): Statement => {
    const known = prepared.get(sql);
    if (known) return known;
    const made = driver.prepare(sql);
    prepared.set(sql, made);
    return made;
  };
  const connection: Connection = {
    all: async (sql, params) => guard(path, () => statement(sql).all(...storable(params))),
    run: async (sql, params) => guard(path, () => statement(sql).run(...storable(params)).changes),
    script: async (sql) => void guard(path, () => driver.exec(sql)),
  };

  // One connection: transactions of this process take turns, because their bodies await.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };
  const exec = (sql: string): void => void guard(path, () => driver.exec(sql));
  const endRead = (): void => {
    // It has changed nothing, and SQLite may have ended it already.
    if (driver.inTransaction) exec('ROLLBACK');
  };
  const transaction = { connection, exec, commit: () => exec('COMMIT'), rollback: () => exec('ROLLBACK') };
  const begin = () => {
    // IMMEDIATE: a deferred transaction that reads and then writes fails at once beside another writer, whatever the busy timeout.
    exec('BEGIN IMMEDIATE');
    return transaction;
  };
  const gather = path === ':memory:' ? async () => undefined : () => new Promise<void>((resolve) => void setImmediate(resolve));

  return {
    write: groupCommit({ begin, inTurn, gather }),
    read: groupRead({ connection, begin: () => exec('BEGIN'), end: endRead, inTurn, gather }),
    between: (work) => inTurn(async () => work()),
    schemaVersion: {
      read: async (reader) => Number((await reader.all('PRAGMA user_version', []))[0]?.user_version ?? 0),
      set: (writer, version) => writer.script(`PRAGMA user_version = ${version}`),
    },
    close: () => inTurn(async () => void driver.close()),
  };
}

/** The ledger names people and their access: nobody else's business. Best effort, as the file may belong to another user of the same group. */
function keepPrivate(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      chmodSync(file, 0o600);
    } catch {
      // Not ours, or not there (yet).
    }
  }
}

const heldNext = 'try again; if it stays so, one of them may be stopped (state T): jobs; ps -e -o pid,stat,user,args';

const faults: readonly (readonly [RegExp, string, string, string])[] = [
  [/READONLY/, 'ledger-read-only', 'cannot be written', 'check the owner and mode of the file and its folder'],
  [/FULL/, 'ledger-disk-full', 'cannot be written: the disk is full', 'free some space; nothing was changed'],
  [/CANTOPEN/, 'ledger-cannot-open', 'cannot be opened', 'check that its folder exists and that you may write there'],
  [/NOTADB|CORRUPT/, 'ledger-corrupt', 'is not a sound SQLite database', 'put back a backup; the sweep needs it'],
  [/BUSY|LOCKED/, 'ledger-busy', 'is held by another process', heldNext],
  [/IOERR/, 'ledger-io', 'cannot be read or written', 'check the disk'],
];

function guard<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isOncallError(error)) throw error;
    const text = `${(error as { code?: string }).code ?? ''} ${error instanceof Error ? error.message : error}`;
    const upper = text.toUpperCase();
    const fault =
      faults.find(([pattern]) => pattern.test((error as { code?: string }).code ?? '')) ??
      (/READ-?ONLY/.test(upper)
        ? faults[0]
        : /UNABLE TO OPEN|CANNOT OPEN/.test(upper)
          ? faults[2]
          : /NOT A DATABASE|MALFORMED/.test(upper)
            ? faults[3]
            : undefined);
    if (!fault) throw error;
    throw new OncallError(fault[1], `the ledger ${path} ${fault[2]}`, { why: text.trim(), next: fault[3], cause: error });
  }
}
