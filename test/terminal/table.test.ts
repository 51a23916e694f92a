import { describe, expect, it } from 'vitest';
import { noPaint } from '../../src/terminal/io.ts';
import { type Column, table } from '../../src/terminal/table.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { withoutUtc } from '../../src/terminal/time.ts';

const columns = [{ title: 'id' }, { title: 'holder', least: 6 }, { title: 'until' }];
const wide = { width: Number.POSITIVE_INFINITY, paint: noPaint };

describe('table', () => {
  it('aligns columns and leaves no spaces at the end of a line', () => {
    const rows = [
      ['a1', 'maria@acme.dev', '-'],
      ['b2', '李雷@acme.dev', '06:00'],
    ];
    expect(table(columns, rows, wide)).toBe('id  holder          until\na1  maria@acme.dev  -\nb2  李雷@acme.dev   06:00');
  });

  it('fits the terminal by cutting only what may be cut', () => {
    const text = table(columns, [['k7m2xq', 'somebody.with.a.long.name@acme.dev', '06:00 CET (05:00Z)']], { width: 40, paint: noPaint });
    for (const line of text.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(40);
    expect(text).toContain('k7m2xq  somebody.wi…');
    expect(text).toContain('06:00 CET (05:00Z)');
  });

  it('takes fewer words before it cuts anything, and all of them where there is room', () => {
    const short = [columns[0], columns[1], { title: 'until', short: withoutUtc }] as Column[];
    const rows = [
      ['k7m2xq', 'maria@acme.dev', '2026-11-23 06:00 CET (05:00Z)'],
      ['b2c3d4', 'sam@acme.dev', '14:00 EST (19:00Z)'],
    ];
    const narrow = table(short, rows, { width: 44, paint: noPaint }).split('\n').slice(1);
    expect(narrow).toEqual(['k7m2xq  maria@acme.dev  2026-11-23 06:00 CET', 'b2c3d4  sam@acme.dev    14:00 EST']);
    expect(table(short, rows, { width: 53, paint: noPaint })).toBe(table(columns, rows, wide));
  });

  it('stays whole where nothing more may be cut, rather than lose an id', () => {
    expect(table([{ title: 'id' }], [['k7m2xq']], { width: 3, paint: noPaint })).toContain('k7m2xq');
  });
});
