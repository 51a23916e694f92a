/** `audit list --csv`: what a spreadsheet reads is what was recorded, and a spreadsheet runs nothing of it. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { accessCsv } from '../../src/commands/access-csv.ts';
import type { Access } from '../../src/lifecycle/accesses.ts';
import type { AccessInput } from '../../src/operations/audit-types.ts';
import type { Operations } from '../../src/operations/types.ts';
import { parseCsv } from '../fakes/csv.ts';
import { fakeIo, noon } from '../fakes/io.ts';
import { fakeWiring } from '../fakes/operations.ts';

const hour = 3_600_000;
const access = (over: Partial<Access> = {}): Access => ({
  seq: 7,
  requestId: 'k7m2xq',
  origin: 'asked',
  holder: 'maria@acme.dev',
  role: 'db-admin',
  target: { directory: 'okta', group: 'On-Call Database Admin' },
  reason: 'page 4711',
  findings: [
    {
      ...{
        rule: 'db-admin.allow[0]',
        effect: 'allow',
        holds: true,
        because: 'on call for "Database Primary"',
        source: 'PagerDuty',
        fetchedAt: noon,
      },
      evidence: [
        { kind: 'shift', roster: 'pagerduty', schedule: 'Database Primary', level: 1, startsAt: noon - hour, endsAt: noon + hour },
      ],
    },
  ],
  approvers: ['ana@acme.dev', 'bo@acme.dev'],
  askedAt: noon - 60_000,
  beganAt: noon,
  plannedEnd: noon + hour,
  endedAt: noon + hour + 1500,
  how: 'expired',
  endedBy: 'sweep',
  ...over,
});

const roles = ['db-admin', 'web'].map((name) => ({ name, targets: [], ttl: { defaultMs: hour, maxMs: hour }, rules: [] }));

async function run(argv: readonly string[], pages: readonly (readonly Access[])[] = [[access()]]) {
  const io = fakeIo();
  const left = [...pages];
  const answers: Partial<Operations> = {
    accesses: async ({ after = 0 }: AccessInput) => ({ accesses: left.shift() ?? [], ...(left.length > 0 ? { more: after + 1 } : {}) }),
    audit: async () => [],
    roles: async () => roles,
  };
  const wiring = fakeWiring(answers);
  const exit = await main(['audit', 'list', ...argv], {}, io, wiring);
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls };
}

/** The one access as an object by the titles. */
async function told(over: Partial<Access>): Promise<Record<string, string | undefined>> {
  const { out, err } = await run(['--csv'], [[access(over)]]);
  expect(err).toBe('');
  const [titles = [], cells = [], ...more] = parseCsv(out);
  expect([cells.length, more]).toEqual([titles.length, []]);
  return Object.fromEntries(titles.map((title, index) => [title, cells[index]]));
}

describe('a line', () => {
  it('has who, why, who said yes, and both ends, in UTC', async () => {
    expect(await told({})).toEqual({
      id: 'k7m2xq',
      who: 'maria@acme.dev',
      role: 'db-admin',
      directory: 'okta',
      group: 'On-Call Database Admin',
      origin: 'asked',
      rules: 'db-admin.allow[0]',
      reason: 'page 4711',
      facts:
        'on call for "Database Primary" (PagerDuty, 2026-11-22T12:00:00Z); pagerduty/"Database Primary" level 1 2026-11-22T11:00:00Z to 2026-11-22T13:00:00Z',
      approvers: 'ana@acme.dev; bo@acme.dev',
      asked: '2026-11-22T11:59:00Z',
      began: '2026-11-22T12:00:00Z',
      was_in_before: '',
      planned_end: '2026-11-22T13:00:00Z',
      actual_end: '2026-11-22T13:00:01.500Z',
      how_ended: 'expired',
      ended_by: 'sweep',
      why_ended: '',
      review_due: '',
      reviewed: '',
      reviewed_by: '',
      review_says: '',
    });
  });

  it('has who looked at an emergency, in columns at the end, as spreadsheets count them', async () => {
    const line = await told({ review: { dueAt: noon + 72 * hour, at: noon + 2 * hour, by: 'boss@acme.dev', reason: 'was needed' } });
    expect(Object.entries(line).slice(-4)).toEqual([
      ['review_due', '2026-11-25T12:00:00Z'],
      ['reviewed', '2026-11-22T14:00:00Z'],
      ['reviewed_by', 'boss@acme.dev'],
      ['review_says', 'was needed'],
    ]);
  });

  const standing = { origin: 'standing', reason: 'owns the platform', plannedEnd: noon + 7 * 24 * hour } as const;
  const dueAt = Date.parse('2027-02-01T00:00:00Z');

  it.each([
    ['alert', ''],
    ['end', '2027-02-01T00:00:00Z'],
  ] as const)('of standing access has the review as when it ends only where a missed one ends it: %s', async (ifMissed, end) => {
    const { endedAt: _, how: __, endedBy: ___, ...open } = access({ ...standing, review: { dueAt, ifMissed } });
    const line = await told({ ...open, endedAt: undefined, how: undefined, endedBy: undefined } as never);
    expect([line.planned_end, line.review_due, line.reviewed, line.review_says]).toEqual([end, '2027-02-01T00:00:00Z', '', '']);
  });

  it('has when the review of standing access was moved on, from which day and by which policy', async () => {
    const moved = { from: Date.parse('2026-12-01T00:00:00Z'), policyDigest: 'ab12' };
    const line = await told({ ...standing, review: { dueAt, ifMissed: 'alert', at: noon, moved } });
    expect([line.reviewed, line.reviewed_by, line.review_says]).toEqual([
      '2026-11-22T12:00:00Z',
      '',
      'moved from 2026-11-30 to 2027-01-31, by the policy with SHA-256 ab12',
    ]);
  });

  it.each<[string, Partial<Access>, string, string]>([
    ['its time is up', {}, 'expired', ''],
    ['what it rested on is over', { because: 'no longer on call for pagerduty/PDB' }, 'reason-over', 'no longer on call for pagerduty/PDB'],
    ['it is given back', { how: 'released', because: 'done' }, 'released', 'done'],
    ['nobody is named any more', { ...standing, how: 'revoked', because: 'no longer named' }, 'revoked', 'no longer named'],
    [
      'its review was missed',
      { ...standing, plannedEnd: dueAt, review: { dueAt, ifMissed: 'end' } },
      'review-missed',
      'the review of 2027-01-31 was missed',
    ],
    [
      'it is to end after all with a review that was missed',
      { ...standing, review: { dueAt, ifMissed: 'alert' }, because: 'the review of 2027-01-31 was missed' },
      'review-missed',
      'the review of 2027-01-31 was missed',
    ],
    [
      'no sweep has come for a week',
      { ...standing, review: { dueAt, ifMissed: 'end' } },
      'not-renewed',
      'for a week no sweep could say that the policy still names them',
    ],
  ])('says how it ended, and why, where %s', async (_, over, how, because) => {
    const line = await told(over);
    expect([line.how_ended, line.why_ended]).toEqual([how, because]);
  });

  it('leaves empty what is not known, and tells an incident with who made it', async () => {
    const { reason: _, endedAt: __, how: ___, endedBy: ____, ...open } = access();
    const incident = {
      kind: 'incident',
      roster: 'pd',
      ref: 'INC-42',
      title: 'db, down',
      severities: [],
      openedBy: 'sam@acme.dev',
    } as const;
    const line = await told({
      ...open,
      reason: '',
      endedAt: undefined,
      findings: [{ rule: 'r', effect: 'allow', holds: true, because: 'assigned', evidence: [incident] }],
    } as never);
    expect([line.reason, line.actual_end, line.facts]).toEqual(['', '', 'assigned; pd/INC-42 "db, down", opened by sam@acme.dev']);
  });

  it.each<[string, string]>([
    ['=HYPERLINK("http://evil.example","x")', `'=HYPERLINK("http://evil.example","x")`],
    ['+1+1', "'+1+1"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1+1', " '=1+1"],
    ['\r=1+1', " '=1+1"],
    ['\u0000=1+1', "'=1+1"],
    ['\u202e=1+1', "'=1+1"],
    ['  =1+1', "  '=1+1"],
    ['\uff1d1+1', "'\uff1d1+1"],
    ['page 4711;=cmd|calc', "page 4711;'=cmd|calc"],
    ['page; -1', "page; '-1"],
    ['page;"=1+1', `page;"'=1+1`],
    ['"=1+1', `"'=1+1`],
    ['a "quoted" word, and a comma', 'a "quoted" word, and a comma'],
    ['two\r\nlines', 'two lines'],
    ['red\u001b[31m alert\u0007', 'red alert'],
    ["'=1+1", "'=1+1"],
    ['12:00 - 13:00 = fine', '12:00 - 13:00 = fine'],
  ])('runs nothing, and keeps what was written: %j', async (written, read) => {
    expect((await told({ reason: written })).reason).toBe(read);
  });

  it.each(['holder', 'role', 'because', 'endedBy'] as const)('runs nothing in any other cell: %s', async (key) => {
    const cells = Object.values(await told({ [key]: '=1+1' }));
    expect(cells).toContain("'=1+1");
    expect(cells).not.toContain('=1+1');
  });

  it('has no control characters even of what was not made safe for a terminal before', () => {
    expect(accessCsv([access({ reason: 'a\u0007\u001b[31m\u202eb\r\nc' })]).split('\r\n')[1]).toContain(',ab c,');
  });

  it('runs nothing of a group, a rule, a fact or an approver either', async () => {
    const bad = '=1+1';
    const line = await told({
      target: { directory: bad, group: bad },
      approvers: [bad],
      findings: [{ rule: bad, effect: 'allow', holds: true, because: bad, evidence: [{ kind: 'shift', roster: bad, schedule: bad }] }],
    });
    expect(Object.values(line).filter((one) => one?.startsWith('='))).toEqual([]);
    expect(line.facts).toBe(`'=1+1; '=1+1/"=1+1"`);
  });
});

describe('--csv', () => {
  it('is only the titles where there is nothing, and every line ends with CR LF', async () => {
    const { out, exit } = await run(['--csv'], [[]]);
    expect([exit, parseCsv(out).length]).toEqual([0, 1]);
    expect(out.endsWith('\r\n')).toBe(true);
    expect((await run(['--csv', '--quiet'])).out).toBe((await run(['--csv'])).out);
  });

  it.each([
    [
      ['--role', 'nope'],
      'no access of role nope is in what you may read of the trail; the policy has no such role, its roles: db-admin, web\n',
    ],
    [
      ['--role', 'db-admn'],
      'no access of role db-admn is in what you may read of the trail; the policy has no such role, did you mean "db-admin"?\n',
    ],
    [['--role', 'web'], 'no access of role web is in what you may read of the trail\n'],
    [
      ['--user', 'Nobody@acme.dev', '--since', '7d'],
      'no access about nobody@acme.dev is in what you may read of the trail, of that time\n',
    ],
    [[], ''],
  ])('says of a name that leaves nothing so beside the titles: %j', async (flags, told) => {
    const { out, err, exit } = await run(['--csv', ...flags], [[]]);
    expect([exit, parseCsv(out).length, err.replace(/\n +/g, ' ')]).toEqual([0, 1, told]);
    expect((await run(['--csv', ...flags])).err).toBe('');
  });

  it('is not all that says so: the plain list does, and beside its document, too', async () => {
    const told = 'no event of role nope is in what you may read of the trail; the policy has no such role, its roles: db-admin, web';
    expect((await run(['--role', 'nope'])).out).toBe(`${told}\n`);
    const { out, err } = await run(['--role', 'nope', '--json']);
    expect([JSON.parse(out).events, err.replace(/\n +/g, ' ')]).toEqual([[], `${told}\n`]);
    expect((await run([])).out).toBe('nothing that you may read has happened yet\n');
  });

  it('asks page by page for everything', async () => {
    const { out, calls } = await run(['--csv'], [[access()], [access({ requestId: 'second' })]]);
    expect(parseCsv(out).map(([id]) => id)).toEqual(['id', 'k7m2xq', 'second']);
    expect(calls.map(({ verb, input }) => [verb, (input as AccessInput).after])).toEqual([
      ['accesses', 0],
      ['accesses', 1],
    ]);
  });

  it.each<[readonly string[], object]>([
    [['--since', '2026-10-01'], { since: Date.parse('2026-10-01T00:00:00Z') }],
    [['--until', '2026-10-31'], { until: Date.parse('2026-11-01T00:00:00Z') }],
    [['--since', '2026-10-01T12:00+02:00'], { since: Date.parse('2026-10-01T10:00:00Z') }],
    [['--since', '30d'], { since: noon - 30 * 24 * hour }],
    [['--user', 'maria@acme.dev', '--role', 'db-admin'], { user: 'maria@acme.dev', role: 'db-admin' }],
  ])('takes %j, as the plain list does', async (flags, asked) => {
    for (const [verb, argv] of [
      ['accesses', ['--csv', ...flags]],
      ['audit', flags],
    ] as const) {
      const { calls, exit } = await run(argv, []);
      expect([exit, calls[0]?.verb]).toEqual([0, verb]);
      expect(calls[0]?.input).toMatchObject(asked);
    }
  });

  it.each([
    ['--csv', '--json'],
    ['--csv', 'k7m2xq'],
    ['--csv', '--limit', '5'],
    ['--since', 'yesterday'],
    ['--since', '2026-02-30'],
    ['--until', '2026-10-01', '--since', '2026-10-02'],
    ['--user', 'maria'],
  ])('is refused with %j %j', async (...argv) => {
    const { exit, calls } = await run(argv, []);
    expect([exit, calls]).toEqual([2, []]);
  });
});
