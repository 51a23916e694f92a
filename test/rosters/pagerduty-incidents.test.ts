/** Incidents of PagerDuty through a fake that keeps a log of who did what: whose doing it was that a person is on one. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import pagerduty from '../../src/rosters/pagerduty.ts';
import type { Roster } from '../../src/rosters/roster.ts';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';

const keyName = 'ONCALL_TEST_PAGERDUTY_INCIDENTS_KEY';
const [maria, sam, ana] = ['maria@acme.dev', 'sam@acme.dev', 'ana@acme.dev'];

let fake: FakePagerDuty;
let roster: Roster;
const lines: string[] = [];

beforeAll(async () => {
  fake = await startPagerDuty();
  process.env[keyName] = fake.key;
});
afterAll(async () => {
  delete process.env[keyName];
  await fake.stop();
});
beforeEach(async () => {
  fake.reset();
  lines.length = 0;
  const log = (line: string) => void lines.push(line);
  const context = { name: 'pagerduty', now: () => 0, log, onServerDate: () => {}, baseDir: '/' };
  roster = await pagerduty.open(z.parse(pagerduty.settings, { token: { env: keyName }, endpoint: fake.url }), context);
});

const find = async (number: number) => {
  const found = await roster.incident?.(String(number), {});
  if (found === undefined) throw new Error('not found');
  return found;
};
const origin = async (number: number, email: string) => roster.origin?.(await find(number), email, {});
const paths = (): string[] => fake.requests.map(({ path }) => path);

describe('who is on an incident of PagerDuty', () => {
  it('counts who is assigned and who has acknowledged, each once, and no service', async () => {
    const number = fake.incidents.open();
    fake.incidents.assign(number, [maria, sam]);
    fake.incidents.acknowledge(number, maria);
    fake.incidents.acknowledge(number, ana);
    fake.incidents.acknowledgeByService(number);
    expect((await find(number)).assigned).toEqual([maria, sam, ana]);
    expect(paths()).toEqual([`/incidents/${number}`]);
  });

  it('costs one call for one incident, and one a page for all that are live', async () => {
    for (let n = 0; n < 5; n++) fake.incidents.assign(fake.incidents.open(), [maria]);
    await roster.incident?.('1001', {});
    expect(paths()).toEqual(['/incidents/1001']);
    fake.requests.length = 0;
    expect(await roster.incidents?.({})).toHaveLength(5);
    expect(paths()).toEqual(['/incidents', '/incidents', '/incidents']);
    const [first] = fake.requests;
    expect(first?.query.getAll('statuses[]')).toEqual(['triggered', 'acknowledged']);
    expect(first?.query.getAll('include[]')).toEqual(['assignees', 'acknowledgers']);
    expect(first?.query.get('date_range')).toBe('all');
  });

  it('looks up a user of whom only a reference comes, once; one that is gone counts for nobody', async () => {
    const gone = fake.user('gone', null);
    for (let n = 0; n < 3; n++) fake.incidents.assign(fake.incidents.open(), ['gone', maria]);
    expect((await roster.incidents?.({}))?.map(({ assigned }) => assigned)).toEqual([[maria], [maria], [maria]]);
    expect(paths().filter((path) => path === `/users/${gone}`)).toHaveLength(1);
    expect(lines.join('\n')).toContain(gone);
  });

  it('takes an incident without its lists of people for a malformed answer, not for one that nobody is on', async () => {
    const half = { id: 'PI1', incident_number: 7, status: 'triggered', assignments: [] };
    fake.fail({ status: 200, body: JSON.stringify({ incident: half }) });
    await expect(roster.incident?.('7', {})).rejects.toMatchObject({
      fault: 'malformed',
      message: expect.stringContaining('acknowledgements'),
    });
  });

  it('refuses the answer about another incident', async () => {
    const other = { id: 'PI1', incident_number: 8, status: 'triggered', assignments: [], acknowledgements: [] };
    fake.fail({ status: 200, body: JSON.stringify({ incident: other }) });
    await expect(roster.incident?.('7', {})).rejects.toMatchObject({ fault: 'malformed' });
  });

  it('drops what is not live from the list, should the filter be overlooked', async () => {
    const over = { id: 'PI1', incident_number: 8, status: 'resolved', assignments: [], acknowledgements: [] };
    fake.fail({ status: 200, body: JSON.stringify({ incidents: [over], more: false }) });
    expect(await roster.incidents?.({})).toEqual([]);
  });

  it('names service, priority and urgency, and when it began and ended', async () => {
    const number = fake.incidents.open({ service: 'Database', priority: 'P1', urgency: 'low', type: 'outage', at: '2026-11-15T09:00:00Z' });
    fake.incidents.resolve(number);
    const found = await find(number);
    expect(found).toMatchObject({ severities: ['P1', 'low'], type: 'outage', openedAt: Date.parse('2026-11-15T09:00:00Z') });
    expect(found.services).toEqual(['Database', fake.incidents.serviceOf('Database').id]);
    expect(found.endedAt).toBeGreaterThan(found.openedAt ?? 0);
  });

  it('is found by its id however it is typed', async () => {
    await roster.incident?.('q1abcdefgh23xy', {});
    expect(paths()).toEqual(['/incidents/Q1ABCDEFGH23XY']);
  });

  it('asks nothing about a reference that cannot be one of PagerDuty', async () => {
    for (const ref of ['INC-42', '../users', 'a b', '']) expect(await roster.incident?.(ref, {})).toBeUndefined();
    expect(paths()).toEqual([]);
  });
});

describe('whose doing it is that a person is on an incident of PagerDuty', () => {
  it('costs one call for the log, and one for each person in it whose e-mail is not known yet', async () => {
    const number = fake.incidents.open({ by: sam });
    fake.incidents.assign(number, [maria], ana);
    const found = await find(number);
    fake.requests.length = 0;
    expect(await roster.origin?.(found, maria, {})).toEqual({ openedBy: sam, assignedBy: ana });
    const log = `/incidents/${fake.incidents.idOf(number)}/log_entries`;
    expect(paths().map((path) => path.replace(/^\/users\/.*/, '/users'))).toEqual([log, '/users', '/users']);
    expect(fake.requests[0]?.query.get('is_overview')).toBe('false');
  });

  it('is a monitor and an escalation policy where no person did it', async () => {
    const number = fake.incidents.open({ service: 'Database' });
    fake.incidents.assign(number, [maria]);
    expect(await origin(number, maria)).toEqual({ openedBy: 'Database', assignedBy: 'Database' });
  });

  it('is their own where they acknowledged what nobody had assigned to them', async () => {
    const number = fake.incidents.open();
    fake.incidents.assign(number, [sam]);
    fake.incidents.acknowledge(number, maria);
    expect((await origin(number, maria))?.assignedBy).toBe(maria);
  });

  it('is not their own where they acknowledged, or passed on, what they were assigned before', async () => {
    const number = fake.incidents.open();
    fake.incidents.assign(number, [maria], ana);
    fake.incidents.acknowledge(number, maria);
    fake.incidents.assign(number, [maria, sam], maria);
    expect((await origin(number, maria))?.assignedBy).toBe(ana);
    expect((await origin(number, sam))?.assignedBy).toBe(maria);
  });

  it('is their own where they were taken off it and came back by themselves', async () => {
    const number = fake.incidents.open();
    fake.incidents.assign(number, [maria], ana);
    fake.incidents.assign(number, [sam], ana);
    fake.incidents.assign(number, [maria], maria);
    expect((await origin(number, maria))?.assignedBy).toBe(maria);
  });

  it('is the other where somebody confirmed what they had assigned to themselves', async () => {
    const number = fake.incidents.open();
    fake.incidents.assign(number, [maria], maria);
    fake.incidents.assign(number, [maria, sam], ana);
    expect((await origin(number, maria))?.assignedBy).toBe(ana);
  });

  it('is not known where the log does not say, or where the one who did it has no e-mail any more', async () => {
    const number = fake.incidents.open();
    fake.incidents.assign(number, [sam]);
    expect(await origin(number, maria)).toEqual({});
    fake.user('gone', null);
    const other = fake.incidents.open({ by: 'gone' });
    fake.incidents.assign(other, [maria]);
    expect(await origin(other, maria)).toEqual({});
  });

  it('is never half known: a log that cannot be read is an error', async () => {
    const number = fake.incidents.open();
    fake.incidents.assign(number, [maria]);
    const found = await find(number);
    fake.fail({ status: 403 });
    await expect(roster.origin?.(found, maria, {})).rejects.toMatchObject({ fault: 'forbidden' });
    const page = { log_entries: [{ type: 'assign_log_entry' }], more: false };
    fake.fail({ status: 200, body: JSON.stringify(page) });
    await expect(roster.origin?.(found, maria, {})).rejects.toMatchObject({ fault: 'malformed' });
  });
});
