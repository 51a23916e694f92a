import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { directoryContract } from '../contracts/directory.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
import { oktaWorld } from './okta-world.ts';

let here: FakeOkta;
let there: FakeOkta;
let proxy: FaultProxy;

beforeAll(async () => {
  here = await startOkta();
  there = await startOkta({ token: '00bTokenOfAnotherOrgNotARealOne0000000000' });
  proxy = await startFaultProxy(here.url);
});
afterEach(() => {
  expect([...here.violations, ...there.violations]).toEqual([]);
});
afterAll(async () => {
  await proxy.stop();
  await there.stop();
  await here.stop();
});

directoryContract('okta', () => oktaWorld(here, there, proxy), {
  user: 'maria@acme.dev',
  otherUser: 'sam@acme.dev',
  group: 'On-Call Database Admin',
  namesAreIds: false,
  twins: false,
  tellsAlready: false,
});
