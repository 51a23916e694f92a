/** A small Opsgenie: schedules, their timelines, incidents and who responds to them, as documented, and the faults that a real one has. */

import { randomUUID } from 'node:crypto';
import { type Answer, type Asked, rosterServer } from './roster-server.ts';

/** One stretch as Opsgenie has worked it out. `level` above 1: of an escalation, notified later. */
export type Stretch = {
  readonly schedule: string;
  readonly user: string;
  readonly start: string | null;
  readonly end: string | null;
  readonly level?: number;
};

export type Written = {
  readonly message: string;
  readonly status?: 'open' | 'resolved' | 'closed';
  readonly priority?: string;
  readonly services?: readonly string[];
  readonly users?: readonly string[];
  readonly teams?: readonly string[];
  readonly owner?: string;
  readonly createdAt?: string;
};

type Named = { readonly id: string; readonly name: string };
type Incident = Record<string, unknown> & { readonly id: string; readonly tinyId: string; readonly status: string; responders: object[] };

const key = 'a-CANARY-genie-key-of-the-fake';
const far = { past: Date.parse('2000-01-01T00:00:00Z'), future: Date.parse('2100-01-01T00:00:00Z') };
const lengths: Record<string, number> = { days: 86_400_000, weeks: 7 * 86_400_000, months: 30 * 86_400_000 };

export async function startOpsgenie({ pageSize = 2 } = {}) {
  const empty = () => ({
    schedules: [] as (Named & { enabled: boolean })[],
    stretches: [] as Stretch[],
    users: [] as Named[],
    teams: [] as (Named & { readonly members: readonly string[] })[],
    services: [] as Named[],
    incidents: [] as Incident[],
    /** Schedules whose timeline has nobody. */
    timeless: new Set<string>(),
  });
  let world = empty();
  let tiny = 100;

  const known = (of: Named[], name: string): Named => {
    const found = of.find((one) => one.name === name);
    if (found) return found;
    const made = { id: randomUUID(), name };
    of.push(made);
    return made;
  };
  const schedule = (name: string, enabled = true): string => {
    const found = world.schedules.find((one) => one.name === name);
    if (found) return found.id;
    const made = { id: randomUUID(), name, enabled };
    world.schedules.push(made);
    return made.id;
  };
  const user = (name: string): string => known(world.users, name).id;
  const shift = (stretch: Stretch): void => {
    schedule(stretch.schedule);
    user(stretch.user);
    world.stretches.push(stretch);
  };
  const startOf = ({ start }: Stretch): number => (start === null ? far.past : Date.parse(start));
  const endOf = ({ end }: Stretch): number => (end === null ? far.future : Date.parse(end));
  /** The person stands in; what the others have left of their shifts before and after it stays theirs. */
  const override = (over: Stretch): void => {
    world.stretches = world.stretches.flatMap((one) => {
      if (one.schedule !== over.schedule || startOf(one) >= endOf(over) || endOf(one) <= startOf(over)) return [one];
      return [
        ...(startOf(one) < startOf(over) ? [{ ...one, end: over.start }] : []),
        ...(endOf(one) > endOf(over) ? [{ ...one, start: over.end }] : []),
      ];
    });
    shift(over);
  };
  const responders = ({ users = [], teams = [] }: Pick<Written, 'users' | 'teams'>): object[] => [
    ...users.map((name) => ({ type: 'user', id: user(name) })),
    ...teams.map((name) => ({ type: 'team', id: known(world.teams, name).id })),
  ];
  /** Gives its tiny id. */
  const incident = ({
    message,
    status = 'open',
    priority = 'P3',
    services = [],
    owner,
    createdAt = '2026-11-15T10:00:00Z',
    ...who
  }: Written): string => {
    const tinyId = String(++tiny);
    world.incidents.push({
      id: randomUUID(),
      tinyId,
      message,
      status,
      tags: [],
      createdAt,
      updatedAt: createdAt,
      priority,
      ...(owner === undefined ? {} : { owner }),
      responders: responders(who),
      impactedServices: services.map((name) => known(world.services, name).id),
    });
    return tinyId;
  };

  const ok = (data: unknown, more: object = {}): Answer => ({ status: 200, body: { data, took: 0.01, requestId: 'r', ...more } });
  const refuse = (status: number, message: string): Answer => ({ status, body: { message, took: 0.01, requestId: 'r' } });
  const missing = refuse(404, 'No entity exists with the given identifier');

  function answer({ path, query, headers }: Asked): Answer {
    if (headers.authorization !== `GenieKey ${key}`) return refuse(401, 'Could not authenticate');
    const [, , collection = '', ref = '', what] = path.split('/');
    if (collection === 'schedules') return ref === '' ? ok(world.schedules, { expandable: [] }) : ofSchedule(ref, what, query);
    if (collection === 'incidents') return ref === '' ? list(query) : one(ref, query);
    const of = { users: world.users, teams: world.teams, services: world.services }[collection] ?? [];
    const found = (of as readonly Named[]).find(({ id }) => id === ref);
    if (found === undefined) return missing;
    if (collection === 'users') return ok({ id: found.id, username: found.name, fullName: found.name }, { expandable: [] });
    const members = (found as (typeof world.teams)[number]).members ?? [];
    return ok(
      collection === 'teams'
        ? { ...found, members: members.map((name) => ({ user: { id: user(name), username: name }, role: 'user' })) }
        : found,
    );
  }

  function ofSchedule(ref: string, what: string | undefined, query: URLSearchParams): Answer {
    const type = query.get(what === 'on-calls' ? 'scheduleIdentifierType' : 'identifierType') ?? 'id';
    const found = world.schedules.find((one) => (type === 'id' ? one.id : one.name) === ref);
    if (found === undefined) return missing;
    const mine = world.stretches.filter((one) => one.schedule === found.name);
    const at = Date.parse(query.get('date') ?? '');
    const who = (name: string) => ({ id: user(name), name, type: 'user' });
    if (what === 'timeline') {
      const end = at + Number(query.get('interval') ?? 1) * (lengths[query.get('intervalUnit') ?? 'weeks'] ?? 0);
      const periods = mine
        .filter((one) => startOf(one) < end && endOf(one) > at && !world.timeless.has(found.name))
        .map((one) => ({
          startDate: new Date(Math.max(startOf(one), at)).toISOString(),
          endDate: new Date(Math.min(endOf(one), end)).toISOString(),
          type: 'default',
          recipient: who(one.user),
        }));
      const rotations = periods.map((period, order) => ({ id: randomUUID(), name: `Rotation ${order}`, order, periods: [period] }));
      const span = { startDate: new Date(at).toISOString(), endDate: new Date(end).toISOString() };
      return ok({ _parent: found, ...span, finalTimeline: { rotations } }, { expandable: ['base', 'forwarding', 'override'] });
    }
    const now = mine.filter((one) => startOf(one) <= at && endOf(one) > at);
    const later = now.filter(({ level = 1 }) => level > 1);
    const first = now.filter(({ level = 1 }) => level === 1);
    const steps = now.map(({ user: name, level = 1 }) => ({ ...who(name), escalationTime: (level - 1) * 5, notifyType: 'default' }));
    const escalation = { id: randomUUID(), name: 'Escalation', type: 'escalation', onCallParticipants: steps };
    return ok({ _parent: found, onCallParticipants: later.length > 0 ? [escalation] : first.map(({ user: name }) => who(name)) });
  }

  function list(query: URLSearchParams): Answer {
    if (query.get('query') === null) return refuse(422, 'query is required');
    const status = /^status:(\w+)$/.exec(query.get('query') ?? '')?.[1];
    const all = world.incidents.filter((one) => status === undefined || one.status === status);
    const offset = Number(query.get('offset') ?? 0);
    const limit = Math.min(Number(query.get('limit') ?? 20), pageSize);
    // Never to be followed: the key would go there.
    const next = { next: `http://127.0.0.2:9/v1/incidents/?offset=${offset + limit}` };
    return ok(all.slice(offset, offset + limit), { paging: offset + limit < all.length ? next : {} });
  }

  function one(ref: string, query: URLSearchParams): Answer {
    const tinyId = query.get('identifierType') === 'tiny';
    const found = world.incidents.find((known) => (tinyId ? known.tinyId : known.id) === ref);
    return found === undefined ? missing : ok(found);
  }

  const server = await rosterServer(answer, { message: 'a fault', took: 0.01, requestId: 'r' });
  return {
    ...server,
    key,
    schedule,
    user,
    shift,
    override,
    incident,
    team: (name: string, members: readonly string[]) => void world.teams.push({ id: randomUUID(), name, members }),
    timeless: (name: string) => void world.timeless.add(name),
    idOf: (tinyId: string): string => world.incidents.find((found) => found.tinyId === tinyId)?.id ?? '',
    reassign: (tinyId: string, users: readonly string[]) => {
      for (const found of world.incidents) if (found.tinyId === tinyId) found.responders = responders({ users });
    },
    dropIncidents: () => {
      world.incidents = [];
    },
    reset: () => {
      world = empty();
      server.clear();
    },
  };
}

export type FakeOpsgenie = Awaited<ReturnType<typeof startOpsgenie>>;
