import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factConditions } from '../../src/policy/conditions.ts';
import type { Asked, Decision, Fact, Truth } from '../../src/policy/types.ts';
import { ask, at, fact, hour, incident, type Known, member, minute, now, onCall, roleOf } from './world.ts';

const approvers = 'approvers: [ { member: local/managers }, { onCall: file/boss } ]';
const truths: readonly Truth[] = [true, false, 'unknown'];
const summary = ({ outcome, undecided, findings }: Decision) =>
  `${outcome}${undecided ? '?' : ''} ${findings.map(({ effect, holds }) => `${effect}:${holds}`).join(' ')}`;

describe('the outcome', () => {
  const role = roleOf(
    `deny: [ { member: local/out } ]\nallow: [ { onCall: file/db } ]\nask: [ { member: local/eng } ]\n${approvers}\nwhenUnknown: ask`,
  );
  const strict = { ...role, whenUnknown: 'deny' as const };
  const known = (deny: Truth, allow: Truth, asks: Truth): Known => [
    [member('out'), fact(deny)],
    [onCall('db'), fact(allow)],
    [member('eng'), fact(asks)],
  ];

  it.each<[Truth, Truth, Truth, string, string]>([
    [false, true, true, 'allow', 'allow'],
    [false, true, false, 'allow', 'allow'],
    [false, true, 'unknown', 'allow', 'allow'],
    [false, false, true, 'ask', 'ask'],
    [false, 'unknown', true, 'ask?', 'ask?'],
    [false, false, false, 'deny', 'deny'],
    [false, 'unknown', false, 'ask?', 'deny?'],
    [false, false, 'unknown', 'ask?', 'deny?'],
    [false, 'unknown', 'unknown', 'ask?', 'deny?'],
    [true, true, true, 'deny', 'deny'],
    [true, 'unknown', 'unknown', 'deny', 'deny'],
    [true, false, false, 'deny', 'deny'],
    ['unknown', true, true, 'deny?', 'deny?'],
    ['unknown', false, true, 'deny?', 'deny?'],
    ['unknown', 'unknown', false, 'deny?', 'deny?'],
    ['unknown', false, false, 'deny', 'deny'],
  ])('for deny %s, allow %s, ask %s is %s, and %s where unknown means deny', (deny, allow, asks, lenient, hard) => {
    const findings = `deny:${deny} allow:${allow} ask:${asks}`;
    expect(summary(ask(role, known(deny, allow, asks)))).toBe(`${lenient} ${findings}`);
    expect(summary(ask(strict, known(deny, allow, asks)))).toBe(`${hard} ${findings}`);
  });

  it('takes a fact that nobody brought for unknown', () => {
    expect(summary(ask(strict, []))).toBe('deny? deny:unknown allow:unknown ask:unknown');
  });

  it('names who may say yes, and only where somebody has to', () => {
    expect(ask(role, known(false, false, true)).approvers).toEqual(['member of local/managers', 'on call for file/boss']);
    expect(ask(role, known(false, true, true)).approvers).toEqual([]);
  });

  it('says what it rests on', () => {
    expect(ask(role, known(false, true, true)).heldBy).toEqual(['db.allow[0]']);
    expect(ask(role, known(false, false, true)).heldBy).toEqual(['db.ask[0]']);
    expect(ask(role, known(false, 'unknown', false)).heldBy).toEqual([]);
    expect(ask(role, known(false, false, false)).heldBy).toEqual([]);
  });

  it('carries the policy it was made by', () => {
    expect(ask(role, []).policyDigest).toBe('d1');
  });

  it('is deny for a blocked person, whatever holds and however the name is written', () => {
    const decision = ask(role, known(false, true, true), { email: 'Eve@acme.dev' });
    expect(summary(decision)).toBe('deny deny:true deny:false allow:true ask:true');
    expect(decision.findings[0]).toMatchObject({ rule: 'blocked', change: expect.stringContaining('"blocked"') });
  });

  it('never asks where nobody is named who could say yes', () => {
    const lone = { ...role, approvers: [] };
    for (const known_ of [known(false, false, true), known(false, 'unknown', false)]) {
      const decision = ask(lone, known_);
      expect(decision.outcome).toBe('deny');
      expect(decision.findings.at(-1)).toMatchObject({ rule: 'db.approvers', holds: true });
    }
  });

  it('is never allow unless an allow rule holds and no deny is in the way, whatever the facts', () => {
    const truth = fc.constantFrom(...truths);
    const complex = roleOf(
      `deny: [ { member: local/out }, { not: { member: local/staff } } ]
allow: [ { onCall: file/db, not: { member: local/new } }, { all: [ { member: local/eng }, [ { onCall: file/a }, { onCall: file/b } ] ], until: shift } ]
ask: [ { member: local/eng } ]\n${approvers}`,
    );
    const conditions = factConditions([...complex.deny, ...complex.allow, ...complex.ask]);
    fc.assert(
      fc.property(fc.array(truth, { minLength: conditions.length, maxLength: conditions.length }), fc.boolean(), (answers, withEnd) => {
        const facts: Known = conditions.map((condition, i) => [
          condition,
          fact(answers[i] ?? 'unknown', withEnd ? { endsAt: now + hour } : {}),
        ]);
        const decision = ask(complex, facts);
        const has = (effect: string, holds: Truth) => decision.findings.some((one) => one.effect === effect && one.holds === holds);
        expect(decision.outcome === 'allow').toBe(has('allow', true) && !has('deny', true) && !has('deny', 'unknown'));
        expect(decision.findings).toHaveLength(5);
        if (decision.outcome !== 'deny') expect(decision.expiresAt).toBeGreaterThan(now);
      }),
    );
  });

  it('is never allow where the only allow rule is unknown', () => {
    const sole = roleOf(`allow: [ { onCall: file/db, until: shift } ]\n${approvers}`);
    fc.assert(
      fc.property(
        fc.constantFrom<Partial<Fact>>({}, { endsAt: null }, { endsAt: now + hour }),
        fc.constantFrom<Asked>({ byDefault: true }, { until: 'shift' }, { forMs: hour }),
        (more, asked) => {
          expect(ask(sole, [[onCall('db'), fact('unknown', more)]], { asked }).outcome).toBe('ask');
          expect(ask({ ...sole, whenUnknown: 'deny' }, [[onCall('db'), fact('unknown', more)]], { asked }).outcome).toBe('deny');
        },
      ),
    );
  });
});

describe('the end', () => {
  const end = (text: string) => at(`2026-11-22T${text}:00Z`);
  const plain = roleOf('allow: [ { member: local/eng } ]\nttl: { default: 2h, max: 6h }');
  const isMember: Known = [[member('eng'), fact(true)]];
  const shift = roleOf('allow: [ { onCall: file/db, until: shift } ]\nttl: { default: 2h, max: 6h }');
  const until = (endsAt: number | null): Known => [[onCall('db'), fact(true, { endsAt })]];

  it.each<[string, Asked, string, Decision['limitedBy']]>([
    ['by default', { byDefault: true }, '05:00', undefined],
    ['for a length', { forMs: 4 * hour }, '07:00', undefined],
    ['for exactly the maximum', { forMs: 6 * hour }, '09:00', undefined],
    ['for too long', { forMs: 12 * hour }, '09:00', 'max'],
    ['until an instant', { untilMs: end('03:30') }, '03:30', undefined],
    ['until an instant too late', { untilMs: end('23:00') }, '09:00', 'max'],
    // Nothing would end it then but the maximum.
    ['until a shift it has not', { until: 'shift' }, '05:00', 'shift'],
    ['until an incident', { until: 'incident' }, '05:00', 'incident'],
  ])('without a shift, asked %s', (_, asked, expected, limitedBy) => {
    const decision = ask(plain, isMember, { asked });
    expect(decision).toMatchObject({ outcome: 'allow', expiresAt: end(expected) });
    expect(decision.limitedBy).toBe(limitedBy);
  });

  it.each<[string, number | null, Asked, string, Decision['limitedBy']]>([
    ['that ends sooner than the default', end('03:45'), { byDefault: true }, '04:00', 'shift'],
    ['that ends later', end('06:00'), { byDefault: true }, '05:00', undefined],
    ['that ends sooner than asked', end('05:45'), { forMs: 12 * hour }, '06:00', 'shift'],
    ['asked for', end('05:45'), { until: 'shift' }, '06:00', undefined],
    ['asked for, beyond the maximum', end('15:00'), { until: 'shift' }, '09:00', 'max'],
    ['beyond the maximum', end('15:00'), { forMs: 12 * hour }, '09:00', 'max'],
    ['without end', null, { forMs: 4 * hour }, '07:00', undefined],
    ['without end, asked for', null, { until: 'shift' }, '09:00', 'max'],
    ['that has ended, within its grace', end('02:50'), { byDefault: true }, '03:05', 'shift'],
  ])('with a shift %s', (_, endsAt, asked, expected, limitedBy) => {
    const decision = ask(shift, until(endsAt), { asked });
    expect(decision).toMatchObject({ outcome: 'allow', expiresAt: end(expected) });
    expect(decision.limitedBy).toBe(limitedBy);
  });

  it('is said where it is earlier than asked', () => {
    expect(ask(shift, until(end('05:45')), { asked: { forMs: 12 * hour } }).limitedBecause).toBe(
      'your shift ends 2026-11-22T05:45:00Z, plus 15 min',
    );
    expect(ask({ ...plain }, isMember, { asked: { forMs: 12 * hour } }).limitedBecause).toBe('6 h is the most that db is given for');
    expect(ask(shift, until(end('06:00'))).limitedBecause).toBeUndefined();
  });

  it('names the day of a shift that is not over soon', () => {
    const week = roleOf('allow: [ { onCall: file/db, until: shift, grace: 0s } ]\nttl: { max: 30d }');
    const decision = ask(week, until(at('2026-11-24T05:45:00Z')), { asked: { forMs: 200 * hour } });
    expect(decision.limitedBecause).toBe('your shift ends 2026-11-24T05:45:00Z');
  });

  describe('of several allows', () => {
    const both = roleOf(
      'allow: [ { onCall: file/a, until: shift }, { onCall: file/b, until: shift, grace: 30m }, { member: local/eng } ]\nttl: { max: 24h }',
    );
    const facts = (a: Truth, b: Truth, eng: Truth): Known => [
      [onCall('a'), fact(a, { endsAt: end('05:00') })],
      [onCall('b'), fact(b, { endsAt: end('04:50') })],
      [member('eng'), fact(eng)],
    ];
    const asked = { forMs: 12 * hour };

    it('is the latest of those that hold, each with its own grace', () => {
      expect(ask(both, facts(true, false, false), { asked }).expiresAt).toBe(end('05:15'));
      expect(ask(both, facts(true, true, false), { asked })).toMatchObject({
        expiresAt: end('05:20'),
        limitedBecause: 'your shift ends 2026-11-22T04:50:00Z, plus 30 min',
      });
      expect(ask(both, facts(true, true, true), { asked }).expiresAt).toBe(end('15:00'));
    });

    it('is asked again by the sweep only where each of them ends with something', () => {
      expect(ask(both, facts(true, true, 'unknown'), { asked }).endsWith.map(({ name }) => name)).toEqual(['db.allow[0]', 'db.allow[1]']);
      expect(ask(both, facts(true, true, true), { asked }).endsWith).toEqual([]);
      expect(ask(both, facts(true, true, true), { asked }).heldBy).toHaveLength(3);
    });
  });

  it('of shifts that must all hold is the earliest of them, of any the latest', () => {
    const facts: Known = [
      [onCall('a'), fact(true, { endsAt: end('05:00') })],
      [onCall('b'), fact(true, { endsAt: end('04:00') })],
      [onCall('c'), fact(false)],
    ];
    const asked = { until: 'shift' as const };
    expect(ask(roleOf('allow: [ { all: [ { onCall: file/a }, { onCall: file/b } ], until: shift } ]'), facts, { asked }).expiresAt).toBe(
      end('04:15'),
    );
    expect(ask(roleOf('allow: [ { onCall: [ file/a, file/b, file/c ], until: shift } ]'), facts, { asked }).expiresAt).toBe(end('05:15'));
  });

  it('of a shift that nobody told the end of is no reason to let anybody in', () => {
    const decision = ask(shift, [[onCall('db'), fact(true)]]);
    expect(summary(decision)).toBe('deny? allow:unknown');
    expect(decision.findings[0]?.because).toContain('not known until when');
  });

  it('is that of the shift where the person asks for it and the rule does not', () => {
    const free = roleOf('allow: [ { onCall: file/db } ]\nttl: { max: 12h }');
    expect(ask(free, until(end('05:45')), { asked: { until: 'shift' } }).expiresAt).toBe(end('06:00'));
    expect(ask(free, until(end('05:45')), { asked: { forMs: 12 * hour } }).expiresAt).toBe(end('15:00'));
  });

  it('cannot be moved beyond the maximum, counted from the first start', () => {
    const startedAt = now - 5 * hour;
    expect(ask(plain, isMember, { startedAt, asked: { forMs: 4 * hour } })).toMatchObject({
      expiresAt: end('04:00'),
      limitedBy: 'max',
      limitedBecause: '6 h is the most that db is given for, counted from its first start',
    });
    const over = ask(plain, isMember, { startedAt: now - 6 * hour });
    expect(over).toMatchObject({ outcome: 'deny', undecided: false, heldBy: [], approvers: [] });
    expect(over.findings.at(-1)).toMatchObject({ rule: 'db.ttl', because: expect.stringContaining('had it for 6 h') });
    expect(over).not.toHaveProperty('expiresAt');
  });

  it.each<[string, Known, Asked, string]>([
    ['an instant that has passed', until(end('06:00')), { untilMs: now }, 'has passed already'],
    ['a shift that ended before its grace', until(end('02:45')), { byDefault: true }, 'ended already'],
  ])('in the past is a refusal: %s', (_, facts, asked, because) => {
    const decision = ask(shift, facts, { asked });
    expect(decision).toMatchObject({ outcome: 'deny', heldBy: [], endsWith: [] });
    expect(decision.findings.at(-1)).toMatchObject({ holds: true, because: expect.stringContaining(because), change: expect.any(String) });
  });

  it('of what an approver is asked for follows the same rules', () => {
    const role = roleOf(`ask: [ { onCall: file/db, until: shift } ]\n${approvers}\nttl: { max: 6h }`);
    const decision = ask(role, until(end('03:45')), { asked: { forMs: 4 * hour } });
    expect(decision).toMatchObject({ outcome: 'ask', expiresAt: end('04:00'), limitedBy: 'shift', heldBy: ['db.ask[0]'] });
    expect(decision.endsWith.map(({ name }) => name)).toEqual(['db.ask[0]']);
    const unknown = ask(role, [], { asked: { forMs: 4 * hour } });
    expect(unknown).toMatchObject({ outcome: 'ask', undecided: true, expiresAt: end('07:00'), endsWith: [] });
  });

  it('moves with the clock when the same question is decided at approval', () => {
    const role = roleOf(`ask: [ { member: local/eng } ]\n${approvers}`);
    const asked = { forMs: 2 * hour };
    expect(ask(role, isMember, { asked }).expiresAt).toBe(end('05:00'));
    expect(ask(role, isMember, { asked, now: now + 30 * minute }).expiresAt).toBe(end('05:30'));
    expect(ask(role, [[member('eng'), fact(false)]], { asked, now: now + 30 * minute }).outcome).toBe('deny');
  });
});

describe('an incident', () => {
  const known = (...selfMade: boolean[]): Known => [
    [incident, fact(true, { incidents: selfMade.map((self, i) => ({ ref: `INC-${i}`, selfMade: self })) })],
  ];
  const role = (selfMade: string, more = '') =>
    roleOf(`allow: [ { incident: file, anyIncident: true, until: incident${selfMade} } ]\n${approvers}${more}`);

  it.each<[string, string, Known, string]>([
    ['of somebody else', '', known(false), 'allow allow:true'],
    ['of somebody else beside an own one', '', known(true, false), 'allow allow:true'],
    ['of their own is a question', '', known(true), 'ask ask:true'],
    ['of their own is nothing where the file says deny', ', selfMade: deny', known(true), 'deny allow:false'],
    ['of their own counts where the file says allow', ', selfMade: allow', known(true), 'allow allow:true'],
    ['that nobody lists counts as their own', '', [[incident, fact(true)]], 'ask ask:true'],
    ['that is over', '', [[incident, fact(false)]], 'deny allow:false'],
    ['nobody could be asked about', '', [], 'ask? allow:unknown'],
  ])('%s', (_, selfMade, facts, expected) => {
    expect(summary(ask(role(selfMade), facts))).toBe(expected);
  });

  it('of their own is refused where nobody could say yes', () => {
    const lone = { ...role(''), approvers: [] };
    expect(ask(lone, known(true))).toMatchObject({ outcome: 'deny', undecided: false });
  });

  it('of their own does not outweigh another rule that holds', () => {
    const two = roleOf(`allow: [ { incident: file, anyIncident: true }, { onCall: file/db } ]\n${approvers}`);
    expect(summary(ask(two, [...known(true), [onCall('db'), fact(true, { endsAt: null })]]))).toBe('allow ask:true allow:true');
  });

  it('is asked again by the sweep, whether it was allowed or approved', () => {
    expect(ask(role(''), known(false))).toMatchObject({ heldBy: ['db.allow[0]'], endsWith: [{ name: 'db.allow[0]' }] });
    expect(ask(role(''), known(true))).toMatchObject({ heldBy: ['db.allow[0]'], endsWith: [{ name: 'db.allow[0]' }] });
  });

  it('of their own never helps by standing behind a not', () => {
    const negated = roleOf(`allow: [ { not: { incident: file, anyIncident: true } } ]\n${approvers}`);
    expect(summary(ask(negated, known(true)))).toBe('deny allow:false');
    const denied = roleOf(`allow: [ { member: local/eng } ]\ndeny: [ { incident: file, anyIncident: true } ]\n${approvers}`);
    expect(summary(ask(denied, [...known(true), [member('eng'), fact(true)]]))).toBe('deny deny:true allow:true');
  });

  it('until which somebody asks ends by the sweep, and with the maximum at the latest', () => {
    expect(ask(role(''), known(false), { asked: { until: 'incident' } })).toMatchObject({ expiresAt: now + 12 * hour, limitedBy: 'max' });
  });
});

describe('sessions', () => {
  const role = { ...roleOf(`allow: [ { onCall: file/db } ]\nask: [ { member: local/eng } ]\n${approvers}`), endsSessionsIn: ['okta'] };

  it.each([
    ['allowed', onCall('db'), ['okta']],
    ['asked for', member('eng'), ['okta']],
    ['denied', member('nobody'), undefined],
  ])('end where the role says so and it is %s', (_, condition, expected) => {
    const known: Known = [
      [onCall('db'), fact(false)],
      [member('eng'), fact(false)],
      [condition, fact(true)],
    ];
    expect(ask(role, known).endsSessionsIn).toEqual(expected);
    expect(ask({ ...role, endsSessionsIn: [] }, [[condition, fact(true)]])).not.toHaveProperty('endsSessionsIn');
  });
});
