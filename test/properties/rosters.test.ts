/** Whatever a roster's answer is changed into: what is read from it has the promised shape, names nobody who was not named, and gives no shift that ends later; or it is no answer. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import { isProviderError } from '../../src/errors.ts';
import type { Program } from '../../src/program-run.ts';
import { readIncident, readIncidents, readShifts } from '../../src/rosters/command-answer.ts';
import incidentIo from '../../src/rosters/incident-io.ts';
import type { Incident, Roster, Shift } from '../../src/rosters/roster.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { startIncidentIo } from '../fakes/incident-io.ts';
import { cases, damaged, damagedJson, expectNoPollution } from './hostile.ts';

const long = 60 * 60_000;
const at = Date.parse('2026-11-15T12:00:00Z');
const november = { start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };

function expectShifts(shifts: readonly Shift[]): void {
  for (const { email, schedule, start, end, level } of shifts) {
    expect([typeof email, email !== '', email, typeof schedule]).toEqual(['string', true, email.toLowerCase(), 'string']);
    // A bound that is no time would be access without one.
    for (const time of [start, end]) expect(time === null || Number.isFinite(time)).toBe(true);
    expect(level === undefined || (Number.isSafeInteger(level) && level > 0)).toBe(true);
  }
}

function expectIncident({ ref, live, severities, services, assigned, openedBy, openedAt }: Incident): void {
  expect([typeof ref, typeof live]).toEqual(['string', 'boolean']);
  for (const text of [...severities, ...services, ...assigned, openedBy ?? '']) expect(typeof text).toBe('string');
  expect(assigned).toEqual(assigned.map((email) => email.toLowerCase()));
  expect(openedAt === undefined || Number.isFinite(openedAt)).toBe(true);
}

describe('command', () => {
  const program: Program = {
    title: 'ours',
    page: 'docs/rosters.md',
    path: '/bin/x',
    args: [],
    cwd: '/',
    env: {},
    secrets: [],
    timeoutMs: 1,
  };
  const shift = { user: 'maria@acme.dev', schedule: 'primary', ...november, level: 1 };
  const incident = {
    ...{ ref: 'INC-42', live: true, severities: ['major'], services: ['payments'], assigned: ['maria@acme.dev'] },
    ...{ title: 'Slow', type: 'outage', openedBy: 'sam@acme.dev', assignedBy: null, openedAt: november.start },
  };
  const documents = [
    { schema: 1, shifts: [shift, { ...shift, user: 'sam@acme.dev', end: null }] },
    { schema: 1, incident },
    { schema: 1, incidents: [incident, { ...incident, live: false }] },
    { schema: 1, error: { code: 'not-found', message: 'there is none', next: 'look' } },
  ];
  const text = fc.oneof(
    damaged(documents.map((document) => JSON.stringify(document))),
    ...documents.map((document) => damagedJson(document).map((value) => JSON.stringify(value) ?? '')),
  );

  it('may print anything', () => {
    const read = <T>(reader: () => T): T | undefined => {
      try {
        return reader();
      } catch (error) {
        if (!isProviderError(error)) throw error;
        expect(error.message).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
        expect(error.message.length).toBeLessThan(400);
        return undefined;
      } finally {
        expectNoPollution();
      }
    };
    const levels = fc.constantFrom<readonly number[]>([], [1]);
    fc.assert(
      fc.property(text, levels, (answer, asked) => {
        const bytes = Buffer.from(answer);
        expectShifts(read(() => readShifts(bytes, program, asked)) ?? []);
        const found = [read(() => readIncident(bytes, program)), ...(read(() => readIncidents(bytes, program)) ?? [])];
        for (const one of found) if (one !== undefined) expectIncident(one);
      }),
      cases(2000),
    );
  });
});

describe('incident.io', () => {
  const keyName = 'ONCALL_TEST_PROPERTIES_INCIDENT_IO';
  let fake: Awaited<ReturnType<typeof startIncidentIo>>;
  let proxy: FaultProxy;
  let roster: Roster;
  beforeAll(async () => {
    fake = await startIncidentIo();
    proxy = await startFaultProxy(fake.url);
    process.env[keyName] = fake.key;
    for (const name of ['A', 'B', 'Night']) fake.schedule(name);
    for (const user of ['maria@acme.dev', 'sam@acme.dev']) fake.shift({ schedule: 'Night', user, ...november });
    for (const number of [1, 2, 3])
      fake.incident({ number, severity: 'Major', openedBy: 'sam@acme.dev', roles: [{ type: 'lead', user: 'maria@acme.dev' }] });
    const settings = z.parse(incidentIo.settings, { key: { env: keyName }, endpoint: proxy.url });
    const context = { name: 'incident-io', now: () => at, log: () => undefined, onServerDate: () => undefined, baseDir: '/' };
    roster = await incidentIo.open(settings, context);
  });
  afterAll(async () => {
    delete process.env[keyName];
    await Promise.all([proxy.stop(), fake.stop()]);
  });

  it(
    'may answer anything',
    async () => {
      const kept = async <T>(work: Promise<T> | undefined): Promise<T | undefined> => {
        try {
          return await work;
        } catch (error) {
          if (!isProviderError(error)) throw error;
          return undefined;
        } finally {
          expectNoPollution();
        }
      };
      const damage = (body: string, salt: number): string =>
        fc.sample(damagedJson(JSON.parse(body)), { seed: salt, numRuns: 1 }).map((value) => JSON.stringify(value) ?? '')[0] ?? '';
      await fc.assert(
        fc.asyncProperty(fc.nat(3), fc.nat(), async (nth, salt) => {
          let seen = 0;
          proxy.clear();
          proxy.rewrite((_, answer) => (seen++ === nth ? { ...answer, body: damage(answer.body, salt) } : answer));
          expectShifts((await kept(roster.onCall({ schedule: 'Night', levels: [] }, at, {}))) ?? []);
          seen = 0;
          for (const one of (await kept(roster.incidents?.({}))) ?? []) expectIncident(one);
          seen = 0;
          const found = await kept(roster.incident?.('INC-2', {}));
          if (found !== undefined) expectIncident(found);
        }),
        cases(100, 0.3),
      );
    },
    long,
  );
});
