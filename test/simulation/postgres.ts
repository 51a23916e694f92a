/**
 * The ledger of a history on a real PostgreSQL, by the program's own driver. The scheduler must not go on before an answer has come, and
 * nothing else may run meanwhile: so the driver is in a thread of its own, and this one stands still for each answer.
 */

import { MessageChannel, parentPort, receiveMessageOnPort, type TransferListItem, Worker, workerData } from 'node:worker_threads';
import type { Connection, Row, Value } from '../../src/ledger/database.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { openPostgres } from '../../src/ledger/postgres.ts';
import { start } from './config.ts';
import type { Sql } from './scratch.ts';

type Question =
  | { readonly kind: 'all' | 'run'; readonly sql: string; readonly params: readonly Value[] }
  | { readonly kind: 'script'; readonly sql: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'begin' | 'rollback' };
type Answered = { readonly value: unknown } | { readonly error: string };
type Wiring = { readonly postgresUrl: string; readonly port: import('node:worker_threads').MessagePort; readonly rang: Int32Array };

/** `url`: of a database that no other process uses. `bundle`: the file that this is in, which calls `serveSql` where `isSqlThread()`. */
export async function postgresSql(url: string, bundle: string): Promise<Sql & { close(): Promise<void> }> {
  const { port1, port2 } = new MessageChannel();
  const rang = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(bundle, { workerData: { postgresUrl: url, port: port2, rang }, transferList: [port2 as TransferListItem] });
  thread.on('error', (error) => {
    throw error;
  });
  port1.unref();
  const ask = (question: Question): unknown => {
    Atomics.store(rang, 0, 0);
    port1.postMessage(question);
    // The bell for the answer before may ring after that was taken, and means nothing then.
    while (Atomics.load(rang, 0) === 0) {
      // Longer than the driver itself waits. The questions after it would get the answers to those before.
      if (Atomics.wait(rang, 0, 0, 60_000) === 'timed-out') giveUp(`PostgreSQL does not answer: ${JSON.stringify(question)}`);
    }
    const answered = receiveMessageOnPort(port1)?.message as Answered;
    if ('error' in answered) throw new Error(answered.error);
    return answered.value;
  };
  await new Promise((ready) => thread.once('message', ready));
  thread.unref();
  return {
    dialect: 'postgres',
    all: (sql, params) => ask({ kind: 'all', sql, params }) as readonly Row[],
    run: (sql, params) => ask({ kind: 'run', sql, params }) as number,
    script: (sql) => void ask(sql === 'BEGIN' ? { kind: 'begin' } : sql === 'ROLLBACK' ? { kind: 'rollback' } : { kind: 'script', sql }),
    version: { read: () => ask({ kind: 'version' }) as number, set: () => undefined },
    close: async () => void (await thread.terminate()),
  };
}

function giveUp(why: string): never {
  console.error(why);
  process.exit(2);
}

export const isSqlThread = (): boolean => (workerData as Wiring | undefined)?.postgresUrl !== undefined;

const undone = new Error('undone');

/** A history is one transaction of the driver's; what comes outside of one is a transaction of its own. */
export async function serveSql(): Promise<void> {
  const { postgresUrl, port, rang } = workerData as Wiring;
  // Without the database's own time: a history has its own.
  const { clock: _, ...database } = await openPostgres(postgresUrl);
  await openLedger(database, { now: () => start, id: 'simulated', mayMigrate: true });
  let history: { readonly connection: Connection; readonly undo: () => void; readonly over: Promise<void> } | undefined;

  const begin = (): Promise<void> =>
    new Promise((begun, failed) => {
      const over: Promise<void> = database
        .write(
          (connection) =>
            new Promise<never>((_, reject) => {
              history = { connection, undo: () => reject(undone), over: Promise.resolve().then(() => over) };
              begun();
            }),
        )
        .catch((error: unknown) => {
          if (error === undone) return;
          failed(error);
          throw error;
        });
    });
  const answer = async (question: Question): Promise<unknown> => {
    if (question.kind === 'begin') return begin();
    if (question.kind === 'rollback') {
      const ending = history;
      history = undefined;
      ending?.undo();
      return ending?.over;
    }
    const work = async (connection: Connection): Promise<unknown> => {
      if (question.kind === 'all') {
        const rows = await connection.all(question.sql, question.params);
        // Whoever asks for no order is promised none; what comes by chance would differ once in many histories.
        return / ORDER BY /.test(question.sql) ? rows : [...rows].reverse();
      }
      if (question.kind === 'run') return connection.run(question.sql, question.params);
      if (question.kind === 'script') return connection.script(question.sql);
      return database.schemaVersion.read(connection);
    };
    return history === undefined ? database.write(work) : work(history.connection);
  };

  port.on('message', async (question: Question) => {
    const answered: Answered = await answer(question).then(
      (value) => ({ value }),
      (error: unknown) => ({ error: `${error instanceof Error ? error.stack : error}, at ${JSON.stringify(question)}` }),
    );
    port.postMessage(answered);
    Atomics.store(rang, 0, 1);
    Atomics.notify(rang, 0);
  });
  parentPort?.postMessage('ready');
}
