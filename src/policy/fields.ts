/** The smallest pieces of the policy's schema: text, lengths of time, e-mails. Each tells its own faults. */

import * as z from 'zod/mini';
import { parseDuration } from './duration.ts';

export type FieldFault = { readonly code: string; readonly message: string; readonly hint?: string };
type Read<T> = { readonly value: T } | FieldFault;

/** A field that is read by a function. The code and hint travel in `params`; `shape` picks them up. */
export function field<T>(read: (written: unknown) => Read<T>): z.ZodMiniType<T> {
  const transform = z.transform((written: unknown, context): T => {
    const result = read(written);
    if ('value' in result) return result.value;
    const { code, message, hint } = result;
    context.issues.push({ code: 'custom', message, input: written, params: { code, hint } });
    return z.NEVER;
  });
  return z.pipe(z.unknown(), transform) as unknown as z.ZodMiniType<T>;
}

export const text = z.string().check(z.regex(/\S/, 'is empty'));

export const wholeNumber = field((written): Read<number> => {
  if (typeof written === 'number' && Number.isSafeInteger(written) && written >= 1) return { value: written };
  return { code: 'bad-value', message: 'must be a whole number from 1 upward' };
});

/** Slower, and a removal would wait for its turn until it is too late to be sent. */
const slowest = 0.5;

export const callsPerSecond = field((written): Read<number> => {
  if (typeof written === 'number' && Number.isFinite(written) && written >= slowest) return { value: written };
  return { code: 'bad-value', message: `must be a number of calls from ${slowest} upward`, hint: '600 a minute are callsPerSecond: 10' };
});

export const duration = field((written): Read<number> => {
  if (typeof written !== 'string' && typeof written !== 'number')
    return { code: 'wrong-type', message: 'must be a length of time, for example 2h30m' };
  const parsed = parseDuration(String(written));
  return 'ms' in parsed ? { value: parsed.ms } : { code: 'bad-duration', message: parsed.fault };
});

/** A grace of nothing is a choice; every other length of nothing is a slip. */
export const grace = field((written): Read<number> => {
  if (typeof written === 'string' && /^0[smhd]$/.test(written)) return { value: 0 };
  const parsed = parseDuration(String(written));
  return 'ms' in parsed ? { value: parsed.ms } : { code: 'bad-duration', message: parsed.fault };
});

/** Case-folded. */
export const email = field((written): Read<string> => {
  const folded = typeof written === 'string' ? foldEmail(written) : undefined;
  if (folded !== undefined) return { value: folded };
  return { code: 'bad-email', message: 'is not an e-mail address', hint: 'write it whole, for example maria@acme.dev' };
});

export function foldEmail(written: string): string | undefined {
  return /^[^\s@/<>,;"]+@[^\s@/<>,;"]+$/.test(written) ? written.toLowerCase() : undefined;
}

/** A day of the calendar: the instant at which it is over in UTC, epoch ms. */
export const day = field((written): Read<number> => {
  const [, year, month, date] = (typeof written === 'string' ? /^(\d{4})-(\d{2})-(\d{2})$/.exec(written) : null) ?? [];
  const from = Date.UTC(Number(year), Number(month) - 1, Number(date));
  // 30 February would be a day in March.
  if (!Number.isNaN(from) && new Date(from).toISOString().slice(0, 10) === written) return { value: from + 86_400_000 };
  return { code: 'bad-date', message: 'is not a day', hint: 'write for example 2027-01-31; it ends at midnight in UTC' };
});

export const timeOfDay = field((written): Read<number> => {
  const parts = typeof written === 'string' ? /^([01]\d|2[0-4]):([0-5]\d)$/.exec(written) : null;
  const minutes = parts === null ? Number.NaN : Number(parts[1]) * 60 + Number(parts[2]);
  if (minutes <= 1_440) return { value: minutes };
  return { code: 'bad-time', message: 'is not a time of day', hint: 'write for example 09:00 or 22:30, in quotes if your editor insists' };
});

export const timeZone = field((written): Read<string> => {
  // Offsets such as +01:00 are taken by some versions of Node and not by others, and they know no summer time.
  if (typeof written === 'string' && /^[A-Za-z]/.test(written)) {
    try {
      new Intl.DateTimeFormat('en', { timeZone: written });
      return { value: written };
    } catch {
      // Said below.
    }
  }
  return { code: 'bad-zone', message: 'is not a time zone this machine knows', hint: 'write for example Europe/Berlin or UTC' };
});

/** `filled(z.array(…))`, `filled(z.record(…))`: an empty list is a fault, because to some it means nobody and to others everybody. */
export function filled<T extends z.ZodMiniType>(schema: T): T {
  const isFilled = z.refine((value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length > 0, {
    error: 'is empty',
    params: { code: 'empty-list', hint: 'write at least one entry, or take the key out' },
  });
  return (schema as z.ZodMiniType).check(isFilled) as unknown as T;
}

export function listOf<T>(item: z.ZodMiniType<T>): z.ZodMiniType<readonly T[]> {
  return filled(z.array(item)) as unknown as z.ZodMiniType<readonly T[]>;
}

export function oneOrMany<T>(item: z.ZodMiniType<T>): z.ZodMiniType<readonly T[]> {
  const each = z.transform((written: unknown) => (Array.isArray(written) ? written : [written]));
  return z.pipe(each, listOf(item) as z.ZodMiniType<readonly T[], unknown[]>) as unknown as z.ZodMiniType<readonly T[]>;
}
