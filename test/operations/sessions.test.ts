/** `onEnd: { endSessions: true }` on the real operations and SQL: sessions end after the removal, whatever fails between, and never beside access that somebody has. */

import { describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import { ProviderError } from '../../src/errors.ts';
import { company, granted, hour, minute, refused, role, type World } from './world.ts';

const signsOut = role('db-admin', { endsSessionsIn: ['okta'] });
const plain = role('helper');
const noRight = new ProviderError('okta', 'forbidden', 'okta does not let these credentials end sessions', { applied: 'no' });

const ask = async (world: World, name: string, forMs = hour) => granted(await world.as('maria').request({ role: name, asked: { forMs } }));
const signOuts = (world: World): number => world.okta.calls.filter(({ verb }) => verb === 'endSessions').length;
const events = async (world: World) => (await world.ledger.read((q) => q.lastEvents(undefined))).map(({ type }) => type);

describe('sessions', () => {
  it('end once, after the removal was read back, and before the grant is called ended', async () => {
    const world = await company({ roles: [signsOut] });
    expect((await ask(world, 'db-admin')).decision.endsSessionsIn).toEqual(['okta']);
    world.okta.calls.length = 0;
    expect(await world.sweepAfter(hour)).toMatchObject({ ended: 1, failed: 0, remaining: 0 });
    expect(world.okta.calls.map(({ verb }) => verb).slice(0, 3)).toEqual(['remove', 'read', 'endSessions']);
    expect((await events(world)).slice(-5)).toEqual([
      'grant.revoking',
      'membership.remove',
      'sessions.end',
      'sessions.ended',
      'grant.ended',
    ]);
    await world.sweepAfter(hour);
    expect(signOuts(world)).toBe(1);
  });

  it('stay open where the role does not say that they end', async () => {
    const world = await company({ roles: [plain] });
    expect((await ask(world, 'helper')).decision).not.toHaveProperty('endsSessionsIn');
    await world.sweepAfter(hour);
    expect(world.okta.in('db')).toEqual([]);
    expect(signOuts(world)).toBe(0);
  });

  it('stay open for who was in the group before, and stays in it', async () => {
    const world = await company({ roles: [signsOut], members: { db: ['maria@acme.dev'] } });
    await ask(world, 'db-admin');
    await world.sweepAfter(2 * hour);
    expect(signOuts(world)).toBe(0);
  });

  it('end with the last role on the group, even if that one would not have said so', async () => {
    const world = await company({ roles: [signsOut, plain] });
    await ask(world, 'db-admin');
    await ask(world, 'helper', 3 * hour);
    await world.sweepAfter(hour);
    expect([world.okta.in('db'), signOuts(world)]).toEqual([['maria@acme.dev'], 0]);
    await world.sweepAfter(2 * hour);
    expect([world.okta.in('db'), signOuts(world)]).toEqual([[], 1]);
    await ask(world, 'helper');
    await world.sweepAfter(hour);
    expect(signOuts(world)).toBe(1);
  });

  it('end by what was recorded at the request, not by the policy of whoever sweeps', async () => {
    const world = await company({ roles: [signsOut] });
    await ask(world, 'db-admin');
    world.now += hour;
    const { policy } = world;
    await world.as('cron', { policy: { ...policy, roles: {} } }).sweep({});
    expect(signOuts(world)).toBe(1);
  });

  it('end on release, and where an add failed that may have been applied', async () => {
    const world = await company({ roles: [signsOut] });
    await ask(world, 'db-admin');
    expect(await world.as('maria').release({ id: 'db-admin' })).toMatchObject({ ended: 1, left: 0 });
    expect(signOuts(world)).toBe(1);
    world.okta.fail('add', new ProviderError('okta', 'forbidden', 'no', { applied: 'unknown' }), 'before');
    expect((await ask(world, 'db-admin')).result).toBe('failed');
    await world.sweepAfter(5 * minute);
    expect([world.okta.in('db'), signOuts(world)]).toEqual([[], 2]);
  });

  it('end once more where an add that everybody had given up lands late, and is undone', async () => {
    const world = await company({ roles: [signsOut] });
    world.okta.fail('add', new ProviderError('okta', 'timeout', 'okta did not answer'), 'before', 3);
    await ask(world, 'db-admin');
    for (const wait of [5 * minute, 5 * minute]) await world.sweepAfter(wait);
    expect(signOuts(world)).toBe(1);
    world.okta.put('maria@acme.dev', 'db');
    await world.sweepAfter(minute);
    expect([world.okta.in('db'), signOuts(world)]).toEqual([[], 2]);
  });

  it('that could not be ended are told and tried again; the removal is not done twice', async () => {
    const world = await company({ roles: [signsOut] });
    await ask(world, 'db-admin');
    world.okta.fail('endSessions', noRight, 'before', 2);
    const first = await world.sweepAfter(hour);
    expect(world.okta.in('db')).toEqual([]);
    const because = 'maria@acme.dev is out of db, but still signed in: okta does not let these credentials end sessions';
    expect(first).toMatchObject({ ended: 0, failed: 1, remaining: 1, steps: [{ outcome: 'failed', because }] });
    expect((await world.as('boss').status({})).grants).toMatchObject([{ state: 'revoking', attempts: 1, lastError: because }]);
    expect(await world.sweepAfter(minute)).toMatchObject({ ended: 0, remaining: 1 });
    expect(await world.sweepAfter(minute)).toMatchObject({ ended: 1, failed: 0, remaining: 0 });
    expect((await events(world)).filter((type) => /sessions|membership.remove/.test(type))).toEqual([
      'membership.remove',
      ...['sessions.end', 'sessions.end-failed', 'sessions.end', 'sessions.end-failed', 'sessions.end', 'sessions.ended'],
    ]);
  });

  it('keep the place of a role with one place until they have ended', async () => {
    const world = await company({ roles: [role('solo', { endsSessionsIn: ['okta'], maxHolders: 1 })], exclusive: ['db'] });
    await ask(world, 'solo');
    world.okta.fail('endSessions', noRight);
    await world.sweepAfter(hour);
    expect(refused(await world.as('sam').request({ role: 'solo', asked: { forMs: hour } })).result).toBe('taken');
    await world.sweepAfter(minute);
    expect(granted(await world.as('sam').request({ role: 'solo', asked: { forMs: hour } })).result).toBe('granted');
  });

  it('are left alone once their holder is let in again, who waits for nothing, and end with that', async () => {
    const world = await company({ roles: [signsOut, plain] });
    await ask(world, 'db-admin');
    world.okta.fail('endSessions', new ProviderError('okta', 'timeout', 'okta did not answer'), 'before');
    await world.sweepAfter(hour);
    const before = world.now;
    expect((await ask(world, 'helper', 3 * hour)).result).toBe('granted');
    expect(world.now).toBe(before);
    expect(await world.sweepAfter(5 * minute)).toMatchObject({ ended: 1, remaining: 0 });
    expect([world.okta.in('db'), signOuts(world)]).toEqual([['maria@acme.dev'], 1]);
    await world.sweepAfter(3 * hour);
    expect([world.okta.in('db'), signOuts(world)]).toEqual([[], 2]);
  });

  it('end also where the one who asked again never got as far as the group', async () => {
    const world = await company({ roles: [signsOut, plain] });
    await ask(world, 'db-admin');
    world.okta.fail('endSessions', noRight);
    await world.sweepAfter(hour);
    world.okta.fail('read', new ProviderError('okta', 'forbidden', 'no', { applied: 'no' }));
    // The sweep comes while the new request is about to fail, finds it standing there, and leaves the sessions to it.
    const sweeping: Directory = {
      ...world.okta,
      read: async (...args) => {
        await world.sweepAfter(minute);
        return world.okta.read(...args);
      },
    };
    const asked = await world.as('maria', { directory: async () => sweeping }).request({ role: 'helper', asked: { forMs: hour } });
    expect(granted(asked).result).toBe('failed');
    await world.sweepAfter(5 * minute);
    expect(signOuts(world)).toBe(2);
    expect((await world.as('boss').status({})).grants).toEqual([]);
  });

  it('that a directory has no way to end are told, and not forgotten', async () => {
    const world = await company({ roles: [signsOut] });
    await ask(world, 'db-admin');
    const { endSessions: _, ...cannot } = world.okta;
    world.now += hour;
    const swept = await world.as('cron', { directory: async () => cannot }).sweep({});
    expect(swept).toMatchObject({ ended: 0, failed: 1, remaining: 1 });
    expect(swept.steps[0]?.because).toContain('okta cannot end sessions');
    expect(await world.sweepAfter(minute)).toMatchObject({ ended: 1 });
  });

  it('are not ended by a process that was held up until it may no longer act', async () => {
    const world = await company({ roles: [signsOut] });
    await ask(world, 'db-admin');
    world.now += hour;
    const late: Directory = {
      ...world.okta,
      endSessions: (pin, call) => {
        world.now += 2 * minute;
        return (world.okta.endSessions as NonNullable<Directory['endSessions']>)(pin, call);
      },
    };
    await world.as('cron', { directory: async () => late }).sweep({});
    expect(signOuts(world)).toBe(0);
    await world.sweepAfter(minute);
    expect(signOuts(world)).toBe(1);
  });
});
