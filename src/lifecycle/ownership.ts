/** Whose a membership is. */

import { quietMs } from './limits.ts';
import type { Membership, Request } from './types.ts';

/** Whether an add of ours was sent that was never answered and is young enough that a member seen now may be its doing. */
export const isUnanswered = (row: Pick<Membership, 'unansweredUntil'>, now: number): boolean => now < row.unansweredUntil;

/** Whether what was read at that instant may be older than a removal of ours: reads can lag behind writes. */
export const isJustRemoved = (row: Pick<Membership, 'removeBy'>, readAt: number): boolean => readAt < row.removeBy + quietMs;

/** Whether the request recorded that sessions end there when its membership does. */
export const endsSessions = (request: Request | undefined, directory: string): boolean =>
  request?.decision.endsSessionsIn?.includes(directory) ?? false;
