/** What counts as an answer of IAM Identity Center: only AWS's own, of this identity store, and about what was asked for. */

import { describe, it } from 'vitest';
import { expectFault } from '../contracts/directory-world.ts';
import type { Answer } from '../fakes/fault-proxy.ts';
import { storeError } from '../fakes/identity-store.ts';
import { otherStoreId, storeId, storeInTrouble } from './identity-center-world.ts';

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
const here = storeInTrouble();

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
    here.store.join(here.pin.userId, here.pin.groupId);
    here.proxy.fail('DeleteGroupMembership', answer);
    await expectFault(here.directory.remove(here.pin, {}), 'malformed', 'unknown');
    here.opened.passTime();
    here.proxy.fail('GetGroupMembershipId', answer);
    await expectFault(here.directory.read(here.pin, {}), 'malformed', 'no');
    here.proxy.fail('GetUserId', answer, 2);
    await expectFault(here.directory.findUser('nobody', {}), 'malformed', 'no');
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
    here.proxy.fail(action, ok(body));
    await expectFault(
      action === 'ListGroupMemberships' ? here.directory.members(here.pin, {}) : here.directory.read(here.pin, {}),
      'malformed',
      'no',
    );
  });

  it('a member who is no user', async () => {
    const { IdentityStoreId, GroupId } = { IdentityStoreId: storeId, GroupId: here.pin.groupId };
    here.proxy.fail('ListGroupMemberships', ok({ GroupMemberships: [{ IdentityStoreId, GroupId, MemberId: { GroupId: 'nested' } }] }));
    await expectFault(here.directory.members(here.pin, {}), 'malformed', 'no');
  });

  it('a list that goes on where it was', async () => {
    here.proxy.fail('ListGroupMemberships', ok({ GroupMemberships: [], NextToken: 'MQ==' }), 2);
    await expectFault(here.directory.members(here.pin, {}), 'malformed', 'no');
  });

  it('an answer of another identity store', async () => {
    here.proxy.fail('GetGroupMembershipId', ok({ IdentityStoreId: otherStoreId, MembershipId: 'x' }));
    await expectFault(here.directory.read(here.pin, {}), 'wrong-account', 'no');
    here.proxy.fail('DescribeUser', ok({ IdentityStoreId: otherStoreId, UserId: here.pin.userId, UserStatus: 'DISABLED' }));
    await expectFault(here.directory.hasLeft?.(here.pin, {}) ?? Promise.resolve(), 'wrong-account', 'no');
  });

  it('another user or group than was asked for', async () => {
    const sam = here.store.addUser('sam@acme.dev');
    const other = here.store.addGroup('others');
    here.proxy.fail('GetUserId', ok({ IdentityStoreId: storeId, UserId: sam.id }), 2);
    await expectFault(here.directory.findUser('maria@acme.dev', {}), 'malformed', 'no');
    here.proxy.fail('GetGroupId', ok({ IdentityStoreId: storeId, GroupId: other.id }));
    await expectFault(here.directory.findGroup('db-admins', {}), 'malformed', 'no');
  });
});
