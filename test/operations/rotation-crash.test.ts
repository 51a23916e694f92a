/** A sweep that dies at any await while it hands a rotation over: two more, and whoever is on call is in, alone. */

import { describe, expect, it } from 'vitest';
import type { Operations } from '../../src/operations/types.ts';
import { died, dyingAt } from './dying.ts';
import { type Rota, rotation, support } from './rotation-world.ts';
import { minute } from './world.ts';

const handover = async (overlapMs: number): Promise<Rota> => {
  const rota = await rotation([support({}, overlapMs)]);
  rota.shift('maria', 0, 8);
  rota.shift('sam', 8, 16);
  await rota.sweep();
  rota.world.now += 8 * 60 * minute + 1;
  return rota;
};

/** What there is to do, and who is to be in afterwards. */
const scenarios: Readonly<Record<string, { readonly arrange: () => Promise<Rota>; readonly after: readonly string[] }>> = {
  'a handover': { arrange: () => handover(0), after: ['sam'] },
  'a handover with an overlap': { arrange: () => handover(30 * minute), after: ['maria', 'sam'] },
  'somebody taken off before their end, and another whose end moves': {
    arrange: async () => {
      const rota = await rotation();
      const [maria, sam] = [rota.shift('maria', 0, 100), rota.shift('sam', 0, 100)];
      await rota.sweep();
      Object.assign(maria, { email: 'ana@acme.dev' });
      Object.assign(sam, { end: (sam.end ?? 0) + minute });
      rota.world.now += minute;
      return rota;
    },
    after: ['ana', 'sam'],
  },
  'four who go, as an admin has accepted': {
    arrange: async () => {
      const rota = await rotation();
      for (const name of ['maria', 'sam', 'ana', 'boss']) rota.shift(name, 0, 100);
      await rota.sweep();
      rota.shifts.length = 0;
      rota.world.now += minute;
      await rota.sweep();
      return rota;
    },
    after: [],
  },
};

/** As the admin would do once more. */
const acceptsAgain = async (rota: Rota): Promise<void> => void (await rota.sweep({ accept: 'support' }).catch(() => rota.sweep()));

describe('a crash at every await', () => {
  for (const [name, { arrange, after }] of Object.entries(scenarios))
    for (const when of ['before', 'after'] as const)
      it(`of a sweep about ${name}, ${when} the call has its effect`, async () => {
        const accepts = after.length === 0;
        const actor = accepts ? 'boss' : 'cron';
        const run = (operations: Operations) => operations.sweep(accepts ? { accept: 'support' } : {});
        const dying = (rota: Rota, n: number) => dyingAt(rota.world, actor, n, when, { roster: rota.deps(actor).roster });
        const whole = await arrange();
        const counted = dying(whole, Number.POSITIVE_INFINITY);
        await run(counted.operations);
        const awaits = counted.count();
        expect(awaits).toBeGreaterThan(20);
        expect(whole.in()).toEqual(after);

        let mended = 0;
        for (let n = 1; n <= awaits; n++) {
          const rota = await arrange();
          const { operations, dead } = dying(rota, n);
          expect(await Promise.race([run(operations), dead]), `await ${n} of ${awaits}`).toBe(died);
          if (rota.in().join() !== after.join()) mended++;
          for (let sweeps = 1; sweeps <= 2; sweeps++) {
            rota.world.now += 5 * minute;
            if (accepts) await acceptsAgain(rota);
            else await rota.sweep();
          }
          expect(rota.in(), `await ${n} of ${awaits}`).toEqual(after);
          for (const hours of [20, 1, 100, 1]) {
            rota.world.now += hours * 60 * minute;
            await rota.sweep();
          }
          expect(rota.in(), `await ${n} of ${awaits}`).toEqual([]);
          expect(await rota.as('boss').status({})).toMatchObject({ requests: [], faults: [] });
        }
        // Else the sweeps afterwards would have shown nothing.
        expect(mended).toBeGreaterThan(0);
      }, 120_000);
});
