/** What callers are told of errors: what to do, and nothing of the places on the broker's host. */

import { describe, expect, it } from 'vitest';
import { errorOutward, resultOutward } from '../../src/broker/outward.ts';
import { OncallError } from '../../src/errors.ts';
import type { Policy } from '../../src/policy/types.ts';
import { insideOf } from '../../src/wiring/serve-inside.ts';
import { startBroker } from './world.ts';

const policy = {
  path: '/etc/oncall/oncall.yaml',
  ledger: { postgres: { file: '/run/secrets/database-url' } },
  directories: { okta: { settings: { token: { file: '/opt/keys/okta-token' }, orgUrl: 'https://acme.okta.com' } } },
  rosters: {},
} as unknown as Policy;
const inside = insideOf(policy, 'postgres://db.acme.dev:5432/oncall', '/var/lib/oncall/state');
const told = (code: string, message: string, more: { why?: string; next?: string } = {}) =>
  errorOutward(new OncallError(code, message, more), inside);

describe('an error', () => {
  it('names the policy and the ledger by these words', () => {
    expect(
      told('unknown-role', 'there is no role "x"', { why: '/etc/oncall/oncall.yaml has db-admin', next: 'oncall roles' }),
    ).toMatchObject({
      why: 'the policy has db-admin',
      next: 'oncall roles',
    });
    const next = 'check that the database is up; run the same command again; if it stays so: oncall doctor';
    const lost = told('ledger-unreachable', 'the ledger db.acme.dev:5432/oncall cannot be reached', {
      why: 'connect ECONNREFUSED 10.0.0.5:5432',
      next,
    });
    expect(lost).toMatchObject({ message: 'the ledger cannot be reached', why: undefined, next });
    expect(told('x', 'there is no ledger postgres://db.acme.dev:5432/oncall to check').message).toBe('there is no ledger to check');
  });

  it('names no file of the host, and who can do what would be done there', () => {
    expect(
      told('secret-exposed', 'the token of okta is open to every user of this host', {
        why: '/opt/keys/okta-token has mode 644',
        next: 'chmod 600 /opt/keys/okta-token',
      }),
    ).toMatchObject({
      message: 'the token of okta is open to every user of this host',
      why: 'a file of the broker has mode 644',
      next: "tell whoever runs the broker; the broker's log says what to do",
    });
    for (const path of ['/run/secrets/database-url', '/opt/keys', '/etc/oncall/tls/key.pem', '/var/lib/oncall/state/keys-1.json'])
      expect(told('x', `cannot read ${path}: EACCES (${path})`).message).toBe(
        'cannot read a file of the broker: EACCES (a file of the broker)',
      );
    const kept = 'https://acme.okta.com/etc/x and okta/run and /api/v1/users, see /openapi.json';
    expect(told('x', kept, { next: kept })).toMatchObject({ message: kept, next: kept });
  });
});

describe('a result', () => {
  const because = 'the token of okta cannot be read: /opt/keys/okta-token does not exist';
  const body = JSON.stringify({ grants: [{ lastError: because, reason: 'see /opt/keys/okta-token "x"' }], findings: [{ because }] });

  it('is held to the same in what this program says, and what people wrote stays', () => {
    const plain = 'the token of okta cannot be read: a file of the broker does not exist';
    expect(JSON.parse(resultOutward('status', body, inside))).toEqual({
      grants: [{ lastError: plain, reason: 'see /opt/keys/okta-token "x"' }],
      findings: [{ because: plain }],
    });
  });

  it('stays as it is where it is for admins, or is what hashes were made of', () => {
    for (const name of ['audit', 'doctor', 'sweep'] as const) expect(resultOutward(name, body, inside)).toBe(body);
  });

  it('costs little however long it is', () => {
    const long = JSON.stringify({ grants: [{ reason: 'x'.repeat(5_000_000) }, { lastError: '/opt/keys/x' }] });
    expect(resultOutward('status', long, inside)).toHaveLength(long.length - '/opt/keys/x'.length + 'a file of the broker'.length);
  });
});

describe('through a broker', () => {
  it('callers get the words, and the log the places', async () => {
    const failing = new OncallError('ledger-unreachable', 'the ledger db.acme.dev:5432/oncall cannot be reached', { why: '10.0.0.5:5432' });
    const world = await startBroker({
      host: (whole) => ({
        operationsFor: (actor, signal) => ({ ...whole.operationsFor(actor, signal), status: () => Promise.reject(failing) }),
      }),
    });
    const { status, text } = await world.call('status');
    expect([status, text.includes('db.acme.dev'), text.includes('10.0.0.5')]).toEqual([503, false, false]);
    expect(world.logged).toEqual([expect.stringContaining('db.acme.dev:5432/oncall cannot be reached: 10.0.0.5:5432')]);
    const release = () => Promise.reject(new OncallError('x', 'a', { exit: 2, why: '/etc/oncall/oncall.yaml has none' }));
    Object.assign(world.host, { operationsFor: () => ({ release }) });
    for (let i = 0; i < 2; i++) {
      const again = await world.call('release', { id: 'x' }, 'maria', { 'idempotency-key': 'k' });
      expect(again.body.error).toMatchObject({ code: 'x', why: 'the policy has none' });
    }
    expect(JSON.stringify(await world.events())).not.toContain('/etc/oncall');
    await world.stop();
  });
});
