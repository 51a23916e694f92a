/** Credentials that lead to another account, clocks that are set, processes that slept: nothing may end or begin by them. */

import { describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import { company, granted, hour, minute, type World } from './world.ts';

const asked = { role: 'db-admin', asked: { byDefault: true } } as const;

describe('credentials that lead to another account', () => {
  const elsewhere = (world: World) => ({
    directory: async (): Promise<Directory> => ({
      ...world.okta,
      findUser: async (name) => ({ userId: 'x1', userName: name, active: false }),
      findGroup: async (name) => ({ account: 'another', groupId: `x-${name}`, groupName: name }),
      members: async () => [],
    }),
  });

  it('end nothing, though who has the name there has left', async () => {
    const world = await company();
    granted(await world.as('maria').request(asked));
    await world.as('cron', elsewhere(world)).sweep({});
    expect((await world.as('maria').status({})).grants).toMatchObject([{ state: 'active' }]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('are no heartbeat, and their groups are not kept in mind', async () => {
    const world = await company();
    granted(await world.as('maria').request(asked));
    world.now += 20 * minute;
    const { steps } = await world.as('cron', elsewhere(world)).sweep({});
    expect(steps).toMatchObject([{ action: 'heartbeat', outcome: 'failed', because: expect.stringContaining('another') }]);
    expect(await world.ledger.read((q) => q.managedGroups())).toHaveLength(1);
    await expect(world.as('sam').request(asked)).rejects.toMatchObject({ code: 'sweep-late' });
  });
});

describe('a clock that is set', () => {
  it('makes no heartbeat while a provider’s says otherwise', async () => {
    const world = await company();
    world.now += 20 * minute;
    const { steps } = await world.as('cron', { clockSkew: () => 61_000 }).sweep({});
    expect(steps).toMatchObject([{ action: 'heartbeat', outcome: 'failed' }]);
    await expect(world.as('maria').request(asked)).rejects.toMatchObject({ code: 'sweep-late' });
  });

  it('was an hour ahead for a moment: access is given again once the host has caught up', async () => {
    const world = await company();
    await world.ledger.write(async () => undefined);
    world.now += hour;
    await world.ledger.write(async () => undefined);
    world.now -= hour;
    await expect(world.as('maria').request(asked)).rejects.toMatchObject({ code: 'clock-skew' });
    for (let minutes = 0; minutes < 125; minutes += 5) await world.sweepAfter(5 * minute);
    expect(granted(await world.as('maria').request(asked)).result).toBe('granted');
  });

  it('is not what a ledger goes by that has just been opened, nor what takes it back', async () => {
    let host = 10 * hour;
    const database = await openSqlite(':memory:');
    const open = () => openLedger(database, { now: () => host, id: 'test' });
    const ledger = await open();
    await ledger.write(async () => undefined);
    host -= hour;
    expect(ledger.now()).toBe(10 * hour);
    expect((await open()).now()).toBe(10 * hour);
    await ledger.close();
  });

  it('or a suspended process: nobody is let in by old answers', async () => {
    const world = await company();
    const sleeps = {
      directory: async (): Promise<Directory> => ({
        ...world.okta,
        findUser: async (name, call) => {
          world.now += 4 * minute;
          return world.okta.findUser(name, call);
        },
      }),
    };
    await expect(world.as('maria', sleeps).request(asked)).rejects.toMatchObject({ code: 'facts-old' });
    expect(world.okta.in('db')).toEqual([]);
  });
});

describe('a removal whose process slept after it was read back', () => {
  it('is made again before it is called ended: a write that slept too may have landed since', async () => {
    const world = await company();
    granted(await world.as('maria').request(asked));
    const sleeps = {
      directory: async (): Promise<Directory> => ({
        ...world.okta,
        read: async (pin, call) => {
          const seen = await world.okta.read(pin, call);
          world.now += hour;
          world.okta.put('maria@acme.dev', 'db');
          return seen;
        },
      }),
    };
    await world.as('maria', sleeps).release({ id: 'db-admin' });
    expect((await world.as('maria').status({})).grants).toMatchObject([{ state: 'revoking' }]);
    // Counted and told like any try that failed: who takes that long each time is called stuck.
    expect((await world.as('maria').status({})).grants).toMatchObject([{ attempts: 1, lastError: expect.stringContaining('too long') }]);
    await world.sweepAfter(minute);
    expect(world.okta.in('db')).toEqual([]);
    expect((await world.as('maria').status({})).grants).toEqual([]);
  });
});

describe('a ledger that was put back from a copy', () => {
  it('lists for recovery whom a grant half-way in does not yet call ours', async () => {
    const world = await company();
    const hangs = { directory: async (): Promise<Directory> => ({ ...world.okta, read: () => new Promise<never>(() => {}) }) };
    void world.as('maria', hangs).request(asked);
    await new Promise((resolve) => setTimeout(resolve, 50));
    world.okta.put('maria@acme.dev', 'db');
    world.anchor.kept = { ledger: 'test', seq: 999, hash: 'f'.repeat(64), at: world.now };
    const { uncovered } = await world.as('boss').recover({});
    expect(uncovered).toMatchObject([{ holder: 'maria@acme.dev', target: { directory: 'okta', group: 'db' } }]);
  });
});
