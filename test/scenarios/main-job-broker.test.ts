/** The main job where people are signed in to a broker over TLS, which holds the ledger, in a file or on PostgreSQL, and the keys. */

import { afterAll, beforeAll } from 'vitest';
import { embedded, iam, identityCenter, oktaSignedIn } from './companies.ts';
import { mainJob } from './main-job.ts';
import { brokerDoors, brokers } from './through-broker.ts';

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

for (const kind of [embedded(through), iam(through), identityCenter(through), oktaSignedIn('', through)]) mainJob(kind, brokerDoors);
