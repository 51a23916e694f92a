import { describe, expect, it } from 'vitest';
import { quietMs } from '../../src/lifecycle/limits.ts';
import { planReconcile, type Reading } from '../../src/lifecycle/reconcile.ts';
import type { Membership } from '../../src/lifecycle/types.ts';

const now = 100 * 3_600_000;
const ana = { userId: 'u-ana', userName: 'ana@acme.dev' };
const row = (over: Partial<Membership & { live: boolean }>): Membership & { live: boolean } => ({
  id: 'm1',
  directory: 'okta',
  account: 'acme',
  holder: 'ana@acme.dev',
  ...ana,
  groupId: 'g1',
  groupName: 'DB',
  unansweredUntil: 0,
  endSessions: false,
  busyUntil: 0,
  quietUntil: 0,
  removeBy: 0,
  version: 1,
  live: false,
  ...over,
});
const reading = (over: Partial<Reading>): Reading => ({
  members: [ana],
  readAt: now,
  rows: [],
  known: [],
  exclusive: false,
  first: false,
  clean: false,
  now,
  ...over,
});

describe('planReconcile', () => {
  it('takes the strangers of a first reading as the baseline of a shared group, and says so once', () => {
    expect(planReconcile(reading({ first: true }))).toMatchObject({ baseline: [ana], drift: [], adopt: [], nobodyElse: false });
    expect(planReconcile(reading({ known: ['u-ana'] }))).toMatchObject({ baseline: [], drift: [], adopt: [], forget: [] });
  });

  it('reports a stranger who came later as drift, once, and never takes them out of a shared group', () => {
    expect(planReconcile(reading({}))).toMatchObject({ drift: [ana], adopt: [] });
  });

  it('explains a member by a grant that stands', () => {
    expect(planReconcile(reading({ rows: [row({ live: true, owned: true })] }))).toMatchObject({ drift: [], adopt: [], nobodyElse: true });
  });

  it('counts a member who was there before their grant as a stranger all the same', () => {
    expect(planReconcile(reading({ first: true, rows: [row({ live: true, owned: false })] }))).toMatchObject({ baseline: [ana] });
  });

  it('adopts a member whom an unanswered add of ours may have put there, for a day', () => {
    const late = row({ unansweredUntil: now + 1 });
    expect(planReconcile(reading({ rows: [late] })).adopt).toMatchObject([{ member: ana, row: { id: 'm1' } }]);
    const old = row({ unansweredUntil: now });
    expect(planReconcile(reading({ rows: [old] }))).toMatchObject({ adopt: [], drift: [ana] });
  });

  it('adopts a stranger in an exclusive group only when an earlier reading found nobody unexplained', () => {
    expect(planReconcile(reading({ exclusive: true }))).toMatchObject({ adopt: [] });
    expect(planReconcile(reading({ exclusive: true, clean: true })).adopt).toMatchObject([{ member: ana }]);
  });

  it('leaves all of them in where they are too many at once: the earlier reading is the likelier mistake', () => {
    const people = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ userId: `u${index}`, userName: `u${index}@acme.dev` }));
    const clean = (members: Reading['members'], rows: Reading['rows'] = []) =>
      planReconcile(reading({ members, rows, exclusive: true, clean: true }));
    expect(clean(people(2))).toMatchObject({ adopt: [{}, {}], drift: [], tooMany: false });
    expect(clean(people(3))).toMatchObject({ adopt: [], drift: people(3), nobodyElse: false, tooMany: true });
    const ours = people(10)
      .slice(3)
      .map((member) => row({ ...member, live: true, owned: true }));
    expect(clean(people(10), ours)).toMatchObject({ adopt: [{}, {}, {}], tooMany: false });
    expect(clean(people(9), ours)).toMatchObject({ adopt: [], tooMany: true });
    // What is known to be ours goes all the same.
    const lost = row({ ...people(1)[0], unansweredUntil: now + 1 });
    expect(clean(people(4), [lost])).toMatchObject({ adopt: [{ row: { id: 'm1' } }], tooMany: true });
  });

  it('waits for the next reading about a member whose removal was confirmed about when the list was made', () => {
    const fresh = row({ removeBy: now - 1000 });
    expect(planReconcile(reading({ rows: [fresh] }))).toMatchObject({ drift: [], adopt: [] });
    expect(planReconcile(reading({ rows: [fresh], exclusive: true, clean: true }))).toMatchObject({ adopt: [] });
    expect(planReconcile(reading({ rows: [row({ removeBy: now - quietMs })] }))).toMatchObject({ drift: [ana] });
  });

  it('forgets who is gone', () => {
    expect(planReconcile(reading({ members: [], known: ['u-ana'] }))).toMatchObject({ forget: ['u-ana'], nobodyElse: true });
  });
});
