/** `standing`, `review` and `ifMissed` in the policy: what they mean, and what is a fault in them. */

import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/policy/parse.ts';
import { reviewDay, reviewsOf, reviewText } from '../../src/policy/standing.ts';
import { marked } from './marked.ts';
import { at, fileWith, input, now, roleOf } from './world.ts';

function check(faulty: string, when?: number) {
  const { text, expected } = marked(faulty);
  const { issues } = parsePolicy(text, { ...input, ...(when === undefined ? {} : { now: when }) });
  expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
  return issues;
}

const named = 'standing: { cto@acme.dev: owns the platform }';

describe('standing access in the policy', () => {
  it('names people, why, and the end of the day of the review in UTC', () => {
    const { standing, allow, ask } = roleOf(
      `standing: { CTO@acme.dev: owns the platform, sre@acme.dev: always on call }\nreview: 2027-01-31`,
    );
    expect(standing).toEqual({
      people: [
        { email: 'cto@acme.dev', why: 'owns the platform' },
        { email: 'sre@acme.dev', why: 'always on call' },
      ],
      reviewAt: at('2027-02-01T00:00:00Z'),
      ifMissed: 'alert',
    });
    expect([allow, ask]).toEqual([[], []]);
    expect(roleOf(`${named}\nreview: 2028-02-29\nifMissed: end`).standing).toMatchObject({
      reviewAt: at('2028-03-01T00:00:00Z'),
      ifMissed: 'end',
    });
  });

  it.each<[string, string]>([
    ['needs a review', `‹standing-without-review›${named}`],
    ['needs a day that there is', `${named}\nreview: ‹bad-date›2027-02-29`],
    ['needs a day, not an instant', `${named}\nreview: ‹bad-date›2027-01-31T00:00:00Z`],
    ['needs a day, not a year', `${named}\nreview: ‹bad-date›2027`],
    ['knows two ways to miss it', `${named}\nreview: 2027-01-31\nifMissed: ‹bad-value›ignore`],
    ['needs somebody', 'standing: ‹empty-list›{}\nreview: 2027-01-31'],
    ['needs e-mails', 'standing: { ‹bad-email›cto: owns the platform }\nreview: 2027-01-31'],
    ['needs a reason', 'standing: { cto@acme.dev: ‹bad-value›"" }\nreview: 2027-01-31'],
    ['names nobody twice', 'standing: { cto@acme.dev: one, ‹duplicate-key›CTO@acme.dev: two }\nreview: 2027-01-31'],
    [
      'has no more people than places',
      `maxHolders: 1\nstanding: ‹too-many-standing›{ a@acme.dev: one, b@acme.dev: two }\nreview: 2027-01-31`,
    ],
    ['is what the review is of', 'allow: [ { user: a@acme.dev } ]\n‹orphan-key›review: 2027-01-31\n‹orphan-key›ifMissed: end'],
  ])('%s', (_, role) => {
    check(fileWith(role));
  });

  it('needs groups into which people come through this tool alone', () => {
    const open = fileWith(`standing: ‹not-exclusive›{ cto@acme.dev: owns the platform }\nreview: 2027-01-31`).replace(
      ', exclusive: [db-admins]',
      '',
    );
    expect(check(open)[0]).toMatchObject({
      message: 'who is in by this list cannot be told in local/db-admins, because others may add people to it',
      hint: 'list it: directories.local.exclusive: [db-admins]',
    });
  });

  it('warns of a name that is blocked as well', () => {
    const both = fileWith(
      `standing: ‹blocked-standing›{ cto@acme.dev: owns the platform }\nreview: 2027-01-31`,
      'blocked: [ cto@acme.dev ]',
    );
    expect(check(both)[0]?.severity).toBe('warning');
  });

  it('warns of a day that is over, and of one that is more than a year ahead, where it is known which day it is', () => {
    const over = fileWith(`${named}\nreview: ‹review-missed›2026-11-21`);
    expect(check(over, now)[0]).toMatchObject({ severity: 'warning', message: 'this day is over: the standing access goes on unreviewed' });
    const ended = fileWith(`${named}\nreview: ‹review-missed›2026-11-21\nifMissed: end`);
    expect(check(ended, now)[0]?.message).toBe('this day is over: the standing access has ended');
    check(fileWith(`${named}\nreview: 2026-11-22`), now);
    check(fileWith(`${named}\nreview: 2027-11-22`), now);
    check(fileWith(`${named}\nreview: ‹review-far›2027-11-25`), now);
    check(fileWith(`${named}\nreview: 2020-01-01`));
  });

  it('takes two people of one name in a directory for what they are', () => {
    const text = fileWith(`${named}\nreview: 2027-01-31`, 'people: { maria@acme.dev: { local: ‹shared-name›cto@acme.dev } }');
    check(text);
  });
});

describe('a review', () => {
  const role = roleOf(`${named}\nreview: 2027-01-31\nifMissed: end`);
  const due = at('2027-02-01T00:00:00Z');

  it('is near from two weeks before, and missed from the end of its day', () => {
    const state = (when: number) => reviewsOf([role], when).map((one) => one.state);
    expect(state(due - 14 * 86_400_000 - 1)).toEqual([]);
    expect(state(due - 14 * 86_400_000)).toEqual(['due']);
    expect(state(due - 1)).toEqual(['due']);
    expect(state(due)).toEqual(['missed']);
  });

  it('is told by its day, with what happens then', () => {
    expect(reviewDay(due)).toBe('2027-01-31');
    const [soon] = reviewsOf([role], due - 1);
    const [late] = reviewsOf([roleOf(`${named}\nreview: 2027-01-31`)], due);
    expect([soon, late].map((one) => one && reviewText(one))).toEqual([
      'its standing access is to be reviewed by 2027-01-31, and ends then',
      'its standing access was to be reviewed by 2027-01-31, and goes on unreviewed',
    ]);
  });
});
