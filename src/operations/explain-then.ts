/** `explain ID`: what became of a request, and the findings that it was decided with, as they were then. */

import type { Approval, GrantView, Request, RequestState } from '../lifecycle/types.ts';
import { nameOf } from '../policy/iam-role.ts';
import type { Deps } from './deps.ts';
import { unknownRole } from './names.ts';
import { requireRevoker } from './rights.ts';
import { isSame } from './same-person.ts';
import { endOf } from './status.ts';
import type { Ended, ExplainResult } from './types.ts';

export type Became = {
  /** `expired` also where its time is up and no sweep has come by yet. */
  readonly state: RequestState;
  readonly origin: Request['origin'];
  readonly requestedAt: number;
  readonly pendingUntil?: number;
  readonly startsAt?: number;
  readonly expiresAt?: number;
  /** Of standing access: when somebody has to look at it; its end is moved on until then. */
  readonly reviewAt?: number;
  /** How many have to say yes. */
  readonly quorum: number;
  /** Each yes, and a no. */
  readonly approvals: readonly Approval[];
  /** One for each target, the last that was made. */
  readonly grants: readonly GrantView[];
  /** Once nothing of it stands. */
  readonly ended?: Ended;
};

/** For its requester, and for who may revoke it. */
export async function explainThen(deps: Deps, id: string): Promise<ExplainResult> {
  const ledger = await deps.ledger();
  const found = await ledger.read(async (q, now) => {
    const request = await q.request(id);
    const grants = request === undefined ? [] : await q.grantsOfRequest(id);
    return request && { request, grants, now, ended: await endOf(q, request, grants, true) };
  });
  // Neither a role nor a request: said as for any unknown role, with a guess.
  if (!found) throw unknownRole(deps.policy, id);
  const { role, requester, decision, targets, startsAt, requestedAt } = found.request;
  const actor = await deps.actor();
  if (!isSame(actor, requester)) await requireRevoker(deps, actor, deps.policy.roles[role], `see the findings of ${id}`);
  const decided = { id, at: startsAt ?? requestedAt };
  const ofOther = isSame(actor, requester) ? {} : { ofOther: true as const };
  const became = becameOf(found);
  return { role, requester: requester.email, ...ofOther, decision, targets, exit: exitOf(became, targets.length), decided, became };
}

type Found = { readonly request: Request; readonly grants: readonly GrantView[]; readonly now: number; readonly ended: Ended | undefined };

function becameOf({ request, grants, now, ended }: Found): Became {
  const { state, origin, asked, requestedAt, pendingUntil, startsAt, expiresAt, approvals, targets, decision } = request;
  const isUp = (state === 'pending' || state === 'offered') && pendingUntil !== undefined && pendingUntil <= now;
  const reviewAt = origin === 'standing' && 'untilMs' in asked ? asked.untilMs : undefined;
  const newest = targets.flatMap((target) => grants.filter((grant) => nameOf(grant.target) === nameOf(target)).reduce(later, []));
  return {
    ...{ state: isUp ? 'expired' : state, origin, requestedAt, quorum: decision.quorum ?? 1, approvals, grants: newest },
    ...(pendingUntil === undefined ? {} : { pendingUntil }),
    ...(startsAt === undefined ? {} : { startsAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(reviewAt === undefined ? {} : { reviewAt }),
    ...(ended === undefined ? {} : { ended }),
  };
}

const later = ([last]: readonly GrantView[], grant: GrantView): readonly GrantView[] =>
  last === undefined || grant.createdAt >= last.createdAt ? [grant] : [last];

/** As `request --wait` would have: what was given and has ended since was given. */
function exitOf({ state, grants }: Became, targets: number): ExplainResult['exit'] {
  if (state === 'approved') {
    if (grants.some((grant) => grant.state === 'activating')) return 8;
    return grants.filter(({ activatedAt }) => activatedAt !== undefined).length === targets ? 0 : 1;
  }
  if (state === 'denied') return 3;
  return state === 'withdrawn' || state === 'expired' ? 1 : 8;
}
