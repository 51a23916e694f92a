/** How long access is wanted: `--hours`, `--for` and `--until`, of which there is at most one. */

import { parseDuration, parseInstant } from '../policy/duration.ts';
import type { Asked } from '../policy/types.ts';
import { type Args, type Option, text, usage } from './command.ts';

export const askedOptions: readonly Option[] = [
  { flags: '--hours <n>', summary: 'for so many hours from now' },
  { flags: '--for <duration>', summary: 'for so long from now: 90m, 12h, 2h30m' },
  { flags: '--until <end>', summary: 'until an instant (2026-11-22T05:00Z), or the end of your shift or incident: shift, incident' },
];

export function askedFrom(args: Args): Asked {
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
  if ('fault' in instant) throw invalid('--until', until, instant.fault);
  return { untilMs: instant.ms };
}

export function durationFrom(option: string, written: string): number {
  const length = parseDuration(written);
  if ('fault' in length) throw invalid(option, written, length.fault);
  return length.ms;
}

function hoursToMs(written: string): number {
  if (!/^[1-9]\d{0,3}$/.test(written)) {
    throw usage(`--hours ${written}: not a whole number of hours`, 'write --hours 12, or --for 90m for a part of an hour');
  }
  return Number(written) * 3_600_000;
}

function invalid(option: string, written: string, fault: string) {
  return usage(`${option} ${written}: ${fault}`, 'see the examples of the same command with --help');
}
