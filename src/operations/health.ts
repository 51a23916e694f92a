/** How a ledger and what it knows stand, for whoever watches a broker: counts and ages, and no names of people. */

import type { Ledger } from '../ledger/ledger.ts';
import { stuckAfter } from '../lifecycle/limits.ts';
import type { GrantView } from '../lifecycle/types.ts';
import type { Policy } from '../policy/types.ts';

export type Health = {
  readonly ready: boolean;
  /** One line for people where it is not. */
  readonly why?: string;
  readonly sweeps: readonly { readonly directory: string; readonly lastAt?: number; readonly late: boolean }[];
  /** Those that have not ended. */
  readonly grants: readonly { readonly role: string; readonly state: string; readonly count: number }[];
  /** As `status` counts them: by more than the allowance. */
  readonly pastEnd: number;
  readonly stuck: number;
  readonly drift: number;
  /** The policy's file has changed into one that is not used. */
  readonly policyRejected?: boolean;
  readonly now: number;
};

/** Rejects where the ledger cannot be asked. */
export async function health(ledger: Ledger, policy: Policy): Promise<Health> {
  return ledger.read(async (q, now) => {
    const live = await q.liveGrants();
    const rows = await q.directories();
    const strangers = await q.strangers();
    const allowance = policy.sweep.refuseWhenLateMs;
    return {
      ...(q.closed === undefined ? { ready: true } : { ready: false, why: 'the ledger takes no writes any more: it was copied elsewhere' }),
      sweeps: Object.keys(policy.directories).map((directory) => {
        const lastAt = rows.find(({ name }) => name === directory)?.heartbeatAt;
        const late = lastAt === undefined || now - lastAt > allowance;
        return { directory, late, ...(lastAt === undefined ? {} : { lastAt }) };
      }),
      grants: counted(live),
      pastEnd: live.filter(({ expiresAt }) => expiresAt !== undefined && now > expiresAt + allowance).length,
      stuck: live.filter(({ state, attempts }) => state === 'revoking' && attempts >= stuckAfter).length,
      drift: strangers.filter(({ kind }) => kind === 'drift').length,
      now,
    };
  });
}

function counted(live: readonly GrantView[]): Health['grants'] {
  const counts = new Map<string, { readonly role: string; readonly state: string; readonly count: number }>();
  for (const { role, state } of live) {
    const key = JSON.stringify([role, state]);
    counts.set(key, { role, state, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}
