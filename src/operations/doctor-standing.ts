/** `doctor` on standing access: whether somebody has looked at it in time, and whether those who are named have it. */

import { reviewText } from '../policy/standing.ts';
import { check } from './doctor-check.ts';
import { reviewNext } from './standing-status.ts';
import type { Check, StatusResult } from './types.ts';

export function standingAccess({ standing: { reviews, notIn } }: Pick<StatusResult, 'standing'>): readonly Check[] {
  return [
    ...reviews.map((review) => {
      const isFault = review.state === 'missed' && review.ifMissed === 'alert';
      return check('policy', `${review.role}.standing`, isFault ? 'fault' : 'warning', reviewText(review), reviewNext);
    }),
    ...notIn.map(({ role, holder, because }) =>
      check(
        'members',
        `${role}.standing`,
        'warning',
        `${holder} is named, and is not in: ${because}`,
        'oncall sweep tries again, and says what it meets',
      ),
    ),
  ];
}
