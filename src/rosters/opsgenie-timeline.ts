/** The timeline of a schedule of Opsgenie: from when until when its people are on call. The answer to "who now" has no times. */

import * as z from 'zod/mini';
import { covers, instant } from './interval.ts';
import type { Session } from './opsgenie-client.ts';

/** One person without a break. A start that is the timeline's own is not known; an end that is may be too early, never too late. */
export type Stretch = { readonly email: string; readonly start: number | undefined; readonly end: number };

export type ScheduleRef = { readonly ref: string; readonly type: 'id' | 'name' };

const recipient = z.object({ name: z.nullish(z.string()) });
const period = z.object({
  startDate: instant,
  endDate: instant,
  recipient: z.nullish(recipient),
  /** Of an escalation or a team: its people. */
  flattenedRecipients: z.nullish(z.array(recipient)),
});
const shape = z.object({
  _parent: z.object({ name: z.string() }),
  startDate: instant,
  finalTimeline: z.object({ rotations: z.array(z.object({ periods: z.nullish(z.array(period)) })) }),
});

const week = 7 * 86_400_000;

/** From a week before, so that the start of most shifts is in it. */
export async function timeline(session: Session, { ref, type }: ScheduleRef, from: number, to: number) {
  const params = {
    identifierType: type,
    date: new Date(from - week).toISOString(),
    interval: String(Math.ceil((to - from) / week) + 1),
    intervalUnit: 'weeks',
  };
  const found = await session.find(`/v2/schedules/${encodeURIComponent(ref)}/timeline`, params, shape);
  if (found === undefined) return undefined;
  const periods = found.finalTimeline.rotations.flatMap((rotation) => rotation.periods ?? []);
  return { schedule: found._parent.name, stretches: joined(periods, found.startDate) };
}

/** Opsgenie cuts a shift in two at the present moment, and at each handover from somebody to themselves. */
function joined(periods: readonly z.output<typeof period>[], begins: number): readonly Stretch[] {
  const stretches: Stretch[] = [];
  const inOrder = periods.flatMap((one) => emailsOf(one).map((email) => ({ email, start: one.startDate, end: one.endDate })));
  for (const { email, start, end } of inOrder.sort((a, b) => a.start - b.start)) {
    const before = stretches.findIndex((one) => one.email === email && one.end >= start);
    const known = stretches[before];
    if (known !== undefined) stretches[before] = { ...known, end: Math.max(known.end, end) };
    else stretches.push({ email, start: start <= begins ? undefined : start, end });
  }
  return stretches;
}

function emailsOf({ recipient: one, flattenedRecipients }: z.output<typeof period>): readonly string[] {
  const names = [one, ...(flattenedRecipients ?? [])].map((who) => who?.name?.toLowerCase());
  return [...new Set(names.filter((name) => name?.includes('@') === true))] as string[];
}

/** The bounds of the shift that the person has at that instant; neither where the timeline does not have it. */
export function boundsOf(stretches: readonly Stretch[], email: string, at: number): { readonly start?: number; readonly end?: number } {
  const found = stretches.find((one) => one.email === email && covers({ start: one.start ?? null, end: one.end }, at));
  return found === undefined ? {} : { end: found.end, ...(found.start === undefined ? {} : { start: found.start }) };
}
