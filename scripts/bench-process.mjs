/** How the benchmark runs a process and what it compares: the built CLI, an environment that is the same for all, medians. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const bin = join(root, 'bin/oncall.js');
export const rounds = Number(/^--rounds=(\d+)$/.exec(process.argv.find((argument) => argument.startsWith('--rounds=')) ?? '')?.[1] ?? 21);
export const warmUp = 2;

/** Node 20 parses NODE_EXTRA_CA_CERTS at every start, which would flatter every ratio. */
export function environment(more) {
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...env } = process.env;
  return { ...env, ...more };
}

/** Runs to the end, which must be exit 0, and gives the time that took. */
export function timed(program, args, options) {
  const start = process.hrtime.bigint();
  const done = spawnSync(program, args, { encoding: 'utf8', ...options });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (done.status !== 0) throw new Error(`exit ${done.status} of: ${program} ${args.join(' ')}\n${done.stdout}${done.stderr}`);
  return { ms, stdout: done.stdout, stderr: done.stderr };
}

/** Of the command's own process, to its end. */
export function peakMemoryMb({ at, options }, args) {
  const shim = join(at, 'peak.cjs');
  writeFileSync(
    shim,
    // Not resourceUsage().maxRSS: Linux carries that over from the process that started this one.
    "const { readFileSync, writeFileSync } = require('node:fs');\nprocess.on('exit', () => writeFileSync('peak', /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]));\n",
  );
  timed(process.execPath, ['--require', shim, bin, ...args], options);
  return Number(readFileSync(join(at, 'peak'), 'utf8')) / 1024;
}

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** The median of how many times as long `samples` took as `base` did in the same round. */
export const ratioOf = (samples, base) => median(samples.map((ms, round) => ms / base[round]));

/** `cases`: each a function of the round that gives ms. Interleaved, so that what disturbs the machine disturbs all of them. */
export async function interleaved(cases, times) {
  const samples = cases.map(() => []);
  for (let round = 0; round < times + warmUp; round += 1) {
    for (const [index, each] of cases.entries()) {
      const ms = await each(round);
      if (round >= warmUp) samples[index].push(ms);
    }
  }
  return samples;
}

export function table(head, rows) {
  const cells = [head, head.map(() => '---'), ...rows];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const line = (row) =>
    `| ${row.map((cell, column) => (cell === '---' ? '-'.repeat(widths[column]) : cell.padEnd(widths[column]))).join(' | ')} |`;
  return cells.map(line).join('\n');
}
