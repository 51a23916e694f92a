/** B1 and B2: breaking the glass lets in whom the policy names for it, for a short time and never past the places; somebody else looks at each time, and until that is done in time nobody does it again. */

import { isOncallError } from '../../src/errors.ts';
import type { RequestInput } from '../../src/operations/types.ts';
import { logins, personOf } from './approvers.ts';
import { boss } from './company.ts';
import { launch, type Storage } from './process.ts';
import type { RequestRow, Rows } from './rows.ts';
import { count, type Process, violate, type World } from './world.ts';
import { holds, isInactive } from './yes.ts';

const role = 'emergency';

export const isBroken = ({ origin }: Pick<RequestRow, 'origin'>): boolean => origin === 'break-glass';

/** When somebody must have looked at it, by the request; `reviewed`: they have. */
export type Debts = Map<string, number | 'reviewed'>;

/** As a ledger that was put back has them. */
export function debtsOf({ reviews }: Rows): Debts {
  return new Map([...reviews].map(([id, { dueAt, reviewedAt }]) => [id, reviewedAt === null ? dueAt : 'reviewed']));
}

/** Whoever has it or is about to: the next one finds a place. */
export function checkPlace(world: World, process: Process, request: RequestRow, { requests }: Rows): void {
  if (request.role !== role) return;
  const places = process.policy.roles[role]?.maxHolders ?? Number.POSITIVE_INFINITY;
  const held = [...requests.values()].filter((one) => one.role === role && one.open === 1 && one.state === 'approved');
  const others = new Set(held.map(({ email }) => email).filter((email) => email !== request.email));
  if (others.size >= places) violate(world, `B1: ${request.id} has begun, and ${[...others].join()} has the one place`);
}

/** It begins, or is to last longer: that is once more. */
export function checkBroken(world: World, process: Process, after: Rows, request: RequestRow): void {
  const { id, email, startsAt, expiresAt } = request;
  const now = after.clock;
  const { deny = [], breakGlass } = process.policy.roles[request.role] ?? {};
  const isNamed = breakGlass?.when.some(({ condition }) => holds(world, process, condition, email) === true);
  const isDenied = deny.some(({ condition }) => holds(world, process, condition, email) !== false);
  if (breakGlass === undefined || !isNamed) violate(world, `B1: ${email} breaks the glass by ${id}, and nobody names them for that`);
  else if (isDenied) violate(world, `B1: ${email} breaks the glass by ${id}, and the policy denies them`);
  else if ((expiresAt ?? 0) - (startsAt ?? 0) > breakGlass.ttl.maxMs)
    violate(world, `B1: ${id} lasts longer than the glass may be broken for`);
  if (process.actor.email !== email) violate(world, `B1: ${process.actor.email} breaks the glass for ${email}`);
  const overdue = [...world.debts].find(([, dueAt]) => dueAt !== 'reviewed' && dueAt < now);
  if (overdue) violate(world, `B1: ${id} breaks the glass, and nobody has looked at ${overdue[0]} in time`);
  const owed = world.debts.get(id);
  const dueAt = Math.min(now + (breakGlass?.review.withinMs ?? 0), typeof owed === 'number' ? owed : Number.POSITIVE_INFINITY);
  world.debts.set(id, dueAt);
  const row = after.reviews.get(id);
  if (row === undefined || row.reviewedAt !== null || row.dueAt > dueAt) violate(world, `B1: nobody is asked to look at ${id} in time`);
  if (!after.news.some(({ body }) => isAbout(body, 'request.broken-glass', id)))
    violate(world, `B1: the trail does not say that ${id} broke the glass`);
  count(world, owed === undefined ? 'the glass was broken' : 'the glass was broken once more');
}

function isAbout(body: string, type: string, id: string): boolean {
  const said = JSON.parse(body) as { type: string; requestId?: string };
  return said.type === type && said.requestId === id;
}

/** What becomes of the debts: looked at by somebody else who may, or owed on. */
export function checkDebts(world: World, process: Process, after: Rows): void {
  for (const [id, { dueAt, reviewedAt }] of after.reviews) {
    const owed = world.debts.get(id);
    if (reviewedAt === null) {
      // One more group of an emergency is once more.
      const within = process.policy.roles[role]?.breakGlass?.review.withinMs ?? 0;
      const isOnceMore = ['grant.activating', 'request.broken-glass'].every((type) =>
        after.news.some(({ body }) => isAbout(body, type, id)),
      );
      if (owed === 'reviewed' && isOnceMore && dueAt <= after.clock + within) world.debts.set(id, dueAt);
      else if (typeof owed !== 'number' || dueAt > owed) violate(world, `B1: the review of ${id} has been put off`);
    } else if (owed !== 'reviewed') {
      checkReview(world, process, after, id);
      world.debts.set(id, 'reviewed');
    }
  }
}

function checkReview(world: World, process: Process, after: Rows, id: string): void {
  const request = after.requests.get(id);
  const { actor, policy, elsewhere } = process;
  const by = policy.roles[role]?.breakGlass?.review.by;
  const may = by === undefined ? actor.email === boss : by.some(({ condition }) => holds(world, process, condition, actor.email) === true);
  if (isInactive(world, process, actor.email)) violate(world, `B1: ${actor.email} has looked at ${id}, and is not active`);
  // A second login is known as long as the directory has its user.
  const isKnown = !(actor.email in logins) || (world.config.churn === 0 && elsewhere.size === 0);
  if (!may || policy.blocked.includes(actor.email))
    violate(world, `B1: ${actor.email} has looked at ${id}, and nobody names them for that`);
  if (isKnown && request && personOf(actor.email) === personOf(request.email))
    violate(world, `B1: ${actor.email} has looked at ${id}, which is their own`);
  if (!after.news.some(({ body }) => isAbout(body, 'request.reviewed', id)))
    violate(world, `B1: ${id} was looked at, and the trail does not say so`);
}

/** B2: neither a roster nor an approver nor a late sweep is in the way of who breaks the glass. */
export function breaksGlass(world: World, storage: Storage, email: string, input: Pick<RequestInput, 'asked'>): void {
  const heldUp = (code: string): void => {
    if (['undecided', 'sweep-late', 'pending', 'queued'].includes(code))
      violate(world, `B2: ${email} breaks the glass, and hears: ${code}`);
  };
  launch(world, storage, { what: `break-glass ${JSON.stringify(input.asked)}`, email }, async (operations) => {
    try {
      const answer = await operations.request({ role, reason: 'simulated', breakGlass: true, ...input });
      heldUp(answer.result);
      return answer;
    } catch (error) {
      if (isOncallError(error)) heldUp(error.code);
      throw error;
    }
  });
}
