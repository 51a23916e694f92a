import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { OncallError } from '../../src/errors.ts';
import type { GrantView, Request } from '../../src/lifecycle/types.ts';
import type { ExplainResult, FollowResult, Operations, Refusal, RequestResult } from '../../src/operations/types.ts';
import type { Prompts } from '../../src/terminal/prompt.ts';
import { type FakeIo, fakeIo, noon } from '../fakes/io.ts';
import {
  aDecision,
  aGrant,
  aGranted,
  ana,
  aPending,
  aRequest,
  awsTarget,
  fakeWiring,
  hour,
  minute,
  oktaTarget,
} from '../fakes/operations.ts';
import { inZone } from '../fakes/zone.ts';

inZone('Europe/Berlin');

async function request(argv: string[], answers: Partial<Operations>, io = fakeIo()) {
  const wiring = fakeWiring(answers);
  const exit = await main(['request', ...argv], {}, io, wiring);
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls, io };
}
const answering = (result: RequestResult | Refusal) => ({ request: async () => result });
const pending = (): RequestResult => aGranted({ result: 'pending', request: aPending(), grants: [], decision: aPending().decision });

describe('request', () => {
  it('says what changed, until when and how to give it back', async () => {
    const shortened = aDecision({ limitedBy: 'shift', limitedBecause: 'your shift ends 15:32, plus 15 min' });
    const { exit, out, err } = await request(['db-admin', '--hours', '12'], answering(aGranted({ decision: shortened })));
    expect([exit, err]).toEqual([0, '']);
    expect(out).toBe(
      'k7m2xq  db-admin until 15:47 CET (14:47Z), 2 h 47 min, not the 12 h you asked: your shift ends 15:32, plus 15 min\n' +
        '  why:  on call for "Database Primary" (PagerDuty, 1 s ago)\n' +
        '  in:   okta/On-Call Database Admin, aws-prod/db-admins        give back: oncall release db-admin\n',
    );
  });

  it('fits a terminal of 80 columns', async () => {
    const { out } = await request(['db-admin'], answering(aGranted()), fakeIo({ tty: true, width: 80 }));
    for (const line of out.replaceAll(/\u001b\[\d+m/g, '').split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each([
    [['--hours', '12'], { forMs: 12 * hour }],
    [['--for', '90m'], { forMs: 90 * minute }],
    [['--until', 'shift'], { until: 'shift' }],
    [['--until', '2026-11-22T18:00:00+01:00'], { untilMs: noon + 5 * hour }],
    [[], { byDefault: true }],
  ])('passes on what was asked for: %j', async (flags, asked) => {
    const { calls } = await request(['db-admin', ...flags, '--reason', 'r', '--incident', 'INC-42'], answering(aGranted()));
    expect(calls).toEqual([{ verb: 'request', input: { role: 'db-admin', asked, reason: 'r', incident: 'INC-42' } }]);
  });

  it('tells a repeated request apart', async () => {
    expect((await request(['db-admin'], answering(aGranted({ result: 'held' })))).out).toContain('2 h 47 min, as before');
    expect((await request(['db-admin'], answering(aGranted({ result: 'again' })))).out).toMatch(
      /^k7m2xq {2}db-admin let in again until 15:47 /,
    );
  });

  it('says of an end that was moved where it was, and why it is not what was asked', async () => {
    const asked = { forMs: 20 * hour };
    const decision = aDecision({ limitedBy: 'max', limitedBecause: '12 h is the most' });
    const moved = aGranted({ result: 'extended', movedFrom: noon + hour, decision, request: aRequest({ asked }) });
    expect((await request(['db-admin', '--hours', '20'], answering(moved))).out).toContain(
      'db-admin moved from 14:00 CET (13:00Z) to 15:47 CET (14:47Z), 2 h 47 min, not the 20 h you asked: 12 h is the most\n',
    );
  });

  it('speaks of no move where the end was moved by seconds', async () => {
    const moved = aGranted({ result: 'extended', movedFrom: noon + 2 * hour + 47 * 60_000 - 59_000 });
    expect((await request(['db-admin'], answering(moved))).out).toMatch(/^k7m2xq {2}db-admin until 15:47 .*, 2 h 47 min, as before/);
  });

  it.each([
    [12 * hour - 15_000, '12 h'],
    [12 * hour - 16_000, '11 h 59 min'],
  ])('calls what was given a moment ago as long as it is: %j', async (left, length) => {
    const given = aGranted({ request: aRequest({ expiresAt: noon + left }) });
    expect((await request(['db-admin'], answering(given))).out).toContain(`, ${length}\n`);
  });

  it('says of what is held that nothing holds it any more, and how to have it by what does', async () => {
    const rule = { name: 'db-admin.allow[0]', condition: { kind: 'user', email: 'x' }, until: 'incident', graceMs: 15 * 60_000 } as const;
    const finding = { rule: rule.name, effect: 'allow', holds: true, because: 'assigned to INC-1' } as const;
    const incident = { roster: 'pagerduty', ref: 'INC-1' };
    const decision = aDecision({ endsWith: [rule], findings: [finding], incident });
    const held = aGranted({ result: 'held', decision, request: aRequest({ unheldSince: noon - 60_000, decision }) });
    const { out } = await request(['db-admin'], answering(held));
    expect(out.replaceAll(/\s+/g, ' ')).toContain(
      ' ends: no longer assigned to INC-1, or INC-1 is over: ends within 14 min, unless it is so again ',
    );
    expect(out.replaceAll(/\s+/g, ' ')).toContain('by what holds now: oncall release db-admin, then oncall request db-admin');
    const unnoted = await request(
      ['db-admin'],
      answering(aGranted({ result: 'held', decision, request: aRequest({ decision }), unheld: true })),
    );
    expect(unnoted.out.replaceAll(/\s+/g, ' ')).toContain('or INC-1 is over: ends 15 min after the next sweep, unless it is so again ');
  });

  it('says why what is held is not held longer', async () => {
    const held = aGranted({ result: 'held', notExtended: 'your shift ends 15:32', decision: aDecision({ limitedBy: 'max' }) });
    expect((await request(['db-admin', '--hours', '12'], answering(held))).out).toContain(
      '2 h 47 min, as before, and no longer: your shift ends 15:32\n',
    );
  });

  it.each([
    ['incident', undefined, '  ends: with the incident, at the latest 15:47 CET (14:47Z)\n'],
    ['shift', undefined, '  ends: with the shift, at the latest 15:47 CET (14:47Z)\n'],
    ['shift', 'shift', undefined],
    ['incident', 'shift', '  ends: with the incident, at the latest 15:47 CET (14:47Z)\n'],
  ] as const)('says at the start that it ends with the %s (limited by %s)', async (until, limitedBy, line) => {
    const endsWith = [{ name: 'r', condition: { kind: 'user', email: 'x' }, until, graceMs: 0 }] as const;
    const decision = aDecision({ endsWith, ...(limitedBy === undefined ? {} : { limitedBy }) });
    const { out } = await request(['db-admin'], answering(aGranted({ decision, request: aRequest({ decision }) })));
    if (line === undefined) expect(out).not.toContain('ends: with');
    else expect(out).toContain(line);
  });

  it('says that one is signed out at the end, where that is so', async () => {
    const decision = aDecision({ endsSessionsIn: ['okta'] });
    const asked = aGranted({ decision, request: aRequest({ decision }) });
    expect((await request(['db-admin'], answering(asked))).out).toContain('\n  then: you are signed out of okta, everywhere\n  in:');
    const before = { ...asked, grants: [aGrant(oktaTarget, { owned: false }), aGrant(awsTarget)] };
    for (const other of [before, aGranted()]) expect((await request(['db-admin'], answering(other))).out).not.toContain('signed out');
  });

  it('says what stays because it was there before', async () => {
    const grants = [aGrant(oktaTarget, { owned: false }), aGrant(awsTarget)];
    const { exit, out } = await request(['db-admin'], answering(aGranted({ grants })));
    expect(exit).toBe(0);
    expect(out).toContain('you were in okta/On-Call Database Admin before; that stays');
  });

  it('names the half that failed, and exits 1', async () => {
    const grants = [aGrant(oktaTarget), aGrant(awsTarget, { state: 'revoking', lastError: 'IAM did not answer within 5 s' })];
    const { exit, out, err } = await request(['db-admin'], answering(aGranted({ result: 'partial', grants })));
    expect(exit).toBe(1);
    expect(out).toContain('  in:   okta/On-Call Database Admin ');
    expect(err).toMatch(
      /^error: only a part of db-admin was given: you are not in aws-prod\/db-admins\n {2}why: {2}aws-prod\/db-admins: IAM did not answer/,
    );
  });

  it('names a target that could not even be looked up', async () => {
    const missing = [{ target: awsTarget, message: 'aws-prod has no group "db-admins"', next: 'ask who keeps the policy' }];
    const { err } = await request(['db-admin'], answering(aGranted({ result: 'partial', grants: [aGrant(oktaTarget)], missing })));
    expect(err).toContain('aws-prod has no group "db-admins"');
    expect(err).toContain('next: ask who keeps the policy');
  });

  it('prints nothing on stdout where nothing was given', async () => {
    const grants = [
      aGrant(oktaTarget, { state: 'ended', endReason: 'failed', lastError: 'no' }),
      aGrant(awsTarget, { state: 'ended', endReason: 'failed', lastError: 'no' }),
    ];
    const { exit, out, err } = await request(['db-admin'], answering(aGranted({ result: 'failed', grants })));
    expect([exit, out]).toEqual([1, '']);
    expect(err).toContain('error: db-admin was not given');
  });

  it('counts a target by its newest grant', async () => {
    const grants = [aGrant(oktaTarget, { id: 'old', state: 'ended', createdAt: noon - hour }), aGrant(oktaTarget), aGrant(awsTarget)];
    expect((await request(['db-admin'], answering(aGranted({ grants })))).out).toContain(
      'in:   okta/On-Call Database Admin, aws-prod/db-admins ',
    );
  });

  it('exits 8 with the id and who can approve, where a person must say yes', async () => {
    const { exit, out } = await request(['db-admin'], answering(pending()));
    expect(exit).toBe(8);
    expect(out).toContain('k7m2xq  db-admin waits for an approver until 14:00 CET (13:00Z), 1 h');
    expect(out).toContain('in:   okta/On-Call Database Admin, aws-prod/db-admins\n  for:  12 h from the yes on\n');
    expect(out).toContain('yes  db-admin.allow[0]: on call for "Database Primary"');
    expect(out).toContain('who:  on call for pagerduty/PMGR567');
    expect(out).toContain('oncall approve k7m2xq');
  });

  const refusal = (changes: Partial<Refusal>): Refusal => ({
    result: 'denied',
    role: 'db-admin',
    requester: 'sam@acme.dev',
    decision: aDecision({ outcome: 'deny' }),
    error: { code: 'denied', message: 'not on call', why: 'w', next: 'n' },
    exit: 3,
    ...changes,
  });

  it.each([
    ['denied', 3],
    ['taken', 8],
    ['ending', 8],
    ['undecided', 1],
  ] as const)('exits as the refusal says: %s', async (result, exit) => {
    const refused = await request(['db-admin'], answering(refusal({ result, exit })));
    expect([refused.exit, refused.out, refused.err]).toEqual([exit, '', 'error: not on call\n  why:  w\n  next: n\n']);
  });

  it('prints one document, with the error in it for a refusal', async () => {
    const refused = JSON.parse((await request(['db-admin', '--json'], answering(refusal({})))).out);
    expect(Object.keys(refused)).toEqual(['schema', 'request', 'grants', 'decision', 'error']);
    expect(refused.error.code).toBe('denied');
    const granted = JSON.parse((await request(['db-admin', '--json'], answering(aGranted()))).out);
    expect(Object.keys(granted)).toEqual(['schema', 'request', 'grants', 'decision']);
    expect(granted.grants[0]).toMatchObject({
      target: oktaTarget,
      state: 'active',
      owned: true,
      startsAt: '2026-11-22T12:00:00.000Z',
      expiresAt: '2026-11-22T14:47:00.000Z',
    });
  });
});

describe('request --wait', () => {
  type Look = FollowResult | OncallError;
  const waiting = (looks: readonly Look[], extra: string[] = [], io = fakeIo()) => {
    const left = [...looks];
    const follow = async () => {
      const look = left.length > 1 ? left.shift() : left[0];
      if (look instanceof Error) throw look;
      return look as FollowResult;
    };
    return request(['db-admin', '--wait', ...extra], { ...answering(pending()), follow }, io);
  };
  const look = (of: Request, grants: readonly GrantView[] = [], version = 1): FollowResult => ({ request: of, grants, version });
  const stillPending = look(aPending());
  const approved = aRequest({ approvals: [{ by: ana, at: noon, answer: 'yes' }] });
  const given = look(approved, [aGrant(oktaTarget), aGrant(awsTarget)], 5);
  const gone = new OncallError('broker-unreachable', 'the broker https://oncall.acme.dev cannot be reached', {
    why: 'nothing listens there',
  });

  it('names the request at once, and prints the result when somebody said yes', async () => {
    const starting = look(approved, [aGrant(oktaTarget), aGrant(awsTarget, { state: 'activating' })], 3);
    const { exit, out, err, calls } = await waiting([stillPending, starting, given]);
    expect(exit).toBe(0);
    expect(err).toContain('k7m2xq  db-admin waits for an approver');
    expect(err).toContain('waiting for an answer, 5 min at most; Ctrl-C stops the waiting, not the request');
    expect(out).toMatch(/^k7m2xq {2}db-admin until /);
    expect(out).toContain('approved by ana@acme.dev');
    const asked = calls.flatMap(({ verb, input }) => (verb === 'follow' ? [input] : []));
    expect(asked).toMatchObject([1, 1, 3].map((version) => ({ id: 'k7m2xq', version })));
  });

  it.each([
    ['denied', 3, 'db-admin was denied'],
    ['expired', 1, 'nobody answered request k7m2xq in time'],
    ['withdrawn', 1, 'request k7m2xq was withdrawn'],
  ] as const)('ends when the request is %s', async (state, exit, message) => {
    const ended = await waiting([stillPending, look({ ...aPending(), state })]);
    expect(ended.exit).toBe(exit);
    expect(ended.err).toContain(`error: ${message}`);
  });

  it('exits 8 when patience ends, and says so instead of the same again', async () => {
    const { exit, out, err, io, calls } = await waiting([stillPending], ['--timeout', '5s']);
    expect(exit).toBe(8);
    expect(err).toContain('who:  on call for pagerduty/PMGR567');
    expect(out).toMatch(/^k7m2xq {2}db-admin: no answer in 5 s; it still waits until 14:00 CET/);
    expect(out).not.toContain('who:');
    // What answers at once although nothing changed is not asked without end, and never for longer than there is patience.
    expect(io.sleeps).toEqual([2000, 2000, 1000]);
    expect(calls.flatMap(({ verb, input }) => (verb === 'follow' ? [input] : []))).toMatchObject([
      { forMs: 5000 },
      { forMs: 3000 },
      { forMs: 1000 },
    ]);
  });

  it('goes on through a restart of the broker, and says so once', async () => {
    const { exit, err } = await waiting([stillPending, gone, gone, stillPending, gone, given]);
    expect(exit).toBe(0);
    expect(err.split('\n').filter((line) => /still waiting|answer again/.test(line))).toEqual([
      'the broker https://oncall.acme.dev cannot be reached; still waiting',
      'there is an answer again',
      'the broker https://oncall.acme.dev cannot be reached; still waiting',
      'there is an answer again',
    ]);
  });

  it('waits no longer than it was told to for a broker that stays away', async () => {
    const { exit, out } = await waiting([gone], ['--timeout', '5s']);
    expect([exit, out]).toEqual([8, expect.stringContaining('no answer in 5 s')]);
  });

  it('ends at what does not pass by itself', async () => {
    const { exit, err } = await waiting([new OncallError('token-expired', 'your sign-in has ended', { exit: 4 }), given]);
    expect([exit, err]).toEqual([4, expect.stringContaining('error: your sign-in has ended')]);
  });

  it('says at Ctrl-C that the request is still pending', async () => {
    const io = fakeIo({ beforeSleep: () => io.interrupt() });
    const { exit, err } = await waiting([stillPending], [], io);
    expect(exit).toBe(130);
    expect(err).toContain('request k7m2xq is still pending');
    // Nothing is under way that a sweep would have to finish.
    expect(err).not.toMatch(/sweep|under way/);
  });

  it('says so as well where Ctrl-C cuts a look short', async () => {
    const io = fakeIo();
    const follow = async (): Promise<FollowResult> => {
      io.interrupt();
      throw new Error('aborted');
    };
    const { exit, err } = await request(['db-admin', '--wait'], { ...answering(pending()), follow }, io);
    expect(exit).toBe(130);
    expect(err).toContain('request k7m2xq is still pending');
  });

  it('prints one document, the last one', async () => {
    const { out } = await waiting([stillPending, given], ['--json']);
    expect(JSON.parse(out).request.state).toBe('approved');
  });
});

describe('request on a terminal', () => {
  const asking = (answers: { input?: string; select?: string }) => {
    const asked: string[] = [];
    const prompts: Prompts = {
      select: async (message, choices) => {
        asked.push([message, ...choices.map(({ name, short }) => `${name} (${short})`)].join('; '));
        const chosen = choices.find(({ name }) => name === answers.select);
        if (chosen === undefined) throw new Error('not expected');
        return chosen.value;
      },
      input: async (message, check) => {
        asked.push(message);
        expect(check('')).toBeDefined();
        expect(check(answers.input ?? '')).toBeUndefined();
        return answers.input ?? '';
      },
      confirm: () => Promise.reject(new Error('not expected')),
      checkbox: () => Promise.reject(new Error('not expected')),
    };
    return { io: fakeIo({ tty: true, width: 80, prompts }), asked };
  };

  const needsReason = (): Operations['request'] => async (input) => {
    if (input.reason === undefined) throw new OncallError('reason-needed', 'this role needs a reason', { exit: 2 });
    return aGranted();
  };

  it('asks for a reason where the policy wants one', async () => {
    const { io, asked } = asking({ input: 'INC-42' });
    const { exit, calls } = await request(['db-admin'], { request: needsReason() }, io);
    expect([exit, asked]).toEqual([0, ['Why?']]);
    expect(calls.at(-1)?.input).toMatchObject({ reason: 'INC-42' });
  });

  it('does not ask off a terminal: it names the flag', async () => {
    expect((await request(['db-admin'], { request: needsReason() })).exit).toBe(2);
    const { io } = asking({});
    expect((await request(['db-admin', '--no-input'], { request: needsReason() }, io)).exit).toBe(2);
  });

  /** 4711 and 4712 are theirs; only the operation knows that. */
  const needsIncident = (incidents: ExplainResult['incidents']): Partial<Operations> => ({
    request: async (input) => {
      if (input.incident === undefined)
        throw new OncallError('which-incident', 'you have 2 live incidents', { exit: 2, why: '4711\n4712', next: 'say which' });
      return needsReason()(input);
    },
    explain: async ({ role }) => ({
      ...{ role, requester: 'maria@acme.dev', decision: aDecision(), targets: [], exit: 2 },
      ...(incidents === undefined ? {} : { incidents }),
    }),
  });
  const both = [{ ref: '4711', title: `Replica lag${' and more'.repeat(20)}` }, { ref: '4712' }];

  it('lets one choose which of several incidents it is for, and goes on with that one and what else is missing', async () => {
    const { io, asked } = asking({ select: '4712', input: 'INC-42' });
    const { exit, calls } = await request(['db-admin', '--hours', '2'], needsIncident(both), io);
    expect(exit).toBe(0);
    expect(asked).toEqual([
      expect.stringMatching(/^Which incident is it for\?; 4711 {2}Replica lag.{1,60}… \(4711\); 4712 \(4712\)$/),
      'Why?',
    ]);
    expect(calls.map(({ verb }) => verb)).toEqual(['request', 'explain', 'request', 'request']);
    expect(calls[1]?.input).toEqual({ role: 'db-admin', asked: { forMs: 2 * hour } });
    expect(calls.at(-1)?.input).toMatchObject({ role: 'db-admin', asked: { forMs: 2 * hour }, incident: '4712', reason: 'INC-42' });
  });

  it('lists them where nobody can be asked, or nobody says any more which there are', async () => {
    const refused = async (argv: string[], incidents: ExplainResult['incidents'], io?: FakeIo) => {
      const { exit, err, calls } = await request(argv, needsIncident(incidents), io);
      expect([exit, err]).toEqual([2, expect.stringContaining('you have 2 live incidents')]);
      return calls.map(({ verb }) => verb);
    };
    expect(await refused(['db-admin'], both)).toEqual(['request']);
    expect(await refused(['db-admin', '--no-input'], both, asking({}).io)).toEqual(['request']);
    expect(await refused(['db-admin'], undefined, asking({}).io)).toEqual(['request', 'explain']);
  });
});
