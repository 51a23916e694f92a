/**
 * Break-glass: past rosters, approvers and a late sweep, for whom the policy names, and for a short time. Never past the sign-in, what denies, and
 * `maxHolders`. Somebody else looks at it afterwards; while that is overdue, nobody breaks the glass of this role again.
 */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import { emergencyRole, reviewCommand } from '../policy/break-glass.ts';
import { formatDuration } from '../policy/duration.ts';
import type { Role, Target } from '../policy/types.ts';
import type { ApproveInput, WaitingReview } from './approval-types.ts';
import { accountsOf } from './approver.ts';
import type { Deps } from './deps.ts';
import { exactlyDone, requireSeen } from './exactly-asked.ts';
import { lookups } from './lookups.ts';
import { requireReviewer } from './rights.ts';
import { requireOtherAccount } from './said-yes.ts';
import { couldBeOne } from './same-person.ts';
import type { RequestResult } from './types.ts';

/** The role as it is in an emergency. Throws where the policy has nothing for that. */
export function inEmergency(role: Role): Role {
  if (role.breakGlass !== undefined) return emergencyRole(role, role.breakGlass);
  throw new OncallError('no-break-glass', `${role.name} has no way in for emergencies`, {
    exit: 3,
    why: 'the policy gives it none (breakGlass)',
    next: `what lets you in: oncall explain ${role.name}`,
  });
}

/** Throws where an earlier emergency should have been looked at by now: a way past the rules that nobody looks at is a hole in them. */
export async function requireReviewed(q: Queries, now: number, role: Role): Promise<void> {
  const overdue = (await q.openReviews()).find((review) => review.role === role.name && review.dueAt < now);
  if (overdue === undefined) return;
  throw new OncallError('review-overdue', `nobody breaks the glass of ${role.name} before the last time was reviewed`, {
    exit: 3,
    why: `${overdue.holder} did it (${overdue.requestId}), and the review has been due for ${formatDuration(now - overdue.dueAt)}`,
    next: `a reviewer runs: ${reviewCommand(overdue.requestId)}`,
  });
}

/** The debt that goes with it, in the transaction that gives the access. */
export async function breakGlass(deps: Deps, q: Queries, now: number, role: Role, request: Request): Promise<void> {
  const dueAt = now + (role.breakGlass?.review.withinMs ?? 0);
  await q.insertReview(request.id, dueAt);
  await q.record({
    type: 'request.broken-glass',
    actor: request.requester,
    requestId: request.id,
    role: role.name,
    holder: request.requester.email,
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    policyDigest: deps.policy.digest,
    data: { reviewDueAt: dueAt, expiresAt: request.expiresAt },
  });
}

const roleOf = ({ policy }: Deps, name: string): Role | undefined => (Object.hasOwn(policy.roles, name) ? policy.roles[name] : undefined);

/** `approve` of an emergency: it was looked at. Changes nothing about the access itself. */
export async function review(deps: Deps, actor: Actor, request: Request, { reason, seen }: ApproveInput): Promise<RequestResult> {
  if (couldBeOne(deps.policy, actor, request.requester)) {
    throw new OncallError('own-request', 'nobody reviews what they did themselves', { exit: 3, next: `oncall explain ${request.id}` });
  }
  const role = roleOf(deps, request.role);
  await requireReviewer(deps, actor, role, `review ${request.id}`);
  // Whoever has left looks at nothing, also where only the rules that name them know it.
  await requireOther(deps, actor, request, { approvers: role?.breakGlass?.review.by ?? deps.policy.admins });
  // Only once, and for whoever reads the record later: that somebody looked says nothing.
  if ((reason ?? '').trim() === '') {
    throw new OncallError('reason-needed', 'a review says what you found', { exit: 2, next: reviewCommand(request.id) });
  }
  const ledger = await deps.ledger();
  await ledger.write(async (q, now) => {
    const done = (await q.request(request.id)) ?? request;
    requireSeen(seen, ledger.digest(exactlyDone(done)), done);
    if (!(await q.closeReview(request.id, now))) {
      throw new OncallError('not-pending', `request ${request.id} has been reviewed already`, { next: `oncall audit list ${request.id}` });
    }
    await q.record({
      type: 'request.reviewed',
      actor,
      requestId: request.id,
      role: request.role,
      holder: request.requester.email,
      ...(reason === undefined ? {} : { reason }),
      policyDigest: deps.policy.digest,
    });
  });
  const grants = await ledger.read((q) => q.grantsOfRequest(request.id));
  return { result: 'reviewed', request, grants, missing: [], decision: request.decision };
}

/** Nor under another name of the user who was let in. Whose ids those are the ledger knows, whatever became of user and group since. */
async function requireOther(deps: Deps, actor: Actor, request: Request, role: Pick<Role, 'approvers'>): Promise<void> {
  const ledger = await deps.ledger();
  const given = await ledger.read(async (q) =>
    Promise.all(
      (await q.grantsOfRequest(request.id)).map(async ({ target, membershipId }) => ({ target, pin: await q.membership(membershipId) })),
    ),
  );
  const isNamed = ({ directory }: Target): boolean => Object.hasOwn(deps.policy.directories, directory);
  const pinned = given.flatMap(({ target, pin }) => (pin !== undefined && isNamed(target) ? [{ target, pin }] : []));
  const inside = pinned.map(({ target }) => target);
  requireOtherAccount(request, await accountsOf(lookups(deps), [actor.email], role, inside), { pinned });
}

/** The emergencies that wait for this person to look at them. */
export async function waitingForReview(deps: Deps, actor: Actor): Promise<readonly WaitingReview[]> {
  const ledger = await deps.ledger();
  const open = await ledger.read(async (q) => {
    const reviews = await q.openReviews();
    const found = await Promise.all(
      reviews.map(async ({ requestId, dueAt }): Promise<WaitingReview | undefined> => {
        const request = await q.request(requestId);
        return request && { ...request, dueAt, digest: ledger.digest(exactlyDone(request)) };
      }),
    );
    return found.filter((request) => request !== undefined);
  });
  const others = open.filter(({ requester }) => !couldBeOne(deps.policy, actor, requester));
  const mine = await Promise.all(
    others.map(async (request) => {
      try {
        await requireReviewer(deps, actor, roleOf(deps, request.role), `review ${request.id}`);
        return [request];
      } catch (error) {
        if ((error as Error).name === 'OncallError') return [];
        throw error;
      }
    }),
  );
  return mine.flat();
}

/** For the sweep: each review that has become overdue is told once. */
export async function tellOverdueReviews(deps: Deps): Promise<void> {
  const ledger = await deps.ledger();
  const overdue = (now: number, reviews: Awaited<ReturnType<Queries['openReviews']>>) => reviews.filter(({ dueAt }) => dueAt < now);
  if (await ledger.read(async (q, now) => overdue(now, await q.openReviews()).length === 0)) return;
  await ledger.write(async (q, now) => {
    const told = new Set((await q.toldOf(topic)).map(({ subject }) => subject));
    for (const { requestId, role, holder, dueAt } of overdue(now, await q.openReviews())) {
      if (told.has(requestId)) continue;
      await q.tell({ topic, subject: requestId, what: 'overdue', at: now });
      await q.record({ type: 'request.review-overdue', actor: 'sweep', requestId, role, holder, data: { dueAt } });
    }
  });
}

const topic = 'review';
