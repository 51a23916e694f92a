/**
 * `npm run sim -- [--seeds N] [--from N] [--seed S] [--twice] [--ablate NAME | --ablate list] [--exhaustive] [--differential] [--no-shrink] [--verbose]`:
 * bundles the simulation and runs it; exit 1 on any violation.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
// Below node_modules/, so that the bundle finds the packages that are not in it.
const folder = join(root, `node_modules/.oncall-sim-${process.pid}`);
const bundle = join(folder, 'main.cjs');

mkdirSync(folder, { recursive: true });
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
await esbuild.build({
  entryPoints: [join(root, 'test/simulation/main.ts')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  external: ['libsql', 'pg'],
  loader: { '.sql': 'text' },
  // Of the one file that looks for something beside itself.
  define: { 'import.meta.dirname': JSON.stringify(join(root, 'test/fakes')) },
  supported: { 'dynamic-import': false },
  sourcemap: 'inline',
  logLevel: 'warning',
});

const child = spawn(process.execPath, ['--enable-source-maps', bundle, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
