/** Whose a membership is. */

import { rememberUnansweredMs } from './limits.ts';
import type { Membership } from './types.ts';

/** Whether an add of ours was sent that was never answered and is young enough that a member seen now may be its doing. */
export function isUnanswered(row: Pick<Membership, 'acknowledged' | 'addBy'>, now: number): boolean {
  return !row.acknowledged && row.addBy !== undefined && now < row.addBy + rememberUnansweredMs;
}
