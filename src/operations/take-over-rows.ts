/** The rows of a member who is taken over: the membership becomes ours, and a request with an end stands for it, active from the start. */

import type { Queries } from '../ledger/ledger.ts';
import { type Named, namedIn } from '../lifecycle/standing.ts';
import type { Membership, Request } from '../lifecycle/types.ts';
import { iamRoleIn } from '../policy/iam-role.ts';
import type { Target } from '../policy/types.ts';
import { insertGiven, policyFor } from './by-policy.ts';
import type { Deps } from './deps.ts';
import { freePlace, freeRequestId, randomId } from './intent.ts';
import type { Found } from './recover-list.ts';
import { givenTo } from './standing.ts';
import type { TakingOver } from './take-over.ts';
import type { AdoptMember } from './take-over-types.ts';

/** Gives the id of the request that stands for the member from now on. */
export async function takeOne(
  deps: Deps,
  q: Queries,
  now: number,
  taking: TakingOver,
  { member, row, told }: Found,
  plan: AdoptMember,
): Promise<string> {
  const { actor, role, target, reading, input } = taking;
  const { group } = reading;
  const email = told.people.length === 1 ? told.people[0] : undefined;
  const pin = { account: group.account, groupId: group.groupId, groupName: group.groupName, ...member };
  const membership = row ?? (await q.insertMembership(randomId(deps, 12), target.directory, email ?? member.userName, pin));
  // What was given by hand has no end there, or another: the next sweep tells it.
  await q.changeMembership(membership, { owned: true, ...(iamRoleIn(group.groupName) && { toldUntil: 0 }) });
  const until = plan.until ?? now;
  const named = plan.as === 'standing' && email !== undefined ? namedIn(role, email, now) : undefined;
  const request = named
    ? await standingRequest(deps, q, now, taking, named)
    : await endingRequest(deps, q, now, taking, { membership, holder: email ?? membership.holder, until });
  const place = await freePlace(q, role, { email: request.requester.email, id: request.id });
  if (place && 'place' in place) await q.takePlace(role.name, place.place, request.id);
  const id = await grantFor(q, now, request, membership, target);
  await q.removeStranger(target.directory, group.groupId, member.userId);
  await q.record({
    type: 'member.taken-over',
    actor,
    grantId: id,
    requestId: request.id,
    role: role.name,
    holder: request.requester.email,
    target,
    ...(input.reason === undefined ? {} : { reason: input.reason }),
    policyDigest: deps.policy.digest,
    data: { as: plan.as, until: request.expiresAt, userName: member.userName, before: told.because },
  });
  return request.id;
}

/** Active from the start: nobody has to be added. */
async function grantFor(q: Queries, now: number, request: Request, membership: Membership, target: Target): Promise<string> {
  const before = (await q.grantsOfMembership(membership.id)).find((one) => one.requestId === request.id && one.state !== 'revoking');
  if (before) return before.id;
  const id = `${request.id}.${(await q.countGrantsOfRequest(request.id)) + 1}`;
  await q.insertGrant({
    id,
    requestId: request.id,
    membershipId: membership.id,
    target,
    state: 'active',
    attempts: 0,
    nextAttemptAt: request.expiresAt ?? now,
    createdAt: now,
    version: 1,
  });
  const grant = await q.grant(id);
  if (grant) await q.changeGrant(grant, { activatedAt: now });
  return id;
}

/** Theirs by the policy: the one that stands for another group of the role already, or one that is written now. */
async function standingRequest(deps: Deps, q: Queries, now: number, { role, actor }: TakingOver, named: Named): Promise<Request> {
  const open = await q.openRequest(policyFor(named.email), role.name, 'standing');
  return open ?? insertGiven(deps, q, now, givenTo(named), actor);
}

type Ending = { readonly membership: Membership; readonly holder: string; readonly until: number };

/** One for each membership: nobody asked for it, and it ends by itself. */
async function endingRequest(
  deps: Deps,
  q: Queries,
  now: number,
  { role, actor, target, input }: TakingOver,
  { membership, holder, until }: Ending,
): Promise<Request> {
  const because = `taken over by ${actor.email}`;
  const request: Request = {
    id: await freeRequestId(deps, q),
    requester: { issuer: 'oncall', subject: `adopted:${membership.id}`, email: holder },
    origin: 'adopted',
    role: role.name,
    targets: [target],
    reason: input.reason ?? because,
    asked: input.end ?? { byDefault: true },
    state: 'approved',
    requestedAt: now,
    startsAt: now,
    expiresAt: until,
    decision: {
      outcome: 'allow',
      expiresAt: until,
      heldBy: [],
      endsWith: [],
      undecided: false,
      approvers: [],
      findings: [{ rule: 'admins', effect: 'admin', holds: true, because }],
      ...(role.endsSessionsIn === undefined || role.endsSessionsIn.length === 0 ? {} : { endsSessionsIn: role.endsSessionsIn }),
      policyDigest: deps.policy.digest,
    },
    approvals: [],
    version: 1,
  };
  await q.insertRequest(request);
  await q.record({
    type: 'request.approved',
    actor,
    requestId: request.id,
    role: role.name,
    holder,
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    policyDigest: deps.policy.digest,
    data: { startsAt: now, expiresAt: until, by: 'admin', origin: 'adopted', findings: request.decision.findings },
  });
  return request;
}
