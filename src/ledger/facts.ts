/** What a ledger says about itself: its tables, where it was moved to, and the server that it is in. For `doctor`. */

import type { Connection, Database } from './database.ts';
import { whyClosed } from './moved.ts';

export async function ledgerFacts(database: Database) {
  return database.read(async (connection) => {
    const [row] = await connection.all('SELECT schema, moved_to FROM ledger', []);
    const [by] = await connection.all('SELECT at, host, program FROM upgrades ORDER BY version DESC LIMIT 1', []);
    const movedTo = row?.moved_to ?? null;
    return {
      schema: Number(row?.schema),
      ...(by === undefined ? {} : { upgraded: { at: Number(by.at), host: String(by.host), program: String(by.program) } }),
      ...(movedTo === null ? {} : { closed: whyClosed(String(movedTo)) }),
      ...(connection.dialect === 'postgres' ? { server: await server(connection) } : {}),
    };
  });
}

/** What a sweep or a request does there; the tables' owner has all of it. */
const rights = `SELECT r AS "right", t AS "table" FROM unnest(ARRAY['requests', 'memberships', 'grants', 'slots', 'directories',
    'managed_groups', 'strangers', 'told', 'reviews', 'rotations', 'channels', 'answers', 'ledger', 'commits', 'events']) AS t, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS r
  WHERE NOT (t = 'events' AND r IN ('UPDATE', 'DELETE')) AND NOT (t = 'ledger' AND r IN ('INSERT', 'DELETE'))
    AND NOT has_table_privilege(t, r) ORDER BY t, r`;

async function server(connection: Connection) {
  const [about] = await connection.all(
    `SELECT current_setting('server_version') AS version, current_user AS "user",
        (SELECT CASE WHEN rolsuper THEN 1 ELSE 0 END FROM pg_roles WHERE rolname = current_user) AS superuser,
        CASE WHEN has_schema_privilege('public', current_schema(), 'CREATE') THEN 1 ELSE 0 END AS anybody,
        (SELECT version FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()) AS tls`,
    [],
  );
  const missing = await connection.all(rights, []);
  return {
    // Debian and others add their own number: 15.4 (Debian 15.4-1).
    version: String(about?.version).split(' ')[0] ?? '',
    user: String(about?.user),
    isSuperuser: about?.superuser === 1,
    anybodyMayCreate: about?.anybody === 1,
    ...(about?.tls == null ? {} : { tls: String(about.tls) }),
    missing: missing.map((one) => `${one.right} on ${one.table}`),
  };
}
