/** Opens the ledger that a policy names. */

import { randomUUID } from 'node:crypto';
import type { Ledger } from '../ledger/ledger.ts';
import type { Policy } from '../policy/types.ts';

/** At each Ctrl-Z hands over how to stop; returns how to stop listening. */
export type OnSuspend = (listener: (stop: () => void) => void) => () => void;

export async function openLedgerOf(policy: Policy, now: () => number, onSuspend?: OnSuspend): Promise<Ledger> {
  const { openSqlite } = await import('../ledger/sqlite.ts');
  const { openLedger } = await import('../ledger/ledger.ts');
  const database = await openSqlite(policy.ledger.sqlite);
  // Stopped in the middle of a transaction, it would keep every sweep from ending anything.
  const stopListening = onSuspend?.((stop) => void database.between(stop));
  const ledger = await openLedger(database, { now, id: randomUUID() });
  return {
    ...ledger,
    close: async () => {
      await ledger.close();
      stopListening?.();
    },
  };
}
