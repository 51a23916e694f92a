/** A table without lines: header, two spaces between columns, cut to the terminal's width. */

import type { Paint } from './io.ts';
import { cut, pad, widthOf } from './text.ts';

export type Column = {
  readonly title: string;
  /** May be cut down to this many columns where the terminal is too narrow. Without it, never: an id or an instant must be whole. */
  readonly least?: number;
};

export function table(columns: readonly Column[], rows: readonly (readonly string[])[], screen: { width: number; paint: Paint }): string {
  const widths = columns.map(({ title }, index) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index] ?? ''))));
  shrink(columns, widths, screen.width);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => pad(cut(cell, widths[index] ?? 0), widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [screen.paint.dim(line(columns.map(({ title }) => title))), ...rows.map(line)].join('\n');
}

/** Takes from the widest column that can give, one at a time, so that short names stay whole. */
function shrink(columns: readonly Column[], widths: number[], width: number): void {
  const total = () => widths.reduce((sum, one) => sum + one, 0) + 2 * (widths.length - 1);
  while (total() > width) {
    let widest = -1;
    for (const [index, { least }] of columns.entries()) {
      const own = widths[index] ?? 0;
      if (least !== undefined && own > least && own > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}
