/** Who is on call on a schedule of Opsgenie, as it has worked it out itself, overrides and forwarding applied; and from its timeline, until when. */

import * as z from 'zod/mini';
import { ProviderError } from '../errors.ts';
import { provider, type Session } from './opsgenie-client.ts';
import { boundsOf, type ScheduleRef, timeline } from './opsgenie-timeline.ts';
import type { Roster, Shift } from './roster.ts';
import { inTurns } from './session.ts';

type Query = Parameters<Roster['onCall']>[0];

type Participant = {
  readonly type: string;
  readonly name?: string | null | undefined;
  readonly escalationTime?: number | null | undefined;
  readonly onCallParticipants?: readonly Participant[] | null | undefined;
};

const participant: z.ZodMiniType<Participant> = z.object({
  type: z.string(),
  name: z.nullish(z.string()),
  escalationTime: z.nullish(z.number()),
  onCallParticipants: z.nullish(z.array(z.lazy(() => participant))),
});

const parent = z.object({ id: z.string(), name: z.string(), enabled: z.nullish(z.boolean()) });
/** Both must be there: an answer without its list must not count as nobody, nor one of which it is not said whose it is. */
const onCalls = z.object({ _parent: parent, onCallParticipants: z.array(participant) });

const week = 7 * 86_400_000;

export async function onCall(session: Session, query: Query, at: number): Promise<readonly Shift[]> {
  return ofSchedules(session, query, async (schedule) => {
    const asking = timeline(session, schedule, at, at + 4 * week);
    // Where both fail, the answer to who is on call is the one to be told; and where there is no such schedule, none is.
    asking.catch(() => undefined);
    const found = await read(session, schedule, at);
    if (found === undefined || found.onCallParticipants.length === 0) return found && [];
    const { stretches = [] } = (await asking) ?? {};
    return toShifts(session, found, (email) => boundsOf(stretches, email, at));
  });
}

/** Without levels: the timeline does not tell who of an escalation is notified first. */
export async function shiftsWithin(session: Session, query: Query, { from, to }: { readonly from: number; readonly to: number }) {
  return ofSchedules(session, { ...query, levels: [] }, async (ref) => {
    const found = await timeline(session, ref, from, to + week);
    const within = found?.stretches.filter(({ start, end }) => end > from && (start === undefined || start < to));
    return within?.map(
      ({ email, start, end }): Shift => ({
        schedule: found?.schedule ?? ref.ref,
        email,
        end,
        ...(start === undefined ? {} : { start }),
      }),
    );
  });
}

export const noEscalations = {
  message: `${provider} does not say who is on call for an escalation`,
  next: 'name one of its schedules in the policy, with levels where they matter',
};

async function ofSchedules(
  session: Session,
  { schedule, escalationPolicy, levels }: Query,
  ask: (ref: ScheduleRef) => Promise<readonly Shift[] | undefined>,
): Promise<readonly Shift[]> {
  if (escalationPolicy !== undefined) {
    throw new ProviderError(provider, 'refused', noEscalations.message, { applied: 'no', next: noEscalations.next });
  }
  const found = schedule === undefined ? await onAny(session, ask) : await firstOf(ask, schedule);
  return found.filter(({ level }) => levels.length === 0 || (level !== undefined && levels.includes(level)));
}

async function onAny(session: Session, ask: (ref: ScheduleRef) => Promise<readonly Shift[] | undefined>): Promise<readonly Shift[]> {
  const { data } = await session.get('/v2/schedules', {}, z.object({ data: z.array(parent) }));
  const enabled = data.filter((one) => one.enabled !== false);
  return (await inTurns(enabled, ({ id }) => ask({ ref: id, type: 'id' }))).flatMap((shifts) => shifts ?? []);
}

const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What looks like an id is asked for as a name, too, where no schedule has that id. */
async function firstOf(ask: (ref: ScheduleRef) => Promise<readonly Shift[] | undefined>, schedule: string): Promise<readonly Shift[]> {
  const byId = isUuid.test(schedule) ? await ask({ ref: schedule, type: 'id' }) : undefined;
  const found = byId ?? (await ask({ ref: schedule, type: 'name' }));
  if (found !== undefined) return found;
  throw new ProviderError(provider, 'not-found', `${provider} has no schedule "${schedule}"`, {
    applied: 'no',
    next: 'name the schedule in the policy by its id or its exact name',
  });
}

type OnCalls = z.output<typeof onCalls>;

async function read(session: Session, { ref, type }: ScheduleRef, at: number): Promise<OnCalls | undefined> {
  const path = `/v2/schedules/${encodeURIComponent(ref)}/on-calls`;
  const found = await session.find(path, { scheduleIdentifierType: type, flat: 'false', date: new Date(at).toISOString() }, onCalls);
  if (found === undefined) return undefined;
  const { id, name, enabled } = found._parent;
  if ((type === 'id' ? id : name).toLowerCase() !== ref.toLowerCase()) {
    const message = `${provider} was asked for the schedule "${ref}" and answered with "${name}"`;
    throw new ProviderError(provider, 'malformed', message, { applied: 'no' });
  }
  // Of a schedule that is switched off Opsgenie notifies nobody.
  return enabled === false ? { ...found, onCallParticipants: [] } : found;
}

type Bounds = (email: string) => { readonly start?: number; readonly end?: number };

function toShifts(session: Session, { _parent: { name: schedule }, onCallParticipants }: OnCalls, bounds: Bounds): readonly Shift[] {
  const shifts = new Map<string, Shift>();
  const people = onCallParticipants.flatMap((one) => peopleOf(one, 1));
  for (const { name, level } of people) {
    const email = name?.toLowerCase();
    if (email?.includes('@')) shifts.set(`${email} ${level}`, { schedule, email, level, ...bounds(email) });
    else session.log(`${provider}: ${name ?? 'somebody'} is on call but has no e-mail address, so counts for nobody`);
  }
  if (people.length === 0 || shifts.size > 0) return [...shifts.values()];
  const message = `${provider} says that people are on call, but gives no e-mail address of any`;
  throw new ProviderError(provider, 'malformed', message, { applied: 'no' });
}

/** There are no levels on a schedule; where an escalation stands on it, those whom it notifies first are of level 1, the next of level 2. */
function peopleOf(one: Participant, level: number): readonly { readonly name: string | undefined; readonly level: number }[] {
  if (one.type === 'user') return [{ name: one.name ?? undefined, level }];
  const members = one.onCallParticipants ?? [];
  const steps = [...new Set(members.map(({ escalationTime }) => escalationTime ?? 0))].sort((a, b) => a - b);
  const stepOf = ({ escalationTime }: Participant): number => (one.type === 'escalation' ? steps.indexOf(escalationTime ?? 0) : 0);
  return members.flatMap((member) => peopleOf(member, level + stepOf(member)));
}
