/** Standing access: people whom a role names, why, and the day on which somebody has to look at that again. */

import type { Role } from './types.ts';

export type Standing = {
  /** E-mails, case-folded, in the order of the file. */
  readonly people: readonly { readonly email: string; readonly why: string }[];
  /** The end of the review's day in UTC, epoch ms. */
  readonly reviewAt: number;
  /** Past it: say so, or end what is standing. */
  readonly ifMissed: 'alert' | 'end';
};

const dayMs = 86_400_000;

/** How long before the review it is said that it comes. */
const reviewSoonMs = 14 * dayMs;

/** As it stands in the file: `2027-01-31`. */
export const reviewDay = (reviewAt: number): string => new Date(reviewAt - 1).toISOString().slice(0, 10);

export type Review = {
  readonly role: string;
  readonly reviewAt: number;
  readonly state: 'due' | 'missed';
  readonly ifMissed: Standing['ifMissed'];
};

/** Those that come soon, or were missed. */
export function reviewsOf(roles: readonly Role[], now: number): readonly Review[] {
  return roles.flatMap(({ name, standing }): readonly Review[] => {
    if (standing === undefined || standing.reviewAt - now > reviewSoonMs) return [];
    const { reviewAt, ifMissed } = standing;
    return [{ role: name, reviewAt, state: reviewAt <= now ? 'missed' : 'due', ifMissed }];
  });
}

/** One clause: `its standing access is to be reviewed by 2027-01-31` */
export function reviewText({ reviewAt, state, ifMissed }: Omit<Review, 'role'>): string {
  const by = `its standing access ${state === 'due' ? 'is' : 'was'} to be reviewed by ${reviewDay(reviewAt)}`;
  if (state === 'due') return ifMissed === 'end' ? `${by}, and ends then` : by;
  return ifMissed === 'end' ? `${by}, and has ended` : `${by}, and goes on unreviewed`;
}

/** Name of the rule, for findings. */
export const standingRule = (role: string): string => `${role}.standing`;
