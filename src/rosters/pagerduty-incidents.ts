/** Incidents of PagerDuty: one by its id or number, or all that are live, with everybody who is assigned to them or has acknowledged them. */

import * as z from 'zod/mini';
import { isProviderError, ProviderError } from '../errors.ts';
import { instant } from './interval.ts';
import { provider, type Session } from './pagerduty-client.ts';
import { originOf } from './pagerduty-origin.ts';
import type { Incident, Roster, RosterCall } from './roster.ts';
import { inTurns } from './session.ts';

type InSession = <T>(call: RosterCall, ask: (session: Session) => Promise<T>) => Promise<T>;

/** What is remembered between the questions of one opened roster. */
export type Known = {
  /** E-mails by PagerDuty's ids of users; `null`: the user is gone, or has none. */
  readonly emails: Map<string, string | null>;
  readonly ids: WeakMap<Incident, string>;
};

const person = z.object({ id: z.string(), type: z.nullish(z.string()), email: z.nullish(z.string()) });
const named = z.object({ id: z.string(), summary: z.nullish(z.string()), name: z.nullish(z.string()) });

/** The two lists must be there: people who got lost must not count as taken off the incident. */
const incident = z.object({
  id: z.string(),
  incident_number: z.int(),
  title: z.nullish(z.string()),
  status: z.string(),
  urgency: z.nullish(z.string()),
  priority: z.nullish(named),
  service: z.nullish(named),
  incident_type: z.nullish(z.object({ name: z.nullish(z.string()) })),
  assignments: z.array(z.object({ assignee: person })),
  acknowledgements: z.array(z.object({ acknowledger: person })),
  created_at: z.nullish(instant),
  resolved_at: z.nullish(instant),
});

type Written = z.output<typeof incident>;

const withPeople = { 'include[]': ['assignees', 'acknowledgers'] };
const live = ['triggered', 'acknowledged'];

export function incidentsOf(inSession: InSession): Required<Pick<Roster, 'incident' | 'incidents' | 'origin'>> {
  const known: Known = { emails: new Map(), ids: new WeakMap() };
  return {
    incident: (ref, call) => inSession(call, (session) => one(session, known, ref)),
    incidents: (call) => inSession(call, (session) => all(session, known)),
    origin: (about, email, call) => inSession(call, (session) => originOf(session, known, about, email)),
  };
}

async function one(session: Session, known: Known, ref: string): Promise<Incident | undefined> {
  // Its ids are in capitals; people type them as they like.
  const written = /^#?(\d{1,15}|[A-Z0-9]{6,})$/.exec(ref.toUpperCase())?.[1];
  if (written === undefined) return undefined;
  const answer = await session.get(`/incidents/${written}`, withPeople, z.object({ incident })).catch((error: unknown) => {
    if (isProviderError(error) && error.fault === 'not-found') return undefined;
    throw error;
  });
  if (answer === undefined) return undefined;
  const { id, incident_number: number } = answer.incident;
  if (id !== written && String(number) !== written) {
    throw new ProviderError(provider, 'malformed', `${provider} was asked for the incident ${written} and answered with ${number}`, {
      applied: 'no',
    });
  }
  return (await told(session, known, [answer.incident]))[0];
}

async function all(session: Session, known: Known): Promise<readonly Incident[]> {
  // Without `date_range` PagerDuty leaves out whatever began more than a month ago, live or not.
  const params = { ...withPeople, 'statuses[]': live, date_range: 'all', sort_by: 'created_at:asc' };
  const found = await session.list('/incidents', 'incidents', params, incident);
  // Held against the filter once more; and pages overlap where incidents come and go meanwhile.
  const byId = new Map(found.filter(({ status }) => live.includes(status)).map((written) => [written.id, written]));
  return told(session, known, [...byId.values()]);
}

async function told(session: Session, known: Known, found: readonly Written[]): Promise<readonly Incident[]> {
  const people = found.flatMap(peopleOf);
  for (const { id, email } of people) if (email) known.emails.set(id, email.toLowerCase());
  await lookUp(
    session,
    known,
    people.map(({ id }) => id),
  );
  return found.map((written) => {
    const made = toIncident(written, known);
    known.ids.set(made, written.id);
    return made;
  });
}

/** A service may acknowledge, too: it is nobody. */
function peopleOf({ assignments, acknowledgements }: Written): readonly z.output<typeof person>[] {
  const all = [...assignments.map(({ assignee }) => assignee), ...acknowledgements.map(({ acknowledger }) => acknowledger)];
  return all.filter(({ type }) => type === null || type === undefined || /^user/.test(type));
}

/** Users of whom PagerDuty gave only a reference. One that is not there any more is nobody. */
export async function lookUp(session: Session, { emails }: Known, ids: readonly string[]): Promise<void> {
  const unknown = [...new Set(ids)].filter((id) => !emails.has(id));
  await inTurns(unknown, async (id) => {
    const answer = await session.get(`/users/${encodeURIComponent(id)}`, {}, z.object({ user: person })).catch((error: unknown) => {
      if (isProviderError(error) && error.fault === 'not-found') return undefined;
      throw error;
    });
    if (!answer?.user.email) session.log(`${provider}: the user ${id} has no e-mail address, so counts for nobody`);
    emails.set(id, answer?.user.email?.toLowerCase() ?? null);
  });
}

function toIncident(written: Written, { emails }: Known): Incident {
  const { title, service, priority, urgency, created_at: openedAt, resolved_at: endedAt } = written;
  const type = written.incident_type?.name;
  const assigned = peopleOf(written).map(({ id }) => emails.get(id) ?? undefined);
  return {
    ref: String(written.incident_number),
    live: live.includes(written.status),
    services: texts(service?.summary ?? service?.name, service?.id),
    severities: texts(priority?.summary ?? priority?.name, urgency),
    assigned: [...new Set(assigned.filter((email) => email !== undefined))],
    ...(title ? { title } : {}),
    ...(type ? { type } : {}),
    ...(typeof openedAt === 'number' ? { openedAt } : {}),
    ...(typeof endedAt === 'number' ? { endedAt } : {}),
  };
}

const texts = (...some: readonly (string | null | undefined)[]): readonly string[] =>
  some.filter((text): text is string => typeof text === 'string' && text !== '');
