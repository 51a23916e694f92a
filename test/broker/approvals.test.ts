/** Approving by HTTP alone, with tokens and bodies of one's own making: no yes is taken that is none, and each refusal says which it is. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { approvedBy } from '../operations/approval-world.ts';
import { hour, user } from '../operations/world.ts';
import { type BrokerWorld, type Reply, send, startBroker } from './world.ts';

let world: BrokerWorld;
beforeEach(async () => {
  const approvers = ['maria', 'MARIA', 'ｍaria', 'ma\u200bria', 'm.silva', 'sam', 'ana', 'boss'].map(user);
  world = await startBroker({ company: { roles: [approvedBy(approvers), { ...approvedBy(approvers, { quorum: 2 }), name: 'two' }] } });
});
afterEach(() => world.stop());

const asked = { byDefault: true };
const ask = async (role = 'db-admin', reason = 'index rebuild'): Promise<string> => {
  const { body } = await world.call('request', { role, asked, reason });
  expect(body.result.result).toBe('pending');
  return body.result.request.id;
};
const approve = (id: string, as: string, more: object = {}, headers = {}): Promise<Reply> =>
  world.call('approve', { id, ...more }, as, headers);
const digestOf = async (id: string): Promise<string> =>
  (await world.call('waiting', {}, 'sam')).body.result.requests.find((one: { id: string }) => one.id === id).digest;

/** As whoever the claims say, where the issuer vouches for them. */
const approveAs = (id: string, claims: object): Promise<Reply> =>
  send(world.port, {
    method: 'POST',
    path: '/v1/approve',
    headers: {
      host: `localhost:${world.port}`,
      'content-type': 'application/json',
      authorization: `Bearer ${world.forge.access({ ...claims })}`,
    },
    body: JSON.stringify({ id }),
  });

const isIn = (): boolean => world.company.okta.in('db').length > 0;

function expectRefused({ status, body }: Reply, code: string, wanted: number): void {
  expect([status, body.error?.code ?? body.result?.result], JSON.stringify(body)).toEqual([wanted, code]);
  expect(isIn()).toBe(false);
}

describe('one’s own request', () => {
  it.each([
    ['with one’s own token', { sub: 'maria@acme.dev', uid: '00u-maria' }],
    ['with one’s own subject and another e-mail', { sub: 'ana@acme.dev', uid: '00u-maria' }],
    ['with another subject and one’s own e-mail', { sub: 'maria@acme.dev', uid: '00u-other' }],
    ['in capital letters', { sub: 'MARIA@ACME.DEV', uid: '00u-other' }],
  ])('is not approved %s', async (_, claims) => {
    expectRefused(await approveAs(await ask(), claims), 'own-request', 403);
  });

  it('is not approved in letters of full width: no such token is taken', async () => {
    expectRefused(await approveAs(await ask(), { sub: 'ｍaria@acme.dev', uid: '00u-other' }), 'token-refused', 401);
  });
});

describe('a yes', () => {
  it('that is replayed is answered as before under its key, and refused under another', async () => {
    const id = await ask();
    const key = { 'idempotency-key': 'k1' };
    const first = await approve(id, 'sam', {}, key);
    expect(first).toMatchObject({ status: 200, body: { result: { result: 'granted' } } });
    await world.call('release', { id });
    expect(isIn()).toBe(false);
    expect((await approve(id, 'sam', {}, key)).text).toBe(first.text);
    expect(isIn()).toBe(false);
    expectRefused(await approve(id, 'sam', {}, { 'idempotency-key': 'k2' }), 'not-pending', 409);
    // Nobody else's key leads to it.
    expectRefused(await approve(id, 'ana', {}, key), 'not-pending', 409);
  });

  it('to what has been edited is refused, by the id and by the digest', async () => {
    const id = await ask();
    const seen = await digestOf(id);
    const other = await ask('db-admin', 'drop all tables');
    expectRefused(await approve(id, 'sam', { seen }), 'not-pending', 409);
    expectRefused(await approve(other, 'sam', { seen }), 'not-as-seen', 409);
  });

  it('to another request is refused, and so is one that says nothing of what it saw', async () => {
    const [one, two] = [await ask(), await ask('two')];
    expectRefused(await approve(two, 'sam', { seen: await digestOf(one) }), 'not-as-seen', 409);
    expectRefused(await approve(one, 'sam', { seen: '' }), 'bad-input', 400);
    expectRefused(await approve(one, 'sam', { seen: 'x'.repeat(64) }), 'bad-input', 400);
  });

  it('that comes too late is refused: after withdrawal, after a no, after its time', async () => {
    const withdrawn = await ask();
    await world.call('release', { id: withdrawn });
    expectRefused(await approve(withdrawn, 'sam'), 'not-pending', 409);
    const denied = await ask();
    await world.call('deny', { id: denied }, 'ana');
    expectRefused(await approve(denied, 'sam'), 'not-pending', 409);
    const expired = await ask();
    world.company.now += hour;
    expectRefused(await approve(expired, 'sam'), 'not-pending', 409);
  });

  it('of one person counts once, by whatever token', async () => {
    const id = await ask('two');
    expect((await approve(id, 'sam')).body.result).toMatchObject({ result: 'pending', yes: { of: 2 } });
    expectRefused(await approve(id, 'sam'), 'said-yes-already', 409);
    expectRefused(await approveAs(id, { sub: 'sam@acme.dev', uid: '00u-second' }), 'said-yes-already', 409);
    expectRefused(await approveAs(id, { sub: 'ana@acme.dev', uid: '00u-sam' }), 'said-yes-already', 409);
    expect((await approve(id, 'ana')).body.result).toMatchObject({ result: 'granted' });
    expect(isIn()).toBe(true);
  });

  it('brings nothing of its own: neither who says it, nor in whose place, nor what was said before', async () => {
    const id = await ask('two');
    for (const more of [
      { by: 'boss@acme.dev' },
      { inPlaceOf: 'boss@acme.dev' },
      { approvals: [] },
      { digest: await digestOf(id) },
      { quorum: 1 },
    ]) {
      expectRefused(await approve(id, 'sam', more), 'bad-input', 400);
    }
  });
});

it('eight at once, of whom two are needed, let her in once', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) world.company.okta.addUser(`${name}@acme.dev`);
  const crowd = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  Object.assign(world.company.policy.roles, { two: { ...approvedBy(crowd.map(user), { quorum: 2 }), name: 'two' } });
  const id = await ask('two');
  const answers = await Promise.all(crowd.map((name) => approve(id, name)));
  const outcomes = answers.map(({ body }) => body.result?.result ?? body.error.code).sort();
  expect(outcomes).toEqual(['granted', ...Array.from({ length: 6 }, () => 'not-pending'), 'pending']);
  expect(world.company.okta.calls.filter(({ verb }) => verb === 'add')).toHaveLength(1);
});
