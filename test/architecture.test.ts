/** Who may import whom, and what pure code must not touch (docs/architecture.md). */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const filesIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name));

type Import = { from: string; to: string; isType: boolean };

/** Static, dynamic and re-exporting imports alike; a relative one as its path below src/, without `src/`. */
function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  const found = source.matchAll(
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'";]*?from\s*'([^']+)'|(?:^|\n)import\s+()'([^']+)'|import\(\s*()'([^']+)'/g,
  );
  return [...found].map((match) => {
    const to = match[2] ?? match[4] ?? match[6] ?? '';
    const path = to.startsWith('.') ? relative(join(root, 'src'), resolve(root, dirname(file), to)) : to;
    return { from: relative('src', file), to: path, isType: match[1] !== undefined };
  });
}

const pure = /^(policy|lifecycle)\//;
/** What a folder may import besides its own files. Types of `policy/` and `lifecycle/`, errors and durations are everybody's. */
const table: Record<string, RegExp> = {
  policy: /^(lifecycle\/types|yaml$|zod\/mini$|node:path$)/,
  lifecycle: /^policy\/types/,
  directories: /^(policy\/iam-role\.ts$|http\.ts|proxy\.ts|secrets\.ts|lock\.ts|zod\/mini$|node:|@aws-sdk\/|@smithy\/|@okta\/)/,
  rosters: /^(http|secrets|program|program-run)\.ts|^(zod\/mini$|node:|yaml$)/,
  notices: /^(http|secrets|program|program-run)\.ts|^(zod\/mini$|node:)/,
  ledger: /^(lifecycle\/|node:|libsql$|pg$|pg\/|canonicalize$)/,
  operations: /^(policy|lifecycle)\/|^zod\/mini$/,
  terminal: /^(policy\/iam-role\.ts|chalk|inquirer)$/,
  commands: /^(policy|lifecycle|terminal)\/|^commander$/,
  'sign-in': /^(policy\/machine\.ts|http\.ts|proxy\.ts|lock\.ts|private-file\.ts|zod\/mini$|node:|jose$|openid-client$)/,
  broker:
    /^(policy|lifecycle|sign-in)\/|^operations\/inputs\.ts$|^(http|proxy)\.ts$|^(hono|hono\/.*|@hono\/.*|prom-client|zod\/mini|node:.*)$/,
  wiring:
    /^(policy|directories|rosters|notices|ledger|operations|sign-in|broker)\/|^(http|proxy|secrets|private-file|lock|file-trust)\.ts$|^node:|^conf$/,
};
const typesOnly: Record<string, RegExp> = {
  lifecycle: /^directories\/directory\.ts$/,
  ledger: /^directories\/directory\.ts$/,
  operations: /^(ledger\/ledger|directories\/directory|rosters\/roster|notices\/notice)\.ts$/,
  commands: /^operations\/([a-z]+-)*types\.ts$/,
  broker: /^operations\/(types|answers|health|refused-call)\.ts$/,
  wiring: /^commands\/command\.ts$/,
};

function isAllowed({ from, to, isType }: Import): boolean {
  const folder = from.split('/')[0] ?? '';
  const rules = table[folder];
  if (rules === undefined) return true;
  if (to.startsWith(`${folder}/`) || to === 'errors.ts' || to === 'policy/duration.ts') return true;
  if (isType && (pure.test(to) || typesOnly[folder]?.test(to))) return true;
  return rules.test(to);
}

const sources = filesIn('src');
const text = (file: string) => readFileSync(join(root, file), 'utf8');
const having = (files: readonly string[], pattern: RegExp) => files.filter((file) => pattern.test(text(file)));
/** Comments may name what code must not use. */
const code = (file: string) => text(file).replaceAll(/\/\*[\s\S]*?\*\/|(?<![:'"])\/\/.*/g, '');

describe('the architecture', () => {
  it('has no import that its table does not allow', () => {
    const refused = sources.flatMap(importsOf).filter((one) => !isAllowed(one));
    expect(refused.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  it('would notice a directory that imports a roster, and an operation that imports an adapter', () => {
    expect(isAllowed({ from: 'directories/local.ts', to: 'rosters/file.ts', isType: false })).toBe(false);
    expect(isAllowed({ from: 'operations/request.ts', to: 'directories/local.ts', isType: false })).toBe(false);
    expect(isAllowed({ from: 'commands/status.ts', to: 'ledger/ledger.ts', isType: true })).toBe(false);
    expect(isAllowed({ from: 'terminal/time.ts', to: 'operations/types.ts', isType: true })).toBe(false);
    expect(isAllowed({ from: 'policy/parse.ts', to: 'node:fs', isType: false })).toBe(false);
  });

  it('reads static, dynamic and side-effect imports', () => {
    const targets = importsOf('src/cli.ts').map(({ to }) => to);
    expect(targets).toEqual(expect.arrayContaining(['wiring.ts', 'errors.ts', 'commands/parse.ts']));
  });

  it('lets only cli.ts import the composition root, and nothing import cli.ts', () => {
    const roots = sources.flatMap(importsOf).filter(({ to }) => to === 'wiring.ts' || to === 'cli.ts');
    expect(new Set(roots.map(({ from, to }) => `${from} → ${to}`))).toEqual(new Set(['cli.ts → wiring.ts']));
  });

  it('reads no clock, no randomness and no process where decisions are made', () => {
    const deciding = sources.filter((file) => /^src\/(policy|lifecycle|operations)\//.test(file));
    const impure = /Date\.now|Math\.random|new Date\(\)|\bprocess\.|randomUUID|performance\.now|setTimeout/;
    expect(deciding.filter((file) => impure.test(code(file)))).toEqual([]);
  });

  it('tells errors apart by name: each bundle has classes of its own', () => {
    expect(having(sources, /instanceof\s+(OncallError|ProviderError|CommanderError|ExitPromptError)/)).toEqual([]);
  });

  it('uses no global fetch, which takes 90 ms to load on Node 20', () => {
    expect(sources.filter((file) => /(?<![.\w])fetch\(/.test(code(file)))).toEqual([]);
  });

  it('has no enums, no mocked modules, and no file above 300 lines', () => {
    expect(sources.filter((file) => /^\s*(export )?(const )?enum /m.test(code(file)))).toEqual([]);
    expect(having(filesIn('test'), new RegExp(`\\bvi\\.${'mock'}\\(`))).toEqual([]);
    expect(sources.filter((file) => text(file).split('\n').length > 300)).toEqual([]);
  });

  it('opens every source file with a sentence of purpose', () => {
    expect(sources.filter((file) => !text(file).startsWith('/**'))).toEqual([]);
  });
});
