/**
 * `sweep`: ends what is due, finishes or undoes what a crash left, and proves to the ledger that it ran.
 * To end access it needs only the ledger and the directories that due rows name; everything else may be broken.
 */

import { isOncallError, isProviderError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { stuckAfter } from '../lifecycle/limits.ts';
import { type PlannedStep, planSweep } from '../lifecycle/plan.ts';
import type { GrantView } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import { departedPlan, endDeparted } from './departed.ts';
import { beginEnd, endGrant } from './end.ts';
import { lookups } from './lookups.ts';
import { inParallel } from './parallel.ts';
import { recheck, recheckPlan } from './recheck.ts';
import { tend } from './tend.ts';
import type { SweepInput, SweepResult, SweepStep } from './types.ts';

const dueAtOnce = 500;
const callsAtOnce = 8;
const ending: readonly SweepStep['action'][] = ['end', 'expire', 'undo'];

export async function sweep(deps: Deps, input: SweepInput): Promise<SweepResult> {
  const ledger = await deps.ledger();
  if (input.dryRun) return dryRun(deps);
  const steps: SweepStep[] = [];
  if (deps.policyFault !== undefined) steps.push({ action: 'policy', outcome: 'failed', because: deps.policyFault });

  steps.push(...(await expirePending(deps)));
  steps.push(...(await endAllDue(deps)));
  const world = lookups(deps);
  await recheck(deps, world);
  await endDeparted(deps, world);
  // Whoever has left, what the rosters ended early, and members of ours that whole-group reading found without a row, are due at once.
  steps.push(...(await tend(deps)));
  steps.push(...(await endAllDue(deps, steps)));

  const left = await ledger.read(async (q, now) => ({ live: await q.liveGrants(), now }));
  const overdue = left.live.filter((grant) => isOverdue(grant, left.now, deps.policy.sweep.refuseWhenLateMs));
  const failedSteps = steps.filter((step) => step.outcome === 'failed').length;
  return {
    steps,
    // Without a target it is a request that nobody answered.
    ended: steps.filter(({ action, outcome, target }) => outcome === 'done' && target !== undefined && ending.includes(action)).length,
    failed:
      failedSteps +
      overdue.filter((grant) => !steps.some((step) => step.outcome === 'failed' && step.requestId === grant.requestId)).length,
    remaining: left.live.filter((grant) => grant.state === 'revoking').length,
  };
}

/** Past its end by more than the allowance, or tried too often: loud, and still retried. */
export function isOverdue(grant: GrantView, now: number, allowanceMs: number): boolean {
  const late = grant.expiresAt !== undefined && now > grant.expiresAt + allowanceMs;
  return late || (grant.state === 'revoking' && grant.attempts >= stuckAfter);
}

async function dryRun(deps: Deps): Promise<SweepResult> {
  const ledger = await deps.ledger();
  const { due, now } = await ledger.read(async (q, at) => ({ due: await q.dueGrants(at, dueAtOnce), now: at }));
  const steps = planSweep(due, now)
    .flat()
    .map((step): SweepStep => ({ ...described(step), outcome: 'planned' }));
  const world = lookups(deps);
  steps.push(...(await recheckPlan(deps, world)), ...(await departedPlan(deps, world)));
  return { steps, ended: 0, failed: 0, remaining: steps.length };
}

async function expirePending(deps: Deps): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  // A transaction that writes waits for the disk; most runs have nothing to write here. A clock that is behind must be noted, or the ledger's stands still.
  const idle = await ledger.read(async (q, now) => q.clockBehindMs === 0 && (await q.pendingPast(now)).length === 0);
  if (idle) return [];
  return ledger.write(async (q, now) => {
    const steps: SweepStep[] = [];
    for (const request of await q.pendingPast(now)) {
      await q.changeRequest(request, { state: 'expired' });
      await q.record({
        type: 'request.expired',
        actor: 'sweep',
        requestId: request.id,
        role: request.role,
        holder: request.requester.email,
      });
      steps.push({
        action: 'expire',
        outcome: 'done',
        requestId: request.id,
        role: request.role,
        holder: request.requester.email,
        because: 'nobody answered in time',
      });
    }
    return steps;
  });
}

/** Batch by batch, as long as a whole batch was due and something of it ended. */
async function endAllDue(deps: Deps, before: readonly SweepStep[] = []): Promise<readonly SweepStep[]> {
  const steps: SweepStep[] = [];
  for (;;) {
    const batch = await endDue(deps, [...before, ...steps]);
    steps.push(...batch);
    if (batch.filter((step) => step.outcome === 'done').length < dueAtOnce / 2) return steps;
  }
}

/** `before`: steps of this run already told, so that a grant that stays is told once. */
async function endDue(deps: Deps, before: readonly SweepStep[] = []): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const { due, now } = await ledger.read(async (q, at) => ({ due: await q.dueGrants(at, dueAtOnce), now: at }));
  const steps: SweepStep[] = [];
  await inParallel(planSweep(due, now), callsAtOnce, async (chain) => {
    for (const planned of chain) {
      const step = await endOne(deps, planned);
      if (
        step &&
        !before.some((told) => told.outcome !== 'done' && told.requestId === step.requestId && told.target?.group === step.target?.group)
      )
        steps.push(step);
    }
  });
  return steps;
}

/** Each on its own: whatever one meets, the others are still ended. */
async function endOne(deps: Deps, planned: PlannedStep): Promise<SweepStep | undefined> {
  const { grant } = planned;
  try {
    const ledger = await deps.ledger();
    await ledger.write((q, now) => claim(q, now, grant));
    const { outcome, error } = await endGrant(deps, grant.id);
    if (outcome === 'ended') return { ...described(planned), outcome: 'done' };
    if (outcome !== 'failed') return undefined;
    const stuck = grant.attempts + 1 >= stuckAfter || (error !== undefined && !error.retryable);
    return { ...described(planned), outcome: stuck ? 'failed' : 'later', because: error?.message ?? planned.because };
  } catch (error) {
    if (!isOncallError(error) && !isProviderError(error)) throw error;
    if (isOncallError(error) && error.code === 'changed-meanwhile') return undefined;
    return { ...described(planned), outcome: 'failed', because: error.message };
  }
}

/** From `activating` or `active` to `revoking`, unless it has moved on or its end has, meanwhile. */
async function claim(q: Queries, now: number, seen: GrantView): Promise<void> {
  const grant = await q.grant(seen.id);
  if (!grant || grant.nextAttemptAt > now || (grant.state !== 'activating' && grant.state !== 'active')) return;
  const undo = grant.state === 'activating';
  await beginEnd(q, now, grant, {
    reason: undo ? 'failed' : 'expired',
    actor: 'sweep',
    ...(undo ? { because: 'its activation was left half-done' } : {}),
  });
}

function described({ action, grant, because }: PlannedStep): Omit<SweepStep, 'outcome'> {
  return { action, requestId: grant.requestId, role: grant.role, holder: grant.holder, target: grant.target, because };
}
