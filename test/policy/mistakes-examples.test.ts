/** One slip in a policy of the examples lets the wrong person in, or for too long, or keeps the right one out: `policy check` tells it, or a case of the tests beside it. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { fakeIo } from '../fakes/io.ts';

const examples = resolve(import.meta.dirname, '../../examples');
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-mistakes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Mistake = {
  readonly example: string;
  readonly mistake: string;
  /** The first is in the policy once, and gives way to the second. */
  readonly change: readonly [string, string];
  /** What `policy check` says; where it is a fault, nothing is tried. */
  readonly check?: readonly string[];
  /** What cases have found instead of what they expect, among what follows from it. */
  readonly test?: readonly string[];
};

const wasDenied = 'outcome: expected deny, found allow';
const wasAsked = 'outcome: expected ask, found allow';
const onCall = '{ onCall: file/db-primary, until: shift }';
const emergency = `    breakGlass: # the roster is down, and nobody answers
      when: [{ member: local/engineering }]
      ttl: { default: 1h, max: 2h }
      review: { by: [{ member: local/engineering-leads }], within: 72h }
`;
const grave = 'severities: [major, critical]';

const mistakes: readonly Mistake[] = [
  {
    example: '1-standing',
    mistake: 'one more on the list',
    change: ['      sam@example.com:', '      eve@example.com: knows sam\n      sam@example.com:'],
    test: ['in: expected maria@example.com and sam@example.com, found eve@example.com and maria@example.com and sam@example.com'],
  },
  {
    example: '1-standing',
    mistake: 'no day on which somebody looks at the list',
    change: ['    review: 2027-01-31', '    # review: 2027-01-31'],
    check: ['error standing-without-review'],
  },
  {
    example: '2-rotation',
    mistake: 'no overlap',
    change: ['    overlap: 30m', '    # overlap: 30m'],
    test: [
      'in: expected maria@example.com and sam@example.com, found maria@example.com',
      'in: expected maria@example.com and sam@example.com, found sam@example.com',
    ],
  },
  {
    example: '3-twelve-hours',
    mistake: 'any schedule',
    change: [onCall, '{ onCall: file, until: shift }'],
    check: ['warning any-schedule'],
    test: [wasDenied],
  },
  { example: '3-twelve-hours', mistake: 'any incident, in so many words', change: [grave, 'anyIncident: true'], test: [wasAsked] },
  { example: '3-twelve-hours', mistake: 'any incident', change: [`, ${grave}`, ''], check: ['error unfiltered-incident'] },
  { example: '3-twelve-hours', mistake: 'small incidents too', change: [grave, 'severities: [minor, major, critical]'], test: [wasAsked] },
  {
    example: '3-twelve-hours',
    mistake: 'access that outlives the incident',
    change: [`${grave}, until: incident`, grave],
    test: ['endsWith: expected incident, found nothing'],
  },
  {
    example: '3-twelve-hours',
    mistake: 'access that outlives the shift',
    change: [onCall, '{ onCall: file/db-primary }'],
    test: ['end: expected 20h15m (2026-11-22T23:15:00Z), found 24h (2026-11-23T03:00:00Z)', 'limitedBy: expected shift, found nothing'],
  },
  {
    example: '3-twelve-hours',
    mistake: 'incidents that people open themselves',
    change: [grave, `${grave}, selfMade: allow`],
    check: ['warning self-made'],
    test: [wasAsked],
  },
  {
    example: '3-twelve-hours',
    mistake: 'an emergency for a day',
    change: ['ttl: { default: 1h, max: 2h }', 'ttl: { default: 1h, max: 24h }'],
    test: ['end: expected 2h (2026-11-22T05:00:00Z), found 12h (2026-11-22T15:00:00Z)', 'limitedBy: expected max, found nothing'],
  },
  {
    example: '3-twelve-hours',
    mistake: 'an emergency that is longer than anything somebody says yes to',
    change: ['ttl: { default: 1h, max: 2h }', 'ttl: { default: 1h, max: 48h }'],
    check: ['warning break-glass-long'],
    test: ['end: expected 2h (2026-11-22T05:00:00Z), found 12h (2026-11-22T15:00:00Z)', 'limitedBy: expected max, found nothing'],
  },
  {
    example: '3-twelve-hours',
    mistake: 'an emergency for everybody',
    change: ['when: [{ member: local/engineering }]', 'when: [{ not: { user: eve@example.com } }]'],
    check: ['warning everybody'],
    test: [wasDenied],
  },
  {
    example: '3-twelve-hours',
    mistake: 'no way in for emergencies',
    change: [emergency, ''],
    test: ['outcome: expected allow, found deny'],
  },
  {
    example: '3-twelve-hours',
    mistake: 'a way in where a source is down',
    change: ['    ask:\n', '    whenUnknown: allow\n    ask:\n'],
    check: ['error bad-value'],
  },
  {
    example: '3-twelve-hours',
    mistake: 'nobody to ask where a source is down',
    change: ['    ask:\n', '    whenUnknown: deny\n    ask:\n'],
    test: ['outcome: expected ask, found deny'],
  },
  {
    example: '3-twelve-hours',
    mistake: 'a refusal that nobody gets past where a roster is down',
    change: ['    ask:\n', '    deny: [{ onCall: file/on-leave }]\n    ask:\n'],
    check: ['warning break-glass-roster'],
    test: ['outcome: expected allow, found deny', 'outcome: expected ask, found deny'],
  },
  {
    example: '4-task-roles',
    mistake: 'one yes in place of two',
    change: ['    quorum: 2', '    # quorum: 2'],
    test: ['quorum: expected 2, found 1'],
  },
  { example: '4-task-roles', mistake: 'those let in who were taken out', change: [', not: engineers', ''], test: [wasAsked] },
  {
    example: '4-task-roles',
    mistake: 'on call for anything',
    change: [`allow: [${onCall}]`, 'allow: [on-call]'],
    test: [
      wasAsked,
      'end: expected 2h15m (2026-11-22T05:15:00Z), found 4h (2026-11-22T07:00:00Z)',
      'limitedBy: expected shift, found nothing',
    ],
  },
  {
    example: '4-task-roles',
    mistake: 'approvers who are everybody in engineering',
    change: ['approvers: [leads]', 'approvers: [leads, engineers]'],
    test: [
      'approvers: expected ana@example.com and kim@example.com, found ana@example.com and kim@example.com and maria@example.com',
      'approvers: expected ana@example.com and kim@example.com, found ana@example.com and kim@example.com and sam@example.com',
    ],
  },
  {
    example: '5-semaphore',
    mistake: 'two at once',
    change: ['maxHolders: 1', 'maxHolders: 2'],
    test: ['maxHolders: expected 1, found 2'],
  },
  {
    example: '5-semaphore',
    mistake: 'as many as like at once',
    change: ['    maxHolders: 1\n    offerFor: 10m', '    # offerFor: 10m'],
    test: ['maxHolders: expected 1, found no limit'],
  },
  {
    example: '5-semaphore',
    mistake: 'places that nobody could count',
    change: [', exclusive: [migrators]', ''],
    check: ['error not-exclusive'],
  },
  { example: 'rosters', mistake: 'any level', change: [', levels: [1]', ''], test: [wasDenied] },
  { example: 'rosters', mistake: 'no level', change: ['levels: [1]', 'levels: []'], check: ['error empty-list'] },
];

describe('a slip in the policy of', () => {
  it.each(mistakes)('$example is caught: $mistake', async ({ example, change: [from, to], check = [], test = [] }) => {
    const read = (name: string): string => readFileSync(join(examples, example, name), 'utf8');
    const policy = join(folder, 'oncall.yaml');
    const run = async (what: string) => {
      const io = fakeIo();
      const env = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder };
      const exit = await main(['policy', what, '--policy', policy], env, io);
      return { exit, lines: io.out().split('\n') };
    };
    const found = (lines: readonly string[], form: RegExp) => [...new Set(lines.flatMap((line) => form.exec(line)?.[1] ?? []))];
    const right = read('oncall.yaml');
    expect(right.split(from)).toHaveLength(2);
    writeFileSync(join(folder, 'oncall.test.yaml'), read('oncall.test.yaml'));

    writeFileSync(policy, right, { mode: 0o600 });
    expect([(await run('check')).exit, (await run('test')).exit]).toEqual([0, 0]);

    writeFileSync(policy, right.replace(from, to));
    const [checked, tried] = [await run('check'), await run('test')];
    expect(found(checked.lines, /^\S+:\d+:\d+ ((?:error|warning) [a-z-]+) /).sort()).toEqual([...check].sort());
    const differences = found(tried.lines, /^ {2}(\w+: expected .*)$/);
    expect(differences).toEqual(test.length === 0 ? [] : expect.arrayContaining([...test]));
    const isFaulty = check.some((one) => one.startsWith('error'));
    expect([checked.exit, tried.exit]).toEqual([isFaulty ? 1 : 0, isFaulty ? 2 : test.length > 0 ? 1 : 0]);
    expect(check.length + test.length).toBeGreaterThan(0);
  });
});
