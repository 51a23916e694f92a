/** The incidents of the small PagerDuty: assigned and acknowledged as people do it, each step in the log. */

type Person = { readonly id: string; readonly summary: string; readonly email?: string };
type Reference = { readonly id: string; readonly type: string; readonly summary: string };

export type Opened = {
  readonly title?: string;
  readonly service?: string;
  readonly urgency?: 'high' | 'low';
  readonly priority?: string;
  readonly type?: string;
  /** Of a person; left out: the service itself, as with a monitor. */
  readonly by?: string;
  readonly at?: string;
};

type Kept = Record<string, unknown> & {
  readonly id: string;
  readonly incident_number: number;
  status: 'triggered' | 'acknowledged' | 'resolved';
  readonly created_at: string;
  assignments: { at: string; assignee: object }[];
  acknowledgements: { at: string; acknowledger: object }[];
};

export function incidents(personOf: (name: string) => Person, nextId: (letter: string) => string) {
  const kept: Kept[] = [];
  const logs = new Map<string, object[]>();
  const services = new Map<string, Reference>();
  let number = 1000;
  let ticks = Date.parse('2026-11-15T10:00:00Z');
  const tick = (): string => new Date((ticks += 60_000)).toISOString().replace('.000Z', 'Z');
  const links = { self: null, html_url: null };
  const user = (name: string) => ({ id: personOf(name).id, type: 'user_reference', summary: personOf(name).summary, ...links });
  const serviceOf = (name: string): Reference => {
    const known = services.get(name) ?? { id: nextId('V'), type: 'service_reference', summary: name, ...links };
    services.set(name, known);
    return known;
  };
  const byNumber = (of: number): Kept => {
    const found = kept.find((one) => one.incident_number === of);
    if (found === undefined) throw new Error(`no incident ${of} here`);
    return found;
  };
  /** Newest first, as PagerDuty gives them. */
  const log = (one: Kept, type: string, by: string | undefined, more: object = {}): string => {
    const at = tick();
    const agent = by === undefined ? one.service : user(by);
    const channel = { type: by === undefined ? 'auto' : 'website' };
    const entry = { id: nextId('L'), type, summary: type, ...links, created_at: at, agent, channel, ...more };
    logs.set(one.id, [entry, ...(logs.get(one.id) ?? [])]);
    return at;
  };

  return {
    /** Gives its number. */
    open: ({ title = 'Disk full', service = 'Database', urgency = 'high', priority, type = 'incident_default', by, at }: Opened = {}) => {
      const one: Kept = {
        id: nextId('I'),
        type: 'incident',
        summary: `[#${++number}] ${title}`,
        ...links,
        incident_number: number,
        title,
        status: 'triggered',
        urgency,
        ...(priority === undefined ? {} : { priority: { id: nextId('R'), type: 'priority_reference', summary: priority, ...links } }),
        service: serviceOf(service),
        incident_type: { name: type },
        assignments: [],
        acknowledgements: [],
        created_at: at ?? tick(),
      };
      kept.push(one);
      log(one, 'trigger_log_entry', by);
      return number;
    },
    idOf: (of: number) => byNumber(of).id,
    serviceOf,
    /** To these people alone; `by` left out: by its escalation policy. */
    assign: (of: number, people: readonly string[], by?: string) => {
      const one = byNumber(of);
      const at = log(one, by === undefined ? 'escalate_log_entry' : 'assign_log_entry', by, { assignees: people.map(user) });
      one.assignments = people.map((name) => ({ at, assignee: user(name) }));
    },
    acknowledge: (of: number, by: string) => {
      const one = byNumber(of);
      const at = log(one, 'acknowledge_log_entry', by);
      one.status = 'acknowledged';
      one.acknowledgements.push({ at, acknowledger: user(by) });
    },
    /** By a service, through its integration. */
    acknowledgeByService: (of: number) => byNumber(of).acknowledgements.push({ at: tick(), acknowledger: byNumber(of).service as object }),
    resolve: (of: number) => {
      const one = byNumber(of);
      const at = log(one, 'resolve_log_entry', undefined);
      Object.assign(one, { status: 'resolved', resolved_at: at, assignments: [], acknowledgements: [] });
    },
    logs: (id: string): readonly object[] | undefined => (kept.some((one) => one.id === id) ? (logs.get(id) ?? []) : undefined),
    find: (ref: string, query: URLSearchParams) => {
      const found = kept.find((one) => one.id === ref || String(one.incident_number) === ref);
      return found && shown(found, query);
    },
    /** A month back at most, unless `date_range=all` is asked for, as PagerDuty does it. */
    list: (query: URLSearchParams, now: number) => {
      const statuses = query.getAll('statuses[]');
      const oldest = query.get('date_range') === 'all' ? 0 : now - 30 * 86_400_000;
      return kept
        .filter(({ status }) => statuses.length === 0 || statuses.includes(status))
        .filter(({ created_at: at }) => Date.parse(at) >= oldest)
        .map((one) => shown(one, query));
    },
  };

  function shown(one: Kept, query: URLSearchParams) {
    const include = query.getAll('include[]');
    const whole = (key: string, person: object) => {
      const known = 'type' in person && person.type === 'user_reference' ? personOf((person as Reference).id) : undefined;
      return include.includes(key) && known ? known : person;
    };
    return {
      ...one,
      assignments: one.assignments.map(({ at, assignee }) => ({ at, assignee: whole('assignees', assignee) })),
      acknowledgements: one.acknowledgements.map(({ at, acknowledger }) => ({ at, acknowledger: whole('acknowledgers', acknowledger) })),
    };
  }
}
