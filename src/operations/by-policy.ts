/**
 * What the policy gives by itself: to somebody on a rotation, or whom a role names as standing. A request is written for them, approved at once,
 * and from there on it is like any other: its grants begin, end and are crashed on the same way. Its end is never far, and moved while the policy says so.
 */

import { isOncallError, isProviderError, OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Actor, EndReason, Origin, Request } from '../lifecycle/types.ts';
import { judge } from '../policy/evaluate.ts';
import type { Standing } from '../policy/standing.ts';
import type { Asked, Decision, Finding, Policy, Role } from '../policy/types.ts';
import { activate } from './activate.ts';
import type { Deps } from './deps.ts';
import { beginEnd } from './end.ts';
import { gatherFacts } from './facts.ts';
import { requireFresh, requireSweep } from './gate.ts';
import { freePlace, freeRequestId, insertGrants } from './intent.ts';
import type { Lookups } from './lookups.ts';
import { type Pins, pinTargets } from './pins.ts';
import { withoutGrant } from './repeat.ts';
import type { Kept } from './standing-told.ts';
import type { TargetFailure } from './types.ts';

export type Given = {
  readonly origin: Extract<Origin, 'rotation' | 'standing'>;
  readonly role: Role;
  readonly email: string;
  readonly reason: string;
  /** The rule, and what makes it hold. */
  readonly finding: Pick<Finding, 'rule' | 'because' | 'source' | 'fetchedAt' | 'evidence'>;
  readonly asked: Asked;
  readonly until: number;
  /** When the world was asked what it rests on; left out: it rests on the policy alone. */
  readonly askedAt?: number;
  /** Of standing access: what a missed review does. */
  readonly ifMissed?: Standing['ifMissed'];
  /** Whether the last one for them was given back or taken away, and this would be the same again; asked inside the transaction. */
  readonly isRefused: (last: Request, now: number) => boolean;
};

/** The policy asks for them: whoever they are signed in as, it is by their e-mail that it names them. */
export const policyFor = (email: string): Actor => ({ issuer: 'policy', subject: email, email });

/** `nothing`: they have all of it, or it is being taken back just now. */
export type LetIn = {
  readonly outcome: 'in' | 'partial' | 'out' | 'nothing';
  readonly requestId?: string;
  readonly missing: readonly TargetFailure[];
  /** Why nothing could be given at all. */
  readonly fault?: OncallError;
};

/** Lets them in, or into what they still lack of the role. Whatever is in the way is told, and for the next sweep to try again. */
export async function letIn(deps: Deps, world: Lookups, given: Given): Promise<LetIn> {
  const askedAt = given.askedAt ?? deps.now();
  const pins = await pinTargets(deps, world, given.role, given.email);
  if (pins.pinned.length === 0) return { outcome: 'out', missing: pins.missing, ...(pins.fault && { fault: pins.fault }) };
  const ledger = await deps.ledger();
  try {
    const begun = await ledger.write((q, now) => begin(deps, q, now, given, pins, askedAt));
    const failed = await Promise.all(begun.grants.map((id) => activate(deps, id)));
    const missing = [...pins.missing, ...failed.filter((failure) => failure !== undefined)];
    if (begun.grants.length === 0 && missing.length === 0) return { outcome: 'nothing', missing };
    const got = begun.grants.length - (missing.length - pins.missing.length);
    return { outcome: got === 0 ? 'out' : missing.length > 0 ? 'partial' : 'in', requestId: begun.id, missing };
  } catch (error) {
    if (!isOncallError(error)) throw error;
    return { outcome: 'out', missing: [], fault: error };
  }
}

type Begun = { readonly id: string; readonly grants: readonly string[] };

/** Everything is looked at again in here: another sweep may have been faster. */
async function begin(deps: Deps, q: Queries, now: number, given: Given, { pinned }: Pins, askedAt: number): Promise<Begun> {
  const { role, origin, email } = given;
  const open = await q.openRequest(policyFor(email), role.name, origin);
  const grants = open === undefined ? [] : await q.grantsOfRequest(open.id);
  const standing = grants.filter(({ state }) => state === 'activating' || state === 'active');
  // What is left of it is being taken back: until that is confirmed it keeps its place.
  if (open !== undefined && standing.length === 0) return { id: open.id, grants: [] };
  const lacking = await withoutGrant(q, pinned, standing);
  if (open !== undefined && lacking.length === 0) return { id: open.id, grants: [] };
  if (given.until <= now) return { id: open?.id ?? '', grants: [] };
  const last = open === undefined ? await q.lastByPolicy(email, role.name, origin) : undefined;
  if (last !== undefined && given.isRefused(last, now)) return { id: last.id, grants: [] };
  await requireSweep(deps, q, now, role.targets, false);
  requireFresh(askedAt, now);
  if (open !== undefined) {
    const request = await q.changeRequest(open, { targets: role.targets });
    return { id: open.id, grants: await insertGrants(deps, q, now, request, lacking, 'sweep') };
  }
  const place = await freePlace(q, role, { email });
  if (place && 'holders' in place) throw taken(role);
  const request = await insertGiven(deps, q, now, given);
  if (place) await q.takePlace(role.name, place.place, request.id);
  return { id: request.id, grants: await insertGrants(deps, q, now, request, lacking, 'sweep') };
}

const taken = (role: Role): OncallError =>
  new OncallError('place-taken', `every place of ${role.name} is taken`, {
    why: `maxHolders ${role.maxHolders}`,
    next: `who has it: oncall status ${role.name}`,
  });

/** Approved, with nothing granted yet. */
export async function insertGiven(deps: Deps, q: Queries, now: number, given: Given, actor: Actor | 'sweep' = 'sweep'): Promise<Request> {
  const { role, email, origin, reason, asked, until } = given;
  const request: Request = {
    id: await freeRequestId(deps, q),
    requester: policyFor(email),
    origin,
    role: role.name,
    targets: role.targets,
    reason,
    asked,
    state: 'approved',
    requestedAt: now,
    startsAt: now,
    expiresAt: until,
    decision: decisionFor(deps.policy, given),
    approvals: [],
    version: 1,
  };
  await q.insertRequest(request);
  await q.record({
    type: 'request.approved',
    actor,
    requestId: request.id,
    role: role.name,
    holder: email,
    reason,
    policyDigest: deps.policy.digest,
    data: { startsAt: now, expiresAt: until, by: 'policy', origin, findings: request.decision.findings, ...reviewOf(given) },
  });
  return request;
}

/** When standing access is to be looked at, as the policy says it now: moving that day is what shows that somebody did. */
const reviewOf = ({ asked, ifMissed }: Given) =>
  ifMissed === undefined || !('untilMs' in asked) ? {} : { reviewDueAt: asked.untilMs, ifMissed };

function decisionFor({ digest }: Pick<Policy, 'digest'>, { role, finding, until }: Given): Decision {
  return {
    outcome: 'allow',
    expiresAt: until,
    heldBy: [finding.rule],
    endsWith: [],
    undecided: false,
    approvers: [],
    findings: [{ ...finding, effect: 'allow', holds: true }],
    ...(role.endsSessionsIn === undefined || role.endsSessionsIn.length === 0 ? {} : { endsSessionsIn: role.endsSessionsIn }),
    policyDigest: digest,
  };
}

/** The policy still says so: the end moves on, never back, and what it says is kept as it is now. */
export async function renew(deps: Pick<Deps, 'policy'>, q: Queries, now: number, open: Request, given: Given): Promise<void> {
  const { role, email, reason, asked, until } = given;
  const before = open.expiresAt ?? now;
  const expiresAt = Math.max(before, until);
  const decision = { ...decisionFor(deps.policy, given), expiresAt };
  await q.changeRequest(open, { reason, asked, decision, expiresAt });
  // What the policy says may have changed, and the end not: a review that comes sooner.
  const isMoved = expiresAt !== before;
  for (const { id } of isMoved ? await q.grantsOfRequest(open.id) : []) {
    const grant = await q.grant(id);
    if (grant?.state === 'active') await q.changeGrant(grant, { nextAttemptAt: expiresAt });
  }
  await q.record({
    type: isMoved ? 'request.extended' : 'standing.changed',
    actor: 'sweep',
    requestId: open.id,
    role: role.name,
    holder: email,
    reason,
    policyDigest: deps.policy.digest,
    data: { ...(isMoved ? { from: before, to: expiresAt } : {}), origin: given.origin, findings: decision.findings, ...reviewOf(given) },
  });
}

/** What somebody is in by without having asked. */
export async function inByPolicy(q: Queries, email: string, role: string): Promise<Pick<Request, 'id' | 'origin'> | undefined> {
  for (const origin of ['standing', 'rotation'] as const) {
    const open = await q.openRequest(policyFor(email), role, origin);
    if (open && (await q.grantsOfRequest(open.id)).some(({ state }) => state === 'active')) return open;
  }
  return undefined;
}

export type EndGiven = { readonly reason: Extract<EndReason, 'expired' | 'revoked'>; readonly because: string };

/** Of what the policy gives no longer: commits that it ends; the sweep takes it out. `only`: the grants of these ids. Says how many that were. */
export async function endGiven(
  q: Queries,
  now: number,
  { id: requestId }: Pick<Request, 'id'>,
  { reason, because }: EndGiven,
  only?: readonly string[],
): Promise<number> {
  let ended = 0;
  for (const { id } of await q.grantsOfRequest(requestId)) {
    const grant = only === undefined || only.includes(id) ? await q.grant(id) : undefined;
    if (grant?.state !== 'active' && grant?.state !== 'activating') continue;
    await beginEnd(q, now, grant, { reason, actor: 'sweep', because });
    ended++;
  }
  return ended;
}

/** Somebody gave it back or took it away. What the policy says has not changed by that, but it must not be given again as if nothing had been said. */
export const refusedSince = ({ approvals }: Pick<Request, 'approvals'>): Request['approvals'][number] | undefined =>
  approvals.findLast(({ answer }) => answer === 'no');

/** What passes by itself; everything else waits for somebody. */
const passing: readonly string[] = ['sweep-late', 'facts-old', 'clock-skew'];

export function outcomeOf(
  { outcome, requestId, missing: [first], fault }: LetIn,
  { why }: { readonly why: string },
): Omit<Kept, 'role' | 'email'> {
  if (outcome === 'in') return { letIn: why, ...(requestId === undefined ? {} : { requestId }) };
  const because = fault?.message ?? first?.message;
  if (because === undefined) return {};
  // Who is suspended for a while is for nobody to mend.
  if (fault?.code === 'inactive-user') return { because };
  const passes = fault !== undefined && (isProviderError(fault.cause) ? fault.cause.retryable : passing.includes(fault.code));
  const next = fault?.next ?? first?.next;
  return { because, outcome: passes ? 'later' : 'failed', ...(next === undefined ? {} : { next }) };
}

/** The role's own `deny` counts for whom it names, too: the rule that holds, or that is not known. */
export async function denying(deps: Deps, world: Lookups, { role, email }: Pick<Given, 'role' | 'email'>): Promise<Finding | undefined> {
  if (role.deny.length === 0) return undefined;
  const at = deps.now();
  const facts = await gatherFacts(deps, world, role.deny, { email, at }, role.deny);
  const found = judge(role.deny, 'deny', { email, client: undefined, now: at, facts });
  return found.find(({ holds }) => holds === true) ?? found.find(({ holds }) => holds === 'unknown');
}

export async function whyDenied(
  deps: Deps,
  world: Lookups,
  { role, email }: Pick<Given, 'role' | 'email'>,
): Promise<{ readonly because: string; readonly known: boolean } | undefined> {
  const against = await denying(deps, world, { role, email });
  return against && { because: `${against.rule}: ${against.because}`, known: against.holds === true };
}
