/** The narrow driver that the ledger needs: rows in, rows out, and one writer at a time. */

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

/** Queries are written once, in what both understand; the few that cannot be are chosen by this. */
export type Dialect = 'sqlite' | 'postgres';

export type Connection = {
  /** SQLite where it is not said. */
  readonly dialect?: Dialect;
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
  /** All that `work` reads is of one instant. */
  read<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** What runs on this database to read and to set the number of the last migration. */
  readonly schemaVersion: { read(connection: Connection): Promise<number>; set(connection: Connection, version: number): Promise<void> };
  /** Its own time in epoch ms as an SQL expression; without one, time is this host's. */
  readonly clock?: string;
  /** Several hosts share it, so that not everybody may make or change its tables. */
  readonly isShared?: boolean;
  close(): Promise<void>;
};

/** PostgreSQL has no U+0000 in its text. Nobody's text may break a transaction, nor be another one in another ledger: so neither keeps it. */
export function storable(params: readonly Value[]): readonly Value[] {
  const isNul = (value: Value): boolean => typeof value === 'string' && value.includes('\0');
  return params.some(isNul) ? params.map((value) => (isNul(value) ? String(value).replaceAll('\0', '\ufffd') : value)) : params;
}
