/** Incidents of incident.io: which count, whose they are, and which answers do. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import incidentIo from '../../src/rosters/incident-io.ts';
import type { Roster } from '../../src/rosters/roster.ts';
import { type FakeIncidentIo, startIncidentIo } from '../fakes/incident-io.ts';

const keyName = 'ONCALL_TEST_INCIDENT_IO_KEY';
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

beforeAll(async () => {
  fake = await startIncidentIo();
  process.env[keyName] = fake.key;
});
afterAll(async () => {
  delete process.env[keyName];
  await fake.stop();
});
beforeEach(() => {
  process.env[keyName] = fake.key;
  fake.reset();
  lines.length = 0;
});

describe('which incidents count, and whose they are', () => {
  const live = async (settings: object = {}) => (await (await open(settings)).incidents?.({})) ?? [];
  const find = async (ref: string) => (await open()).incident?.(ref, {});
  const lead = [{ type: 'lead', user: 'maria@acme.dev' }] as const;

  it.each(['triage', 'paused', 'learning', 'declined', 'merged', 'canceled', 'closed', 'something new'])(
    'does not count %s as live',
    async (category) => {
      fake.incident({ number: 7, category, roles: lead });
      expect(await find('INC-7')).toMatchObject({ live: false });
      expect(await live()).toEqual([]);
    },
  );

  it.each(['test', 'tutorial', 'retrospective', 'something new'])('does not count the mode %s, even where it is live', async (mode) => {
    fake.incident({ number: 7, mode, roles: lead });
    expect(await find('INC-7')).toMatchObject({ live: false });
    expect(await live()).toEqual([]);
  });

  it('drops what is not live, should a filter be overlooked', async () => {
    const [closed, test] = [
      fake.incident({ number: 1, category: 'closed', roles: lead }),
      fake.incident({ number: 2, mode: 'test', roles: lead }),
    ];
    const bodies = await Promise.all([closed, test].map(async (id) => raw(`/v2/incidents/${id}`)));
    const incidents = bodies.map((body) => (body as { incident: object }).incident);
    fake.fail({ status: 200, body: JSON.stringify({ incidents, pagination_meta: { page_size: 250 } }) });
    expect(await live()).toEqual([]);
  });

  it('finds one by number, by reference in any case, and by id', async () => {
    const id = fake.incident({ number: 123, roles: lead });
    for (const ref of ['123', 'INC-123', 'inc-123', id]) expect(await find(ref)).toMatchObject({ ref: 'INC-123' });
    expect(await find('FOO-123')).toBeUndefined();
  });

  it('asks nothing for a text that can be no reference', async () => {
    for (const ref of ['INC-12/../../users', 'INC-1?x=y', '0', 'a b', 'INC-', '%2e%2e']) expect(await find(ref)).toBeUndefined();
    expect(fake.requests).toEqual([]);
  });

  it('does not take another incident for the one that was asked for', async () => {
    const id = fake.incident({ number: 1, roles: lead });
    fake.fail({ status: 200, body: JSON.stringify(await raw(`/v2/incidents/${id}`)) });
    expect(await find('INC-2')).toBeUndefined();
  });

  it('counts whoever has a role, but not the reporter, nor a role that nobody has', async () => {
    fake.incident({
      number: 1,
      roles: [
        ...lead,
        { type: 'custom', user: 'Sam@acme.dev' },
        { type: 'custom', user: 'maria@acme.dev' },
        { type: 'reporter', user: 'eve@acme.dev' },
        { type: 'custom' },
        { type: 'custom', user: null },
      ],
    });
    expect(await find('INC-1')).toMatchObject({ assigned: ['maria@acme.dev', 'sam@acme.dev'] });
    expect(lines.join('\n')).toContain('INC-1');
  });

  it('knows who opened it where a person did, and leaves it open where a key or a workflow could have been anybody', async () => {
    const opened = async (creator: object, reporter?: string) => {
      fake.forgetIncidents();
      fake.incident({ number: 1, creator, roles: reporter === undefined ? [] : [{ type: 'reporter', user: reporter }] });
      return (await find('INC-1'))?.openedBy;
    };
    const alert = { alert: { id: '01A', title: 'Disk full' } };
    expect(await opened({ user: { id: '01U', email: 'Sam@acme.dev' } })).toBe('sam@acme.dev');
    expect(await opened({ user: { id: '01U' } })).toBeUndefined();
    expect(await opened(alert)).toBe('an alert');
    expect(await opened(alert, 'Sam@acme.dev')).toBe('sam@acme.dev');
    expect(await opened({ api_key: { id: '01K', name: 'script' } }, 'sam@acme.dev')).toBeUndefined();
    expect(await opened({ workflow: { id: '01W', name: 'flow' } })).toBeUndefined();
    expect(await opened({})).toBeUndefined();
  });

  it('takes services from the custom field that the policy names, by name or id, and from no other', async () => {
    fake.incident({
      number: 1,
      fields: {
        'Affected services': [{ value_catalog_entry: { id: '01CAT', name: 'payments', aliases: [] } }, { value_option: option('search') }],
        Teams: [{ value_option: option('checkout') }],
        Notes: [{ value_text: 'ledger' }],
      },
    });
    expect((await live({ services: 'Affected services' }))[0]?.services).toEqual(['payments', '01CAT', 'search', 'id-search']);
    expect((await live({ services: 'id of Teams' }))[0]?.services).toEqual(['checkout', 'id-checkout']);
    expect((await live({ services: 'Notes' }))[0]?.services).toEqual([]);
    expect((await live())[0]?.services).toEqual([]);
  });

  it('gives when it was opened, and passes over a time that is none', async () => {
    const id = fake.incident({ number: 1 });
    expect(await find('1')).toMatchObject({ openedAt: Date.parse('2026-11-01T08:00:00.801Z') });
    const { incident } = (await raw(`/v2/incidents/${id}`)) as { incident: object };
    fake.fail({ status: 200, body: JSON.stringify({ incident: { ...incident, created_at: 'yesterday' } }) });
    expect(await find('1')).not.toHaveProperty('openedAt');
  });

  it.each(['mode', 'incident_status', 'incident_role_assignments', 'reference', 'custom_field_entries'])(
    'takes an incident without its %s for a malformed answer',
    async (part) => {
      const id = fake.incident({ number: 1, roles: lead });
      const { incident } = (await raw(`/v2/incidents/${id}`)) as { incident: object };
      fake.fail({ status: 200, body: JSON.stringify({ incident: { ...incident, [part]: undefined } }) });
      await expect(find('1')).rejects.toMatchObject({ fault: 'malformed', message: expect.stringContaining(part) });
    },
  );
});

const option = (value: string) => ({ id: `id-${value}`, value, sort_key: 1, custom_field_id: '01F' });

/** An answer of the fake, to be changed. */
async function raw(path: string): Promise<unknown> {
  const { getJson } = await import('../../src/http.ts');
  const body = await getJson(new URL(path, fake.url), {
    provider: 'test',
    timeoutMs: 5000,
    headers: { authorization: `Bearer ${fake.key}` },
  });
  fake.requests.length = 0;
  return body;
}
