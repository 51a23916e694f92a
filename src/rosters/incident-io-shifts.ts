/** Who is on call in incident.io: the schedule by id or exact name, and its `final` entries, which have the overrides worked in. */

import * as z from 'zod/mini';
import { isProviderError, ProviderError } from '../errors.ts';
import type { Lacks } from '../policy/sources.ts';
import { inPart, mostPages, provider, type Session } from './incident-io-client.ts';
import { covers, instant } from './interval.ts';
import type { Roster, Shift } from './roster.ts';
import { inTurns } from './session.ts';

type Query = Parameters<Roster['onCall']>[0];
type Span = { readonly from: number; readonly to: number };

const dayMs = 86_400_000;

export function onCall(session: Session, query: Query, at: number): Promise<readonly Shift[]> {
  // A day to each side: it is documented that entries come which overlap the window, not whether with their full length.
  return shifts(session, query, { from: at - dayMs, to: at + dayMs }, (one) => covers(one, at));
}

type Bounds = { readonly start: number; readonly end: number };

/** Of the entries in that window those that count, as shifts. */
export async function shifts(session: Session, query: Query, span: Span, counts: (one: Bounds) => boolean): Promise<readonly Shift[]> {
  refuseWhatThereIsNot(query);
  const of = async (one: Schedule) => toShifts(session, one, await entriesOf(session, one.id, span), counts);
  if (query.schedule === undefined) return (await inTurns(await ownSchedules(session), of)).flat();
  if (!looksLikeId(query.schedule)) return of(await findByName(session, query.schedule));

  // Both at once: one round trip where the id is right.
  const [shown, entries] = await Promise.allSettled([readById(session, query.schedule), entriesOf(session, query.schedule, span)]);
  if (shown.status === 'rejected') throw shown.reason;
  if (shown.value === undefined) return of(await findByName(session, query.schedule));
  if (entries.status === 'rejected') throw entries.reason;
  return toShifts(session, shown.value, entries.value, counts);
}

export const unasked = {
  escalationPolicy: {
    message: `escalation paths cannot be asked of ${provider}: only its schedules are read here`,
    next: 'name one of its schedules in the policy, without levels',
  },
  levels: { message: `levels cannot be asked of ${provider}: its schedules have none`, next: 'name the schedule without levels' },
} satisfies Lacks;

function refuseWhatThereIsNot({ escalationPolicy, levels }: Query): void {
  if (escalationPolicy === undefined && levels.length === 0) return;
  const { message, next } = escalationPolicy === undefined ? unasked.levels : unasked.escalationPolicy;
  throw new ProviderError(provider, 'refused', message, { applied: 'no', next });
}

/** An id of today. They may change their form, so anything else is looked for among the ids as well. */
const looksLikeId = (ref: string): boolean => /^[0-9A-Z]{26}$/.test(ref);

const schedule = z.object({ id: z.string(), name: z.string(), config: z.optional(z.unknown()) });
type Schedule = z.output<typeof schedule>;

async function readById(session: Session, id: string): Promise<Schedule | undefined> {
  try {
    return (await session.get(`/v2/schedules/${encodeURIComponent(id)}`, {}, z.object({ schedule }))).schedule;
  } catch (error) {
    if (isProviderError(error) && error.fault === 'not-found') return undefined;
    throw error;
  }
}

const allSchedules = (session: Session): Promise<readonly Schedule[]> => session.list('/v2/schedules', 'schedules', {}, schedule);

async function findByName(session: Session, ref: string): Promise<Schedule> {
  const all = await allSchedules(session);
  const byId = all.filter(({ id }) => id === ref);
  const [only, ...others] = byId.length > 0 ? byId : all.filter(({ name }) => name === ref);
  if (only === undefined) {
    throw new ProviderError(provider, 'not-found', `${provider} has no schedule "${ref}"`, {
      applied: 'no',
      next: 'name the schedule in the policy by its id or its exact name',
    });
  }
  if (others.length > 0) {
    const ids = [only, ...others].map(({ id }) => id).join(', ');
    throw new ProviderError(provider, 'ambiguous', `${provider} has ${others.length + 1} schedules named "${ref}": ${ids}`, {
      applied: 'no',
      next: 'name the one you mean by its id',
    });
  }
  return only;
}

const ownSchedules = async (session: Session): Promise<readonly Schedule[]> =>
  (await allSchedules(session)).filter((one) => !isKeptElsewhere(one));

/** A schedule that is only mirrored from another system has no rotations here. */
const isKeptElsewhere = ({ config }: Schedule): boolean => config === undefined || config === null;

const entry = z.object({
  user: z.nullish(z.object({ id: z.string(), email: z.nullish(z.string()) })),
  start_at: instant,
  end_at: instant,
});
type Entry = z.output<typeof entry>;

const entriesPage = z.object({
  schedule_entries: z.object({ final: z.array(entry) }),
  pagination_meta: z.nullish(z.object({ after: z.nullish(z.string()) })),
});

async function entriesOf(session: Session, id: string, { from: start, to: end }: Span): Promise<readonly Entry[]> {
  const path = '/v2/schedule_entries';
  const window = { entry_window_start: new Date(start).toISOString(), entry_window_end: new Date(end).toISOString() };
  const entries: Entry[] = [];
  for (let pages = 0, from = window.entry_window_start; pages < mostPages; pages++) {
    const answer = await session.get(path, { schedule_id: id, ...window, entry_window_start: from }, entriesPage);
    entries.push(...answer.schedule_entries.final);
    const after = answer.pagination_meta?.after;
    if (!after) return entries;
    if (after === from) break;
    from = after;
  }
  throw inPart(path);
}

/** An entry may come on two pages, and a person stand on two layers at once: alike, they are one shift. Without a user, it is a gap. */
function toShifts(session: Session, one: Schedule, entries: readonly Entry[], counts: (bounds: Bounds) => boolean): readonly Shift[] {
  if (entries.length === 0 && isKeptElsewhere(one)) throw keptElsewhere(one);
  const people = entries
    .flatMap(({ user, start_at: start, end_at: end }) => (user ? [{ user, start, end }] : []))
    .filter((entry) => counts(entry));
  const found = new Map<string, Shift>();
  for (const { user, start, end } of people) {
    const email = user.email?.toLowerCase();
    if (email) found.set(JSON.stringify([email, start, end]), { schedule: one.name, email, start, end });
    else session.log(`${provider}: the user ${user.id} is on call but has no e-mail address, so counts for nobody`);
  }
  if (people.length > 0 && found.size === 0) {
    throw new ProviderError(provider, 'malformed', `${provider} says that people are on call, but gives no e-mail address of any`, {
      applied: 'no',
      next: `give those on call for "${one.name}" an e-mail address in ${provider}`,
    });
  }
  return [...found.values()];
}

/** It would say "nobody" for ever, whoever is on call over there. */
const keptElsewhere = ({ name }: Schedule): ProviderError =>
  new ProviderError(
    provider,
    'refused',
    `${provider} has no rotation of its own for the schedule "${name}": it is kept in another system`,
    {
      applied: 'no',
      next: 'name the system that keeps it as a roster in the policy, and the schedule there',
    },
  );
