import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { OncallError } from '../../src/errors.ts';
import type { GrantView } from '../../src/lifecycle/types.ts';
import type { ExplainInput, ExplainResult, Operations } from '../../src/operations/types.ts';
import type { Issue } from '../../src/policy/issue.ts';
import type { Finding } from '../../src/policy/types.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { fakeIo, noon } from '../fakes/io.ts';
import {
  aDecision,
  aGrant,
  aGranted,
  ana,
  aPending,
  aRequest,
  aWaiting,
  awsTarget,
  fakeWiring,
  hour,
  minute,
  oktaTarget,
} from '../fakes/operations.ts';

async function run(argv: string[], answers: Partial<Operations>, { io = fakeIo(), issues = [] as Issue[] } = {}) {
  const wiring = fakeWiring(answers, issues);
  const exit = await main(['--utc', '--no-color', ...argv], {}, io, wiring);
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls };
}
const verbs = ({ calls }: { calls: { verb: string }[] }) => calls.map(({ verb }) => verb);
/** Out: a removal that was confirmed leaves nothing that is ours. */
const outOf = ({ owned: _, ...grant }: GrantView): GrantView => grant;
const endedGrant = (changes = {}) => outOf(aGrant(oktaTarget, { state: 'ended', endReason: 'released', ...changes }));

describe('release', () => {
  it('says what one is out of, and what stays from before', async () => {
    const grants = [endedGrant(), aGrant(awsTarget, { state: 'ended', owned: false })];
    const { exit, out } = await run(['release', 'db-admin'], { release: async () => ({ request: aRequest(), grants, ended: 1, left: 0 }) });
    expect(exit).toBe(0);
    expect(out).toBe(
      'k7m2xq  db-admin given back: out of okta/On-Call Database Admin; still in aws-prod/db-admins, as before the request\n',
    );
  });

  it('exits 1 while a removal is not confirmed, and calls nothing given back that is not', async () => {
    const grants = [endedGrant(), aGrant(awsTarget, { state: 'revoking', lastError: 'IAM did not answer' })];
    const { exit, out, err } = await run(['release', 'db-admin'], {
      release: async () => ({ request: aRequest(), grants, ended: 1, left: 1 }),
    });
    expect([exit, out]).toEqual([1, 'k7m2xq  db-admin: out of okta/On-Call Database Admin\n']);
    expect(err).toContain('error: not out yet: maria@acme.dev in aws-prod/db-admins');
    expect(err).toContain('why:  IAM did not answer');
  });

  it('says of who is out, but still signed in, that it is so, and what an admin has to do', async () => {
    const lastError =
      'maria@acme.dev is out of On-Call Database Admin, but still signed in: okta does not let these credentials end sessions';
    const next = 'grant the app the scope okta.users.manage';
    const grants = [outOf(aGrant(oktaTarget, { state: 'revoking', lastError, next }))];
    const left = { request: aRequest(), grants, ended: 0, left: 1 };
    const { exit, out, err } = await run(['release', 'db-admin'], { release: async () => left });
    expect([exit, out]).toEqual([1, 'k7m2xq  db-admin: out of okta/On-Call Database Admin\n']);
    expect(err).toBe(
      'error: out of every group, but not signed out of okta yet: maria@acme.dev\n' +
        `  why:  ${lastError}\n  next: ${next}\n        the sweep tries again until it is confirmed; watch it with: oncall status\n`,
    );
    const both = { ...left, grants: [...grants, aGrant(awsTarget, { state: 'revoking', lastError: 'no answer' })], left: 2 };
    expect((await run(['release', 'db-admin'], { release: async () => both })).err).toContain(
      'error: not out yet: maria@acme.dev in aws-prod/db-admins; out, but not signed out of okta yet: maria@acme.dev\n',
    );
  });

  it('calls nobody out who is in by another request', async () => {
    const grants = [aGrant(oktaTarget, { state: 'ended', endReason: 'released' })];
    const { out } = await run(['release', 'db-admin'], { release: async () => ({ request: aRequest(), grants, ended: 1, left: 0 }) });
    expect(out).toBe('k7m2xq  db-admin given back: still in okta/On-Call Database Admin by another request\n');
  });

  it('breaks no word at 80 columns', async () => {
    const grants = [endedGrant(), aGrant(awsTarget, { state: 'ended', owned: false })];
    const io = fakeIo({ tty: true, width: 80 });
    const { out } = await run(
      ['release', 'db-admin'],
      { release: async () => ({ request: aRequest(), grants, ended: 1, left: 0 }) },
      { io },
    );
    for (const line of out.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
    expect(out.replaceAll(/\n +/g, ' ')).toContain('still in aws-prod/db-admins, as before the request');
  });

  it('prints no success at all where the one target is not confirmed', async () => {
    const grants = [aGrant(oktaTarget, { state: 'revoking', lastError: 'okta did not answer' })];
    const left = { request: aRequest(), requests: [aRequest()], grants, ended: 0, left: 1 };
    for (const argv of [
      ['release', 'db-admin'],
      ['revoke', 'k7m2xq'],
    ]) {
      const { exit, out, err } = await run(argv, { release: async () => left, revoke: async () => left });
      expect([exit, out]).toEqual([1, '']);
      expect(err).toContain('error: not out yet: maria@acme.dev in okta/On-Call Database Admin');
    }
  });

  it.each([
    [{ expiresAt: noon - minute }, 'k7m2xq  db-admin has ended already (its time was up 11:59:00Z): nothing of it is left\n'],
    [{}, 'k7m2xq  db-admin has ended already: nothing of it is left\n'],
    [{ state: 'expired' as const }, 'k7m2xq  db-admin is expired already: there is nothing to give back\n'],
  ])('says of what is over that it is over: %j', async (changes, text) => {
    const over = { request: aRequest(changes), grants: [], ended: 0, left: 0 };
    const { exit, out } = await run(['release', 'k7m2xq'], { release: async () => over });
    expect([exit, out]).toEqual([0, text]);
  });

  it('is done where there is nothing to give back', async () => {
    const nothing = { release: async () => ({ grants: [], ended: 0, left: 0 }) };
    expect(await run(['release', 'db-admin'], nothing)).toMatchObject({ exit: 0, out: 'you do not have db-admin now\n', err: '' });
    expect(JSON.parse((await run(['release', 'db-admin', '--json'], nothing)).out)).toMatchObject({ request: null, left: 0 });
  });

  it('takes a pending request back', async () => {
    const request = { ...aPending(), state: 'withdrawn' as const };
    const { out } = await run(['release', 'k7m2xq'], { release: async () => ({ request, grants: [], ended: 0, left: 0 }) });
    expect(out).toBe('k7m2xq  db-admin withdrawn\n');
  });
});

describe('login', () => {
  const person = {
    email: 'maria.silva-santos@subsidiary.acme.dev',
    issuer: 'https://acme.okta.com/oauth2/default',
    subject: '00u1',
    proof: 'issuer' as const,
    expiresAt: noon + 11 * minute,
    renewable: true,
  };
  const signIn = async () => ({
    login: async ({ say }: { say: (line: string) => void }) => {
      say('enter  ABCD-EFGH');
      say('Enter it only if you started this yourself, here and now: whoever sends you such a code wants to act as you.');
      return person;
    },
    logout: async () => [],
    whoami: async () => person,
  });
  const typed = async (command: string) => {
    const io = fakeIo({ tty: true, width: 80 });
    const exit = await main(['--utc', '--no-color', command], {}, io, { ...fakeWiring({}), signIn });
    return { exit, out: io.out(), err: io.err() };
  };

  it('says until when, that it goes on by itself, and breaks no word at 80 columns', async () => {
    const { exit, out, err } = await typed('login');
    expect(exit).toBe(0);
    expect(out.replaceAll(/\n +/g, ' ')).toBe(
      `signed in as ${person.email}, by ${person.issuer} until 12:11Z, 11 min, renewed by itself\n`,
    );
    for (const line of (out + err).split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
    expect(err).toBe(
      'enter  ABCD-EFGH\nEnter it only if you started this yourself, here and now: whoever sends you such\n  a code wants to act as you.\n',
    );
    expect((await typed('whoami')).out.split('\n').length).toBeGreaterThan(2);
  });
});

describe('approve', () => {
  const answers = (): Partial<Operations> => ({
    waiting: async () => aWaiting({ reason: 'replica\nlag', incident: 'INC-42' }),
    approve: async ({ id }) => {
      if (id === 'gone') throw new OncallError('unknown-request', 'there is no request "gone"', { exit: 2, next: 'oncall approve' });
      return aGranted();
    },
  });

  it('lists what waits for me, with all that a yes depends on', async () => {
    const { exit, out } = await run(['approve'], answers());
    expect(exit).toBe(0);
    expect(out.split('\n')).toEqual([
      'k7m2xq  db-admin for maria@acme.dev, waits until 13:00Z, 1 h',
      '  in:   okta/On-Call Database Admin, aws-prod/db-admins',
      '  for:  12 h from the yes on',
      '  says: INC-42: replica lag',
      '  yes  db-admin.allow[0]: on call for "Database Primary" (PagerDuty, 1 s ago)',
      '',
      'say yes: oncall approve <id>        say no: oncall deny <id> --reason "…"',
      '',
    ]);
  });

  it('breaks no command that is to be copied', async () => {
    const out = await run(['approve'], answers(), { io: fakeIo({ tty: true, width: 72 }) });
    expect(out.out).toContain('\nsay yes: oncall approve <id>\nsay no: oncall deny <id> --reason "…"\n');
  });

  it.each([
    [{ asked: { untilMs: noon + 2 * hour } }, 'until 14:00Z'],
    [{ asked: { until: 'incident' as const } }, 'until the incident ends'],
    [{ asked: { byDefault: true as const } }, '2 h 47 min from the yes on'],
    [{ decision: aDecision({ limitedBecause: 'your shift ends 05:45' }) }, '12 h from the yes on; but their shift ends 05:45'],
  ])('says for how long it is asked: %j', async (changes, length) => {
    const { out } = await run(['approve'], { waiting: async () => aWaiting(changes) });
    expect(out).toContain(`  for:  ${length}\n`);
  });

  it('leaves out the denies that do not hold, and nothing else', async () => {
    const finding = { rule: 'r', effect: 'deny' as const, because: 'on leave' };
    const list = async (holds: boolean | 'unknown') => {
      const decision = aDecision({ findings: [{ ...finding, holds }] });
      return (await run(['approve'], { waiting: async () => aWaiting({ decision }) })).out;
    };
    expect(await list(false)).not.toContain('on leave');
    expect(await list('unknown')).toContain('?    r: on leave');
  });

  it('prints what the request came to', async () => {
    const { exit, out, calls } = await run(['approve', 'k7m2xq', '--reason', 'ok'], answers());
    expect(exit).toBe(0);
    expect(out).toContain('k7m2xq  db-admin for maria@acme.dev until 14:47Z');
    expect(out).toContain('take away: oncall revoke k7m2xq');
    expect(calls).toEqual([{ verb: 'approve', input: { id: 'k7m2xq', reason: 'ok' } }]);
  });

  it('goes on with the others where one cannot be approved, and says which', async () => {
    const result = await run(['approve', 'gone', 'k7m2xq', 'k7m2xq', '--json'], answers());
    expect(result.exit).toBe(2);
    expect(verbs(result)).toEqual(['approve', 'approve']);
    expect(JSON.parse(result.out).results).toMatchObject([
      { id: 'gone', error: { code: 'unknown-request' } },
      { id: 'k7m2xq', request: { id: 'k7m2xq' } },
    ]);
    expect(result.err).toContain('error: 1 of 2 could not be approved: gone');
  });
});

describe('deny', () => {
  it('says who was denied', async () => {
    const result = await run(['deny', 'k7m2xq', '--reason', 'use the replica'], {
      deny: async () => ({ request: { ...aPending(), state: 'denied' }, grants: [], ended: 0, left: 0 }),
    });
    expect([result.exit, result.out]).toEqual([0, 'k7m2xq  db-admin for maria@acme.dev denied\n']);
    expect(result.calls).toEqual([{ verb: 'deny', input: { id: 'k7m2xq', reason: 'use the replica' } }]);
  });

  it.each([
    ['use the replica ', [], { id: 'k7m2xq', reason: 'use the replica' }],
    [' ', [], { id: 'k7m2xq' }],
    [undefined, ['--yes'], { id: 'k7m2xq' }],
    [undefined, ['--no-input'], { id: 'k7m2xq' }],
  ] as const)('asks on a terminal why, which may be left out: %j %j', async (written, more, input) => {
    const unexpected = () => Promise.reject(new Error('not expected'));
    const prompts = {
      input: async (message: string, check: (text: string) => string | undefined) => {
        if (written === undefined) throw new Error(`not expected: ${message}`);
        expect(check(written)).toBeUndefined();
        return written;
      },
      ...{ confirm: unexpected, select: unexpected, checkbox: unexpected },
    };
    const deny = async () => ({ request: { ...aPending(), state: 'denied' as const }, grants: [], ended: 0, left: 0 });
    const result = await run(['deny', 'k7m2xq', ...more], { deny }, { io: fakeIo({ tty: true, width: 200, prompts }) });
    const before = written === undefined ? [] : [{ verb: 'deny', input: { id: 'k7m2xq', dryRun: true } }];
    expect([result.exit, result.calls]).toEqual([0, [...before, { verb: 'deny', input }]]);
  });

  it('asks nobody for a reason who may not say no', async () => {
    const deny = async () => Promise.reject(new OncallError('forbidden', 'you may not deny k7m2xq', { exit: 3, next: 'ask' }));
    const unexpected = () => Promise.reject(new Error('not expected'));
    const prompts = { input: unexpected, confirm: unexpected, select: unexpected, checkbox: unexpected };
    const { exit, err } = await run(['deny', 'k7m2xq'], { deny }, { io: fakeIo({ tty: true, width: 200, prompts }) });
    expect([exit, err]).toEqual([3, expect.stringContaining('you may not deny k7m2xq')]);
  });
});

describe('revoke', () => {
  const answers: Partial<Operations> = {
    revoke: async () => ({ requests: [aRequest()], grants: [endedGrant({ endReason: 'revoked' })], ended: 1, left: 0 }),
  };
  const asked: string[] = [];
  const terminal = (yes: boolean) =>
    fakeIo({
      tty: true,
      width: 200,
      prompts: {
        confirm: async (message) => asked.push(message) > 0 && yes,
        select: () => Promise.reject(new Error('not expected')),
        checkbox: () => Promise.reject(new Error('not expected')),
        input: () => Promise.reject(new Error('not expected')),
      },
    });

  it('ends one request without asking', async () => {
    const result = await run(['revoke', 'k7m2xq', '--reason', 'over'], answers);
    expect([result.exit, result.out]).toEqual([0, 'k7m2xq  db-admin of maria@acme.dev revoked: out of okta/On-Call Database Admin\n']);
    expect(result.calls).toEqual([{ verb: 'revoke', input: { id: 'k7m2xq', reason: 'over' } }]);
  });

  it.each([[['--holder', 'maria@acme.dev']], [['--role', 'db-admin']], [['--all']]])('needs --yes off a terminal: %j', async (flags) => {
    const refused = await run(['revoke', ...flags], answers);
    expect([refused.exit, refused.calls]).toEqual([2, []]);
    expect(refused.err).toContain('needs --yes');
    expect(verbs(await run(['revoke', ...flags, '--yes'], answers))).toEqual(['revoke']);
  });

  it('asks on a terminal, with how many it would end', async () => {
    const result = await run(['revoke', '--holder', 'Maria@acme.dev'], answers, { io: terminal(true) });
    expect(result.calls.map(({ input }) => input)).toEqual([{ holder: 'Maria@acme.dev', dryRun: true }, { holder: 'Maria@acme.dev' }]);
    expect(asked.at(-1)).toBe('Revoke everything Maria@acme.dev has (1 request, 1 membership)?');
    expect(result.out).toContain('Maria@acme.dev may ask again; to stop that, name them under blocked: in the policy');
  });

  it('counts the people, too, where there are several', async () => {
    const requests = [aRequest(), aRequest({ id: 'm3n4pq', requester: ana })];
    await run(['revoke', '--all'], { revoke: async () => ({ requests, grants: [], ended: 0, left: 0 }) }, { io: terminal(true) });
    expect(asked.at(-1)).toBe('Revoke everything that oncall gave (2 requests, 2 people, 0 memberships)?');
  });

  it('does not ask whoever may not, nor about nothing', async () => {
    const forbidden = new OncallError('forbidden', 'you may not revoke by holder or everything', { exit: 3, next: 'ask an admin' });
    const before = asked.length;
    expect((await run(['revoke', '--all'], { revoke: () => Promise.reject(forbidden) }, { io: terminal(true) })).exit).toBe(3);
    const nothing = async () => ({ requests: [], grants: [], ended: 0, left: 0 });
    const { exit, out } = await run(['revoke', '--holder', 'mari@acme.dev'], { revoke: nothing }, { io: terminal(true) });
    expect([exit, out]).toEqual([0, 'nothing to revoke: mari@acme.dev has nothing, and waits for nothing; who has what: oncall status\n']);
    expect(asked.length).toBe(before);
  });

  it('does nothing where the answer is no', async () => {
    const result = await run(['revoke', '--all'], answers, { io: terminal(false) });
    expect([result.exit, result.calls.map(({ input }) => input)]).toEqual([1, [{ all: true, dryRun: true }]]);
    expect([result.out, result.err]).toEqual(['nothing was changed\n', '']);
  });

  it('says so where there was nothing', async () => {
    const { exit, out } = await run(['revoke', '--role', 'x', '--yes'], {
      revoke: async () => ({ requests: [], grants: [], ended: 0, left: 0 }),
    });
    expect([exit, out]).toEqual([0, 'nothing to revoke\n']);
  });
});

describe('explain', () => {
  const result = (changes: Partial<ExplainResult> = {}): ExplainResult => ({
    role: 'db-admin',
    requester: 'sam@acme.dev',
    decision: aDecision({
      outcome: 'deny',
      findings: [
        { rule: 'db-admin.deny[0]', effect: 'deny', holds: false, because: 'not blocked' },
        {
          rule: 'db-admin.allow[0]',
          effect: 'allow',
          holds: false,
          because: 'not on call for "db-primary"',
          source: 'PagerDuty',
          fetchedAt: noon,
          change: 'be on call for "db-primary"',
        },
        { rule: 'db-admin.ask[0] engineers', effect: 'ask', holds: 'unknown', because: 'okta did not answer' },
      ],
    }),
    targets: [oktaTarget],
    exit: 3,
    ...changes,
  });

  it('shows every rule with what would change it, and exits as request would', async () => {
    const { exit, out } = await run(['explain', 'db-admin'], { explain: async () => result() });
    expect(exit).toBe(3);
    expect(out.split('\n')).toEqual([
      'db-admin for sam@acme.dev: denied',
      '  in okta/On-Call Database Admin',
      '  keeps out, where one of these holds:',
      '  ✗ no       db-admin.deny[0]: not blocked',
      '  lets in, where one of these holds:',
      '  ✗ no       db-admin.allow[0]: not on call for "db-primary" (PagerDuty, just now)',
      '             to change that: be on call for "db-primary"',
      '  lets ask somebody, where one of these holds:',
      '  ? unknown  db-admin.ask[0] engineers: okta did not answer',
      '',
    ]);
  });

  it('shows the conditions of a rule as a tree, each in words too, and what the rosters answered', async () => {
    const finding: Finding = {
      ...{ rule: 'db-admin.allow[0]', effect: 'allow', holds: 'unknown', because: 'okta did not answer', change: 'ask again later' },
      parts: [
        { what: 'on call for pagerduty/PDB', holds: true, because: 'on call for "Database"', source: 'PagerDuty', fetchedAt: noon },
        {
          ...{ what: 'none of these', holds: 'unknown' },
          parts: [
            { what: 'member of okta/Contractors', holds: 'unknown', because: 'okta did not answer' },
            { what: 'sam@acme.dev', holds: false, because: 'is not sam@acme.dev' },
          ],
        },
      ],
      evidence: [
        { kind: 'shift', roster: 'pagerduty', schedule: 'Database', level: 1, startsAt: noon - hour, endsAt: null },
        { kind: 'shift', roster: 'opsgenie', schedule: 'Database' },
        {
          ...{ kind: 'incident', roster: 'pagerduty', ref: '4711', title: 'Replica lag', severities: ['P1', 'high'] },
          ...{ openedAt: noon, openedBy: 'sam@acme.dev' },
        },
      ],
    };
    const decided = { id: 'k7m2xq', at: noon - hour };
    const { out } = await run(['explain', 'k7m2xq'], {
      explain: async () => result({ decision: aDecision({ outcome: 'deny', undecided: true, findings: [finding] }), decided, exit: 1 }),
    });
    expect(out.split('\n')).toEqual([
      'db-admin for sam@acme.dev: denied, because not everything could be found out',
      '  as it was decided 11:00Z, 1 h ago (k7m2xq)',
      '  in okta/On-Call Database Admin',
      '  lets in, where one of these holds:',
      '  ? unknown  db-admin.allow[0]: okta did not answer',
      '             ├ ✓ yes      on call for pagerduty/PDB: on call for "Database" (PagerDuty, just now)',
      '             └ ? unknown  none of these',
      '               ├ ? unknown  member of okta/Contractors: okta did not answer',
      '               └ ✗ no       sam@acme.dev: is not sam@acme.dev',
      '             found: pagerduty: "Database", level 1, from 11:00Z until further notice',
      '             found: opsgenie: "Database"',
      '             found: pagerduty/4711 "Replica lag", P1 high, opened 12:00:00Z by sam@acme.dev, assigned by whom it does not tell',
      '             to change that: ask again later',
      '',
    ]);
  });

  describe('of a request by its id begins with what became of it', () => {
    const decision = aDecision({ outcome: 'ask', quorum: 2, heldBy: [], approvers: ['member of okta/Eng Managers'], findings: [] });
    const told = async (became: Partial<NonNullable<ExplainResult['became']>>, more: Partial<ExplainResult> = {}) => {
      const whole = { state: 'approved', origin: 'asked', requestedAt: noon - hour, quorum: 2, approvals: [], grants: [] } as const;
      const decided = { id: 'k7m2xq', at: noon - hour };
      const explain = async () => result({ decision, decided, became: { ...whole, ...became }, exit: 0, ...more });
      const { out, exit } = await run(['explain', 'k7m2xq'], { explain });
      return { lines: out.split('\n'), exit, brief: (await run(['explain', 'k7m2xq', '--quiet'], { explain })).out };
    };
    const yes = (email: string, over: object = {}) => ({ by: { ...ana, email }, at: noon - hour, answer: 'yes' as const, ...over });

    it('given: by whose yes, for whom, and until when', async () => {
      const approvals = [yes('ana@acme.dev', { reason: 'go ahead' }), yes('bo@acme.dev', { inPlaceOf: 'cy@acme.dev' })];
      const { lines, exit, brief } = await told({ approvals, grants: [aGrant(oktaTarget)], expiresAt: noon + hour });
      expect([exit, brief]).toEqual([0, 'approved\n']);
      expect(lines).toEqual([
        'db-admin for sam@acme.dev: active until 13:00Z, 1 h',
        '  yes:  ana@acme.dev, 11:00Z, 1 h ago: "go ahead"',
        '        bo@acme.dev for cy@acme.dev, 11:00Z, 1 h ago',
        '  as it was decided 11:00Z, 1 h ago (k7m2xq): 2 people had to say yes: member of okta/Eng Managers; then until 14:47Z',
        '  in okta/On-Call Database Admin',
        '',
      ]);
      const review = await told({ grants: [aGrant(oktaTarget)], expiresAt: noon + hour, reviewAt: noon + 36 * hour, origin: 'standing' });
      expect(review.lines[0]).toBe('db-admin for sam@acme.dev: active, to be reviewed by 2026-11-23');
      expect(review.lines[1]).not.toContain('until');
    });

    it('waiting: for how many, and who has said yes', async () => {
      const { lines } = await told({ state: 'pending', pendingUntil: noon + hour, approvals: [yes('ana@acme.dev')] }, { exit: 8 });
      expect(lines.slice(0, 3)).toEqual([
        'db-admin for sam@acme.dev: waits for 2 to say yes until 13:00Z, 1 h; 1 did',
        '  yes:  ana@acme.dev, 11:00Z, 1 h ago',
        '  as it was decided 11:00Z, 1 h ago (k7m2xq): 2 people must say yes: member of okta/Eng Managers; then until 14:47Z, 2 h 47 min',
      ]);
      const offered = { state: 'offered', pendingUntil: noon + hour } as const;
      expect((await told({ state: 'queued' })).lines[0]).toMatch(/: stands in line for a place$/);
      expect((await told(offered)).lines[0]).toMatch(/: a place is kept for you until 13:00Z, 1 h$/);
      expect((await told(offered, { ofOther: true })).lines[0]).toMatch(/: a place is kept for them until/);
    });

    it('over: by whom, when and why', async () => {
      const ended = { by: 'boss@acme.dev', at: noon - 60_000, how: 'revoked', because: 'lost laptop' } as const;
      const { lines } = await told({ grants: [aGrant(oktaTarget, { state: 'ended', activatedAt: noon - hour })], ended });
      expect(lines.slice(0, 2)).toEqual([
        'db-admin for sam@acme.dev: was given, and has ended',
        '  end:  revoked by boss@acme.dev 11:59:00Z, 1 min ago: "lost laptop"',
      ]);
      const no = { ...yes('ana@acme.dev'), answer: 'no' as const, reason: 'not today' };
      const denied = await told({ state: 'denied', approvals: [no], ended: { by: 'ana@acme.dev', at: noon, how: 'denied' } }, { exit: 3 });
      expect(denied.lines.slice(0, 3)).toEqual([
        'db-admin for sam@acme.dev: denied',
        '  no:   ana@acme.dev, 11:00Z, 1 h ago: "not today"',
        expect.stringContaining('  as it was decided'),
      ]);
      const late = await told({ state: 'expired', pendingUntil: noon - hour });
      expect(late.lines[0]).toBe('db-admin for sam@acme.dev: its time was up 11:00Z');
    });

    it('given in part, or not at all: why', async () => {
      const failed = aGrant(awsTarget, { state: 'ended', endReason: 'failed', lastError: 'no right to add' });
      const part = await told({ grants: [aGrant(oktaTarget), failed], expiresAt: noon + hour }, { exit: 1 });
      expect(part.lines.slice(0, 2)).toEqual([
        'db-admin for sam@acme.dev: active in okta/On-Call Database Admin only until 13:00Z, 1 h',
        '  but:  not in aws-prod/db-admins: no right to add',
      ]);
      expect((await told({ grants: [failed] }, { exit: 1 })).lines[0]).toMatch(/: approved, but not given$/);
    });
  });

  it('asks for somebody else, and always looks for the next shift', async () => {
    const asked: ExplainInput[] = [];
    const explain = async (input: ExplainInput) => {
      asked.push(input);
      return result();
    };
    await run(['explain', 'db-admin', '--user', 'maria@acme.dev', '--incident', '4711', '--for', '2h'], { explain });
    expect(asked).toEqual([{ role: 'db-admin', asked: { forMs: 2 * hour }, incident: '4711', user: 'maria@acme.dev', soon: true }]);
  });

  it('says what stands in the way although the rules let one in', async () => {
    const refusal = { code: 'taken', message: 'db-admin has one place', why: 'maxHolders 1', next: 'ask again then' };
    const { exit, out } = await run(['explain', 'db-admin'], { explain: async () => result({ decision: aDecision(), refusal, exit: 8 }) });
    expect(exit).toBe(8);
    expect(out).toContain('allowed until 14:47Z, 2 h 47 min, but not now\n');
    expect(out).toContain('  but:  db-admin has one place\n  why:  maxHolders 1\n  next: ask again then\n');
  });

  it('says that it depends on the incident, where that has to be said', async () => {
    const refusal = { code: 'which-incident', message: 'you have 2 live incidents', why: '4711; 4712', next: 'say which' };
    const decision = aDecision({ outcome: 'deny' });
    const { exit, out } = await run(['explain', 'db-admin'], { explain: async () => result({ decision, refusal, exit: 2 }) });
    expect(exit).toBe(2);
    expect(out).toContain('db-admin for sam@acme.dev: it depends on the incident\n');
    expect(out).toContain('  but:  you have 2 live incidents\n  why:  4711; 4712\n  next: say which\n');
  });

  it('does not say of a group that there is none that it could not be asked', async () => {
    const { out } = await run(['explain', 'db-admin'], {
      explain: async () => result({ decision: aDecision({ outcome: 'deny', undecided: true }) }),
    });
    expect(out).toContain('denied, because not everything could be found out\n');
  });

  it('says until when it would be given', async () => {
    const { exit, out } = await run(['explain', 'db-admin', '--hours', '1'], {
      explain: async () => result({ decision: aDecision(), exit: 0 }),
    });
    expect(exit).toBe(0);
    expect(out).toContain('db-admin for sam@acme.dev: allowed until 14:47Z, 2 h 47 min');
  });

  it.each([
    [{}, [], 'you have it until 13:00Z, 1 h (mk2w7e); asking again moves that to 14:47Z\n'],
    [{ outcome: 'deny' as const }, [], 'you have it until 13:00Z, 1 h (mk2w7e); asking again changes nothing\n'],
    [
      { outcome: 'deny' as const, undecided: true },
      [oktaTarget],
      'you have it, but not okta/On-Call Database Admin, until 13:00Z, 1 h (mk2w7e); asking again for the rest: denied, because not everything could be found out\n',
    ],
    [{ expiresAt: noon + hour + 59_000 }, [], 'you have it until 13:00Z, 1 h (mk2w7e); asking again changes nothing\n'],
  ])('says what one has already: %j', async (decision, missing, text) => {
    const held = { id: 'mk2w7e', expiresAt: noon + hour, missing };
    const { out } = await run(['explain', 'db-admin'], { explain: async () => result({ decision: aDecision(decision), held, exit: 0 }) });
    expect(out).toContain(`db-admin for sam@acme.dev: ${text}`);
  });

  it('says that one would be signed out at the end', async () => {
    const decision = aDecision({ endsSessionsIn: ['okta'] });
    const { out } = await run(['explain', 'db-admin'], { explain: async () => result({ decision, exit: 0 }) });
    expect(out).toContain('  in okta/On-Call Database Admin\n  then signed out of okta, everywhere\n');
  });

  it('speaks of somebody else as of somebody else', async () => {
    const finding = {
      rule: 'r',
      effect: 'allow',
      holds: false,
      because: 'is not on call',
      change: 'be on call; your next shift starts at noon',
    } as const;
    const decision = aDecision({ limitedBy: 'shift', limitedBecause: 'your shift ends 05:45', findings: [finding] });
    const held = { id: 'k7m2xq', expiresAt: noon + hour, missing: [] };
    const told = async (more: object) =>
      (await run(['explain', 'db-admin'], { explain: async () => result({ decision, exit: 0, ...more }) })).out;
    expect(await told({})).toMatch(/\(your shift ends 05:45\)[\s\S]* your next shift starts/);
    expect(await told({ ofOther: true })).toMatch(/\(their shift ends 05:45\)[\s\S]* their next shift starts/);
    expect(await told({ held })).toContain('you have it until 13:00Z');
    expect(await told({ held, ofOther: true })).toContain('they have it until 13:00Z');
    expect(await told({ held, ofOther: true })).not.toMatch(/\byou/);
  });

  it('says who must say yes', async () => {
    const decision = aDecision({ outcome: 'ask', approvers: ['on call for "PMGR567"', 'member of okta/Eng Managers'] });
    expect((await run(['explain', 'db-admin'], { explain: async () => result({ decision, exit: 8 }) })).out).toContain(
      'somebody must say yes: on call for "PMGR567", or member of okta/Eng Managers; then until 14:47Z',
    );
  });
});

describe('roles', () => {
  it('shows where a role leads, for how long and who gets it', async () => {
    const role = {
      name: 'db-admin',
      description: 'Database',
      targets: [oktaTarget, awsTarget],
      ttl: { defaultMs: 12 * hour, maxMs: 24 * hour },
      maxHolders: 1,
      reason: 'when-asked' as const,
      quorum: 2,
      endsSessionsIn: ['okta'],
      rules: ['allow: on call'],
    };
    const { out } = await run(['roles'], { roles: async () => [role] });
    expect(out).toBe(
      'db-admin  Database\n  in:   okta/On-Call Database Admin, aws-prod/db-admins\n  for:  12 h, at most 24 h, one holder at a time, and a line for it (--queue)\n  with: a reason, where a person decides\n        the yes of 2 people, where a person decides\n  then: signed out of okta, everywhere\n  who:  allow: on call\n',
    );
    expect(JSON.parse((await run(['roles', '--json'], { roles: async () => [role] })).out)).toMatchObject({
      schema: 1,
      roles: [{ name: 'db-admin' }],
    });
  });
});

describe('audit list', () => {
  const event = {
    seq: 1,
    at: noon,
    type: 'grant.active',
    actor: 'maria@acme.dev',
    requestId: 'k7m2xq',
    role: 'db-admin',
    data: {},
    body: '{}',
    prev: 'p',
    hash: 'h',
  };

  it('says until when, and what was in the way', async () => {
    const [approved, extended] = ['request.approved', 'request.extended'];
    const events = [
      { ...event, type: approved, data: { startsAt: noon, expiresAt: noon + hour } },
      { ...event, type: extended, data: { from: noon + hour, to: noon + 2 * hour } },
      { ...event, type: 'request.refused', why: 'not on call for "db-primary"', data: { expiresAt: noon } },
    ];
    const { out } = await run(['audit', 'list'], { audit: async () => events });
    expect(out.replaceAll(/\n {3,}/g, ' ').split('\n')).toEqual([
      expect.stringMatching(/until 2026-11-22 13:00:00Z, by maria@acme\.dev$/),
      expect.stringMatching(/until 2026-11-22 14:00:00Z, by maria@acme\.dev$/),
      expect.stringMatching(/db-admin: by maria@acme\.dev, because not on call for "db-primary"$/),
      '',
    ]);
  });

  it('has words of its own for what a broker met', async () => {
    const digest = 'b780'.repeat(16);
    const of = (type: string, data: unknown, more: object = {}) => ({
      seq: 1,
      at: noon,
      type,
      actor: 'oncall',
      data,
      body: '{}',
      prev: 'p',
      hash: 'h',
      ...more,
    });
    const refusedCall = { operation: 'request', code: 'token-refused', why: 'it has expired', address: '10.0.0.5' };
    const events = [
      of('call.refused', refusedCall, { actor: 'nobody' }),
      of('call.refused', { ...refusedCall, count: 40 }, { actor: 'sam@acme.dev' }),
      of('policy.loaded', { path: '/etc/oncall/oncall.yaml' }, { body: JSON.stringify({ policyDigest: digest }) }),
      of('policy.rejected', {
        path: '/p',
        inForce: 'aa',
        faults: [
          { code: 'unknown-key', line: 19 },
          { code: 'bad-value', line: 19 },
        ],
      }),
      of('policy.rejected', { path: '/p', inForce: 'aa', faults: [{ code: 'policy-untrusted' }] }),
      of('ledger.behind', { because: 'event 7 is gone' }, { actor: 'sweep' }),
      of('call.refused', null, { actor: 'nobody' }),
    ];
    const { out } = await run(['audit', 'list'], { audit: async () => events });
    const told = out.replaceAll(/\n {3,}/g, ' ').split('\n');
    expect(told.map((line) => line.replace(/^.{20} {2}\S+ +-? +/, ''))).toEqual([
      'request (token-refused) from 10.0.0.5, by nobody: it has expired',
      'request (token-refused) from 10.0.0.5, 40 times, by sam@acme.dev: it has expired',
      `SHA-256 ${digest}, /etc/oncall/oncall.yaml`,
      '2 faults, line 19, /p; in force stays SHA-256 aa',
      'policy-untrusted, /p; in force stays SHA-256 aa',
      'event 7 is gone',
      'a call (refused) from somewhere, by nobody: no reason is given',
      '',
    ]);
  });

  it('shows every instant with its date and year', async () => {
    const { out, calls } = await run(['audit', 'list', '--limit', '5'], { audit: async () => [event] });
    expect(out).toBe('2026-11-22 12:00:00Z  grant.active  k7m2xq  db-admin: by maria@acme.dev\n');
    expect(calls).toEqual([{ verb: 'audit', input: { limit: 5 } }]);
  });

  it('shows what was said, and what went wrong', async () => {
    const events = [
      { ...event, data: { because: 'lost laptop' } },
      { ...event, data: { error: 'okta did not answer', attempts: 1 } },
    ];
    const { out } = await run(['audit', 'list'], { audit: async () => events });
    expect(out).toContain('db-admin: "lost laptop", by maria@acme.dev\n');
    expect(out).toContain('db-admin: "okta did not answer", by maria@acme.dev\n');
  });

  it('asks for one request', async () => {
    const { calls } = await run(['audit', 'list', 'k7m2xq'], { audit: async () => [event] });
    expect(calls).toEqual([{ verb: 'audit', input: { of: 'k7m2xq', limit: 5_000 } }]);
  });

  it('asks on until it has them all, or as many as are wanted', async () => {
    const trail = Array.from({ length: 12_000 }, (_, index) => ({ ...event, seq: index + 1 }));
    const audit = async ({ limit = 0, before = Number.POSITIVE_INFINITY }) => trail.filter(({ seq }) => seq < before).slice(-limit);
    for (const [args, most] of [
      [[], 12_000],
      [['--limit', '7000'], 7_000],
      [['--limit', '5000'], 5_000],
    ] as const) {
      const { out } = await run(['audit', 'list', '--json', ...args], { audit });
      expect(JSON.parse(out).events.map(({ seq }: { seq: number }) => seq)).toEqual(trail.slice(-most).map(({ seq }) => seq));
    }
  });

  it('keeps what, who and where whole at 80 columns, and says why', async () => {
    const long = {
      ...event,
      type: 'membership.remove-failed',
      holder: 'somebody.with.a.long.name@acme.dev',
      target: 'okta/On-Call-Database-Admin',
      reason: 'incident closed',
      endReason: 'released' as const,
    };
    const { out } = await run(['audit', 'list'], { audit: async () => [event, long] }, { io: fakeIo({ tty: true, width: 80 }) });
    for (const line of out.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
    for (const whole of [long.type, long.holder, long.target, long.requestId, 'released, "incident closed", by maria@acme.dev'])
      expect(out.replaceAll(/\n +/g, ' ')).toContain(whole);
  });

  it('prints its document', async () => {
    expect(JSON.parse((await run(['audit', 'list', '--json'], { audit: async () => [event] })).out).events[0].at).toBe(
      '2026-11-22T12:00:00.000Z',
    );
  });
});

describe('policy check', () => {
  const issue: Issue = {
    severity: 'error',
    code: 'unknown-key',
    message: 'unknown key "alow"',
    hint: 'did you mean "allow"?',
    path: 'roles.x.alow',
    line: 7,
    column: 3,
  };

  it('shows every fault with its place, and exits 1', async () => {
    const { exit, out } = await run(['policy', 'check'], {}, { issues: [issue, { ...issue, severity: 'warning', line: 9 }] });
    expect(exit).toBe(1);
    expect(out).toContain('/etc/oncall/oncall.yaml: 1 fault, 1 warning (the system-wide policy)\n');
    expect(out).toContain('/etc/oncall/oncall.yaml:7:3 error unknown-key unknown key "alow"\n  hint: did you mean "allow"?\n');
  });

  it('exits 0 for a sound policy, and for warnings', async () => {
    expect((await run(['policy', 'check'], {})).exit).toBe(0);
    expect((await run(['policy', 'check'], {}, { issues: [{ ...issue, severity: 'warning' }] })).exit).toBe(0);
  });

  it('exits 1 for warnings with --strict, says that it is for them, and passes a policy without any', async () => {
    const warned = { issues: [{ ...issue, severity: 'warning' as const }] };
    const { exit, out } = await run(['policy', 'check', '--strict'], {}, warned);
    expect(exit).toBe(1);
    expect(out).toContain('/etc/oncall/oncall.yaml: no faults, 1 warning, which --strict does not pass (the system-wide policy)\n');
    expect((await run(['policy', 'check', '--strict', '--json'], {}, warned)).exit).toBe(1);
    expect((await run(['policy', 'check', '--strict'], {})).exit).toBe(0);
    const both = await run(['policy', 'check', '--strict'], {}, { issues: [issue, ...warned.issues] });
    expect([both.exit, both.out.split('\n')[0]]).toEqual([1, '/etc/oncall/oncall.yaml: 1 fault, 1 warning (the system-wide policy)']);
  });

  it('says once, and whole, where it is a courtesy', async () => {
    const wiring = fakeWiring({});
    const io = fakeIo();
    const checkPolicy: typeof wiring.checkPolicy = async (options) => ({ ...(await wiring.checkPolicy(options)), courtesy: true });
    await main(['policy', 'check'], {}, io, { ...wiring, checkPolicy });
    const out = io.out().replaceAll(/\s+/g, ' ');
    expect(out.match(/by themselves, it is a courtesy, not a control: they can also read the credentials/g)).toHaveLength(1);
    expect(out).toContain('it is a control where a broker serves it');
  });

  it('prints its document', async () => {
    const document = JSON.parse((await run(['policy', 'check', '--json'], {}, { issues: [issue] })).out);
    expect(document).toEqual({
      schema: 1,
      path: '/etc/oncall/oncall.yaml',
      whyThisOne: 'the system-wide policy',
      issues: [issue],
      courtesy: false,
    });
  });
});
