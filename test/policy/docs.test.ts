/** docs/policy.md is true: its examples parse with the real kinds, and its tables name what the code has. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { directoryKinds } from '../../src/directories/index.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import type { Kinds } from '../../src/policy/sources.ts';
import { rosterKinds } from '../../src/rosters/index.ts';
import { allKinds } from '../../src/wiring/load-policy.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/policy.md'), 'utf8');
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
const section = (title: string) => page.split(/^## /m).find((one) => one.startsWith(title)) ?? '';

describe('docs/policy.md', () => {
  let kinds: Kinds;
  beforeAll(async () => {
    kinds = await allKinds();
  });

  it('has examples', () => expect(examples).toHaveLength(2));

  it.each(examples.map((text, index) => [index + 1, text] as const))('has an example %i without a fault', (_, text) => {
    const { policy, issues } = parsePolicy(text, { path: '/etc/oncall/oncall.yaml', digest: '', kinds });
    expect(issues).toEqual([]);
    expect(policy).toBeDefined();
  });

  it('lists every code that the source has, and no other', () => {
    const source = readdirSync(join(root, 'src/policy')).map((name) => readFileSync(join(root, 'src/policy', name), 'utf8'));
    const literal = source.flatMap((text) => [...text.matchAll(/(?:\bcode: |refuse\()'([a-z-]+)'/g)].map((match) => match[1]));
    const derived = [
      'undeclared-directory',
      'undeclared-roster',
      'until-without-shift',
      'until-without-incident',
      'wrong-type',
      'bad-value',
    ];
    const built = new Set([...literal, ...derived].filter((code) => code !== 'custom'));
    const listed = [...section('Faults').matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map((match) => match[1]);
    expect(listed.filter((code) => code !== 'allow' && code !== 'ask').sort()).toEqual([...built].sort());
  });

  it('names every kind', () => {
    for (const kind of [...Object.keys(kinds.directories), ...Object.keys(kinds.rosters)])
      expect(section('Directories')).toContain(`\`${kind}\``);
  });
});
