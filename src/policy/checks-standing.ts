/** What the file says of standing access, read, and what must not be said of it. */

import type { RoleCheck } from './checks.ts';
import { notExclusive } from './checks-exclusive.ts';
import { foldEmail } from './fields.ts';
import type { Path } from './issue.ts';
import { foreign, type Scope } from './resolve-condition.ts';
import type { Standing } from './standing.ts';

type Written = {
  readonly standing?: Readonly<Record<string, string>>;
  readonly review?: number;
  readonly ifMissed?: 'alert' | 'end';
};

/** A review is overdue by then or it is no review. */
const longestMs = 366 * 86_400_000;

/** Of an e-mail that is none, or stands there twice, the fault is told, and nobody is named by it. */
export function resolveStanding(
  { standing, review, ifMissed = 'alert' }: Written,
  path: Path,
  { report, domains }: Pick<Scope, 'report' | 'domains'>,
): Standing | undefined {
  const people = Object.entries(standing ?? {}).flatMap(([written, why]) => {
    const email = foldEmail(written);
    const at = { path: [...path, 'standing', written], on: 'key' as const };
    if (email === undefined) report({ code: 'bad-email', message: `${JSON.stringify(written)} is not an e-mail address`, ...at });
    return email === undefined ? [] : [{ email, why, at }];
  });
  const seen = new Set<string>();
  for (const { email, at } of people) {
    if (seen.has(email)) report({ code: 'duplicate-key', message: `"${email}" stands here a second time`, ...at });
    seen.add(email);
    foreign(email, domains, (fault) => report({ ...fault, ...at }));
  }
  if (standing === undefined || review === undefined) return undefined;
  return { people: people.map(({ email, why }) => ({ email, why })), reviewAt: review, ifMissed };
}

export const standingChecks: readonly ((check: RoleCheck) => void)[] = [
  standingIsReviewed,
  standingIsTheirOwn,
  standingHasPlaces,
  standingIsNotBlocked,
  reviewIsNear,
];

function standingIsReviewed({ path, keys, report }: RoleCheck): void {
  if (keys.includes('standing')) {
    if (keys.includes('review')) return;
    const hint = 'write the day on which somebody looks at it again, for example review: 2027-01-31';
    report({ code: 'standing-without-review', message: 'standing access needs a "review"', hint, path: [...path, 'standing'], on: 'key' });
    return;
  }
  for (const key of ['review', 'ifMissed'].filter((one) => keys.includes(one)))
    report({ code: 'orphan-key', message: `"${key}" means nothing without "standing"`, path: [...path, key], on: 'key' });
}

/** Elsewhere nobody could tell who came by this list and who by another way, and who was taken off it would stay by that. */
function standingIsTheirOwn(check: RoleCheck): void {
  if (check.keys.includes('standing')) notExclusive(check, 'standing', 'who is in by this list cannot be told');
}

function standingHasPlaces({ role, path, report }: RoleCheck): void {
  const many = role.standing?.people.length ?? 0;
  if (role.maxHolders === undefined || many <= role.maxHolders) return;
  const message = `${many} people are named, and the role has ${role.maxHolders === 1 ? 'one place' : `${role.maxHolders} places`} (maxHolders)`;
  report({ code: 'too-many-standing', message, path: [...path, 'standing'] });
}

function standingIsNotBlocked({ role, path, blocked, report }: RoleCheck): void {
  for (const { email } of role.standing?.people.filter((one) => blocked.includes(one.email)) ?? []) {
    const message = `${email} is on the list "blocked", and does not get it`;
    report({ severity: 'warning', code: 'blocked-standing', message, path: [...path, 'standing'] });
  }
}

function reviewIsNear({ role, path, now, report }: RoleCheck): void {
  if (role.standing === undefined || now === undefined) return;
  const { reviewAt, ifMissed } = role.standing;
  const warning = { severity: 'warning' as const, path: [...path, 'review'] };
  if (reviewAt <= now) {
    const acts = ifMissed === 'end' ? 'the standing access has ended' : 'the standing access goes on unreviewed';
    const hint = 'look at who is named, then move the date; that commit is the evidence';
    report({ ...warning, code: 'review-missed', message: `this day is over: ${acts}`, hint });
  } else if (reviewAt - now > longestMs) {
    report({ ...warning, code: 'review-far', message: 'the review is more than a year ahead', hint: 'a quarter is usual' });
  }
}
