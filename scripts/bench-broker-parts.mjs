/** What the benchmark of the broker stands on: a broker whose callers are not held to a rate, its certificate, a place to listen. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { root } from './bench-process.mjs';
import { lazyChildProcess, lazyFiles, slimLibsql, slimOktaSdk } from './esbuild-plugins.mjs';

const source = join(root, 'src');
const nameOf = (file) => relative(source, file).replace(/\.ts$/, '').replaceAll(/[\\/]/g, '-');

/** The same build but for one thing: nobody can call too often. */
const withoutRates = {
  name: 'without-rates',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]broker[\\/]settings\.ts$/ }, ({ path }) => ({
      contents: `${readFileSync(path, 'utf8')}\nconst any = { perMinute: 1e12, burst: 1e12 };\nObject.assign(defaultLimits, { perPerson: any, perAddress: any, operationsPerPerson: 1e12, connectionsPerAddress: 1e12 });\n`,
      loader: 'ts',
    }));
  },
};

/** A folder of the bench's own, below `node_modules` so that packages are found from it; `remove` it. */
export async function makeParts() {
  const into = join(root, `node_modules/.oncall-bench-${process.pid}-broker`);
  mkdirSync(into, { recursive: true });
  cpSync(join(root, 'dist'), join(into, 'dist'), { recursive: true });
  cpSync(join(root, 'bin'), join(into, 'bin'), { recursive: true });
  const common = { bundle: true, platform: 'node', target: 'node20.19', logLevel: 'error' };
  await esbuild.build({
    ...common,
    entryPoints: [join(source, 'wiring/serve.ts')],
    outfile: join(into, 'dist/wiring-serve.cjs'),
    format: 'cjs',
    mainFields: ['module', 'main'],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    loader: { '.sql': 'text' },
    define: { ONCALL_BUILD: '"bench"' },
    supported: { 'dynamic-import': false },
    plugins: [withoutRates, lazyFiles(nameOf, () => undefined), lazyChildProcess, slimLibsql, slimOktaSdk],
  });
  const fakes = join(into, 'fakes.mjs');
  await esbuild.build({
    ...common,
    stdin: {
      contents: "export * from '../test/fakes/certificate.ts';\nexport * from '../test/fakes/postgres.ts';",
      resolveDir: join(root, 'scripts'),
    },
    outfile: fakes,
    format: 'esm',
    packages: 'external',
  });
  return {
    cli: join(into, 'bin/oncall.js'),
    fakes: await import(pathToFileURL(fakes).href),
    remove: () => rmSync(into, { recursive: true, force: true }),
  };
}

/** Where a broker is reached by TLS, by a certificate that its clients trust. */
export async function makeSeat(folder, makeCertificate) {
  const { cert, key } = makeCertificate(['localhost']);
  const [caFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(caFile, cert, { mode: 0o644 });
  writeFileSync(keyFile, key, { mode: 0o600 });
  const port = await freePort();
  return { origin: `https://localhost:${port}`, port, caFile, keyFile };
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Resolves with the process once it says that it serves. */
export function startBroker(cli, args, options) {
  const child = spawn(process.execPath, [cli, 'serve', '--sweep-every', 'off', ...args], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
      if (said.includes(' serves http')) resolve(child);
    });
    child.once('close', (code) => reject(new Error(`the broker ended with ${code}: ${said}`)));
  });
}

/** Resolves when it is gone. */
export function endBroker(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill(signal);
  return gone;
}

/** A helper that prints one line once it is ready, and ends when its stdin does. */
export function startHelper(file, ...args) {
  const child = spawn(process.execPath, [join(root, 'scripts', file), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = () => new Promise((resolve) => child.stdout.once('data', (data) => resolve(String(data).trim())));
  return { child, line, stop: () => child.stdin.end() };
}
