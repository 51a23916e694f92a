/** docs/policy.md is true: its examples parse with the real kinds, and its tables name what the code has. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { directoryKinds } from '../../src/directories/index.ts';
import { rehearse } from '../../src/operations/rehearse.ts';
import { parseFixtures } from '../../src/policy/fixtures.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import type { Kinds } from '../../src/policy/sources.ts';
import { rosterKinds } from '../../src/rosters/index.ts';
import { allKinds } from '../../src/wiring/load-policy.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/policy.md'), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1] ?? '');
const examples = blocks('yaml').filter((text) => text.startsWith('version:'));
const schedules = blocks('yaml').filter((text) => text.startsWith('schedules:'));
const section = (title: string) => page.split(/^## /m).find((one) => one.startsWith(title)) ?? '';

describe('docs/policy.md', () => {
  let kinds: Kinds;
  beforeAll(async () => {
    kinds = await allKinds();
  });

  it('has examples', () => expect([examples.length, schedules.length, blocks('json').length]).toEqual([7, 1, 1]));

  it.each(examples.map((text, index) => [index + 1, text] as const))('has an example %i without a fault', (_, text) => {
    const { policy, issues } = parsePolicy(text, { path: '/etc/oncall/oncall.yaml', digest: '', kinds });
    expect(issues).toEqual([]);
    expect(policy).toBeDefined();
  });

  it('has tests that its larger policy passes', async () => {
    const { policy } = parsePolicy(examples[1] ?? '', { path: '/etc/oncall/oncall.yaml', digest: '', kinds });
    if (policy === undefined) throw new Error('no policy');
    const { fixtures, issues } = parseFixtures(blocks('yaml').find((text) => text.startsWith('at:')) ?? '', { policy, machines: {} });
    expect(issues).toEqual([]);
    const { tried } = await rehearse(policy, fixtures ?? { cases: [], people: [] });
    expect(tried.map(({ differences }) => differences)).toEqual([[], [], [], [], []]);
  });

  it('lists every code that the source has, and no other', () => {
    const source = readdirSync(join(root, 'src/policy')).map((name) => readFileSync(join(root, 'src/policy', name), 'utf8'));
    const literal = source.flatMap((text) => [...text.matchAll(/(?:\bcode: |refuse\()'([a-z-]+)'/g)].map((match) => match[1]));
    const aboutFile = readFileSync(join(root, 'src/wiring/load-policy.ts'), 'utf8').matchAll(/issueOf\(\s*'([a-z-]+)'/g);
    const derived = [
      ...[...aboutFile].map((match) => match[1]),
      'undeclared-directory',
      'undeclared-roster',
      'undeclared-role',
      'until-without-shift',
      'until-without-incident',
      'wrong-type',
      'bad-value',
    ];
    const built = new Set([...literal, ...derived].filter((code) => code !== 'custom'));
    const listed = [...section('Faults').matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map((match) => match[1]);
    expect(listed.filter((code) => code !== 'allow' && code !== 'ask').sort()).toEqual([...built].sort());
  });

  /** Of an object, or of what is made from one. */
  const keysOf = (schema: { readonly _zod: { readonly def: unknown } }): readonly string[] => {
    const def = schema._zod.def as { readonly shape?: object; readonly in?: Parameters<typeof keysOf>[0] };
    return def.in === undefined ? Object.keys(def.shape ?? {}) : keysOf(def.in);
  };

  it('lists every setting of every kind', () => {
    const listed = [
      ...Object.entries(kinds.directories).map(([name, { settings }]) => [`Directory \`${name}\``, settings] as const),
      ...Object.entries(kinds.rosters).map(([name, { settings }]) => [`Roster \`${name}\``, settings] as const),
      ...Object.entries(kinds.channels).map(([name, { settings }]) => [`Channel \`${name}\``, settings] as const),
      ['Identity', kinds.oidc.settings] as const,
    ];
    for (const [title, settings] of listed) {
      const text = page.split(/^##+ /m).find((one) => one.startsWith(title)) ?? '';
      expect(keysOf(settings)).not.toEqual([]);
      for (const key of keysOf(settings).filter((one) => one !== 'kind')) expect(`${title}: ${text}`).toContain(`\`${key}\``);
    }
  });

  it('shows a schedule and groups that the file roster and the local directory read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'oncall-docs-'));
    try {
      writeFileSync(join(folder, 'schedule.yaml'), schedules[0] ?? '');
      writeFileSync(join(folder, 'groups.json'), blocks('json')[0] ?? '');
      const context = { name: 'x', now: Date.now, log: () => undefined, onServerDate: () => undefined, baseDir: folder };
      const roster = await (await rosterKinds.file()).open({ path: 'schedule.yaml' }, context);
      expect(await roster.onCall({ schedule: 'db-primary', levels: [] }, Date.parse('2026-11-15T00:00:00Z'), {})).toHaveLength(2);
      expect(await roster.incident?.('INC-42', {})).toMatchObject({ live: true, severities: ['major'] });
      const directory = await (await directoryKinds.local()).open({ path: 'groups.json' }, context);
      expect(await directory.findUser('maria@acme.dev', {})).toMatchObject({ active: true });
      expect(await directory.findGroup('db-admins', {})).toBeDefined();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names every kind', () => {
    for (const kind of [...Object.keys(kinds.directories), ...Object.keys(kinds.rosters)])
      expect(section('Directories')).toContain(`\`${kind}\``);
  });
});
