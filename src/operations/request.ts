/** `request`: decides, commits the intent, activates. Safe to repeat: what is held is kept or extended, what is pending is found again. */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Actor } from '../lifecycle/types.ts';
import { decideFor } from '../policy/incidents.ts';
import { clientOf } from '../policy/machine.ts';
import type { Decision, Facts, Role } from '../policy/types.ts';
import { activate } from './activate.ts';
import type { Deps } from './deps.ts';
import { gatherRoleFacts } from './facts.ts';
import { requireFresh, requireSweep } from './gate.ts';
import { freePlace, insertGrants } from './intent.ts';
import { lookups } from './lookups.ts';
import { roleNamed } from './names.ts';
import { type Pins, pinTargets } from './pins.ts';
import { denied, stillEnding, taken, whichIncident } from './refusal.ts';
import { before, repeat } from './repeat.ts';
import { result } from './request-result.ts';
import { about, approveNow, insertPending } from './request-rows.ts';
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

function requireReason(needed: boolean, reason: string | undefined): void {
  if (!needed || (reason ?? '').trim() !== '') return;
  throw new OncallError('reason-needed', 'this role needs a reason', {
    exit: 2,
    why: 'a person decides, or the policy says so',
    next: 'add --reason "…"',
  });
}
