/** What the documents show is what the program does. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { checkPolicy } from '../src/wiring.ts';
import { fakeIo } from './fakes/io.ts';

const root = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oncall-readme-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const check = (path: string) => checkPolicy({ policyPath: path, env: {}, cwd: folder });

describe('README', () => {
  it('shows one policy, and policy check has nothing to say about it', async () => {
    const policies = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map((block) => block[1] ?? '');
    expect(policies).toHaveLength(1);
    const path = join(folder, 'oncall.yaml');
    writeFileSync(path, policies[0] ?? '', { mode: 0o600 });
    expect((await check(path)).issues).toEqual([]);
  });

  it('names only npm scripts that there are', () => {
    const named = [...readme.matchAll(/npm (?:run )?([a-z]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((name) => !['ci', 'install', 'pack', 'link'].includes(name));
    expect(named).toContain('quickstart');
    for (const name of named) expect(scripts).toHaveProperty(name);
  });

  it('links only to files that there are', () => {
    const links = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'].flatMap((name) =>
      [...readFileSync(join(root, name), 'utf8').matchAll(/\]\(([^)#]+)\)/g)].map((match) => match[1] ?? ''),
    );
    expect(links.length).toBeGreaterThan(5);
    for (const link of links.filter((one) => !one.includes('://'))) expect(() => readFileSync(join(root, link))).not.toThrow(/ENOENT/);
  });

  it('gives cron a PATH, in which the program is looked for', () => {
    expect(readme).toMatch(/PATH=\S+\n\*\/5 \* \* \* \* oncall --policy \S+ sweep/);
  });
});

describe('the five examples', () => {
  const folders = readdirSync(join(root, 'examples')).filter((name) => /^\d-/.test(name));
  /** What asks nobody who they are. */
  const nobodys = /^oncall (policy (check|test)|sweep( --dry-run)?|status|roles)$/;

  it.each(folders)('%s says in every line who acts, where that matters', (name) => {
    const page = readFileSync(join(root, 'examples', name, 'README.md'), 'utf8');
    const typed = [
      ...page.matchAll(/^((?:ONCALL_USER=\S+ )?oncall .*?)(?:\s{2,}#.*)?$/gm),
      ...page.matchAll(/`((?:ONCALL_USER=\S+ )?oncall [^`]*)`/g),
    ];
    const lines = typed.map((match) => match[1] ?? '');
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.filter((line) => !line.startsWith('ONCALL_USER=') && !nobodys.test(line))).toEqual([]);
  });
});

describe('the example of the quickstart', () => {
  beforeAll(() => cpSync(join(root, 'examples/quickstart'), join(folder, 'quickstart'), { recursive: true }));

  it('has a policy without a fault', async () => {
    expect((await check(join(folder, 'quickstart/oncall.yaml'))).issues).toEqual([]);
  });

  it('lets maria in as it was copied, whatever the date is', async () => {
    const cwd = join(folder, 'quickstart');
    const run = async (...argv: string[]) => {
      const io = { ...fakeIo({ now: Date.now() }), cwd };
      const exit = await main(argv, { ONCALL_USER: 'maria@example.com', XDG_CACHE_HOME: folder, XDG_STATE_HOME: folder }, io);
      return { exit, said: io.out() + io.err() };
    };
    expect(await run('sweep')).toEqual({ exit: 0, said: '' });
    const { exit, said } = await run('request', 'db-admin', '--hours', '12');
    expect([exit, said]).toEqual([0, expect.stringContaining('in:   local/db-admins')]);
  });
});
