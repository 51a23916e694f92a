/** A run that keeps to a rate counts requests: each one is sent in a turn of its own, and a turn sees what a refused one failed with. */

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Directory, Turn } from '../../src/directories/directory.ts';
import { isProviderError, type ProviderError } from '../../src/errors.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { iamError, type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { type FakeOkta, oktaError, startOkta } from '../fakes/okta.ts';
import { administrator, bareAwsEnv, openIam, pagedProxy } from './iam-world.ts';
import { openOkta, secretFile } from './okta-world.ts';

function counting() {
  const counted = { turns: 0, errors: [] as ProviderError[] };
  const turn: Turn = (request) => {
    counted.turns++;
    return request().catch((error: unknown) => {
      if (isProviderError(error)) counted.errors.push(error);
      throw error;
    });
  };
  return Object.assign(counted, { turn });
}

async function everything(directory: Directory, pin: Pin, turn: Turn): Promise<void> {
  await directory.findUser(pin.userName, { turn });
  await directory.findGroup(pin.groupName, { turn, toRead: true });
  await directory.add(pin, { turn });
  expect(await directory.members(pin, { turn })).toHaveLength(12);
  expect(await directory.read(pin, { turn })).toBe('member');
  expect(await directory.remove(pin, { turn })).toBe('removed');
  expect(await directory.read(pin, { turn })).toBe('absent');
}

const crowd = Array.from({ length: 11 }, (_, index) => `crowd${index}`);

describe('okta', () => {
  let okta: FakeOkta;
  let proxy: FaultProxy;
  let directory: Directory;
  let pin: Pin;
  beforeAll(async () => {
    okta = await startOkta();
    proxy = await startFaultProxy(okta.url);
  });
  afterAll(async () => {
    await proxy?.stop();
    await okta?.stop();
  });
  beforeEach(async () => {
    okta.reset();
    proxy.clear();
    okta.addGroup('db');
    for (const name of ['maria', ...crowd]) okta.addUser(`${name}@acme.dev`);
    for (const name of crowd) okta.named('db').members.add(okta.known(`${name}@acme.dev`).id);
    ({ directory } = await openOkta({ orgUrl: proxy.url, token: secretFile('token', okta.token) }));
    const [user, group] = [await directory.findUser('maria@acme.dev', {}), await directory.findGroup('db', {})];
    if (!user || !group) throw new Error('the fake is not as arranged');
    pin = { ...group, userId: user.userId, userName: user.userName };
    proxy.clear();
  });

  it('sends each request in a turn of its own, pages too', async () => {
    const counted = counting();
    await everything(directory, pin, counted.turn);
    expect(counted.turns).toBe(proxy.seen.length);
    expect(counted.turns).toBeGreaterThanOrEqual(9);
  });

  it('takes another turn for another try, and shows the refusal to the turn', async () => {
    const headers = { date: new Date(0).toUTCString(), 'x-rate-limit-reset': '1' };
    proxy.fail(`GET /api/v1/users/${pin.userId}/groups`, oktaError(429, 'E0000047', 'too many', headers), 2);
    const counted = counting();
    expect(await directory.read(pin, { turn: counted.turn })).toBe('absent');
    expect(counted.turns).toBe(proxy.seen.length);
    expect(counted.errors.map(({ fault }) => fault)).toEqual(['rate-limited', 'rate-limited']);
  });

  it('does not count the wait for turns towards its time', async () => {
    ({ directory } = await openOkta({ orgUrl: proxy.url, token: secretFile('token', okta.token), timeout: '1s' }));
    const slowly: Turn = async (request) => {
      await new Promise((done) => setTimeout(done, 2_100));
      return request();
    };
    expect(await directory.findUser(pin.userName, { turn: slowly })).toMatchObject({ userId: pin.userId });
  });
});

describe.skipIf(noMoto)(`aws-iam${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  let moto: Moto;
  let proxy: FaultProxy;
  let directory: Directory;
  let pin: Pin;
  beforeAll(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    moto = (await startMoto()) as Moto;
    proxy = await pagedProxy(moto);
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy?.stop();
    await moto?.stop();
  });
  beforeEach(async () => {
    await moto.reset();
    proxy.clear();
    const admin = administrator(moto.url);
    await admin.addGroup('db');
    for (const name of ['maria', ...crowd]) await admin.addUser(name);
    for (const name of crowd) await admin.join(name, 'db');
    const opened = await openIam({ endpoint: proxy.url });
    directory = opened.directory;
    const [user, group] = [await directory.findUser('maria', {}), await directory.findGroup('db', {})];
    if (!user || !group) throw new Error('moto is not as arranged');
    pin = { ...group, userId: user.userId, userName: user.userName };
    opened.passTime();
    proxy.clear();
  });
  /** Whose account the credentials are is asked of STS, which counts for itself. */
  const sent = (): number => proxy.seen.filter(({ action }) => action !== 'GetCallerIdentity').length;

  it('sends each request in a turn of its own, pages too', async () => {
    const counted = counting();
    await everything(directory, pin, counted.turn);
    expect(counted.turns).toBe(sent());
    expect(counted.turns).toBeGreaterThanOrEqual(9);
  });

  it('takes another turn for another try of the SDK, and shows the refusal to the turn', async () => {
    proxy.fail('ListGroupsForUser', iamError(400, 'Throttling', 'Rate exceeded'), 2);
    const counted = counting();
    expect(await directory.read(pin, { turn: counted.turn })).toBe('absent');
    expect(counted.turns).toBe(sent());
    expect(counted.errors.map(({ fault }) => fault)).toEqual(['rate-limited', 'rate-limited']);
  });

  it('shows a refused write to the turn, and sends it no second time', async () => {
    proxy.fail('RemoveUserFromGroup', iamError(400, 'Throttling', 'Rate exceeded', { 'retry-after': '7' }));
    const counted = counting();
    await expect(directory.remove(pin, { turn: counted.turn })).rejects.toMatchObject({ fault: 'rate-limited', applied: 'no' });
    expect(counted.errors).toMatchObject([{ fault: 'rate-limited', retryAfterMs: 7_000 }]);
    expect(proxy.seen.filter(({ action }) => action === 'RemoveUserFromGroup')).toHaveLength(1);
  });
});
