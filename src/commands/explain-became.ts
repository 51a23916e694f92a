/** What became of a request, before what it was decided with: whether it is given, who said yes or no, and how it ended. */

import type { Approval, GrantView } from '../lifecycle/types.ts';
import type { ExplainResult } from '../operations/types.ts';
import { reviewDay } from '../policy/standing.ts';
import { type Clock, showAgo, showInstant, showRemaining } from '../terminal/time.ts';
import type { Context } from './command.ts';
import { endedText, labelled, nameOf } from './lines.ts';

type Became = NonNullable<ExplainResult['became']>;

/** One clause: `active until 06:00 CET (05:00Z), 2 h 47 min` */
export function becameText(became: Became, isOwn: boolean, clock: Clock): string {
  const { state, pendingUntil, quorum, approvals } = became;
  const until = pendingUntil === undefined ? '' : ` until ${showInstant(pendingUntil, clock)}`;
  const left = pendingUntil === undefined ? '' : `, ${showRemaining(pendingUntil, clock)}`;
  switch (state) {
    case 'pending': {
      const said = approvals.filter(({ answer }) => answer === 'yes').length;
      return `waits for ${quorum === 1 ? 'a yes' : `${quorum} to say yes`}${until}${left}${quorum === 1 ? '' : `; ${said} did`}`;
    }
    case 'queued':
      return 'stands in line for a place';
    case 'offered':
      return `a place is kept for ${isOwn ? 'you' : 'them'}${until}${left}`;
    case 'approved':
      return givenText(became, clock);
    case 'denied':
      return 'denied';
    case 'withdrawn':
      return 'withdrawn';
    default:
      return pendingUntil === undefined ? 'its time was up' : `its time was up ${showInstant(pendingUntil, clock)}`;
  }
}

function givenText({ grants, expiresAt, reviewAt }: Became, clock: Clock): string {
  const inside = grants.filter(({ state }) => state === 'active');
  const failed = grants.filter(({ state, activatedAt }) => state !== 'active' && activatedAt === undefined);
  if (grants.some(({ state }) => state === 'activating')) return 'approved, and being given';
  if (inside.length === 0) {
    if (grants.length === 0 || failed.length === grants.length) return 'approved, but not given';
    return grants.some(({ state }) => state === 'revoking') ? 'was given, and is being taken back' : 'was given, and has ended';
  }
  const end =
    reviewAt !== undefined
      ? `, to be reviewed by ${reviewDay(reviewAt)}`
      : expiresAt === undefined
        ? ''
        : ` until ${showInstant(expiresAt, clock)}, ${showRemaining(expiresAt, clock)}`;
  const part = inside.length === grants.length ? '' : ` in ${inside.map(({ target }) => nameOf(target)).join(', ')} only`;
  return `active${part}${end}`;
}

export function becameLines(became: Became, context: Context): readonly string[] {
  const clock = context.clock();
  const { state, approvals, grants, ended } = became;
  const said = (wanted: Approval['answer']): readonly string[] =>
    approvals.filter(({ answer }) => answer === wanted).map((one) => approvalText(one, clock));
  const failed = grants.filter(
    ({ state: is, lastError, activatedAt }) => is !== 'active' && activatedAt === undefined && lastError !== undefined,
  );
  const isSaid = state === 'denied' && said('no').length > 0;
  return [
    ...labelled('yes', said('yes'), context),
    ...(isSaid ? labelled('no', said('no'), context) : []),
    ...labelled('but', failed.map(failedText), context),
    ...(ended === undefined || isSaid ? [] : labelled('end', [endedText(ended, clock)], context)),
  ];
}

const failedText = ({ target, lastError }: GrantView): string => `not in ${nameOf(target)}: ${lastError}`;

function approvalText({ by, at, reason, inPlaceOf }: Approval, clock: Clock): string {
  const who = inPlaceOf === undefined ? by.email : `${by.email} for ${inPlaceOf}`;
  return `${who}, ${showInstant(at, clock)}, ${showAgo(at, clock)}${reason === undefined ? '' : `: "${reason}"`}`;
}
