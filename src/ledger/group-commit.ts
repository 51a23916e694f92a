/** What one process writes at the same time is committed together, as each commit waits for the disk. */

import type { Connection } from './database.ts';

type Writer = { readonly run: () => Promise<() => void>; readonly reject: (error: unknown) => void };

export type Together = {
  readonly connection: Connection;
  readonly exec: (sql: string) => void;
  /** Runs when every transaction before it is over. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  /** Lets those come who are on their way. */
  readonly gather: () => Promise<void>;
};

/** Each work is done whole or not at all, on its own; none hears that it is done before the disk has it. */
export function groupCommit({
  connection,
  exec,
  inTurn,
  gather,
}: Together): <T>(work: (connection: Connection) => Promise<T>) => Promise<T> {
  let waiting: Writer[] = [];
  const commitWaiting = async (): Promise<void> => {
    await gather();
    const group = waiting;
    waiting = [];
    await commit(exec, group);
  };
  return (work) =>
    new Promise((resolve, reject) => {
      const run = async () => {
        const result = await work(connection);
        return () => resolve(result);
      };
      if (waiting.length === 0) void inTurn(commitWaiting);
      waiting.push({ run, reject });
    });
}

async function commit(exec: Together['exec'], group: readonly Writer[]): Promise<void> {
  const told: (() => void)[] = [];
  try {
    // IMMEDIATE: a deferred transaction that reads and then writes fails at once beside another writer, whatever the busy timeout.
    exec('BEGIN IMMEDIATE');
    for (const writer of group) told.push(group.length === 1 ? await writer.run() : await apart(exec, writer));
    exec('COMMIT');
  } catch (error) {
    try {
      exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself (a full disk, for one); the first error is the one to tell.
    }
    for (const { reject } of group) reject(error);
    return;
  }
  for (const tell of told) tell();
}

/** What it throws undoes its own part alone. */
async function apart(exec: Together['exec'], { run, reject }: Writer): Promise<() => void> {
  exec('SAVEPOINT one');
  try {
    const tell = await run();
    exec('RELEASE one');
    return tell;
  } catch (error) {
    try {
      exec('ROLLBACK TO one');
      exec('RELEASE one');
    } catch {
      // There is no savepoint any more: SQLite has rolled back everything.
      throw error;
    }
    return () => reject(error);
  }
}
