/** The fake Identity Store keeps to what AWS says of the real one: by the schemas of its SDK, and by the model that comes with botocore where that is installed. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Pin } from '../../src/lifecycle/types.ts';
import { type Exchange, type FakeIdentityStore, startIdentityStore } from '../fakes/identity-store.ts';
import { botocoreJudge, type Judge, sdkJudge } from '../fakes/identity-store-model.ts';
import { bareAwsEnv } from './iam-world.ts';
import { openIdentityCenter, otherStoreId, storeId } from './identity-center-world.ts';

let fake: FakeIdentityStore;
beforeAll(async () => {
  for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
  fake = await startIdentityStore({ pageSize: 3 });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await fake?.stop();
});

/** Everything that the adapter asks, and every error that the fake has for it. */
async function everything(): Promise<readonly Exchange[]> {
  fake.reset();
  const store = fake.store(storeId);
  const [maria, group] = [
    store.addUser('maria@acme.dev'),
    store.addGroup('db-admins', [{ Issuer: 'https://scim.aws.com/7f8e', Id: '00g1' }]),
  ];
  for (let i = 0; i < 12; i++) store.join(store.addUser(`u${i}`, `u${i}@acme.dev`).id, group.id);
  const { directory } = await openIdentityCenter({ endpoint: fake.url });
  const pin: Pin = { account: storeId, userId: maria.id, userName: maria.name, groupId: group.id, groupName: group.name };
  const unknown = { ...pin, userId: store.newId(), groupId: store.newId() };
  for (const name of ['maria@acme.dev', 'nobody@acme.dev']) await directory.findUser(name, {});
  for (const name of ['db-admins', 'nothing', unknown.groupId]) await directory.findGroup(name, { toRead: true });
  await directory.members(pin, {});
  await directory.members(unknown, {});
  for (const one of [pin, unknown]) await directory.read(one, {});
  expect([await directory.add(pin, {}), await directory.add(pin, {})]).toEqual(['added', 'already']);
  expect(await directory.remove(pin, {})).toBe('removed');
  fake.state.readOnly = true;
  await directory.add(pin, {}).catch(() => undefined);
  const elsewhere = await openIdentityCenter({ endpoint: fake.url, identityStoreId: otherStoreId });
  await elsewhere.directory.findGroup('db-admins', {}).catch(() => undefined);
  return [...fake.exchanges];
}

const complaints = (judge: Judge, exchanges: readonly Exchange[]): readonly string[] =>
  exchanges.flatMap(({ action, input, shape, output }) => [...judge(`${action}Request`, input), ...judge(shape, output)]);

const botocore = botocoreJudge();
const judges: readonly (readonly [string, Judge | undefined])[] = [
  ["the SDK's schemas", sdkJudge],
  ["botocore's model", botocore],
];

for (const [name, judge] of judges)
  describe.skipIf(judge === undefined)(`the fake Identity Store and ${name}${judge ? '' : ' (skipped: botocore is not installed)'}`, () => {
    const judged = judge ?? sdkJudge;

    it('agree about every operation in use and every error', async () => {
      const exchanges = await everything();
      expect([...new Set(exchanges.map(({ shape }) => shape))].sort()).toEqual([
        'AccessDeniedException',
        'ConflictException',
        'CreateGroupMembershipResponse',
        'DeleteGroupMembershipResponse',
        'DescribeGroupResponse',
        'DescribeUserResponse',
        'GetGroupIdResponse',
        'GetGroupMembershipIdResponse',
        'GetUserIdResponse',
        'ListGroupMembershipsResponse',
        'ListUsersResponse',
        'ResourceNotFoundException',
      ]);
      expect(complaints(judged, exchanges)).toEqual([]);
    });

    it.each<[string, unknown]>([
      ['GetUserIdResponse', { IdentityStoreId: storeId }],
      ['GetUserIdResponse', { IdentityStoreId: storeId, UserId: 7 }],
      ['GetUserIdResponse', { IdentityStoreId: storeId, UserId: 'x', UserName: 'maria' }],
      ['ListUsersResponse', { Users: [{ UserId: 'x' }] }],
      ['ListUsersResponse', { Users: {} }],
      ['CreateGroupMembershipRequest', { IdentityStoreId: storeId, GroupId: 'x', MemberId: {} }],
      ['ConflictException', { Message: 'm', Code: 'x' }],
      ['NoSuchShape', {}],
    ])('would not agree about %s %j', (shape, value) => expect(judged(shape, value)).not.toEqual([]));
  });

describe.skipIf(botocore === undefined)(`botocore's model${botocore ? '' : ' (skipped: botocore is not installed)'}`, () => {
  const id = '1234567890-00000000-0000-0000-0000-000000000000';

  it.each<[string, unknown]>([
    ['GetUserIdResponse', { IdentityStoreId: 'd-1', UserId: id }],
    ['ListGroupMembershipsRequest', { IdentityStoreId: storeId, GroupId: id, MaxResults: 101 }],
    ['DescribeUserResponse', { IdentityStoreId: storeId, UserId: id, UserStatus: 'SUSPENDED' }],
    ['ConflictException', { Reason: 'BUSY' }],
  ])('knows more than the SDK, such as what is wrong with %s %j', (shape, value) => {
    expect(sdkJudge(shape, value)).toEqual([]);
    expect(botocore?.(shape, value)).not.toEqual([]);
  });
});
