/** Makes a clone ready to run: installs what the lock file names if that is missing, and builds if sources are newer than the build. Plain Node: runs before anything is installed. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const inRoot = (path) => join(root, path);

/** npm's own record of what it put into node_modules is compared with the lock file; times say nothing after a fresh clone. */
function isInstalled() {
  if (!existsSync(inRoot('node_modules/.package-lock.json'))) return false;
  const packagesOf = (path) => JSON.parse(readFileSync(inRoot(path), 'utf8')).packages;
  const installed = packagesOf('node_modules/.package-lock.json');
  return Object.entries(packagesOf('package-lock.json')).every(
    ([path, { version, optional, peer, link }]) => path === '' || optional || peer || link || installed[path]?.version === version,
  );
}

function newestSource() {
  const files = readdirSync(inRoot('src'), { recursive: true }).map((path) => join('src', path));
  return Math.max(
    ...['package.json', 'package-lock.json', 'scripts/build.mjs', 'scripts/esbuild-plugins.mjs', ...files].map(
      (path) => statSync(inRoot(path)).mtimeMs,
    ),
  );
}

const isBuilt = () => existsSync(inRoot('dist/cli.cjs')) && statSync(inRoot('dist/cli.cjs')).mtimeMs >= newestSource();

function run(what, command, args) {
  process.stderr.write(`${what} … `);
  const start = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (status !== 0) {
    process.stderr.write(`failed\n${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}`);
    throw new Error(`${what} failed`);
  }
  process.stderr.write(`done (${Math.round((performance.now() - start) / 1000)} s)\n`);
}

export function setup() {
  if (!isInstalled()) run('installing dependencies (npm ci)', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (!isBuilt()) run('building', process.execPath, [inRoot('scripts/build.mjs')]);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    setup();
  } catch {
    process.exitCode = 1;
  }
}
