import { describe, expect, it } from 'vitest';
import {
  type Duty,
  type Holder,
  longestRotationMs,
  planRotation,
  type RotationNow,
  type RotationPlan,
} from '../../src/lifecycle/rotation.ts';

const minute = 60_000;
const hour = 60 * minute;
const now = Date.parse('2026-11-22T09:00:00Z');
const overlapMs = 30 * minute;
const holdOverMs = 24 * hour;

const duty = (email: string, end?: number | null): Duty => ({ email, ...(end === undefined ? {} : { end }) });
/** In until then, as the roster said. */
const holder = (email: string, until: number, over: Partial<Holder> = {}): Holder => ({
  ...{ email, requestId: `of-${email}`, startsAt: now - 20 * hour, expiresAt: until, saidUntil: until },
  ...over,
});
const people = (count: number, make: (email: string) => Holder): readonly Holder[] =>
  Array.from({ length: count }, (_, index) => make(`p${index}`));

const plan = (over: Partial<RotationNow>): RotationPlan =>
  planRotation({
    ...{ follows: { overlapMs, holdOverMs }, answeredAt: now - 5 * minute, holders: [], away: [], isTried: true, now },
    ...over,
  });

/** `maria in until +480`, in minutes from now. */
function told({ enter, later, sooner, off, held, refused }: RotationPlan): readonly string[] {
  const minutes = (at: number): string => `${at < now ? '' : '+'}${(at - now) / minute}`;
  return [
    ...enter.map(({ email, until }) => `${email} in until ${minutes(until)}`),
    ...later.map(({ holder: { email }, until }) => `${email} later ${minutes(until)}`),
    ...sooner.map(({ holder: { email }, until }) => `${email} sooner ${minutes(until)}`),
    ...off.map(({ holder: { email }, until }) => `${email} off ${minutes(until)}`),
    ...held.map(({ holder: { email }, until }) => `${email} held ${minutes(until)}`),
    ...(refused === undefined ? [] : [`refused ${refused.goes.join(' ')} of ${refused.of}`]),
  ];
}

describe('whoever is on call', () => {
  const cases: readonly (readonly [string, Partial<RotationNow>, readonly string[]])[] = [
    ['comes in until the shift ends and the overlap', { answer: [duty('maria', now + 8 * hour)] }, ['maria in until +510']],
    ['comes in for a week at most', { answer: [duty('maria', now + 30 * 24 * hour)] }, [`maria in until +${longestRotationMs / minute}`]],
    [
      'comes in for a week where the shift never ends',
      { answer: [duty('maria', null)] },
      [`maria in until +${longestRotationMs / minute}`],
    ],
    ['comes in for a day where the roster does not say until when', { answer: [duty('maria')] }, ['maria in until +1440']],
    ['stays as they are', { answer: [duty('maria', now + hour)], holders: [holder('maria', now + 90 * minute)] }, []],
    [
      'stays in without a gap where the next shift is theirs as well',
      { answer: [duty('maria', now + 8 * hour)], holders: [holder('maria', now)] },
      ['maria later +510'],
    ],
    [
      'goes sooner where the shift became shorter',
      { answer: [duty('maria', now + hour)], holders: [holder('maria', now + 8 * hour)] },
      ['maria sooner +90'],
    ],
    ['stays out who gave it back', { answer: [duty('maria', now + hour)], away: ['maria'] }, []],
    ['stays out whose shift and overlap are over', { answer: [duty('maria', now - hour)] }, []],
  ];
  it.each(cases)('%s', (_, over, expected) => expect(told(plan(over))).toEqual(expected));

  it('of a shift without an end is moved on when half the week is over, and not at every run', () => {
    const at = (days: number) => told(plan({ answer: [duty('maria', null)], holders: [holder('maria', now + days * 24 * hour)] }));
    expect(at(6.9)).toEqual([]);
    expect(at(3.6)).toEqual([]);
    expect(at(3.4)).toEqual([`maria later +${longestRotationMs / minute}`]);
  });
});

describe('whoever is off call', () => {
  const others = duty('sam', now + 8 * hour);
  const cases: readonly (readonly [string, Partial<RotationNow>, readonly string[]])[] = [
    [
      'goes at the end that was known, with nothing to do',
      { answer: [others], holders: [holder('maria', now + 30 * minute), holder('sam', now + 510 * minute)] },
      [],
    ],
    [
      'goes one overlap after it is noticed, where the shift was to last',
      { answer: [others], holders: [holder('maria', now + 8 * hour), holder('sam', now + 510 * minute)] },
      ['maria off +30'],
    ],
    [
      'is given that overlap once',
      { answer: [others], holders: [holder('maria', now + 25 * minute), holder('sam', now + 510 * minute)] },
      [],
    ],
    [
      'goes at once where there is no overlap',
      {
        follows: { overlapMs: 0, holdOverMs },
        answer: [others],
        holders: [holder('maria', now + hour), holder('sam', now + 480 * minute)],
      },
      ['maria off +0'],
    ],
    [
      'goes after being held over, once there is an answer again',
      { answer: [others], holders: [holder('maria', now + 20 * hour, { saidUntil: now - hour }), holder('sam', now + 510 * minute)] },
      ['maria off +30'],
    ],
    ['leaves a gap that was known', { answer: [], holders: [holder('maria', now)] }, []],
  ];
  it.each(cases)('%s', (_, over, expected) => expect(told(plan(over))).toEqual(expected));
});

describe('nobody goes without an admin’s word', () => {
  const lasting = (email: string): Holder => holder(email, now + 8 * hour);
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `p${index}`);

  it('where the answer is empty', () => {
    const empty = { answer: [], holders: [lasting('maria')] };
    expect(told(plan(empty))).toEqual(['refused maria of 1']);
    expect(plan(empty).refused?.isEmpty).toBe(true);
    expect(told(plan({ ...empty, accepted: ['maria'] }))).toEqual(['maria off +30']);
  });

  it.each([
    // Two may always go; of ten, three.
    [3, 2, false],
    [4, 3, true],
    [10, 3, false],
    [10, 4, true],
    [20, 6, false],
    [20, 7, true],
  ])('of %i people %i go with nobody in their place: refused %s', (of, go, isRefused) => {
    const answer = names(of)
      .slice(go)
      .concat('other')
      .map((email) => duty(email, now + 450 * minute));
    const made = plan({ answer, holders: people(of, lasting), away: ['other'] });
    expect(made.refused !== undefined).toBe(isRefused);
    expect(made.off).toHaveLength(isRefused ? 0 : go);
  });

  it('unless others have come in their place', () => {
    const answer = ['a', 'b', 'c', 'd'].map((email) => duty(email, now + 450 * minute));
    const gone = people(4, lasting);
    expect(told(plan({ answer, holders: gone }))).toContain('refused p0 p1 p2 p3 of 4');
    // Who is to be let in counts before it was tried, and afterwards only who is in since the last answer.
    expect(plan({ answer, holders: gone, isTried: false }).refused).toBeUndefined();
    const came = (startsAt: number) => answer.map(({ email }) => holder(email, now + 8 * hour, { startsAt }));
    expect(plan({ answer, holders: [...gone, ...came(now)] }).refused).toBeUndefined();
    expect(plan({ answer, holders: [...gone, ...came(now - hour)] }).refused).toBeDefined();
  });

  it('while whoever comes is let in all the same', () => {
    const answer = [duty('new', now + 450 * minute)];
    expect(told(plan({ answer, holders: people(4, lasting) }))).toEqual(['new in until +480', 'refused p0 p1 p2 p3 of 4']);
  });

  it('and that word is for those alone about whom it was', () => {
    const holders = people(4, lasting);
    expect(plan({ answer: [], holders, accepted: ['p0', 'p1', 'p2'] }).refused?.goes).toEqual(['p0', 'p1', 'p2', 'p3']);
    expect(plan({ answer: [], holders, accepted: ['p0', 'p1', 'p2', 'p3', 'p4'] }).refused).toBeUndefined();
  });

  it('and until then they stay past their end, but no longer than the hold-over', () => {
    const due = holder('maria', now - minute);
    const holders = [due, ...people(3, lasting)];
    expect(told(plan({ answer: [], holders, answeredAt: now - hour }))).toEqual(['maria held +1380', 'refused p0 p1 p2 of 4']);
    expect(told(plan({ answer: [], holders, answeredAt: now - 24 * hour }))).toEqual(['refused p0 p1 p2 of 4']);
  });
});

describe('while nobody can say who is on call', () => {
  const held = (over: Partial<RotationNow>) => told(plan({ ...over }));

  it('whose time is up stays until one hold-over after the last answer', () => {
    expect(held({ holders: [holder('maria', now)], answeredAt: now - 2 * hour })).toEqual(['maria held +1320']);
    expect(held({ holders: [holder('maria', now)], answeredAt: now - 24 * hour })).toEqual([]);
    expect(held({ holders: [holder('maria', now)], answeredAt: 0 })).toEqual([]);
  });

  it('nobody else’s end moves, and nobody comes or goes', () => {
    expect(held({ holders: [holder('maria', now + minute), holder('sam', now + 8 * hour)] })).toEqual([]);
  });

  it('and when there is an answer again, whoever is on call has the end of the shift', () => {
    const holders = [holder('maria', now + 20 * hour, { saidUntil: now - hour })];
    expect(told(plan({ answer: [duty('maria', now + hour)], holders }))).toEqual(['maria sooner +90']);
  });
});
