/** Incidents of Opsgenie: one by its id or tiny id, or all that are open, with their owner and everybody who responds. It does not say who opened them. */

import * as z from 'zod/mini';
import { isProviderError, ProviderError } from '../errors.ts';
import { instant } from './interval.ts';
import { type InSession, provider, type Session } from './opsgenie-client.ts';
import type { Incident, Roster } from './roster.ts';
import { inTurns } from './session.ts';

const responder = z.object({ type: z.string(), id: z.string() });

/** `responders` must be there: people who got lost must not count as taken off the incident. */
const incident = z.object({
  id: z.string(),
  tinyId: z.string(),
  message: z.nullish(z.string()),
  status: z.string(),
  priority: z.nullish(z.string()),
  owner: z.nullish(z.string()),
  responders: z.array(responder),
  impactedServices: z.nullish(z.array(z.string())),
  createdAt: z.nullish(instant),
});

type Written = z.output<typeof incident>;

export function incidentsOf(inSession: InSession): Required<Pick<Roster, 'incident' | 'incidents'>> {
  return {
    incident: (ref, call) => inSession(call, (session) => one(session, ref)),
    incidents: (call) => inSession(call, (session) => all(session)),
  };
}

async function one(session: Session, ref: string): Promise<Incident | undefined> {
  const type = /^#?\d{1,15}$/.test(ref) ? 'tiny' : /^[0-9a-f-]{36}$/i.test(ref) ? 'id' : undefined;
  if (type === undefined) return undefined;
  const written = ref.replace('#', '');
  const found = await session.find(`/v1/incidents/${written}`, { identifierType: type }, incident);
  if (found === undefined) return undefined;
  if ((type === 'id' ? found.id : found.tinyId).toLowerCase() !== written.toLowerCase()) {
    const message = `${provider} was asked for the incident ${written} and answered with ${found.tinyId}`;
    throw new ProviderError(provider, 'malformed', message, { applied: 'no' });
  }
  return (await told(session, [found]))[0];
}

async function all(session: Session): Promise<readonly Incident[]> {
  const found = await session.list('/v1/incidents/', { query: 'status:open', sort: 'createdAt', order: 'asc' }, incident);
  // Held against the query once more; and pages overlap where incidents come and go meanwhile.
  const byId = new Map(found.filter(isLive).map((written) => [written.id, written]));
  return told(session, [...byId.values()]);
}

const isLive = ({ status }: Written): boolean => status === 'open';

async function told(session: Session, found: readonly Written[]): Promise<readonly Incident[]> {
  const ofType = (wanted: string) =>
    found.flatMap(({ responders }) => responders.filter(({ type }) => type === wanted).map(({ id }) => id));
  const [users, teams, services] = await Promise.all([
    lookUp(ofType('user'), (id) => emailOf(session, id)),
    lookUp(ofType('team'), (id) => membersOf(session, id)),
    lookUp(
      found.flatMap(({ impactedServices }) => impactedServices ?? []),
      (id) => serviceOf(session, id),
    ),
  ]);
  return found.map((written): Incident => {
    const people = written.responders.flatMap(({ type, id }) => (type === 'team' ? teams : users).get(id) ?? []);
    const assigned = [...(written.owner?.includes('@') ? [written.owner] : []), ...people].map((email) => email.toLowerCase());
    return {
      ref: written.tinyId,
      live: isLive(written),
      services: (written.impactedServices ?? []).flatMap((id) => [...(services.get(id) ?? []), id]),
      severities: written.priority ? [written.priority] : [],
      assigned: [...new Set(assigned)],
      ...(written.message ? { title: written.message } : {}),
      ...(typeof written.createdAt === 'number' ? { openedAt: written.createdAt } : {}),
    };
  });
}

async function lookUp(ids: readonly string[], ask: (id: string) => Promise<readonly string[]>) {
  const each = [...new Set(ids)];
  const answers = await inTurns(each, ask);
  return new Map(each.map((id, at) => [id, answers[at] ?? []]));
}

async function emailOf(session: Session, id: string): Promise<readonly string[]> {
  const user = await session.find(`/v2/users/${encodeURIComponent(id)}`, {}, z.object({ username: z.string() }));
  return user?.username.includes('@') ? [user.username] : [];
}

const team = z.object({ members: z.nullish(z.array(z.object({ user: z.object({ username: z.nullish(z.string()) }) }))) });

/** A team that this key may not read counts for nobody: with the key of one team the others' incidents must not hide its own. */
async function membersOf(session: Session, id: string): Promise<readonly string[]> {
  const found = await session.find(`/v2/teams/${encodeURIComponent(id)}`, {}, team).catch((error: unknown) => {
    if (!isProviderError(error) || error.fault !== 'forbidden') throw error;
    session.log(`${error.message}, so its members count for nobody`);
    return undefined;
  });
  return (found?.members ?? []).map(({ user }) => user.username ?? '').filter((name) => name.includes('@'));
}

async function serviceOf(session: Session, id: string): Promise<readonly string[]> {
  const service = await session.find(`/v1/services/${encodeURIComponent(id)}`, {}, z.object({ name: z.string() }));
  return service === undefined ? [] : [service.name];
}
