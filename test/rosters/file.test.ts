/** The roster that a person keeps in YAML. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import file from '../../src/rosters/file.ts';
import type { Roster } from '../../src/rosters/roster.ts';
import { rosterContract } from '../contracts/roster.ts';

const folder = mkdtempSync(join(tmpdir(), 'oncall-roster-'));
const path = join(folder, 'schedule.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

const open = (): Promise<Roster> =>
  file.open({ path: 'schedule.yaml' }, { name: 'file', now: () => 0, log: () => {}, onServerDate: () => {}, baseDir: folder });
const at = Date.parse('2026-11-15T12:00:00Z');
const ask = async (yaml: string, query: { schedule?: string; escalationPolicy?: string; levels?: number[] } = {}) => {
  writeFileSync(path, yaml);
  return (await open()).onCall({ levels: [], ...query }, at, {});
};

rosterContract(
  'file',
  async () => {
    let written: Record<string, object> = {};
    const write = (): void => writeFileSync(path, JSON.stringify({ incidents: written }));
    return {
      roster: await open(),
      arrange: async (schedules) => writeFileSync(path, JSON.stringify({ schedules })),
      incidents: {
        arrange: async (incidents) => {
          written = Object.fromEntries(
            incidents.map(
              ({ live = true, openedAt = '2026-11-15T12:00:00Z', openedBy = 'monitor', assignedBy = 'schedule', ...more }, at) => [
                `INC-${at + 1}`,
                { status: live ? 'live' : 'closed', openedAt, openedBy, assignedBy, ...more },
              ],
            ),
          );
          write();
          return Object.keys(written);
        },
        reassign: async (ref, assigned) => {
          written = { ...written, [ref]: { ...written[ref], assigned } };
          write();
        },
        unknown: 'INC-40',
      },
      stop: async () => {},
    };
  },
  { incidents: true },
);

const sample = `schedules:
  db-primary:
    - { user: maria@acme.dev, start: 2026-11-01T00:00:00Z, end: 2026-12-01T00:00:00Z, level: 1 }
incidents:
  INC-42: { status: live, severity: major, assigned: [Maria@acme.dev], openedBy: sam@acme.dev, assignedBy: sam@acme.dev }
  INC-41: { status: closed, title: Disk full, services: [search], type: outage }
`;

describe('the file roster', () => {
  it('reads the form that the design shows', async () => {
    expect(await ask(sample, { schedule: 'db-primary' })).toEqual([
      {
        schedule: 'db-primary',
        email: 'maria@acme.dev',
        start: Date.parse('2026-11-01T00:00:00Z'),
        end: Date.parse('2026-12-01T00:00:00Z'),
        level: 1,
      },
    ]);
    expect((await open()).title).toBe('schedule.yaml');
  });

  it('lists live incidents, and finds any by its reference', async () => {
    writeFileSync(path, sample);
    const roster = await open();
    const inc42 = {
      ref: 'INC-42',
      live: true,
      severities: ['major'],
      services: [],
      assigned: ['maria@acme.dev'],
      openedBy: 'sam@acme.dev',
      assignedBy: 'sam@acme.dev',
    };
    expect(await roster.incidents?.({})).toEqual([inc42]);
    expect(await roster.incident?.('INC-42', {})).toEqual(inc42);
    expect(await roster.incident?.('INC-41', {})).toEqual({
      ref: 'INC-41',
      live: false,
      severities: [],
      title: 'Disk full',
      type: 'outage',
      services: ['search'],
      assigned: [],
    });
    expect(await roster.incident?.('inc-42', {})).toEqual(inc42);
    expect(await roster.incident?.('INC-40', {})).toBeUndefined();
    expect(await roster.incident?.('constructor', {})).toBeUndefined();
  });

  it('finds of two that differ in capitals alone only the one that was spelled', async () => {
    writeFileSync(path, 'incidents: { db-1: { status: live }, DB-1: { status: closed } }');
    const roster = await open();
    expect(await roster.incident?.('DB-1', {})).toMatchObject({ ref: 'DB-1', live: false });
    expect(await roster.incident?.('Db-1', {})).toBeUndefined();
  });

  it('counts an edit at the next question', async () => {
    const roster = await open();
    writeFileSync(path, sample);
    expect(await roster.onCall({ schedule: 'db-primary', levels: [] }, at, {})).toHaveLength(1);
    writeFileSync(path, 'schedules: { db-primary: [] }');
    expect(await roster.onCall({ schedule: 'db-primary', levels: [] }, at, {})).toEqual([]);
  });

  it('does not count an entry without a level where levels are asked for', async () => {
    const yaml = 'schedules: { db-primary: [{ user: maria@acme.dev }] }';
    expect(await ask(yaml, { levels: [1] })).toEqual([]);
    expect(await ask(yaml)).toHaveLength(1);
  });

  it('names the schedules that are there where one is not', async () => {
    await expect(ask(sample, { schedule: 'db-secondary' })).rejects.toMatchObject({
      name: 'ProviderError',
      provider: 'schedule.yaml',
      fault: 'not-found',
      message: 'schedule.yaml has no schedule "db-secondary"',
      next: 'it has: db-primary',
    });
  });

  it('has no escalation policies and says so', async () => {
    await expect(ask(sample, { escalationPolicy: 'db' })).rejects.toMatchObject({
      fault: 'refused',
      message: expect.stringContaining('no escalation policies'),
    });
  });

  it('says which file is missing', async () => {
    rmSync(path, { force: true });
    await expect((await open()).onCall({ levels: [] }, at, {})).rejects.toMatchObject({
      name: 'ProviderError',
      fault: 'not-found',
      message: expect.stringContaining(path),
    });
  });

  it.each([
    [
      'an end before the start',
      4,
      'must be later than start',
      '\nschedules:\n  db:\n    - { user: a@b.c, start: 2026-11-02T00:00:00Z, end: 2026-11-01T00:00:00Z }',
    ],
    [
      'an end at the start',
      2,
      'must be later than start',
      'schedules:\n  db: [{ user: a@b.c, start: 2026-11-01T00:00:00Z, end: 2026-11-01T01:00:00+01:00 }]',
    ],
    ['a time without an offset', 5, 'offset', 'schedules:\n  db:\n    - user: a@b.c\n      level: 1\n      start: 2026-11-01T00:00:00'],
    ['a bare date', 2, 'offset', 'schedules:\n  db: [{ user: a@b.c, end: 2026-11-01 }]'],
    ['a day that does not exist', 2, 'instant', 'schedules:\n  db: [{ user: a@b.c, end: 2026-02-31T00:00:00Z }]'],
    [
      'a key it does not know',
      4,
      'schedules.db[0].untill is not a key here',
      'schedules:\n  db:\n    - user: a@b.c\n      untill: 2026-11-01T00:00:00Z',
    ],
    ['a key at the top that it does not know', 2, 'schedule is not a key here', '# shifts\nschedule: {}'],
    ['a key that stands twice', 3, 'unique', 'schedules:\n  db: []\n  db: []'],
    ['an entry without a user', 3, 'schedules.db[1].user', 'schedules:\n  db: [{ user: a@b.c },\n       { level: 1 }]'],
    ['a level that is no number', 2, 'whole number', 'schedules:\n  db: [{ user: a@b.c, level: first }]'],
    ['a schedule without a list', 2, 'needs a list of shifts', 'schedules:\n  db:'],
    ['an incident without a status', 2, 'incidents.INC-1.status', 'incidents:\n  INC-1: { assigned: [a@b.c] }'],
    ['two documents', 2, 'more than one document', 'schedules: {}\n---\nschedules: {}'],
    ['text that is no YAML', 1, '', 'schedules: [}'],
  ])('refuses %s and names file and line', async (_, line, words, yaml) => {
    const refused = await ask(yaml).catch((error) => error);
    expect(refused).toMatchObject({ name: 'ProviderError', fault: 'malformed' });
    expect(refused.message).toMatch(new RegExp(`^${path}:${line}: `));
    expect(refused.message).toContain(words);
  });

  it('refuses an empty file and a bomb of aliases', async () => {
    await expect(ask('')).rejects.toMatchObject({ fault: 'malformed' });
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x, x]',
      ...'bcdefgh'.split('').map((key, n) => `${key}: &${key} [${`*${'abcdefg'[n]},`.repeat(10)}]`),
    ].join('\n');
    await expect(ask(bomb)).rejects.toMatchObject({ fault: 'malformed', message: expect.stringContaining('alias') });
  });
});
