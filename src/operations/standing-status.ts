/** What `status` and `doctor` know of standing access: which reviews are near or were missed, and who is named but not in. */

import type { Queries } from '../ledger/ledger.ts';
import { type Review, reviewDay, reviewsOf, reviewText } from '../policy/standing.ts';
import type { Policy } from '../policy/types.ts';
import { fromSubject, notInTopic } from './standing-told.ts';

export type StandingStatus = {
  readonly reviews: readonly (Review & { /** As the policy writes it. */ readonly day: string })[];
  /** As the last sweep found it. */
  readonly notIn: readonly { readonly role: string; readonly holder: string; readonly because: string }[];
};

export type ReviewFault = { readonly code: 'review-missed'; readonly message: string; readonly next: string };

export async function standingNow({ roles }: Pick<Policy, 'roles'>, q: Queries, now: number): Promise<StandingStatus> {
  const told = await q.toldOf(notInTopic);
  return {
    reviews: reviewsOf(Object.values(roles), now).map((review) => ({ ...review, day: reviewDay(review.reviewAt) })),
    // Of a role that has lost its list no sweep says so any more.
    notIn: told.flatMap(({ subject, what }) => {
      const { role, email } = fromSubject(subject);
      return roles[role]?.standing?.people.some((one) => one.email === email) ? [{ role, holder: email, because: what }] : [];
    }),
  };
}

export const reviewNext = 'look at who is named under standing, then move "review" in the policy: that commit is the evidence';

/** Access that goes on although nobody has looked is a fault; what has ended for it did what the policy says. */
export const missedReviews = ({ reviews }: Pick<StandingStatus, 'reviews'>): readonly ReviewFault[] =>
  reviews
    .filter(({ state, ifMissed }) => state === 'missed' && ifMissed === 'alert')
    .map((review) => ({ code: 'review-missed', message: `${review.role}: ${reviewText(review)}`, next: reviewNext }));
