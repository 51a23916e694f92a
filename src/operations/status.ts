/** `status`: who holds what until when, and what is wrong. Reads the ledger only. */

import type { Queries } from '../ledger/ledger.ts';
import type { GrantView, Request } from '../lifecycle/types.ts';
import { readNow, standing } from './anchor.ts';
import type { Deps } from './deps.ts';
import { sweepAge } from './gate.ts';
import { linesOf } from './line-view.ts';
import { callsRole, isRole, neither } from './names.ts';
import { isSame } from './same-person.ts';
import { missedReviews, standingNow } from './standing-status.ts';
import { driftIn, faultsIn, strangersIn } from './status-faults.ts';
import type { Ended, StatusFault, StatusInput, StatusResult } from './types.ts';

export async function status(deps: Deps, input: StatusInput): Promise<StatusResult> {
  const ledger = await deps.ledger();
  const me = input.mine || deps.throughBroker ? await deps.actor() : undefined;
  const isMine = ({ requester }: Request): boolean => me !== undefined && isSame(me, requester);
  const isToldAll = (request: Request): boolean => !deps.throughBroker || isMine(request);
  const anchor = readNow(deps.anchor);
  return ledger.read(async (q, now) => {
    const one = input.of === undefined ? undefined : await q.request(input.of);
    if (input.of !== undefined && !one && !isRole(deps.policy, input.of)) throw neither(deps.policy, input.of);
    const isMeant = input.of === undefined || one ? () => true : callsRole(input.of);
    const open = one ? [one] : await q.openRequests();
    const requests = open.filter((request) => (!input.mine || isMine(request)) && isMeant(request.role));
    const ids = new Set(requests.map((request) => request.id));
    const live = await q.liveGrants();
    const grants = one
      ? await q.grantsOfRequest(one.id)
      : await withEnded(
          q,
          requests,
          live.filter((grant) => ids.has(grant.requestId)),
        );
    const sweep = await sweepAge(q, now, deps.policy, Object.keys(deps.policy.directories));
    const { fault } = await standing(anchor, q, now);
    const lost: StatusFault[] = fault === undefined ? [] : [{ code: 'ledger-behind', message: fault, next: 'oncall ledger recover' }];
    const strangers = await strangersIn(q);
    const faults = await faultsIn(deps, q, now, live, strangers);
    const { reviews, notIn } = await standingNow(deps.policy, q, now);
    const ended = one && (await endOf(q, one, grants, isToldAll(one)));
    const reviewed = one && (await q.review(one.id));
    const owed = await q.openReviews();
    return {
      requests: requests.map((request) => (isToldAll(request) ? request : forOthers(request))),
      grants,
      sweep,
      // A sweep gives no heartbeat then; one more would be no help.
      faults: [...lost, ...faults.filter(({ code }) => lost.length === 0 || code !== 'late-sweep'), ...missedReviews({ reviews })],
      drift: driftIn(deps.policy, strangers),
      lines: await linesOf(q),
      // Why somebody is not in is theirs to know.
      standing: { reviews, notIn: notIn.filter(({ holder }) => !deps.throughBroker || holder === me?.email) },
      emergencies: reviewed?.reviewedAt === undefined ? owed : [...owed, reviewed],
      ...(ended === undefined ? {} : { ended }),
      courtesy: deps.courtesy,
      now,
    };
  });
}

/** Who has what until when is everybody's to see. What it was decided from, and why it was asked for, `explain ID` tells those who may know. */
function forOthers({ reason: _reason, ...request }: Request): Request {
  const { limitedBecause: _because, ...decision } = request.decision;
  return { ...request, decision: { ...decision, findings: [] } };
}

/** Of a role with several targets, the ended grants too, so that `1 of 2` can be told. */
async function withEnded(q: Queries, requests: readonly Request[], live: readonly GrantView[]): Promise<readonly GrantView[]> {
  const several = requests.filter((request) => request.targets.length > 1).map((request) => request.id);
  const whole = (await Promise.all(several.map((id) => q.grantsOfRequest(id)))).flat();
  return [...live.filter((grant) => !several.includes(grant.requestId)), ...whole];
}

const ends = ['grant.revoking', 'request.denied', 'request.withdrawn', 'request.expired'] as const;

/** What the audit says about the last step to its end, while nothing of it stands. */
export async function endOf(
  q: Queries,
  { id, state }: Request,
  grants: readonly GrantView[],
  isToldAll: boolean,
): Promise<Ended | undefined> {
  const stands = grants.some((grant) => grant.state === 'active' || grant.state === 'activating');
  if (state === 'pending' || state === 'queued' || state === 'offered' || stands) return undefined;
  const event = await q.lastEventOf(id, ends);
  if (event === undefined) return undefined;
  const { type, actor, at, endReason, data, reason } = event;
  const because = (data as { readonly because?: string } | undefined)?.because ?? reason;
  const how = type === 'grant.revoking' ? (endReason ?? 'expired') : hows[type as keyof typeof hows];
  return { by: typeof actor === 'string' ? actor : actor.email, at, how, ...(because === undefined || !isToldAll ? {} : { because }) };
}

const hows = { 'request.denied': 'denied', 'request.withdrawn': 'withdrawn', 'request.expired': 'expired' } as const;
