/** `request`: decides, commits the intent, activates. Safe to repeat: what is held is kept or extended, what is pending is found again. */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import { type Decided, decideFor } from '../policy/incidents.ts';
import { clientOf } from '../policy/machine.ts';
import type { Decision, Facts, Role } from '../policy/types.ts';
import { activate } from './activate.ts';
import type { Deps } from './deps.ts';
import { gatherRoleFacts } from './facts.ts';
import { requireFresh, requireSweep } from './gate.ts';
import { freePlace, freeRequestId, insertGrants } from './intent.ts';
import { lookups } from './lookups.ts';
import { roleNamed } from './names.ts';
import { type Pins, pinTargets } from './pins.ts';
import { denied, stillEnding, taken, whichIncident } from './refusal.ts';
import { before, repeat } from './repeat.ts';
import { requireAdmin } from './rights.ts';
import type { Refusal, RequestInput, RequestResult, TargetFailure } from './types.ts';

/** What the transaction settled; the calls to the directories come after it. */
export type Settled =
  | { readonly refusal: Refusal }
  | {
      readonly requestId: string;
      readonly activate: readonly string[];
      /** What it is called where the person is in everywhere. */
      readonly whole: 'granted' | 'extended' | 'again' | 'held';
      /** Targets that were not tried. */
      readonly missing?: readonly TargetFailure[];
      readonly decision: Decision;
      readonly notExtended?: string;
      readonly movedFrom?: number;
    };

export async function request(deps: Deps, input: RequestInput): Promise<RequestResult | Refusal> {
  const role = roleNamed(deps.policy, input.role);
  const actor = await deps.actor();
  requireReason(role.reason === 'required', input.reason);
  if (input.despiteLateSweep) {
    requireReason(true, input.reason);
    await requireAdmin(deps, actor, 'grant while the sweep is late');
  }
  const world = lookups(deps);
  const askedAt = deps.now();
  const factsSoon = gatherRoleFacts(deps, world, role, {
    email: actor.email,
    at: askedAt,
    ...(input.incident === undefined ? {} : { incident: input.incident }),
  });
  const pinsSoon = pinTargets(deps, world, role, actor.email);
  // Opening the ledger blocks: only when one has answered, so that both were sent before, and while the other is on its way.
  await Promise.race([factsSoon, pinsSoon]);
  const [ledger, facts, pins] = await Promise.all([deps.ledger(), factsSoon, pinsSoon]);

  const settled = await ledger.write((q, now) => settle(deps, q, now, { input, role, actor, facts, askedAt, pins }));
  if ('refusal' in settled) return settled.refusal;
  const failed = await Promise.all(settled.activate.map((id) => activate(deps, id)));
  return result(deps, settled, [...pins.missing, ...(settled.missing ?? []), ...failed.filter((failure) => failure !== undefined)]);
}

export type Asking = {
  readonly input: RequestInput;
  readonly role: Role;
  readonly actor: Actor;
  readonly facts: Facts;
  readonly askedAt: number;
  readonly pins: Pins;
};

/** All checks again, inside the transaction and by its clock. */
async function settle(deps: Deps, q: Queries, now: number, asking: Asking): Promise<Settled> {
  const { input, role, actor, facts, pins } = asking;
  const { open, standing, ending } = await before(q, actor, role.name);
  const held = open !== undefined && standing.length > 0;
  const decided = decideFor(
    {
      role,
      policy: deps.policy,
      email: actor.email,
      client: clientOf(actor),
      asked: input.asked,
      now,
      ...(held && open.startsAt !== undefined ? { startedAt: open.startsAt } : {}),
      facts,
    },
    {
      ...(input.incident === undefined ? {} : { named: input.incident }),
      ...(open?.incident === undefined ? {} : { before: open.incident }),
    },
  );
  const { decision } = decided;
  if (decided.several) throw whichIncident(role, actor.email, decided.several);
  if (held) return repeat(deps, q, now, asking, open, standing, decided);
  if (decision.outcome === 'deny') {
    await q.record({
      type: 'request.refused',
      actor,
      role: role.name,
      holder: actor.email,
      ...about(input, decided),
      policyDigest: deps.policy.digest,
      data: { findings: decision.findings },
    });
    return { refusal: denied(role, actor.email, decision) };
  }
  if (ending && decision.outcome === 'ask') return { refusal: stillEnding(role, actor.email, decision, ending) };
  if (pins.pinned.length === 0 && pins.fault) throw pins.fault;
  await requireSweep(deps, q, now, role.targets, input.despiteLateSweep === true);
  requireFresh(asking.askedAt, now);
  if (decision.outcome === 'ask') {
    requireReason(role.reason === 'when-asked', input.reason ?? open?.reason);
    const id = open?.id ?? (await insertPending(deps, q, now, asking, decided));
    return { requestId: id, activate: [], whole: 'held', decision };
  }

  const place = await freePlace(q, role, ending?.request.id);
  if (place && 'holders' in place) return { refusal: await taken(q, now, role, actor.email, decision, place.holders) };
  if (input.despiteLateSweep) await q.record({ type: 'sweep.overridden', actor, role: role.name, ...about(input, decided) });
  const approved = await approveNow(deps, q, now, asking, decided, open);
  if (place) await q.takePlace(role.name, place.place, approved.id);
  const grants = await insertGrants(deps, q, now, approved, pins.pinned, actor);
  return { requestId: approved.id, activate: grants, whole: ending ? 'again' : 'granted', decision };
}

async function insertPending(deps: Deps, q: Queries, now: number, { input, role, actor }: Asking, decided: Decided): Promise<string> {
  const { decision } = decided;
  const id = await freeRequestId(deps, q);
  await q.insertRequest({
    id,
    requester: actor,
    role: role.name,
    targets: role.targets,
    ...about(input, decided),
    asked: input.asked,
    state: 'pending',
    requestedAt: now,
    pendingUntil: now + role.withinMs,
    decision,
    approvals: [],
    version: 1,
  });
  await q.record({
    type: 'request.pending',
    actor,
    requestId: id,
    role: role.name,
    holder: actor.email,
    ...about(input, decided),
    policyDigest: deps.policy.digest,
    data: { findings: decision.findings },
  });
  return id;
}

/**
 * Under its own id: a pending request whose requester has come on call meanwhile, and one that is being taken back, as its id and its place stay
 * until that is confirmed. Of the latter nothing else counts any more: neither its end nor who said yes to it.
 */
async function approveNow(
  deps: Deps,
  q: Queries,
  now: number,
  { input, role, actor }: Asking,
  decided: Decided,
  open: Request | undefined,
): Promise<Request> {
  const { decision } = decided;
  const times = { startsAt: now, expiresAt: decision.expiresAt ?? now };
  let approved: Request;
  if (open) {
    const { reason: _reason, incident: _incident, ...bare } = open;
    const anew = {
      state: 'approved',
      targets: role.targets,
      asked: input.asked,
      ...about(input, decided),
      ...times,
      decision,
      approvals: [],
    } as const;
    approved = await q.changeRequest(open.state === 'approved' ? bare : open, anew);
    await q.markUnheld(open.id, undefined);
  } else {
    approved = {
      id: await freeRequestId(deps, q),
      requester: actor,
      role: role.name,
      targets: role.targets,
      ...about(input, decided),
      asked: input.asked,
      state: 'approved',
      requestedAt: now,
      ...times,
      decision,
      approvals: [],
      version: 1,
    };
    await q.insertRequest(approved);
  }
  await q.record({
    type: 'request.approved',
    actor,
    requestId: approved.id,
    role: role.name,
    holder: actor.email,
    ...about(input, decided),
    policyDigest: deps.policy.digest,
    data: { ...times, by: 'policy', findings: decision.findings },
  });
  return approved;
}

const about = ({ reason }: RequestInput, { incident }: Decided) => ({
  ...(reason === undefined ? {} : { reason }),
  ...(incident === undefined ? {} : { incident }),
});

function requireReason(needed: boolean, reason: string | undefined): void {
  if (!needed || (reason ?? '').trim() !== '') return;
  throw new OncallError('reason-needed', 'this role needs a reason', {
    exit: 2,
    why: 'a person decides, or the policy says so',
    next: 'add --reason "…"',
  });
}

/** How long a repeated request looks on while another run of it activates. */
const patienceMs = 10_000;
const pollMs = 250;

/** What came of it, read back from the ledger. */
export async function result(
  deps: Deps,
  settled: Exclude<Settled, { refusal: Refusal }>,
  missing: readonly TargetFailure[],
): Promise<RequestResult> {
  const ledger = await deps.ledger();
  const look = () =>
    ledger.read(async (q) => ({ request: await q.request(settled.requestId), grants: await q.grantsOfRequest(settled.requestId) }));
  let { request: now, grants } = await look();
  // The same command typed twice: the other run is letting the person in right now.
  for (let wait = 0; wait < patienceMs && grants.some((grant) => grant.state === 'activating') && !deps.signal.aborted; wait += pollMs) {
    await deps.sleep(pollMs);
    ({ request: now, grants } = await look());
  }
  if (!now) throw new Error(`request ${settled.requestId} has vanished`);
  const relevant = grants.filter((grant) => grant.state !== 'ended' || settled.activate.includes(grant.id));
  const inNow = new Set(
    relevant.filter((grant) => grant.state === 'active').map((grant) => `${grant.target.directory}/${grant.target.group}`),
  );
  const all = now.targets.length === inNow.size;
  const outcome = now.state === 'pending' ? 'pending' : inNow.size === 0 ? 'failed' : !all ? 'partial' : settled.whole;
  const { notExtended, movedFrom } = settled;
  const more = { ...(notExtended === undefined ? {} : { notExtended }), ...(movedFrom === undefined ? {} : { movedFrom }) };
  return { result: outcome, request: now, grants: relevant, missing, decision: settled.decision, ...more };
}
