/** docs/codes.md names every code that a message, a fault of `status` or a call to the broker can have, and no other. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');

/** Codes of the policy have a table of their own, in docs/policy.md. */
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.startsWith('policy/'))
  .map((name) => readFileSync(join(root, 'src', name), 'utf8'));

const quoted = /'([a-z]+(?:-[a-z]+)*)'/g;
const oneOrTheOther = String.raw`((?:\w+ \? )?'[a-z-]+'(?: : '[a-z-]+')?)`;

/** Where a code is said: first in an error, second in one of HTTP, as a property, or in a table of what a driver tells. */
const places = [
  new RegExp(String.raw`(?:new OncallError|brokerError)\(\s*${oneOrTheOther}`, 'g'),
  /httpError\(\s*\{(?:[^{}]|\{[^{}]*\})*\},\s*('[a-z-]+')/g,
  /\bcode(?::| =) ((?:[^,}\n]* \? )?'[a-z-]+'(?: : '[a-z-]+')?)/g,
  /\[\/[^\n]+\/, ('ledger-[a-z-]+')/g,
  /, ('client-refused')\)/g,
];

const said = new Set(
  sources.flatMap((text) =>
    places.flatMap((place) =>
      [...text.matchAll(place)].flatMap(([, found = '']) =>
        [...found.replace(/=== '[a-z-]+'/g, '').matchAll(quoted)].map(([, code]) => code),
      ),
    ),
  ),
);

/** Made of a word and what a provider's failure, or the outcome of a request, is called. */
const families = ['provider-…', 'directory-…', 'request-…', 'no-directory', 'no-roster', 'no-channel'];

it('every code is in docs/codes.md', () => {
  const page = readFileSync(join(root, 'docs/codes.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const listed = rows.flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code));
  expect(said.size).toBeGreaterThan(120);
  expect(listed.filter((code) => !families.includes(code)).sort()).toEqual([...said].sort());
  expect(families.filter((code) => !listed.includes(code))).toEqual([]);
  for (const line of rows)
    expect(
      line.split(' | ').map((cell) => cell.trim() !== ''),
      line,
    ).toEqual([true, true, true]);
});
