/** The real operations on real SQL, in simulated worlds where anything may happen between any two steps (see test/simulation/). */

import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noPostgres } from './fakes/postgres.ts';
import { type AblationName, ablations } from './simulation/ablations.ts';
import { runHistory } from './simulation/history.ts';

const minutes = 60_000;

/** As `npm run sim` does, on all cores; what it says. */
const simulate = (...args: readonly string[]): Promise<string> =>
  new Promise((done) => {
    execFile(process.execPath, [resolve(__dirname, '../scripts/sim.mjs'), ...args], (_error, out, err) => done(out + err));
  });

describe('the simulation', () => {
  it(
    'finds in 2,000 histories no access that does not end, and none that ends too early',
    async () => {
      const said = await simulate('--seeds', '2000');
      expect(said).toMatch(/^2000 histories, 0 violations$/m);
      expect(said).not.toContain('never happened');
    },
    10 * minutes,
  );

  it(
    'finds none in 500 histories that nobody has seen before',
    async () => {
      const from = String(randomInt(2 ** 40));
      console.info(`fresh seeds: npm run sim -- --from ${from} --seeds 500`);
      expect(await simulate('--from', from, '--seeds', '500')).toMatch(/^500 histories, 0 violations$/m);
    },
    10 * minutes,
  );

  it(
    'gives the same history for the same seed',
    async () => {
      const seeds = Array.from({ length: 50 }, (_, index) => 100 + index);
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

it.skipIf(noPostgres !== undefined)(
  `happens in the same way on SQLite and on PostgreSQL, event by event${noPostgres === undefined ? '' : ` (skipped: ${noPostgres})`}`,
  async () => {
    expect(await simulate('--differential', '--from', '60', '--seeds', '8')).toMatch(
      /^each seed on SQLite and on PostgreSQL: 0 of 8 differ$/m,
    );
  },
  5 * minutes,
);

describe('a safeguard that is taken out', () => {
  /** Where to begin to look, and what is noticed; a change of the code moves the histories, so the search goes on from there. */
  const expected: Readonly<Record<AblationName, readonly [seed: number, what: RegExp]>> = {
    'no-quiet': [1, /^I1|^I7/],
    'no-ownership': [70, /^I4/],
    'no-other-grants': [1, /^I4|^I7/],
    'no-deadline': [10, /^I3/],
    'no-adoption': [50, /^I1|^I9|does not end/],
    'error-ends': [1, /^I1|^I4|does not end/],
    'no-just-removed': [40, /^I7|^I9/],
    'no-read-back': [10, /^I1/],
    'no-turns': [1, /^I3|does not end/],
    'no-versions': [230, /^I/],
    'no-memory-of-lost-adds': [445, /^I1|^I9|does not end/],
    'no-lost-adds-of-ours': [60, /^I1/],
    'no-heartbeat': [20, /^I10/],
    'no-account': [1, /^I11|^I4/],
    'no-ids': [1, /^I3|^I4/],
    'no-places': [3, /^I2|^I12/],
    'no-line': [1, /^I12/],
    'no-order': [20, /^I12/],
    'no-kept-place': [20, /^I12/],
    'no-clean-reading': [1, /^I4/],
    'no-whole-lists': [395, /^I4/],
    'no-anchor': [1, /has forgotten/],
    'gives-up': [1, /^L2|does not end/],
    'never-departed': [185, /^L5/],
    'no-moved-ends': [40, /^L6/],
    'no-own-end': [1, /^I13/],
    'no-guard': [1, /^R3|^R5/],
    'no-hold-over': [1, /^R5/],
    'no-patience': [2, /^R6/],
    'no-word-back': [1, /^R7/],
    'no-shift-end': [1, /^R2/],
    'silence-is-nobody': [5, /^R3|^R5/],
    'never-unnamed': [1, /^S5/],
    'given-again': [1, /^S2/],
    'taken-over-in-silence': [1, /^I6/],
    'no-grace': [1, /^D1/],
    'unknown-ends': [1, /^D1|^D3/],
    'never-early': [340, /^D2/],
    'unknown-forgets': [990, /^D2/],
    'never-held-again': [65, /^D1/],
    'unknown-untold': [35, /^D3/],
    'any-incident': [1, /^I3|^D2|^D3/],
    unannounced: [1, /^I6/],
    'one-yes': [1, /^A1/],
    'same-yes-twice': [1, /^A1/],
    'no-subjects': [1, /^A1/],
    'own-yes': [1, /^A1/],
    'no-other-names': [1, /^A1/],
    'no-other-logins': [1, /^A1/],
    'inactive-say-yes': [10, /^A1/],
    'late-yes': [30, /^A1/],
    'already-answered': [1, /^I5|^I6|^A2/],
    'any-turn': [1, /^A1/],
    'any-digest': [20, /^A1/],
    'no-recheck': [30, /^A1/],
    'no-second-look': [1, /^A1/],
    'away-for-ever': [1, /^A1/],
    'lost-yes': [1, /^A3|^I6/],
    'any-emergency': [1, /^B1/],
    'no-denials': [1, /^B1/],
    'no-emergency-places': [1, /^B1/],
    'no-emergency-max': [1, /^B1/],
    'no-debt': [1, /^B1/],
    'no-debt-for-longer': [1, /^B1/],
    'debt-put-off': [1, /^B1/],
    'never-overdue': [1, /^B1/],
    'own-review': [1, /^B1/],
    'inactive-reviews': [90, /^B1/],
    'other-login-reviews': [1, /^B1/],
    'yes-lost-in-line': [1, /^A1/],
    'old-yes-in-line': [60, /^A1/],
    'once-on-call': [1, /^A1|^A3/],
    'silence-is-yes': [20, /^A1/],
    'any-value': [1, /^P1/],
    'one-of-the-family': [1, /^P1|^P2/],
  };
  const noticed = async (name: AblationName): Promise<string | undefined> => {
    const [first] = expected[name];
    for (let seed = first; seed < first + 3000; seed++) {
      const { violation } = await runHistory(seed, name);
      if (violation !== undefined) return violation;
    }
    return undefined;
  };

  it.each(Object.keys(ablations) as AblationName[])(
    'is noticed: %s',
    async (name) => {
      expect(await noticed(name)).toMatch(expected[name][1]);
    },
    5 * minutes,
  );
});
