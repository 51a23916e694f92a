/** A table without lines: header, two spaces between columns, cut to the terminal's width. */

import type { Paint } from './io.ts';
import { cut, pad, widthOf } from './text.ts';

export type Column = {
  readonly title: string;
  /** May be cut down to this many columns where the terminal is too narrow. Without it, never: an id or an instant must be whole. */
  readonly least?: number;
  /** A cell in fewer words, for where the terminal is too narrow: taken for the whole column before anything is cut. */
  readonly short?: (cell: string) => string;
};

export function table(columns: readonly Column[], whole: readonly (readonly string[])[], screen: { width: number; paint: Paint }): string {
  const fits = totalOf(widthsOf(columns, whole)) <= screen.width;
  const rows = fits ? whole : whole.map((row) => row.map((cell, index) => columns[index]?.short?.(cell) ?? cell));
  const widths = widthsOf(columns, rows);
  shrink(columns, widths, screen.width);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => pad(cut(cell, widths[index] ?? 0), widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [screen.paint.dim(line(columns.map(({ title }) => title))), ...rows.map(line)].join('\n');
}

const widthsOf = (columns: readonly Column[], rows: readonly (readonly string[])[]): number[] =>
  columns.map(({ title }, index) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index] ?? ''))));

const totalOf = (widths: readonly number[]): number => widths.reduce((sum, one) => sum + one, 0) + 2 * (widths.length - 1);

/** Takes from the widest column that can give, one at a time, so that short names stay whole. */
function shrink(columns: readonly Column[], widths: number[], width: number): void {
  while (totalOf(widths) > width) {
    let widest = -1;
    for (const [index, { least }] of columns.entries()) {
      const own = widths[index] ?? 0;
      if (least !== undefined && own > least && own > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}
