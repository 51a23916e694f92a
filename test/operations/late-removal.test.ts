/** A removal that was never answered may still land minutes later; who asks again meanwhile must not be let in only to be thrown out by it. */

import { expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { quietMs, removeWithinMs } from '../../src/lifecycle/limits.ts';
import { company, granted } from './world.ts';

const asked = { role: 'db-admin', asked: { byDefault: true } } as const;

it('lets nobody in again while a lost removal may still land, though a sweep passes meanwhile', async () => {
  const world = await company();
  granted(await world.as('maria').request(asked));
  world.okta.fail('remove', new ProviderError('okta', 'timeout', 'okta did not answer', { applied: 'unknown' }));
  await world.as('maria').release({ id: 'db-admin' });
  const lostAt = world.now;

  let swept = false;
  const sleep = async (ms: number): Promise<void> => {
    world.now += ms;
    if (swept || world.now < lostAt + 30_000) return;
    swept = true;
    await world.as('cron').sweep({});
  };
  const again = await world.as('maria', { sleep }).request(asked);
  world.okta.take('maria@acme.dev', 'db');

  expect(swept).toBe(true);
  expect(world.now).toBeLessThan(lostAt + removeWithinMs + quietMs);
  expect(again).toMatchObject({ result: 'failed' });
  expect(world.okta.calls.filter(({ verb }) => verb === 'add')).toHaveLength(1);

  await world.sweepAfter(removeWithinMs + quietMs);
  expect(granted(await world.as('maria').request(asked)).result).toBe('granted');
  expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
});
