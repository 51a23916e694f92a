/** IAM Identity Center as moto plays it, as far as it does: it knows no memberships by user and group, no conflicts, and no user who is disabled. */

import {
  CreateGroupCommand,
  CreateUserCommand,
  DeleteGroupCommand,
  DeleteUserCommand,
  IdentitystoreClient,
} from '@aws-sdk/client-identitystore';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { bareAwsEnv, someKeys } from './iam-world.ts';
import { openIdentityCenter, storeId } from './identity-center-world.ts';

const IdentityStoreId = storeId;

describe.skipIf(noMoto)(`aws-identity-center on moto${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  let moto: Moto;
  let admin: IdentitystoreClient;
  let directory: Directory;
  let passTime: () => void;
  beforeAll(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    moto = (await startMoto()) as Moto;
    admin = new IdentitystoreClient({ region: 'eu-central-1', endpoint: moto.url, credentials: someKeys });
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await moto?.stop();
  });

  const addUser = async (name: string): Promise<string> => {
    const names = { DisplayName: name, Name: { GivenName: 'F', FamilyName: 'L' }, Emails: [{ Value: `${name}@acme.dev`, Primary: true }] };
    return (await admin.send(new CreateUserCommand({ IdentityStoreId, UserName: name, ...names }))).UserId ?? '';
  };
  let userId: string;
  let groupId: string;
  beforeEach(async () => {
    await moto.reset();
    userId = await addUser('maria');
    groupId = (await admin.send(new CreateGroupCommand({ IdentityStoreId, DisplayName: 'db-admins' }))).GroupId ?? '';
    ({ directory, passTime } = await openIdentityCenter({ endpoint: moto.url }));
  });
  const pin = () => ({ account: storeId, userId, userName: 'maria', groupId, groupName: 'db-admins' });

  it('finds users by name and e-mail, groups by name and id, and nobody who is not there', async () => {
    const maria = { userId, userName: 'maria', active: true };
    expect(await directory.findUser('maria', {})).toEqual(maria);
    expect(await directory.findUser('maria@acme.dev', {})).toEqual(maria);
    const group = { account: storeId, groupId, groupName: 'db-admins' };
    expect(await directory.findGroup('db-admins', {})).toEqual(group);
    expect(await directory.findGroup(groupId, {})).toEqual(group);
    expect(await directory.findUser('nobody', {})).toBeUndefined();
    expect(await directory.findGroup('nothing', {})).toBeUndefined();
    expect(await directory.hasLeft?.(pin(), {})).toBe(false);
  });

  it('adds, and lists every member, few or many', async () => {
    expect(await directory.members(pin(), {})).toEqual([]);
    expect(await directory.add(pin(), {})).toBe('added');
    expect(await directory.members(pin(), {})).toEqual([{ userId, userName: 'maria' }]);
    for (let i = 0; i < 11; i++) await directory.add({ ...pin(), userId: await addUser(`u${i}`) }, {});
    expect(await directory.members(pin(), {})).toHaveLength(12);
  });

  it('knows what no longer exists', async () => {
    await admin.send(new DeleteUserCommand({ IdentityStoreId, UserId: userId }));
    await expectFault(directory.add(pin(), {}), 'not-found', 'no');
    await admin.send(new DeleteGroupCommand({ IdentityStoreId, GroupId: groupId }));
    passTime();
    expect(await directory.members(pin(), {})).toBe('gone');
  });
});
