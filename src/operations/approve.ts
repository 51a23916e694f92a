/** `approve`: one yes more; the one that makes up the quorum lets the requester in, at once. The facts are gathered again, and everybody's right to their yes is checked now. */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Actor, Approval, Request } from '../lifecycle/types.ts';
import { nameOf } from '../policy/iam-role.ts';
import { decideFor } from '../policy/incidents.ts';
import { clientOf } from '../policy/machine.ts';
import type { Facts, Role } from '../policy/types.ts';
import { activate } from './activate.ts';
import type { ApproveInput, Yes } from './approval-types.ts';
import { type ApproverRight, accountsOf, behind } from './approver.ts';
import { review } from './break-glass.ts';
import type { Deps } from './deps.ts';
import { exactlyAsked, requireSeen, stillOf } from './exactly-asked.ts';
import { gatherRoleFacts } from './facts.ts';
import { requireFresh, requireSweep } from './gate.ts';
import { freePlace, insertGrants } from './intent.ts';
import { lateSessions } from './late-sessions.ts';
import { joinLine, tendLine } from './line.ts';
import { lookups } from './lookups.ts';
import { requireApprover, requireTurn } from './may-approve.ts';
import { requestNamed, roleNamed } from './names.ts';
import { type Pins, pinTargets } from './pins.ts';
import { denied } from './refusal.ts';
import type { Settled } from './request.ts';
import { result } from './request-result.ts';
import { type Earlier, earlierYes, isOpen, ownRequest, requireOnlyOnce, requireOtherAccount } from './said-yes.ts';
import { couldBeOne } from './same-person.ts';
import type { Refusal, RequestResult } from './types.ts';

const whatWaits = 'what waits for you: oncall approve';

/** Each time somebody else's yes came in between. */
const mostTries = 20;

export async function approve(deps: Deps, input: ApproveInput): Promise<RequestResult | Refusal> {
  const actor = await deps.actor();
  const named = await requestNamed(await deps.ledger(), actor, input.id, whatWaits);
  if (named.origin === 'break-glass' && named.state === 'approved') return review(deps, actor, named, input);
  for (let tries = 1; ; tries++) {
    const answer = await tryToApprove(deps, actor, input);
    if (answer !== 'changed') return answer;
    if (tries === mostTries) throw new OncallError('changed-meanwhile', `request ${input.id} keeps changing`, { next: 'try again' });
  }
}

async function tryToApprove(deps: Deps, actor: Actor, input: ApproveInput): Promise<RequestResult | Refusal | 'changed'> {
  const ledger = await deps.ledger();
  const pending = await requestNamed(ledger, actor, input.id, whatWaits);
  requirePending(pending, ledger.now());
  const { requester, incident } = pending;
  if (couldBeOne(deps.policy, actor, requester)) throw ownRequest(pending);
  const role = roleNamed(deps.policy, pending.role);
  const world = lookups(deps);
  const askedAt = deps.now();
  const now = ledger.now();
  const suits = isOpen(deps.policy, role, { request: pending, actor, now });
  const right = await requireApprover(deps, world, actor, role, { request: pending, at: now, suits });
  const digest = ledger.digest(exactlyAsked(pending, role));
  requireSeen(input.seen, digest, pending);

  const about = { email: requester.email, at: askedAt, ...(incident === undefined ? {} : { incident }) };
  const [facts, pins] = await Promise.all([gatherRoleFacts(deps, world, role, about), pinTargets(deps, world, role, requester.email)]);
  if (pins.pinned.length === 0 && pins.fault) throw pins.fault;
  const mine = {
    ...{ by: actor, answer: 'yes' as const, digest },
    ...(input.reason === undefined ? {} : { reason: input.reason }),
    ...(right.inPlaceOf === undefined ? {} : { inPlaceOf: right.inPlaceOf.from }),
  };
  // In the directories in which something can be given: where nothing can be, nobody need be known.
  const inside = pins.pinned.map(({ target }) => target);
  const emails = behind(mine).map(({ email }) => email);
  const accounts = await accountsOf(world, emails, role, inside);
  requireOtherAccount(pending, accounts, pins);
  const earlier = await earlierYes(deps, world, role, { pending, digest, inside, at: ledger.now() });
  requireOnlyOnce(deps.policy, pending, { yes: mine, users: accounts.users }, earlier);

  const settled = await ledger.write<Answered>(async (q, now) => {
    if (role.maxHolders !== undefined) await tendLine(q, now, role);
    const request = await q.request(pending.id);
    requirePending(request, now);
    // Whatever was found out about it was about this version.
    if (request.version !== pending.version) return 'changed';
    return settle(deps, q, now, { request, role, right, facts, pins, askedAt, mine: { ...mine, at: now }, earlier });
  });
  if (settled === 'changed') return settled;
  if ('refusal' in settled) return settled.refusal;
  const failed = await Promise.all(settled.activate.map((id) => activate(deps, id)));
  const missing = [...(settled.activate.length === 0 ? [] : pins.missing), ...failed.filter((failure) => failure !== undefined)];
  return { ...(await result(deps, settled, missing)), ...lateSessions(pins), yes: settled.yes };
}

type Answered = 'changed' | { readonly refusal: Refusal } | (Exclude<Settled, { refusal: Refusal }> & { readonly yes: Yes });

type Approving = {
  readonly request: Request;
  readonly role: Role;
  readonly right: ApproverRight;
  readonly facts: Facts;
  readonly pins: Pins;
  readonly askedAt: number;
  readonly mine: Approval;
  readonly earlier: readonly Earlier[];
};

/** All that can be looked at again by the transaction's clock, and the yes: the last one gives the access. */
async function settle(deps: Deps, q: Queries, now: number, approving: Approving): Promise<Answered> {
  const { request, role, right, facts, pins, askedAt, mine, earlier } = approving;
  const { requester } = request;
  requireTurn(deps.policy, role, request, right, now);
  // Several incidents, and none that it was asked for: then it rests on what else holds.
  const { decision, incident } = decideFor(
    { role, policy: deps.policy, email: requester.email, client: clientOf(requester), asked: request.asked, now, facts },
    request.incident === undefined ? {} : { named: request.incident },
  );
  const forIncident = incident === undefined ? {} : { incident };
  if (decision.outcome === 'deny') return { refusal: denied(role, requester.email, decision, 'other') };
  requireFresh(askedAt, now);
  // The targets asked for are the ones approved, should the policy have changed meanwhile.
  const still = stillOf(request, role);
  const wanted = pins.pinned.filter(({ target }) => still.some((one) => nameOf(one) === nameOf(target)));
  if (wanted.length === 0) throw targetsChanged(request);

  const yes = countYes(request, role, mine, earlier);
  const event = {
    ...{ actor: mine.by, requestId: request.id, role: role.name, holder: requester.email },
    ...(mine.reason === undefined ? {} : { reason: mine.reason }),
    policyDigest: deps.policy.digest,
  };
  const bound = { digest: mine.digest, ...(mine.inPlaceOf === undefined ? {} : { inPlaceOf: mine.inPlaceOf }), yes };
  if (yes.by.length < yes.of) {
    const waiting = await q.changeRequest(request, { approvals: [...earlier.filter(({ counts }) => counts).map((one) => one.yes), mine] });
    await q.record({ ...event, type: 'request.approval', data: bound });
    return { requestId: waiting.id, activate: [], whole: 'held', decision, yes };
  }
  await requireSweep(deps, q, now, role.targets, false);
  const place = await freePlace(q, role, { email: requester.email, id: request.id });
  const times = { startsAt: now, expiresAt: decision.expiresAt ?? now };
  const approvals = [...earlier.filter(({ counts }) => counts === true).map((one) => one.yes), mine];
  // A yes is not lost for want of a place: it is good for one in line.
  if (place && 'holders' in place) {
    await joinLine(q, now, {
      request: { ...request, decision, approvals },
      isNew: false,
      actor: mine.by,
      data: bound,
      policyDigest: deps.policy.digest,
    });
    return { requestId: request.id, activate: [], whole: 'held', decision, yes };
  }
  const approved = await q.changeRequest(request, { state: 'approved', ...times, decision, approvals, ...forIncident });
  if (place) await q.takePlace(role.name, place.place, approved.id);
  await q.record({
    ...{ ...event, type: 'request.approved', ...forIncident },
    data: { ...times, by: 'approver', ...bound, findings: decision.findings },
  });
  const activated = await insertGrants(deps, q, now, approved, wanted, mine.by);
  return { requestId: approved.id, activate: activated, whole: 'granted', decision, yes };
}

/** Mine, and those before it that still count. Where one of which that is not known would make the difference, nothing is counted now. */
function countYes({ id }: Request, { quorum = 1 }: Role, mine: Approval, earlier: readonly Earlier[]): Yes {
  const still = earlier.filter(({ counts }) => counts);
  const unknown = still.find(({ counts }) => counts === 'unknown');
  const sure = still.filter(({ counts }) => counts === true).length + 1;
  if (unknown !== undefined && sure < quorum && still.length + 1 >= quorum) {
    throw new OncallError('undecided', `could not decide whether the yes of ${unknown.yes.by.email} to ${id} still counts`, {
      why: `${unknown.because}; yours was not taken down`,
      next: `oncall approve ${id}`,
    });
  }
  const dropped = earlier.filter(({ counts }) => !counts).map(({ yes, because }) => ({ by: yes.by.email, because }));
  return { by: [...still.map(({ yes }) => yes), mine].map((one) => one.by.email), of: quorum, dropped };
}

export function requirePending(request: Request | undefined, now: number): asserts request is Request {
  if (request?.state === 'pending' && now < (request.pendingUntil ?? 0)) return;
  const state = request?.state === 'pending' ? 'expired' : (request?.state ?? 'gone');
  throw new OncallError('not-pending', `request ${request?.id ?? ''} is ${state}, it no longer waits for an answer`, {
    next: `oncall status ${request?.id ?? ''}`,
  });
}

function targetsChanged({ id, role }: Request): OncallError {
  return new OncallError('targets-changed', `${role} no longer has the groups that request ${id} asked for`, {
    why: 'the policy was changed meanwhile, and nobody is given what they did not ask for',
    next: `the requester asks again: oncall request ${role}`,
  });
}
