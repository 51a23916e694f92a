/** What a broker tells those who watch it: the same things are wrong in it as in `status`, and nobody is named. */

import { expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { health } from '../../src/operations/health.ts';
import { company, granted, hour, minute, role, type World } from './world.ts';

const seen = (world: World) => health(world.ledger, world.policy);
const ask = async (world: World, who: string, name = 'db-admin') =>
  granted(await world.as(who).request({ role: name, asked: { forMs: hour } })).request;

it('counts the grants that stand, by role and state', async () => {
  const world = await company({ roles: [role('db-admin'), role('web', { targets: [{ directory: 'okta', group: 'web' }] })] });
  await ask(world, 'maria');
  await ask(world, 'sam');
  await ask(world, 'sam', 'web');
  expect((await seen(world)).grants).toEqual([
    { role: 'db-admin', state: 'active', count: 2 },
    { role: 'web', state: 'active', count: 1 },
  ]);
  await world.as('maria').release({ id: 'db-admin' });
  expect((await seen(world)).grants).toContainEqual({ role: 'db-admin', state: 'active', count: 1 });
});

it('tells the age of each sweep, and that there was none', async () => {
  const never = await company({ swept: false });
  expect((await seen(never)).sweeps).toEqual([{ directory: 'okta', late: true }]);
  const world = await company();
  expect((await seen(world)).sweeps).toEqual([{ directory: 'okta', late: false, lastAt: world.now }]);
  world.now += 16 * minute;
  expect((await seen(world)).sweeps).toEqual([{ directory: 'okta', late: true, lastAt: world.now - 16 * minute }]);
});

it('counts what is past its end by more than the allowance, and what is stuck', async () => {
  const world = await company();
  await ask(world, 'maria');
  world.now += hour + 10 * minute;
  expect(await seen(world)).toMatchObject({ pastEnd: 0, stuck: 0 });
  world.now += 6 * minute;
  expect(await seen(world)).toMatchObject({ pastEnd: 1, stuck: 0 });
  world.okta.fail('remove', new ProviderError('okta', 'timeout', 'no answer', { applied: 'no' }), 'before', 100);
  for (let i = 0; i < 10; i++) await world.sweepAfter(hour);
  expect(await seen(world)).toMatchObject({ pastEnd: 1, stuck: 1 });
});

it('counts the members whom nobody let in, and not those who were there before', async () => {
  const world = await company({ members: { db: ['standing@acme.dev'] } });
  await world.sweepAfter(0);
  expect((await seen(world)).drift).toBe(0);
  world.okta.put('ana@acme.dev', 'db');
  await world.sweepAfter(hour);
  expect((await seen(world)).drift).toBe(1);
});

it('names no person', async () => {
  const world = await company();
  await ask(world, 'maria');
  world.okta.put('ana@acme.dev', 'db');
  await world.sweepAfter(hour / 2);
  expect(JSON.stringify(await seen(world))).not.toMatch(/maria|ana|acme/);
});

it('is not ready where the ledger takes no writes any more, so that nobody is sent to this broker', async () => {
  const world = await company();
  const closed = {
    ...world.ledger,
    read: ((work) => world.ledger.read((q, now) => work({ ...q, closed: 'it was copied to elsewhere' }, now))) as typeof world.ledger.read,
  };
  expect(await health(closed, world.policy)).toMatchObject({ ready: false, why: expect.stringContaining('copied') });
});
