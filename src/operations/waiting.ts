/** `approve` without an id: what waits for a yes of mine, with all that it depends on as it was found when it was asked for. Writes nothing. */

import type { Request } from '../lifecycle/types.ts';
import { turnsOf } from '../policy/turns.ts';
import type { Policy } from '../policy/types.ts';
import type { UnknownWaiting, WaitingRequest, WaitingResult } from './approval-types.ts';
import { approverRight } from './approver.ts';
import { waitingForReview } from './break-glass.ts';
import type { Deps } from './deps.ts';
import { exactlyAsked } from './exactly-asked.ts';
import { lookups } from './lookups.ts';
import { turnComesAt } from './may-approve.ts';
import { hasSaidYes, isOpen, isUsed, yesOf } from './said-yes.ts';
import { couldBeOne } from './same-person.ts';

export async function waiting(deps: Deps): Promise<WaitingResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const { pending, now } = await ledger.read(async (q, at) => ({ pending: await q.pendingRequests(), now: at }));
  const { policy } = deps;
  const open = pending.filter(
    (request) => now < (request.pendingUntil ?? 0) && !couldBeOne(policy, actor, request.requester) && !hasSaidYes(policy, actor, request),
  );
  const world = lookups(deps);
  const looked = await Promise.all(
    open.map(async (request): Promise<WaitingRequest | UnknownWaiting | undefined> => {
      const role = roleOf(policy, request);
      if (role === undefined) return undefined;
      const suits = isOpen(policy, role, { request, actor, now });
      const right = await approverRight(deps, world, actor, role, { requester: request.requester, at: now, suits });
      const { id, requester } = request;
      if (right.may === 'unknown') return { id, role: role.name, requester: requester.email, because: right.because };
      if (!right.may || isUsed(policy, request, actor, right)) return undefined;
      const yoursAt = turnComesAt(policy, role, request, right, now);
      const { inPlaceOf } = right;
      return {
        ...request,
        digest: ledger.digest(exactlyAsked(request, role)),
        yes: { by: yesOf(request).map(({ by }) => by.email), of: role.quorum ?? 1, dropped: [] },
        ...(role.escalateMs === undefined ? {} : { turns: turnsOf(role, policy.digest, request) }),
        ...(yoursAt === undefined ? {} : { yoursAt }),
        ...(inPlaceOf === undefined ? {} : { inPlaceOf: { email: inPlaceOf.from, endsAt: inPlaceOf.endsAt } }),
      };
    }),
  );
  const found = looked.filter((one) => one !== undefined);
  const [requests, unknown] = [found.filter((one) => 'digest' in one), found.filter((one) => 'because' in one)];
  return { requests, unknown, reviews: await waitingForReview(deps, actor) };
}

const roleOf = ({ roles }: Policy, { role }: Request) => (Object.hasOwn(roles, role) ? roles[role] : undefined);
