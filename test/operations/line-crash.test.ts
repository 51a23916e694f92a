/** A process that dies at any await while a place goes from one to the next: never two are in, nobody loses their turn by it, and nothing is left open. */

import { describe, expect, it } from 'vitest';
import type { Operations } from '../../src/operations/types.ts';
import { died, dyingAt } from './dying.ts';
import { company, hour, minute, role, type World } from './world.ts';

const solo = role('solo', { maxHolders: 1 });
const ask = (operations: Operations) => operations.request({ role: 'solo', asked: { forMs: hour }, queue: true });

/** maria has the one place; sam and ana wait for it, in that order. */
async function inLine(): Promise<World> {
  const world = await company({ roles: [solo], exclusive: ['db'] });
  for (const name of ['maria', 'sam', 'ana']) await ask(world.as(name));
  return world;
}

const offered = async (): Promise<World> => {
  const world = await inLine();
  await world.as('maria').release({ id: 'solo' });
  return world;
};

type Scenario = {
  readonly actor: string;
  readonly arrange: () => Promise<World>;
  readonly run: (operations: Operations) => Promise<unknown>;
};

const scenarios: Readonly<Record<string, Scenario>> = {
  'joining the line': {
    actor: 'boss',
    arrange: async () => {
      const world = await inLine();
      Object.assign(world.policy.roles, {
        solo: { ...solo, allow: [{ name: 'r', condition: { kind: 'not', condition: { kind: 'user', email: 'x' } }, graceMs: 0 }] },
      });
      return world;
    },
    run: ask,
  },
  'giving back a place that others wait for': { actor: 'maria', arrange: inLine, run: (operations) => operations.release({ id: 'solo' }) },
  'taking the place that is offered': { actor: 'sam', arrange: offered, run: ask },
  'leaving the place to the next': { actor: 'sam', arrange: offered, run: (operations) => operations.release({ id: 'solo' }) },
  'a sweep that ends one and offers to the next': {
    actor: 'cron',
    arrange: async () => {
      const world = await inLine();
      world.now += hour;
      return world;
    },
    run: (operations) => operations.sweep({}),
  },
};

const isIn = (world: World) => expect(world.okta.in('db').length).toBeLessThan(2);

/** In the order in which it was offered to them. */
const turns = async (world: World): Promise<readonly string[]> => {
  const events = await world.ledger.read((q) => q.lastEvents(undefined));
  return [...new Set(events.flatMap(({ type, holder = '' }) => (type === 'request.offered' ? [holder] : [])))];
};

describe('a crash at every await', () => {
  for (const [name, { actor, arrange, run }] of Object.entries(scenarios))
    for (const when of ['before', 'after'] as const)
      it(`of ${name}, ${when} the call has its effect, costs nobody their turn and leaves nothing`, async () => {
        const counted = dyingAt(await arrange(), actor, Number.POSITIVE_INFINITY, when);
        await run(counted.operations);
        const awaits = counted.count();
        expect(awaits).toBeGreaterThan(1);
        for (let n = 1; n <= awaits; n++) {
          const world = await arrange();
          const dying = dyingAt(world, actor, n, when);
          expect(await Promise.race([run(dying.operations), dying.dead]), `await ${n} of ${awaits}`).toBe(died);
          isIn(world);
          for (const wait of [3 * minute, 3 * minute, hour, 11 * minute, 11 * minute, 25 * hour, 5 * minute]) {
            await world.sweepAfter(wait);
            isIn(world);
          }
          expect(await turns(world), `await ${n} of ${awaits}`).toEqual(
            ['sam@acme.dev', 'ana@acme.dev', 'boss@acme.dev'].slice(0, (await turns(world)).length),
          );
          expect((await turns(world)).length).toBeGreaterThan(1);
          expect(world.okta.in('db')).toEqual([]);
          expect(await world.as('boss').status({})).toMatchObject({ requests: [], grants: [], lines: [] });
        }
      });
});
