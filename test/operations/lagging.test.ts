/** Reads that lag behind writes, as those of IAM do: what was taken out is still seen, what landed is not yet. */

import { expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import { ProviderError } from '../../src/errors.ts';
import { addWithinMs, quietMs } from '../../src/lifecycle/limits.ts';
import { company, granted, type World } from './world.ts';

const asked = { role: 'db-admin', asked: { byDefault: true } } as const;
const lost = new ProviderError('okta', 'timeout', 'okta did not answer', { applied: 'unknown' });

const through = (world: World, over: Partial<Directory>) => ({ directory: async (): Promise<Directory> => ({ ...world.okta, ...over }) });

it('lets somebody in again though they are still seen from before they were taken out', async () => {
  const world = await company();
  granted(await world.as('maria').request(asked));
  await world.as('maria').release({ id: 'db-admin' });

  const again = granted(await world.as('maria', through(world, { read: async () => 'member' })).request(asked));
  expect(again).toMatchObject({ result: 'granted', grants: [{ owned: true }] });
  expect(world.okta.in('db')).toEqual(['maria@acme.dev']);

  await world.sweepAfter(2 * 3_600_000);
  expect(world.okta.in('db')).toEqual([]);
});

it('does not take such a sight for the doing of an add whose answer was lost', async () => {
  const world = await company();
  granted(await world.as('maria').request(asked));
  await world.as('maria').release({ id: 'db-admin' });

  world.okta.fail('add', lost, 'before');
  granted(await world.as('maria', through(world, { read: async () => 'member' })).request(asked));
  expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
});

it('takes for theirs what somebody had before, however lately another was let in', async () => {
  const world = await company({ members: { db: ['maria@acme.dev'] } });
  expect(granted(await world.as('maria').request(asked))).toMatchObject({ grants: [{ owned: false }] });
  await world.as('maria').release({ id: 'db-admin' });
  expect(granted(await world.as('maria').request(asked))).toMatchObject({ grants: [{ owned: false }] });
  await world.as('maria').release({ id: 'db-admin' });
  expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
});

it('calls a grant ended only by a removal that was begun when nothing could land any more', async () => {
  const world = await company();
  const landsBehindTheRemoval = async (): Promise<'absent'> => {
    if (world.okta.calls.some(({ verb }) => verb === 'remove')) {
      world.okta.put('maria@acme.dev', 'db');
      world.now += addWithinMs + quietMs;
    }
    return 'absent';
  };
  const add = (): Promise<never> => Promise.reject(new ProviderError('okta', 'refused', 'no, or so it seems', { applied: 'unknown' }));
  await world.as('maria', through(world, { read: landsBehindTheRemoval, add })).request(asked);
  expect(world.okta.in('db')).toEqual(['maria@acme.dev']);

  const { grants } = await world.as('boss').status({});
  expect(grants).toMatchObject([{ state: 'revoking' }]);
  await world.sweepAfter(60_000);
  expect(world.okta.in('db')).toEqual([]);
});
