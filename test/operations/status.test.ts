/** `status` on the real operations and SQL: the same things are wrong in it as in the sweep, and nothing that is over is. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { company, granted, hour, minute, role, type World } from './world.ts';

const next = 'grant the app the scope okta.users.manage';
const noRight = new ProviderError('okta', 'forbidden', 'okta does not let these credentials do that', { applied: 'no', next });
const timeout = new ProviderError('okta', 'timeout', 'okta did not answer within 10 s', { applied: 'no' });

const ask = async (world: World, name = 'db-admin', forMs = hour) =>
  granted(await world.as('maria').request({ role: name, asked: { forMs } })).request;
const status = (world: World, of?: string) => world.as('sam').status(of === undefined ? {} : { of });
const codes = async (world: World) => (await status(world)).faults.map(({ code }) => code);

describe('what is neither a request nor a role', () => {
  it('is most often a role that was mistyped', async () => {
    const world = await company();
    await expect(status(world, 'db-admn')).rejects.toMatchObject({ code: 'unknown-request', exit: 2, next: 'did you mean "db-admin"?' });
    await expect(status(world, 'k7m2xq')).rejects.toMatchObject({ next: 'oncall status' });
  });
});

describe('what ends only once somebody changes something', () => {
  it.each([
    ['remove' as const, role('db-admin'), 'still in: maria@acme.dev in okta/db '],
    ['endSessions' as const, role('db-admin', { endsSessionsIn: ['okta'] }), 'not signed out: maria@acme.dev '],
  ])('is a fault with what to do, as in the sweep, until it is done: %s', async (verb, one, what) => {
    const world = await company({ roles: [one] });
    const { id } = await ask(world);
    world.okta.fail(verb, noRight);
    expect(await world.sweepAfter(hour)).toMatchObject({ failed: 1 });
    const { faults, grants } = await status(world);
    expect(faults).toEqual([{ code: 'action-needed', message: expect.stringContaining(`${what}(${id}): `), next, grantId: grants[0]?.id }]);
    await world.sweepAfter(minute);
    expect(await codes(world)).toEqual([]);
  });

  it('is no longer one when the next try meets what passes by itself', async () => {
    const world = await company();
    await ask(world);
    world.okta.fail('remove', noRight);
    world.okta.fail('remove', timeout, 'before', 2);
    await world.sweepAfter(hour);
    expect(await codes(world)).toEqual(['action-needed']);
    await world.sweepAfter(minute);
    expect(await codes(world)).toEqual([]);
  });

  it('does not call somebody in who is out', async () => {
    const world = await company({ roles: [role('db-admin', { endsSessionsIn: ['okta'] })] });
    const { id } = await ask(world);
    world.okta.fail('endSessions', noRight);
    await world.sweepAfter(hour);
    world.now += 16 * minute;
    const past = (await status(world)).faults.find(({ code }) => code === 'past-end');
    expect(past?.message).toBe(`past its end: maria@acme.dev, not signed out (${id})`);
  });

  it('is told by release, too, with what to do', async () => {
    const world = await company({ roles: [role('db-admin', { endsSessionsIn: ['okta'] })] });
    await ask(world);
    world.okta.fail('endSessions', noRight);
    const { grants, left } = await world.as('maria').release({ id: 'db-admin' });
    expect([left, grants]).toMatchObject([1, [{ state: 'revoking', next }]]);
    expect(grants[0]).not.toHaveProperty('owned');
  });
});

describe('a sweep', () => {
  it('that is missing is one fault for all directories', async () => {
    const world = await company({ swept: false });
    const { okta } = world.policy.directories;
    const policy = {
      ...world.policy,
      directories: { ...world.policy.directories, aws: { ...okta, name: 'aws' } as NonNullable<typeof okta> },
    };
    const told = async () => (await world.as('sam', { policy }).status({})).faults;
    expect(await told()).toEqual([
      { code: 'late-sweep', message: 'never swept: okta, aws; nobody is let in there until it runs', next: 'oncall sweep' },
    ]);
    await world.sweepAfter(0);
    world.now += 20 * minute;
    expect((await told())[0]?.message).toBe('the sweep is late: okta 20 min ago; never swept: aws; nobody is let in there until it runs');
  });

  it('says of a grant that ends while its holder is in by another one who keeps them in', async () => {
    const world = await company({ roles: [role('one'), role('two')] });
    await ask(world, 'one');
    const { id } = await ask(world, 'two', 3 * hour);
    const { steps } = await world.sweepAfter(hour);
    expect(steps.filter(({ target }) => target)).toMatchObject([{ outcome: 'done', role: 'one', stays: id }]);
    const last = await world.sweepAfter(2 * hour);
    expect(last.steps.filter(({ stays }) => stays !== undefined)).toEqual([]);
  });

  it('says who stays because they were in before', async () => {
    const world = await company({ members: { db: ['maria@acme.dev'] } });
    await ask(world);
    expect((await world.sweepAfter(hour)).steps.find(({ target }) => target)).toMatchObject({ stays: 'before' });
  });
});

describe('drift', () => {
  it('is told, and is no fault, in a group that others may use', async () => {
    const world = await company();
    world.okta.put('sam@acme.dev', 'db');
    await world.sweepAfter(16 * minute);
    expect(await status(world)).toMatchObject({ faults: [], drift: [{ target: { group: 'db' }, userNames: ['sam@acme.dev'] }] });
  });

  it('is a fault in an exclusive one', async () => {
    const world = await company({ exclusive: ['db'], members: { db: ['sam@acme.dev'] } });
    expect(await status(world)).toMatchObject({ faults: [{ code: 'uncovered' }], drift: [] });
  });
});

describe('a request that is over', () => {
  it('says who ended it, when and why', async () => {
    const world = await company();
    const { id } = await ask(world);
    expect(await status(world, id)).not.toHaveProperty('ended');
    world.now += minute;
    const at = world.now;
    await world.as('boss').revoke({ id, reason: 'lost laptop' });
    world.now += hour;
    expect((await status(world, id)).ended).toEqual({ by: 'boss@acme.dev', at, how: 'revoked', because: 'lost laptop' });
  });

  it('says so of what the sweep ended, of what was given back, and of what somebody refused', async () => {
    const asking = role('asking', { allow: [], ask: role('x').allow, approvers: role('x').allow, reason: 'optional' });
    const world = await company({ roles: [role('db-admin'), asking] });
    const first = await ask(world);
    await world.sweepAfter(hour);
    expect((await status(world, first.id)).ended).toMatchObject({ by: 'sweep', how: 'expired' });
    const second = await ask(world);
    await world.as('maria').release({ id: second.id });
    expect((await status(world, second.id)).ended).toMatchObject({ by: 'maria@acme.dev', how: 'released' });
    const pending = await ask(world, 'asking');
    await world.as('sam').deny({ id: pending.id, reason: 'use the replica' });
    expect((await status(world, pending.id)).ended).toMatchObject({ by: 'sam@acme.dev', how: 'denied', because: 'use the replica' });
  });
});
