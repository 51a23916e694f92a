/** Whether an instant falls into a weekly window, by the wall clock of a zone. */

import type { Condition, Weekday } from './types.ts';

type During = Extract<Condition, { kind: 'during' }>;

const week = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export function isDuring({ days, from, to, zone }: During, now: number): boolean {
  const { day, minutes } = wallClock(now, zone);
  if (from < to) return days.includes(day) && from <= minutes && minutes < to;
  // Past midnight: the hours before `to` belong to the day on which the window opened.
  return minutes >= from ? days.includes(day) : minutes < to && days.includes(dayBefore(day));
}

const dayBefore = (day: Weekday): Weekday => week[(week.indexOf(day) + 6) % 7] ?? day;

function wallClock(now: number, zone: string): { day: Weekday; minutes: number } {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  const day = week.find((one) => one === parts.get('weekday')?.toLowerCase());
  if (day === undefined) throw new Error(`no weekday for ${zone}`);
  return { day, minutes: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}
