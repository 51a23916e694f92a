/** The IAM policies in docs/aws.md give exactly what the adapters ask for. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'src/directories');
type Statement = { readonly Effect: string; readonly Action: readonly string[]; readonly Resource: string | readonly string[] };

const policies = [...readFileSync(join(root, 'docs/aws.md'), 'utf8').matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, text = '']): readonly Statement[] => JSON.parse(text).Statement,
);
const given = (service: string): readonly string[] =>
  policies.flatMap((statements) => statements.flatMap(({ Action }) => Action)).filter((action) => action.startsWith(`${service}:`));

/** What a kind's files name as the action of a call. */
function asked(kind: string, service: string): readonly string[] {
  const files = readdirSync(folder).filter((name) => name.startsWith(kind));
  const source = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  const found = source.matchAll(/\b(?:read|write|find)\(\s*'([A-Z]\w+)'/g);
  return [...new Set([...found].map(([, action]) => `${service}:${action}`))];
}

describe('docs/aws.md', () => {
  it.each([
    ['aws-iam', 'iam'],
    ['aws-identity-center', 'identitystore'],
  ])('has the rights that %s needs, and no other', (kind, service) => {
    expect(asked(kind, service).length).toBeGreaterThan(5);
    expect([...new Set(given(service))].sort()).toEqual([...asked(kind, service)].sort());
  });

  it('lets nobody change a group that is not named', () => {
    const changing = policies.flat().filter(({ Action }) => Action.some((one) => /:(Add|Remove|Create|Delete|Put)/.test(one)));
    const resources = changing.flatMap(({ Resource }) => Resource);
    expect(changing.length).toBeGreaterThanOrEqual(2);
    expect(resources.filter((one) => one === '*' || /group\/\*$/.test(one))).toEqual([]);
  });
});
