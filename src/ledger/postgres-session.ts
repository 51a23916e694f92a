/** One connection to PostgreSQL: made, asked, and noticed when it is gone. */

import { hash } from 'node:crypto';
import type { ClientConfig, Client as PgClient, QueryResult } from 'pg';
import { OncallError } from '../errors.ts';
import { type Connection, type Row, storable, type Value } from './database.ts';
import { told } from './postgres-errors.ts';
import { translateSchema } from './postgres-schema.ts';
import type { Place } from './postgres-url.ts';

export type Session = {
  /** What fails on it has words for people. */
  readonly connection: Connection;
  /** Several statements without parameters, in one message; the result of the last one. */
  send(sql: string): Promise<QueryResult>;
  isLost(): boolean;
  /** While it is idle nobody waits for it to end. */
  rest(isResting: boolean): void;
  end(): void;
};

export type Connect = () => Promise<Session>;

/** Longer than the server takes over a statement before it gives it up; for what never answers at all. */
const silenceMs = 45_000;

const int8 = 20;

export async function connector(place: Place, application: string, withinMs: number): Promise<Connect> {
  const { default: pg } = await import('pg');
  const config: ClientConfig & { readonly pipeline: true } = {
    host: place.host,
    port: place.port,
    database: place.database,
    ...(place.user === undefined ? {} : { user: place.user }),
    // A function: else the driver would look for one in the environment and in ~/.pgpass, which the policy says nothing of.
    password: () => place.password as string,
    ssl: place.tls === false ? false : { ...place.tls, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    ...(place.options === undefined ? {} : { options: place.options }),
    application_name: application,
    // Questions of one transaction that do not wait for each other are sent so.
    pipeline: true,
    keepAlive: true,
    // Below what firewalls forget a silent connection after.
    keepAliveInitialDelayMillis: 30_000,
    connectionTimeoutMillis: withinMs,
    types: {
      // Instants and counts, all below 2^53.
      getTypeParser: ((oid: number, format: 'text') =>
        oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  };
  return () => connected(new pg.Client({ ...config }), place);
}

/** What the driver's own types leave out. */
type Inside = {
  readonly connection: {
    on(event: 'parameterStatus', listener: (told: ParameterStatus) => void): void;
    readonly stream: Readonly<Record<'ref' | 'unref', () => void>> & { destroy(error?: Error): void };
  };
};
type ParameterStatus = { readonly parameterName: string; readonly parameterValue: string };

async function connected(client: PgClient, place: Place): Promise<Session> {
  let isLost = false;
  const lose = (): void => {
    isLost = true;
  };
  // Without a listener the loss of an idle connection would end the process.
  client.on('error', lose);
  client.on('end', lose);
  const { connection: inner } = client as unknown as Inside;
  const reported = new Map<string, string>();
  inner.on('parameterStatus', ({ parameterName, parameterValue }) => void reported.set(parameterName, parameterValue));
  try {
    await client.connect();
    requireFit(reported, place);
  } catch (error) {
    inner.stream.destroy();
    throw error;
  }

  const asked = async <T>(question: Promise<T>): Promise<T> => {
    const silence = setTimeout(() => {
      inner.stream.destroy(Object.assign(new Error(`no answer within ${silenceMs / 1000} s`), { code: 'ETIMEDOUT' }));
    }, silenceMs);
    try {
      return await question;
    } finally {
      clearTimeout(silence);
    }
  };
  const query = async (sql: string, params: readonly Value[]): Promise<QueryResult> => {
    try {
      return await asked(client.query({ ...statement(sql), values: storable(params).map(whole) }));
    } catch (error) {
      throw told(error, place, 'nothing was changed');
    }
  };
  const send = async (sql: string): Promise<QueryResult> => {
    const results: QueryResult | readonly QueryResult[] = await asked(client.query(sql));
    return Array.isArray(results) ? (results.at(-1) as QueryResult) : (results as QueryResult);
  };
  return {
    connection: {
      dialect: 'postgres',
      all: async (sql, params) => (await query(sql, params)).rows as readonly Row[],
      run: async (sql, params) => (await query(sql, params)).rowCount ?? 0,
      script: async (sql) => {
        try {
          // As long as it takes: it runs once, and the silence of an index being built is none.
          await client.query(`SET LOCAL statement_timeout = 0; ${translateSchema(sql)}`);
        } catch (error) {
          throw told(error, place, 'nothing was changed');
        }
      },
    },
    send,
    isLost: () => isLost,
    rest: (isResting) => (isResting ? inner.stream.unref() : inner.stream.ref()),
    end: () => {
      if (isLost) return inner.stream.destroy();
      isLost = true;
      void client.end().catch(() => undefined);
      inner.stream.unref();
    },
  };
}

/** Both are told at every start of a session (by PostgreSQL 14 and later), so they cost no question. */
function requireFit(reported: ReadonlyMap<string, string>, { name }: Place): void {
  // What a standby shows may be old, and a decision must not rest on that.
  if (reported.get('in_hot_standby') === 'on')
    throw Object.assign(new Error('the server is in recovery'), { severity: 'FATAL', code: '25006' });
  const encoding = reported.get('server_encoding');
  if (encoding !== 'UTF8')
    throw new OncallError('ledger-refused', `the ledger ${name} cannot hold every name`, {
      why: `its encoding is ${encoding}`,
      next: "create the database with: ENCODING 'UTF8' TEMPLATE template0",
    });
}

type Statement = { readonly name: string; readonly text: string };
const statements = new Map<string, Statement>();

/** `?` as `$1`, `$2`, …, and SQLite's name of what both have. By its name a connection knows it again: that saves half of the server's work. */
function statement(sql: string): Statement {
  const before = statements.get(sql);
  if (before !== undefined) return before;
  let count = 0;
  const text = sql.replaceAll('?', () => `$${++count}`).replaceAll('instr(', 'strpos(');
  // By its text: behind a pooler that hands sessions around, a number could be another statement.
  const made = { name: `oncall_${hash('sha256', text).slice(0, 24)}`, text };
  statements.set(sql, made);
  return made;
}

/** Every number here is a count or an instant, in columns that hold no fractions; SQLite would keep one. */
const whole = (value: Value): Value => (typeof value === 'number' && !Number.isInteger(value) ? Math.ceil(value) : value);
