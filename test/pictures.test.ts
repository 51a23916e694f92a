/** The pictures of docs/pictures: shown in the documents, as wide as a terminal, and with no path of the machine they were made on. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
// @ts-expect-error: a script has no types.
import { toSvg } from '../scripts/terminal-svg.mjs';

const root = resolve(import.meta.dirname, '..');
const pictures = readdirSync(join(root, 'docs/pictures'));
const svg = (name: string): string => readFileSync(join(root, 'docs/pictures', name), 'utf8');

type Span = { readonly at: number; readonly text: string };

/** What stands in which column of each line. */
const linesOf = (picture: string): readonly (readonly Span[])[] =>
  [...picture.matchAll(/<text [^>]*>(.*)<\/text>/g)].map(([, line = '']) =>
    [...line.matchAll(/<tspan x="([\d.]+)"[^>]*>([^<]*)<\/tspan>/g)].map(([, x, text = '']) => ({
      at: Math.round((Number(x) - 12) / 8.4),
      text: text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
    })),
  );

describe('docs/pictures', () => {
  it('has a picture of request, what came of it, status, explain and approve, and each is in the tour', () => {
    expect([...pictures].sort()).toEqual(['approve.svg', 'explain.svg', 'request.svg', 'requested.svg', 'status.svg']);
    const tour = readFileSync(join(root, 'docs/tour.md'), 'utf8');
    for (const name of pictures) expect(tour).toMatch(new RegExp(`!\\[[^\\]]{20,}\\]\\(pictures/${name}\\)`));
  });

  it.each(pictures)('%s is 80 columns wide, and nothing in it was cut or goes beyond', (name) => {
    expect(svg(name)).toContain(`viewBox="0 0 ${24 + 80 * 8.4} `);
    const lines = linesOf(svg(name));
    expect(lines[0]).toEqual([{ at: 0, text: expect.stringMatching(/^\$ oncall \w+/) }]);
    for (const spans of lines) {
      const end = Math.max(0, ...spans.map(({ at, text }) => at + [...text].length));
      expect(end, JSON.stringify(spans)).toBeLessThanOrEqual(80);
      for (const { text } of spans) expect(text).not.toMatch(/\w…$/);
    }
  });

  it.each(pictures)('%s shows nothing but made-up people, and no path of a machine', (name) => {
    const text = linesOf(svg(name))
      .flat()
      .map((span) => span.text)
      .join('\n');
    expect(text).not.toMatch(/\/(tmp|home|root|work|usr|var|Users|private)\b/);
    for (const [, host] of text.matchAll(/\S@([\w.-]+)/g)) expect(host).toBe('example.com');
    expect(text).not.toMatch(/\berror:/);
  });
});

it('the tour has on call who is so in the example that it names, for the same', () => {
  const folder = 'examples/4-task-roles';
  const onCall = [...readFileSync(join(root, folder, 'schedule.yaml'), 'utf8').matchAll(/(\S+):\n +- \{ user: (\w+)@/g)];
  expect(onCall.map(([, schedule]) => schedule)).toEqual(['db-primary', 'web-primary']);
  const [db = '', web = ''] = onCall.map(([, , user = '']) => user);
  const has = (role: string) =>
    new RegExp(`${role} +(\\w+)@`).exec(
      linesOf(svg('status.svg'))
        .map((spans) => spans.map(({ text }) => text).join(' '))
        .join('\n'),
    )?.[1];
  expect([has('db-admin'), has('server-admin')]).toEqual([db, web]);
  const named = (user: string) => `${user[0]?.toUpperCase()}${user.slice(1)}`;
  const tour = readFileSync(join(root, 'docs/tour.md'), 'utf8');
  expect(tour).toContain(`](../${folder})`);
  expect(tour).toContain(`${named(db)} is on call for the database, ${named(web)} for the web`);
});

describe('npm run pictures', () => {
  it('says what is missing where there is no tmux, and changes nothing', () => {
    const options = { encoding: 'utf8', env: { PATH: '/nowhere', HOME: '/nowhere' } } as const;
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/pictures.mjs')], options);
    expect([status, stderr.trimEnd().split('\n')]).toEqual([
      1,
      [expect.stringMatching(/^error: /), '  why:  there is no tmux here', '  next: install tmux, then: npm run pictures'],
    ]);
  });
});

describe('a screen as a picture', () => {
  const picture = (screen: string): string => toSvg(screen, { title: 'a & b', columns: 80 });

  it('keeps every column and every colour, from line to line', () => {
    const made = picture('\x1b[1mid\x1b[0m  \x1b[2;32mon\n call\x1b[39m x <y>\x1b[0m');
    expect(linesOf(made)).toEqual([
      [
        { at: 0, text: 'id' },
        { at: 4, text: 'on' },
      ],
      [
        { at: 1, text: 'call' },
        { at: 6, text: 'x <y>' },
      ],
    ]);
    expect([...made.matchAll(/class="([^"]*)"/g)].map(([, look]) => look)).toEqual(['bold', 'dim green', 'dim green', 'dim']);
    expect(made).toContain('<title>a &amp; b</title>');
  });
});
