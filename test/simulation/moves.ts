/** I3, I5 and I7: what one transaction may change. The diagram is written down here again, so that a fault in the program's own table would show. */

import { checkEarlyEnd } from './bound.ts';
import { minute } from './config.ts';
import { isOff, type Reason } from './duty.ts';
import { checkAsksFor, checkRevokes, checkValue } from './family.ts';
import { checkBroken, checkDebts, checkPlace, isBroken } from './glass.ts';
import { checkLine } from './line.ts';
import { checkNamedIn, isEndOfNamed, isStanding, takenOver } from './named.ts';
import { wasInactive } from './places.ts';
import { checkRotaEnds, checkRotaIn, checkRotaMoved, isEndOfAnother, isOfRota } from './rota.ts';
import type { GrantRow, RequestRow, Rows } from './rows.ts';
import { checkNews } from './trail.ts';
import { count, note, type Process, violate, type World } from './world.ts';
import { checkBegun, checkYeses, takesYes } from './yes.ts';

/** `ended` right after `revoking` in one transaction: where the directory need not be asked. */
const moves: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  none: { activating: ['grant.activating'], revoking: ['member.adopted'], active: ['member.taken-over'] },
  activating: { active: ['grant.active'], revoking: ['grant.revoking'], ended: ['grant.revoking', 'grant.ended'] },
  active: { revoking: ['grant.revoking'], ended: ['grant.revoking', 'grant.ended'] },
  revoking: { ended: ['grant.ended'] },
  ended: {},
};
const answers: readonly string[] = ['approved', 'denied', 'withdrawn', 'expired'];
const requestMoves: Readonly<Record<string, readonly string[]>> = {
  none: ['pending', 'queued', 'approved'],
  pending: [...answers, 'queued'],
  // At once, where the place is free for whoever asks.
  queued: [...answers, 'offered', 'pending'],
  offered: [...answers, 'queued', 'pending'],
};

/** Takes over what a transaction has committed. */
export function takeOver(world: World, process: Process, after: Rows): void {
  const before = world.rows;
  if (after === before) return;
  world.rows = after;
  world.dirty = true;
  for (const row of after.memberships.values()) {
    if (row.busyUntil <= Math.max(after.clock, before.memberships.get(row.id)?.busyUntil ?? 0)) continue;
    world.takenBy.set(row.id, process);
    process.took.set(row.id, world.now);
    for (const kind of ['add', 'remove']) world.announced.delete(`${kind} ${row.id}`);
  }
  if (process.what.startsWith('sweep')) world.sweepCommittedAt = world.now;
  const told: string[] = [];
  if (after.grants !== before.grants)
    for (const grant of after.grants.values()) {
      told.push(...checkGrant(world, process, before.grants.get(grant.id), grant));
      if (grant.state !== 'activating' || before.grants.has(grant.id)) continue;
      checkBegun(world, before, grant);
      checkValue(world, grant);
    }
  if (after.requests !== before.requests)
    for (const request of after.requests.values()) told.push(...checkRequest(world, process, before, after, request));
  if (after.grants.size < before.grants.size || after.requests.size < before.requests.size) violate(world, 'I5: a row has vanished');
  checkNews(world, process, after, told);
  if (after.requests !== before.requests) checkLine(world, process, before, after);
  if (after.reviews !== before.reviews) checkDebts(world, process, after);
}

/** Gives what the trail must say of it. */
function checkGrant(world: World, process: Process, before: GrantRow | undefined, grant: GrantRow): readonly string[] {
  const from = before?.state ?? 'none';
  if (from === grant.state) return [];
  const why = grant.endReason === null ? '' : ` (${grant.endReason})`;
  note(world, `  grant ${grant.id} ${from} → ${grant.state}${why}`);
  count(world, `grant ${from} → ${grant.state}${grant.state === 'ended' ? '' : why}`);
  const events = moves[from]?.[grant.state];
  if (!events) violate(world, `I5: grant ${grant.id} has moved from ${from} to ${grant.state}`);
  checkFailed(world, grant);
  if (from === 'active') checkCutShort(world, process, grant);
  if (from === 'none' && grant.state === 'active') takenOver(world, process, grant);
  const others = [...world.rows.grants.values()].filter((other) => other !== grant && other.membershipId === grant.membershipId);
  if (grant.state === 'ended' && others.some((other) => other.state === 'active')) {
    count(world, 'nothing removed, because another grant stands on the membership');
  }
  return (events ?? []).map((type) => `${grant.id} ${type}`);
}

/** I8: where nothing goes wrong and nothing is slow, who was let in gets in, unless their time runs out at that moment. */
function checkFailed(world: World, grant: GrantRow): void {
  if (!world.config.calm || grant.endReason !== 'failed') return;
  const lasts = world.now < (world.rows.requests.get(grant.requestId)?.expiresAt ?? 0);
  if (lasts) violate(world, `I8: grant ${grant.id} has failed, and nothing was in its way`);
}

/** I7: who may cut an active grant short. */
function checkCutShort(world: World, process: Process, grant: GrantRow): void {
  const request = world.rows.requests.get(grant.requestId);
  if (request && isOfRota(request)) {
    checkRotaEnds(world, process, grant, request);
    if (!process.policy.roles[request.role]?.follows || grant.endReason === 'expired') return;
    if (process.what.startsWith('sweep') && isEndOfAnother(world, grant, request)) return;
  }
  if (grant.endReason === 'revoked' && process.what.startsWith('sweep') && request && isEndOfNamed(world, process, grant, request)) return;
  if (grant.endReason === 'revoked' && process.what.startsWith('sweep') && !wasInactive(world, request?.email ?? '', process.startedAt)) {
    violate(world, `I7: grant ${grant.id} of ${request?.email} was ended as of somebody who has left`);
  }
  if (request) checkRevokes(world, process, request);
  if (grant.endReason === 'released' || grant.endReason === 'revoked') return;
  const lasts = request !== undefined && world.rows.clock < (request.expiresAt ?? 0) && JSON.parse(request.decision).endsWith.length === 0;
  if (lasts || grant.endReason !== 'expired') violate(world, `I7: the active grant ${grant.id} was cut short as ${grant.endReason}`);
  else if (request !== undefined && world.rows.clock < (request.expiresAt ?? 0)) checkEarlyEnd(world, process, request);
}

/** Nothing of it stood any more, and it was approved anew: its end counts from here, earlier or later. */
function isAnew({ grants }: Rows, before: RequestRow | undefined, request: RequestRow): boolean {
  const had = (id: string) =>
    [...grants.values()].some((grant) => grant.requestId === id && ['activating', 'active'].includes(grant.state));
  // What the policy gave is given anew by another request.
  return (
    before?.state === 'approved' && !isOfRota(request) && !isStanding(request) && before.version !== request.version && !had(request.id)
  );
}

/** And more than that, in the same transaction. */
const wasToo = (what: string, { news }: Rows, { id }: RequestRow): boolean =>
  news.map(({ body }) => JSON.parse(body)).some(({ type, requestId }) => type === what && requestId === id);

/** Gives what the trail must say of it. */
function checkRequest(world: World, process: Process, rows: Rows, after: Rows, request: RequestRow): readonly string[] {
  const before = rows.requests.get(request.id);
  world.latestEnds.set(request.id, Math.max(world.latestEnds.get(request.id) ?? 0, request.expiresAt ?? 0));
  if (isAnew(rows, before, request)) {
    count(world, 'request let in again');
    checkAllowed(world, process, after, request);
    return [`${request.id} request.approved`];
  }
  const told: string[] = [];
  if (before?.version !== request.version) checkAsksFor(world, process, request);
  if (before?.state !== request.state) {
    note(world, `  request ${request.id} ${before?.state ?? 'none'} → ${request.state} (${request.email}, ${request.role})`);
    count(world, `request ${before?.state ?? 'none'} → ${request.state}`);
    if (!requestMoves[before?.state ?? 'none']?.includes(request.state))
      violate(world, `I5: request ${request.id} has moved from ${before?.state} to ${request.state}`);
    // By the tending of the line, before anything else: a place is free, or is not after all.
    for (const [from, to] of [
      ['queued', 'offered'],
      ['offered', 'queued'],
    ])
      if (before?.state === from && request.state !== to && wasToo(`request.${to}`, after, request))
        told.push(`${request.id} request.${to}`);
    if (request.role !== 'adopted') told.push(`${request.id} request.${request.state}`);
    if (request.state === 'approved' && request.role !== 'adopted') checkAllowed(world, process, after, request, before === undefined);
  }
  if (takesYes(request) && (before?.state !== request.state || before.version !== request.version))
    told.push(...checkYeses(world, process, before, after, request));
  const goesOver = before?.state === 'approved' && before.incident !== request.incident;
  if (before?.expiresAt != null && isOfRota(request)) {
    if (request.expiresAt !== before.expiresAt) told.push(checkRotaMoved(world, process, before, request, after));
  } else if (before?.expiresAt != null && ((request.expiresAt ?? 0) !== before.expiresAt || goesOver)) {
    count(world, goesOver ? 'request goes over to another incident' : 'request extended');
    told.push(`${request.id} request.extended`);
    if ((request.expiresAt ?? 0) < before.expiresAt) violate(world, `I5: the end of request ${request.id} was moved forward`);
    checkAllowed(world, process, after, request, false, before.expiresAt);
    if (takesYes(request)) violate(world, `A2: ${request.id} is to last longer, and nobody has said yes to that`);
  }
  return told;
}

/** I3: by the policy of who decided, and by the facts as they are, somebody may let this person in so long. */
function checkAllowed(world: World, process: Process, after: Rows, request: RequestRow, isNew = false, endBefore?: number | null): void {
  const role = process.policy.roles[request.role];
  const { email, startsAt, expiresAt, incident } = request;
  const yes = (JSON.parse(request.approvals) as { by: { email: string }; at: number }[]).find(({ by }) => by.email !== email);
  const was = (reason: Reason): boolean => !isOff(world, reason, email, world.now - 6 * minute);
  const holds = { any: true, onCall: was('on call'), incident: incident !== null && was(incident as Reason) };
  const allowed = yes !== undefined || role?.allow.some(({ condition }) => holds[condition.kind as keyof typeof holds]) === true;
  const late = world.now - world.sweepCommittedAt > process.policy.sweep.refuseWhenLateMs + (world.config.clockStep > 0 ? 3 * minute : 0);
  if (world.lost) violate(world, `I10: request ${request.id} was approved by a ledger that has lost what it knew`);
  if (late && !isBroken(request)) violate(world, `I10: request ${request.id} was approved, though no sweep has run for long`);
  // What only lasts longer has had its place since it began; a leftover of the one before, found meanwhile, is taken out beside it.
  if (endBefore === undefined) checkPlace(world, process, request, after);
  if (isBroken(request)) checkBroken(world, process, after, request);
  else if (isOfRota(request)) checkRotaIn(world, process, request);
  else if (isStanding(request)) checkNamedIn(world, process, request, isNew);
  else if (request.origin === 'adopted') {
    if (!process.what.startsWith('adopt')) violate(world, `S4: ${request.id} is approved as adopted, and no admin has said so`);
  } else if (!role || !allowed) violate(world, `I3: request ${request.id} was approved, though nothing allows it`);
  // What goes over to another incident keeps its end.
  else if (expiresAt !== endBefore && (expiresAt ?? 0) - (startsAt ?? 0) > role.ttl.maxMs)
    violate(world, `I5: request ${request.id} lasts longer than its role allows`);
}
