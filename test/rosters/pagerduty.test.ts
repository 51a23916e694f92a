/** PagerDuty through a fake that pages, filters and fails. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import pagerduty from '../../src/rosters/pagerduty.ts';
import type { Roster } from '../../src/rosters/roster.ts';
import { rosterContract } from '../contracts/roster.ts';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';

const keyName = 'ONCALL_TEST_PAGERDUTY_KEY';
const november = { start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };
const at = Date.parse('2026-11-15T12:00:00Z');

let fake: FakePagerDuty;
const lines: string[] = [];
const serverDates: number[] = [];

async function open(settings: object = {}): Promise<Roster> {
  const context = {
    name: 'pagerduty',
    now: () => at,
    log: (line: string) => void lines.push(line),
    onServerDate: (ms: number) => void serverDates.push(ms),
    baseDir: '/',
  };
  return pagerduty.open(z.parse(pagerduty.settings, { token: { env: keyName }, endpoint: fake.url, ...settings }), context);
}

const ask = async (query: { schedule?: string; escalationPolicy?: string; levels?: number[] }, settings: object = {}) =>
  (await open(settings)).onCall({ levels: [], ...query }, at, {});

beforeAll(async () => {
  fake = await startPagerDuty();
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
  'pagerduty',
  async () => {
    const own = await startPagerDuty();
    const incidents = () => own.incidents;
    const settings = { endpoint: own.url, timeout: '2s' };
    return {
      roster: await open(settings),
      arrange: async (schedules) => {
        own.reset();
        for (const [schedule, shifts] of Object.entries(schedules)) {
          own.schedule(schedule);
          for (const { user, start = null, end = null, level = 1 } of shifts) own.shift({ schedule, user, start, end, level });
        }
      },
      override: async (schedule, shift) => own.override({ schedule, ...shift }),
      incidents: {
        arrange: async (written) => {
          own.dropIncidents();
          return written.map(({ title, live = true, services = [], severity, type, assigned = [], openedBy, assignedBy, openedAt }) => {
            const number = incidents().open({
              title,
              ...(services[0] === undefined ? {} : { service: services[0] }),
              ...(severity === undefined ? {} : { priority: severity }),
              ...(type === undefined ? {} : { type }),
              ...(openedBy === undefined ? {} : { by: openedBy }),
              ...(openedAt === undefined ? {} : { at: openedAt }),
            });
            if (assigned.length > 0) incidents().assign(number, assigned, assignedBy);
            if (!live) incidents().resolve(number);
            return String(number);
          });
        },
        reassign: async (ref, people) => incidents().assign(Number(ref), people, 'ana@acme.dev'),
        alias: (ref) => incidents().idOf(Number(ref)),
        unknown: 'PZZZZZZ',
      },
      provider: {
        ...own,
        withKey: async (key) => {
          process.env[`${keyName}_OTHER`] = key;
          return open({ ...settings, token: { env: `${keyName}_OTHER` } });
        },
      },
      stop: own.stop,
    };
  },
  { incidents: true, overHttp: true },
);

describe('what it asks PagerDuty', () => {
  it('asks one question where the id of the schedule is given and somebody is on call', async () => {
    const id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    expect(await ask({ schedule: id })).toMatchObject([{ schedule: 'Database Primary', email: 'maria@acme.dev' }]);
    expect(fake.requests.map(({ path }) => path)).toEqual(['/oncalls']);
  });

  it('asks for a window around the instant, with the users and with the key', async () => {
    const id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    await ask({ schedule: id });
    const [request] = fake.requests;
    const query = Object.fromEntries(request?.query ?? []);
    expect(query).toMatchObject({
      since: '2026-11-15T12:00:00.000Z',
      until: '2026-11-15T12:00:01.000Z',
      'include[]': 'users',
      'schedule_ids[]': id,
      limit: '100',
    });
    expect(request?.headers).toMatchObject({
      accept: 'application/vnd.pagerduty+json;version=2',
      authorization: `Token token=${fake.key}`,
    });
  });

  it('reads every page and goes on where the last one ended', async () => {
    const id = fake.schedule('Database Primary');
    for (let n = 0; n < 5; n++) fake.shift({ schedule: 'Database Primary', user: `p${n}@acme.dev`, ...november });
    expect(await ask({ schedule: id })).toHaveLength(5);
    expect(fake.requests.map(({ query }) => query.get('offset'))).toEqual(['0', '2', '4']);
  });

  it('passes on the date of the server', async () => {
    await ask({});
    expect(serverDates.at(-1)).toBeGreaterThan(Date.parse('2020-01-01T00:00:00Z'));
  });
});

describe('who counts', () => {
  it('gives the person of an override, and gives back the others before and after it', async () => {
    const id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    fake.override({ schedule: 'Database Primary', user: 'sam@acme.dev', start: '2026-11-15T08:00:00Z', end: '2026-11-15T20:00:00Z' });
    expect(await ask({ schedule: id })).toMatchObject([{ email: 'sam@acme.dev', end: Date.parse('2026-11-15T20:00:00Z') }]);
    const after = await (await open()).onCall({ schedule: id, levels: [] }, Date.parse('2026-11-15T20:00:00Z'), {});
    expect(after.map(({ email }) => email)).toEqual(['maria@acme.dev']);
  });

  it('counts a schedule that stands on several policies once for each level', async () => {
    const id = fake.schedule('Database Primary', ['A', 'B', 'C']);
    for (const [policy, level] of [
      ['A', 1],
      ['B', 1],
      ['C', 3],
    ] as const)
      fake.shift({ schedule: 'Database Primary', policy, user: 'maria@acme.dev', level, ...november });
    expect((await ask({ schedule: id })).map(({ level }) => level)).toEqual([1, 3]);
    expect(await ask({ schedule: id, levels: [2] })).toEqual([]);
  });

  it('answers for an escalation policy by id and by name, with its direct targets', async () => {
    const id = fake.policy('Databases');
    fake.policy('Databases at night');
    fake.shift({ policy: 'Databases', user: 'cto@acme.dev', level: 2, start: null, end: null });
    fake.shift({ policy: 'Databases', schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    fake.shift({ policy: 'Databases at night', schedule: 'Night', user: 'ana@acme.dev', ...november });
    for (const escalationPolicy of [id, 'Databases']) {
      const shifts = await ask({ escalationPolicy });
      expect(shifts.map(({ schedule, email, level }) => `${schedule}: ${email} ${level}`)).toEqual([
        'Databases: cto@acme.dev 2',
        'Databases: maria@acme.dev 1',
      ]);
    }
    expect(await ask({ escalationPolicy: 'Databases', levels: [1] })).toMatchObject([{ email: 'maria@acme.dev' }]);
  });

  it('throws not-found for an escalation policy that is not there', async () => {
    await expect(ask({ escalationPolicy: 'PZZZZZZ' })).rejects.toMatchObject({
      fault: 'not-found',
      message: 'PagerDuty has no escalation policy "PZZZZZZ"',
    });
  });

  it('refuses a name that two schedules have', async () => {
    fake.schedule('Database Primary');
    fake.twin('Database Primary');
    await expect(ask({ schedule: 'Database Primary' })).rejects.toMatchObject({ fault: 'ambiguous', next: expect.stringContaining('id') });
  });

  it('says that PagerDuty cannot tell, rather than nobody, for a schedule on no escalation policy', async () => {
    const id = fake.schedule('Lonely', []);
    await expect(ask({ schedule: id })).rejects.toMatchObject({
      fault: 'refused',
      message: expect.stringContaining('on no escalation policy'),
    });
    await expect(ask({ schedule: 'Lonely' })).rejects.toMatchObject({ fault: 'refused' });
  });

  it('drops what lies outside the scope asked for, should a filter be overlooked', async () => {
    const id = fake.schedule('Database Primary');
    const stranger = {
      user: { id: 'PU1', email: 'eve@acme.dev' },
      schedule: { id: 'POTHER1' },
      escalation_policy: { id: 'PE1' },
      escalation_level: 1,
      start: null,
      end: null,
    };
    fake.fail({ status: 200, body: JSON.stringify({ oncalls: [stranger], more: false }) });
    expect(await ask({ schedule: id })).toEqual([]);
    fake.fail({ status: 200, body: JSON.stringify({ oncalls: [stranger], more: false }) });
    expect(await ask({ escalationPolicy: fake.policy('Databases') })).toEqual([]);
  });

  it('leaves out a person without an e-mail address and says so in the log', async () => {
    const id = fake.schedule('Database Primary');
    const gone = fake.user('gone', null);
    fake.shift({ schedule: 'Database Primary', user: 'gone', ...november });
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
    expect(await ask({ schedule: id })).toMatchObject([{ email: 'maria@acme.dev' }]);
    expect(lines.join('\n')).toContain(gone);
  });

  it('takes people without any e-mail address among them for an answer it cannot use', async () => {
    const id = fake.schedule('Database Primary');
    fake.user('gone', null);
    fake.shift({ schedule: 'Database Primary', user: 'gone', ...november });
    await expect(ask({ schedule: id })).rejects.toMatchObject({ fault: 'malformed', next: expect.stringContaining('read users') });
  });
});

describe('when PagerDuty does not answer as it should', () => {
  let id: string;
  beforeEach(() => {
    id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...november });
  });

  it('names a wrong key as such, without the key, and reads the key again at the next question', async () => {
    const roster = await open();
    process.env[keyName] = 'a-wrong-key-entirely';
    const question = () => roster.onCall({ schedule: id, levels: [] }, at, {});
    await expect(question()).rejects.toMatchObject({
      name: 'ProviderError',
      fault: 'credentials',
      message: expect.not.stringContaining('a-wrong-key-entirely'),
    });
    process.env[keyName] = fake.key;
    expect(await question()).toHaveLength(1);
  });

  it('names a key that is not set as a fault of the credentials, and asks PagerDuty nothing', async () => {
    delete process.env[keyName];
    delete process.env[`${keyName}_OTHER`];
    await expect(ask({ schedule: id })).rejects.toMatchObject({
      name: 'ProviderError',
      fault: 'credentials',
      message: expect.stringContaining(keyName),
    });
    expect(fake.requests).toEqual([]);
  });

  it('asks again after a 429, when the wait fits', async () => {
    fake.fail({ status: 429, headers: { 'retry-after': '0' } });
    expect(await ask({ schedule: id })).toHaveLength(1);
    expect(fake.requests).toHaveLength(2);
  });

  it('hands on how long to wait, when the wait does not fit', async () => {
    fake.fail({ status: 429, headers: { 'ratelimit-reset': '30' } });
    await expect(ask({ schedule: id })).rejects.toMatchObject({ fault: 'rate-limited', retryAfterMs: 30_000, retryable: true });
    expect(fake.requests).toHaveLength(1);
  });

  it('gives up after three answers that it is not available', async () => {
    fake.fail({ status: 503 }, { status: 502 }, { status: 500 });
    await expect(ask({ schedule: id })).rejects.toMatchObject({ fault: 'unavailable' });
    expect(fake.requests).toHaveLength(3);
  });

  it('gives up where no answer comes', async () => {
    fake.fail({ hang: true });
    await expect(ask({ schedule: id }, { timeout: '1s' })).rejects.toMatchObject({
      fault: 'timeout',
      message: 'PagerDuty did not answer within 1 s',
    });
  });

  it('gives one time-out to all the calls of a question: two slow answers are too late where each alone is not', async () => {
    fake.fail({ afterMs: 600 }, { afterMs: 600 });
    await expect(ask({ schedule: 'Database Primary' }, { timeout: '1s' })).rejects.toMatchObject({ fault: 'timeout' });
    expect(fake.requests).toHaveLength(2);
  });

  it('throws what Ctrl-C leaves as an error of the provider', async () => {
    fake.fail({ hang: true });
    const stop = new AbortController();
    const answer = (await open()).onCall({ schedule: id, levels: [] }, at, { signal: stop.signal });
    stop.abort();
    await expect(answer).rejects.toMatchObject({ name: 'ProviderError', fault: 'unavailable' });
  });

  const entry = {
    user: { id: 'PU1', email: 'eve@acme.dev' },
    schedule: null,
    escalation_policy: { id: 'PE1' },
    escalation_level: 1,
    start: null,
    end: null,
  };
  it.each([
    ['a page of a login form', '<html>'],
    ['a list that is none', JSON.stringify({ oncalls: {}, more: false })],
    ['an answer that does not say whether there is more', JSON.stringify({ oncalls: [] })],
    ['an end that got lost', JSON.stringify({ oncalls: [{ ...entry, end: undefined }], more: false })],
    ['an end in local time', JSON.stringify({ oncalls: [{ ...entry, end: '2026-12-01T00:00:00' }], more: false })],
    ['an entry without its level', JSON.stringify({ oncalls: [{ ...entry, escalation_level: null }], more: false })],
  ])('takes %s for a malformed answer', async (_, body) => {
    fake.fail({ status: 200, body });
    await expect(ask({})).rejects.toMatchObject({ name: 'ProviderError', fault: 'malformed' });
  });

  it('does not go round for ever where there is always more and nothing comes', async () => {
    fake.fail(...Array.from({ length: 5 }, () => ({ status: 200, body: JSON.stringify({ oncalls: [], more: true }) })));
    await expect(ask({})).rejects.toMatchObject({ fault: 'malformed' });
    expect(fake.requests).toHaveLength(1);
  });

  it('throws rather than answer with the pages read so far', async () => {
    for (let n = 0; n < 5; n++) fake.shift({ schedule: 'Database Primary', user: `p${n}@acme.dev`, ...november });
    const page = { oncalls: [{ ...entry, schedule: { id } }], more: true };
    fake.fail({ status: 200, body: JSON.stringify(page) }, { status: 403 });
    await expect(ask({ schedule: id })).rejects.toMatchObject({ fault: 'forbidden' });
  });
});
