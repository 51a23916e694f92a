/** Who in a line is offered a place; pure. Always in the order of the line, and never more than there are places. */

import type { Request } from './types.ts';

/** So long somebody may stand in line before they have to ask again. */
export const lineMs = 24 * 3_600_000;

/** So long a place is kept for them, where the policy says nothing. */
export const usualOfferMs = 10 * 60_000;

export const isInLine = <R extends Pick<Request, 'state'>>(request: R | undefined): request is R =>
  request?.state === 'queued' || request?.state === 'offered';

export type LinePlan = {
  /** Those whose time to take an offer, or to stand in line, is over. */
  readonly lapsed: readonly Request[];
  readonly offer: readonly Request[];
  /** Those whose offer cannot stand: the policy has fewer places by now, or somebody is in the group by an add that came late. They wait on, as the first. */
  readonly back: readonly Request[];
};

/** `line`: in its order. `holders`: the e-mails of those who have the role; who has it in several ways takes one place. */
export function planLine(line: readonly Request[], holders: readonly string[], places: number, now: number): LinePlan {
  const lapsed = line.filter(({ pendingUntil = 0 }) => now >= pendingUntil);
  const people = new Set(holders);
  const [offer, back]: [Request[], Request[]] = [[], []];
  let isFree = true;
  for (const request of line) {
    if (lapsed.includes(request)) continue;
    const { email } = request.requester;
    // Whoever cannot have a place keeps out everybody behind them.
    isFree &&= people.has(email) || people.size < places;
    if (isFree) people.add(email);
    if (isFree && request.state === 'queued') offer.push(request);
    if (!isFree && request.state === 'offered') back.push(request);
  }
  return { lapsed, offer, back };
}
