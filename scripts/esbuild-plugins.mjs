/** What esbuild does not do by itself: one output file per dynamic import, and third-party start-up work that this program does not need. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: some strings here are code of the bundle
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Each dynamic `import('./x.ts')` becomes a file of its own (`nameOf`), beside the one that asks for it. */
export function lazyFiles(nameOf, onFound) {
  return {
    name: 'lazy-files',
    setup(build) {
      build.onResolve({ filter: /^\.\.?\// }, ({ kind, path, resolveDir }) => {
        if (kind !== 'dynamic-import') return undefined;
        const file = resolve(resolveDir, path);
        onFound(file);
        return { path: `./${nameOf(file)}.cjs`, external: true };
      });
    },
  };
}

/** commander and detect-libc load it for what is not used here; on Node 20 that takes up to 2 ms of each start. */
export const lazyChildProcess = {
  name: 'lazy-child-process',
  setup(build) {
    build.onResolve({ filter: /^(node:)?child_process$/ }, ({ importer }) =>
      /[\\/]node_modules[\\/](commander|detect-libc)[\\/]/.test(importer) ? { path: 'child_process', namespace: 'lazy' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'lazy' }, () => ({
      contents: "module.exports = new Proxy({}, { get: (_, name) => require('node:child_process')[name] });",
    }));
  },
};

/**
 * libsql chooses its native part through @neon-rs/load, which asks `process.report`: that takes 4 to 10 ms and, with connections open, looks their
 * peers' names up. detect-libc reads the same from the header of the node binary. The native part itself stays a package, found from libsql's place.
 */
export const slimLibsql = {
  name: 'slim-libsql',
  setup(build) {
    build.onResolve({ filter: /^@neon-rs\/load$/ }, ({ resolveDir }) => ({ path: 'neon-load', namespace: 'slim', pluginData: resolveDir }));
    build.onLoad({ filter: /.*/, namespace: 'slim' }, ({ pluginData }) => ({ contents: currentTarget, resolveDir: pluginData }));
    build.onLoad({ filter: /[\\/]node_modules[\\/]libsql[\\/]index\.js$/ }, ({ path }) => {
      const original = readFileSync(path, 'utf8');
      const asked = ['return require(`@libsql/${target}`);', 'if (process.env.LIBSQL_JS_DEV) {'];
      if (!asked.every((text) => original.includes(text))) throw new Error(`${path} is not what this plugin was written for`);
      const contents = original
        .replace(
          asked[0],
          'const at = require("node:module").createRequire; return at(at(__filename).resolve("libsql"))(`@libsql/${target}`);',
        )
        .replace(asked[1], 'if (false) {');
      return { contents };
    });
  },
};

const currentTarget = `
const { familySync, MUSL } = require('detect-libc');
exports.load = () => null;
exports.currentTarget = () => {
  const { platform, arch } = process;
  if (platform === 'win32') return \`win32-\${arch}-msvc\`;
  if (platform !== 'linux') return \`\${platform}-\${arch}\`;
  return arch === 'arm' ? 'linux-arm-gnueabihf' : \`linux-\${arch}-\${familySync() === MUSL ? 'musl' : 'gnu'}\`;
};
`;

/**
 * Okta's SDK loads each of its types at once, 1,744 files, because its serializer has a list of them. Two of its APIs are used, which can meet some 250:
 * the others stay out, and these are loaded when one is met. What the serializer has no type for it gives as it came, so a type too few breaks nothing.
 * And it loads node-fetch, a third of what is left; nothing is sent by it here.
 */
export const slimOktaSdk = {
  name: 'slim-okta-sdk',
  setup(build) {
    const generated = String.raw`[\\/]okta-sdk-nodejs[\\/]src[\\/]generated[\\/]`;
    const entry = /^ {4}(["'].+["']): (\w+)_1\.(\w+),$/gm;
    build.onLoad({ filter: new RegExp(`${generated}http[\\\\/]isomorphic-fetch\\.js$`) }, () => ({ contents: '' }));
    build.onLoad({ filter: new RegExp(`${generated}models[\\\\/]ObjectSerializer\\.js$`) }, ({ path }) => {
      const original = readFileSync(path, 'utf8');
      const all = new Set([...original.matchAll(entry)].map(([, , file]) => file));
      const namedIn = (file) => [...readFileSync(file, 'utf8').matchAll(/\w+/g)].map(([word]) => word).filter((word) => all.has(word));
      const apis = readFileSync(new URL('../src/directories/okta-sdk.ts', import.meta.url), 'utf8').matchAll(/apis\/\w+\.js/g);
      const met = new Set([...apis].flatMap(([api]) => namedIn(join(dirname(path), '..', api))));
      // A set goes on with what is added while it is walked.
      for (const file of met) for (const other of namedIn(join(dirname(path), `${file}.js`))) met.add(other);
      const contents = original
        .replace(/^__exportStar\(require\(.*$/gm, '')
        .replace(/^const \w+ = require\("\.\.\/models\/.*$/gm, '')
        .replace(entry, (_, name, file, type) => (met.has(file) ? `get ${name}() { return require("./${file}").${type}; },` : ''));
      if (all.size === 0 || /\w_1\./.test(contents)) throw new Error(`${path} is not what this plugin was written for`);
      return { contents };
    });
  },
};
