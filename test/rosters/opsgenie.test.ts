/** Opsgenie through a fake that pages, cuts its timelines and fails. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import { parsePolicy } from '../../src/policy/parse.ts';
import opsgenie from '../../src/rosters/opsgenie.ts';
import type { Roster } from '../../src/rosters/roster.ts';
import { allKinds } from '../../src/wiring/load-policy.ts';
import { rosterContract } from '../contracts/roster.ts';
import { type FakeOpsgenie, startOpsgenie } from '../fakes/opsgenie.ts';

const keyName = 'ONCALL_TEST_OPSGENIE_KEY';
const otherKeyName = 'ONCALL_TEST_OPSGENIE_OTHER_KEY';
const week = { start: '2026-11-12T00:00:00Z', end: '2026-11-19T00:00:00Z' };
const at = Date.parse('2026-11-15T12:00:00Z');

let fake: FakeOpsgenie;
const lines: string[] = [];

async function open(settings: object = {}): Promise<Roster> {
  const log = (line: string) => void lines.push(line);
  const context = { name: 'opsgenie', now: () => at, log, onServerDate: () => {}, baseDir: '/' };
  return opsgenie.open(z.parse(opsgenie.settings, { key: { env: keyName }, endpoint: fake.url, ...settings }), context);
}

const ask = async (query: { schedule?: string; escalationPolicy?: string; levels?: number[] }) =>
  (await open()).onCall({ levels: [], ...query }, at, {});

beforeAll(async () => {
  fake = await startOpsgenie();
  process.env[keyName] = fake.key;
});
afterAll(async () => {
  delete process.env[keyName];
  delete process.env[otherKeyName];
  await fake.stop();
});
beforeEach(() => {
  fake.reset();
  lines.length = 0;
});

rosterContract(
  'opsgenie',
  async () => {
    const own = await startOpsgenie();
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
          return written.map(({ title, live = true, services = [], severity, assigned = [], openedAt }) =>
            own.incident({
              message: title,
              status: live ? 'open' : 'closed',
              services,
              users: assigned,
              ...(severity === undefined ? {} : { priority: severity }),
              ...(openedAt === undefined ? {} : { createdAt: openedAt }),
            }),
          );
        },
        reassign: async (ref, people) => own.reassign(ref, people),
        untold: ['type', 'origin'],
        alias: own.idOf,
        unknown: '99',
      },
      provider: {
        ...own,
        withKey: async (key) => {
          process.env[otherKeyName] = key;
          return open({ ...settings, key: { env: otherKeyName } });
        },
      },
      stop: own.stop,
    };
  },
  { incidents: true, overHttp: true, permanent: false },
);

describe('what it asks Opsgenie', () => {
  it('asks for the people and for their times at once, by name or by id, with the key', async () => {
    const id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...week });
    for (const [schedule, type] of [
      ['Database Primary', 'name'],
      [id, 'id'],
    ] as const) {
      fake.requests.length = 0;
      expect(await ask({ schedule })).toMatchObject([{ schedule: 'Database Primary', email: 'maria@acme.dev' }]);
      expect(fake.requests.map(({ path }) => path).sort()).toEqual([
        `/v2/schedules/${schedule}/on-calls`,
        `/v2/schedules/${schedule}/timeline`,
      ]);
      const onCalls = fake.requests.find(({ path }) => path.endsWith('/on-calls'));
      const [asked, timeline] = [onCalls?.query, fake.requests.find(({ path }) => path.endsWith('/timeline'))?.query];
      expect(Object.fromEntries(asked ?? [])).toEqual({ scheduleIdentifierType: type, flat: 'false', date: '2026-11-15T12:00:00.000Z' });
      expect(timeline?.get('identifierType')).toBe(type);
      expect(onCalls?.headers.authorization).toBe(`GenieKey ${fake.key}`);
    }
  });

  it('takes what looks like an id for a name where no schedule has that id', async () => {
    const schedule = '7d0a5b2e-3c1f-4c64-9a2b-0123456789ab';
    fake.shift({ schedule, user: 'maria@acme.dev', ...week });
    expect(await ask({ schedule })).toMatchObject([{ email: 'maria@acme.dev' }]);
  });

  it('looks up each user, team and service once, however many incidents name them', async () => {
    fake.team('Databases', ['ana@acme.dev']);
    for (const message of ['One', 'Two', 'Three'])
      fake.incident({ message, users: ['maria@acme.dev'], teams: ['Databases'], services: ['search'] });
    expect((await (await open()).incidents?.({}))?.map(({ assigned }) => assigned)).toEqual(
      Array(3).fill(['maria@acme.dev', 'ana@acme.dev']),
    );
    const paths = fake.requests.map(({ path }) => path.replace(/[0-9a-f-]{36}/, ':id'));
    expect(paths).toEqual(['/v1/incidents/', '/v1/incidents/', '/v2/users/:id', '/v2/teams/:id', '/v1/services/:id']);
  });

  it('never goes where the address of the next page points', async () => {
    for (let n = 0; n < 5; n++) fake.incident({ message: `${n}`, users: ['maria@acme.dev'] });
    expect(await (await open()).incidents?.({})).toHaveLength(5);
    expect(fake.requests.filter(({ path }) => path === '/v1/incidents/').map(({ query }) => query.get('offset'))).toEqual(['0', '2', '4']);
  });
});

describe('who counts in Opsgenie', () => {
  it('gives no end where the timeline does not have the person, rather than one that was made up', async () => {
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...week });
    fake.timeless('Database Primary');
    expect(await ask({ schedule: 'Database Primary' })).toEqual([{ schedule: 'Database Primary', email: 'maria@acme.dev', level: 1 }]);
  });

  it('takes a shift that Opsgenie cuts in two at the present moment for one', async () => {
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', start: week.start, end: '2026-11-15T12:00:00Z' });
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', start: '2026-11-15T12:00:00Z', end: week.end });
    const [start, end] = [Date.parse(week.start), Date.parse(week.end)];
    expect(await ask({ schedule: 'Database Primary' })).toMatchObject([{ email: 'maria@acme.dev', start, end }]);
  });

  it('names the end of its timeline, weeks from now, for who is always on call', async () => {
    fake.shift({ schedule: 'Database Primary', user: 'cto@acme.dev', start: null, end: null });
    const [shift] = await ask({ schedule: 'Database Primary' });
    expect(shift?.start).toBeUndefined();
    expect(shift?.end).toBe(at + 28 * 86_400_000);
  });

  it('counts the people of an escalation by who is notified first', async () => {
    const shift = { schedule: 'Database Primary', ...week };
    fake.shift({ ...shift, user: 'maria@acme.dev', level: 1 });
    fake.shift({ ...shift, user: 'sam@acme.dev', level: 3 });
    fake.shift({ ...shift, user: 'ana@acme.dev', level: 3 });
    expect((await ask({ schedule: 'Database Primary', levels: [2] })).map(({ email }) => email)).toEqual(['sam@acme.dev', 'ana@acme.dev']);
  });

  it('counts nobody on a schedule that is switched off', async () => {
    fake.schedule('Database Primary', false);
    fake.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', ...week });
    expect(await ask({ schedule: 'Database Primary' })).toEqual([]);
    fake.requests.length = 0;
    expect(await ask({})).toEqual([]);
    expect(fake.requests.map(({ path }) => path)).toEqual(['/v2/schedules']);
  });

  it.each([
    ['for another schedule', { _parent: { id: 'another', name: 'Office' } }, 'answered with "Office"'],
    ['that does not say for which', { _parent: undefined }, '_parent'],
    ['that has no list of people', { onCallParticipants: undefined }, 'onCallParticipants'],
    ['that does not say what somebody is', { onCallParticipants: [{ name: 'eve@acme.dev' }] }, 'type'],
    ['that names people by no e-mail address', { onCallParticipants: [{ type: 'user', name: 'Eve' }] }, 'no e-mail address'],
  ])('refuses an answer %s', async (_, wrong, words) => {
    const right = {
      ...{ _parent: { id: 'one', name: 'Database Primary' }, onCallParticipants: [{ type: 'user', name: 'eve@acme.dev' }] },
      ...{ startDate: week.start, endDate: week.end, finalTimeline: { rotations: [] } },
    };
    fake.failAlways({ status: 200, body: JSON.stringify({ data: right }) });
    expect(await ask({ schedule: 'Database Primary' })).toMatchObject([{ email: 'eve@acme.dev' }]);
    fake.failAlways({ status: 200, body: JSON.stringify({ data: { ...right, ...wrong } }) });
    await expect(ask({ schedule: 'Database Primary' })).rejects.toMatchObject({
      fault: 'malformed',
      message: expect.stringContaining(words),
    });
  });

  it('has no escalation policies and says so', async () => {
    await expect(ask({ escalationPolicy: 'Databases' })).rejects.toMatchObject({
      fault: 'refused',
      message: expect.stringContaining('escalation'),
      next: expect.stringContaining('schedules'),
    });
  });

  it('counts the owner and the members of a team that responds', async () => {
    fake.team('Databases', ['ana@acme.dev', 'Sam@acme.dev']);
    fake.incident({ message: 'Disk full', teams: ['Databases'], owner: 'boss@acme.dev' });
    expect((await (await open()).incidents?.({}))?.[0]?.assigned.toSorted()).toEqual(['ana@acme.dev', 'boss@acme.dev', 'sam@acme.dev']);
  });

  it('counts nobody of a team that the key may not read, and says so in the log', async () => {
    fake.incident({ message: 'Disk full', teams: ['Databases'] });
    fake.fail({ afterMs: 1 }, { status: 403 });
    expect(await (await open()).incidents?.({})).toMatchObject([{ title: 'Disk full', assigned: [] }]);
    expect(lines.join('\n')).toContain('count for nobody');
  });

  it('takes an incident without its responders for a malformed answer, not for one that nobody is on', async () => {
    const written = { id: 'x', tinyId: '7', status: 'open' };
    fake.fail({ status: 200, body: JSON.stringify({ data: [written] }) });
    await expect((await open()).incidents?.({})).rejects.toMatchObject({
      fault: 'malformed',
      message: expect.stringContaining('responders'),
    });
  });

  it('drops what is not open from the list, should the query be overlooked, and refuses the answer about another incident', async () => {
    const closed = { id: 'x', tinyId: '7', status: 'closed', responders: [] };
    fake.fail({ status: 200, body: JSON.stringify({ data: [closed] }) });
    expect(await (await open()).incidents?.({})).toEqual([]);
    fake.fail({ status: 200, body: JSON.stringify({ data: closed }) });
    await expect((await open()).incident?.('8', {})).rejects.toMatchObject({ fault: 'malformed' });
  });

  it('waits as long as Opsgenie says', async () => {
    fake.schedule('Database Primary');
    fake.failAlways({ status: 429, headers: { 'x-ratelimit-period-in-sec': '60' } });
    await expect(ask({ schedule: 'Database Primary' })).rejects.toMatchObject({ fault: 'rate-limited', retryAfterMs: 60_000 });
  });
});

describe('the settings of opsgenie', () => {
  it('are those of a service that ends, as policy check says; the policy works all the same', async () => {
    const text = `version: 1
ledger: ./oncall.db
directories: { local: { path: ./groups.json } }
rosters: { opsgenie: { key: { env: X }, endpoint: 'http://127.0.0.1:1' } }
roles: { db: { targets: { local: db }, allow: [ { onCall: opsgenie/Primary, until: shift } ] } }`;
    const { policy, issues } = parsePolicy(text, { path: '/oncall.yaml', digest: '', kinds: await allKinds() });
    expect(issues).toMatchObject([{ severity: 'warning', code: 'service-ends', line: 4, message: expect.stringContaining('2027-04-05') }]);
    expect(policy?.rosters).toHaveProperty('opsgenie');
  });

  const key = { env: keyName };
  const valid = (settings: object) => z.safeParse(opsgenie.settings, { key, ...settings }).success;

  it('sends the key over https to one of the two regions, or to this machine', () => {
    expect(valid({ region: 'eu' })).toBe(true);
    expect(valid({ endpoint: 'http://127.0.0.1:4010' })).toBe(true);
    expect(valid({ endpoint: 'http://api.opsgenie.com' })).toBe(false);
    expect(valid({ region: 'eu', endpoint: 'https://api.opsgenie.com' })).toBe(false);
    expect(valid({ region: 'asia' })).toBe(false);
  });

  it('refuses a key written into the file, and what it does not know', () => {
    expect(valid({ key: 'eb243592-faa2' })).toBe(false);
    expect(valid({ token: key })).toBe(false);
  });

  it('knows which of them reach nothing but this machine', () => {
    const isLocal = (settings: object) => opsgenie.isLocal(z.parse(opsgenie.settings, { key, ...settings }));
    expect([isLocal({}), isLocal({ region: 'eu' }), isLocal({ endpoint: 'http://localhost:4010' })]).toEqual([false, false, true]);
  });
});
