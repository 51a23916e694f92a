/** The migrations as PostgreSQL understands them, and where it keeps the number of the last one. */

import type { Database } from './database.ts';

/** Text is compared by its bytes, as SQLite does, so that both give their rows in one order. Its INTEGER has 4 bytes. */
export function translateSchema(sql: string): string {
  return sql
    .replaceAll(/\bINTEGER\b/g, 'BIGINT')
    .replaceAll(/\bTEXT\b/g, 'TEXT COLLATE "C"')
    .replaceAll(
      /CREATE TRIGGER (\w+) BEFORE (\w+) ON (\w+) BEGIN SELECT RAISE\(ABORT, ('[^']*')\); END;/g,
      (_, name: string, on: string, table: string, message: string) =>
        `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = ${message}; END $$;
         CREATE TRIGGER ${name} BEFORE ${on === 'DELETE' ? 'DELETE OR TRUNCATE' : on} ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION ${name}();`,
    );
}

export const schemaVersion: Database['schemaVersion'] = {
  read: async (connection) => {
    // A table of that name may be somebody else's.
    const [ours] = await connection.all(
      "SELECT 1 AS one FROM pg_attribute WHERE attrelid = to_regclass('ledger') AND attname = 'schema' AND NOT attisdropped",
      [],
    );
    return ours === undefined ? 0 : Number((await connection.all('SELECT schema FROM ledger', []))[0]?.schema ?? 0);
  },
  set: async (connection, version) => void (await connection.run('UPDATE ledger SET schema = ?', [version])),
};
