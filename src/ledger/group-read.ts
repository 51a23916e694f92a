/** What one process reads at the same time is read together, at one instant after all of them have asked; what two of them ask for is looked up once. */

import type { Connection, Row } from './database.ts';

type Reader = { readonly run: (connection: Connection) => Promise<void>; readonly reject: (error: unknown) => void };

export type ReadTogether = {
  readonly connection: Connection;
  /** From here on nothing is seen that others write. */
  readonly begin: () => void;
  readonly end: () => void;
  /** Runs when every transaction before it is over. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  /** Lets those come who are on their way. */
  readonly gather: () => Promise<void>;
};

/** Each is told as soon as its own work is done. Whoever comes once it has begun reads with the next: nobody gets what was so before they asked. */
export function groupRead(together: ReadTogether): <T>(work: (connection: Connection) => Promise<T>) => Promise<T> {
  const { begin, end, inTurn, gather } = together;
  const { connection, forget } = remembering(together.connection);
  let waiting: Reader[] = [];
  const readWaiting = async (): Promise<void> => {
    await gather();
    const group = waiting;
    waiting = [];
    forget();
    try {
      begin();
      await Promise.all(group.map(({ run }) => run(connection)));
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      end();
    }
  };
  return (work) =>
    new Promise((resolve, reject) => {
      const run = async (reader: Connection): Promise<void> => {
        try {
          resolve(await work(reader));
        } catch (error) {
          reject(error);
        }
      };
      if (waiting.length === 0) void inTurn(readWaiting);
      waiting.push({ run, reject });
    });
}

/** Only statements without parameters, which are few: a whole trail, read piece by piece, must not stay in memory. */
function remembering(to: Connection) {
  const known = new Map<string, Promise<readonly Row[]>>();
  const all: Connection['all'] = (sql, params) => {
    if (params.length > 0) return to.all(sql, params);
    const rows = known.get(sql) ?? to.all(sql, params);
    known.set(sql, rows);
    return rows;
  };
  return { connection: { ...to, all }, forget: () => known.clear() };
}
