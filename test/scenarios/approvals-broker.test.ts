/** Approval where people are signed in to a broker, on a ledger in a file and on PostgreSQL. */

import { afterAll, beforeAll } from 'vitest';
import { approvals } from './approvals.ts';
import { brokerDoors, brokers } from './through-broker.ts';

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

for (const door of brokerDoors) approvals(door, through);
