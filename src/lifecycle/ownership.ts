/** Whose a membership is. */

import type { Membership } from './types.ts';

/** Whether an add of ours was sent that was never answered and is young enough that a member seen now may be its doing. */
export const isUnanswered = (row: Pick<Membership, 'unansweredUntil'>, now: number): boolean => now < row.unansweredUntil;
