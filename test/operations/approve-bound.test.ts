/** A yes counts for exactly what was asked, once, and while it waits. */

import { describe, expect, it } from 'vitest';
import { approval, approvedBy } from './approval-world.ts';
import { granted, hour, minute, onCall, user } from './world.ts';

const two = [user('sam'), user('ana')];

/** As `approve` without an id shows it to sam. */
const seenBy = async (world: Awaited<ReturnType<typeof approval>>, id: string): Promise<string> => {
  const found = (await world.as('sam').waiting()).requests.find((one) => one.id === id);
  if (found === undefined) throw new Error(`${id} does not wait for sam`);
  return found.digest;
};

describe('what was looked at', () => {
  it('is what is approved', async () => {
    const world = await approval(two);
    const id = await world.ask();
    const seen = await seenBy(world, id);
    expect(seen).toMatch(/^[0-9a-f]{64}$/);
    expect(await world.approve('sam', id, { seen })).toMatchObject({ result: 'granted', request: { approvals: [{ digest: seen }] } });
    expect((await world.as('boss').audit({ of: id })).find(({ type }) => type === 'request.approved')?.data).toMatchObject({
      digest: seen,
    });
  });

  it('of another request is refused, however alike the two are', async () => {
    const world = await approval(two);
    const first = await world.ask();
    const seen = await seenBy(world, first);
    await world.as('maria').release({ id: first });
    const second = await world.ask();
    expect(await seenBy(world, second)).not.toBe(seen);
    await expect(world.approve('sam', second, { seen })).rejects.toMatchObject({ code: 'not-as-seen', exit: 1 });
    expect(world.isIn()).toBe(false);
  });

  it('is refused when the policy gives something else for it by now', async () => {
    const db = { directory: 'okta', group: 'db' };
    const world = await approval(two, { targets: [db, { directory: 'okta', group: 'web' }] });
    const id = await world.ask();
    const seen = await seenBy(world, id);
    world.change({ roles: { 'db-admin': approvedBy(two) } });
    await expect(world.approve('sam', id, { seen })).rejects.toMatchObject({ code: 'not-as-seen' });
    // More than was asked for is not given, and changes nothing about the yes.
    world.change({
      roles: { 'db-admin': approvedBy(two, { targets: [db, { directory: 'okta', group: 'web' }, { directory: 'okta', group: 'more' }] }) },
    });
    expect((await world.approve('sam', id, { seen })).result).toBe('granted');
    expect(world.okta.in('web')).toEqual(['maria@acme.dev']);
  });
});

it('a yes is for the length of its time: not where the role’s usual one has changed since', async () => {
  const world = await approval(two, { ttl: { defaultMs: hour, maxMs: 12 * hour } });
  const id = await world.ask();
  const seen = await seenBy(world, id);
  world.change({ roles: { 'db-admin': approvedBy(two, { ttl: { defaultMs: 12 * hour, maxMs: 12 * hour } }) } });
  await expect(world.approve('sam', id, { seen })).rejects.toMatchObject({ code: 'not-as-seen' });
  expect(world.isIn()).toBe(false);
});

it('a no by revoke keeps its reason', async () => {
  const world = await approval(two);
  const id = await world.ask();
  await world.as('boss').revoke({ id, reason: 'not tonight' });
  expect((await world.as('boss').audit({ of: id })).at(-1)).toMatchObject({ type: 'request.denied', reason: 'not tonight' });
});

describe('a request that waits', () => {
  const ask = (world: Awaited<ReturnType<typeof approval>>, over: object) =>
    world.as('maria').request({ role: 'db-admin', asked: { byDefault: true }, ...over });

  it('never changes: asked for otherwise it is another one, and the id that was looked at leads to nothing', async () => {
    for (const over of [{ reason: 'drop the tables' }, { asked: { forMs: 12 * hour } }, { incident: 'INC-1' }]) {
      const world = await approval(two);
      const id = await world.ask({ hours: 1 });
      const second = granted(await ask(world, over));
      expect(second).toMatchObject({ result: 'pending', request: { reason: 'index rebuild', asked: { forMs: hour }, ...over } });
      expect(second.request.id).not.toBe(id);
      await expect(world.approve('sam', id)).rejects.toMatchObject({ code: 'not-pending', message: expect.stringContaining('withdrawn') });
      expect(world.isIn()).toBe(false);
      expect((await world.approve('sam', second.request.id)).result).toBe('granted');
    }
  });

  it('drops every yes that was said to what it was', async () => {
    const world = await approval(two, { quorum: 2 });
    const id = await world.ask();
    await world.approve('sam', id);
    const second = granted(await ask(world, { reason: 'something else' })).request;
    expect(second.approvals).toEqual([]);
    expect(await world.approve('ana', second.id)).toMatchObject({ result: 'pending', yes: { by: ['ana@acme.dev'], of: 2 } });
    expect(world.isIn()).toBe(false);
  });

  it('is the same where the same is asked, or nothing more is said', async () => {
    const world = await approval(two);
    const id = await world.ask({ hours: 3 });
    for (const over of [{}, { reason: 'index rebuild' }, { asked: { forMs: 3 * hour } }]) {
      expect(granted(await ask(world, over)).request).toMatchObject({ id, asked: { forMs: 3 * hour } });
    }
  });
});

describe('a yes', () => {
  it('is used once: said again it is an error, and so is one that comes after withdrawal, a no, or too late', async () => {
    const world = await approval(two);
    const ends: [string, (id: string) => Promise<unknown>][] = [
      ['approved', (id) => world.approve('sam', id)],
      ['withdrawn', (id) => world.as('maria').release({ id })],
      ['denied', (id) => world.as('ana').deny({ id })],
      ['expired', async () => void (world.now += hour)],
    ];
    for (const [state, end] of ends) {
      const id = await world.ask();
      await end(id);
      await expect(world.approve('sam', id)).rejects.toMatchObject({
        code: 'not-pending',
        exit: 1,
        message: `request ${id} is ${state}, it no longer waits for an answer`,
      });
      if (state === 'approved') await world.as('maria').release({ id });
      await world.sweepAfter(0);
      expect(world.isIn()).toBe(false);
    }
  });

  it('that is still asked about when the time is up lets nobody in', async () => {
    const world = await approval(two);
    const id = await world.ask();
    world.now += hour - 60_000;
    await world.sweepAfter(0);
    const findUser: typeof world.okta.findUser = async (name, call) => {
      world.now += 61_000;
      return world.okta.findUser(name, call);
    };
    const late = world.as('sam', { directory: async () => ({ ...world.okta, findUser }) });
    await expect(late.approve({ id })).rejects.toMatchObject({ code: 'not-pending' });
    expect(world.isIn()).toBe(false);
  });

  it('that loses the race to a withdrawal while it asks around lets nobody in', async () => {
    const world = await approval(two);
    const id = await world.ask();
    let withdrawn = false;
    const findUser: typeof world.okta.findUser = async (name, call) => {
      if (!withdrawn) await world.as('maria').release({ id });
      withdrawn = true;
      return world.okta.findUser(name, call);
    };
    await expect(world.as('sam', { directory: async () => ({ ...world.okta, findUser }) }).approve({ id })).rejects.toMatchObject({
      code: 'not-pending',
    });
    expect(world.isIn()).toBe(false);
  });

  it('beside which another one comes in is looked at again, and both count', async () => {
    const world = await approval(two, { quorum: 2 });
    const id = await world.ask();
    let came = false;
    const findUser: typeof world.okta.findUser = async (name, call) => {
      if (!came) {
        came = true;
        await world.approve('ana', id);
      }
      return world.okta.findUser(name, call);
    };
    const done = granted(await world.as('sam', { directory: async () => ({ ...world.okta, findUser }) }).approve({ id }));
    expect(done).toMatchObject({ result: 'granted', yes: { by: ['ana@acme.dev', 'sam@acme.dev'] } });
  });

  it('does not count by a right that was looked up before a long sleep, of whoever gives it or gave one before', async () => {
    const onDuty = (...names: string[]) => names.map((name) => ({ schedule: 'PDB', email: `${name}@acme.dev`, start: null, end: null }));
    for (const quorum of [1, 2]) {
      const world = await approval([onCall, user('boss')], { quorum });
      world.shifts = onDuty('ana', 'sam');
      const id = await world.ask();
      if (quorum === 2) await world.approve('ana', id);
      // By the time that this is heard, both are off.
      const slept = async () => {
        world.now += 10 * minute;
        return onDuty('ana', 'sam');
      };
      const asleep = world.as('sam', { roster: async () => ({ title: 'PagerDuty', onCall: slept }) });
      await expect(asleep.approve({ id })).rejects.toMatchObject({ code: 'facts-old' });
      expect(world.isIn()).toBe(false);
      expect((await world.approve('sam', id)).result).toBe('granted');
    }
  });
});
