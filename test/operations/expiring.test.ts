/** That an end is near is told once, in time, and again where the end has moved. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { channel, tellingCompany } from './told-world.ts';
import { company, granted, hour, minute, role } from './world.ts';

const ends = async (world: Awaited<ReturnType<typeof tellingCompany>>) =>
  (await world.ledger.read((q) => q.lastEvents(undefined)))
    .filter(({ type }) => type === 'request.expiring')
    .map(({ at, data }) => ((data as { expiresAt: number }).expiresAt - at) / minute);

describe('an end that is near', () => {
  it.each([
    ['12 h', 12 * hour, 15],
    ['1 h', hour, 15],
    ['20 min', 20 * minute, 5],
  ])('of %s is told once, at most %i min before', async (_, forMs, lead) => {
    const world = await tellingCompany([channel('slack')]);
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs } }));
    for (let passed = 0; passed < forMs; passed += minute) await world.sweepAfter(minute);
    expect(await ends(world)).toEqual([lead]);
  });

  it('is told again where it has moved', async () => {
    const world = await tellingCompany([channel('slack')]);
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    await world.sweepAfter(50 * minute);
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 2 * hour } }));
    for (let passed = 0; passed < 2 * hour; passed += 5 * minute) await world.sweepAfter(5 * minute);
    expect(await ends(world)).toEqual([10, 15]);
    expect(await world.ledger.read((q) => q.toldOf('expiring'))).toEqual([]);
  });

  it('is nothing to who has given it back, or was never let in', async () => {
    const world = await tellingCompany([channel('slack')], { roles: [role('db-admin'), role('web')] });
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    await world.as('maria').release({ id: 'db-admin' });
    await world.sweepAfter(50 * minute);
    expect(await ends(world)).toEqual([]);
  });

  it('is not looked for where nobody is told', async () => {
    const world = await company();
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    await world.sweepAfter(50 * minute);
    expect((await world.ledger.read((q) => q.lastEvents(undefined))).map(({ type }) => type)).not.toContain('request.expiring');
  });
});

describe('a grant that does not end', () => {
  it('is called stuck once, at the sixth try that fails', async () => {
    const world = await tellingCompany([channel('slack')]);
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    world.okta.fail('remove', new ProviderError('okta', 'unavailable', 'okta is not available', { applied: 'no' }), 'before', 8);
    await world.as('maria').release({ id: request.id });
    for (let tried = 0; tried < 8; tried++) await world.sweepAfter(hour);
    const events = await world.ledger.read((q) => q.lastEvents(undefined));
    expect(events.filter(({ type }) => type === 'grant.stuck').map(({ data }) => data)).toEqual([
      { attempts: 6, error: expect.any(String) },
    ]);
    expect(events.filter(({ type }) => type === 'membership.remove-failed').length).toBeGreaterThan(6);
    expect(world.notices('slack').filter(({ kind }) => kind === 'stuck').length).toBe(1);
  });
});
