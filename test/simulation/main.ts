/** `npm run sim`: many seeds on all cores, one of them again in full, or every interleaving of two processes. */

import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startPostgres } from '../fakes/postgres.ts';
import { type AblationName, ablations } from './ablations.ts';
import { type Batch, runBatch, sometimes, tell, together } from './batch.ts';
import { type Compared, compare } from './differential.ts';
import { type DuelName, duels } from './duel.ts';
import { type Explored, explore, tellExplored } from './exhaustive.ts';
import { changesOf, runHistory } from './history.ts';
import { isSqlThread, serveSql } from './postgres.ts';
import { seeded } from './random.ts';
import { regressionTest } from './regression.ts';
import { shrink } from './shrink.ts';
import { isWorker, onAllCores, serve, workerNumbers } from './workers.ts';

type Options = { readonly from: number; readonly seeds: number; readonly ablate: AblationName | undefined };

/** Handed to a worker at a time. */
const chunk = 100;
const shownViolations = 3;

const flags = {
  seeds: { type: 'string', default: '1000' },
  from: { type: 'string', default: '1' },
  seed: { type: 'string' },
  ablate: { type: 'string' },
  twice: { type: 'boolean', default: false },
  exhaustive: { type: 'boolean', default: false },
  differential: { type: 'boolean', default: false },
  'no-shrink': { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
} as const;

async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({ args: argv, options: flags });
  const { ablate, verbose, twice } = values;
  if (ablate === 'list') {
    for (const [name, { about }] of Object.entries(ablations)) console.log(`${name.padEnd(24)}${about}`);
    return;
  }
  if (!isAblation(ablate)) throw new Error(`--ablate takes one of ${Object.keys(ablations).join(', ')}`);
  const shrinks = !values['no-shrink'];
  if (values.exhaustive) return exhaust(ablate);
  if (values.differential) return compareLedgers(whole(values.from), whole(values.seeds));
  if (values.seed !== undefined) return replay(whole(values.seed), ablate, verbose, shrinks);

  const began = performance.now();
  const options = { from: whole(values.from), seeds: whole(values.seeds), ablate };
  const all = await runAll(options);
  const seconds = (performance.now() - began) / 1000;
  tellViolations(all, ablate);
  const [first] = all.violations;
  if (first && shrinks) await tellShrunk(first.seed, ablate);
  tellCounts(all, verbose);
  console.log(
    `${(all.histories / seconds).toFixed(0)} histories a second, ${all.steps} steps in ${seconds.toFixed(1)} s; traces ${digest(all)}`,
  );
  const unlike = twice ? differences(all, await runAll(options)) : 0;
  if (twice) console.log(`each seed twice: ${unlike} of ${all.histories} differ`);
  finish(all.histories, all.violations.length + unlike);
}

const isAblation = (name: string | undefined): name is AblationName | undefined => name === undefined || Object.hasOwn(ablations, name);

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`"${text}" is not a whole number`);
  return value;
}

async function replay(seed: number, ablate: AblationName | undefined, verbose: boolean, shrinks: boolean): Promise<void> {
  const history = await runHistory(seed, ablate);
  console.log(history.trace.slice(verbose ? 0 : -60).join('\n'));
  if (history.violation !== undefined && shrinks) await tellShrunk(seed, ablate);
  console.log(`seed ${seed}: ${history.violation ?? 'holds'}; ${history.steps} steps, trace ${history.hash.slice(0, 16)}`);
  finish(1, history.violation === undefined ? 0 : 1);
}

async function tellShrunk(seed: number, ablate: AblationName | undefined): Promise<void> {
  const found = `--seed ${seed}${ablate === undefined ? '' : ` --ablate ${ablate}`}`;
  const changes = changesOf(ablate);
  const shrunk = await shrink(seeded(seed), changes);
  if (shrunk?.history.violation === undefined) return;
  const { history, choices, tries } = shrunk;
  console.log(`seed ${seed} made simpler (${tries} tries):\n${history.trace.map((line) => `  ${line}`).join('\n')}\n`);
  console.log(
    `as a test, for test/simulation-found.test.ts:\n\n${regressionTest(found, shrunk.history.violation, choices, changes.config)}`,
  );
}

function tellViolations(all: Batch, ablate: AblationName | undefined): void {
  for (const violation of all.violations.slice(0, shownViolations)) console.log(tell(violation, ablate));
  const more = all.violations.slice(shownViolations).map(({ seed, what }) => `seed ${seed}: ${what.split('\n')[0]}`);
  if (more.length > 0) console.log(more.slice(0, 20).join('\n'));
}

function tellCounts(all: Batch, verbose: boolean): void {
  if (verbose) {
    for (const [what, times] of Object.entries(all.counts).sort(([a], [b]) => a.localeCompare(b)))
      console.log(`${String(times).padStart(9)}  ${what}`);
  }
  const never = sometimes.filter((what) => !(what in all.counts));
  if (never.length > 0) console.log(`never happened: ${never.join('; ')}`);
}

function finish(histories: number, violations: number): void {
  console.log(`${histories} histories, ${violations} violations`);
  process.exitCode = violations > 0 ? 1 : 0;
}

const digest = ({ hashes }: Batch): string => createHash('sha256').update(hashes.join('\n')).digest('hex').slice(0, 16);

const differences = (one: Batch, other: Batch): number => one.hashes.filter((hash, index) => hash !== other.hashes[index]).length;

async function runAll({ from, seeds, ablate }: Options): Promise<Batch> {
  const chunks = Array.from({ length: Math.ceil(seeds / chunk) }, (_, index) => {
    const start = from + index * chunk;
    return { from: start, seeds: Math.min(chunk, from + seeds - start), ablate };
  });
  return together(await onAllCores(chunks, run));
}

const run = ({ from, seeds, ablate }: Options): Promise<Batch> => runBatch(from, seeds, ablate);

/** On PostgreSQL and in memory. */
async function compareLedgers(from: number, seeds: number): Promise<void> {
  const began = performance.now();
  const server = await startPostgres();
  try {
    const postgres: string[] = [];
    for (let worker = 0; worker < workerNumbers(); worker++) postgres.push(server.url(await server.createDatabase()));
    const tasks = Array.from({ length: Math.ceil(seeds / few) }, (_, index): Comparison => {
      const start = from + index * few;
      return { from: start, seeds: Math.min(few, from + seeds - start), postgres };
    });
    const compared = await onAllCores(tasks, compareThese);
    const unlike = compared.flatMap((one) => one.unlike);
    for (const { seed, what } of unlike.slice(0, shownViolations)) console.log(`seed ${seed}: ${what}\n`);
    const steps = compared.reduce((total, one) => total + one.steps, 0);
    const seconds = (performance.now() - began) / 1000;
    const hashes = createHash('sha256')
      .update(compared.flatMap((one) => one.hashes).join('\n'))
      .digest('hex');
    console.log(
      `${(seeds / seconds).toFixed(1)} histories a second, ${steps} steps in ${seconds.toFixed(1)} s; traces and ledgers ${hashes.slice(0, 16)}`,
    );
    console.log(`each seed on SQLite and on PostgreSQL: ${unlike.length} of ${seeds} differ`);
    finish(seeds, unlike.length);
  } finally {
    await server.remove();
  }
}

/** Handed to a worker at a time: a history is slower by what its ledger's answers take. */
const few = 5;

type Comparison = { readonly from: number; readonly seeds: number; readonly postgres: readonly string[] };

const compareThese = ({ from, seeds, postgres }: Comparison): Promise<Compared> => compare(from, seeds, postgres);

type Pair = { readonly name: DuelName; readonly ablate: AblationName | undefined };

async function exhaust(ablate: AblationName | undefined): Promise<void> {
  const names = Object.keys(duels) as DuelName[];
  const explored = await onAllCores(
    names.map((name): Pair => ({ name, ablate })),
    explorePair,
  );
  for (const pair of explored) console.log(tellExplored(pair));
  const sum = (of: (pair: Explored) => number): number => explored.reduce((total, pair) => total + of(pair), 0);
  console.log(`${sum(({ courses }) => courses)} interleavings of ${names.length} pairs, by way of ${sum(({ states }) => states)} states`);
  finish(
    sum(({ played }) => played),
    explored.filter(({ complete }) => !complete).length,
  );
}

const explorePair = ({ name, ablate }: Pair): Promise<Explored> => explore(name, ablate);

type Task = Options | Pair | Comparison;

const work = (task: Task): Promise<unknown> => ('name' in task ? explorePair(task) : 'postgres' in task ? compareThese(task) : run(task));

if (isSqlThread()) void serveSql();
else if (isWorker()) serve(work);
else {
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  });
}
