/** Whom and what a name stands for in IAM Identity Center, who has left, and how many calls it takes. */

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import awsIdentityCenter from '../../src/directories/aws-identity-center.ts';
import type { Directory, Turn } from '../../src/directories/directory.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeIdentityStore, type FakeStore, startIdentityStore } from '../fakes/identity-store.ts';
import { bareAwsEnv } from './iam-world.ts';
import { openIdentityCenter, storeId } from './identity-center-world.ts';

let fake: FakeIdentityStore;
let proxy: FaultProxy;
let store: FakeStore;
let directory: Directory;
let passTime: () => void;

beforeAll(async () => {
  for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
  fake = await startIdentityStore({ pageSize: 100 });
  proxy = await startFaultProxy(fake.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy?.stop();
  await fake?.stop();
});
beforeEach(async () => {
  fake.reset();
  store = fake.store(storeId);
  ({ directory, passTime } = await openIdentityCenter({ endpoint: proxy.url }));
  proxy.clear();
});

const actions = (): string[] => proxy.seen.map(({ action }) => action).sort();
const pinOf = (user: { id: string; name: string }, group: { id: string; name: string }): Pin => ({
  account: storeId,
  userId: user.id,
  userName: user.name,
  groupId: group.id,
  groupName: group.name,
});

describe('a user', () => {
  it('is found by the e-mail where that is not the user name', async () => {
    const { id } = store.addUser('msilva', 'maria@acme.dev');
    expect(await directory.findUser('Maria@Acme.dev', {})).toEqual({ userId: id, userName: 'msilva', active: true });
    expect(await directory.findUser('msilva', {})).toMatchObject({ userId: id });
  });

  it('is asked for by no e-mail that is none', async () => {
    store.addUser('maria', 'maria@acme.dev');
    await directory.findUser('maria', {});
    expect(actions()).toEqual(['DescribeUser', 'GetUserId']);
  });

  it('who is disabled is not active, and has left', async () => {
    const [user, group] = [store.addUser('maria@acme.dev'), store.addGroup('db-admins')];
    expect(await directory.hasLeft?.(pinOf(user, group), {})).toBe(false);
    user.status = 'DISABLED';
    expect(await directory.findUser('maria@acme.dev', {})).toMatchObject({ active: false });
    expect(await directory.hasLeft?.(pinOf(user, group), {})).toBe(true);
    // As stores answer that know of no status.
    user.status = undefined;
    expect(await directory.findUser('maria@acme.dev', {})).toMatchObject({ active: true });
    store.removeUser(user.id);
    expect(await directory.hasLeft?.(pinOf(user, group), {})).toBe(false);
  });
});

describe('a group that an identity provider put there', () => {
  const provisioned = [{ Issuer: 'https://scim.aws.com/7f8e', Id: '00g1' }];

  it('is refused, as its members are not for oncall to change; but its members can be asked for', async () => {
    const { id } = store.addGroup('Engineering', provisioned);
    for (const name of ['Engineering', id]) {
      const error = await expectFault(directory.findGroup(name, {}), 'refused', 'no');
      expect(error.message).toContain('Engineering comes from an identity provider');
      expect(error.next).toContain('made in IAM Identity Center itself');
      expect(await directory.findGroup(name, { toRead: true })).toMatchObject({ groupId: id });
    }
  });

  it('ends what it gave before all the same', async () => {
    const [user, group] = [store.addUser('maria@acme.dev'), store.addGroup('db-admins', provisioned)];
    store.join(user.id, group.id);
    expect(await directory.remove(pinOf(user, group), {})).toBe('removed');
  });
});

describe('calls', () => {
  it('are seven from the name to the membership, and three from there to its end', async () => {
    store.addUser('maria@acme.dev');
    store.addGroup('db-admins');
    const [user, group] = [await directory.findUser('maria@acme.dev', {}), await directory.findGroup('db-admins', {})];
    if (!user || !group) throw new Error('the fake is not as arranged');
    const pin = { ...group, userId: user.userId, userName: user.userName };
    await directory.read(pin, {});
    await directory.add(pin, {});
    expect(actions()).toEqual([
      'CreateGroupMembership',
      'DescribeGroup',
      'DescribeUser',
      'GetGroupId',
      'GetGroupMembershipId',
      'GetUserId',
      'GetUserId',
    ]);
    passTime();
    proxy.clear();
    await directory.remove(pin, {});
    expect(await directory.read(pin, {})).toBe('absent');
    expect(actions()).toEqual(['DeleteGroupMembership', 'GetGroupMembershipId', 'GetGroupMembershipId']);
  });

  const crowd = (size: number, group: { id: string }): void => {
    for (let i = 0; i < size; i++) store.join(store.addUser(`u${i}`).id, group.id);
  };
  const names = async (pin: Pin): Promise<readonly string[]> => {
    const members = await directory.members(pin, {});
    if (members === 'gone') throw new Error('the group is there');
    return members.map(({ userName }) => userName);
  };

  it('ask for few members one by one', async () => {
    const [maria, group] = [store.addUser('maria'), store.addGroup('db-admins')];
    crowd(3, group);
    expect(await names(pinOf(maria, group))).toEqual(['u0', 'u1', 'u2']);
    expect(actions()).toEqual(['DescribeUser', 'DescribeUser', 'DescribeUser', 'ListGroupMemberships']);
  });

  it('read the names of many off the list of all users', async () => {
    const [maria, group] = [store.addUser('maria'), store.addGroup('db-admins')];
    crowd(250, group);
    expect([...(await names(pinOf(maria, group)))].sort()).toEqual(Array.from({ length: 250 }, (_, i) => `u${i}`).sort());
    expect(actions().filter((action) => action === 'ListUsers')).toHaveLength(3);
    expect(actions()).not.toContain('DescribeUser');
  });

  it('read no more of that list than asking for each would cost', async () => {
    const [maria, group] = [store.addUser('maria'), store.addGroup('db-admins')];
    for (let i = 0; i < 400; i++) store.addUser(`elsewhere${i}`);
    crowd(12, group);
    fake.state.pageSize = 5;
    expect(await names(pinOf(maria, group))).toHaveLength(12);
    expect(actions().filter((action) => action === 'ListUsers')).toHaveLength(12);
    expect(actions().filter((action) => action === 'DescribeUser')).toHaveLength(12);
  });

  it('take no member who was deleted meanwhile for one', async () => {
    const [maria, group] = [store.addUser('maria'), store.addGroup('db-admins')];
    crowd(2, group);
    fake.freeze(store);
    store.removeUser(store.user('u1').id);
    expect(await names(pinOf(maria, group))).toEqual(['u0']);
  });

  it('go out in a turn of their own each', async () => {
    const [maria, group] = [store.addUser('maria@acme.dev'), store.addGroup('db-admins')];
    crowd(23, group);
    fake.state.pageSize = 5;
    let turns = 0;
    const turn: Turn = (request) => {
      turns++;
      return request();
    };
    const pin = pinOf(maria, group);
    await directory.findUser('maria@acme.dev', { turn });
    await directory.findGroup('db-admins', { turn });
    await directory.members(pin, { turn });
    await directory.add(pin, { turn });
    await directory.hasLeft?.(pin, { turn });
    await directory.remove(pin, { turn });
    await directory.read(pin, { turn });
    expect(turns).toBe(proxy.seen.length);
    expect(turns).toBeGreaterThan(20);
  });
});

describe('the settings of aws-identity-center', () => {
  const [identityStoreId, region] = [storeId, 'eu-central-1'];
  const parses = (settings: unknown): boolean => awsIdentityCenter.settings.safeParse(settings).success;

  it.each([
    [{ identityStoreId, region }],
    [{ identityStoreId: '7f8e0000-1111-2222-3333-444455556666', region }],
    [{ identityStoreId, region, credentials: { profile: 'prod' }, timeout: '10s' }],
    [{ identityStoreId, region, endpoint: { identityStore: 'https://identitystore.vpce.example', sts: 'https://sts.vpce.example' } }],
  ])('take %j', (settings) => expect(parses(settings)).toBe(true));

  it.each([
    [{ region }],
    [{ identityStoreId }],
    [{ identityStoreId: 'ssoins-1234567890abcdef', region }],
    [{ identityStoreId: 'd-1234567890 ', region }],
    [{ identityStoreId, region, account: '111122223333' }],
    [{ identityStoreId, region, endpoint: { iam: 'https://iam.example' } }],
    [{ identityStoreId, region, endpoint: 'http://identitystore.example' }],
  ])('refuse %j', (settings) => expect(parses(settings)).toBe(false));

  it.each([
    [undefined, false],
    ['http://127.0.0.1:5000', true],
    ['https://identitystore.example', false],
    [{ identityStore: 'http://127.0.0.1:5000' }, false],
    [{ identityStore: 'http://127.0.0.1:5000', sts: 'http://localhost:5000' }, true],
  ])('reach nothing but this machine only where the endpoint %j is said to: %s', (endpoint, local) => {
    const settings = awsIdentityCenter.settings.parse({ identityStoreId, region, ...(endpoint && { endpoint }) });
    expect(awsIdentityCenter.isLocal(settings)).toBe(local);
  });
});
