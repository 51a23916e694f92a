/** An IAM role: the directory keeps the end itself, so what it was told must be the end that holds, and nobody is let in by telling it. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { company, granted, hour, minute, role, type World } from './world.ts';

const iamRole = 'arn:aws:iam::111122223333:role/db-admin';
const target = { directory: 'okta', group: iamRole };
const maria = 'maria@acme.dev';

const start = () =>
  company({ roles: [role('db-admin', { targets: [target] }), role('db-owner', { targets: [target] })], members: { [iamRole]: [] } });

const ask = async (world: World, hours: number, name = 'db-admin') =>
  granted(await world.as('maria').request({ role: name, asked: { forMs: hours * hour } }));

const until = (world: World): number | undefined => world.okta.until(maria, iamRole);
const adds = (world: World): number => world.okta.calls.filter(({ verb }) => verb === 'add').length;
const lost = () => new ProviderError('okta', 'timeout', 'no answer in time');
const refused = () => new ProviderError('okta', 'forbidden', 'no right to do that', { applied: 'no' });

/** The writes that were announced, oldest first: to which end. */
const announced = (world: World) =>
  world.ledger.read(async (q) =>
    (await q.lastEvents(undefined)).filter(({ type }) => type === 'membership.add').map(({ data }) => (data as { until?: number }).until),
  );

describe('the end that a directory keeps', () => {
  it('is that of the request, and on record with the add', async () => {
    const world = await start();
    const { request } = await ask(world, 2);
    expect(until(world)).toBe(request.expiresAt);
    expect(await announced(world)).toEqual([request.expiresAt]);
  });

  it('lets nobody in after it where nothing sweeps, and is taken away by the sweep that comes at last', async () => {
    const world = await start();
    const { request } = await ask(world, 1);
    const pin = await world.ledger.read(async (q) => {
      const [grant] = await q.grantsOfRequest(request.id);
      return q.membership(grant?.membershipId ?? '');
    });
    if (!pin) throw new Error('no membership');
    expect(await world.okta.read(pin, {})).toBe('member');
    world.now += hour;
    expect(await world.okta.read(pin, {})).toBe('absent');
    expect(world.okta.in(iamRole)).toEqual([maria]);
    await world.sweepAfter(10 * minute);
    expect(world.okta.in(iamRole)).toEqual([]);
    expect(await world.as('boss').status({})).toMatchObject({ requests: [], faults: [] });
  });

  it('moves with the end of what is held, once, and is not told again by the sweep', async () => {
    const world = await start();
    await ask(world, 1);
    world.now += 30 * minute;
    await world.sweepAfter(0);
    const again = await ask(world, 2);
    expect(again).toMatchObject({ result: 'extended' });
    expect(again.unmoved).toBeUndefined();
    expect(until(world)).toBe(again.request.expiresAt);
    await world.sweepAfter(5 * minute);
    expect([adds(world), await announced(world)]).toEqual([2, [expect.any(Number), again.request.expiresAt]]);
    await world.sweepAfter(45 * minute);
    expect(world.okta.in(iamRole)).toEqual([maria]);
  });

  it('is not touched where what is held is only looked at again', async () => {
    const world = await start();
    await ask(world, 2);
    expect(await ask(world, 1)).toMatchObject({ result: 'held' });
    expect(adds(world)).toBe(1);
  });

  it('stays at the earlier one where it cannot be told, which is said; the same command tells it', async () => {
    const world = await start();
    const first = await ask(world, 1);
    world.okta.fail('add', refused());
    const again = await ask(world, 2);
    expect(again).toMatchObject({ result: 'extended', unmoved: [{ target, message: 'no right to do that' }] });
    expect(until(world)).toBe(first.request.expiresAt);
    expect(again.request.expiresAt).toBeGreaterThan(until(world) ?? 0);
    const third = await ask(world, 1);
    expect(third).toMatchObject({ result: 'held' });
    expect(third.unmoved).toBeUndefined();
    expect(until(world)).toBe(again.request.expiresAt);
  });

  it('stays at the earlier one where it cannot be told; so does the next sweep tell it', async () => {
    const world = await start();
    await ask(world, 1);
    world.okta.fail('add', refused());
    const { request } = await ask(world, 2);
    world.okta.fail('add', refused());
    const failed = await world.sweepAfter(minute);
    expect(failed.steps).toContainEqual(expect.objectContaining({ action: 'move-end', outcome: 'failed', holder: maria, target }));
    const planned = await world.as('cron').sweep({ dryRun: true });
    expect(planned.steps).toContainEqual(expect.objectContaining({ action: 'move-end', outcome: 'planned', target }));
    expect((await world.sweepAfter(minute)).failed).toBe(0);
    expect(until(world)).toBe(request.expiresAt);
  });

  it('is the latest of what stands on the membership', async () => {
    const world = await start();
    const longer = await ask(world, 3);
    await ask(world, 1, 'db-owner');
    expect(until(world)).toBe(longer.request.expiresAt);
    await world.as('maria').release({ id: 'db-owner' });
    expect(until(world)).toBe(longer.request.expiresAt);
    const longest = await ask(world, 5, 'db-owner');
    expect(until(world)).toBe(longest.request.expiresAt);
  });

  it('comes back to the earlier one when the latest is given back', async () => {
    const world = await start();
    const shorter = await ask(world, 1);
    await ask(world, 3, 'db-owner');
    await world.as('maria').release({ id: 'db-owner' });
    expect(until(world)).toBe(shorter.request.expiresAt);
    expect(world.okta.in(iamRole)).toEqual([maria]);
  });

  it('comes back to the earlier one by the sweep, where it could not be told at the release', async () => {
    const world = await start();
    const shorter = await ask(world, 1);
    await ask(world, 3, 'db-owner');
    world.okta.fail('add', refused());
    await world.as('maria').release({ id: 'db-owner' });
    expect(until(world)).not.toBe(shorter.request.expiresAt);
    await world.sweepAfter(minute);
    expect(until(world)).toBe(shorter.request.expiresAt);
  });
});

describe('an answer about a moved end that never came', () => {
  it('is told again, but only when what was lost can land no more', async () => {
    const world = await start();
    await ask(world, 1);
    world.okta.fail('add', lost());
    const again = await ask(world, 2);
    expect(again).toMatchObject({ result: 'extended', unmoved: [{ target }] });
    const sent = adds(world);
    await world.sweepAfter(minute);
    expect(adds(world)).toBe(sent);
    await world.sweepAfter(2 * minute);
    expect(adds(world)).toBe(sent + 1);
    expect(until(world)).toBe(again.request.expiresAt);
  });

  it('keeps the end from being called confirmed: whoever gives back is taken out twice', async () => {
    const world = await start();
    await ask(world, 1);
    world.okta.fail('add', lost(), 'after');
    await ask(world, 2);
    const released = await world.as('maria').release({ id: 'db-admin' });
    expect(released).toMatchObject({ ended: 0, left: 1 });
    expect(world.okta.in(iamRole)).toEqual([]);
    // The lost one lands.
    world.okta.put(maria, iamRole);
    await world.sweepAfter(3 * minute);
    expect(world.okta.in(iamRole)).toEqual([]);
    expect(await world.as('boss').status({})).toMatchObject({ requests: [] });
  });

  it('of a run that died keeps the end from being called confirmed, too', async () => {
    const world = await start();
    await ask(world, 1);
    const sent = new Promise<void>((resolve) => {
      const dead = { ...world.okta, add: () => new Promise<never>(() => resolve()) };
      void world.as('maria', { directory: async () => dead }).request({ role: 'db-admin', asked: { forMs: 2 * hour } });
    });
    await sent;
    world.now += 3 * minute;
    expect(await world.as('maria').release({ id: 'db-admin' })).toMatchObject({ ended: 0, left: 1 });
    world.okta.put(maria, iamRole);
    await world.sweepAfter(2 * minute);
    expect(world.okta.in(iamRole)).toEqual([]);
    expect(await world.as('boss').status({})).toMatchObject({ requests: [] });
  });

  it('of a first add is told again after the quiet time, as an older one may have landed behind it', async () => {
    const world = await start();
    world.okta.fail('add', lost(), 'after');
    const { request } = await ask(world, 1);
    expect(world.okta.in(iamRole)).toEqual([maria]);
    const longer = await ask(world, 3, 'db-owner');
    expect(longer).toMatchObject({ result: 'granted' });
    // Out of order: the first one's end comes last.
    world.okta.take(maria, iamRole);
    await world.okta.add(await pinOf(world, request.id), { until: request.expiresAt ?? 0 });
    await world.sweepAfter(3 * minute);
    expect(until(world)).toBe(longer.request.expiresAt);
  });
});

describe('whom the directory lets in no more', () => {
  it('is not let in by a sweep, where somebody took them out by hand', async () => {
    const world = await start();
    await ask(world, 1);
    world.okta.fail('add', refused());
    await ask(world, 2);
    world.okta.take(maria, iamRole);
    await world.sweepAfter(minute);
    await world.sweepAfter(5 * minute);
    expect(world.okta.in(iamRole)).toEqual([]);
  });

  it('is let in by the same command, which allows it anew', async () => {
    const world = await start();
    await ask(world, 1);
    world.okta.fail('add', refused());
    await ask(world, 2);
    world.okta.take(maria, iamRole);
    await world.sweepAfter(minute);
    await ask(world, 1);
    expect(world.okta.in(iamRole)).toEqual([maria]);
  });

  it('is kept in by a sweep where the end that it knew has passed, and the ledger has a later one', async () => {
    const world = await start();
    await ask(world, 1);
    world.now += 59 * minute;
    await world.sweepAfter(0);
    world.okta.fail('add', refused());
    const { request } = await ask(world, 2);
    await world.sweepAfter(2 * minute);
    expect(until(world)).toBe(request.expiresAt);
  });
});

describe('a moved end and its membership', () => {
  it('that is given back meanwhile is taken out when the row is free again', async () => {
    const world = await start();
    await ask(world, 1);
    const { okta } = world;
    let released: Promise<unknown> | undefined;
    const slow = {
      ...okta,
      add: async (...call: Parameters<typeof okta.add>) => {
        released ??= world.as('maria').release({ id: 'db-admin' });
        await released;
        return okta.add(...call);
      },
    };
    await world.as('maria', { directory: async () => slow }).request({ role: 'db-admin', asked: { forMs: 2 * hour } });
    expect(okta.in(iamRole)).toEqual([]);
    expect(await world.as('boss').status({})).toMatchObject({ requests: [] });
  });

  it('is not moved where the membership was there before us', async () => {
    const world = await start();
    world.okta.put(maria, iamRole);
    await ask(world, 1);
    await ask(world, 2);
    await world.sweepAfter(minute);
    expect(adds(world)).toBe(0);
  });

  it('that an admin takes over gets the end that it has from then on', async () => {
    const world = await start();
    world.okta.put(maria, iamRole);
    const taking = { ...target, role: 'db-admin', end: { forMs: 2 * hour }, called: [maria] };
    const { members } = await world.as('boss').adopt(taking);
    const decided = { standing: [], ending: members.map(({ id }) => id) };
    await world.as('boss').adopt({ ...taking, reason: 'tidied up', decided });
    expect(until(world)).toBeUndefined();
    await world.sweepAfter(minute);
    expect(until(world)).toBe(world.now - minute + 2 * hour);
  });

  it('is not told where no copy of the ledger is kept that would remember it', async () => {
    const world = await start();
    await ask(world, 1);
    const sent = adds(world);
    world.okta.fail('add', refused());
    await ask(world, 2);
    const cron = world.as('cron', {
      anchor: { ...world.anchor, read: async () => ({ ledger: 'test', seq: 99_999, hash: 'f'.repeat(64), at: world.now }) },
    });
    world.now += minute;
    await cron.sweep({});
    expect(adds(world)).toBe(sent + 1);
  });
});

describe('what outlasts the end', () => {
  const lasts = [{ target, longestMs: hour }];

  it('is told with the request, and before it is asked for', async () => {
    const world = await start();
    expect(await world.as('maria').explain({ role: 'db-admin', asked: { byDefault: true } })).toMatchObject({ sessions: lasts });
    expect(await ask(world, 1)).toMatchObject({ sessions: lasts });
    expect(await ask(world, 1)).toMatchObject({ result: 'held', sessions: lasts });
  });

  it('is not told of a group', async () => {
    const world = await company();
    expect(await world.as('maria').explain({ role: 'db-admin', asked: { byDefault: true } })).not.toHaveProperty('sessions');
    expect(await ask(world, 1)).not.toHaveProperty('sessions');
  });

  it('is explained as not known where the directory does not say, and the rules are explained all the same', async () => {
    const world = await start();
    world.okta.fail('findGroup', refused());
    const explained = await world.as('maria').explain({ role: 'db-admin', asked: { byDefault: true } });
    expect(explained).toMatchObject({ decision: { outcome: 'allow' }, sessions: [{ target, because: 'no right to do that' }] });
  });
});

async function pinOf(world: World, requestId: string) {
  const row = await world.ledger.read(async (q) => {
    const [grant] = await q.grantsOfRequest(requestId);
    return q.membership(grant?.membershipId ?? '');
  });
  if (!row) throw new Error('no membership');
  return row;
}
