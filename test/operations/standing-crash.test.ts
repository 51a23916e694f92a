/** A sweep or an admin that dies at any await while standing access begins, ends or is taken over: afterwards who is named is in, alone, and nothing lasts for good. */

import { describe, expect, it } from 'vitest';
import { standingMs } from '../../src/lifecycle/standing.ts';
import type { Deps } from '../../src/operations/deps.ts';
import type { Operations } from '../../src/operations/types.ts';
import type { Role } from '../../src/policy/types.ts';
import { died, dyingAt } from './dying.ts';
import { company, hour, minute, role, type World } from './world.ts';

const reviewAt = Date.parse('2027-02-01T00:00:00Z');
const named = (...names: readonly string[]): Role =>
  role('prod-read', {
    allow: [],
    ...(names.length === 0
      ? {}
      : { standing: { people: names.map((name) => ({ email: `${name}@acme.dev`, why: 'x' })), reviewAt, ifMissed: 'alert' } }),
  });

type Scene = {
  readonly world: World;
  /** As the policy is from now on. */
  readonly over: Partial<Deps>;
  readonly run: (operations: Operations) => Promise<unknown>;
  readonly actor: string;
};
const sweeps = (world: World, ...names: readonly string[]): Scene => ({
  ...{ world, actor: 'cron', run: (operations) => operations.sweep({}) },
  over: { policy: { ...world.policy, roles: { 'prod-read': named(...names) } } },
});
const open = (members: readonly string[] = []) =>
  company({ exclusive: ['db'], members: { db: members }, roles: [named('maria', 'sam')], swept: false });

const scenarios: Readonly<Record<string, { readonly arrange: () => Promise<Scene>; readonly after: readonly string[] }>> = {
  'two who are let in': { arrange: async () => sweeps(await open(), 'maria', 'sam'), after: ['maria', 'sam'] },
  'one who is no longer named, and one who is': {
    arrange: async () => {
      const world = await open();
      await world.sweepAfter(0);
      world.now += 5 * minute;
      return sweeps(world, 'sam', 'ana');
    },
    after: ['ana', 'sam'],
  },
  'ends that move on': {
    arrange: async () => {
      const world = await open();
      await world.sweepAfter(0);
      world.now += standingMs - hour;
      return sweeps(world, 'maria', 'sam');
    },
    after: ['maria', 'sam'],
  },
  'members who are taken over': {
    arrange: async () => {
      const world = await open(['maria@acme.dev', 'standing@acme.dev']);
      await world.sweepAfter(0);
      const input = { directory: 'okta', group: 'db', end: { forMs: 30 * minute } };
      const decided = { standing: ['maria@acme.dev@okta/db'], ending: ['standing@acme.dev@okta/db'] };
      return { ...sweeps(world, 'maria', 'sam'), actor: 'boss', run: (operations) => operations.adopt({ ...input, decided }) };
    },
    after: ['maria', 'sam'],
  },
};

describe('a crash at every await', () => {
  for (const [name, { arrange, after }] of Object.entries(scenarios))
    for (const when of ['before', 'after'] as const)
      it(`about ${name}, ${when} the call has its effect`, async () => {
        const whole = await arrange();
        const counted = dyingAt(whole.world, whole.actor, Number.POSITIVE_INFINITY, when, whole.over);
        await whole.run(counted.operations);
        const awaits = counted.count();
        expect(awaits).toBeGreaterThan(whole.actor === 'boss' ? 3 : 10);
        for (let n = 1; n <= awaits; n++) {
          const scene = await arrange();
          const { world, actor, over, run } = scene;
          const { operations, dead } = dyingAt(world, actor, n, when, over);
          expect(await Promise.race([run(operations), dead]), `await ${n} of ${awaits}`).toBe(died);
          // Whoever typed it types it again; cron does anyway.
          if (actor === 'boss') await run(world.as('boss', over)).catch(() => undefined);
          for (const passed of [5, 5, 31, 61, 5]) {
            world.now += passed * minute;
            await world.as('cron', over).sweep({});
          }
          const wanted = after.map((one) => `${one}@acme.dev`);
          expect(world.okta.in('db'), `await ${n} of ${awaits}`).toEqual(wanted);
          const policy = { ...world.policy, roles: { 'prod-read': named() } };
          for (let runs = 1; runs <= 2; runs++) {
            world.now += 5 * minute;
            await world.as('cron', { policy }).sweep({});
          }
          expect(world.okta.in('db'), `await ${n} of ${awaits}`).toEqual([]);
          expect((await world.as('boss').verify({})).breach).toBeUndefined();
        }
      }, 60_000);
});
