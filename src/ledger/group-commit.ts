/** What one process writes at the same time is committed together, as each commit waits for the disk. */

import type { Connection } from './database.ts';

type Writer = { readonly run: (connection: Connection) => Promise<() => void>; readonly reject: (error: unknown) => void };

export type Transaction = {
  readonly connection: Connection;
  readonly exec: (sql: string) => void | Promise<void>;
  readonly commit: () => void | Promise<void>;
  readonly rollback: () => void | Promise<void>;
};

export type Together = {
  readonly begin: () => Transaction | Promise<Transaction>;
  /** Runs when every transaction before it is over. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  /** Lets those come who are on their way. */
  readonly gather: () => Promise<void>;
};

/** Each work is done whole or not at all, on its own; none hears that it is done before the disk has it. */
export function groupCommit({ begin, inTurn, gather }: Together): <T>(work: (connection: Connection) => Promise<T>) => Promise<T> {
  let waiting: Writer[] = [];
  const commitWaiting = async (): Promise<void> => {
    await gather();
    const group = waiting;
    waiting = [];
    await commit(begin, group);
  };
  return (work) =>
    new Promise((resolve, reject) => {
      const run = async (connection: Connection) => {
        const result = await work(connection);
        return () => resolve(result);
      };
      if (waiting.length === 0) void inTurn(commitWaiting);
      waiting.push({ run, reject });
    });
}

async function commit(begin: Together['begin'], group: readonly Writer[]): Promise<void> {
  const told: (() => void)[] = [];
  let transaction: Transaction | undefined;
  try {
    transaction = await begin();
    for (const writer of group) told.push(group.length === 1 ? await writer.run(transaction.connection) : await apart(transaction, writer));
    await transaction.commit();
  } catch (error) {
    try {
      await transaction?.rollback();
    } catch {
      // The database has rolled back by itself (a full disk, a lost connection); the first error is the one to tell.
    }
    for (const { reject } of group) reject(error);
    return;
  }
  for (const tell of told) tell();
}

/** What it throws undoes its own part alone. */
async function apart({ connection, exec }: Transaction, { run, reject }: Writer): Promise<() => void> {
  await exec('SAVEPOINT one');
  try {
    const tell = await run(connection);
    await exec('RELEASE one');
    return tell;
  } catch (error) {
    try {
      await exec('ROLLBACK TO one');
      await exec('RELEASE one');
    } catch {
      // There is no savepoint any more: the database has rolled back everything.
      throw error;
    }
    return () => reject(error);
  }
}
