/** The main job where what people type holds the ledger and the keys itself. */

import { embedded, iam, identityCenter, oktaSignedIn } from './companies.ts';
import { mainJob } from './main-job.ts';
import { doors } from './stage.ts';

for (const kind of [embedded(), iam(), identityCenter(), oktaSignedIn()]) mainJob(kind, doors);
