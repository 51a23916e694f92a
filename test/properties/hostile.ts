/** What nobody types on purpose: text, documents and answers drawn at random from what breaks programs, and what must hold of whatever comes out. */

import fc from 'fast-check';
import { expect } from 'vitest';

/** `npm run fuzz` sets CASES for a long run; slow properties take a `share` of them. */
export const cases = (usual: number, share = 1): { readonly numRuns: number } => ({
  numRuns: process.env.CASES === undefined ? usual : Math.ceil(Number(process.env.CASES) * share),
});

const nasty = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__proto__.polluted', '../../etc/passwd', '/dev/null'],
  ...['\u0000', '\u001b[2J', '\u001b]0;x\u0007', '\u009b31m', '\u202e', '\u200b', '\ufeff', '\r', '\n', '\r\n', '\t', '\u2028', '\ud800'],
  ...[
    '',
    ' ',
    '-',
    '--',
    '---',
    '=',
    '%',
    '$',
    '`',
    '"',
    "'",
    '\\',
    '*',
    '?',
    '&a',
    '*a',
    '!!js/function',
    '<<: *a',
    '? x',
    '|',
    '>',
    '{',
    '[',
  ],
  ...[
    '1e999',
    '-0',
    'NaN',
    '0x10',
    '1_000',
    '9'.repeat(30),
    '2026-02-30T00:00:00Z',
    '24:00',
    '12h',
    '0s',
    '-1h',
    '3651d',
    'null',
    'true',
    '~',
  ],
  ...['=HYPERLINK("x")', '@SUM(1)', 'é'.normalize('NFD'), '李雷', '🦊'.repeat(3), 'x'.repeat(300)],
];

export const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...nasty) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
);

export const sentence = fc.array(word, { maxLength: 4 }).map((parts) => parts.join(' '));

type Edit = { readonly at: number; readonly to: number; readonly what: 'insert' | 'delete' | 'repeat' | 'move'; readonly text: string };

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  to: fc.double({ min: 0, max: 1, noNaN: true }),
  what: fc.constantFrom('insert', 'delete', 'repeat', 'move'),
  text: word,
});

/** A sound text with a few mistakes in it: deeper into a parser than noise gets. */
export const damaged = (sound: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...sound), fc.array(edit, { minLength: 1, maxLength: 5 })).map(([text, edits]) => edits.reduce(apply, text));

function apply(text: string, { at, to, what, text: added }: Edit): string {
  const from = Math.floor(at * text.length);
  const until = Math.min(text.length, from + Math.floor(to * 40));
  if (what === 'insert') return text.slice(0, from) + added + text.slice(from);
  if (what === 'delete') return text.slice(0, from) + text.slice(until);
  if (what === 'repeat') return text.slice(0, until) + text.slice(from);
  const target = Math.floor(to * text.length);
  return text.slice(0, target) + text.slice(from, until) + text.slice(target);
}

/** A JSON value with one to three of its parts replaced, dropped or wrapped. */
export const damagedJson = (sound: unknown): fc.Arbitrary<unknown> =>
  fc
    .array(fc.tuple(fc.nat(1000), fc.oneof(fc.jsonValue(), word, fc.constantFrom(null, [], {}, 0, -1, 1e308, true))), {
      minLength: 1,
      maxLength: 3,
    })
    .map((changes) => changes.reduce((value, [where, part]) => replaceAt(value, where, part), structuredClone(sound)));

function replaceAt(value: unknown, where: number, part: unknown): unknown {
  const places: (readonly [Record<string, unknown>, string])[] = [];
  const walk = (inner: unknown): void => {
    if (typeof inner !== 'object' || inner === null) return;
    for (const key of Object.keys(inner)) {
      places.push([inner as Record<string, unknown>, key]);
      walk((inner as Record<string, unknown>)[key]);
    }
  };
  walk(value);
  const place = places[where % (places.length + 1)];
  if (place === undefined) return part;
  place[0][place[1]] = part;
  return value;
}

/** Whatever was printed: no escape, control, bidi or other invisible character, no trace of ours, nobody's prototype touched. */
export function expectHarmless(shown: string): void {
  expect(/[^\P{Cc}\n]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.exec(shown)?.[0]?.codePointAt(0)).toBeUndefined();
  expect(shown).not.toMatch(/a fault in oncall itself|\n\s+at .*(:\d+|node:)|\[object Object\]|TypeError|RangeError/);
  expectNoPollution();
}

export function expectNoPollution(): void {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  const own = [Object.keys(Object.prototype), Object.keys(Array.prototype), Object.keys(String.prototype)].flat();
  expect(own).toEqual([]);
}
