/** A removal that was never answered may still land minutes later; who asks again meanwhile must not be let in only to be thrown out by it. */

import { expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { quietMs } from '../../src/lifecycle/limits.ts';
import { company, granted } from './world.ts';

const asked = { role: 'db-admin', asked: { byDefault: true } } as const;

it('lets nobody in again while a lost removal may still land, though a sweep passes meanwhile', async () => {
  const world = await company();
  granted(await world.as('maria').request(asked));
  world.okta.fail('remove', new ProviderError('okta', 'timeout', 'okta did not answer', { applied: 'unknown' }));
  await world.as('maria').release({ id: 'db-admin' });
  const lostAt = world.now;

  let [swept, landed] = [false, false];
  const sleep = async (ms: number): Promise<void> => {
    world.now += ms;
    if (!swept && world.now >= lostAt + 30_000) {
      swept = true;
      await world.as('cron').sweep({});
    }
    if (!landed && world.now >= lostAt + 100_000) {
      landed = true;
      world.okta.take('maria@acme.dev', 'db');
    }
  };
  world.now += 10_000;
  const again = await world.as('maria', { sleep }).request(asked);

  expect([swept, landed]).toEqual([true, true]);
  expect(world.now).toBeGreaterThanOrEqual(lostAt + quietMs);
  expect(again).toMatchObject({ result: 'again' });
  expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
});

it('lets nobody wait for it who would not be let in any more when it cannot land', async () => {
  const world = await company();
  granted(await world.as('maria').request(asked));
  world.okta.fail('remove', new ProviderError('okta', 'timeout', 'okta did not answer', { applied: 'unknown' }));
  await world.as('maria').release({ id: 'db-admin' });

  expect(await world.as('maria').request(asked)).toMatchObject({ result: 'failed' });
  world.okta.take('maria@acme.dev', 'db');
  expect(world.okta.calls.filter(({ verb }) => verb === 'add')).toHaveLength(1);
  await world.sweepAfter(quietMs);
  expect(granted(await world.as('maria').request(asked)).result).toBe('granted');
  expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
});
