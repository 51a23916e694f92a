/** A broker that answers with anything at all: each command ends in three lines that name the broker, never as a fault of this program. */

import { describe, expect, it } from 'vitest';
import { operationNames } from '../../src/broker/api.ts';
import { result } from '../broker/client-world.ts';
import { aGranted, aPending, aStatus } from '../fakes/operations.ts';
import { laptop, recordingBroker } from './laptop.ts';

/** With every answer that it takes where they are whole. */
const commands: Record<(typeof operationNames)[number], readonly string[]> = {
  request: ['request', 'db-admin'],
  status: ['status'],
  roles: ['roles'],
  explain: ['explain', 'db-admin'],
  release: ['release', 'db-admin'],
  approve: ['approve', 'k7m2xq'],
  waiting: ['approve'],
  follow: ['request', 'db-admin', '--wait', '--timeout', '1s'],
  deny: ['deny', 'k7m2xq'],
  revoke: ['revoke', 'k7m2xq', '--yes'],
  sweep: ['sweep'],
  audit: ['audit', 'list'],
  accesses: ['audit', 'list', '--csv'],
  adopt: ['adopt', 'okta/readers', '--for', '1h', '--yes'],
  verify: ['audit', 'verify'],
  recover: ['ledger', 'recover'],
  doctor: ['doctor'],
};

const deep = JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`);
const odd: readonly unknown[] = [
  ...[undefined, null, 7, 'x', true, {}, [], [null], [7], ['x'], [{}], [[]], [deep]],
  // Whole enough for the first look.
  ...[null, 7, 'x', {}, [], { id: 7 }].flatMap((part) => [
    { requests: [part], grants: [part], faults: [part], drift: [part], steps: [part], checks: [part], uncovered: [part] },
    { request: part, grants: [part], missing: [part], decision: part, result: 'granted', version: part },
    { request: part, grants: part, missing: part, decision: part, result: 'pending' },
    { result: 'denied', role: part, decision: part, error: part, exit: 3 },
  ]),
  { ...aStatus(), now: 'x', sweep: { lastAt: 1e300 } },
  { ...aGranted(), request: { ...aGranted().request, expiresAt: 1e300 } },
  { ...aGranted(), request: { ...aGranted().request, targets: 7 } },
  { ...aGranted(), result: 'pending', request: { ...aPending(), decision: { ...aPending().decision, findings: 7 } } },
];

const env = { ONCALL_USER: 'maria@acme.dev' };

/** Signed in to a broker that from then on answers with `answers.now`, or by the path where that is a map. */
async function oddBroker() {
  const answers: { now: unknown } = { now: [] };
  const { run, pass } = laptop();
  const { origin } = await recordingBroker(
    () => [{ kind: 'local' }],
    (response, seen) => {
      // Nobody waits for a second look.
      if (seen.url === '/v1/follow') pass(1_000);
      result(answers.now instanceof Map ? answers.now.get(seen.url) : answers.now)(response, seen);
    },
  );
  expect((await run(['login', origin], env)).exit).toBe(0);
  return { answers, origin, run };
}

describe('a broker that answers with odd values', () => {
  it.each(operationNames)(
    'to %s is told from a fault of this program',
    async (name) => {
      const { answers, origin, run } = await oddBroker();
      const pending = { ...aGranted(), result: 'pending', request: aPending(), grants: [] };
      for (const value of odd) {
        answers.now =
          name === 'follow'
            ? new Map<string, unknown>([
                ['/v1/request', pending],
                ['/v1/follow', value],
              ])
            : value;
        for (const more of [[], ['--json']]) {
          const { out, err } = await run([...commands[name], ...more], env);
          const shown = JSON.stringify(value)?.slice(0, 200);
          expect(`${out}${err}`, shown).not.toMatch(/a fault in oncall itself|^ +at /m);
          if (out.includes('"broker-version"')) expect(out).toContain(origin);
        }
      }
    },
    60_000,
  );

  it('is named with both versions, and with --verbose comes what stumbled over it', async () => {
    const { answers, origin, run } = await oddBroker();
    answers.now = { requests: [null], grants: [7], faults: [], drift: [] };
    const { exit, err } = await run(['status', '--verbose'], env);
    expect([exit, err]).toEqual([1, expect.stringContaining(`error: the broker ${origin} is not understood\n`)]);
    expect(err).toMatch(/why: {2}what it answered is not of the form that this program knows; it is oncall 0\.1\.0, this is 0\.1\.0\n/);
    expect(err).toMatch(/from: TypeError: /);
  });
});
