/** Lengths of time and instants as people write and read them: `2h30m`, `2 h 30 min`, `2026-11-22T05:00:00Z`. */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
/** A day is 24 hours, whatever the clocks of a place do. */
const day = 24 * hour;
const longest = 3_650 * day;

export type ParsedMs = { readonly ms: number } | { readonly fault: string };

export function parseDuration(text: string): ParsedMs {
  if (/^-?\d+(\.\d+)?$/.test(text)) return { fault: `"${text}" has no unit: write for example 12h, 90m or 45s` };
  const parts = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
  if (parts === null || text === '') {
    return { fault: 'is not a length of time: write whole numbers with d, h, m and s in that order, for example 2h30m' };
  }
  const [, d = '0', h = '0', m = '0', s = '0'] = parts;
  const ms = Number(d) * day + Number(h) * hour + Number(m) * minute + Number(s) * second;
  if (ms === 0) return { fault: 'must be longer than nothing' };
  if (ms > longest) return { fault: 'is longer than ten years' };
  return { ms };
}

/** The two largest units, rounded down: what is promised must be left. */
export function formatDuration(ms: number): string {
  const left = Math.max(0, Math.floor(ms / second));
  const [d, h, m] = [Math.floor(left / 86_400), Math.floor(left / 3_600), Math.floor(left / 60)];
  if (d >= 2) return two(d, 'd', h % 24, 'h');
  if (h >= 1) return two(h, 'h', m % 60, 'min');
  return m >= 1 ? `${m} min` : `${left} s`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** RFC 3339 only: without `Z` or an offset the same text would be another moment on another machine. */
export function parseInstant(text: string): ParsedMs {
  const parts = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(Z|z|[+-]\d{2}:\d{2})?$/.exec(text);
  if (parts === null) return { fault: 'is not an instant: write for example 2026-11-22T05:00:00Z or 2026-11-22T06:00+01:00' };
  const [, year, month, date, hours, minutes, seconds = '00', offset] = parts;
  if (offset === undefined) return { fault: 'has no offset: end it with Z for UTC, or with an offset such as +01:00' };
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  // Date.parse would turn 31 February into March and 24:00 into the next day.
  const legal = Number(month) >= 1 && Number(month) <= 12 && Number(date) >= 1 && Number(date) <= daysInMonth && Number(hours) < 24;
  const ms = legal ? Date.parse(`${year}-${month}-${date}T${hours}:${minutes}:${seconds}${offset.toUpperCase()}`) : Number.NaN;
  return Number.isNaN(ms) ? { fault: 'is not a moment that exists' } : { ms };
}

/** `1 h, at most 12 h` */
export const ttlText = ({ defaultMs, maxMs }: { readonly defaultMs: number; readonly maxMs: number }): string =>
  defaultMs === maxMs ? formatDuration(maxMs) : `${formatDuration(defaultMs)}, at most ${formatDuration(maxMs)}`;
