import { describe, expect, it } from 'vitest';
import { describeCondition, factConditions, factKey } from '../../src/policy/conditions.ts';
import { evaluate, judge, stillHolds } from '../../src/policy/evaluate.ts';
import type { Condition, Truth } from '../../src/policy/types.ts';
import { at, fact, factsOf, incident, type Known, member, now, onCall, roleOf } from './world.ts';

const subject = (known: Known = [], more: object = {}) => ({
  email: 'maria@acme.dev',
  client: undefined,
  now,
  facts: factsOf(known),
  ...more,
});
const rulesOf = (...written: string[]) => roleOf(`allow: [ ${written.join(', ')} ]`).allow;
const conditionOf = (written: string): Condition => {
  const [rule] = rulesOf(written);
  if (rule === undefined) throw new Error('no rule');
  return rule.condition;
};

describe('three-valued logic', () => {
  const known = (a: Truth, b: Truth): Known => [
    [member('a'), fact(a)],
    [member('b'), fact(b)],
  ];

  it.each<[Truth, Truth, Truth, Truth]>([
    [true, true, true, true],
    [true, false, false, true],
    [true, 'unknown', 'unknown', true],
    [false, false, false, false],
    [false, 'unknown', false, 'unknown'],
    ['unknown', 'unknown', 'unknown', 'unknown'],
  ])('of %s and %s makes all %s, any %s, in either order', (a, b, all, any) => {
    for (const facts of [known(a, b), known(b, a)]) {
      expect(evaluate(conditionOf('{ all: [ { member: local/a }, { member: local/b } ] }'), subject(facts))).toBe(all);
      expect(evaluate(conditionOf('{ member: [ local/a, local/b ] }'), subject(facts))).toBe(any);
    }
  });

  it.each<[Truth, Truth]>([
    [true, false],
    [false, true],
    ['unknown', 'unknown'],
  ])('turns %s into %s by not', (a, expected) => {
    expect(evaluate(conditionOf('{ not: { member: local/a } }'), subject(known(a, true)))).toBe(expected);
  });

  it('takes a fact that is absent for unknown', () => {
    expect(evaluate(conditionOf('{ onCall: file/db }'), subject())).toBe('unknown');
  });
});

it('knows a person by their e-mail, however it is written', () => {
  expect(evaluate(conditionOf('{ user: Maria@acme.dev }'), subject([], { email: 'MARIA@acme.dev' }))).toBe(true);
  expect(evaluate(conditionOf('{ user: maria@acme.dev }'), subject([], { email: 'maria@acme.de' }))).toBe(false);
});

describe('hours', () => {
  const within = (written: string, instant: string) =>
    evaluate(conditionOf(`{ during: { ${written} } }`), subject([], { now: at(instant) }));

  it.each<[string, string, string, boolean]>([
    ['at their first minute', 'days: [mon], from: 09:00, to: 17:00, zone: UTC', '2026-11-23T09:00:00Z', true],
    ['before it', 'days: [mon], from: 09:00, to: 17:00, zone: UTC', '2026-11-23T08:59:59Z', false],
    ['after their last', 'days: [mon], from: 09:00, to: 17:00, zone: UTC', '2026-11-23T17:00:00Z', false],
    ['on another day', 'days: [mon], from: 09:00, to: 17:00, zone: UTC', '2026-11-24T12:00:00Z', false],
    ['by the clock of their zone', 'from: 09:00, to: 17:00, zone: Europe/Berlin', '2026-11-23T08:00:00Z', true],
    ['by that clock in summer', 'from: 09:00, to: 17:00, zone: Europe/Berlin', '2026-07-06T07:00:00Z', true],
    ['by the day of their zone', 'days: [tue], zone: Asia/Tokyo', '2026-11-23T16:00:00Z', true],
    ['all day', 'days: [mon], zone: UTC', '2026-11-23T23:59:59Z', true],
    ['to midnight', 'days: [mon], from: 20:00, to: 24:00, zone: UTC', '2026-11-23T23:59:59Z', true],
    ['past midnight, in the evening', 'days: [fri], from: 22:00, to: 06:00, zone: UTC', '2026-11-27T22:00:00Z', true],
    ['past midnight, in the morning after', 'days: [fri], from: 22:00, to: 06:00, zone: UTC', '2026-11-28T05:59:00Z', true],
    ['past midnight, in the morning before', 'days: [fri], from: 22:00, to: 06:00, zone: UTC', '2026-11-27T05:59:00Z', false],
    ['past midnight, over the week', 'days: [sun], from: 22:00, to: 06:00, zone: UTC', '2026-11-23T01:00:00Z', true],
  ])('%s', (_, written, instant, expected) => expect(within(written, instant)).toBe(expected));
});

describe('a finding', () => {
  const one = (written: string, known: Known, effect: 'allow' | 'deny' | 'approver' = 'allow') =>
    judge(rulesOf(written), effect, subject(known))[0];

  it('says why, by whom and when, and what would change it', () => {
    const because = 'not on call for "Database"; sam@acme.dev is';
    expect(one('{ onCall: file/db }', [[onCall('db'), fact(false, { because, source: 'schedule.yaml', fetchedAt: 7 })]])).toEqual({
      rule: 'db.allow[0]',
      effect: 'allow',
      holds: false,
      because,
      source: 'schedule.yaml',
      fetchedAt: 7,
      change: 'be on call for file/db',
    });
  });

  it('that holds says what made it hold and wishes for nothing', () => {
    const known: Known = [
      [onCall('db'), fact(true, { because: 'on call for "Database"', source: 'A', fetchedAt: 9 })],
      [member('eng'), fact(true, { because: 'a member of local/eng', source: 'B', fetchedAt: 4 })],
      [member('out'), fact(false, { because: 'not a member of local/out', source: 'B' })],
    ];
    expect(one('{ onCall: file/db, member: local/eng, not: { member: local/out } }', known)).toEqual({
      rule: 'db.allow[0]',
      effect: 'allow',
      holds: true,
      because: 'a member of local/eng; on call for "Database"; not a member of local/out',
      source: 'B, A',
      fetchedAt: 4,
      parts: [
        { what: 'member of local/eng', holds: true, because: 'a member of local/eng', source: 'B', fetchedAt: 4 },
        { what: 'on call for file/db', holds: true, because: 'on call for "Database"', source: 'A', fetchedAt: 9 },
        { what: 'not member of local/out', holds: true, because: 'not a member of local/out', source: 'B' },
      ],
    });
  });

  it.each<[string, Known, string, string | undefined]>([
    [
      '{ onCall: file/db, member: local/eng }',
      [
        [onCall('db'), fact(true)],
        [member('eng'), fact(false)],
      ],
      'it is false',
      'be a member of local/eng',
    ],
    [
      '{ onCall: file/db, member: local/eng }',
      [
        [onCall('db'), fact(false)],
        [member('eng'), fact(false)],
      ],
      'it is false',
      'be a member of local/eng and be on call for file/db',
    ],
    [
      '{ onCall: [ file/a, file/b ] }',
      [
        [onCall('a'), fact(false)],
        [onCall('b'), fact(false)],
      ],
      'it is false',
      'be on call for file/a, or be on call for file/b',
    ],
    [
      '{ onCall: file/db, not: { member: local/out } }',
      [
        [onCall('db'), fact(true)],
        [member('out'), fact(true)],
      ],
      'it is true',
      'no longer be a member of local/out',
    ],
    ['{ onCall: file/db }', [[onCall('db'), fact('unknown', { source: 'PagerDuty' })]], 'no answer', 'ask again when PagerDuty answers'],
    ['{ onCall: file/db }', [], 'it is not known who is on call for file/db', 'ask again when file answers'],
    ['{ user: sam@acme.dev }', [], 'is not sam@acme.dev', 'be sam@acme.dev'],
    ['{ user: maria@acme.dev }', [], 'is maria@acme.dev', undefined],
    [
      '{ during: { days: [sat, sun], from: 09:00, to: 17:00, zone: UTC } }',
      [],
      'outside sat sun 09:00-17:00 UTC',
      'ask sat sun 09:00-17:00 UTC',
    ],
    [
      '{ incident: file, anyIncident: true, selfMade: deny }',
      [[incident, fact(true, { because: 'assigned to INC-1' })]],
      'assigned to INC-1, but whoever opens or assigns an incident themselves does not count',
      'be assigned to it by somebody else',
    ],
    [
      '{ incident: file, anyIncident: true }',
      [[incident, fact(true, { because: 'assigned to INC-1' })]],
      'assigned to INC-1, an incident that maria@acme.dev opened or assigned to themselves',
      undefined,
    ],
  ])('of %s', (written, known, because, change) => {
    const finding = one(written, known);
    expect(finding?.because).toBe(because);
    expect(finding?.change).toBe(change);
  });

  it('of a deny that holds says what would lift it', () => {
    expect(one('{ member: local/out }', [[member('out'), fact(true)]], 'deny')?.change).toBe('no longer be a member of local/out');
    expect(one('{ member: local/out }', [[member('out'), fact(false)]], 'deny')?.change).toBeUndefined();
  });

  it('about an approver does not count an incident of their own', () => {
    expect(one('{ incident: file, anyIncident: true }', [[incident, fact(true)]], 'approver')).toMatchObject({
      effect: 'approver',
      holds: false,
    });
  });
});

describe('what a grant ends with', () => {
  const rules = rulesOf('{ onCall: file/db, until: shift }', '{ incident: file, anyIncident: true, until: incident }');

  it.each<[Truth, Truth, Truth]>([
    [true, false, true],
    [true, 'unknown', true],
    [false, true, true],
    [false, false, false],
    [false, 'unknown', 'unknown'],
    ['unknown', 'unknown', 'unknown'],
  ])('with shift %s and incident %s holds: %s', (shift, live, expected) => {
    expect(
      stillHolds(
        rules,
        subject([
          [onCall('db'), fact(shift)],
          [incident, fact(live)],
        ]),
      ),
    ).toBe(expected);
  });

  it('counts an incident of their own, because somebody said yes to it', () => {
    expect(
      stillHolds(
        rules,
        subject([
          [onCall('db'), fact(false)],
          [incident, fact(true, { incidents: [{ ref: 'I', selfMade: true }] })],
        ]),
      ),
    ).toBe(true);
  });
});

describe('questions to the world', () => {
  it('are put once each, however often and deep they stand', () => {
    const rules = rulesOf(
      '{ onCall: file/db }',
      '{ onCall: file/db, not: { member: local/out } }',
      '{ all: [ { member: local/out }, { user: a@acme.dev } ] }',
    );
    expect(factConditions(rules)).toEqual([onCall('db'), member('out')]);
  });

  it('are the same however a self-made incident counts', () => {
    const rules = rulesOf(
      '{ incident: file, severities: [major] }',
      '{ incident: file, severities: [major], selfMade: deny }',
      '{ incident: file, severities: [minor] }',
    );
    expect(factConditions(rules)).toHaveLength(2);
  });

  it('are told apart by everything that they ask', () => {
    const conditions = factConditions(
      rulesOf(
        '{ onCall: file/db }',
        '{ onCall: file }',
        '{ escalationPolicy: file/db }',
        '{ onCall: file/db, levels: [1] }',
        '{ onCall: paging/db }',
        '{ member: local/db }',
        '{ incident: file, services: [db] }',
        '{ incident: file, types: [db] }',
      ),
    );
    expect(new Set(conditions.map(factKey)).size).toBe(8);
  });
});

it.each([
  ['{ onCall: file/db }', 'on call for file/db'],
  ['{ onCall: file }', 'on call anywhere in file'],
  ['{ onCall: file/db, levels: [1, 2] }', 'on call at level 1 or 2 for file/db'],
  ['{ escalationPolicy: file/P1 }', 'on call at level 1 of escalation policy file/P1'],
  ['{ member: local/Eng Managers }', 'member of local/Eng Managers'],
  ['{ user: [a@acme.dev, b@acme.dev] }', 'a@acme.dev or b@acme.dev'],
  ['{ incident: file, anyIncident: true }', 'assigned to a live incident in file'],
  [
    '{ incident: file, severities: [major, critical], services: [db] }',
    'assigned to a live incident in file (service db, severity major or critical)',
  ],
  ['{ during: { days: [sat, sun], zone: UTC } }', 'asking sat sun UTC'],
  [
    '{ member: local/a, not: [ { member: local/b }, { onCall: file/db } ] }',
    'member of local/a and not (member of local/b or on call for file/db)',
  ],
])('%s is in words: %s', (written, words) => {
  expect(describeCondition(conditionOf(written))).toBe(words);
});
