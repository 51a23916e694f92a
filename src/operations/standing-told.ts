/** What a sweep says about standing access: at every run what somebody has to mend, and once what merely is so. */

import { reviewDay, reviewsOf, reviewText } from '../policy/standing.ts';
import type { Deps } from './deps.ts';
import type { SweepStep } from './types.ts';

/** Somebody whom a role names. */
export type Kept = {
  readonly role: string;
  readonly email: string;
  /** Just now, and why. */
  readonly letIn?: string;
  readonly requestId?: string;
  /** Why they are not in, or not all the way. */
  readonly because?: string;
  /** Told at every run; left out: once. */
  readonly outcome?: 'failed' | 'later';
  readonly next?: string;
};

/** People who are named and not in. */
export const notInTopic = 'standing';
const reviewTopic = 'standing-review';

const subjectOf = ({ role, email }: Pick<Kept, 'role' | 'email'>): string => `${role} ${email}`;

/** The last word is the e-mail: a role made from parameters has several. */
export function fromSubject(subject: string): Pick<Kept, 'role' | 'email'> {
  const at = subject.lastIndexOf(' ');
  return { role: subject.slice(0, at), email: subject.slice(at + 1) };
}

/** What they are kept in by, and whether it still speaks of somebody of whom something was told. */
type Topic = { readonly name: string; readonly isNamed: (about: Pick<Kept, 'role' | 'email'>) => boolean };

const standingIn = ({ policy: { roles } }: Deps): Topic => ({
  name: notInTopic,
  isNamed: ({ role, email }) => roles[role]?.standing?.people.some((one) => one.email === email) ?? false,
});

export async function tellKept(deps: Deps, kept: readonly Kept[], { name, isNamed } = standingIn(deps)): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const before = new Map((await ledger.read((q) => q.toldOf(name))).map(({ subject, what }) => [subject, what]));
  const isNews = (one: Kept): boolean => one.because !== undefined && before.get(subjectOf(one)) !== one.because;
  const over = [...before.keys()].filter(
    (subject) => !isNamed(fromSubject(subject)) || kept.some((one) => subjectOf(one) === subject && one.because === undefined),
  );
  const news = kept.filter(isNews);
  if (news.length + over.length > 0) {
    await ledger.write(async (q, at) => {
      for (const one of news) await q.tell({ topic: name, subject: subjectOf(one), what: one.because ?? '', at });
      for (const subject of over) await q.untell(name, subject);
    });
  }
  return kept.flatMap((one): readonly SweepStep[] => {
    const { role, email, letIn, requestId, because = '', outcome, next } = one;
    const about = { role, holder: email, ...(requestId === undefined ? {} : { requestId }) };
    if (letIn !== undefined) return [{ action: 'give', outcome: 'done', ...about, because: letIn }];
    if (outcome !== undefined) return [{ action: 'give', outcome, ...about, because, ...(next === undefined ? {} : { next }) }];
    return isNews(one) ? [{ action: 'kept-out', outcome: 'done', ...about, because }] : [];
  });
}

/** Once for each date: that it comes, and that it was missed. */
export async function tellReviews(deps: Deps): Promise<readonly SweepStep[]> {
  const roles = Object.values(deps.policy.roles);
  if (!roles.some(({ standing }) => standing)) return [];
  const ledger = await deps.ledger();
  const untold = await ledger.read(async (q, now) => {
    const told = await q.toldOf(reviewTopic);
    return reviewsOf(roles, now).filter(
      ({ role, reviewAt, state }) => !told.some(({ subject, what }) => subject === role && what === `${state} ${reviewDay(reviewAt)}`),
    );
  });
  if (untold.length === 0) return [];
  return ledger.write(async (q, at) => {
    const steps: SweepStep[] = [];
    for (const { role, reviewAt, state, ifMissed } of untold) {
      const review = reviewDay(reviewAt);
      await q.tell({ topic: reviewTopic, subject: role, what: `${state} ${review}`, at });
      const people = deps.policy.roles[role]?.standing?.people.map(({ email }) => email) ?? [];
      await q.record({
        type: state === 'due' ? 'standing.review-due' : 'standing.review-missed',
        actor: 'sweep',
        role,
        policyDigest: deps.policy.digest,
        data: { review, reviewAt, ifMissed, people },
      });
      steps.push({ action: 'review', outcome: 'done', role, because: reviewText({ reviewAt, state, ifMissed }) });
    }
    return steps;
  });
}
