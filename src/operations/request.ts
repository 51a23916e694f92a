/** `request`: decides, commits the intent, activates. Safe to repeat: what is held is kept or extended, what is pending is found again. */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { isInLine } from '../lifecycle/line.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import { decideFor } from '../policy/incidents.ts';
import { clientOf } from '../policy/machine.ts';
import type { Decision, Facts, Finding, Role } from '../policy/types.ts';
import { activate } from './activate.ts';
import { type ApproversOnCall, approversOnCall } from './approvers-on-call.ts';
import { inTurns, keepOrWithdraw } from './asked-otherwise.ts';
import { breakGlass, inEmergency, requireReviewed } from './break-glass.ts';
import { inByPolicy } from './by-policy.ts';
import type { Deps } from './deps.ts';
import { gatherRoleFacts } from './facts.ts';
import { requireFresh, requireSweep } from './gate.ts';
import { asWaitedFor, saidBefore, settleInLine, stillYes, tellPlace } from './in-line.ts';
import { freePlace, insertGrants } from './intent.ts';
import { lateSessions } from './late-sessions.ts';
import { tendLine } from './line.ts';
import { lookups } from './lookups.ts';
import { moveEnd, notMoved } from './move-end.ts';
import { roleNamed } from './names.ts';
import { nobodyToAsk } from './nobody-to-ask.ts';
import { type Pins, pinTargets } from './pins.ts';
import { denied, stillEnding, taken, whichIncident } from './refusal.ts';
import { before, repeat } from './repeat.ts';
import { result } from './request-result.ts';
import { about, approveNow, insertQueued, originOf, waitForYes } from './request-rows.ts';
import { requireAdmin } from './rights.ts';
import type { Refusal, RequestInput, RequestResult, TargetFailure } from './types.ts';

/** What the transaction settled; the calls to the directories come after it. */
export type Settled =
  | { readonly refusal: Refusal }
  | {
      readonly requestId: string;
      readonly activate: readonly string[];
      /** Memberships that they have and may go on to have, whose directories must know until when. */
      readonly held?: readonly string[];
      /** Grants of theirs by which they are not in: they let in another user. */
      readonly others?: readonly string[];
      /** What it is called where the person is in everywhere. */
      readonly whole: 'granted' | 'extended' | 'again' | 'held';
      /** Targets that were not tried. */
      readonly missing?: readonly TargetFailure[];
      readonly decision: Decision;
      readonly notExtended?: string;
      readonly unheld?: true;
      readonly movedFrom?: number;
    };

export async function request(deps: Deps, input: RequestInput): Promise<RequestResult | Refusal> {
  const named = roleNamed(deps.policy, input.role);
  const role = input.breakGlass ? inEmergency(named) : named;
  const actor = await deps.actor();
  const said = await saidBefore(deps, actor, role, input);
  if (input.despiteLateSweep) {
    requireReason(true, input.reason, overriding);
    await requireAdmin(deps, actor, 'grant while the sweep is late');
  }
  const world = lookups(deps);
  const askedAt = deps.now();
  const factsSoon = gatherRoleFacts(deps, world, role, {
    email: actor.email,
    at: askedAt,
    ...(said.incident === undefined ? {} : { incident: said.incident }),
  });
  const pinsSoon = pinTargets(deps, world, role, actor.email);
  // Opening the ledger blocks: only when one has answered, so that both were sent before, and while the other is on its way.
  await Promise.race([factsSoon, pinsSoon]);
  const [ledger, facts, pins] = await Promise.all([deps.ledger(), factsSoon, pinsSoon]);

  const asking = {
    input,
    role,
    actor,
    facts,
    askedAt,
    pins,
    stillYes: input.breakGlass ? undefined : await stillYes(deps, world, role, actor, pins),
    reason: said.reason,
  };
  const [nobody, onCall] = await Promise.all([
    nobodyToAsk(deps, world, asking, ledger.now()),
    approversOnCall(deps, world, asking, ledger.now()),
  ]);
  const settled = await ledger.write((q, now) => settle(deps, q, now, { ...asking, nobody, onCall }));
  if ('refusal' in settled) return settled.refusal;
  const [failed, unmoved] = await Promise.all([
    Promise.all(settled.activate.map((id) => activate(deps, id))),
    Promise.all((settled.held ?? []).map((id) => moveEnd(deps, id))),
  ]);
  const missing = [...pins.missing, ...(settled.missing ?? []), ...failed.filter((failure) => failure !== undefined)];
  const more = { ...notMoved(unmoved), ...lateSessions(pins) };
  return { ...(await result(deps, settled, missing)), ...more };
}

export type Asking = {
  readonly input: RequestInput;
  readonly role: Role;
  readonly actor: Actor;
  readonly facts: Facts;
  readonly askedAt: number;
  readonly pins: Pins;
  /** Of approvers who are asked one after the other: those of whom nobody is there. */
  readonly nobody: readonly Finding[];
  /** For notices alone. */
  readonly onCall?: ApproversOnCall;
  /** Of the approvers who let them stand in line: how many may say yes today. */
  readonly stillYes?: number | undefined;
  /** As it was given now, or for the place in line. */
  readonly reason?: string | undefined;
  /** They stand in line after the yes of their approvers. */
  readonly yes?: true;
};

/** All checks again, inside the transaction and by its clock. */
async function settle(deps: Deps, q: Queries, now: number, typed: Asking): Promise<Settled> {
  if (typed.role.maxHolders !== undefined) await tendLine(q, now, typed.role);
  const { open, standing, ending } = await before(q, typed.actor, typed.role.name, originOf(typed.input));
  if (open) requireSameSignIn(typed.actor, open);
  const asking = asWaitedFor(typed, open);
  const { input, role, actor, facts, pins } = asking;
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
  // Nobody writes a reason for what they do not get.
  if (decision.outcome !== 'deny') requireReason(role.reason === 'required', typed.reason, typed.input.breakGlass ? forReview : bySaying);
  if (held) {
    if (input.breakGlass) await requireReviewed(q, now, role);
    const settled = await repeat(deps, q, now, asking, open, standing, decided);
    // Longer, or one more group, is once more: somebody has to look at that, too.
    const isMore = 'whole' in settled && (settled.whole === 'extended' || settled.activate.length > 0);
    const more = input.breakGlass && isMore ? await q.request(open.id) : undefined;
    if (more !== undefined) await breakGlass(deps, q, now, role, { ...more, ...about(input, decided) });
    return settled;
  }
  const inLine = isInLine(open) ? await settleInLine(q, now, asking, open, decided) : undefined;
  if (inLine) return inLine;
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
    return { refusal: denied(role, actor.email, decision, 'requester', await inByPolicy(q, actor.email, role.name)) };
  }
  if (ending && decision.outcome === 'ask') return { refusal: stillEnding(role, actor.email, decision, ending) };
  if (pins.pinned.length === 0 && pins.fault) throw pins.fault;
  if (input.breakGlass) await requireReviewed(q, now, role);
  await requireSweep(deps, q, now, role.targets, input.despiteLateSweep === true || input.breakGlass === true);
  requireFresh(asking.askedAt, now);
  if (decision.outcome === 'ask' && !asking.yes) {
    requireReason(role.reason === 'when-asked', input.reason ?? open?.reason, whyAsked(decision));
    const kept = await keepOrWithdraw(q, now, asking, decided, open);
    const inTurn = { ...decided, decision: inTurns(role, decision, now, asking.nobody) };
    const id = kept?.state === 'pending' ? kept.id : await waitForYes(deps, q, now, asking, inTurn, kept);
    return { requestId: id, activate: [], whole: 'held', decision };
  }

  const place = await freePlace(q, role, { email: actor.email, id: open?.id });
  if (place && 'holders' in place) {
    if (isInLine(open)) return tellPlace(open, decision);
    // Nobody stands in line for what they still have, nor in an emergency.
    if (!input.queue || ending || input.breakGlass)
      return { refusal: await taken(q, now, role, actor.email, decision, { ...place, own: ending?.request }) };
    return tellPlace({ id: await insertQueued(deps, q, now, asking, decided, open) }, decision);
  }
  if (input.despiteLateSweep) await q.record({ type: 'sweep.overridden', actor, role: role.name, ...about(input, decided) });
  const approved = await approveNow(deps, q, now, asking, decided, open);
  if (place) await q.takePlace(role.name, place.place, approved.id);
  if (input.breakGlass) await breakGlass(deps, q, now, role, approved);
  const grants = await insertGrants(deps, q, now, approved, pins.pinned, actor);
  return { requestId: approved.id, activate: grants, whole: ending ? 'again' : 'granted', decision };
}

/** What is held stands on that sign-in's name and user: under another e-mail neither a block nor `revoke --holder` would find it, and another user may be meant. */
function requireSameSignIn(actor: Actor, { id, role, requester }: Request): void {
  const { issuer, subject, email } = requester;
  if (actor.issuer === issuer && actor.subject === subject && actor.email === email) return;
  const how = actor.email === email ? 'by another sign-in' : `as ${email}`;
  throw new OncallError('another-sign-in', `you have ${role} already, or asked for it, ${how}`, {
    why: `request ${id} is for whoever that sign-in was`,
    next: `give it back, then ask again: oncall release ${id}`,
  });
}

const overriding = 'it goes past a sweep that is late';
const bySaying = 'the policy says so';
const forReview = 'an emergency always needs one: somebody else looks at it afterwards';

/** Whoever is not let in at once should know why, before they write one. */
function whyAsked({ findings }: Decision): string {
  const missing = findings.filter(({ effect, holds }) => effect === 'allow' && holds !== true).map(({ because }) => because);
  return [...new Set(missing), 'so a person decides'].join('; ').replace(/^so /, '');
}

function requireReason(needed: boolean, reason: string | undefined, why: string): void {
  if (!needed || (reason ?? '').trim() !== '') return;
  throw new OncallError('reason-needed', 'this role needs a reason', {
    exit: 2,
    why,
    next: 'add --reason "…"',
  });
}
