/** The ledger of several hosts: one PostgreSQL database. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OncallError } from '../errors.ts';
import type { Connection, Database } from './database.ts';
import { groupCommit, type Transaction } from './group-commit.ts';
import { isLoss, mayPass, told } from './postgres-errors.ts';
import { schemaVersion } from './postgres-schema.ts';
import { connector, type Session } from './postgres-session.ts';
import { readUrl } from './postgres-url.ts';

export type PostgresOptions = {
  /** What `pg_stat_activity` shows. */
  readonly application?: string;
  /** How long a transaction waits for a database that cannot be reached before it begins. */
  readonly patienceMs?: number;
  readonly log?: (line: string) => void;
};

const readersAtOnce = 4;
/** Kept far longer than anybody looks for one. */
const commitsKeptMs = 3_600_000;
const pruneEveryMs = 300_000;

/** Any number, the same in every version of this program. */
const migrating = 'pg_advisory_xact_lock(7232414120241122)';

const clock = 'CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)';

/**
 * In the transaction, not in the session: a pooler in between may hand the session on. A process that is stopped in a transaction loses it
 * after 10 s, and those who wait for it wait longer than that. A commit that does not wait for the disk could forget who was let in.
 */
const limits = `SET LOCAL idle_in_transaction_session_timeout = 10000; SET LOCAL lock_timeout = 20000; SET LOCAL statement_timeout = 30000;
  SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`;
const beginRead = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${limits}`;
// The lock first, and each statement sees what was committed before it: beside whoever holds the row, no other writer runs.
const lock = 'SELECT 1 FROM ledger FOR UPDATE';
const beginWrite = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ${limits}; ${lock}`;
const beginFirst = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ${limits}; SELECT ${migrating}`;

/** Connects once, so that a wrong address is told at once. The address is in no message. */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<Database> {
  const { patienceMs = 10_000, log } = options;
  const place = readUrl(url);
  const connect = await connector(place, options.application ?? 'oncall', Math.max(1000, Math.min(patienceMs, 5000)));

  const idle: Session[] = [];
  let isClosed = false;
  const release = (session: Session): void => {
    if (isClosed || session.isLost()) session.end();
    else {
      session.rest(true);
      idle.push(session);
    }
  };
  const taken = async (): Promise<Session> => {
    for (let session = idle.pop(); session !== undefined; session = idle.pop()) {
      if (session.isLost()) continue;
      session.rest(false);
      return session;
    }
    return connect();
  };

  /** Nothing has been done yet, so it may be tried again. */
  const patiently = async <T>(attempt: () => Promise<T>): Promise<T> => {
    const until = performance.now() + patienceMs;
    for (let wait = 50; ; wait = Math.min(2 * wait, 1000)) {
      try {
        return await attempt();
      } catch (error) {
        if (!mayPass(error) || performance.now() + wait > until) throw told(error, place);
        if (wait === 50) log?.(`the ledger ${place.name} does not answer (${(told(error, place) as OncallError).why}); trying again`);
        await sleep(wait * (0.5 + Math.random()));
      }
    }
  };
  const begun = async (sql: string): Promise<Session> => {
    const session = await taken();
    try {
      await session.send(sql);
      return session;
    } catch (error) {
      await undo(session);
      throw error;
    }
  };
  const undo = async (session: Session): Promise<void> => {
    await session.send('ROLLBACK').catch(() => session.end());
    release(session);
  };

  /** Before there is a ledger there is no row to lock. */
  const begunFirst = async (): Promise<Session> => {
    const session = await begun(beginFirst);
    try {
      if (await hasTable(session, 'ledger')) await session.send(lock);
      return session;
    } catch (error) {
      await undo(session);
      throw error;
    }
  };
  let isMade = false;
  const begunWrite = async (): Promise<Session> => {
    try {
      const session = await begun(beginWrite);
      isMade = true;
      return session;
    } catch (error) {
      if ((error as { code?: string }).code !== '42P01') throw error;
      return begunFirst();
    }
  };

  let prunedAt = 0;
  const commit = async (session: Session): Promise<void> => {
    const id = randomUUID();
    const isPruning = performance.now() - prunedAt > pruneEveryMs || prunedAt === 0;
    const pruned = isPruning ? `DELETE FROM commits WHERE at < ${clock} - ${commitsKeptMs};` : '';
    try {
      isMade ||= await hasTable(session, 'commits');
      await session.send(isMade ? `INSERT INTO commits (id, at) VALUES ('${id}', ${clock}); ${pruned} COMMIT` : 'COMMIT');
      if (isPruning) prunedAt = performance.now();
    } catch (error) {
      if (!isLoss(error)) throw told(error, place, 'nothing was changed');
      session.end();
      await requireCommitted(id, error);
    }
    release(session);
  };

  /** The answer to COMMIT was lost. The row's lock is free once the server has finished with that transaction, one way or the other. */
  const requireCommitted = async (id: string, lost: unknown): Promise<void> => {
    const isThere = await patiently(async () => {
      const session = await begunWrite();
      try {
        return (await session.send(`SELECT 1 FROM commits WHERE id = '${id}'`)).rowCount === 1;
      } finally {
        await undo(session);
      }
    }).catch((error: unknown) => {
      throw new OncallError('ledger-unanswered', `the ledger ${place.name} did not say whether it kept the change`, {
        why: (told(error, place) as OncallError).why ?? 'the connection was lost',
        next: 'it is not known whether anything was changed; once the database is back: oncall status',
      });
    });
    if (!isThere) throw told(lost, place, 'nothing was changed', true);
    log?.(`the answer to a change of the ledger ${place.name} was lost; it was kept`);
  };

  const beginTransaction = async (): Promise<Transaction> => {
    const session = await patiently(begunWrite);
    return {
      connection: session.connection,
      exec: async (sql) => {
        const sent = session.send(sql).catch((error: unknown) => {
          throw told(error, place, 'nothing was changed');
        });
        // Where it fails, so does all that comes after it: nobody need wait for it.
        if (sql.startsWith('SAVEPOINT')) return void sent.catch(() => undefined);
        await sent;
      },
      commit: () => commit(session),
      rollback: () => undo(session),
    };
  };

  // The writers of one process go together; beside those of others, the row's lock makes them wait.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };
  const gather = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const reading = limited(readersAtOnce);
  const read = <T>(work: (connection: Connection) => Promise<T>): Promise<T> =>
    reading(async () => {
      const session = await patiently(() => begun(beginRead));
      try {
        return await work(session.connection);
      } finally {
        // Nobody need wait for it: it has changed nothing.
        void undo(session);
      }
    });

  release(await patiently(taken));
  return {
    write: groupCommit({ begin: beginTransaction, inTurn, gather }),
    read,
    schemaVersion,
    clock,
    isShared: true,
    close: () =>
      inTurn(async () => {
        isClosed = true;
        for (const session of idle.splice(0)) session.end();
      }),
  };
}

const hasTable = async (session: Session, name: string): Promise<boolean> =>
  (await session.send(`SELECT 1 WHERE to_regclass('${name}') IS NOT NULL`)).rowCount === 1;

/** At most so many at a time; the others in the order they came. */
function limited(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = places;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
