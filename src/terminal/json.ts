/** The documents of `--json`: the types as they are, instants as RFC 3339 UTC, `"schema": 1` first. */

import { writtenTarget } from '../policy/iam-role.ts';
import type { Target } from '../policy/types.ts';

/** Fields that hold epoch milliseconds are known by how they are named; lengths end in `Ms` and stay numbers. */
const instant = /^(?:at|now|until)$|(?:At|Until|By|Since)$/;

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export function toDocument(fields: Readonly<Record<string, unknown>>): string {
  return print({ schema: 1, ...fields }, 2);
}

/** A document on one line, for a log. */
export function toLine(fields: Readonly<Record<string, unknown>>): string {
  return print(fields, 0);
}

function print(fields: Readonly<Record<string, unknown>>, indent: number): string {
  const text = JSON.stringify(convert('', fields), undefined, indent);
  // Legal in JSON, but a terminal would act on them; escaped they are the same document. JSON.stringify's own line breaks stay.
  return `${text.replace(unprintable, (character) => (character === '\n' ? character : escapeUnits(character)))}\n`;
}

function escapeUnits(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index += 1) escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  return escaped;
}

function isTarget(value: object): value is Target {
  const { directory, group, ...more } = value as Partial<Target>;
  return typeof directory === 'string' && typeof group === 'string' && Object.keys(more).length === 0;
}

function convert(key: string, value: unknown): unknown {
  if (typeof value === 'number' && instant.test(key)) return new Date(value).toISOString();
  if (Array.isArray(value)) return value.map((one) => convert('', one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(isTarget(value) ? writtenTarget(value) : value).map(([name, inner]) =>
      // What was asked for is `{ until }`, be it an instant or `shift`.
      name === 'untilMs' ? ['until', convert('until', inner)] : [name, convert(name, inner)],
    ),
  );
}
