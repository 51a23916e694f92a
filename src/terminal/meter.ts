/** How far much work has come: one line at the bottom of a terminal, which is gone when the work is over. */

import { formatDuration } from '../policy/duration.ts';
import type { Stream } from './io.ts';
import { cut } from './text.ts';

/** Short work shows nothing. */
const quietMs = 1000;
const redrawMs = 100;
const barWidth = 20;
const eraseLine = '\r\u001b[2K';

export type Meter = {
  readonly show: (done: number, total: number) => void;
  readonly over: () => void;
  /** Writes lines above it. */
  readonly above: (write: () => void) => void;
};

export function makeMeter(stream: Stream, now: () => number, signal: AbortSignal): Meter {
  let startedAt: number | undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let line = '';
  const erase = (): void => {
    if (line !== '') stream.write(eraseLine);
    line = '';
  };
  // Before anything is said about the interrupt, and for good.
  signal.addEventListener('abort', erase, { once: true });
  return {
    show: (done, total) => {
      const at = now();
      startedAt ??= at;
      if (signal.aborted || at - startedAt < quietMs || at - drawnAt < redrawMs) return;
      drawnAt = at;
      line = cut(meterLine(done, total, at - startedAt), Math.max(1, stream.width - 1));
      stream.write(`${eraseLine}${line}`);
    },
    over: () => {
      erase();
      startedAt = undefined;
    },
    above: (write) => {
      const shown = line;
      erase();
      write();
      if (shown === '' || signal.aborted) return;
      line = shown;
      stream.write(line);
    },
  };
}

/** `[=====>              ]  2,500 of 10,000  310/s  25 s left` */
function meterLine(done: number, total: number, ms: number): string {
  const filled = Math.floor((barWidth * done) / total);
  const bar = `${'='.repeat(filled)}${filled < barWidth ? '>' : ''}`.padEnd(barWidth);
  const perSecond = (done * 1000) / ms;
  const rate = perSecond >= 10 ? Math.round(perSecond) : perSecond.toFixed(1);
  const left = done === 0 ? '' : `  ${formatDuration(Math.ceil((total - done) / perSecond) * 1000)} left`;
  return `[${bar}]  ${grouped(done)} of ${grouped(total)}  ${rate}/s${left}`;
}

/** Not `toLocaleString`, which loads the data of all locales. */
const grouped = (number: number): string => String(number).replace(/\B(?=(\d{3})+$)/g, ',');
