import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { directoryContract } from '../contracts/directory.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeIdentityStore, startIdentityStore } from '../fakes/identity-store.ts';
import { bareAwsEnv } from './iam-world.ts';
import { identityCenterWorld } from './identity-center-world.ts';

let fake: FakeIdentityStore;
let proxy: FaultProxy;

beforeAll(async () => {
  for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
  fake = await startIdentityStore();
  proxy = await startFaultProxy(fake.url);
});
// Whatever was asked and answered.
afterEach(() => expect(fake.violations).toEqual([]));
afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy?.stop();
  await fake?.stop();
});

directoryContract('aws-identity-center', () => identityCenterWorld(fake, proxy), {
  user: 'maria@acme.dev',
  otherUser: 'sam@acme.dev',
  group: 'DB Admins',
  namesAreIds: false,
  twins: true,
  tellsAlready: true,
});
