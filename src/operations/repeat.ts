/** Asking again for what is held: its end moves later where that is allowed, what is missing is tried again, nothing is ever shortened. */

import type { Queries } from '../ledger/ledger.ts';
import type { Actor, Grant, GrantView, Membership, Origin, Request } from '../lifecycle/types.ts';
import { stillHolds } from '../policy/evaluate.ts';
import { type Decided, incidentsCalled } from '../policy/incidents.ts';
import { clientOf } from '../policy/machine.ts';
import type { Asked, Decision } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { requireFresh, requireSweep } from './gate.ts';
import { insertGrants } from './intent.ts';
import { waitingFor, whyNotMoved } from './line-view.ts';
import { withOwnEnd } from './move-end.ts';
import { amongOtherUsers } from './other-users.ts';
import type { Pins } from './pins.ts';
import { notTried } from './refusal.ts';
import type { Asking, Settled } from './request.ts';
import type { TargetFailure } from './types.ts';

/** The actor's open request for the role. `standing`: its grants that give access, or are about to. `ending`: set where none does, and what is left is being taken back. */
export type Before = {
  readonly open?: Request;
  readonly standing: readonly GrantView[];
  readonly ending?: { readonly request: Request; readonly grants: readonly GrantView[] };
};

export async function before(q: Queries, actor: Actor, role: string, origin: Origin = 'asked'): Promise<Before> {
  const open = await q.openRequest(actor, role, origin);
  if (open?.state !== 'approved') return { standing: [], ...(open && { open }) };
  const grants = (await q.grantsOfRequest(open.id)).filter(({ state }) => state !== 'ended');
  const standing = grants.filter(({ state }) => state !== 'revoking');
  return { open, standing, ...(standing.length === 0 && { ending: { request: open, grants } }) };
}

/** Held: only ever later, never shorter; and what is missing of the role is tried again. */
export async function repeat(
  deps: Deps,
  q: Queries,
  now: number,
  asking: Asking,
  open: Request,
  standing: readonly Grant[],
  { decision, incident }: Decided,
): Promise<Settled> {
  const { input, role, actor, askedAt, pins } = asking;
  const expiresAt = decision.outcome === 'allow' ? decision.expiresAt : undefined;
  const wouldBeLater = expiresAt !== undefined && expiresAt > (open.expiresAt ?? 0);
  const waiting = role.maxHolders === undefined ? 0 : (await waitingFor(q, role.name)).length;
  // One end for all that a request has given: moved, it would keep the other user in as well.
  const others = await amongOtherUsers(q, pins.pinned, standing);
  const own = standing.filter((grant) => !others.some(({ id }) => id === grant.id));
  const known = new Set(pins.pinned.map(({ target }) => target.directory));
  const isSure = standing.every(
    ({ target: { directory } }) => known.has(directory) || !role.targets.some((one) => one.directory === directory),
  );
  const mayMove = waiting === 0 && others.length === 0 && isSure;
  const later = wouldBeLater && mayMove;
  const missing = await withoutGrant(q, pins.pinned, standing);
  let request = open;
  // What ends with an incident goes over to the one that is asked for now, or it would end with the other. Its end stays where it is not later.
  const elsewhere = decision.incident !== undefined && incident !== open.incident;
  const moves = decision.outcome === 'allow' && elsewhere && endsByItself(open) && mayMove;
  // Going over to another incident keeps in who would have gone with the first: that is access like any other.
  if (later || moves || (missing.length > 0 && decision.outcome === 'allow')) {
    await requireSweep(deps, q, now, role.targets, input.breakGlass === true);
    requireFresh(askedAt, now);
  }
  if (later || moves) {
    const until = later ? expiresAt : open.expiresAt;
    request = await q.changeRequest(open, {
      ...(until === undefined ? {} : { expiresAt: until }),
      ...{ decision, asked: input.asked },
      ...(incident === undefined ? {} : { incident }),
    });
    await q.markUnheld(open.id, undefined);
    if (later) for (const grant of standing) if (grant.state === 'active') await q.changeGrant(grant, { nextAttemptAt: expiresAt });
    await q.record({
      type: 'request.extended',
      actor,
      requestId: open.id,
      role: role.name,
      holder: actor.email,
      ...(input.reason === undefined ? {} : { reason: input.reason }),
      policyDigest: deps.policy.digest,
      data: { from: open.expiresAt, to: until, ...(incident === undefined ? {} : { incident }), findings: decision.findings },
    });
  }
  const isOver = (request.expiresAt ?? 0) <= now;
  const added = decision.outcome === 'allow' && !isOver ? await insertGrants(deps, q, now, request, missing, actor) : [];
  const [another] = others;
  const whyNot = (): string | undefined => {
    if (another !== undefined && (wouldBeLater || elsewhere)) return whyAnother(another.row, role.name);
    if (wouldBeLater && !isSure) return 'nobody can say to which user your name leads now';
    if (wouldBeLater) return whyNotMoved(waiting);
    if (decision.outcome !== 'allow' && input.incident !== undefined && incident !== open.incident)
      return whyNotFor(input.incident, decision);
    return whyNotLonger(input.asked, now, open, decision);
  };
  const notExtended = later ? undefined : whyNot();
  return {
    requestId: open.id,
    activate: added,
    whole: later ? 'extended' : 'held',
    missing: missing.flatMap(({ target }): TargetFailure[] => {
      if (decision.outcome !== 'allow') return [{ target, ...notTried(role, actor.email, decision) }];
      // Its end is over for both of them, and no sweep has come by yet.
      return isOver && another !== undefined ? [{ target, ...notAsAnother(another.row, role.name) }] : [];
    }),
    held: decision.outcome === 'allow' ? await withOwnEnd(q, own) : [],
    others: others.map(({ id }) => id),
    decision: later || moves ? decision : open.decision,
    ...(notExtended === undefined ? {} : { notExtended }),
    ...(later && open.expiresAt !== undefined ? { movedFrom: open.expiresAt } : {}),
    ...(!later && !moves && isUnheld(asking, open, now) ? { unheld: true as const } : {}),
  };
}

/** By what was found just now none of the rules that it ends with holds, which no sweep has noted yet. Where another incident was named, its own was not asked about. */
function isUnheld({ input, role, actor, facts }: Asking, { decision: { endsWith }, incident, unheldSince }: Request, now: number): boolean {
  if (endsWith.length === 0 || unheldSince !== undefined || (input.incident !== undefined && input.incident !== incident)) return false;
  const only = incident === undefined ? {} : { incidents: incidentsCalled(incident, role, endsWith, facts) };
  return stillHolds(endsWith, { email: actor.email, client: clientOf(actor), now, facts, ...only }) === false;
}

const notAsAnother = ({ userName, directory }: Membership, role: string) => ({
  message: `what let in ${userName} in ${directory}, to whom your name led then, has not ended yet`,
  next: `oncall release ${role}, then ask again`,
});

const whyAnother = ({ userName, directory }: Membership, role: string): string =>
  `it has let in ${userName} in ${directory}, to whom your name led then; to have it for longer, oncall release ${role} and ask again`;

const endsByItself = ({ decision }: Request): boolean => decision.endsWith.length > 0;

/** By the membership, not by the name: a group may have been renamed, or be spelled otherwise in the policy. */
export async function withoutGrant(q: Queries, pinned: Pins['pinned'], standing: readonly Grant[]): Promise<Pins['pinned']> {
  const rows = await Promise.all(pinned.map(({ target, pin }) => q.membershipAt(target.directory, pin)));
  return pinned.filter((_, index) => !standing.some((grant) => grant.membershipId === rows[index]?.id));
}

/** They have named another incident than the one they hold it for, and none of the rules counts that. */
function whyNotFor(incident: string, { findings }: Decision): string {
  const missed = findings.filter(({ effect, holds }) => effect !== 'deny' && holds !== true).map(({ because }) => because);
  return [`${incident} is not what it is held for`, ...new Set(missed)].join('; ');
}

/** Why what is held is not held longer, where longer was asked for. */
function whyNotLonger(
  asked: Asked,
  now: number,
  { expiresAt = 0 }: Request,
  { outcome, limitedBecause, findings }: Decision,
): string | undefined {
  const wanted = 'forMs' in asked ? now + asked.forMs : 'untilMs' in asked ? asked.untilMs : 0;
  if (wanted <= expiresAt) return undefined;
  if (outcome === 'ask') return 'more of it needs a new yes, once this has ended';
  if (outcome === 'allow') return limitedBecause;
  return (findings.findLast(({ effect, holds }) => effect === 'deny' && holds === true) ?? findings.find(({ holds }) => holds !== true))
    ?.because;
}
