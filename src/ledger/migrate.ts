/** Which tables there are, who may change them, and what those are told who may not. */

import { OncallError } from '../errors.ts';
import type { Connection, Database } from './database.ts';
import first from './migrations/0001-first.sql';
import broker from './migrations/0002-broker.sql';
import unknown from './migrations/0003-unknown.sql';
import patterns from './migrations/0004-patterns.sql';

const migrations: readonly string[] = [first, broker, unknown, patterns];

export type SchemaWorld = {
  readonly now: () => number;
  /** Names a new ledger. */
  readonly id: string;
  /** Whether this program may change the tables of a ledger that there is, or make those of one that several hosts share. */
  readonly mayMigrate?: boolean | undefined;
  /** Name of this host and version of this program: for those who are too old for the ledger after it. */
  readonly host?: string;
  readonly program?: string;
};

/** Brings the schema up to date, where that is allowed, and gives the ledger's own id. */
export async function prepare(database: Database, world: SchemaWorld): Promise<string> {
  const version = await database.read((connection) => database.schemaVersion.read(connection));
  if (version > migrations.length) await database.read(newer(version));
  if (version < migrations.length) {
    const isNew = version === 0;
    if (!world.mayMigrate && (!isNew || database.isShared)) throw isNew ? empty() : older(version);
    await migrate(database, world);
  }
  return database.read(async (connection) => String((await connection.all('SELECT id FROM ledger', []))[0]?.id));
}

async function migrate(database: Database, world: SchemaWorld): Promise<void> {
  await database.write(async (connection) => {
    // Read again inside the transaction: another process may have done it meanwhile.
    const version = await database.schemaVersion.read(connection);
    if (version > migrations.length) return newer(version)(connection);
    if (version === migrations.length) return;
    for (const migration of migrations.slice(version)) await connection.script(migration);
    const now = await timeOf(database, connection, world.now);
    if (version === 0) await connection.run('INSERT INTO ledger (one, id, clock, host) VALUES (1, ?, ?, ?)', [world.id, now, now]);
    await connection.run('UPDATE ledger SET schema = ?', [migrations.length]);
    await connection.run('INSERT INTO upgrades (version, at, host, program) VALUES (?, ?, ?, ?)', [
      migrations.length,
      now,
      world.host ?? '',
      world.program ?? '',
    ]);
    await database.schemaVersion.set(connection, migrations.length);
  });
}

async function timeOf({ clock }: Database, connection: Connection, host: () => number): Promise<number> {
  return clock === undefined ? host() : Number((await connection.all(`SELECT ${clock} AS now`, []))[0]?.now);
}

/** A program that was started before the upgrade finds out in its next transaction. */
export async function requireKnownSchema(connection: Connection, version: number): Promise<void> {
  if (version > migrations.length) await newer(version)(connection);
}

const newer =
  (version: number) =>
  async (connection: Connection): Promise<never> => {
    const by = (await connection.all('SELECT host, program FROM upgrades ORDER BY version DESC LIMIT 1', []))[0];
    const named = [by?.program ? `oncall ${by.program}` : '', by?.host ? `on ${by.host}` : ''].filter((part) => part !== '');
    throw new OncallError(
      'ledger-newer',
      `the ledger was written by a newer oncall (schema ${version}, this one knows ${migrations.length})`,
      {
        ...(named.length === 0 ? {} : { why: `it was upgraded by ${named.join(' ')}` }),
        next: `upgrade oncall on this host${by?.program ? ` to ${by.program}` : ''}`,
      },
    );
  };

const older = (version: number): OncallError =>
  new OncallError('ledger-older', `the ledger is that of an older oncall (schema ${version}, this one needs ${migrations.length})`, {
    why: 'only a sweep or a broker upgrades it, so that nobody else is locked out by chance',
    next: 'upgrade oncall on the host that sweeps, and run there: oncall sweep',
  });

const empty = (): OncallError =>
  new OncallError('ledger-empty', 'the database has no ledger in it', {
    why: 'only a sweep or a broker makes one in a database, so that a wrong address is not taken for a new team',
    next: 'check that the policy names the right database; for a new one, on the host that is to sweep: oncall sweep',
  });
