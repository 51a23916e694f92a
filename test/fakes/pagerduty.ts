/** A small PagerDuty: lists with paging, time windows and filters as documented, and the faults that a real one has. */

import { incidents } from './pagerduty-incidents.ts';
import { type Answer, type Asked, rosterServer } from './roster-server.ts';

/** One on-call entry as PagerDuty has worked it out; `schedule` left out: a user who is a direct target of the policy. */
export type Entry = {
  readonly schedule?: string;
  readonly policy?: string;
  readonly user: string;
  readonly start: string | null;
  readonly end: string | null;
  readonly level?: number;
};

type Thing = { readonly id: string; readonly name: string; policies: string[] };

const key = 'a-CANARY-key-of-the-fake';
const mediaType = 'application/vnd.pagerduty+json;version=2';

export async function startPagerDuty({ pageSize = 2 } = {}) {
  let serial = 0;
  const world = { schedules: [] as Thing[], policies: [] as Thing[], users: new Map<string, object>(), entries: [] as Entry[] };
  const nextId = (letter: string) => `P${letter}${String(++serial).padStart(5, '0')}`;
  const reference = (thing: Thing, type: string) => ({
    id: thing.id,
    type: `${type}_reference`,
    summary: thing.name,
    self: null,
    html_url: null,
  });
  const named = (things: Thing[], letter: string, name: string) => {
    const known = things.find((thing) => thing.name === name);
    if (known) return known;
    const made = { id: nextId(letter), name, policies: [] };
    things.push(made);
    return made;
  };

  /** `email: null`: a user that PagerDuty gives as a bare reference, as it does with removed ones. */
  const user = (name: string, email: string | null) => {
    const id = nextId('U');
    const bare = { id, summary: name, self: null, html_url: null };
    world.users.set(name, email === null ? { ...bare, type: 'user_reference' } : { ...bare, type: 'user', name, email });
    return id;
  };
  const schedule = (name: string, policies: readonly string[] = [`${name} policy`]) => {
    const made = named(world.schedules, 'S', name);
    made.policies = policies.map((policy) => named(world.policies, 'E', policy).id);
    return made.id;
  };
  const policy = (name: string) => named(world.policies, 'E', name).id;
  const twin = (name: string) => world.schedules.push({ id: nextId('S'), name, policies: [] });
  const shift = (entry: Entry) => {
    if (entry.schedule !== undefined && !world.schedules.some(({ name }) => name === entry.schedule)) schedule(entry.schedule);
    if (!world.users.has(entry.user)) user(entry.user, entry.user);
    policy(entry.policy ?? `${entry.schedule} policy`);
    world.entries.push(entry);
  };
  const personOf = (name: string) => {
    if (!world.users.has(name) && ![...world.users.values()].some((one) => (one as { id: string }).id === name)) user(name, name);
    const found = world.users.get(name) ?? [...world.users.values()].find((one) => (one as { id: string }).id === name);
    return found as { readonly id: string; readonly summary: string };
  };
  let ofIncidents = incidents(personOf, nextId);
  /** The person of the override stands in; what the others have left of their shifts before and after it stays theirs. */
  const override = (over: Entry & { schedule: string; start: string; end: string }) => {
    world.entries = world.entries.flatMap((entry) => {
      const start = entry.start ?? '0000';
      const end = entry.end ?? '9999';
      if (entry.schedule !== over.schedule || start >= over.end || end <= over.start) return [entry];
      return [...(start < over.start ? [{ ...entry, end: over.start }] : []), ...(end > over.end ? [{ ...entry, start: over.end }] : [])];
    });
    shift(over);
  };

  function oncalls(query: URLSearchParams) {
    const since = Date.parse(query.get('since') ?? '');
    const until = Date.parse(query.get('until') ?? '');
    const schedules = query.getAll('schedule_ids[]');
    const policies = query.getAll('escalation_policy_ids[]');
    const full = query.getAll('include[]').includes('users');
    return world.entries
      .filter(({ start, end }) => (start === null || Date.parse(start) <= until) && (end === null || Date.parse(end) >= since))
      .map((entry) => {
        const of = entry.schedule === undefined ? null : named(world.schedules, 'S', entry.schedule);
        const person = world.users.get(entry.user) as { id: string; summary: string };
        return {
          user: full ? person : { id: person.id, type: 'user_reference', summary: person.summary, self: null, html_url: null },
          schedule: of && reference(of, 'schedule'),
          escalation_policy: reference(named(world.policies, 'E', entry.policy ?? `${entry.schedule} policy`), 'escalation_policy'),
          escalation_level: entry.level ?? 1,
          start: entry.start,
          end: entry.end,
        };
      })
      .filter((entry) => schedules.length === 0 || schedules.includes(String(entry.schedule?.id)))
      .filter((entry) => policies.length === 0 || policies.includes(entry.escalation_policy.id));
  }

  const full = (thing: Thing, type: 'schedule' | 'escalation_policy') => ({
    ...reference(thing, type),
    type,
    name: thing.name,
    ...(type === 'schedule'
      ? {
          time_zone: 'Etc/UTC',
          escalation_policies: world.policies
            .filter(({ id }) => thing.policies.includes(id))
            .map((one) => reference(one, 'escalation_policy')),
        }
      : { escalation_rules: [] }),
  });

  function answer(path: string, query: URLSearchParams): [status: number, body: unknown] {
    const page = (name: string, all: readonly unknown[]): [number, unknown] => {
      const offset = Number(query.get('offset') ?? 0);
      const limit = Math.min(Number(query.get('limit') ?? 25), pageSize);
      return [200, { [name]: all.slice(offset, offset + limit), limit, offset, more: offset + limit < all.length, total: null }];
    };
    const [, collection = '', id, of] = path.split('/');
    if (collection === 'oncalls') return page('oncalls', oncalls(query));
    const missing: [number, unknown] = [404, { error: { message: 'Not Found', code: 2100 } }];
    if (collection === 'users') {
      const one = [...world.users.values()].find((known) => (known as { id: string }).id === id) as { email?: string } | undefined;
      return one?.email === undefined ? missing : [200, { user: one }];
    }
    if (collection === 'incidents') {
      if (id === undefined) return page('incidents', ofIncidents.list(query, Date.now()));
      if (of === 'log_entries') {
        const entries = ofIncidents.logs(id);
        return entries === undefined ? missing : page('log_entries', entries);
      }
      const incident = ofIncidents.find(id, query);
      return incident === undefined ? missing : [200, { incident }];
    }
    const [things, type] =
      collection === 'schedules' ? [world.schedules, 'schedule' as const] : [world.policies, 'escalation_policy' as const];
    if (id === undefined) {
      const like = (query.get('query') ?? '').toLowerCase();
      return page(
        collection,
        things.filter(({ name }) => name.toLowerCase().includes(like)).map((thing) => full(thing, type)),
      );
    }
    const found = things.find((thing) => thing.id === id);
    return found ? [200, { [type]: full(found, type) }] : missing;
  }

  function serve({ path, query, headers }: Asked): Answer {
    const refuse = (status: number, message: string, code: number): Answer => ({ status, body: { error: { message, code } } });
    if (headers.authorization !== `Token token=${key}`) return refuse(401, 'Invalid credentials', 2006);
    if (headers.accept !== mediaType) return refuse(400, 'Wrong version', 2001);
    const [status, body] = answer(path, query);
    return { status, body, headers: { 'content-type': mediaType } };
  }

  const server = await rosterServer(serve, { error: { message: 'a fault', code: 1 } });
  return {
    ...server,
    key,
    user,
    schedule,
    policy,
    twin,
    shift,
    override,
    get incidents() {
      return ofIncidents;
    },
    dropIncidents: () => {
      ofIncidents = incidents(personOf, nextId);
    },
    reset: () => {
      Object.assign(world, { schedules: [], policies: [], users: new Map(), entries: [] });
      ofIncidents = incidents(personOf, nextId);
      server.clear();
    },
  };
}

export type FakePagerDuty = Awaited<ReturnType<typeof startPagerDuty>>;
