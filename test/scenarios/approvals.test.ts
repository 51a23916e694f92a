/** Approval where what people type holds the ledger and the keys itself. */

import { approvals } from './approvals.ts';
import { doors } from './stage.ts';

for (const door of doors) approvals(door);
