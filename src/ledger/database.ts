/** The narrow driver that the ledger needs: rows in, rows out, and one writer at a time. */

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

export type Connection = {
  /** Placeholders are `?`. */
  all(sql: string, params: readonly Value[]): Promise<readonly Row[]>;
  /** Number of rows changed. */
  run(sql: string, params: readonly Value[]): Promise<number>;
  /** Several statements without parameters: a migration. */
  script(sql: string): Promise<void>;
};

export type Database = {
  /** Runs `work` in one transaction that no other writer can come between; rolls back when it throws. */
  write<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  read<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** What runs on this database to read and to set the number of the last migration. */
  readonly schemaVersion: { read(connection: Connection): Promise<number>; set(connection: Connection, version: number): Promise<void> };
  close(): Promise<void>;
};
