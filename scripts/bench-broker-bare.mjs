/**
 * What the broker's `status` is held against: one bare route that checks the same token and reads the same grants from the same file, by the same
 * packages, and gives an answer of the same length. No limits, no rights, no faults looked for. Prints its address.
 */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createLocalJWKSet, jwtVerify } from 'jose';
import Database from 'libsql';

const { ledger, issuer, audience, keys, answer } = JSON.parse(process.argv[2]);
const keySet = createLocalJWKSet(keys);
const database = new Database(ledger);
database.exec('PRAGMA busy_timeout = 20000');
const live = database.prepare(
  `SELECT grants.*, memberships.holder, memberships.owned, memberships.directory, memberships.group_name, requests.role, requests.starts_at, requests.expires_at
     FROM grants JOIN memberships ON memberships.id = grants.membership_id JOIN requests ON requests.id = grants.request_id
     WHERE grants.state <> 'ended' ORDER BY requests.expires_at, grants.id`,
);

const app = new Hono();
app.post('/v1/status', async (at) => {
  const token = at.req.header('authorization')?.slice('Bearer '.length) ?? '';
  await jwtVerify(token, keySet, { issuer, audience, algorithms: ['RS256'] });
  await at.req.json();
  const rows = live.all();
  return at.json({ ...answer, result: { ...answer.result, grants: answer.result.grants.slice(0, rows.length), now: Date.now() } });
});
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}`));
server.keepAliveTimeout = 60_000;
process.stdin.on('end', () => process.exit(0)).resume();
