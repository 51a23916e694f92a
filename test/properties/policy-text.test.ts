/** Whatever stands in a policy file: it is read, or its faults are told with their places; nothing is thrown, nothing polluted. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatDuration, parseDuration, parseInstant } from '../../src/policy/duration.ts';
import { parsePolicy, salvage } from '../../src/policy/parse.ts';
import type { Kinds } from '../../src/policy/sources.ts';
import { allKinds } from '../../src/wiring/load-policy.ts';
import { cases, damaged, expectNoPollution, sentence, word } from './hostile.ts';

const root = resolve(import.meta.dirname, '../..');
const fenced = [...readFileSync(`${root}/docs/policy.md`, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '');
const sound = [readFileSync(`${root}/examples/quickstart/oncall.yaml`, 'utf8'), ...fenced.filter((text) => text.includes('roles:'))];
const long = 30 * 60_000;

describe('a policy file', () => {
  let kinds: Kinds;
  beforeAll(async () => {
    kinds = await allKinds();
  });
  const input = () => ({ path: '/etc/oncall/oncall.yaml', digest: 'd', kinds });

  it(
    'with mistakes in it is read or refused, with every fault in its place',
    () => {
      fc.assert(
        fc.property(fc.oneof({ weight: 9, arbitrary: damaged(sound) }, { weight: 1, arbitrary: sentence }), (text) => {
          const { policy, issues } = parsePolicy(text, input());
          const errors = issues.filter(({ severity }) => severity === 'error');
          expect(policy === undefined).toBe(errors.length > 0);
          const lines = text.split(/\r\n|\r|\n/).length;
          for (const { line, column, code, message } of issues) {
            expect([line >= 1 && line <= lines + 1, column >= 1, /^[a-z-]+$/.test(code), message.length > 0]).toEqual([
              true,
              true,
              true,
              true,
            ]);
          }
          // A directory that only the salvage sees would be swept by settings that nobody wrote.
          const kept = salvage(text, input());
          if (policy) expect(Object.keys(kept.directories).sort()).toEqual(Object.keys(policy.directories).sort());
          expectNoPollution();
        }),
        cases(600),
      );
    },
    long,
  );
});

describe('a duration and an instant', () => {
  const time = fc.oneof(word, damaged(['2h30m', '7d', '45s', '2026-11-22T05:00:00Z', '2026-11-22T06:00:00.250+01:00']));

  it(
    'are read or refused, never thrown at, whatever was typed',
    () => {
      fc.assert(
        fc.property(time, (text) => {
          const duration = parseDuration(text);
          if ('ms' in duration) {
            expect(Number.isSafeInteger(duration.ms) && duration.ms > 0).toBe(true);
            expect(formatDuration(duration.ms)).toMatch(/^\d+ (d|h|min|s)( \d+ (h|min))?$/);
          } else expect(duration.fault.length).toBeGreaterThan(3);
          const instant = parseInstant(text);
          if ('ms' in instant) expect(Number.isFinite(instant.ms)).toBe(true);
          else expect(instant.fault.length).toBeGreaterThan(3);
        }),
        cases(2000),
      );
    },
    long,
  );

  it(
    'are the same instant however they are written',
    () => {
      // Whole seconds: parts of them are dropped.
      const any = fc.integer({ min: Date.UTC(1990, 0, 1) / 1000, max: Date.UTC(2090, 0, 1) / 1000 }).map((seconds) => seconds * 1000);
      fc.assert(
        fc.property(any, fc.integer({ min: -14 * 60, max: 14 * 60 }), (ms, offset) => {
          const sign = offset < 0 ? '-' : '+';
          const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
          const shifted = new Date(ms + offset * 60_000)
            .toISOString()
            .replace('Z', `${sign}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`);
          expect([parseInstant(new Date(ms).toISOString()), parseInstant(shifted)]).toEqual([{ ms }, { ms }]);
        }),
        cases(500),
      );
    },
    long,
  );
});
