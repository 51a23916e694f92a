import { describe, expect, it } from 'vitest';
import { planSweep } from '../../src/lifecycle/plan.ts';
import type { GrantView } from '../../src/lifecycle/types.ts';

const grant = (over: Partial<GrantView>): GrantView => ({
  id: 'aaaaaa.1',
  requestId: 'aaaaaa',
  membershipId: 'm1',
  role: 'db-admin',
  holder: 'maria@acme.dev',
  target: { directory: 'okta', group: 'DB' },
  state: 'active',
  attempts: 0,
  nextAttemptAt: 1000,
  createdAt: 0,
  version: 1,
  ...over,
});

describe('planSweep', () => {
  it('expires what is active and due, undoes what was left half-done, ends what is being taken back', () => {
    const due = [
      grant({ membershipId: 'm1' }),
      grant({ id: 'b.1', membershipId: 'm2', state: 'activating' }),
      grant({ id: 'c.1', membershipId: 'm3', state: 'revoking', endReason: 'released' }),
    ];
    expect(planSweep(due, 1000).map((chain) => chain.map((step) => [step.action, step.because]))).toEqual([
      [['expire', 'its time is up']],
      [['undo', 'its activation was left half-done']],
      [['end', 'given back']],
    ]);
  });

  it('leaves alone what is not due by the clock it is given, and what has ended', () => {
    expect(planSweep([grant({ nextAttemptAt: 1001 }), grant({ state: 'ended', nextAttemptAt: 0 })], 1000)).toEqual([]);
  });

  it('puts grants of one membership into one chain, in order, so that they are not ended side by side', () => {
    const chains = planSweep([grant({ id: 'a.1' }), grant({ id: 'b.1', membershipId: 'm2' }), grant({ id: 'c.1' })], 1000);
    expect(chains.map((chain) => chain.map((step) => step.grant.id))).toEqual([['a.1', 'c.1'], ['b.1']]);
  });
});
