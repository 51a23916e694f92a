/** IAM Identity Center as a world: the fake store behind a fault proxy, and an administrator who acts behind the adapter's back. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import awsIdentityCenter from '../../src/directories/aws-identity-center.ts';
import type { Directory } from '../../src/directories/directory.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import type { DirectoryWorld } from '../contracts/directory-world.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeIdentityStore, type FakeStore, startIdentityStore } from '../fakes/identity-store.ts';
import { bareAwsEnv } from './iam-world.ts';

export const storeId = 'd-1234567890';
export const otherStoreId = 'd-0987654321';

export type Opened = { readonly directory: Directory; readonly dates: number[]; readonly logged: string[]; passTime(): void };

export async function openIdentityCenter(settings: Record<string, unknown>): Promise<Opened> {
  const dates: number[] = [];
  const logged: string[] = [];
  let now = 1_800_000_000_000;
  const chosen = awsIdentityCenter.settings.parse({ identityStoreId: storeId, region: 'eu-central-1', ...settings });
  const directory = await awsIdentityCenter.open(chosen, {
    name: 'aws-sso',
    now: () => now,
    log: (line) => logged.push(line),
    onServerDate: (ms) => dates.push(ms),
    baseDir: '/',
  });
  return {
    directory,
    dates,
    logged,
    passTime: () => {
      now += 60_000;
    },
  };
}

function administrator(store: FakeStore) {
  const { user, group } = store;
  return {
    addUser: async (name: string) => void store.addUser(name),
    addGroup: async (name: string) => void store.addGroup(name),
    join: async (name: string, to: string) => void store.join(user(name).id, group(to).id),
    leave: async (name: string, from: string) => store.leave(user(name).id, group(from).id),
    isMember: async (name: string, of: string) => store.between(user(name).id, group(of).id) !== undefined,
    removeUser: async (name: string) => store.removeUser(user(name).id),
    removeGroup: async (name: string) => store.removeGroup(group(name).id),
    renameUser: async (from: string, to: string) => void Object.assign(user(from), { name: to, email: to }),
    renameGroup: async (from: string, to: string) => void Object.assign(group(from), { name: to }),
    // No two users have one name or one e-mail at AWS, but what is one's name may be another's e-mail.
    twin: async (name: string) => {
      user(name).email = `other-${name}`;
      store.addUser(`twin-of-${name}`, name);
    },
  };
}

export async function identityCenterWorld(fake: FakeIdentityStore, proxy: FaultProxy): Promise<DirectoryWorld> {
  fake.reset();
  proxy.clear();
  const here = await openIdentityCenter({ endpoint: proxy.url });
  const there = await openIdentityCenter({ endpoint: proxy.url, identityStoreId: otherStoreId });
  return {
    ...administrator(fake.store(storeId)),
    directory: here.directory,
    elsewhere: { directory: there.directory, ...administrator(fake.store(otherStoreId)) },
    passTime: () => here.passTime(),
    writes: async () => proxy.seen.filter(({ action }) => /^(Create|Delete|Update)/.test(action)).length,
    denyWrites: async () => {
      fake.state.readOnly = true;
    },
    close: async () => undefined,
  };
}

/** Maria and db-admins, and a proxy that does to every call what a test has told it. Made anew for each test of the file. */
export type StoreInTrouble = {
  fake: FakeIdentityStore;
  proxy: FaultProxy;
  store: FakeStore;
  opened: Opened;
  directory: Directory;
  pin: Pin;
};

export function storeInTrouble(): StoreInTrouble {
  const here = {} as StoreInTrouble;
  beforeAll(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    here.fake = await startIdentityStore();
    here.proxy = await startFaultProxy(here.fake.url);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await here.proxy?.stop();
    await here.fake?.stop();
  });
  beforeEach(async () => {
    here.fake.reset();
    here.proxy.clear();
    here.store = here.fake.store(storeId);
    const [user, group] = [here.store.addUser('maria@acme.dev'), here.store.addGroup('db-admins')];
    here.pin = { account: storeId, userId: user.id, userName: user.name, groupId: group.id, groupName: group.name };
    here.opened = await openIdentityCenter({ endpoint: here.proxy.url, timeout: '1s' });
    here.directory = here.opened.directory;
    await here.directory.read(here.pin, {});
    here.proxy.clear();
  });
  afterEach(() => expect(here.fake.violations).toEqual([]));
  return here;
}
