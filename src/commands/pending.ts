/** A request that waits for a person: who wants what, for how long, and why it takes a person; for whoever asked and for whoever decides. */

import type { Request } from '../lifecycle/types.ts';
import type { UnknownWaiting, WaitingRequest, WaitingReview } from '../operations/approval-types.ts';
import { reviewCommand } from '../policy/break-glass.ts';
import { formatDuration } from '../policy/duration.ts';
import { toldTo } from '../policy/end.ts';
import type { Turn } from '../policy/turns.ts';
import { wrap } from '../terminal/text.ts';
import { showAgo, showInstant, showRemaining } from '../terminal/time.ts';
import type { Context } from './command.ts';
import { findingLine, labelled, nameOf } from './lines.ts';

/** For the requester. */
export function pendingText(request: Request, context: Context): string {
  const { width, paint } = context.screen;
  return [
    wrap(`${paint.bold(request.id)}  ${request.role} waits for an approver${deadline(request, context)}`, width, 8),
    ...wishLines(request, context, 'your'),
    ...labelled('who', whoLines(request, context), context),
    ...labelled('next', [`they run: oncall approve ${request.id}`, `take it back: oncall release ${request.id}`], context),
  ].join('\n');
}

/** For an approver: everything that a yes depends on, so that nobody says yes to an id. */
export function waitingText(request: WaitingRequest, context: Context): string {
  const { width, paint } = context.screen;
  const { id, role, requester, inPlaceOf, yes } = request;
  const clock = context.clock();
  const place =
    inPlaceOf === undefined ? [] : [`you say it for ${inPlaceOf.email}, who is away until ${showInstant(inPlaceOf.endsAt, clock)}`];
  const before = yes.by.length === 0 ? '' : `, and ${yes.by.join(' and ')} did`;
  return [
    wrap(`${paint.bold(id)}  ${role} for ${requester.email}, waits${deadline(request, context)}`, width, 8),
    ...wishLines(request, context, 'their'),
    ...labelled('take', yes.of === 1 ? [] : [`${yes.of} people have to say yes${before}`], context),
    ...labelled('turn', turnLines(request, context), context),
    ...labelled('you', place, context),
  ].join('\n');
}

/** Of one that could not be put to them, because a source did not answer. */
export const unknownText = ({ id, role, requester, because }: UnknownWaiting, { screen }: Context): string =>
  wrap(`${screen.paint.bold(id)}  ${role} for ${requester}: not known whether it waits for you: ${because}`, screen.width, 8);

/** An emergency to look at. */
export function reviewText(request: WaitingReview, context: Context): string {
  const { width, paint } = context.screen;
  const { id, role, requester, reason, startsAt, dueAt } = request;
  const clock = context.clock();
  const when = startsAt === undefined ? '' : `, ${showAgo(startsAt, clock)}`;
  const due =
    dueAt < clock.now ? `was due ${showAgo(dueAt, clock)}` : `is due ${showInstant(dueAt, clock)}, ${showRemaining(dueAt, clock)}`;
  return [
    wrap(`${paint.bold(id)}  ${requester.email} broke the glass of ${role}${when}; the review ${due}`, width, 8),
    ...labelled('says', reason === undefined ? [] : [reason], context),
    ...labelled('next', [`look at it: oncall audit list ${id}`, `say that you have: ${reviewCommand(id)}`], context),
  ].join('\n');
}

/** Whose turn it is, when that is not everybody's. */
function turnLines({ turns = [], yoursAt }: WaitingRequest, context: Context): string[] {
  const clock = context.clock();
  if (turns.every(({ at }) => at <= clock.now)) return [];
  const now = turns.filter(({ at, skipped }) => at <= clock.now && !skipped).map(({ who }) => who);
  return [
    ...(yoursAt === undefined
      ? ['yours']
      : [`yours comes ${showInstant(yoursAt, clock)}, ${showRemaining(yoursAt, clock)}; now: ${now.join(', or ')}`]),
    ...laterTurns(turns, context),
  ];
}

const laterTurns = (turns: readonly Turn[], context: Context): string[] => {
  const clock = context.clock();
  return turns.filter(({ at }) => at > clock.now).map(({ who, at }) => `from ${showInstant(at, clock)} on also: ${who}`);
};

/** For the requester: who may say yes, and from when on. */
function whoLines({ decision: { approvers, turns, quorum = 1 } }: Request, context: Context): string[] {
  const clock = context.clock();
  const now = turns?.filter(({ at, skipped }) => at <= clock.now && !skipped).map(({ who }) => who) ?? approvers;
  return [
    ...now,
    ...(turns === undefined ? [] : laterTurns(turns, context)),
    ...(quorum === 1 ? [] : [`${quorum} people have to say yes`]),
  ];
}

export function deadline({ pendingUntil }: Request, context: Context): string {
  const clock = context.clock();
  return pendingUntil === undefined ? '' : ` until ${showInstant(pendingUntil, clock)}, ${showRemaining(pendingUntil, clock)}`;
}

function wishLines(request: Request, context: Context, whose: 'your' | 'their'): string[] {
  const { incident, reason, targets, decision } = request;
  const says = [incident, reason].filter((part) => part !== undefined).join(': ');
  // A deny that does not hold is the rule's usual state; what is left decides.
  const deciding = decision.findings.filter(({ effect, holds }) => effect !== 'deny' || holds !== false);
  return [
    ...labelled('in', [targets.map(nameOf).join(', ')], context),
    ...labelled('for', [toldTo(whose === 'your', lengthOf(request, context))], context),
    ...(says === '' ? [] : labelled('says', [says], context)),
    ...deciding.map((finding) => findingLine(finding, context)),
  ];
}

/** It is counted from the yes, so an end is only known where an end was asked for. */
function lengthOf({ asked, decision, requestedAt }: Request, context: Context): string {
  const { limitedBecause, expiresAt } = decision;
  const limit = limitedBecause === undefined ? '' : `; but ${limitedBecause}`;
  if ('untilMs' in asked) return `until ${showInstant(asked.untilMs, context.clock())}${limit}`;
  if ('until' in asked) return `until the ${asked.until} ends${limit}`;
  if ('forMs' in asked) return `${formatDuration(asked.forMs)} from the yes on${limit}`;
  return `${expiresAt === undefined ? 'the usual time' : formatDuration(expiresAt - requestedAt)} from the yes on${limit}`;
}
