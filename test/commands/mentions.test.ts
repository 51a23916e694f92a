/** No page and no message may send anybody to a command that there is not. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/index.ts';

const root = resolve(import.meta.dirname, '../..');
const filesIn = (folder: string, ending: RegExp) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name));

const pages = [...readdirSync(root).filter((name) => name.endsWith('.md')), ...filesIn('docs', /\.md$/)];
const sources = [...filesIn('src', /\.(ts|sql)$/), ...filesIn('examples', /./).filter((name) => /\.(yaml|json|md)$/.test(name))];

const known = new Set([...commands.map(({ name }) => name.split(' ')[0] ?? ''), 'help']);
/** What stands behind the program's name in sentences: "everything that oncall gave". */
const verbs = new Set([
  'and',
  'gave',
  'given',
  'has',
  'itself',
  'never',
  'on',
  'took',
  'or',
  'is',
  'in',
  'as',
  'lists',
  'that',
  'are',
  'from',
]);

/** Options may stand before the command. The name is also a system user's and a namespace's. */
const mention = /(?<!(?:-[gou]|--namespace) |lib\/|deployment\/)\boncall((?: --?[a-z][a-z-]*(?: [./<][\w./<>-]*)?)*) ([a-z][a-z-]*)/g;
const mentions = (text: string) => [...text.matchAll(mention)].map((match) => match[2] ?? '');

/** In pages only what is marked as code: the rest is prose about the program. In SQL the name is a database's. */
const code = (text: string) =>
  [...text.matchAll(/```([a-z]*)\n([\s\S]*?)```|`([^`\n]+)`/g)]
    .map(([, language, block, inline]) => (language === 'sql' ? '' : (block ?? inline ?? '')))
    .join('\n');

const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('every command that is mentioned', () => {
  it.each(pages)('in %s is one that there is', (page) => {
    expect(mentions(code(read(page))).filter((word) => !known.has(word))).toEqual([]);
  });

  it('in a message, a hint or an example is one that there is', () => {
    const wrong = sources.flatMap((file) =>
      mentions(read(file))
        .filter((word) => !known.has(word) && !verbs.has(word))
        .map((word) => `${file}: oncall ${word}`),
    );
    expect(wrong).toEqual([]);
  });

  it('would be found', () => {
    expect(mentions('next: oncall adopt')).toEqual(['adopt']);
    expect(mentions('*/5 * * * * oncall --policy /etc/oncall/oncall.yaml swept')).toEqual(['swept']);
    expect(mentions(code('prose oncall gave, `oncall init`, and\n```\n$ oncall serve\n```'))).toEqual(['init', 'serve']);
    expect([...verbs].filter((verb) => known.has(verb))).toEqual([]);
  });
});
