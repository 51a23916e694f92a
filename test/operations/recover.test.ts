/** `ledger recover`: nobody is accepted unseen, whoever is to leave leaves, and only then is the ledger believed. */

import { describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import { ProviderError } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Head } from '../../src/lifecycle/events.ts';
import type { Anchor, Deps } from '../../src/operations/deps.ts';
import type { Operations, Uncovered } from '../../src/operations/types.ts';
import { memoryAnchor } from '../fakes/anchor.ts';
import { type Lost, putBack } from './lost.ts';
import { company, granted, hour, minute, role } from './world.ts';

const ask = { role: 'db-admin', asked: { forMs: hour } } as const;

/** standing is the baseline, sam had it once, maria is let in after the copy. */
const lost = (over: Parameters<typeof company>[0] = {}): Promise<Lost> =>
  putBack(
    { members: { db: ['standing@acme.dev'] }, ...over },
    async (w) => {
      granted(await w.as('sam').request(ask));
      await w.as('sam').release({ id: 'db-admin' });
    },
    async (w) => {
      granted(await w.as('sam').request({ ...ask, asked: { forMs: 6 * hour } }));
      granted(await w.as('maria').request({ ...ask, asked: { forMs: 6 * hour } }));
    },
  );

const brief = (uncovered: readonly Uncovered[]) => uncovered.map(({ id, known }) => [id, known]);
const decide = (uncovered: readonly Uncovered[], end: (one: Uncovered) => boolean) => ({
  decided: { end: uncovered.filter(end).map(({ id }) => id), keep: uncovered.filter((one) => !end(one)).map(({ id }) => id) },
});
const notBefore = ({ known }: Uncovered): boolean => known !== 'before';

async function recoverAll(operations: Operations): Promise<void> {
  const { uncovered } = await operations.recover({});
  await operations.recover(decide(uncovered, notBefore));
}

describe('a recovery', () => {
  it('lists every member on whom no grant stands, with what is known, and changes nothing', async () => {
    const world = await lost();
    const events = await world.older.read((q) => q.head());
    const listed = await world.on('boss').recover({});
    expect(listed).toMatchObject({ result: 'listed', fault: expect.stringContaining('its last event is number') });
    expect(brief(listed.uncovered)).toEqual([
      ['maria@acme.dev@okta/db', 'unknown'],
      ['sam@acme.dev@okta/db', 'holder'],
      ['standing@acme.dev@okta/db', 'before'],
    ]);
    expect(await world.older.read((q) => q.head())).toEqual(events);
    await expect(world.on('sam').request(ask)).rejects.toMatchObject({ code: 'ledger-behind' });
  });

  it('is for admins', async () => {
    const world = await lost();
    await expect(world.on('maria').recover({})).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
  });

  it('takes out who was chosen, knows who was kept, and lets people in again', async () => {
    const world = await lost();
    const { uncovered } = await world.on('boss').recover({});
    const done = await world.on('boss').recover(decide(uncovered, notBefore));
    expect(done.uncovered.map(({ holder, fate }) => [holder, fate])).toEqual([
      ['maria@acme.dev', 'ended'],
      ['sam@acme.dev', 'ended'],
      ['standing@acme.dev', 'kept'],
    ]);
    expect(world.okta.in('db')).toEqual(['standing@acme.dev']);
    const events = await world.on('boss').audit({});
    expect(events.find(({ type }) => type === 'ledger.recovered')).toMatchObject({
      actor: 'boss@acme.dev',
      data: { lost: { ledger: 'test' }, ended: ['maria@acme.dev@okta/db', 'sam@acme.dev@okta/db'], kept: ['standing@acme.dev@okta/db'] },
    });
    expect((await world.on('boss').verify({})).breach).toBeUndefined();
    const again = await world.on('boss').recover({});
    expect([again.fault, again.uncovered.map(({ holder }) => holder)]).toEqual([undefined, ['standing@acme.dev']]);
    expect(await world.sweepOn(minute)).toMatchObject({ failed: 0 });
    granted(await world.on('maria').request(ask));
    await world.sweepOn(20 * minute);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev', 'standing@acme.dev']);
    await world.sweepOn(hour);
    expect(world.okta.in('db')).toEqual(['standing@acme.dev']);
  });

  it('keeps for good whom an admin keeps', async () => {
    const world = await lost();
    const { uncovered } = await world.on('boss').recover({});
    await world.on('boss').recover(decide(uncovered, ({ holder }) => holder === 'sam@acme.dev'));
    for (let round = 0; round < 5; round++)
      expect((await world.sweepOn(12 * hour)).steps.filter(({ action }) => action === 'drift')).toEqual([]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev', 'standing@acme.dev']);
  });

  it('keeps in an exclusive group too, and does not call that clean', async () => {
    const world = await lost({ members: { db: [] }, exclusive: ['db'] });
    const { uncovered } = await world.on('boss').recover({});
    await world.on('boss').recover(decide(uncovered, ({ holder }) => holder === 'sam@acme.dev'));
    await world.sweepOn(20 * minute);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    await expect(world.on('ana').request(ask)).rejects.toMatchObject({ code: 'uncovered-members' });
  });

  it('does not take a deleted ledger for one that knew its baseline', async () => {
    const world = await company({ members: { db: ['standing@acme.dev'] } });
    granted(await world.as('maria').request(ask));
    const fresh = await company({ members: { db: [] } });
    const on = (name: string): Operations =>
      world.as(name, { ledger: async () => fresh.ledger, anchor: memoryAnchor({ ...(world.anchor.kept as Head), ledger: 'older' }) });
    fresh.now = world.now += 20 * minute;
    expect(await on('cron').sweep({})).toMatchObject({ failed: 1 });
    expect(brief((await on('boss').recover({})).uncovered)).toEqual([
      ['maria@acme.dev@okta/db', 'unknown'],
      ['standing@acme.dev@okta/db', 'unknown'],
    ]);
  });

  it('of a ledger that has lost what it knew calls no group its own, and takes out nobody who comes in, until an admin has decided', async () => {
    const world = await company({ exclusive: ['db'] });
    granted(await world.as('maria').request(ask));
    await world.as('maria').release({ id: 'db-admin' });
    const fresh = await company({ exclusive: ['db'], swept: false });
    const anchor = memoryAnchor({ ...(world.anchor.kept as Head), ledger: 'older' });
    const on = (name: string): Operations => world.as(name, { ledger: async () => fresh.ledger, anchor });
    const later = () => {
      fresh.now = world.now += 20 * minute;
    };
    later();
    await on('cron').sweep({});
    world.okta.put('sam@acme.dev', 'db');
    later();
    await on('cron').sweep({});
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    const { uncovered } = await on('boss').recover({});
    await on('boss').recover(decide(uncovered, () => true));
    expect(world.okta.in('db')).toEqual([]);
    await expect(on('maria').request(ask)).rejects.toMatchObject({ code: expect.stringMatching(/sweep-late|group-unread/) });
    later();
    await on('cron').sweep({});
    expect(granted(await on('maria').request(ask)).result).toBe('granted');
  });

  it('accepts nobody who came in while it was being decided', async () => {
    const world = await lost();
    const { uncovered } = await world.on('boss').recover({});
    world.okta.put('ana@acme.dev', 'db');
    await expect(world.on('boss').recover(decide(uncovered, () => false))).rejects.toMatchObject({
      code: 'changed-meanwhile',
      why: 'ana@acme.dev@okta/db',
    });
    await expect(world.on('sam').request(ask)).rejects.toMatchObject({ code: 'ledger-behind' });
  });

  it('accepts nothing half-read, and says what could not be read', async () => {
    const world = await lost();
    const { uncovered } = await world.on('boss').recover({});
    const timeout = new ProviderError('okta', 'timeout', 'okta did not answer in time');
    for (const input of [{}, decide(uncovered, () => false)]) {
      world.okta.fail('members', timeout);
      await expect(world.on('boss').recover(input)).rejects.toMatchObject({
        code: 'recover-unread',
        why: 'okta: okta did not answer in time',
      });
    }
    await expect(world.on('sam').request(ask)).rejects.toMatchObject({ code: 'ledger-behind' });
  });

  it('passes over a directory that only ended grants name, and says so', async () => {
    const world = await lost();
    const elsewhere = { ...world.policy, directories: {}, roles: {} };
    expect(await world.on('boss', { policy: elsewhere }).recover({})).toMatchObject({ uncovered: [], passedOver: ['okta'] });
  });

  it('looks at groups that no role gives any more', async () => {
    const world = await lost();
    const policy = { ...world.policy, roles: { web: role('web', { targets: [{ directory: 'okta', group: 'web' }] }) } };
    expect(brief((await world.on('boss', { policy }).recover({})).uncovered)).toHaveLength(3);
  });

  it('goes on with a removal that the directory does not confirm', async () => {
    const world = await lost();
    const { uncovered } = await world.on('boss').recover({});
    world.okta.fail('remove', new ProviderError('okta', 'unavailable', 'okta is down'), 'before', 2);
    const done = await world.on('boss').recover(decide(uncovered, notBefore));
    expect(done.uncovered.filter(({ fate }) => fate === 'ending')).toHaveLength(2);
    for (const wait of [minute, 5 * minute]) await world.sweepOn(wait);
    expect(world.okta.in('db')).toEqual(['standing@acme.dev']);
  });

  it('says so where the new head cannot be kept, for nothing is granted then', async () => {
    const world = await lost();
    const { uncovered } = await world.on('boss').recover({});
    const anchor = { ...world.anchor, keep: async () => undefined };
    await expect(world.on('boss', { anchor }).recover(decide(uncovered, () => false))).rejects.toMatchObject({ code: 'anchor-not-kept' });
  });

  it('is done where nothing was ever kept, and an admin knows that a copy was put back', async () => {
    const world = await lost();
    const over = { anchor: memoryAnchor() };
    const { uncovered, fault } = await world.on('boss', over).recover({});
    expect([fault, uncovered.length]).toEqual([undefined, 3]);
    await world.on('boss', over).recover(decide(uncovered, ({ known }) => known === 'unknown'));
    expect(world.okta.in('db')).toEqual(['sam@acme.dev', 'standing@acme.dev']);
    expect(over.anchor.kept).toMatchObject(await world.older.read((q) => q.head()));
  });
});

const died = Symbol('died');

/** Deps whose `n`-th call into the world never comes back, before or after it has its effect. */
function dyingAt(world: Lost, n: number, when: 'before' | 'after') {
  let calls = 0;
  let die: (value: typeof died) => void = () => undefined;
  const dead = new Promise<typeof died>((resolve) => {
    die = resolve;
  });
  const never = new Promise<never>(() => undefined);
  const port = async <T>(work: () => Promise<T>): Promise<T> => {
    const mine = ++calls;
    if (mine > n || (mine === n && when === 'before')) {
      die(died);
      return never;
    }
    const outcome = await work();
    if (mine !== n) return outcome;
    die(died);
    return never;
  };
  const wrapped = <T extends object>(target: T, names: readonly (keyof T)[]): T => {
    const copy = { ...target };
    for (const name of names) {
      const call = target[name] as (...args: unknown[]) => Promise<unknown>;
      copy[name] = ((...args: unknown[]) => port(() => call(...args))) as never;
    }
    return copy;
  };
  const ledger = wrapped<Ledger>(world.older, ['read', 'write']);
  const directory = wrapped<Directory>(world.okta, ['findGroup', 'members', 'read', 'remove']);
  const anchor = wrapped<Anchor>(world.anchor, ['read', 'keep']);
  const over: Partial<Deps> = { ledger: async () => ledger, directory: async () => directory, anchor };
  return { operations: world.on('boss', over), dead, count: () => calls };
}

describe('a recovery that dies', () => {
  it.each(['before', 'after'] as const)(
    'at any await, %s the call has its effect, is done again; nobody is forgotten and nothing granted too early',
    async (when) => {
      const whole = await lost();
      const counted = dyingAt(whole, Number.POSITIVE_INFINITY, when);
      await recoverAll(counted.operations);
      expect(counted.count()).toBeGreaterThan(12);
      for (let n = 1; n <= counted.count(); n++) {
        const world = await lost();
        const dying = dyingAt(world, n, when);
        expect(await Promise.race([recoverAll(dying.operations), dying.dead]), `await ${n}`).toBe(died);
        const stands = await world.older.read((q) => q.liveGrants());
        const asked = await world
          .on('ana')
          .request(ask)
          .then(
            () => 'granted',
            (error: { code: string }) => error.code,
          );
        // Believed again only once a row stands for whoever is to leave, or they are out.
        const covered = ['maria@acme.dev', 'sam@acme.dev'].every(
          (who) => !world.okta.in('db').includes(who) || stands.some(({ holder }) => holder === who),
        );
        expect(asked === 'ledger-behind' || covered, `await ${n}: ${asked}`).toBe(true);
        await recoverAll(world.on('boss'));
        granted(await world.on('ana').request(ask));
        for (const wait of [minute, 5 * minute, 2 * hour, 20 * minute]) await world.sweepOn(wait);
        expect(world.okta.in('db'), `await ${n}`).toEqual(['standing@acme.dev']);
      }
    },
  );
});
