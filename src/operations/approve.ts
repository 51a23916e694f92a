/** `approve`: one yes by somebody else lets the requester in, at once. The facts are gathered again; the approver is checked now. */

import { isOncallError, isProviderError, nextStep, OncallError } from '../errors.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import { decideFor } from '../policy/incidents.ts';
import { clientOf } from '../policy/machine.ts';
import { activate } from './activate.ts';
import type { Deps } from './deps.ts';
import { gatherRoleFacts } from './facts.ts';
import { requireFresh, requireSweep } from './gate.ts';
import { freePlace, insertGrants } from './intent.ts';
import { type Lookups, lookups } from './lookups.ts';
import { requestNamed, roleNamed } from './names.ts';
import { type Pins, pinTargets } from './pins.ts';
import { denied, taken } from './refusal.ts';
import type { Settled } from './request.ts';
import { result } from './request-result.ts';
import { requireApprover } from './rights.ts';
import type { OneInput, Refusal, RequestResult, WaitingResult } from './types.ts';

export async function approve(deps: Deps, input: OneInput): Promise<RequestResult | Refusal> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const pending = await requestNamed(ledger, actor, input.id, 'what waits for you: oncall approve');
  requirePending(pending, ledger.now());
  requireOther(actor, pending);
  const role = roleNamed(deps.policy, pending.role);
  await requireApprover(deps, actor, role, `approve ${pending.id}`);

  const { requester } = pending;
  const world = lookups(deps);
  const askedAt = deps.now();
  const [facts, pins] = await Promise.all([
    gatherRoleFacts(deps, world, role, {
      email: requester.email,
      at: askedAt,
      ...(pending.incident === undefined ? {} : { incident: pending.incident }),
    }),
    pinTargets(deps, world, role, requester.email),
  ]);
  if (pins.pinned.length === 0 && pins.fault) throw pins.fault;
  await requireOtherUser(world, actor, pending, pins);

  const settled = await ledger.write<Settled>(async (q, now) => {
    const request = await q.request(pending.id);
    requirePending(request, now);
    // Several incidents, and none that it was asked for: then it rests on what else holds.
    const { decision, incident } = decideFor(
      {
        role,
        policy: deps.policy,
        email: requester.email,
        client: clientOf(requester),
        asked: request.asked,
        now,
        facts,
      },
      request.incident === undefined ? {} : { named: request.incident },
    );
    const forIncident = incident === undefined ? {} : { incident };
    if (decision.outcome === 'deny') return { refusal: denied(role, requester.email, decision, 'approver') };
    await requireSweep(deps, q, now, role.targets, false);
    requireFresh(askedAt, now);
    const place = await freePlace(q, role);
    if (place && 'holders' in place) return { refusal: await taken(q, now, role, requester.email, decision, place.holders) };
    const times = { startsAt: now, expiresAt: decision.expiresAt ?? now };
    const said = input.reason === undefined ? {} : { reason: input.reason };
    const approvals = [...request.approvals, { by: actor, at: now, answer: 'yes' as const, ...said }];
    // The targets asked for are the ones approved, should the policy have changed meanwhile.
    const wanted = pins.pinned.filter(({ target }) =>
      request.targets.some((asked) => asked.directory === target.directory && asked.group === target.group),
    );
    if (wanted.length === 0) throw targetsChanged(request);
    const approved = await q.changeRequest(request, { state: 'approved', ...times, decision, approvals, ...forIncident });
    if (place) await q.takePlace(role.name, place.place, approved.id);
    await q.record({
      type: 'request.approved',
      actor,
      requestId: approved.id,
      role: role.name,
      holder: requester.email,
      ...said,
      ...forIncident,
      policyDigest: deps.policy.digest,
      data: { ...times, by: 'approver', findings: decision.findings },
    });
    return {
      requestId: approved.id,
      activate: await insertGrants(deps, q, now, approved, wanted, actor),
      whole: 'granted',
      decision,
    };
  });
  if ('refusal' in settled) return settled.refusal;
  const failed = await Promise.all(settled.activate.map((id) => activate(deps, id)));
  return result(deps, settled, [...pins.missing, ...failed.filter((failure) => failure !== undefined)]);
}

/** What waits for a yes of mine, as far as can be told from the policy alone: every pending request that is not my own. */
export async function waiting(deps: Deps): Promise<WaitingResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const open = await ledger.read((q) => q.openRequests());
  const others = open.filter((request) => request.state === 'pending' && !isSame(actor, request.requester));
  const mine = await Promise.all(
    others.map(async (request) => {
      try {
        await requireApprover(deps, actor, roleNamed(deps.policy, request.role), `approve ${request.id}`);
        return [request];
      } catch (error) {
        if ((error as Error).name === 'OncallError') return [];
        throw error;
      }
    }),
  );
  return { requests: mine.flat() };
}

export function requirePending(request: Request | undefined, now: number): asserts request is Request {
  if (request?.state === 'pending' && now < (request.pendingUntil ?? 0)) return;
  const state = request?.state === 'pending' ? 'expired' : (request?.state ?? 'gone');
  throw new OncallError('not-pending', `request ${request?.id ?? ''} is ${state}, it no longer waits for an answer`, {
    next: `oncall status ${request?.id ?? ''}`,
  });
}

/** The same person is the same subject at the same issuer; the e-mail is compared as well, so that a second sign-in under it does not count. */
export const isSame = (a: Actor, b: Actor): boolean => (a.issuer === b.issuer && a.subject === b.subject) || a.email === b.email;

function requireOther(actor: Actor, request: Request): void {
  if (isSame(actor, request.requester)) throw ownRequest(request);
}

function ownRequest({ role }: Request): OncallError {
  return new OncallError('own-request', 'nobody approves their own request', {
    exit: 3,
    next: `ask an approver of ${role}: oncall explain ${role}`,
  });
}

/** One person may have two names here and be one user where the access is. Who has no user there is not that one; of whom it is not known may be. */
async function requireOtherUser(world: Lookups, actor: Actor, request: Request, { pinned }: Pins): Promise<void> {
  const users = await Promise.allSettled(pinned.map(({ target }) => world.user(target.directory, actor.email)));
  if (users.some((user, index) => user.status === 'fulfilled' && user.value?.userId === pinned[index]?.pin.userId))
    throw ownRequest(request);
  const failed: unknown = users.find((user) => user.status === 'rejected')?.reason;
  if (failed === undefined) return;
  if (!isOncallError(failed) && !isProviderError(failed)) throw failed;
  throw new OncallError('undecided', `could not decide whether request ${request.id} is your own`, {
    why: failed.message,
    next: (isProviderError(failed) ? nextStep(failed) : failed.next) ?? `oncall approve ${request.id}`,
    cause: failed,
  });
}

function targetsChanged({ id, role }: Request): OncallError {
  return new OncallError('targets-changed', `${role} no longer has the groups that request ${id} asked for`, {
    why: 'the policy was changed meanwhile, and nobody is given what they did not ask for',
    next: `the requester asks again: oncall request ${role}`,
  });
}
