/** I5: what one transaction may change. The diagram is written down here again, so that a fault in the program's own table would show. */

import type { GrantRow, RequestRow, Rows } from './rows.ts';
import { count, note, type Process, violate, type World } from './world.ts';

/** `ended` right after `revoking` in one transaction: where the directory need not be asked. */
const moves: Readonly<Record<string, readonly string[]>> = {
  none: ['activating', 'revoking'],
  activating: ['active', 'revoking', 'ended'],
  active: ['revoking', 'ended'],
  revoking: ['ended'],
  ended: [],
};
const answers: readonly string[] = ['approved', 'denied', 'withdrawn', 'expired'];

/** Takes over what a transaction has committed. */
export function takeOver(world: World, process: Process, after: Rows): void {
  const before = world.rows;
  if (after === before) return;
  world.rows = after;
  world.dirty = true;
  for (const row of after.memberships.values()) {
    if (row.busyUntil > Math.max(world.now, before.memberships.get(row.id)?.busyUntil ?? 0)) world.takenBy.set(row.id, process);
  }
  for (const grant of after.grants.values()) checkGrant(world, before.grants.get(grant.id), grant);
  for (const request of after.requests.values()) checkRequest(world, before.requests.get(request.id), request);
  if (after.grants.size < before.grants.size || after.requests.size < before.requests.size) violate(world, 'I5: a row has vanished');
}

function checkGrant(world: World, before: GrantRow | undefined, grant: GrantRow): void {
  const from = before?.state ?? 'none';
  if (from === grant.state) return;
  const why = grant.endReason === null ? '' : ` (${grant.endReason})`;
  note(world, `  grant ${grant.id} ${from} → ${grant.state}${why}`);
  count(world, `grant ${from} → ${grant.state}${grant.state === 'ended' ? '' : why}`);
  if (!moves[from]?.includes(grant.state)) violate(world, `I5: grant ${grant.id} has moved from ${from} to ${grant.state}`);
  checkFailed(world, grant);
  if (from === 'active') checkCutShort(world, grant);
  const others = [...world.rows.grants.values()].filter((other) => other !== grant && other.membershipId === grant.membershipId);
  if (grant.state === 'ended' && others.some((other) => other.state === 'active')) {
    count(world, 'nothing removed, because another grant stands on the membership');
  }
}

/** I8: where nothing goes wrong and nothing is slow, who was let in gets in, unless their time runs out at that moment. */
function checkFailed(world: World, grant: GrantRow): void {
  if (!world.config.calm || grant.endReason !== 'failed') return;
  const lasts = world.now < (world.rows.requests.get(grant.requestId)?.expiresAt ?? 0);
  if (lasts) violate(world, `I8: grant ${grant.id} has failed, and nothing was in its way`);
}

/** I7: who may cut an active grant short. */
function checkCutShort(world: World, grant: GrantRow): void {
  if (grant.endReason === 'released' || grant.endReason === 'revoked') return;
  const request = world.rows.requests.get(grant.requestId);
  const lasts = request !== undefined && world.now < (request.expiresAt ?? 0) && JSON.parse(request.decision).endsWith.length === 0;
  if (lasts || grant.endReason !== 'expired') violate(world, `I7: the active grant ${grant.id} was cut short as ${grant.endReason}`);
}

function checkRequest(world: World, before: RequestRow | undefined, request: RequestRow): void {
  if (before?.state !== request.state) {
    note(world, `  request ${request.id} ${before?.state ?? 'none'} → ${request.state} (${request.email}, ${request.role})`);
    count(world, `request ${before?.state ?? 'none'} → ${request.state}`);
    const legal = before === undefined ? ['pending', 'approved'] : before.state === 'pending' ? answers : [];
    if (!legal.includes(request.state)) violate(world, `I5: request ${request.id} has moved from ${before?.state} to ${request.state}`);
  }
  if (before?.expiresAt != null && (request.expiresAt ?? 0) !== before.expiresAt) {
    count(world, 'request extended');
    if ((request.expiresAt ?? 0) < before.expiresAt) violate(world, `I5: the end of request ${request.id} was moved forward`);
  }
  if (request.startsAt !== null && request.role !== 'adopted' && (request.expiresAt ?? 0) - request.startsAt > world.config.longestMs) {
    violate(world, `I5: request ${request.id} lasts longer than its role allows`);
  }
}
