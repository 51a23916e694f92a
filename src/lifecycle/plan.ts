/** What a sweep has to do about grants that are due; pure, so that `--dry-run` prints what a run would do. */

import type { Grant, GrantView } from './types.ts';

export type PlannedStep = {
  readonly action: 'expire' | 'undo' | 'end';
  readonly grant: GrantView;
  readonly because: string;
};

/** One list per membership, in order: what stands on one membership is ended one after the other. */
export function planSweep(due: readonly GrantView[], now: number): readonly (readonly PlannedStep[])[] {
  const byMembership = new Map<string, PlannedStep[]>();
  for (const grant of due) {
    const step = planned(grant, now);
    if (!step) continue;
    const steps = byMembership.get(grant.membershipId) ?? [];
    steps.push(step);
    byMembership.set(grant.membershipId, steps);
  }
  return [...byMembership.values()];
}

function planned(grant: GrantView, now: number): PlannedStep | undefined {
  if (grant.nextAttemptAt > now || grant.state === 'ended') return undefined;
  if (grant.state === 'activating') return { action: 'undo', grant, because: 'its activation was left half-done' };
  if (grant.state === 'active') return { action: 'expire', grant, because: 'its time is up' };
  // Until the first try fails, what stands there is why it ends.
  const told = grant.attempts === 0 ? grant.lastError : undefined;
  return { action: 'end', grant, because: told ?? reasons[grant.endReason ?? 'expired'] };
}

const reasons: Readonly<Record<NonNullable<Grant['endReason']>, string>> = {
  expired: 'its time is up',
  released: 'given back',
  revoked: 'revoked',
  superseded: 'superseded',
  failed: 'its activation failed',
};
