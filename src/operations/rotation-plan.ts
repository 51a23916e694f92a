/** What a run of the sweep would do about rotations now, and an admin's word on what one has refused to do. */

import { OncallError } from '../errors.ts';
import { type EndMove, planRotation } from '../lifecycle/rotation.ts';
import type { Deps } from './deps.ts';
import { type Lookups, lookups } from './lookups.ts';
import { roleNamed } from './names.ts';
import { requireAdmin } from './rights.ts';
import { type Acceptance, deniedAmong } from './rotate.ts';
import { askRotation } from './rotation-answer.ts';
import { type Following, followingIn, rotationNow } from './rotation-now.ts';
import { heldBecause, longerBecause, movedStep, offBecause, refusedNext, refusedText, soonerBecause } from './rotation-words.ts';
import type { SweepStep } from './types.ts';

export async function rotationPlan(deps: Deps): Promise<readonly SweepStep[]> {
  if (deps.policyFault !== undefined) return [];
  const world = lookups(deps);
  return (await Promise.all(followingIn(deps.policy).map((role) => planOne(deps, world, role)))).flat();
}

async function planOne(deps: Deps, world: Lookups, role: Following): Promise<readonly SweepStep[]> {
  const answer = await askRotation(deps, world, role.follows);
  const duties = 'duties' in answer ? answer.duties : undefined;
  const denied = duties ? await deniedAmong(deps, world, role, duties) : new Map<string, { because: string }>();
  const ledger = await deps.ledger();
  const { plan, holders, now } = await ledger.read(async (q, at) => {
    const seen = await rotationNow(q, at, role, duties);
    return { plan: planRotation({ ...seen, isTried: false }), holders: seen.holders, now: at };
  });
  const about = { outcome: 'planned', role: role.name } as const;
  const steps: SweepStep[] = [];
  for (const { email, until } of plan.enter.filter((one) => !denied.has(one.email))) {
    const because = duties?.find((one) => one.email === email)?.finding.because ?? '';
    steps.push({ ...about, action: 'give', change: 'in', holder: email, until, because });
  }
  const later = plan.later.filter(({ holder }) => !denied.has(holder.email));
  const moved = (moves: readonly EndMove[], because: string) => moves.map((move) => ({ ...movedStep(role, move, because), ...about }));
  steps.push(...moved(later, longerBecause), ...moved(plan.sooner, soonerBecause), ...moved(plan.held, heldBecause));
  const out = { ...about, action: 'expire', change: 'out' } as const;
  for (const { holder, until } of plan.off) {
    steps.push({ ...out, requestId: holder.requestId, holder: holder.email, until, because: offBecause(role) });
  }
  const isTold = new Set([...later, ...plan.held, ...plan.off].map(({ holder }) => holder));
  for (const holder of holders.filter((one) => one.expiresAt <= now && !isTold.has(one))) {
    steps.push({ ...out, requestId: holder.requestId, holder: holder.email, until: holder.expiresAt, because: 'the shift is over' });
  }
  for (const [holder, { because }] of denied) steps.push({ ...about, action: 'kept-out', holder, because });
  if ('unanswered' in answer) {
    const { because, next } = answer.unanswered;
    steps.push({
      ...about,
      action: 'rotate',
      because: `who is on its rotation is not known: ${because}`,
      ...(next === undefined ? {} : { next }),
    });
  }
  if (plan.refused) steps.push({ ...about, action: 'rotate', because: refusedText(role, plan.refused), next: refusedNext(role.name) });
  return steps;
}

/** Throws where there is nothing to accept, or for who may not. */
export async function acceptanceOf(deps: Deps, typed: string): Promise<Acceptance> {
  const by = await deps.actor();
  await requireAdmin(deps, by, 'accept who goes off a rotation');
  const { name } = roleNamed(deps.policy, typed);
  const ledger = await deps.ledger();
  const { refused } = await ledger.read((q) => q.rotation(name));
  if (refused) return { role: name, by };
  throw new OncallError('nothing-refused', `nothing waits to be accepted about ${name}`, {
    exit: 2,
    why: 'the last sweep has refused to take nobody out of it',
    next: 'oncall sweep --dry-run',
  });
}
