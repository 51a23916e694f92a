/** With a million grants that are long over, nothing that a command or a sweep reads may go through all of them: every query finds its rows by an index. */

import { expect, it } from 'vitest';
import { byPolicyQueries } from '../../src/ledger/by-policy.ts';
import type { Connection, Value } from '../../src/ledger/database.ts';
import { grantQueries } from '../../src/ledger/grants.ts';
import { groupQueries } from '../../src/ledger/groups.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { membershipQueries } from '../../src/ledger/memberships.ts';
import { noticeQueries } from '../../src/ledger/notices.ts';
import { openPostgres } from '../../src/ledger/postgres.ts';
import { requestQueries } from '../../src/ledger/requests.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import { noPostgres, startPostgres } from '../fakes/postgres.ts';

/** Rows that grow with every grant ever given. A partial index holds only what is not over. */
const wholeTable =
  /^SCAN (requests|grants|memberships|events)(?! USING (COVERING )?INDEX (grants_due|grants_of_membership|requests_open|requests_pending|requests_line|memberships_unanswered|memberships_told)\b)/;

/** The plan of everything that a command or a sweep asks, line by line, each with its question. */
async function plans(explain: (sql: string, params: readonly Value[]) => Promise<readonly string[]>): Promise<readonly string[]> {
  const found: string[] = [];
  const all = async (sql: string, params: readonly Value[]) => {
    found.push(...(await explain(sql, params)).map((line) => `${line}   (${sql.replace(/\s+/g, ' ').slice(0, 120)})`));
    return [];
  };
  const connection: Connection = { all, run: async () => 0, script: async () => undefined };
  const grants = grantQueries(connection);
  const memberships = membershipQueries(connection);
  const requests = requestQueries(connection);
  await grants.dueGrants(1, 500);
  await grants.dueGrants(1, 500, 'okta');
  await grants.dueByDirectory(1);
  await grants.liveGrants();
  await grants.grantsOfRequest('r');
  await grants.grantsOfMembership('m');
  await memberships.groupsInUse(1);
  await memberships.untoldEnds();
  await memberships.membershipsOfGroup('okta', 'g');
  await memberships.membershipAt('okta', { account: 'a', userId: 'u', groupId: 'g' });
  await requests.openRequests();
  await byPolicyQueries(connection).openByPolicy('standing');
  await byPolicyQueries(connection).lastByPolicy('maria@acme.dev', 'r', 'standing');
  await requests.pendingPast(1);
  await requests.openHolders('role');
  await requests.lineOf('role');
  await requests.rolesInLine();
  await groupQueries(connection).directories();
  await noticeQueries(connection).endingBetween(1, 2);
  await noticeQueries(connection).channel('slack');
  return found;
}

it('reads what is due, open or live by an index that holds nothing else', async () => {
  const database = await openSqlite(':memory:');
  await openLedger(database, { now: () => 1, id: 'plans' });
  const steps = await database.read((real) =>
    plans(async (sql, params) => (await real.all(`EXPLAIN QUERY PLAN ${sql}`, params)).map(({ detail }) => String(detail))),
  );
  expect(steps.length).toBeGreaterThan(15);
  expect(steps.filter((step) => wholeTable.test(step))).toEqual([]);
  // By group, not through every membership of the directory; and due first, not the directory.
  expect(steps.filter((step) => /memberships_pin \(directory=\?\)/.test(step))).toEqual([]);
  await database.close();
});

/** As after two years: 20,000 grants that are over, and two that are not. */
const fill = `
  INSERT INTO requests (id, issuer, subject, email, role, targets, asked, state, open, requested_at, decision, approvals, version)
    SELECT 'r' || n, 'i', 's' || n, 'e', 'role', '[]', '{}', 'approved', CASE WHEN n <= 2 THEN 1 ELSE 0 END, n, '{}', '[]', 1 FROM generate_series(1, 20000) AS n;
  INSERT INTO memberships (id, directory, account, holder, user_id, user_name, group_id, group_name, unanswered_until, end_sessions, busy_until, quiet_until, remove_by, version)
    SELECT 'm' || n, 'okta', 'a', 'h', 'u' || n, 'u', 'g' || n % 500, 'g', 0, 0, 0, 0, 0, 1 FROM generate_series(1, 20000) AS n;
  INSERT INTO grants (id, request_id, membership_id, target, state, attempts, next_attempt_at, created_at, version)
    SELECT 'r' || n || '.1', 'r' || n, 'm' || n, '{}', CASE WHEN n <= 2 THEN 'active' ELSE 'ended' END, 0, n, n, 1 FROM generate_series(1, 20000) AS n;
  ANALYZE`;

it.skipIf(noPostgres !== undefined)(
  `does so on PostgreSQL as well${noPostgres === undefined ? '' : ` (skipped: ${noPostgres})`}`,
  async () => {
    const server = await startPostgres();
    try {
      const name = await server.createDatabase();
      const database = await openPostgres(server.url(name));
      await openLedger(database, { now: Date.now, id: 'plans', mayMigrate: true });
      await server.query(name, fill);
      const steps = await database.read((real) =>
        plans(async (sql, params) => (await real.all(`EXPLAIN ${sql}`, params)).map((row) => String(row['QUERY PLAN']))),
      );
      expect(steps.length).toBeGreaterThan(30);
      expect(steps.filter((step) => /Seq Scan on (requests|grants|memberships|events)/.test(step))).toEqual([]);
      await database.close();
    } finally {
      await server.remove();
    }
  },
);
