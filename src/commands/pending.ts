/** A request that waits for a person: who wants what, for how long, and why it takes a person; for whoever asked and for whoever decides. */

import type { Request } from '../lifecycle/types.ts';
import { formatDuration } from '../policy/duration.ts';
import { wrap } from '../terminal/text.ts';
import { showInstant, showRemaining } from '../terminal/time.ts';
import type { Context } from './command.ts';
import { findingLine, labelled, nameOf } from './lines.ts';

/** For the requester. */
export function pendingText(request: Request, context: Context): string {
  const { width, paint } = context.screen;
  return [
    wrap(`${paint.bold(request.id)}  ${request.role} waits for an approver${deadline(request, context)}`, width, 8),
    ...wishLines(request, context, 'your'),
    ...labelled('who', request.decision.approvers, context),
    ...labelled('next', [`they run: oncall approve ${request.id}`, `take it back: oncall release ${request.id}`], context),
  ].join('\n');
}

/** For an approver: everything that a yes depends on, so that nobody says yes to an id. */
export function waitingText(request: Request, context: Context): string {
  const { width, paint } = context.screen;
  const { id, role, requester } = request;
  return [
    wrap(`${paint.bold(id)}  ${role} for ${requester.email}, waits${deadline(request, context)}`, width, 8),
    ...wishLines(request, context, 'their'),
  ].join('\n');
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
    ...labelled('for', [lengthOf(request, context).replace('your shift', `${whose} shift`)], context),
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
