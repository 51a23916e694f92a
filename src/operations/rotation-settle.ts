/** One transaction on a rotation's answer, once whoever comes is in: moves ends, begins the end of who is no longer on call, and keeps what came of it. */

import { isOncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { LedgerEvent } from '../lifecycle/events.ts';
import { factsWithinMs } from '../lifecycle/limits.ts';
import { type EndMove, planRotation, type Rotation, type RotationPlan } from '../lifecycle/rotation.ts';
import type { Actor } from '../lifecycle/types.ts';
import { endGiven } from './by-policy.ts';
import type { Deps } from './deps.ts';
import { requireSweep } from './gate.ts';
import type { Answer, Unanswered } from './rotation-answer.ts';
import { type Following, rotationNow, type Seen } from './rotation-now.ts';
import {
  heldBecause,
  longerBecause,
  movedStep,
  offBecause,
  refusedStep,
  refusedText,
  soonerBecause,
  unansweredStep,
} from './rotation-words.ts';
import type { SweepStep } from './types.ts';

/** Whom the policy keeps out although they are on call; `known: false`: that could not be found out. */
export type Denied = ReadonlyMap<string, { readonly because: string; readonly known: boolean }>;

export type Settling = {
  readonly answer: Answer;
  readonly denied: Denied;
  /** Ids of grants that let in another user than the one to whom the name leads. */
  readonly strays?: ReadonlySet<string>;
  /** Left out: the run had no time to let everybody in. */
  readonly isTried?: boolean;
  /** Who said that those may go whom the last run did not take out. */
  readonly accepts?: Actor | undefined;
};

/** Another sweep has acted on a later answer, or this one waited in a process that slept. */
export const isStale = ({ askedAt }: Answer, { answeredAt }: Rotation, now: number): boolean =>
  askedAt < answeredAt || now - askedAt > factsWithinMs;

type At = { readonly deps: Deps; readonly q: Queries; readonly now: number; readonly role: Following };

/** `undefined`: the answer is too old to act on. */
export async function settleRotation(
  at: At,
  { answer, denied, strays, isTried = false, accepts }: Settling,
): Promise<readonly SweepStep[] | undefined> {
  const { q, now, role, deps } = at;
  const seen = await rotationNow(q, now, role, 'duties' in answer ? answer.duties : undefined, strays);
  const { kept } = seen;
  if (isStale(answer, kept, now)) return undefined;
  await endDenied(at, seen, denied);
  if ('unanswered' in answer) {
    const staying = seen.holders.filter(({ email }) => !denied.get(email)?.known);
    return settleUnanswered(at, { ...seen, holders: staying }, answer.unanswered);
  }

  const expected = planRotation({ ...seen, isTried });
  const accepted = accepts && expected.refused ? kept.refused?.goes : undefined;
  const plan = accepted ? planRotation({ ...seen, accepted, isTried }) : expected;
  const steps = await moveEnds(at, plan, denied, seen.astray);
  const about = { actor: 'sweep', role: role.name, policyDigest: deps.policy.digest } as const;
  if (plan.refused) {
    const isNews = JSON.stringify(kept.refused?.goes) !== JSON.stringify(plan.refused.goes);
    const since = isNews ? now : (kept.refused?.since ?? now);
    await q.keepRotation({ role: role.name, answeredAt: kept.answeredAt, refused: { ...plan.refused, since } });
    if (isNews) await q.record({ ...about, type: 'rotation.refused', data: { ...plan.refused, because: refusedText(role, plan.refused) } });
    return [...steps, refusedStep(role, plan.refused, accepts !== undefined)];
  }
  if (accepts && expected.refused) {
    const { goes } = expected.refused;
    await q.record({ ...about, type: 'rotation.accepted', actor: accepts, data: { goes, because: `${goes.join(', ')} may go` } });
  }
  await q.keepRotation({ role: role.name, answeredAt: now });
  return steps;
}

async function settleUnanswered(at: At, seen: Seen, answer: Unanswered): Promise<readonly SweepStep[]> {
  const { q, now, role, deps } = at;
  const { kept, holders } = seen;
  const unanswered = { since: kept.unanswered?.since ?? now, because: answer.because };
  await q.keepRotation({ ...kept, unanswered });
  const { held } = planRotation({ ...seen, isTried: true });
  for (const move of held) await moveEnd(at, move, 'rotation.held-over', answer.because);
  const isLate = now - unanswered.since > deps.policy.sweep.refuseWhenLateMs;
  const isHeld = held.length > 0 || holders.some(({ expiresAt, saidUntil }) => expiresAt > saidUntil);
  return [
    unansweredStep(role, answer, { isLoud: answer.lasts || isLate || isHeld, until: kept.answeredAt + role.follows.holdOverMs, holders }),
  ];
}

/** Whom the policy keeps out does not stay in for being on call; nor in a group that the role no longer has, nor as somebody else. */
async function endDenied({ q, now }: At, { holders, surplus }: Seen, denied: Denied): Promise<void> {
  for (const { requestId: id, email } of holders) {
    const why = denied.get(email);
    if (why?.known) await endGiven(q, now, { id }, { reason: 'revoked', because: why.because });
  }
  for (const { requestId: id, only, because } of surplus) await endGiven(q, now, { id }, { reason: 'revoked', because }, only);
}

async function moveEnds(
  at: At,
  { later, sooner, off, held }: RotationPlan,
  denied: Denied,
  astray: Seen['astray'],
): Promise<readonly SweepStep[]> {
  const { q, now, role } = at;
  const steps: SweepStep[] = [];
  const move = async (one: EndMove, type: Moved, because: string): Promise<void> => {
    if (await moveEnd(at, one, type, because)) steps.push({ ...movedStep(role, one, because), outcome: 'done' });
  };
  const longer = later.filter(({ holder }) => !denied.has(holder.email) && !astray.has(holder.requestId));
  if (longer.length > 0 && (await mayGrant(at))) for (const one of longer) await move(one, 'request.extended', longerBecause);
  for (const one of sooner) await move(one, 'rotation.changed', soonerBecause);
  const because = offBecause(role);
  for (const one of off) {
    if (one.until > now) await move(one, 'rotation.changed', because);
    // It is told with everything else that ends.
    else await endGiven(q, now, { id: one.holder.requestId }, { reason: 'expired', because });
  }
  for (const one of held) await move(one, 'rotation.held-over', heldBecause);
  return steps;
}

/** A later end is access like any other. Why not is told by what looks at the directories and the clock. */
async function mayGrant({ deps, q, now, role }: At): Promise<boolean> {
  try {
    await requireSweep(deps, q, now, role.targets, false);
    return true;
  } catch (error) {
    if (!isOncallError(error)) throw error;
    return false;
  }
}

type Moved = Extract<LedgerEvent['type'], 'request.extended' | 'rotation.changed' | 'rotation.held-over'>;

/** Gives whether it moved. What the roster said of the end is kept beside it: while somebody is held over, the end is another. */
async function moveEnd({ q, role }: At, { holder, until }: EndMove, type: Moved, because: string): Promise<boolean> {
  const request = await q.request(holder.requestId);
  if (request === undefined) return false;
  const said = type === 'rotation.held-over' ? {} : { asked: { untilMs: until } };
  await q.changeRequest(request, { expiresAt: until, ...said });
  if (request.expiresAt === until) return false;
  for (const { id } of await q.grantsOfRequest(request.id)) {
    const grant = await q.grant(id);
    if (grant?.state === 'active') await q.changeGrant(grant, { nextAttemptAt: until });
  }
  await q.record({
    ...{ type, actor: 'sweep', requestId: request.id, role: role.name, holder: holder.email },
    data: { from: request.expiresAt, to: until, origin: 'rotation', because },
  });
  return true;
}
