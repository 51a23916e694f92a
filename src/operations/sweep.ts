/**
 * `sweep`: ends what is due, finishes or undoes what a crash left, and proves to the ledger that it ran.
 * To end access it needs only the ledger and the directories that due rows name; everything else may be broken.
 */

import { stuckAfter } from '../lifecycle/limits.ts';
import { planSweep } from '../lifecycle/plan.ts';
import type { GrantView } from '../lifecycle/types.ts';
import { formatDuration } from '../policy/duration.ts';
import { keepHead, tellLoss } from './anchor.ts';
import { tellOverdueReviews } from './break-glass.ts';
import { deliverSoon } from './deliver-soon.ts';
import { departedPlan, endDeparted } from './departed.ts';
import type { Deps } from './deps.ts';
import { described, dueAtOnce, endAllDue, isOver, settled, startRun } from './end-due.ts';
import { escalate, escalatePlan } from './escalate.ts';
import { tellExpiring } from './expiring.ts';
import { expire, linePlan, tendLines } from './line.ts';
import { lookups } from './lookups.ts';
import { moveEnds, moveEndsPlan } from './move-end.ts';
import { recheck, recheckPlan } from './recheck.ts';
import { requireAdmin } from './rights.ts';
import { rotate } from './rotate.ts';
import { rotationsToSettle } from './rotation-now.ts';
import { acceptanceOf, rotationPlan } from './rotation-plan.ts';
import { keepStanding, standingPlan } from './standing.ts';
import { tend } from './tend.ts';
import type { SweepInput, SweepResult, SweepStep } from './types.ts';

const ending: readonly SweepStep['action'][] = ['end', 'expire', 'undo'];

export async function sweep(whole: Deps, input: SweepInput): Promise<SweepResult> {
  // It asks every provider, whose limits everybody shares; the broker sweeps by itself.
  if (whole.throughBroker) await requireAdmin(whole, await whole.actor(), 'sweep through the broker');
  const ledger = await whole.ledger();
  const run = await startRun(whole);
  const { deps } = run;
  const accepted = input.accept === undefined ? undefined : await acceptanceOf(deps, input.accept);
  if (input.dryRun) return dryRun(deps);
  const parts: (readonly SweepStep[])[] = [];
  if (deps.policyFault !== undefined) parts.push([{ action: 'policy', outcome: 'failed', because: deps.policyFault }]);

  parts.push(await expirePending(deps));
  parts.push(await escalate(deps));
  await tellOverdueReviews(deps);
  // Those on a rotation whose time is up: adds before removals, and their shift may be longer by now.
  parts.push(await endAllDue(run, { leave: await rotationsToSettle(deps) }));
  parts.push(await tendLines(deps));
  deps.signal.throwIfAborted();
  const world = lookups(deps);
  const mayGoOn = (): boolean => !isOver(run, ledger.now());
  parts.push(await recheck(deps, world, mayGoOn));
  await endDeparted(deps, mayGoOn);
  // Whoever has left, what the rosters ended early, and members of ours that whole-group reading found without a row, are due at once.
  parts.push(await tend(deps));
  // After every group was read: nobody is let into one in which somebody is unexplained.
  const lookedAt = ledger.now();
  const rotated = await rotate(deps, mayGoOn, accepted);
  parts.push(rotated.steps);
  parts.push(await keepStanding(deps, world, mayGoOn));
  parts.push(await endAllDue(run, { before: parts.flat(), leave: await rotationsToSettle(deps, { ...rotated, lookedAt }) }));
  parts.push(await tendLines(deps));
  deps.signal.throwIfAborted();
  parts.push(await moveEnds(deps, { mayGoOn }));
  await tellExpiring(deps);
  parts.push(await anchorLedger(deps));
  deliverSoon(deps, 'sweep');

  const steps = settled(parts.flat());
  const left = await ledger.read(async (q, now) => ({ live: await q.liveGrants(), now }));
  const overdue = left.live.filter((grant) => isOverdue(grant, left.now, deps.policy.sweep.refuseWhenLateMs));
  const failed = steps.filter((step) => step.outcome === 'failed');
  const failedRequests = new Set(failed.map((step) => step.requestId));
  const remaining = left.live.filter((grant) => grant.state === 'revoking' || grant.nextAttemptAt <= left.now).length;
  if (remaining > 0 && isOver(run, left.now)) {
    deps.progress(`this run has had its ${formatDuration(deps.policy.sweep.deadlineMs)}; the next one goes on from here`);
  }
  return {
    steps,
    // Without a target it is a request that nobody answered.
    ended: steps.filter(({ action, outcome, target }) => outcome === 'done' && target !== undefined && ending.includes(action)).length,
    failed: failed.length + overdue.filter((grant) => !failedRequests.has(grant.requestId)).length,
    remaining,
  };
}

/** A ledger that has lost what it knew is swept all the same: what it still knows must end. */
async function anchorLedger(deps: Deps): Promise<readonly SweepStep[]> {
  const { fault, head } = await keepHead(deps);
  deps.log(`the head of the ledger ${head.ledger} is event ${head.seq}, ${head.hash}`);
  if (fault === undefined) return [];
  await tellLoss(deps);
  return [{ action: 'ledger', outcome: 'failed', because: fault, next: 'oncall ledger recover' }];
}

/** Past its end by more than the allowance, or tried too often: loud, and still retried. */
export function isOverdue(grant: GrantView, now: number, allowanceMs: number): boolean {
  const late = grant.expiresAt !== undefined && now > grant.expiresAt + allowanceMs;
  return late || (grant.state === 'revoking' && grant.attempts >= stuckAfter);
}

async function dryRun(deps: Deps): Promise<SweepResult> {
  const ledger = await deps.ledger();
  const { due, now } = await ledger.read(async (q, at) => ({ due: await q.dueGrants(at, dueAtOnce), now: at }));
  const leave = await rotationsToSettle(deps);
  const steps = planSweep(
    due.filter(({ requestId, state }) => state !== 'active' || !leave.has(requestId)),
    now,
  )
    .flat()
    .map((step): SweepStep => ({ ...described(step), outcome: 'planned' }));
  const world = lookups(deps);
  steps.push(
    ...(await recheckPlan(deps, world)),
    ...(await departedPlan(deps)),
    ...(await linePlan(deps)),
    ...(await escalatePlan(deps)),
    ...(await rotationPlan(deps)),
    ...(await standingPlan(deps, world)),
    ...(await moveEndsPlan(deps)),
  );
  return { steps, ended: 0, failed: 0, remaining: steps.length };
}

async function expirePending(deps: Deps): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  // A transaction that writes waits for the disk; most runs have nothing to write here. A clock that is behind must be noted, or the ledger's stands still.
  const idle = await ledger.read(async (q, now) => q.clockBehindMs === 0 && (await q.pendingPast(now)).length === 0);
  if (idle) return [];
  return ledger.write(async (q, now) => {
    const steps: SweepStep[] = [];
    for (const request of await q.pendingPast(now)) steps.push(await expire(q, request));
    return steps;
  });
}
