/** `oncall approve` where several say yes, one after the other, or in somebody's place. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import type { WaitingRequest } from '../../src/operations/approval-types.ts';
import type { Operations, RequestResult } from '../../src/operations/types.ts';
import { fakeIo, noon } from '../fakes/io.ts';
import {
  aDecision,
  aGrant,
  aGranted,
  aPending,
  aRequest,
  aWaiting,
  awsTarget,
  fakeWiring,
  hour,
  minute,
  oktaTarget,
} from '../fakes/operations.ts';

async function run(argv: readonly string[], answers: Partial<Operations>) {
  const io = fakeIo();
  const wiring = fakeWiring(answers);
  const exit = await main(['--utc', ...argv], {}, io, wiring);
  return { exit, out: io.out(), err: io.err(), calls: wiring.calls };
}

const list = async (changes: Partial<WaitingRequest>) => (await run(['approve'], { waiting: async () => aWaiting(changes) })).out;

describe('what waits', () => {
  it('says how many have to say yes, and who has', async () => {
    expect(await list({ yes: { by: [], of: 2, dropped: [] } })).toContain('\n  take: 2 people have to say yes\n');
    expect(await list({ yes: { by: ['ana@acme.dev'], of: 2, dropped: [] } })).toContain(
      '\n  take: 2 people have to say yes, and ana@acme.dev did\n',
    );
    expect(await list({})).not.toContain('people have to');
  });

  it('says whose turn it is, and when the next one comes', async () => {
    const turns = [
      { rule: 'a', who: 'on call for pagerduty/PMGR567', at: noon - minute, skipped: true as const },
      { rule: 'b', who: 'sam@acme.dev', at: noon - minute },
      { rule: 'c', who: 'member of okta/Leads', at: noon + 9 * minute },
    ];
    expect(await list({ turns })).toContain('\n  turn: yours\n        from 12:09Z on also: member of okta/Leads\n');
    expect(await list({ turns, yoursAt: noon + 9 * minute })).toContain('\n  turn: yours comes 12:09Z, 9 min; now: sam@acme.dev\n');
    expect(await list({ turns: turns.slice(0, 2) })).not.toContain('turn:');
  });

  it('says in whose place one says it', async () => {
    expect(await list({ inPlaceOf: { email: 'boss@acme.dev', endsAt: noon + hour } })).toContain(
      '\n  you:  you say it for boss@acme.dev, who is away until 13:00Z\n',
    );
  });

  it('shows emergencies to look at, and what nobody could find out', async () => {
    const review = { ...aRequest(), origin: 'break-glass' as const, reason: 'nobody answers', digest: 'd1', dueAt: noon + hour };
    const unknown = { id: 'ab2cde', role: 'web', requester: 'sam@acme.dev', because: 'PagerDuty did not answer within 5 s' };
    const { out, exit } = await run(['approve'], { waiting: async () => ({ requests: [], unknown: [unknown], reviews: [review] }) });
    expect(exit).toBe(0);
    expect(out).toContain(
      'k7m2xq  maria@acme.dev broke the glass of db-admin, just now; the review is due 13:00Z, 1 h\n  says: nobody answers\n  next: look at it: oncall audit list k7m2xq\n        say that you have: oncall approve k7m2xq --reason "…"\n',
    );
    expect(out).not.toContain('oncall deny');
    const late = await run(['approve'], {
      waiting: async () => ({ requests: [], unknown: [], reviews: [{ ...review, dueAt: noon - hour }] }),
    });
    expect(late.out).toContain('; the review was due 1 h ago\n');
    expect(out.replaceAll(/\s+/g, ' ')).toContain(
      'ab2cde web for sam@acme.dev: not known whether it waits for you: PagerDuty did not answer within 5 s',
    );
    expect((await run(['approve'], { waiting: async () => ({ requests: [], unknown: [], reviews: [] }) })).out).toBe(
      'nothing waits for you\n',
    );
  });

  it('is a document with digests, for whoever approves by a program', async () => {
    const { out } = await run(['approve', '--json'], { waiting: async () => aWaiting({ yoursAt: noon }) });
    expect(JSON.parse(out)).toMatchObject({
      ...{ schema: 1, unknown: [], reviews: [] },
      requests: [{ id: 'k7m2xq', digest: 'a1'.repeat(32), yes: { by: [], of: 1 }, yoursAt: '2026-11-22T12:00:00.000Z' }],
    });
  });
});

describe('a yes', () => {
  const first = (changes: Partial<RequestResult> = {}): RequestResult => ({
    ...{ result: 'pending', request: aPending(), grants: [], missing: [], decision: aDecision() },
    yes: { by: ['ana@acme.dev'], of: 2, dropped: [] },
    ...changes,
  });

  it('of several is done when it is given, and says how many are missing', async () => {
    const { exit, out } = await run(['approve', 'k7m2xq'], { approve: async () => first() });
    expect(exit).toBe(0);
    expect(out).toBe('k7m2xq  db-admin for maria@acme.dev: 1 of 2 have said yes; it waits for one more until 13:00Z, 1 h\n');
  });

  it('says whose no longer counts, and why', async () => {
    const dropped = [{ by: 'sam@acme.dev', because: 'sam@acme.dev is not active in okta' }];
    const { out } = await run(['approve', 'k7m2xq'], { approve: async () => first({ yes: { by: ['ana@acme.dev'], of: 3, dropped } }) });
    expect(out).toContain('1 of 3 have said yes; it waits for 2 more');
    expect(out.replaceAll(/\s+/g, ' ')).toContain('note: the yes of sam@acme.dev no longer counts: sam@acme.dev is not active in okta');
    const last = await run(['approve', 'k7m2xq', '--json'], {
      approve: async () => ({ ...aGranted(), yes: { by: ['ana@acme.dev'], of: 1, dropped } }),
    });
    expect(JSON.parse(last.out)).toMatchObject({ request: { id: 'k7m2xq' }, yes: { dropped } });
  });

  it('that lets in to a part only says who has to ask for the rest', async () => {
    const grants = [aGrant(oktaTarget), aGrant(awsTarget, { state: 'ended', endReason: 'failed', lastError: 'no' })];
    const { exit, err } = await run(['approve', 'k7m2xq'], { approve: async () => aGranted({ result: 'partial', grants }) });
    expect(exit).toBe(1);
    expect(err.replaceAll(/\s+/g, ' ')).toContain(
      'next: oncall request db-admin tries again what is missing, where maria@acme.dev runs it',
    );
  });

  it('goes with the digest of what was looked at, for one request', async () => {
    const seen = 'ab'.repeat(32);
    const { calls } = await run(['approve', 'k7m2xq', '--seen', seen], { approve: async () => aGranted() });
    expect(calls).toEqual([{ verb: 'approve', input: { id: 'k7m2xq', seen } }]);
    expect((await run(['approve', 'k7m2xq', 'ab2cde', '--seen', seen], {})).exit).toBe(2);
  });
});

describe('whoever asked', () => {
  it('is told who may say yes from when on, and how many have to', async () => {
    const turns = [
      { rule: 'a', who: 'on call for pagerduty/PMGR567', at: noon, skipped: true as const },
      { rule: 'b', who: 'sam@acme.dev', at: noon },
      { rule: 'c', who: 'member of okta/Leads', at: noon + 10 * minute },
    ];
    const decision = aDecision({ outcome: 'ask', quorum: 2, turns, approvers: ['x'] });
    const pending = { ...aPending(), decision };
    const { exit, out } = await run(['request', 'db-admin', '--reason', 'x'], {
      request: async () => ({ result: 'pending', request: pending, grants: [], missing: [], decision }),
    });
    expect(exit).toBe(8);
    expect(out).toContain('\n  who:  sam@acme.dev\n        from 12:10Z on also: member of okta/Leads\n        2 people have to say yes\n');
  });
});
