/** Incidents of incident.io: live ones in the category `live`, people by their roles, services by a custom field that the policy names. */

import * as z from 'zod/mini';
import { isProviderError } from '../errors.ts';
import { provider, type Session } from './incident-io-client.ts';
import { instant } from './interval.ts';
import type { Incident } from './roster.ts';

const user = z.object({ id: z.string(), email: z.nullish(z.string()) });
const named = z.object({ id: z.string(), name: z.string() });

const incident = z.object({
  id: z.string(),
  reference: z.string(),
  name: z.nullish(z.string()),
  mode: z.string(),
  incident_status: z.object({ category: z.string() }),
  severity: z.nullish(z.object({ name: z.string() })),
  incident_type: z.nullish(z.object({ name: z.string() })),
  created_at: z.catch(z.optional(instant), undefined),
  creator: z.nullish(z.object({ user: z.nullish(user), alert: z.nullish(z.object({ id: z.string() })) })),
  incident_role_assignments: z.array(z.object({ role: z.object({ role_type: z.string() }), assignee: z.nullish(user) })),
  custom_field_entries: z.array(
    z.object({
      custom_field: named,
      values: z.array(
        z.object({
          value_catalog_entry: z.nullish(named),
          value_option: z.nullish(z.object({ id: z.string(), value: z.string() })),
        }),
      ),
    }),
  ),
});
type Answered = z.output<typeof incident>;

/** `services`: name or id of the custom field. */
export async function liveIncidents(session: Session, services: string | undefined): Promise<readonly Incident[]> {
  const only = { 'status_category[one_of]': 'live', 'mode[one_of]': 'standard' };
  const all = await session.list('/v2/incidents', 'incidents', only, incident);
  // Held against the question once more: a filter that was overlooked would let in whoever worked on any incident ever.
  return all.filter(isLive).map((one) => toIncident(session, one, services));
}

/** `INC-123`, `123` or the id. */
export async function findIncident(session: Session, ref: string, services: string | undefined): Promise<Incident | undefined> {
  const id = /^(?:[a-z]+-)?([1-9]\d{0,9})$/i.exec(ref)?.[1] ?? /^[0-9a-z]{20,40}$/i.exec(ref)?.[0];
  if (id === undefined) return undefined;
  try {
    const { incident: found } = await session.get(`/v2/incidents/${id}`, {}, z.object({ incident }));
    const names = [found.reference, found.reference.replace(/^.*-/, ''), found.id].map((name) => name.toLowerCase());
    return names.includes(ref.toLowerCase()) ? toIncident(session, found, services) : undefined;
  } catch (error) {
    if (isProviderError(error) && error.fault === 'not-found') return undefined;
    throw error;
  }
}

/** Neither in triage, where nobody has accepted it yet, nor paused, nor after it; and no test, tutorial or import of an old one. */
const isLive = ({ incident_status: { category }, mode }: Answered): boolean => category === 'live' && mode === 'standard';

function toIncident(session: Session, one: Answered, field: string | undefined): Incident {
  const { severity, incident_type: type, created_at: openedAt } = one;
  const openedBy = openerOf(one);
  return {
    ref: one.reference,
    live: isLive(one),
    severities: severity ? [severity.name] : [],
    services: servicesOf(one, field),
    assigned: assignedTo(session, one),
    ...(one.name ? { title: one.name } : {}),
    ...(type ? { type: type.name } : {}),
    ...(openedBy === undefined ? {} : { openedBy }),
    ...(openedAt === undefined ? {} : { openedAt }),
  };
}

const isReporter = ({ role }: Answered['incident_role_assignments'][number]): boolean => role.role_type === 'reporter';

/** Whoever has a role in it. The reporter has one too, but works on nothing by that. */
function assignedTo(session: Session, { reference, incident_role_assignments: roles }: Answered): readonly string[] {
  const people = roles.filter((role) => !isReporter(role)).flatMap(({ assignee }) => (assignee ? [assignee] : []));
  for (const { id, email } of people)
    if (!email) session.log(`${provider}: the user ${id} has a role in ${reference} but no e-mail address, so counts for nobody`);
  return [...new Set(people.flatMap(({ email }) => (email ? [email.toLowerCase()] : [])))];
}

/** By an alert nobody opened it, unless somebody is named as its reporter. By a key or a workflow it may have been anybody who could start that. */
function openerOf({ creator, incident_role_assignments: roles }: Answered): string | undefined {
  if (creator?.user) return creator.user.email?.toLowerCase() || undefined;
  if (!creator?.alert) return undefined;
  const reporter = roles.find((role) => isReporter(role) && role.assignee)?.assignee;
  return reporter ? reporter.email?.toLowerCase() || undefined : 'an alert';
}

function servicesOf({ custom_field_entries: entries }: Answered, field: string | undefined): readonly string[] {
  const values = entries
    .filter(({ custom_field: { id, name } }) => field !== undefined && (id === field || name === field))
    .flatMap((one) => one.values);
  const names = values.flatMap(({ value_catalog_entry: entry, value_option: option }) => [
    ...(entry ? [entry.name, entry.id] : []),
    ...(option ? [option.value, option.id] : []),
  ]);
  return [...new Set(names)];
}
