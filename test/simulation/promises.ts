/** L2, L4 and L5: what a whole run of the sweep has promised when it is over. */

import { stuckAfter } from '../../src/lifecycle/limits.ts';
import type { SweepResult } from '../../src/operations/types.ts';
import { isInactive } from './places.ts';
import { count, type Process, violate, type World } from './world.ts';

export function checkSwept(world: World, process: Process, { steps, failed }: SweepResult): void {
  checkLoud(world, failed);
  if (steps.some((step) => step.action === 'heartbeat')) return;
  // What was read since a wild write landed is promised again.
  for (const [member, at] of world.wild) {
    if ((process.listed.get(member.split(' ')[0] ?? '') ?? 0) <= at) continue;
    world.wild.delete(member);
    world.dirty = true;
  }
  const alone = world.processes.every((other) => other === process || other.endedAt < process.startedAt);
  if (alone && world.config.calm) checkOnTime(world, process);
  if (alone && !world.faults) checkDeparted(world, process);
}

/** L2: what was tried in vain too often is told at every run. */
function checkLoud(world: World, failed: number): void {
  const stuck = [...world.rows.grants.values()].find((grant) => grant.state === 'revoking' && grant.attempts >= stuckAfter);
  if (!stuck) return;
  count(world, 'a grant is stuck');
  if (failed === 0) violate(world, `L2: grant ${stuck.id} is stuck, and the sweep says that all is well`);
}

/** L4: where nothing is in its way, a run ends all that was past its end when it began. */
function checkOnTime(world: World, { startedAt }: Process): void {
  for (const grant of world.rows.grants.values()) {
    const expiresAt = world.rows.requests.get(grant.requestId)?.expiresAt ?? Number.POSITIVE_INFINITY;
    if (grant.state !== 'ended' && expiresAt < startedAt) violate(world, `L4: grant ${grant.id} was past its end, and a sweep has left it`);
  }
}

/** L5: whom a directory no longer calls active has nothing after a run. */
function checkDeparted(world: World, { startedAt }: Process): void {
  for (const grant of world.rows.grants.values()) {
    const email = world.rows.requests.get(grant.requestId)?.email ?? '';
    if (grant.state !== 'active' || !isInactive(world, email, startedAt)) continue;
    violate(world, `L5: ${email} is no longer active, and a sweep has left grant ${grant.id}`);
  }
}
