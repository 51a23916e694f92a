/** What counts as an answer of IAM Identity Center: only AWS's own, of this identity store, and about what was asked for. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { type Answer, type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeIdentityStore, type FakeStore, startIdentityStore, storeError } from '../fakes/identity-store.ts';
import { bareAwsEnv } from './iam-world.ts';
import { type Opened, openIdentityCenter, otherStoreId, storeId } from './identity-center-world.ts';

const html = (status: number): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><body>Sign in to the network</body></html>',
});
const foreign = (status: number, body: unknown): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
let fake: FakeIdentityStore;
let proxy: FaultProxy;
let store: FakeStore;
let opened: Opened;
let directory: Directory;
let pin: Pin;

beforeAll(async () => {
  for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
  fake = await startIdentityStore();
  proxy = await startFaultProxy(fake.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy?.stop();
  await fake?.stop();
});
beforeEach(async () => {
  fake.reset();
  proxy.clear();
  store = fake.store(storeId);
  const [user, group] = [store.addUser('maria@acme.dev'), store.addGroup('db-admins')];
  pin = { account: storeId, userId: user.id, userName: user.name, groupId: group.id, groupName: group.name };
  opened = await openIdentityCenter({ endpoint: proxy.url, timeout: '1s' });
  directory = opened.directory;
  await directory.read(pin, {});
  proxy.clear();
});
afterEach(() => expect(fake.violations).toEqual([]));

describe('no page that is not from AWS counts as its answer', () => {
  it.each<[string, Answer]>([
    ['a sign-in page with status 200', html(200)],
    ['nothing with status 200', { status: 200, body: '' }],
    ['an empty object with status 200', foreign(200, {})],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' }],
    ['a page with status 403', html(403)],
    ['a page with status 404', html(404)],
    ['JSON with status 404 that calls it what AWS would', foreign(404, { code: 'ResourceNotFoundException', ResourceType: 'USER' })],
    ['JSON with status 403 and a code', foreign(403, { Code: 'AccessDenied', message: 'blocked' })],
  ])('%s', async (_, answer) => {
    store.join(pin.userId, pin.groupId);
    proxy.fail('DeleteGroupMembership', answer);
    await expectFault(directory.remove(pin, {}), 'malformed', 'unknown');
    opened.passTime();
    proxy.fail('GetGroupMembershipId', answer);
    await expectFault(directory.read(pin, {}), 'malformed', 'no');
    proxy.fail('GetUserId', answer, 2);
    await expectFault(directory.findUser('nobody', {}), 'malformed', 'no');
  });

  const ok = (body: unknown): Answer => ({ ...storeError('', ''), status: 200, body: JSON.stringify(body) });

  it.each<[string, string, unknown]>([
    ['a membership without its id', 'GetGroupMembershipId', { IdentityStoreId: storeId }],
    ['an answer of no identity store', 'GetGroupMembershipId', { MembershipId: 'x' }],
    ['a list without its items', 'ListGroupMemberships', {}],
    [
      'a membership of another group',
      'ListGroupMemberships',
      { GroupMemberships: [{ IdentityStoreId: storeId, GroupId: 'x', MemberId: { UserId: 'y' } }] },
    ],
  ])('%s', async (_, action, body) => {
    proxy.fail(action, ok(body));
    await expectFault(action === 'ListGroupMemberships' ? directory.members(pin, {}) : directory.read(pin, {}), 'malformed', 'no');
  });

  it('a member who is no user', async () => {
    const { IdentityStoreId, GroupId } = { IdentityStoreId: storeId, GroupId: pin.groupId };
    proxy.fail('ListGroupMemberships', ok({ GroupMemberships: [{ IdentityStoreId, GroupId, MemberId: { GroupId: 'nested' } }] }));
    await expectFault(directory.members(pin, {}), 'malformed', 'no');
  });

  it('a list that goes on where it was', async () => {
    proxy.fail('ListGroupMemberships', ok({ GroupMemberships: [], NextToken: 'MQ==' }), 2);
    await expectFault(directory.members(pin, {}), 'malformed', 'no');
  });

  it('an answer of another identity store', async () => {
    proxy.fail('GetGroupMembershipId', ok({ IdentityStoreId: otherStoreId, MembershipId: 'x' }));
    await expectFault(directory.read(pin, {}), 'wrong-account', 'no');
    proxy.fail('DescribeUser', ok({ IdentityStoreId: otherStoreId, UserId: pin.userId, UserStatus: 'DISABLED' }));
    await expectFault(directory.hasLeft?.(pin, {}) ?? Promise.resolve(), 'wrong-account', 'no');
  });

  it('another user or group than was asked for', async () => {
    const sam = store.addUser('sam@acme.dev');
    const other = store.addGroup('others');
    proxy.fail('GetUserId', ok({ IdentityStoreId: storeId, UserId: sam.id }), 2);
    await expectFault(directory.findUser('maria@acme.dev', {}), 'malformed', 'no');
    proxy.fail('GetGroupId', ok({ IdentityStoreId: storeId, GroupId: other.id }));
    await expectFault(directory.findGroup('db-admins', {}), 'malformed', 'no');
  });
});
