/** incident.io through a fake that pages, filters and fails. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import incidentIo from '../../src/rosters/incident-io.ts';
import type { Roster } from '../../src/rosters/roster.ts';
import { rosterContract } from '../contracts/roster.ts';
import { type FakeIncidentIo, startIncidentIo } from '../fakes/incident-io.ts';

const keyName = 'ONCALL_TEST_INCIDENT_IO_KEY';
const november = { start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };
const at = Date.parse('2026-11-15T12:00:00Z');

let fake: FakeIncidentIo;
const lines: string[] = [];

async function open(settings: object = {}): Promise<Roster> {
  const context = {
    name: 'incident-io',
    now: () => at,
    log: (line: string) => void lines.push(line),
    onServerDate: () => {},
    baseDir: '/',
  };
  return incidentIo.open(z.parse(incidentIo.settings, { key: { env: keyName }, endpoint: fake.url, ...settings }), context);
}

type Query = { schedule?: string; escalationPolicy?: string; levels?: number[] };
const ask = async (query: Query, settings: object = {}) => (await open(settings)).onCall({ levels: [], ...query }, at, {});
const paths = () => fake.requests.map(({ path }) => path);

beforeAll(async () => {
  fake = await startIncidentIo();
  process.env[keyName] = fake.key;
});
afterAll(async () => {
  delete process.env[keyName];
  delete process.env[`${keyName}_OTHER`];
  await fake.stop();
});
beforeEach(() => {
  process.env[keyName] = fake.key;
  fake.reset();
  lines.length = 0;
});

rosterContract(
  'incident-io',
  async () => {
    const own = await startIncidentIo();
    const settings = { endpoint: own.url, timeout: '2s', services: 'Affected services' };
    return {
      roster: await open(settings),
      arrange: async (schedules) => {
        own.reset();
        for (const [schedule, shifts] of Object.entries(schedules)) {
          own.schedule(schedule);
          for (const { user, start = '', end = '' } of shifts) own.shift({ schedule, user, start, end });
        }
      },
      override: async (schedule, shift) => own.override({ schedule, ...shift }),
      incidents: {
        arrange: async (incidents) => {
          own.forgetIncidents();
          return incidents.map(({ title, live = true, services = [], severity, type, assigned = [], openedBy }, index) => {
            own.incident({
              number: index + 1,
              name: title,
              category: live ? 'live' : 'closed',
              roles: assigned.map((user) => ({ type: 'lead', user })),
              fields: { 'Affected services': services.map((name) => ({ value_catalog_entry: { id: `id-${name}`, name, aliases: [] } })) },
              ...(severity === undefined ? {} : { severity }),
              ...(type === undefined ? {} : { type }),
              ...(openedBy === undefined ? { creator: { alert: { id: '01ALERT', title: 'mail@acme.dev is down' } } } : { openedBy }),
            });
            return `INC-${index + 1}`;
          });
        },
        reassign: async (ref, people) => own.assign(Number(ref.slice('INC-'.length)), people),
        untold: ['assigner'],
        alias: (ref) => ref.slice('INC-'.length),
        unknown: '4711',
      },
      provider: {
        ...own,
        withKey: (key) => {
          process.env[`${keyName}_OTHER`] = key;
          return open({ ...settings, key: { env: `${keyName}_OTHER` } });
        },
      },
      stop: own.stop,
    };
  },
  { incidents: true, overHttp: true, levels: false, permanent: false },
);

describe('what it asks incident.io', () => {
  it('asks for the schedule and its entries at the same time where the id is given, with the key', async () => {
    const id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    expect(await ask({ schedule: id })).toMatchObject([{ schedule: 'Database Primary', email: 'maria@acme.dev' }]);
    expect(paths().sort()).toEqual(['/v2/schedule_entries', `/v2/schedules/${id}`]);
    expect(fake.requests[0]?.headers.authorization).toBe(`Bearer ${fake.key}`);
  });

  it('reads every page of the schedules to find a name, then the entries', async () => {
    for (const name of ['A', 'B', 'C', 'D', 'Database Primary']) fake.schedule(name);
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    expect(await ask({ schedule: 'Database Primary' })).toHaveLength(1);
    expect(paths()).toEqual(['/v2/schedules', '/v2/schedules', '/v2/schedules', '/v2/schedule_entries']);
  });

  it('finds an id of another form than today among the schedules', async () => {
    const name = 'Database Primary';
    const page = { schedules: [{ id: 'sched_7', name, config: {} }], pagination_meta: { page_size: 250 } };
    const entries = { final: [{ start_at: november.start, end_at: november.end, user: { id: '01U', email: 'maria@acme.dev' } }] };
    fake.fail({ status: 200, body: JSON.stringify(page) }, { status: 200, body: JSON.stringify({ schedule_entries: entries }) });
    expect(await ask({ schedule: 'sched_7' })).toMatchObject([{ schedule: name, email: 'maria@acme.dev' }]);
  });

  it('reads every page of the entries, from the window that each page gives', async () => {
    const id = fake.schedule('Database Primary');
    for (let hour = 8; hour < 14; hour++) {
      const [start, end] = [hour, hour + 1].map((one) => `2026-11-15T${String(one).padStart(2, '0')}:00:00Z`) as [string, string];
      fake.shift({ schedule: 'Database Primary', user: `hour-${hour}@acme.dev`, start, end });
    }
    expect((await ask({ schedule: id })).map(({ email }) => email)).toEqual(['hour-12@acme.dev']);
    const windows = fake.requests.flatMap(({ query }) => query.get('entry_window_start') ?? []);
    expect(windows).toEqual(['2026-11-14T12:00:00.000Z', '2026-11-15T10:00:00.000Z', '2026-11-15T12:00:00.000Z']);
    expect(new Set(fake.requests.flatMap(({ query }) => query.get('entry_window_end') ?? []))).toEqual(
      new Set(['2026-11-16T12:00:00.000Z']),
    );
  });

  it('asks for live incidents that are no tests, 250 at a time', async () => {
    await (await open()).incidents?.({});
    expect(Object.fromEntries(fake.requests[0]?.query ?? [])).toEqual({
      'status_category[one_of]': 'live',
      'mode[one_of]': 'standard',
      page_size: '250',
    });
  });

  it('tells what shifts come', async () => {
    fake.shift({ schedule: 'Database Primary', user: 'sam@acme.dev', start: '2026-11-20T00:00:00Z', end: '2026-11-21T00:00:00Z' });
    fake.shift({ schedule: 'Database Primary', user: 'ana@acme.dev', start: '2027-01-20T00:00:00Z', end: '2027-01-21T00:00:00Z' });
    const span = { from: at, to: at + 14 * 86_400_000 };
    const coming = await (await open()).shifts?.({ schedule: 'Database Primary', levels: [] }, span, {});
    expect(coming).toMatchObject([{ email: 'sam@acme.dev', start: Date.parse('2026-11-20T00:00:00Z') }]);
  });
});

describe('who counts as on call', () => {
  it('refuses an escalation path, and levels, in words', async () => {
    await expect(ask({ escalationPolicy: 'Databases', levels: [1] })).rejects.toMatchObject({
      fault: 'refused',
      message: expect.stringContaining('escalation paths'),
      next: expect.stringContaining('schedules'),
    });
    await expect(ask({ schedule: 'Database Primary', levels: [1] })).rejects.toMatchObject({
      fault: 'refused',
      message: expect.stringContaining('levels'),
    });
    expect(fake.requests).toEqual([]);
  });

  it('refuses a name that two schedules have', async () => {
    fake.schedule('Database Primary');
    fake.twin('Database Primary');
    await expect(ask({ schedule: 'Database Primary' })).rejects.toMatchObject({ fault: 'ambiguous', next: expect.stringContaining('id') });
  });

  it('says that it cannot tell, rather than nobody, for a schedule that another system keeps', async () => {
    const id = fake.mirrored('From PagerDuty');
    for (const schedule of [id, 'From PagerDuty'])
      await expect(ask({ schedule })).rejects.toMatchObject({ fault: 'refused', message: expect.stringContaining('another system') });
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    expect(await ask({})).toMatchObject([{ email: 'maria@acme.dev' }]);
  });

  it('counts an override where it is in, and not the one who was to have the shift', async () => {
    const id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    const entry = { user: { id: '01U', email: 'sam@acme.dev' }, start_at: november.start, end_at: november.end };
    const scheduled = [{ ...entry, user: { id: '01V', email: 'maria@acme.dev' } }];
    const answer = { status: 200, body: JSON.stringify({ schedule_entries: { final: [entry], scheduled, overrides: [] } }) };
    const shown = { status: 200, body: JSON.stringify({ schedule: { id, name: 'Database Primary', config: {} } }) };
    fake.fail(shown, answer);
    expect((await ask({ schedule: id })).map(({ email }) => email)).toEqual(['sam@acme.dev']);
  });

  it('gives a person who stands on two layers at once one shift', async () => {
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    fake.shift({ schedule: 'Database Primary', user: 'Maria@acme.dev', ...november });
    expect(await ask({ schedule: 'Database Primary' })).toHaveLength(1);
  });

  it('takes an entry without a user for a gap', async () => {
    fake.shift({ schedule: 'Database Primary', user: 'NOBODY', ...november });
    expect(await ask({ schedule: 'Database Primary' })).toEqual([]);
  });

  it('leaves out a person without an e-mail address and says so in the log, but not where there are only such', async () => {
    fake.shift({ schedule: 'Database Primary', user: 'no e-mail', ...november });
    await expect(ask({ schedule: 'Database Primary' })).rejects.toMatchObject({
      fault: 'malformed',
      next: expect.stringContaining('e-mail'),
    });
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    expect(await ask({ schedule: 'Database Primary' })).toMatchObject([{ email: 'maria@acme.dev' }]);
    expect(lines.join('\n')).toContain('no e-mail address');
  });
});

describe('when incident.io does not answer as it should', () => {
  let id: string;
  beforeEach(() => {
    id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
  });

  it('goes by the time to wait that stands in the body of a 429', async () => {
    fake.failAlways({ ...fake.limited(new Date(Date.now() + 90_000)), headers: {} });
    const error = await ask({ schedule: 'Database Primary' }).catch((thrown) => thrown);
    expect(error).toMatchObject({ fault: 'rate-limited', message: expect.stringContaining('exponential backoff') });
    expect(error.retryAfterMs).toBeGreaterThan(60_000);
    expect(error.retryAfterMs).toBeLessThanOrEqual(91_000);
    expect(fake.requests).toHaveLength(1);
    fake.clear();
    fake.fail(fake.limited(new Date(Date.now() - 5000)));
    expect(await ask({ schedule: 'Database Primary' })).toHaveLength(1);
  });

  it('throws for entries that fail, where the schedule itself is there', async () => {
    const shown = { status: 200, body: JSON.stringify({ schedule: { id, name: 'Database Primary', config: {} } }) };
    fake.fail(shown, { status: 403 });
    await expect(ask({ schedule: id })).rejects.toMatchObject({ fault: 'forbidden' });
  });

  it('reads the key again after it was refused', async () => {
    const roster = await open();
    process.env[keyName] = 'a-wrong-key-entirely';
    await expect(roster.onCall({ schedule: id, levels: [] }, at, {})).rejects.toMatchObject({ fault: 'credentials' });
    process.env[keyName] = fake.key;
    expect(await roster.onCall({ schedule: id, levels: [] }, at, {})).toHaveLength(1);
  });

  const one = { id: '01S', name: 'Database Primary', config: {} };
  const meta = { page_size: 250 };
  it.each([
    [
      'an end that got lost',
      [{ schedules: [one], pagination_meta: meta }, { schedule_entries: { final: [{ start_at: november.start }] } }],
    ],
    [
      'an end in local time',
      [
        { schedules: [one], pagination_meta: meta },
        { schedule_entries: { final: [{ start_at: november.start, end_at: '2026-12-01T00:00:00' }] } },
      ],
    ],
    ['entries without the final ones', [{ schedules: [one], pagination_meta: meta }, { schedule_entries: { scheduled: [] } }]],
    ['a schedule without its name', [{ schedules: [{ id: '01S' }], pagination_meta: meta }]],
    ['fewer schedules than there are', [{ schedules: [one], pagination_meta: { ...meta, total_record_count: 2 } }]],
    [
      'a page that leads to itself',
      [
        { schedules: [one], pagination_meta: { ...meta, after: 'x' } },
        { schedules: [one], pagination_meta: { ...meta, after: 'x' } },
      ],
    ],
    ['more that is announced and never comes', [{ schedules: [], pagination_meta: { ...meta, after: 'x' } }]],
    [
      'entries that go round in a circle',
      [
        { schedules: [one], pagination_meta: meta },
        { schedule_entries: { final: [] }, pagination_meta: { after: 'x' } },
        { schedule_entries: { final: [] }, pagination_meta: { after: 'x' } },
      ],
    ],
  ])('takes %s for a malformed answer', async (_, bodies) => {
    fake.fail(...bodies.map((body) => ({ status: 200, body: JSON.stringify(body) })));
    await expect(ask({ schedule: 'Database Primary' })).rejects.toMatchObject({ name: 'ProviderError', fault: 'malformed' });
    expect(fake.requests).toHaveLength(bodies.length);
  });

  it('goes on until nothing comes where not a word is said of paging', async () => {
    const page = (...names: string[]) => ({
      status: 200,
      body: JSON.stringify({ schedules: names.map((name) => ({ id: `id-${name}`, name, config: {} })) }),
    });
    const final = [{ start_at: november.start, end_at: november.end, user: { id: '01U', email: 'maria@acme.dev' } }];
    fake.fail(page('A', 'B'), page('C', 'Night'), page(), { status: 200, body: JSON.stringify({ schedule_entries: { final } }) });
    expect(await ask({ schedule: 'Night' })).toMatchObject([{ email: 'maria@acme.dev' }]);
    expect(fake.requests.map(({ query }) => query.get('after'))).toEqual([null, 'id-B', 'id-Night', null]);
  });
});
