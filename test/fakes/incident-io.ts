/** A small incident.io: schedules, entries and incidents with paging and filters as documented, and the faults that a real one has. */

import { type Fault, rosterServer } from './roster-server.ts';

export type Entry = { readonly schedule: string; readonly user: string; readonly start: string; readonly end: string };

/** People by e-mail; `null`: a user without one. */
export type FakeIncident = {
  readonly number: number;
  readonly name?: string;
  readonly category?: string;
  readonly mode?: string;
  readonly severity?: string;
  readonly type?: string;
  readonly creator?: object;
  readonly openedBy?: string;
  readonly roles?: readonly { readonly type: 'lead' | 'reporter' | 'custom'; readonly user?: string | null }[];
  readonly fields?: Readonly<Record<string, readonly object[]>>;
};

type Schedule = { readonly id: string; readonly name: string; readonly isNative: boolean };

const key = 'a-CANARY-key-of-the-fake';
const day = '2026-11-01T08:00:00.801578Z';
const stamps = { created_at: day, updated_at: day };

export async function startIncidentIo({ pageSize = 2 } = {}) {
  let serial = 0;
  const world = {
    schedules: [] as Schedule[],
    entries: [] as Entry[],
    overrides: [] as Entry[],
    incidents: [] as (FakeIncident & { id: string })[],
  };
  const users = new Map<string | null, { readonly id: string }>();
  const nextId = () => `01FAKE${String(++serial).padStart(20, '0')}`;

  const user = (email: string | null) => {
    const known = users.get(email) ?? {
      id: nextId(),
      name: email ?? 'Nobody',
      role: 'viewer',
      slack_role: 'user',
      ...(email === null ? {} : { email }),
    };
    users.set(email, known);
    return known;
  };
  const add = (name: string, isNative: boolean) => {
    const made = { id: nextId(), name, isNative };
    world.schedules.push(made);
    return made.id;
  };
  const schedule = (name: string) => world.schedules.find((one) => one.name === name)?.id ?? add(name, true);
  const shift = (entry: Entry) => {
    schedule(entry.schedule);
    world.entries.push(entry);
  };
  /** Whoever stands in; what the others have left of their shifts before and after it stays theirs. */
  const override = (over: Entry) => {
    const from = Date.parse(over.start);
    const to = Date.parse(over.end);
    world.entries = world.entries.flatMap((entry) => {
      if (entry.schedule !== over.schedule || Date.parse(entry.start) >= to || Date.parse(entry.end) <= from) return [entry];
      return [
        ...(Date.parse(entry.start) < from ? [{ ...entry, end: over.start }] : []),
        ...(Date.parse(entry.end) > to ? [{ ...entry, start: over.end }] : []),
      ];
    });
    world.overrides.push(over);
    shift(over);
  };

  const shownEntry = ({ user: email, start, end }: Entry) => ({
    ...(email === 'NOBODY' ? {} : { user: user(email.startsWith('no e-mail') ? null : email) }),
    start_at: start,
    end_at: end,
    fingerprint: `${email} ${start}`,
    rotation_id: '01G0J1EXE7AXZ2C93K61WBPYEH',
  });
  const shownSchedule = ({ id, name, isNative }: Schedule) => ({
    ...{ id, name, timezone: 'Europe/London', team_ids: [], annotations: {}, ...stamps },
    ...(isNative ? { config: { rotations: [] }, current_shifts: [] } : {}),
  });
  const shownIncident = (one: FakeIncident & { id: string }) => ({
    ...{ id: one.id, reference: `INC-${one.number}`, name: one.name ?? 'Our database is sad', ...stamps },
    ...{ visibility: 'public', mode: one.mode ?? 'standard', slack_team_id: 'T02A1FSLE8J', slack_channel_id: 'C02AW36C1M5' },
    creator: one.creator ?? (one.openedBy === undefined ? { api_key: { id: nextId(), name: 'a script' } } : { user: user(one.openedBy) }),
    incident_status: { id: nextId(), name: 'Fixing', description: '', rank: 1, category: one.category ?? 'live', ...stamps },
    ...(one.severity === undefined ? {} : { severity: { id: nextId(), name: one.severity, description: '', rank: 1, ...stamps } }),
    ...(one.type === undefined
      ? {}
      : {
          incident_type: {
            ...{
              id: nextId(),
              name: one.type,
              description: '',
              is_default: false,
              private_incidents_only: false,
              create_in_triage: 'optional',
            },
            ...stamps,
          },
        }),
    incident_role_assignments: (one.roles ?? []).map(({ type, user: email }) => ({
      role: { id: nextId(), name: type, description: type, instructions: '', shortform: type, role_type: type, ...stamps },
      ...(email === undefined ? {} : { assignee: user(email) }),
    })),
    custom_field_entries: Object.entries(one.fields ?? {}).map(([name, values]) => ({
      custom_field: { id: `id of ${name}`, name, description: '', field_type: 'multi_select', options: [] },
      values,
    })),
  });

  type Answer = readonly [status: number, body: unknown];
  const refusal = (status: number, code: string, message: string, more: object = {}): Answer => [
    status,
    { type: code, status, request_id: 'b839a403', ...more, errors: [{ code, message }] },
  ];
  const missing = refusal(404, 'not_found', 'The requested resource could not be found');

  function page(name: string, all: readonly { readonly id: string }[], query: URLSearchParams): Answer {
    const size = Math.min(Number(query.get('page_size') ?? 25), pageSize);
    const after = query.get('after');
    const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
    const some = all.slice(from, from + size);
    const more = from + size < all.length ? { after: some.at(-1)?.id } : {};
    return [200, { [name]: some, pagination_meta: { page_size: size, total_record_count: all.length, ...more } }];
  }

  /** By documentation: the next page begins with the window that `after` gives. */
  function entries(query: URLSearchParams): Answer {
    const one = world.schedules.find(({ id }) => id === query.get('schedule_id'));
    if (one === undefined) return missing;
    const [from, to] = ['entry_window_start', 'entry_window_end'].map((name) => Date.parse(query.get(name) ?? '')) as [number, number];
    const within = (all: readonly Entry[]) =>
      all
        .filter(({ schedule: name, start, end }) => name === one.name && Date.parse(end) > from && Date.parse(start) < to)
        .sort((a, b) => Date.parse(a.end) - Date.parse(b.end));
    const all = within(world.entries);
    // Those that end at one instant stay together: `after` is an instant.
    const cut = all.slice(pageSize).findIndex(({ end }) => end !== all[pageSize - 1]?.end);
    const some = cut === -1 ? all : all.slice(0, pageSize + cut);
    const after = some.length < all.length ? new Date(Date.parse(some.at(-1)?.end ?? '')).toISOString() : undefined;
    return [
      200,
      {
        schedule_entries: { final: some.map(shownEntry), overrides: within(world.overrides).map(shownEntry), scheduled: [] },
        ...(after === undefined ? {} : { pagination_meta: { after, after_url: `https://api.incident.io/v2/schedule_entries?…` } }),
      },
    ];
  }

  function answer(path: string, query: URLSearchParams): Answer {
    const [, , collection = '', id] = path.split('/');
    if (collection === 'schedule_entries') return entries(query);
    if (collection === 'schedules') {
      if (id === undefined) return page('schedules', world.schedules.map(shownSchedule), query);
      const one = world.schedules.find((each) => each.id === id);
      return one ? [200, { schedule: shownSchedule(one) }] : missing;
    }
    if (collection !== 'incidents') return missing;
    if (id !== undefined) {
      const one = world.incidents.find((each) => each.id === id || String(each.number) === id);
      return one ? [200, { incident: shownIncident(one) }] : missing;
    }
    const modes = query.getAll('mode[one_of]');
    const categories = query.getAll('status_category[one_of]');
    const fitting = world.incidents
      .filter(({ mode = 'standard' }) => (modes.length === 0 ? ['standard', 'retrospective'] : modes).includes(mode))
      .filter(({ category = 'live' }) => categories.length === 0 || categories.includes(category));
    return page('incidents', fitting.map(shownIncident), query);
  }

  const unsigned = refusal(401, 'authentication_error', 'No authorization material provided in request');
  const server = await rosterServer(
    ({ path, query, headers }) => {
      const [status, body] = headers.authorization === `Bearer ${key}` ? answer(path, query) : unsigned;
      return { status, body };
    },
    refusal(500, 'a_fault', 'a fault')[1],
  );
  return {
    key,
    ...server,
    schedule,
    /** A second one of that name. */
    twin: (name: string) => add(name, true),
    /** One that is only shown here, and kept in another system. */
    mirrored: (name: string) => add(name, false),
    shift,
    override,
    incident: (one: FakeIncident) => {
      const made = { id: nextId(), ...one };
      world.incidents.push(made);
      return made.id;
    },
    /** The body of a 429 as documented: when to come back stands in it, and in no header. */
    limited: (until: Date): Fault => ({
      status: 429,
      body: JSON.stringify(
        refusal(429, 'too_many_requests', 'Too many requests. We recommend exponential backoff.', {
          rate_limit: { name: 'api_key_name', limit: 1200, remaining: 0, retry_after: until.toUTCString().replace('GMT', 'UTC') },
        })[1],
      ),
    }),
    /** Gives all of its roles anew. */
    assign: (number: number, people: readonly string[]) => {
      world.incidents = world.incidents.map((one) =>
        one.number === number ? { ...one, roles: people.map((user) => ({ type: 'custom' as const, user })) } : one,
      );
    },
    forgetIncidents: () => {
      world.incidents = [];
    },
    reset: () => {
      Object.assign(world, { schedules: [], entries: [], overrides: [], incidents: [] });
      users.clear();
      server.clear();
    },
  };
}

export type FakeIncidentIo = Awaited<ReturnType<typeof startIncidentIo>>;
