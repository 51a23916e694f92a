/** Small pairs of processes, every interleaving of their calls; all pairs: `npm run sim -- --exhaustive`. */

import { describe, expect, it } from 'vitest';
import { explore, tellExplored } from './exhaustive.ts';

const minutes = 60_000;

describe('every interleaving of two processes, with at most one fault', () => {
  it(
    'holds where two people want one place',
    async () => {
      const explored = await explore('request ∥ request');
      console.info(tellExplored(explored));
      expect(explored.violation).toBeUndefined();
      expect(explored.complete).toBe(true);
      expect(explored.courses).toBeGreaterThan(explored.played);
    },
    3 * minutes,
  );

  it(
    'shows what is wrong where a safeguard is taken out',
    async () => {
      const { violation } = await explore('request ∥ request', 'error-ends');
      expect(violation?.what).toMatch(/^I1|^I4|^I6|does not end/);
      expect(violation?.trace.length).toBeGreaterThan(10);
    },
    3 * minutes,
  );
});
