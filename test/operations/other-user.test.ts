/** A name that leads to another user than the one who was let in by it: no end is moved on for somebody of whom that is not known. */

import { expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import type { Policy } from '../../src/policy/types.ts';
import { rotation } from './rotation-world.ts';
import { company, granted, hour, minute, role, type World } from './world.ts';

const day = 24 * hour;
const people = (world: World, name?: string): void =>
  void Object.assign(world.policy, { people: name === undefined ? {} : { 'maria@acme.dev': { okta: `${name}@acme.dev` } } });
const down = (world: World) => ({
  ...world.okta,
  findUser: () => Promise.reject(new ProviderError('okta', 'unavailable', 'okta answered 503')),
});

const ledToNobody = (world: World) => {
  people(world, 'nobody');
  return {};
};
const unknown = (world: World) => {
  people(world);
  return { directory: async () => down(world) };
};

const asked = async () => {
  const world = await company({ roles: [role('db-admin', { ttl: { defaultMs: hour, maxMs: 12 * hour } })] });
  const ask = (hours: number, over = {}) => world.as('maria', over).request({ role: 'db-admin', asked: { forMs: hours * hour } });
  people(world, 'sam');
  const first = granted(await ask(1)).request;
  return { world, ask, first };
};

it.each<[string, (world: World) => object]>([
  ['leads to nobody', ledToNobody],
  ['cannot be asked about', unknown],
])('asked for longer while the name %s, it ends when it was to end, and says so', async (_, happens) => {
  const { world, ask, first } = await asked();
  const again = granted(await ask(8, happens(world)));
  expect(again).toMatchObject({ result: 'held', request: { expiresAt: first.expiresAt } });
  expect(again.notExtended).toBe('nobody can say to which user your name leads now');
  await world.sweepAfter(hour);
  expect(world.okta.in('db')).toEqual([]);
});

it('asked for after its end, and before a sweep, it says what to do, and that works', async () => {
  const { world, ask } = await asked();
  people(world);
  await world.sweepAfter(55 * minute);
  world.now += 5 * minute + 1000;
  const again = granted(await ask(2));
  const message = 'what let in sam@acme.dev in okta, to whom your name led then, has not ended yet';
  expect(again).toMatchObject({ result: 'failed', missing: [{ message, next: 'oncall release db-admin, then ask again' }] });
  await world.as('maria').release({ id: 'db-admin' });
  expect(granted(await ask(2)).result).toBe('granted');
  expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
});

it('on a rotation the wrong one goes within a week, also where the right one cannot come in', async () => {
  const rota = await rotation();
  rota.shift('maria', 0, null);
  people(rota.world, 'sam');
  await rota.sweep();
  expect(rota.in()).toEqual(['sam']);
  people(rota.world);
  rota.world.okta.deactivate('maria@acme.dev');
  for (let hours = 0; hours < 7 * 24; hours += 6) {
    rota.world.now += 6 * hour;
    await rota.sweep();
  }
  expect(rota.in()).toEqual([]);
});

it('standing, the wrong one goes within a week while nobody can say whose name it is, and stays in while that is short', async () => {
  const standing = {
    people: [{ email: 'maria@acme.dev', why: 'x' }],
    reviewAt: Date.parse('2027-12-01T00:00:00Z'),
    ifMissed: 'alert' as const,
  };
  for (const [how, of] of [
    ['nobody', ledToNobody],
    ['down', unknown],
  ] as const) {
    const world = await company({ exclusive: ['db'], roles: [role('prod', { allow: [], standing })], swept: false });
    people(world, 'sam');
    await world.sweepAfter(0);
    expect(world.okta.in('db'), how).toEqual(['sam@acme.dev']);
    const cron = world.as('cron', of(world));
    const sweepFor = async (ms: number) => {
      for (let past = 0; past < ms; past += 6 * hour) {
        world.now += 6 * hour;
        await cron.sweep({});
      }
    };
    await sweepFor(3 * day);
    expect(world.okta.in('db'), how).toEqual(['sam@acme.dev']);
    await sweepFor(5 * day);
    expect(world.okta.in('db'), how).toEqual([]);
  }
});

it('members left in of a group that the policy names no more, or that was made anew, are no fault of the sweep for ever', async () => {
  const web = role('web', { targets: [{ directory: 'okta', group: 'web' }] });
  for (const how of ['not named', 'made anew'] as const) {
    const world = await company({ roles: [role('db-admin'), web], exclusive: ['db', 'web'] });
    for (const name of ['maria', 'sam', 'ana', 'boss']) world.okta.put(`${name}@acme.dev`, 'db');
    const failed = async (over = {}) => {
      world.now += 16 * minute;
      const { steps } = await world.as('cron', over).sweep({});
      return steps.filter(({ outcome }) => outcome === 'failed').length;
    };
    expect([await failed(), await failed()], how).toEqual([1, 1]);
    if (how === 'not named') Object.assign(world.policy, { roles: { web } } as Pick<Policy, 'roles'>);
    const { findGroup, members } = world.okta;
    const another: Partial<typeof world.okta> = {
      findGroup: async (name, call) => {
        const found = await findGroup(name, call);
        return found && name === 'db' ? { ...found, groupId: 'another' } : found;
      },
      members: async (group, call) => (group.groupId === 'another' ? [] : members(group, call)),
    };
    const over = how === 'not named' ? {} : { directory: async () => ({ ...world.okta, ...another }) };
    await failed(over);
    expect(await failed(over), how).toBe(0);
  }
});
