/** Instants for people: local with its zone, then UTC. What remains is rounded down: nobody is promised a minute they do not have. */

import { formatDuration } from '../policy/duration.ts';

export type Clock = { readonly now: number; readonly utc: boolean };

const two = (number: number) => String(number).padStart(2, '0');

function utcDate(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function localDate(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `CET`, else `+05:30`. No one locale knows the short names of all zones: en-US says `GMT+1` for Berlin, en-GB says `GMT-5` for New York. */
function zoneOf(date: Date): string {
  for (const locale of ['en-US', 'en-GB', 'en-AU']) {
    const parts = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' }).formatToParts(date);
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value;
    if (name !== undefined && !/^(GMT|UTC)./.test(name)) return name;
  }
  const minutes = -date.getTimezoneOffset();
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/** A rule in place of a name (`CET-1CEST`) counts: Node takes it for UTC. A path, or none, is left to the system. */
export function isUnknownZone(zone: string | undefined): boolean {
  if (zone === undefined || /^$|^:|^\//.test(zone)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) === undefined;
  } catch {
    return true;
  }
}

/** Minutes are enough, except for what is about to happen or just did. */
const soonMs = 2 * 60_000;

/** `06:00 CET (05:00Z)`; with the date, year included, where that is not today's. */
export function showInstant(at: number, clock: Clock): string {
  const seconds = Math.abs(at - clock.now) < soonMs;
  return show(at, clock, { seconds, withDate: (date, today) => date !== today });
}

/** Instants inside a text (RFC 3339, UTC) as the reader's own time: `your shift ends 05:45 CET`. */
export function localInstants(text: string, clock: Clock): string {
  return text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\b/g, (instant) => {
    const at = Date.parse(instant);
    return Number.isNaN(at) ? instant : withoutUtc(showInstant(at, clock));
  });
}

/** `06:00 CET (05:00Z)` as `06:00 CET`, where there is no room for both. */
export const withoutUtc = (shown: string): string => shown.replace(/ \([^)]*Z\)$/, '');

/** `2026-11-23 06:00:12 CET (05:00:12Z)`: never without its date. */
export function showRecord(at: number, clock: Clock): string {
  return show(at, clock, { seconds: true, withDate: () => true });
}

function show(at: number, { now, utc }: Clock, how: { seconds: boolean; withDate: (date: string, today: string) => boolean }): string {
  const date = new Date(at);
  const time = (hours: number, minutes: number, seconds: number) => `${two(hours)}:${two(minutes)}${how.seconds ? `:${two(seconds)}` : ''}`;
  const inUtc = `${time(date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds())}Z`;
  const today = new Date(now);
  const showUtcDate = how.withDate(utcDate(date), utcDate(today));
  if (utc || date.getTimezoneOffset() === 0) return showUtcDate ? `${utcDate(date)} ${inUtc}` : inUtc;
  const local = `${time(date.getHours(), date.getMinutes(), date.getSeconds())} ${zoneOf(date)}`;
  const showDate = how.withDate(localDate(date), localDate(today));
  const differs = localDate(date) !== utcDate(date);
  return `${showDate ? `${localDate(date)} ` : ''}${local} (${differs ? `${utcDate(date)} ` : ''}${inUtc})`;
}

/** `2 h 47 min`; `0 s` once it is over. */
export function showRemaining(at: number, clock: Clock): string {
  return formatDuration(at - clock.now);
}

/** `2 min ago`. */
export function showAgo(at: number, clock: Clock): string {
  const ms = clock.now - at;
  return ms < 1000 ? 'just now' : `${formatDuration(ms)} ago`;
}
