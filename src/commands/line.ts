/** A request that stands in line for a place: who has it until when, what comes next; for whoever asked, and for who said yes to it. */

import type { Request } from '../lifecycle/types.ts';
import type { PlaceHolder } from '../operations/line-types.ts';
import type { RequestResult } from '../operations/types.ts';
import { wrap } from '../terminal/text.ts';
import { type Clock, showInstant, showRemaining } from '../terminal/time.ts';
import type { Context } from './command.ts';
import { labelled } from './lines.ts';
import { deadline } from './pending.ts';

/** `2nd` */
export function ordinal(place: number): string {
  const isTeen = place % 100 >= 11 && place % 100 <= 13;
  const ending = isTeen ? 'th' : (['th', 'st', 'nd', 'rd'][place % 10] ?? 'th');
  return `${place}${ending}`;
}

export function lineText({ request, line }: RequestResult, context: Context, reader: 'requester' | 'approver'): string {
  const { width, paint } = context.screen;
  const { id, role, requester } = request;
  const isMine = reader === 'requester';
  const who = isMine ? 'you are' : `approved; ${requester.email} is`;
  const what =
    request.state === 'offered'
      ? `a place is kept for ${isMine ? 'you' : requester.email}${deadline(request, context)}`
      : `${who} ${line?.place === undefined ? '' : `${ordinal(line.place)} `}in line`;
  return [
    wrap(`${paint.bold(id)}  ${role}: ${what}`, width, 8),
    ...labelled('has', line?.heldBy.map((one) => holderText(one, context.clock())) ?? [], context),
    ...(isMine ? labelled('next', nextOf(request), context) : []),
  ].join('\n');
}

function holderText({ holder, expiresAt, ending, offeredUntil }: PlaceHolder, clock: Clock): string {
  if (offeredUntil !== undefined) return `kept for ${holder} until ${showInstant(offeredUntil, clock)}`;
  if (ending || expiresAt === undefined) return `${holder} hands it over: the removal is not confirmed yet`;
  return `${holder} until ${showInstant(expiresAt, clock)}, ${showRemaining(expiresAt, clock)}`;
}

function nextOf({ state, role }: Request): readonly string[] {
  const leave = `leave it to the next: oncall release ${role}`;
  if (state === 'offered') return [`take it: oncall request ${role}`, leave];
  return [`when it is your turn a place is kept for you; take it, or wait for it: oncall request ${role} --wait`, leave];
}
