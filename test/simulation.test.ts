/** The real operations on real SQL, in simulated worlds where anything may happen between any two steps (see test/simulation/). */

import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type AblationName, ablations } from './simulation/ablations.ts';
import { runBatch, sometimes, tell } from './simulation/batch.ts';
import { runHistory } from './simulation/history.ts';

const minutes = 60_000;

describe('the simulation', () => {
  it(
    'finds in 2,000 histories no access that does not end, and none that ends too early',
    async () => {
      const batch = await runBatch(1, 2000);
      expect(batch.violations.map((violation) => tell(violation))).toEqual([]);
      expect(sometimes.filter((what) => !(what in batch.counts))).toEqual([]);
    },
    10 * minutes,
  );

  it(
    'finds none in 200 histories that nobody has seen before',
    async () => {
      const from = randomInt(2 ** 40);
      console.info(`fresh seeds: npm run sim -- --from ${from} --seeds 200`);
      const batch = await runBatch(from, 200);
      expect(batch.violations.map((violation) => tell(violation))).toEqual([]);
    },
    5 * minutes,
  );

  it(
    'gives the same history for the same seed',
    async () => {
      const seeds = Array.from({ length: 20 }, (_, index) => 100 + index);
      const hashes = async (): Promise<string[]> => {
        const found: string[] = [];
        for (const seed of seeds) found.push((await runHistory(seed)).hash);
        return found;
      };
      const first = await hashes();
      expect(await hashes()).toEqual(first);
      expect(new Set(first).size).toBe(seeds.length);
    },
    2 * minutes,
  );
});

describe('a safeguard that is taken out', () => {
  /** Where to begin to look; a change of the code moves the histories, so the search goes on from there. */
  const begin: Readonly<Record<AblationName, number>> = {
    'no-quiet': 20,
    'no-ownership': 1,
    'no-other-grants': 1,
    'no-deadline': 1,
    'no-adoption': 170,
    'error-ends': 1,
  };
  const noticed = async (name: AblationName): Promise<string | undefined> => {
    for (let seed = begin[name]; seed < begin[name] + 3000; seed++) {
      const { violation } = await runHistory(seed, name);
      if (violation !== undefined) return violation;
    }
    return undefined;
  };

  it.each([
    ['no-quiet', /^I1|^I7/],
    ['no-ownership', /^I4/],
    ['no-other-grants', /^I4/],
    ['no-deadline', /^I3/],
    ['no-adoption', /does not end/],
    ['error-ends', /^I1|^I4|does not end/],
  ] as const)(
    'is noticed: %s',
    async (name, what) => {
      expect(await noticed(name)).toMatch(what);
    },
    5 * minutes,
  );

  it('is each named here', () => {
    expect(Object.keys(begin).sort()).toEqual(Object.keys(ablations).sort());
  });
});
