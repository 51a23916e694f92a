import { describe, expect, it } from 'vitest';
import { nextTryAfterMs } from '../../src/lifecycle/backoff.ts';
import { addWithinMs, callWithinMs, quietMs, rememberUnansweredMs, removeWithinMs } from '../../src/lifecycle/limits.ts';
import { assertGrantMove } from '../../src/lifecycle/moves.ts';
import { isUnanswered } from '../../src/lifecycle/ownership.ts';
import type { GrantState } from '../../src/lifecycle/types.ts';

const states: readonly GrantState[] = ['activating', 'active', 'revoking', 'ended'];
const legal = new Set([
  'activating>active',
  'activating>revoking',
  'active>revoking',
  'revoking>ended',
  'activating>activating',
  'active>active',
  'revoking>revoking',
]);

describe('the moves of a grant', () => {
  for (const from of states)
    for (const to of states) {
      const may = legal.has(`${from}>${to}`);
      it(`${may ? 'allows' : 'refuses'} ${from} → ${to}`, () => {
        const move = (): void => assertGrantMove({ id: 'x', state: from }, { state: to });
        if (may) expect(move).not.toThrow();
        else expect(move).toThrow(/no move/);
      });
    }
});

describe('back-off', () => {
  it('doubles from 10 s, with half of it as jitter either way', () => {
    expect([1, 2, 3].map((attempt) => nextTryAfterMs(attempt, 0.5))).toEqual([10_000, 20_000, 40_000]);
    expect(nextTryAfterMs(1, 0)).toBe(5_000);
    expect(nextTryAfterMs(1, 0.999)).toBeLessThanOrEqual(15_000);
  });

  it('stays at an hour however often it failed', () => {
    expect(nextTryAfterMs(500, 0.5)).toBe(3_600_000);
  });

  it("never comes before the provider's Retry-After", () => {
    expect(nextTryAfterMs(1, 0.5, 90_000)).toBe(90_000);
    // Not for a year, whatever a proxy says.
    expect(nextTryAfterMs(1, 0.5, 365 * 86_400_000)).toBe(900_000);
  });
});

describe('the limits', () => {
  it('call a membership quiet only after the longest call that could still be in flight', () => {
    expect(quietMs).toBeGreaterThan(callWithinMs);
    expect(addWithinMs).toBeGreaterThan(0);
    expect(removeWithinMs).toBeLessThan(quietMs);
    expect(rememberUnansweredMs).toBeGreaterThan(addWithinMs + quietMs);
  });

  it('count an unanswered add until its memory ends, and an answered one not at all', () => {
    expect(isUnanswered({ unansweredUntil: 1001 }, 1000)).toBe(true);
    expect(isUnanswered({ unansweredUntil: 1000 }, 1000)).toBe(false);
    expect(isUnanswered({ unansweredUntil: 0 }, 1000)).toBe(false);
  });
});
