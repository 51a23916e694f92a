/** What people are told while they stand in line for a place, and what `--wait` does when their turn has come. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { ordinal } from '../../src/commands/line.ts';
import { OncallError } from '../../src/errors.ts';
import type { GrantView, Request } from '../../src/lifecycle/types.ts';
import type { InLine } from '../../src/operations/line-types.ts';
import type { FollowResult, Operations, Refusal, RequestResult } from '../../src/operations/types.ts';
import { fakeIo, noon } from '../fakes/io.ts';
import {
  aDecision,
  aGrant,
  aGranted,
  ana,
  aPending,
  aRequest,
  aStatus,
  awsTarget,
  fakeWiring,
  hour,
  minute,
  oktaTarget,
} from '../fakes/operations.ts';
import { inZone } from '../fakes/zone.ts';

inZone('Europe/Berlin');

async function run(argv: string[], answers: Partial<Operations>, io = fakeIo()) {
  const wiring = fakeWiring(answers);
  const exit = await main(argv, {}, io, wiring);
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls };
}

const waits = (state: 'queued' | 'offered', over: Partial<Request> = {}): Request => {
  const { startsAt: _, expiresAt: __, ...request } = aRequest({ role: 'migration' });
  return { ...request, state, pendingUntil: noon + (state === 'queued' ? 24 * hour : 10 * minute), ...over };
};
const heldBy = [{ holder: 'ana@acme.dev', expiresAt: noon + 52 * minute, ending: false }];
const inLine = (line: InLine = { place: 2, heldBy }, request = waits('queued')): RequestResult => ({
  ...{ result: request.state as 'queued' | 'offered', request, grants: [], missing: [], decision: aDecision(), line },
});
const given = aGranted({ request: aRequest({ role: 'migration' }) });
const undecided: Refusal = {
  ...{
    result: 'undecided',
    role: 'migration',
    requester: 'maria@acme.dev',
    decision: aDecision({ outcome: 'deny', undecided: true }),
    exit: 1,
  },
  error: { code: 'undecided', message: 'could not decide: PagerDuty did not answer', why: 'w', next: 'n' },
};

describe('request --queue', () => {
  it('passes it on, and tells the place, who has it until when, and what comes next', async () => {
    const { exit, out, err, calls } = await run(['request', 'migration', '--queue'], { request: async () => inLine() });
    expect(calls).toEqual([{ verb: 'request', input: { role: 'migration', asked: { byDefault: true }, queue: true } }]);
    expect([exit, err]).toEqual([8, '']);
    expect(out).toBe(
      'k7m2xq  migration: you are 2nd in line\n' +
        '  has:  ana@acme.dev until 13:52 CET (12:52Z), 52 min\n' +
        '  next: when it is your turn a place is kept for you; take it, or wait for it: oncall request migration --wait\n' +
        '        leave it to the next: oncall release migration\n',
    );
  });

  it('says of who is being taken out that they hand it over, and of a kept place for whom it is', async () => {
    const line = {
      place: 1,
      heldBy: [
        { holder: 'bo@acme.dev', ending: true },
        { holder: 'cy@acme.dev', ending: false, offeredUntil: noon + 9 * minute },
      ],
    };
    const { out } = await run(['request', 'migration'], { request: async () => inLine(line) });
    expect(out).toContain(
      'you are 1st in line\n  has:  bo@acme.dev hands it over: the removal is not confirmed yet\n        kept for cy@acme.dev until 13:09 CET (12:09Z)\n',
    );
  });

  it('says that a place is kept, until when, and how to take it', async () => {
    const { exit, out } = await run(['request', 'migration'], { request: async () => inLine({ heldBy: [] }, waits('offered')) });
    expect(exit).toBe(8);
    expect(out).toBe(
      'k7m2xq  migration: a place is kept for you until 13:10 CET (12:10Z), 10 min\n' +
        '  next: take it: oncall request migration\n        leave it to the next: oncall release migration\n',
    );
  });

  it('prints its place in the document', async () => {
    const { exit, out } = await run(['request', 'migration', '--queue', '--json'], { request: async () => inLine() });
    const document = JSON.parse(out);
    expect([exit, Object.keys(document)]).toEqual([8, ['schema', 'request', 'grants', 'decision', 'line']]);
    expect([document.request.state, document.line]).toEqual([
      'queued',
      { place: 2, heldBy: [{ ...heldBy[0], expiresAt: '2026-11-22T12:52:00.000Z' }] },
    ]);
  });

  it('fits a terminal of 80 columns', async () => {
    const { out } = await run(['request', 'migration'], { request: async () => inLine() }, fakeIo({ tty: true, width: 80 }));
    for (const line of out.replaceAll(/\u001b\[\d+m/g, '').split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('tells an approver whose yes found no free place', async () => {
    const { exit, out } = await run(['approve', 'k7m2xq'], {
      waiting: async () => ({ requests: [], unknown: [], reviews: [] }),
      approve: async () => inLine(),
    });
    expect(exit).toBe(8);
    expect(out).toMatch(/^k7m2xq {2}migration: approved; maria@acme.dev is 2nd in line\n {2}has: {2}ana@acme.dev until/);
    expect(out).not.toContain('next:');
  });

  it.each([
    [1, '1st'],
    [2, '2nd'],
    [3, '3rd'],
    [4, '4th'],
    [11, '11th'],
    [12, '12th'],
    [13, '13th'],
    [21, '21st'],
    [61, '61st'],
    [112, '112th'],
  ])('counts: %j is %s', (place, word) => {
    expect(ordinal(place)).toBe(word);
  });
});

describe('request --queue --wait', () => {
  const look = (request: Request, version = request.version, grants: readonly GrantView[] = []): FollowResult => ({
    request,
    grants,
    version,
  });
  /** Answers of `request`, one after the other, then of `follow`. */
  const waiting = (
    answers: readonly (RequestResult | Refusal | OncallError)[],
    looks: readonly FollowResult[],
    extra: string[] = [],
    io = fakeIo(),
  ) => {
    const [mine, seen] = [[...answers], [...looks]];
    const next = <T>(left: T[]): T => (left.length > 1 ? (left.shift() as T) : (left[0] as T));
    const request = async () => {
      const answer = next(mine);
      if (answer instanceof Error) throw answer;
      return answer;
    };
    return run(['request', 'migration', '--queue', '--wait', ...extra], { request, follow: async () => next(seen) }, io);
  };
  const requests = (calls: readonly { verb: string; input: unknown }[]) =>
    calls.filter(({ verb }) => verb === 'request').map(({ input }) => input);

  it('takes the place when it is offered, by the same command', async () => {
    const { exit, out, err, calls } = await waiting([inLine(), given], [look(waits('queued')), look(waits('offered'), 2)]);
    expect(exit).toBe(0);
    expect(err).toContain('k7m2xq  migration: you are 2nd in line');
    expect(err).toContain('waiting for your turn, 5 min at most; Ctrl-C stops the waiting, and you stay in line');
    expect(out).toMatch(/^k7m2xq {2}migration until /);
    const [first, second] = requests(calls);
    expect([requests(calls).length, second]).toEqual([2, first]);
  });

  it('goes on where the offer was taken back, and where a source or the broker does not answer', async () => {
    const gone = new OncallError('broker-unreachable', 'the broker cannot be reached');
    const { exit, err, calls } = await waiting(
      [inLine(), inLine(), undecided, gone, given],
      [look(waits('offered'), 2), look(waits('queued'), 3), look(waits('offered'), 4)],
    );
    expect(exit).toBe(0);
    expect(err).toContain('could not decide: PagerDuty did not answer; trying again while the place is kept\n');
    expect(err).toContain('the broker cannot be reached; still waiting\nthere is an answer again\n');
    expect(requests(calls)).toHaveLength(5);
  });

  it('waits on in line where it waited for an approver, who says yes', async () => {
    const pending: RequestResult = aGranted({ result: 'pending', request: { ...aPending(), role: 'migration' }, grants: [] });
    const approved = waits('queued', { approvals: [{ by: ana, at: noon, answer: 'yes' }] });
    const { exit, err } = await waiting([pending, given], [look(approved, 2), look(waits('offered'), 3)]);
    expect(exit).toBe(0);
    expect(err).toContain('k7m2xq  migration: approved, and in line for a place\n');
  });

  it.each([
    ['offered', 'expired', 1, 'the place for k7m2xq was not taken in time'],
    ['queued', 'expired', 1, 'request k7m2xq stood in line for a day'],
    ['queued', 'denied', 3, 'request k7m2xq is out of line for migration'],
    ['queued', 'withdrawn', 1, 'request k7m2xq was withdrawn'],
  ] as const)('ends when what is %s is %s', async (before, after, exit, message) => {
    const ended = await waiting([inLine(undefined, waits(before)), undecided], [look({ ...waits('queued'), state: after }, 9)]);
    expect([ended.exit, ended.err]).toEqual([exit, expect.stringContaining(`error: ${message}`)]);
  });

  it('ends with what was refused when the turn had come', async () => {
    const refusal: Refusal = {
      ...undecided,
      result: 'denied',
      exit: 3,
      error: { ...undecided.error, code: 'denied', message: 'you cannot have migration now' },
    };
    const { exit, err } = await waiting([inLine(), refusal], [look(waits('offered'), 2)]);
    expect([exit, err]).toEqual([3, expect.stringContaining('error: you cannot have migration now')]);
  });

  it('says at the end of its patience, and at Ctrl-C, that the place in line stays', async () => {
    const late = await waiting([inLine()], [look(waits('queued'))], ['--timeout', '5s']);
    expect([late.exit, late.out]).toEqual([
      8,
      expect.stringMatching(/^k7m2xq {2}migration: not your turn in 5 s; you are still in line\n/),
    ]);
    const io = fakeIo({ beforeSleep: () => io.interrupt() });
    const stopped = await waiting([inLine()], [look(waits('queued'))], [], io);
    expect([stopped.exit, stopped.err]).toEqual([130, expect.stringContaining('request k7m2xq is still in line')]);
  });
});

describe('status with a line', () => {
  const ends = aGranted({ request: aRequest({ id: 'aaaaaa', role: 'migration', requester: ana }) }).request;
  const [one, two] = [
    waits('queued', { requestedAt: noon - 30 * minute }),
    waits('queued', { id: 'bbbbbb', requester: { ...ana, email: 'bo@acme.dev' } }),
  ];
  const lines = [{ role: 'migration', waiting: ['k7m2xq', 'bbbbbb'] }];
  const grants = [oktaTarget, awsTarget].map((target) => aGrant(target, { requestId: 'aaaaaa', state: 'revoking', owned: true }));
  const rows = async (changes: Parameters<typeof aStatus>[0]) =>
    (await run(['status'], { status: async () => aStatus(changes) })).out.split('\n');

  it('shows the place of each and since when, and who hands over', async () => {
    const shown = await rows({ requests: [ends, one, two], grants, lines });
    expect(shown[1]).toMatch(/^aaaaaa {2}migration {2}ana@acme.dev +2 of 2 {2}handing over {2}- /);
    expect(shown[2]).toMatch(/^k7m2xq {2}migration {2}maria@acme.dev +- +1st in line {3}- +since 12:30 CET \(11:30Z\)/);
    expect(shown[3]).toMatch(/^bbbbbb .* 2nd in line /);
  });

  it('shows until when a place is kept, and calls nobody’s end a handing over where nobody waits', async () => {
    const [, first, second] = await rows({ requests: [ends, waits('offered')], grants, lines: [] });
    expect(first).toContain('  ending  ');
    expect(second).toMatch(/ offered +10 min +13:10 CET/);
  });
});
