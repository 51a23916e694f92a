/** Every operation called as somebody who may not: nothing is done, and each refusal is in the audit once. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operationNames } from '../../src/broker/api.ts';
import { role, rule, user } from '../operations/world.ts';
import { type BrokerWorld, send, startBroker } from './world.ts';

let world: BrokerWorld;
let pending: string;
let held: string;

beforeAll(async () => {
  world = await startBroker({
    company: {
      roles: [
        role('db-admin'),
        role('web', {
          targets: [{ directory: 'okta', group: 'web' }],
          allow: [],
          ask: [rule(user('maria'))],
          approvers: [rule(user('sam'))],
        }),
      ],
    },
  });
  held = (await world.call('request', { role: 'db-admin', asked })).body.result.request.id;
  pending = (await world.call('request', { role: 'web', asked, reason: 'a change' })).body.result.request.id;
});
afterAll(() => world.stop());

const asked = { byDefault: true };

const inputOf = (name: string): object =>
  ({
    request: { role: 'db-admin', asked },
    explain: { role: 'db-admin', asked },
    release: { id: held },
    approve: { id: pending },
    follow: { id: pending, forMs: 0 },
    deny: { id: pending },
    revoke: { all: true },
    recover: { decided: { end: [], keep: [] } },
    adopt: { directory: 'okta', group: 'db', end: { forMs: 1 } },
  })[name] ?? {};

/** All that could have changed, but for the refusals themselves. */
async function state() {
  const { events, ...rest } = await world.company.ledger.read(async (q) => ({
    requests: await q.openRequests(),
    grants: await q.liveGrants(),
    events: await q.lastEvents(undefined),
  }));
  const told = events.filter(({ type }) => type !== 'call.refused' && type !== 'request.refused').map(({ type, seq }) => `${seq} ${type}`);
  return { ...rest, told: told.length, db: world.company.okta.in('db'), web: world.company.okta.in('web') };
}

async function refusals() {
  return (await world.events()).filter(({ type }) => type === 'call.refused' || type === 'request.refused');
}

describe('who may not', () => {
  it.each(operationNames)('is refused %s without a token, and it is in the audit as by nobody', async (name) => {
    const before = { state: await state(), refusals: (await refusals()).length };
    const headers = { host: `localhost:${world.port}`, 'content-type': 'application/json' };
    const { status } = await send(world.port, { method: 'POST', path: `/v1/${name}`, headers, body: JSON.stringify(inputOf(name)) });
    expect(status).toBe(401);
    expect(await state()).toEqual(before.state);
    const after = await refusals();
    expect(after.length).toBe(before.refusals + 1);
    expect(after.at(-1)).toMatchObject({ actor: 'nobody', data: { operation: name, code: 'not-signed-in', address: '127.0.0.1' } });
  });

  it.each(operationNames)('is refused %s when blocked, and it is in the audit as by them', async (name) => {
    world.knobs.blocked = ['maria@acme.dev'];
    const before = { state: await state(), refusals: (await refusals()).length };
    const { status, body } = await world.call(name, inputOf(name));
    world.knobs.blocked = [];
    expect([status, body.exit, body.error.code]).toEqual([403, 3, 'blocked']);
    expect(await state()).toEqual(before.state);
    const after = await refusals();
    expect(after.length).toBe(before.refusals + 1);
    expect(after.at(-1)).toMatchObject({ actor: { email: 'maria@acme.dev' }, data: { operation: name, code: 'blocked' } });
  });

  it.each<readonly [string, string, () => object, string]>([
    ['request', 'boss', () => ({ role: 'db-admin', asked }), 'whom no rule lets in'],
    [
      'request',
      'ana',
      () => ({ role: 'db-admin', asked, despiteLateSweep: true, reason: 'x' }),
      'who is no admin and wants in despite a late sweep',
    ],
    ['release', 'ana', () => ({ id: held }), 'who does not hold it'],
    ['approve', 'ana', () => ({ id: pending }), 'who is no approver'],
    ['approve', 'boss', () => ({ id: pending }), 'who is an admin and no approver'],
    ['approve', 'maria', () => ({ id: pending }), 'who asked for it'],
    ['deny', 'ana', () => ({ id: pending }), 'who is no approver'],
    ['deny', 'maria', () => ({ id: pending }), 'who asked for it'],
    ['follow', 'ana', () => ({ id: pending, forMs: 0 }), 'whom it does not concern'],
    ['revoke', 'ana', () => ({ id: held }), 'who is no admin'],
    ['revoke', 'sam', () => ({ id: held }), 'who approves another role'],
    ['revoke', 'ana', () => ({ holder: 'maria@acme.dev' }), 'who is no admin'],
    ['revoke', 'ana', () => ({ role: 'web' }), 'who is no approver'],
    ['revoke', 'ana', () => ({ all: true }), 'who is no admin'],
    ['revoke', 'ana', () => ({ all: true, dryRun: true }), 'who only wants to see it'],
    ['audit', 'ana', () => ({ of: held }), 'whom it does not concern'],
    ['recover', 'ana', () => ({}), 'who only wants to see it'],
    ['recover', 'sam', () => ({ decided: { end: [], keep: [] } }), 'who is no admin'],
    ['adopt', 'ana', () => ({ directory: 'okta', group: 'db' }), 'who only wants to see it'],
    [
      'adopt',
      'sam',
      () => ({ directory: 'okta', group: 'db', end: { forMs: 1 }, decided: { standing: [], ending: ['maria@acme.dev@okta/db'] } }),
      'who is no admin',
    ],
  ])('is refused %s as %s, %4$s', async (name, who, input) => {
    const before = { state: await state(), refusals: (await refusals()).length };
    const { status } = await world.call(name, input(), who);
    expect([400, 403]).toContain(status);
    expect(await state()).toEqual(before.state);
    const after = await refusals();
    expect(after.length).toBe(before.refusals + 1);
    expect(after.at(-1)).toMatchObject({ actor: { email: `${who}@acme.dev` } });
  });
});
