/** Ways to change a chain behind the program's back, each with what a verifier must say of it. */

import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Head } from '../../src/lifecycle/events.ts';

export type Row = { seq: number; body: string | Buffer; prev: string; hash: string; isBlob?: true };
export type Tampered = {
  readonly what: string;
  readonly rows: readonly Row[];
  /** Where the chain is held against more than itself. */
  readonly kept?: Head;
  readonly given?: string;
  readonly expected: { readonly kind: string; readonly seq: number };
};
export type Random = {
  /** A whole number from 0, below `n`. */
  readonly below: (n: number) => number;
};

export function seeded(seed: number): Random {
  let state = seed % 2147483647 || 1;
  return {
    below: (n) => {
      state = (state * 48271) % 2147483647;
      return state % n;
    },
  };
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
export const hashOf = (prev: string, body: string | Buffer): string => sha256(`oncall.audit.v1\n${prev}\n${sha256(body)}`);

const text = (row: Row): string => row.body.toString();
const parsed = (row: Row): Record<string, unknown> => JSON.parse(text(row)) as Record<string, unknown>;
const rewritten = (row: Row, changes: Record<string, unknown>): Row => {
  const body = canonicalize({ ...parsed(row), ...changes }) as string;
  return { ...row, body };
};
const rehashed = (row: Row): Row => ({ ...row, hash: hashOf(row.prev, row.body) });

/** From `index` on every row follows from the one before it again, as whoever can write to the file could make it. */
function rechained(rows: readonly Row[], index: number): readonly Row[] {
  const made = [...rows];
  for (let at = index; at < made.length; at++) {
    const prev = made[at - 1]?.hash ?? '0'.repeat(64);
    made[at] = rehashed({ ...(made[at] as Row), prev });
  }
  return made;
}

const renumbered = (row: Row, seq: number): Row => ({ ...rewritten(row, { seq }), seq });
const replaced = (rows: readonly Row[], index: number, row: Row): readonly Row[] => rows.map((one, at) => (at === index ? row : one));

type Way = (world: { readonly rows: readonly Row[]; readonly other: readonly Row[]; readonly random: Random }) => Tampered;

const headOf = (rows: readonly Row[], index: number): Head => {
  const { seq, hash } = rows[index] as Row;
  return { ledger: String(parsed(rows[index] as Row).ledger), seq, hash, at: 0 };
};

/** The same record, or none, in text that is not canonical. */
const spellings: readonly ((body: string) => string)[] = [
  (body) => ` ${body}`,
  (body) => body.replace('{', '{"at":0,'),
  (body) => body.replace(/"seq":(\d+)/, '"seq":$1.0'),
  (body) => body.replace('"type"', '"\\u0074ype"'),
  (body) => body.replace(/"type":"[^"]*"/, '"type":"\\ud800"'),
  (body) => body.replace(/^\{(.*),("type":"[^"]*")\}$/s, '{$2,$1}'),
  (body) => `[${body}]`,
  () => 'null',
];

const ways: readonly Way[] = [
  ({ rows, random }) => {
    const at = random.below(rows.length);
    const body = Buffer.from(text(rows[at] as Row));
    const bit = random.below(body.length * 8);
    body[bit >> 3] = (body[bit >> 3] as number) ^ (1 << (bit & 7));
    return {
      what: 'a bit of a body flipped',
      rows: replaced(rows, at, { ...(rows[at] as Row), body: body }),
      expected: { kind: 'edit', seq: at + 1 },
    };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length);
    const row = rewritten(rows[at] as Row, { holder: 'mallory@acme.dev' });
    return { what: 'a value changed', rows: replaced(rows, at, row), expected: { kind: 'edit', seq: at + 1 } };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length - 1);
    const row = rehashed(rewritten(rows[at] as Row, { holder: 'mallory@acme.dev' }));
    return { what: 'a value changed, and its own hash', rows: replaced(rows, at, row), expected: { kind: 'fork', seq: at + 2 } };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length);
    const kept = at + random.below(rows.length - at);
    const made = rechained(replaced(rows, at, rewritten(rows[at] as Row, { holder: 'mallory@acme.dev' })), at);
    return {
      what: 'a value changed, and every hash from there',
      rows: made,
      kept: headOf(rows, kept),
      expected: { kind: 'fork', seq: kept + 1 },
    };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length - 1);
    return { what: 'a row taken out', rows: rows.filter((_, index) => index !== at), expected: { kind: 'gap', seq: at + 1 } };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length - 1);
    const made = rows.filter((_, index) => index !== at).map((row, index) => ({ ...row, seq: index + 1 }));
    return { what: 'a row taken out, those after it moved up', rows: made, expected: { kind: 'reorder', seq: at + 1 } };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length - 1);
    const made = rows.filter((_, index) => index !== at).map((row, index) => (index < at ? row : renumbered(row, index + 1)));
    const kept = headOf(rows, rows.length - 1);
    return {
      what: 'a row taken out, all after it written anew',
      rows: rechained(made, at),
      kept,
      expected: { kind: 'truncation', seq: rows.length },
    };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length - 1);
    const there = at + 1 + random.below(rows.length - at - 1);
    const made = [...rows];
    [made[at], made[there]] = [
      { ...(rows[there] as Row), seq: at + 1 },
      { ...(rows[at] as Row), seq: there + 1 },
    ];
    return { what: 'two rows changed places', rows: made, expected: { kind: 'reorder', seq: at + 1 } };
  },
  ({ rows, random }) => {
    const keep = random.below(rows.length);
    return {
      what: 'the end cut off',
      rows: rows.slice(0, keep),
      kept: headOf(rows, keep + random.below(rows.length - keep)),
      expected: { kind: 'truncation', seq: keep + 1 },
    };
  },
  ({ rows, random }) => {
    const keep = random.below(rows.length);
    return {
      what: 'the end cut off, below a given head',
      rows: rows.slice(0, keep),
      given: headOf(rows, rows.length - 1).hash,
      expected: { kind: 'behind', seq: keep + 1 },
    };
  },
  ({ rows, other, random }) => {
    const keep = random.below(rows.length - 1);
    const made = rechained(
      [...rows.slice(0, keep), ...other.slice(keep).map((row) => rewritten(row, { ledger: parsed(rows[0] as Row).ledger }))],
      keep,
    );
    const kept = keep + random.below(rows.length - keep);
    return { what: 'another story from some row on', rows: made, kept: headOf(rows, kept), expected: { kind: 'fork', seq: kept + 1 } };
  },
  ({ rows, other, random }) => {
    const at = random.below(rows.length);
    return { what: 'a row of another ledger', rows: replaced(rows, at, other[at] as Row), expected: { kind: 'fork', seq: at + 1 } };
  },
  ({ rows, other, random }) => {
    const kept = headOf(rows, random.below(rows.length));
    return { what: 'another ledger in its place', rows: other, kept, expected: { kind: 'fork', seq: 1 } };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length);
    const row = { ...(rows[at] as Row), isBlob: true as const };
    return { what: 'a body kept as bytes', rows: replaced(rows, at, row), expected: { kind: 'edit', seq: at + 1 } };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length);
    const { prev, hash, ...row } = rows[at] as Row;
    const moved = { ...row, prev: prev.slice(0, -1), hash: `${prev.at(-1)}${hash}` };
    return { what: 'a digit moved from one column to the next', rows: replaced(rows, at, moved), expected: { kind: 'edit', seq: at + 1 } };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length);
    const row = rewritten(rows[at] as Row, { holder: '\ufffd' });
    const body = Buffer.from(
      Buffer.from(row.body as string)
        .toString('latin1')
        .replace('\xef\xbf\xbd', '\xff'),
      'latin1',
    );
    const made = rechained(replaced(rows, at, { ...row, body }), at);
    return { what: 'bytes that are no text, all hashes made to fit', rows: made, expected: { kind: 'edit', seq: at + 1 } };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length);
    return {
      what: 'a link changed',
      rows: replaced(rows, at, { ...(rows[at] as Row), prev: sha256(String(at)) }),
      expected: { kind: 'edit', seq: at + 1 },
    };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length);
    return {
      what: 'a hash changed',
      rows: replaced(rows, at, { ...(rows[at] as Row), hash: sha256(String(at)) }),
      expected: { kind: 'edit', seq: at + 1 },
    };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length);
    const hash = (rows[at] as Row).hash.toUpperCase();
    return {
      what: 'a hash in capitals',
      rows: replaced(rows, at, { ...(rows[at] as Row), hash }),
      expected: { kind: 'edit', seq: at + 1 },
    };
  },
  ...spellings.map(
    (spell): Way =>
      ({ rows, random }) => {
        const at = random.below(rows.length);
        const row = rows[at] as Row;
        const made = rechained(replaced(rows, at, { ...row, body: spell(text(row)) }), at);
        return { what: `another spelling, all hashes made to fit: ${spell}`, rows: made, expected: { kind: 'edit', seq: at + 1 } };
      },
  ),
  ({ rows, random }) => {
    const at = random.below(rows.length);
    const row = rows[at] as Row;
    return {
      what: 'something behind a NUL',
      rows: replaced(rows, at, { ...row, body: `${text(row)}\0more` }),
      expected: { kind: 'edit', seq: at + 1 },
    };
  },
  ({ rows, random }) => {
    const at = random.below(rows.length + 1);
    const forged = renumbered(rewritten(rows[Math.max(0, at - 1)] as Row, { holder: 'mallory@acme.dev' }), at + 1);
    const made = [...rows.slice(0, at), forged, ...rows.slice(at).map((row) => ({ ...row, seq: row.seq + 1 }))];
    const whole = rechained(made.slice(0, at + 1), at);
    const rest = made.slice(at + 1);
    const expected = rest.length === 0 ? { kind: 'behind', seq: at + 2 } : { kind: 'reorder', seq: at + 2 };
    return { what: 'a row put in', rows: [...whole, ...rest], ...(rest.length === 0 ? { given: sha256('nothing') } : {}), expected };
  },
  ({ rows, random }) => {
    const from = random.below(rows.length);
    const by = 1 + random.below(1000);
    const made = rows.map((row, index) => (index < from ? row : { ...row, seq: row.seq + by }));
    return { what: 'numbers left out', rows: made, expected: { kind: 'gap', seq: from + 1 } };
  },
  ({ rows, random }) => {
    const seq = 0 - random.below(100);
    const before = rehashed(renumbered({ ...(rows[0] as Row), prev: '0'.repeat(64) }, seq));
    return { what: 'a row before the first', rows: [before, ...rows], expected: { kind: 'fork', seq } };
  },
];

export const waysThereAre = ways.length;

/** Each way in turn, each time elsewhere in the chain. */
export function tamper(index: number, rows: readonly Row[], other: readonly Row[]): Tampered {
  return (ways[index % ways.length] as Way)({ rows, other, random: seeded(index + 1) });
}
