/** `--quiet`: the result alone, for scripts: ids, names or the table. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { commands } from '../../src/commands/index.ts';
import type { Operations } from '../../src/operations/types.ts';
import { fakeIo } from '../fakes/io.ts';
import { aDecision, aGrant, aGranted, aRequest, aStatus, aWaiting, fakeWiring, hour, oktaTarget } from '../fakes/operations.ts';

const ended = aGrant(oktaTarget, { state: 'ended', endReason: 'released' });
const over = { request: aRequest(), requests: [aRequest()], grants: [ended], ended: 1, left: 0 };
const step = { action: 'end', outcome: 'done', holder: 'maria@acme.dev', because: 'its time is up' } as const;

const answers: Partial<Operations> = {
  request: async () => aGranted(),
  status: async () => aStatus({ courtesy: true, faults: [{ code: 'stuck', message: 'stuck' }] }),
  roles: async () => [{ name: 'db-admin', targets: [oktaTarget], ttl: { defaultMs: hour, maxMs: hour }, rules: [] }],
  explain: async () => ({ role: 'db-admin', requester: 'm', decision: aDecision(), targets: [oktaTarget], exit: 0 }),
  release: async () => over,
  approve: async () => aGranted(),
  waiting: async () => aWaiting(),
  deny: async () => over,
  revoke: async () => over,
  sweep: async () => ({ steps: [step], ended: 1, failed: 0, remaining: 0 }),
  audit: async () => [{ seq: 1, at: 0, type: 'grant.active', actor: 'sweep', data: null, body: '{}', prev: 'p', hash: 'h' }],
};

async function run(...argv: string[]) {
  const io = fakeIo();
  const exit = await main(['--utc', '--quiet', ...argv], {}, io, fakeWiring(answers));
  return { exit, out: io.out(), err: io.err() };
}

const cases: readonly (readonly [string[], string])[] = [
  [['request', 'db-admin'], 'k7m2xq\n'],
  [
    ['status'],
    'id      role      holder          in      state   left        until\nk7m2xq  db-admin  maria@acme.dev  2 of 2  active  2 h 47 min  14:47Z\n',
  ],
  [['roles'], 'db-admin\n'],
  [['explain', 'db-admin'], 'allow\n'],
  [['release', 'db-admin'], 'k7m2xq\n'],
  [['approve'], 'k7m2xq\n'],
  [['approve', 'k7m2xq'], 'k7m2xq\n'],
  [['deny', 'k7m2xq'], 'k7m2xq\n'],
  [['revoke', 'k7m2xq'], 'k7m2xq\n'],
  [['sweep'], 'ended    maria@acme.dev: its time is up\n'],
  [['audit', 'list'], '1970-01-01 00:00:00Z  grant.active  -       by sweep\n'],
  [['policy', 'check'], ''],
];

describe('--quiet', () => {
  it.each(cases)('%j prints its result alone', async (argv, out) => {
    expect(await run(...argv)).toEqual({ exit: 0, out, err: '' });
  });

  it.each([
    ['whoami', 'maria@acme.dev\n'],
    ['logout', ''],
  ])('%s prints who it is, and nothing else', async (command, out) => {
    const io = fakeIo();
    const signIn = {
      login: () => Promise.reject(new Error('not expected')),
      logout: async () => [{ issuer: 'https://acme.okta.com', outcome: 'no-endpoint' as const }],
      whoami: async () => ({ email: 'maria@acme.dev', issuer: 'i', subject: 's', proof: 'word' as const }),
    };
    await main([command, '-q'], {}, io, { ...fakeWiring({}), signIn: async () => signIn });
    expect([io.out(), io.err()]).toEqual([out, '']);
  });

  it('still says what failed', async () => {
    const io = fakeIo();
    const failed = { ...over, grants: [aGrant(oktaTarget, { state: 'revoking' })], ended: 0, left: 1 };
    expect(await main(['release', 'db-admin', '-q'], {}, io, fakeWiring({ release: async () => failed }))).toBe(1);
    expect([io.out(), io.err().split('\n')[0]]).toEqual(['', 'error: not out yet: maria@acme.dev in okta/On-Call Database Admin']);
  });

  it('is in the help of every command', async () => {
    for (const { name } of commands) {
      const io = fakeIo();
      await main([...name.split(' '), '--help'], {}, io, fakeWiring({}));
      expect(io.out()).toMatch(/--quiet +print ids, names or the table only; no notes/);
    }
  });
});
