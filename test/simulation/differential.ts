/** The same histories on SQLite in memory and on PostgreSQL: what happens, event by event, and what the ledger holds at the end must be the same. */

import { createHash } from 'node:crypto';
import { type History, play } from './history.ts';
import { postgresSql } from './postgres.ts';
import { seeded } from './random.ts';
import { type Scratch, scratchOn } from './scratch.ts';
import { workerNumber } from './workers.ts';

export type Compared = {
  readonly histories: number;
  readonly steps: number;
  readonly unlike: readonly { readonly seed: number; readonly what: string }[];
  /** As on SQLite. */
  readonly hashes: readonly string[];
};

let opened: Promise<Scratch> | undefined;

/** `postgres`: the addresses of empty databases, one for each worker. */
export async function compare(from: number, seeds: number, postgres: readonly string[]): Promise<Compared> {
  opened ??= postgresSql(postgres[workerNumber()] ?? '', __filename).then(scratchOn);
  const unlike: { seed: number; what: string }[] = [];
  const hashes: string[] = [];
  let steps = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const [one, other] = [await play(seeded(seed)), await play(seeded(seed), {}, opened)];
    const what = difference(one, other);
    if (what !== undefined) unlike.push({ seed, what });
    hashes.push(createHash('sha256').update(`${one.hash} ${one.ledger}`).digest('hex'));
    steps += one.steps;
  }
  return { histories: seeds, steps, unlike, hashes };
}

function difference(one: History, other: History): string | undefined {
  const happened = firstUnlike(one.trace, other.trace);
  if (happened !== undefined) return `something else happened:\n${happened}`;
  const ledgers = firstUnlike(one.ledger.split('\n'), other.ledger.split('\n'));
  return ledgers === undefined ? undefined : `the same happened, and the ledgers differ:\n${ledgers}`;
}

function firstUnlike(one: readonly string[], other: readonly string[]): string | undefined {
  const at = Array.from({ length: Math.max(one.length, other.length) }).findIndex((_, index) => one[index] !== other[index]);
  if (at < 0) return undefined;
  const before = one.slice(Math.max(0, at - 3), at).map((line) => `  both        ${line}`);
  return [...before, `  SQLite      ${one[at] ?? 'ends'}`, `  PostgreSQL  ${other[at] ?? 'ends'}`].join('\n');
}
