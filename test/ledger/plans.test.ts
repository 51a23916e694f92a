/** With a million grants that are long over, nothing that a command or a sweep reads may go through all of them: every query finds its rows by an index. */

import { expect, it } from 'vitest';
import type { Connection, Value } from '../../src/ledger/database.ts';
import { grantQueries } from '../../src/ledger/grants.ts';
import { groupQueries } from '../../src/ledger/groups.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { membershipQueries } from '../../src/ledger/memberships.ts';
import { requestQueries } from '../../src/ledger/requests.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';

/** Rows that grow with every grant ever given. A partial index holds only what is not over. */
const wholeTable =
  /^SCAN (requests|grants|memberships|events)(?! USING (COVERING )?INDEX (grants_due|grants_of_membership|requests_open|requests_pending|memberships_unanswered)\b)/;

it('reads what is due, open or live by an index that holds nothing else', async () => {
  const database = await openSqlite(':memory:');
  await openLedger(database, { now: () => 1, id: 'plans' });
  const steps = await database.read(async (real) => {
    const found: string[] = [];
    const explain = async (sql: string, params: readonly Value[]) => {
      const plan = await real.all(`EXPLAIN QUERY PLAN ${sql}`, params);
      found.push(...plan.map(({ detail }) => `${detail}   (${sql.replace(/\s+/g, ' ').slice(0, 120)})`));
      return [];
    };
    const connection: Connection = { all: explain, run: async () => 0, script: async () => undefined };
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
    await memberships.membershipsOfGroup('okta', 'g');
    await memberships.membershipAt('okta', { account: 'a', userId: 'u', groupId: 'g' });
    await requests.openRequests();
    await requests.pendingPast(1);
    await requests.openHolders('role');
    await groupQueries(connection).directories();
    return found;
  });
  expect(steps.length).toBeGreaterThan(15);
  expect(steps.filter((step) => wholeTable.test(step))).toEqual([]);
  // By group, not through every membership of the directory; and due first, not the directory.
  expect(steps.filter((step) => /memberships_pin \(directory=\?\)/.test(step))).toEqual([]);
  await database.close();
});
