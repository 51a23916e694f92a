/** `npm run sim`: many seeds on all cores, or one of them again in full. */

import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type AblationName, ablations } from './ablations.ts';
import { type Batch, runBatch, sometimes, tell, together } from './batch.ts';
import { runHistory } from './history.ts';

type Options = { readonly from: number; readonly seeds: number; readonly ablate: AblationName | undefined };

/** Handed to a worker at a time. */
const chunk = 100;
const shownViolations = 3;

async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      ablate: { type: 'string' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const ablate = values.ablate as AblationName | undefined;
  if (ablate !== undefined && !Object.hasOwn(ablations, ablate))
    throw new Error(`--ablate takes one of ${Object.keys(ablations).join(', ')}`);
  if (values.seed !== undefined) return replay(whole(values.seed), ablate, values.verbose);

  const began = performance.now();
  const all = await runAll({ from: whole(values.from), seeds: whole(values.seeds), ablate });
  report(all, ablate, (performance.now() - began) / 1000, values.verbose);
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`"${text}" is not a whole number`);
  return value;
}

async function replay(seed: number, ablate: AblationName | undefined, verbose: boolean): Promise<void> {
  const history = await runHistory(seed, ablate);
  console.log(history.trace.slice(verbose ? 0 : -60).join('\n'));
  console.log(`seed ${seed}: ${history.violation ?? 'holds'}; ${history.steps} steps, trace ${history.hash.slice(0, 16)}`);
  finish(1, history.violation === undefined ? 0 : 1);
}

function report(all: Batch, ablate: AblationName | undefined, seconds: number, verbose: boolean): void {
  for (const violation of all.violations.slice(0, shownViolations)) console.log(tell(violation, ablate));
  const more = all.violations.slice(shownViolations).map(({ seed, what }) => `seed ${seed}: ${what.split('\n')[0]}`);
  if (more.length > 0) console.log(more.slice(0, 20).join('\n'));
  if (verbose) {
    for (const [what, times] of Object.entries(all.counts).sort(([a], [b]) => a.localeCompare(b)))
      console.log(`${String(times).padStart(9)}  ${what}`);
  }
  const never = sometimes.filter((what) => !(what in all.counts));
  if (never.length > 0) console.log(`never happened: ${never.join('; ')}`);
  console.log(`${(all.histories / seconds).toFixed(0)} histories a second, ${all.steps} steps in ${seconds.toFixed(1)} s`);
  finish(all.histories, all.violations.length);
}

function finish(histories: number, violations: number): void {
  console.log(`${histories} histories, ${violations} violations`);
  process.exitCode = violations > 0 ? 1 : 0;
}

async function runAll({ from, seeds, ablate }: Options): Promise<Batch> {
  if (seeds <= chunk) return runBatch(from, seeds, ablate);
  const starts = Array.from({ length: Math.ceil(seeds / chunk) }, (_, index) => from + index * chunk);
  const queue = starts.values();
  const results = new Map<number, Batch>();
  const worker = async (): Promise<void> => {
    const child = fork(__filename, { env: { ...process.env, SIMULATION_WORKER: '1' } });
    for (const start of queue) results.set(start, await ask(child, { from: start, seeds: Math.min(chunk, from + seeds - start), ablate }));
    child.disconnect();
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), starts.length) }, worker));
  return together(starts.map((start) => results.get(start)).filter((batch) => batch !== undefined));
}

function ask(child: ChildProcess, options: Options): Promise<Batch> {
  return new Promise((resolve, reject) => {
    const died = (code: number | null): void => reject(new Error(`a worker ended with ${code}`));
    child.once('exit', died);
    child.once('message', (batch) => {
      child.off('exit', died);
      resolve(batch as Batch);
    });
    child.send(options);
  });
}

if (process.env['SIMULATION_WORKER'] === '1') {
  process.on('message', async ({ from, seeds, ablate }: Options) => process.send?.(await runBatch(from, seeds, ablate)));
} else {
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  });
}
