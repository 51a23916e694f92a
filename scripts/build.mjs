/** Bundles src/ into dist/: CommonJS, one small entry, and one file for each dynamic `import('./x.ts')`, required when it is first needed. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { lazyChildProcess, lazyFiles, slimLibsql, slimOktaSdk } from './esbuild-plugins.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src');
const dist = join(root, 'dist');
const entry = join(source, 'cli.ts');

/** All outputs lie in one flat folder: a file may be pulled into several bundles, so no relative path between folders would be right in all of them. */
const nameOf = (file) => relative(source, file).replace(/\.ts$/, '').replaceAll(/[\\/]/g, '-');

async function bundle(files, onFound) {
  const { outputFiles } = await esbuild.build({
    entryPoints: files.map((file) => ({ in: file, out: nameOf(file) })),
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    // Not `main` first, esbuild's choice for Node: of CommonJS all 180 commands of IAM would come along, and be parsed at each start.
    mainFields: ['module', 'main'],
    // Identifiers stay, for stack traces that can be read; `keepNames` would defeat tree shaking (zod: 40 KB become 450).
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    loader: { '.sql': 'text' },
    define: { ONCALL_BUILD: JSON.stringify(sourceDigest()) },
    supported: { 'dynamic-import': false },
    plugins: [lazyFiles(nameOf, onFound), lazyChildProcess, slimLibsql, slimOktaSdk],
    logLevel: 'warning',
  });
  return outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }));
}

function sourceDigest() {
  const digest = createHash('sha256');
  const files = readdirSync(source, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const paths = files.map((file) => join(file.parentPath, file.name)).sort();
  for (const path of [...paths, join(root, 'package-lock.json')]) digest.update(path.slice(root.length)).update(readFileSync(path));
  return digest.digest('hex').slice(0, 16);
}

function isAsBuilt(outputs) {
  try {
    const names = readdirSync(dist).sort();
    const wanted = outputs.map(({ name }) => name).sort();
    return names.join() === wanted.join() && outputs.every(({ name, contents }) => readFileSync(join(dist, name)).equals(contents));
  } catch {
    return false;
  }
}

/** The new folder takes the old one's place by renaming, so that a process which starts meanwhile never meets half a build. */
function swapIn(outputs) {
  const fresh = join(root, `node_modules/.oncall-build-${process.pid}`);
  const old = `${fresh}-old`;
  mkdirSync(fresh, { recursive: true });
  for (const { name, contents } of outputs) writeFileSync(join(fresh, name), contents);
  for (let attempt = 0; ; attempt += 1) {
    try {
      renameSync(dist, old);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    try {
      renameSync(fresh, dist);
      break;
    } catch (error) {
      // Another build put its own there in between.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      if (attempt === 5) throw error;
      rmSync(old, { recursive: true, force: true });
    }
  }
  rmSync(old, { recursive: true, force: true });
}

export async function build() {
  const seen = new Set([entry]);
  const outputs = [];
  for (let wave = [entry]; wave.length > 0; ) {
    const found = new Set();
    outputs.push(...(await bundle(wave, (file) => found.add(file))));
    wave = [...found].filter((file) => !seen.has(file));
    for (const file of wave) seen.add(file);
  }
  const changed = !isAsBuilt(outputs);
  if (changed) swapIn(outputs);
  else utimesSync(join(dist, 'cli.cjs'), new Date(), new Date());
  return { files: outputs.length, bytes: outputs.reduce((sum, { contents }) => sum + contents.length, 0), changed };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const start = performance.now();
  try {
    const { files, bytes, changed } = await build();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.error(`${changed ? 'built' : 'unchanged:'} dist/, ${files} files, ${Math.round(bytes / 1024)} KiB, ${seconds} s`);
  } catch (error) {
    // esbuild has shown its own errors with the lines they are about.
    if (!Array.isArray(error.errors)) throw error;
    process.exitCode = 1;
  }
}
