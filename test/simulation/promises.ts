/** L2, L4 and L5: what a whole run of the sweep has promised when it is over. */

import { stuckAfter } from '../../src/lifecycle/limits.ts';
import type { SweepResult } from '../../src/operations/types.ts';
import { checkBound } from './bound.ts';
import { keyOf } from './company.ts';
import { checkNamedSwept } from './named.ts';
import { isInactive, keepsEnds } from './places.ts';
import { checkRotaSwept } from './rota.ts';
import { count, type Process, violate, type World } from './world.ts';

export function checkSwept(world: World, process: Process, { steps, failed }: SweepResult): void {
  checkLoud(world, failed);
  const alone = world.processes.every((other) => other === process || other.endedAt < process.startedAt);
  if (alone && isPlain(world)) checkBound(world, process);
  if (steps.some((step) => step.action === 'heartbeat')) return;
  // What was read since a wild write landed is promised again.
  for (const [member, at] of world.wild) {
    if ((process.listed.get(member.split(' ')[0] ?? '') ?? 0) <= at) continue;
    world.wild.delete(member);
    world.dirty = true;
  }
  if (alone && world.config.calm) checkOnTime(world, process);
  if (alone && !world.faults) checkDeparted(world, process);
  if (alone && (world.config.calm || !world.faults)) checkToldEnds(world, process);
  if (alone && !world.faults && failed === 0) checkRotaSwept(world, process);
  if (alone && !world.faults) checkNamedSwept(world, process, { steps });
}

/** No clock is set, and nothing is lost of what is written down. */
const isPlain = ({ config, restoredAt }: World): boolean => config.clockStep === 0 && config.ledgerFault === 0 && restoredAt === 0;

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

/** L6: where a directory keeps the end, whoever is let in is let in until the end that holds, once nothing older can land. */
function checkToldEnds(world: World, { startedAt }: Process): void {
  for (const row of world.rows.memberships.values()) {
    const key = keyOf(row.directory, row.groupId);
    const standing = [...world.rows.grants.values()].filter(({ membershipId, state }) => membershipId === row.id && state !== 'ended');
    if (!keepsEnds(row.directory) || row.owned !== 1 || standing.some(({ state }) => state !== 'active')) continue;
    const told = world.ends.get(`${key} ${row.userId}`);
    if (told === undefined || told <= world.now || row.quietUntil > startedAt || row.busyUntil > startedAt) continue;
    if (world.wild.has(`${key} ${row.userId}`)) continue;
    const ends = standing.map(({ requestId }) => world.rows.requests.get(requestId)?.expiresAt ?? 0);
    count(world, 'an end that the directory keeps was looked at');
    if (told !== Math.max(...ends)) violate(world, `L6: ${row.userId} is in ${key} until ${told}, and not until ${Math.max(...ends)}`);
  }
}
