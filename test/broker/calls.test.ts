/** Calls over a real socket: what is answered, in which form, with which status. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { role, rule, user } from '../operations/world.ts';
import { type BrokerWorld, send, startBroker } from './world.ts';

let world: BrokerWorld;

beforeAll(async () => {
  world = await startBroker({
    company: {
      roles: [
        role('db-admin'),
        role('web', { allow: [], ask: [rule(user('maria'))], approvers: [rule(user('boss'))] }),
        role('one', { targets: [{ directory: 'okta', group: 'web' }], maxHolders: 1 }),
        role('nobodys', { allow: [] }),
      ],
      exclusive: ['web'],
    },
  });
});
afterAll(() => world.stop());

const asked = { byDefault: true };

describe('a call', () => {
  it('is done as the person of the token, and answered with what the operation gives', async () => {
    const { status, body, headers } = await world.call('request', { role: 'db-admin', asked });
    expect(body).toMatchObject({ schema: 1, result: { result: 'granted', request: { requester: { email: 'maria@acme.dev' } } } });
    expect(status).toBe(200);
    expect(world.company.okta.in('db')).toContain('maria@acme.dev');
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'oncall-version': '9.8.7',
      'x-content-type-options': 'nosniff',
    });
    expect(Math.abs(Date.parse(headers.date ?? '') - Date.now())).toBeLessThan(60_000);
  });

  it('keeps the document of a refusal, and says by the status what it is', async () => {
    const denied = await world.call('request', { role: 'nobodys', asked });
    expect(denied).toMatchObject({ status: 403, body: { schema: 1, result: { result: 'denied', exit: 3, error: { code: 'denied' } } } });
    await world.call('request', { role: 'one', asked }, 'sam');
    const taken = await world.call('request', { role: 'one', asked }, 'ana');
    expect(taken).toMatchObject({ status: 409, body: { schema: 1, result: { result: 'taken', exit: 8 } } });
  });

  it('gives what an operation throws as an error in three parts, with its exit', async () => {
    const unknown = await world.call('status', { of: 'zzzzzz' });
    expect(unknown).toMatchObject({ status: 400, body: { schema: 1, exit: 2, error: { code: 'unknown-request', next: 'oncall status' } } });
    const forbidden = await world.call('revoke', { all: true });
    expect(forbidden).toMatchObject({ status: 403, body: { exit: 3, error: { code: 'forbidden', why: expect.any(String) } } });
  });

  it('takes every operation of the table, and explains what it does not know', async () => {
    const fine = { roles: {}, waiting: {}, status: {}, explain: { role: 'web', asked }, verify: {}, doctor: {}, sweep: { dryRun: true } };
    for (const [name, input] of Object.entries(fine)) expect([name, (await world.call(name, input)).status]).toEqual([name, 200]);
    expect(await world.call('grant-all')).toMatchObject({ status: 404, body: { error: { code: 'unknown-operation' } } });
    const got = await send(world.port, { path: '/v1/roles', headers: { host: `localhost:${world.port}` } });
    expect(got).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });
});
