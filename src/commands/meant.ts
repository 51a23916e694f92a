/** What somebody probably meant who wrote a length or an instant in another form; only ever shown, never acted on. */

import { parseDuration, parseInstant } from '../policy/duration.ts';
import { nearest } from '../policy/nearest.ts';

const minutesOf: Readonly<Record<string, number>> = { s: 1 / 60, m: 1, h: 60, d: 1_440, w: 10_080 };

/** `1.5 hours` → `1h30m`, `12` → `12h`; `undefined` where nothing is recognised in it. */
export function meantDuration(written: string, bareUnit: 'h' | 'm'): string | undefined {
  const parts = [...written.toLowerCase().matchAll(/(\d+(?:[.,]\d+)?)\s*([a-z]*)/g)];
  const minutes = parts.map(
    ([, number = '', unit = '']) => Number(number.replace(',', '.')) * (minutesOf[unit[0] ?? bareUnit] ?? Number.NaN),
  );
  const total = minutes.reduce((sum, one) => sum + one, 0);
  // Seconds are kept only where there is nothing else.
  const whole = total >= 1 ? Math.round(total) : total;
  const units = [Math.floor(whole / 60), Math.floor(whole % 60), total < 1 ? Math.round(total * 60) : 0] as const;
  const text = units.map((amount, index) => (amount > 0 ? `${amount}${'hms'[index]}` : '')).join('');
  return 'ms' in parseDuration(text) ? text : undefined;
}

/** With the name of the option: a length belongs behind `--for`. */
export function meantInstant(written: string, now: number): string {
  const word = nearest(written, ['shift', 'incident']);
  if (word !== undefined) return `--until ${word}`;
  const time = /^(\d{1,2}):(\d{2})(?::\d{2})?$/.exec(written);
  if (time !== null) return `--until ${nextTime(Number(time[1]), Number(time[2]), now)}`;
  const withOffset = `${written.replace(' ', 'T')}${offsetOf(new Date(now))}`;
  if ('ms' in parseInstant(withOffset)) return `--until ${withOffset}`;
  const length = /^\d{4}-/.test(written) || !/\d/.test(written) ? undefined : meantDuration(written, 'h');
  if (length !== undefined) return `--for ${length}`;
  return `--until ${nextTime(18, 0, now)}, --until shift or --until incident`;
}

/** The next time the clock on the wall shows it. */
function nextTime(hours: number, minutes: number, now: number): string {
  const at = new Date(now);
  at.setHours(hours, minutes, 0, 0);
  if (at.getTime() <= now) at.setDate(at.getDate() + 1);
  const two = (number: number) => String(number).padStart(2, '0');
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}${offsetOf(at)}`;
}

function offsetOf(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  if (minutes === 0) return 'Z';
  const two = (number: number) => String(number).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}
