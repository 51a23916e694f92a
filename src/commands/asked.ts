/** How long access is wanted: `--hours`, `--for` and `--until`, of which there is at most one. */

import { parseDuration, parseInstant } from '../policy/duration.ts';
import type { Asked } from '../policy/types.ts';
import { type Args, type Option, text, usage } from './command.ts';
import { meantDuration, meantInstant } from './meant.ts';

export const askedOptions: readonly Option[] = [
  { flags: '--hours <n>', summary: 'for so many hours from now', words: ['6', '12', '24'] },
  { flags: '--for <duration>', summary: 'for so long from now: 90m, 12h, 2h30m', words: ['30m', '90m', '6h', '12h'] },
  {
    flags: '--until <end>',
    summary: 'until an instant (2026-11-22T05:00Z), or the end of your shift or incident: shift, incident',
    words: ['shift', 'incident'],
  },
];

/** `now` is for the example in a hint only. */
export function askedFrom(args: Args, now: number = Date.now()): Asked {
  const given = ['hours', 'for', 'until'].filter((name) => text(args, name) !== undefined);
  if (given.length > 1) throw usage(`${given.map((name) => `--${name}`).join(' and ')} cannot be combined`, 'keep one of them');
  const hours = text(args, 'hours');
  if (hours !== undefined) return { forMs: hoursToMs(hours) };
  const length = text(args, 'for');
  if (length !== undefined) return { forMs: durationFrom('--for', length) };
  const until = text(args, 'until');
  if (until === undefined) return { byDefault: true };
  if (until === 'shift' || until === 'incident') return { until };
  const instant = parseInstant(until);
  if ('fault' in instant) throw usage(`--until ${until}: ${instant.fault}`, `write ${meantInstant(until, now)}`);
  return { untilMs: instant.ms };
}

export function durationFrom(option: string, written: string): number {
  const length = parseDuration(written);
  if (!('fault' in length)) return length.ms;
  // Nobody waits hours for an answer.
  const [bareUnit, otherwise] = option === '--timeout' ? (['m', '5m'] as const) : (['h', '12h'] as const);
  throw usage(`${option} ${written}: ${length.fault}`, `write ${option} ${meantDuration(written, bareUnit) ?? otherwise}`);
}

function hoursToMs(written: string): number {
  if (/^[1-9]\d{0,3}$/.test(written)) return Number(written) * 3_600_000;
  const meant = meantDuration(written, 'h');
  const whole = /^(\d+)h$/.exec(meant ?? '12h')?.[1];
  throw usage(
    `--hours ${written}: not a whole number of hours above 0`,
    `write ${whole === undefined ? `--for ${meant}` : `--hours ${whole}`}`,
  );
}
