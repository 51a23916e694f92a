/** What every roster must do, whoever keeps it. A new adapter runs this suite with hooks that arrange its world. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Roster } from '../../src/rosters/roster.ts';
import { type FaultyProvider, faultContract } from './roster-faults.ts';
import { type ArrangedIncidents, incidentContract } from './roster-incidents.ts';

export type WrittenShift = { readonly user: string; readonly start?: string; readonly end?: string; readonly level?: number };

export type ArrangedRoster = {
  readonly roster: Roster;
  /** Replaces the world. Each schedule must be one that the provider would answer for. */
  arrange(schedules: Readonly<Record<string, readonly WrittenShift[]>>): Promise<void>;
  /** The person stands in on that schedule for whoever is on it; left out: nobody can stand in there but by a change of the shifts. */
  readonly override?: (schedule: string, shift: { readonly user: string; readonly start: string; readonly end: string }) => Promise<void>;
  readonly incidents?: ArrangedIncidents;
  /** Left out: it asks nobody. */
  readonly provider?: FaultyProvider;
  stop(): Promise<void>;
};

const november = { start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };
/** Providers that show only weeks of a schedule know these bounds. */
const week = { start: '2026-11-12T08:00:00Z', end: '2026-11-19T08:00:00Z' };
const midNovember = Date.parse('2026-11-15T12:00:00Z');

/** `knows`: which parts of the contract there are for it, as the suite is laid out before the world is made. */
export function rosterContract(
  name: string,
  make: () => Promise<ArrangedRoster>,
  knows: {
    readonly incidents?: boolean;
    readonly overHttp?: boolean;
    /** False: its schedules have none, and it says so where it is asked for them. */
    readonly levels?: boolean;
    /** False: every entry of it has an end. */
    readonly permanent?: boolean;
  } = {},
): void {
  describe(`${name} keeps the contract of a roster`, () => {
    let world: ArrangedRoster;
    beforeAll(async () => {
      world = await make();
    });
    afterAll(() => world.stop());

    const ask = (query: { schedule?: string; levels?: readonly number[] }, at = midNovember) =>
      world.roster.onCall({ levels: [], ...query }, at, {});
    const emails = async (query: { schedule?: string; levels?: readonly number[] }, at?: number) =>
      (await ask(query, at)).map(({ email }) => email).sort();

    it('names who is on call, with the bounds and the level of the shift, and nobody else', async () => {
      await world.arrange({
        primary: [
          { user: 'maria@acme.dev', ...week, level: 1 },
          { user: 'sam@acme.dev', start: week.end, end: '2026-11-26T08:00:00Z', level: 1 },
        ],
        secondary: [{ user: 'ana@acme.dev', ...november, level: 1 }],
      });
      const level = knows.levels === false ? {} : { level: 1 };
      expect(await ask({ schedule: 'primary' })).toEqual([
        { schedule: 'primary', email: 'maria@acme.dev', start: Date.parse(week.start), end: Date.parse(week.end), ...level },
      ]);
    });

    it('answers with nobody where nobody is on call', async () => {
      await world.arrange({ primary: [{ user: 'maria@acme.dev', ...november }] });
      expect(await ask({ schedule: 'primary' }, Date.parse('2026-12-24T00:00:00Z'))).toEqual([]);
    });

    it('answers with nobody for a schedule that is there and empty', async () => {
      await world.arrange({ primary: [], secondary: [{ user: 'maria@acme.dev', ...november }] });
      expect(await ask({ schedule: 'primary' })).toEqual([]);
    });

    it('throws not-found for a schedule that is not there, named like a word or like an id', async () => {
      await world.arrange({ primary: [{ user: 'maria@acme.dev', ...november }] });
      await expect(ask({ schedule: 'prim' })).rejects.toMatchObject({
        name: 'ProviderError',
        fault: 'not-found',
        message: expect.stringContaining('"prim"'),
      });
      await expect(ask({ schedule: 'PZZZZZZ' })).rejects.toMatchObject({
        name: 'ProviderError',
        fault: 'not-found',
        message: expect.stringContaining('"PZZZZZZ"'),
      });
      await expect(ask({ schedule: 'constructor' })).rejects.toMatchObject({ name: 'ProviderError', fault: 'not-found' });
    });

    it('finds a schedule whose name looks like an id', async () => {
      await world.arrange({ DATABASE: [{ user: 'maria@acme.dev', ...november }] });
      expect(await emails({ schedule: 'DATABASE' })).toEqual(['maria@acme.dev']);
    });

    it('hands over at one instant: the first counts until before it, the second from it on', async () => {
      const handover = '2026-11-10T09:00:00Z';
      await world.arrange({
        primary: [
          { user: 'maria@acme.dev', start: november.start, end: handover },
          { user: 'sam@acme.dev', start: handover, end: november.end },
        ],
      });
      expect(await emails({ schedule: 'primary' }, Date.parse(handover) - 1)).toEqual(['maria@acme.dev']);
      expect(await emails({ schedule: 'primary' }, Date.parse(handover))).toEqual(['sam@acme.dev']);
    });

    it('gives a person on two schedules once for each where no schedule is named', async () => {
      await world.arrange({ primary: [{ user: 'maria@acme.dev', ...november }], secondary: [{ user: 'maria@acme.dev', ...november }] });
      const shifts = await ask({});
      expect(shifts.map(({ schedule, email }) => `${schedule} ${email}`).sort()).toEqual([
        'primary maria@acme.dev',
        'secondary maria@acme.dev',
      ]);
      expect(await emails({ schedule: 'secondary' })).toEqual(['maria@acme.dev']);
    });

    it('gives everybody, however many there are', async () => {
      const many = Array.from({ length: 23 }, (_, at) => `person-${String(at).padStart(2, '0')}@acme.dev`);
      await world.arrange({ primary: many.map((user) => ({ user, ...november })) });
      expect(await emails({ schedule: 'primary' })).toEqual(many);
    });

    it.skipIf(knows.permanent === false)('gives a permanent entry without bounds', async () => {
      await world.arrange({ primary: [{ user: 'cto@acme.dev', level: 1 }] });
      expect(await ask({ schedule: 'primary' })).toEqual([
        { schedule: 'primary', email: 'cto@acme.dev', start: null, end: null, level: 1 },
      ]);
    });

    it.skipIf(knows.levels === false)('keeps levels apart: who is on call at level 2 only is not on call at level 1', async () => {
      await world.arrange({
        primary: [
          { user: 'maria@acme.dev', ...november, level: 1 },
          { user: 'boss@acme.dev', ...november, level: 2 },
        ],
      });
      expect(await emails({ schedule: 'primary', levels: [1] })).toEqual(['maria@acme.dev']);
      expect(await emails({ schedule: 'primary', levels: [2, 3] })).toEqual(['boss@acme.dev']);
      expect(await emails({ schedule: 'primary', levels: [] })).toEqual(['boss@acme.dev', 'maria@acme.dev']);
    });

    it.runIf(knows.levels === false)('refuses to answer for levels, rather than with people of any level or of none', async () => {
      await world.arrange({ primary: [{ user: 'maria@acme.dev', ...november }] });
      await expect(ask({ schedule: 'primary', levels: [1] })).rejects.toMatchObject({ name: 'ProviderError', fault: 'refused' });
    });

    it('folds the case of e-mail addresses', async () => {
      await world.arrange({ primary: [{ user: 'Maria.Silva@ACME.dev', ...november }] });
      expect(await emails({ schedule: 'primary' })).toEqual(['maria.silva@acme.dev']);
    });

    it('goes by instants, not by the clock on the wall: the hour that comes twice in October has two people', async () => {
      await world.arrange({
        primary: [
          { user: 'maria@acme.dev', start: '2026-10-24T00:00:00+02:00', end: '2026-10-25T02:00:00+01:00' },
          { user: 'sam@acme.dev', start: '2026-10-25T02:00:00+01:00', end: '2026-10-26T00:00:00+01:00' },
        ],
      });
      expect(await emails({ schedule: 'primary' }, Date.parse('2026-10-25T02:30:00+02:00'))).toEqual(['maria@acme.dev']);
      expect(await emails({ schedule: 'primary' }, Date.parse('2026-10-25T02:30:00+01:00'))).toEqual(['sam@acme.dev']);
    });

    it('loses and doubles nobody in the night in March that is an hour short', async () => {
      await world.arrange({
        primary: [
          { user: 'maria@acme.dev', start: '2026-03-28T08:00:00+01:00', end: '2026-03-29T08:00:00+02:00' },
          { user: 'sam@acme.dev', start: '2026-03-29T08:00:00+02:00', end: '2026-03-30T08:00:00+02:00' },
        ],
      });
      expect(await emails({ schedule: 'primary' }, Date.parse('2026-03-29T06:59:59+01:00') - 3_600_000)).toEqual(['maria@acme.dev']);
      expect(await emails({ schedule: 'primary' }, Date.parse('2026-03-29T07:00:00+01:00'))).toEqual(['sam@acme.dev']);
    });

    it('gives who stands in for somebody, for as long as that lasts and no longer', async () => {
      if (world.override === undefined) return;
      await world.arrange({ primary: [{ user: 'maria@acme.dev', ...november }] });
      await world.override('primary', { user: 'sam@acme.dev', start: '2026-11-15T08:00:00Z', end: '2026-11-15T20:00:00Z' });
      expect(await ask({ schedule: 'primary' })).toMatchObject([{ email: 'sam@acme.dev', end: Date.parse('2026-11-15T20:00:00Z') }]);
      expect(await emails({ schedule: 'primary' }, Date.parse('2026-11-15T20:00:00Z'))).toEqual(['maria@acme.dev']);
      expect(await emails({ schedule: 'primary' }, Date.parse('2026-11-15T07:59:59Z'))).toEqual(['maria@acme.dev']);
    });

    it('says whose shifts touch a time that is asked about, each with its own bounds, and no others', async () => {
      if (world.roster.shifts === undefined) return;
      const [before, after] = ['2026-11-05T08:00:00Z', '2026-11-26T08:00:00Z'];
      await world.arrange({
        primary: [
          { user: 'ana@acme.dev', start: before, end: week.start },
          { user: 'maria@acme.dev', ...week },
          { user: 'sam@acme.dev', start: week.end, end: after },
          { user: 'eve@acme.dev', start: after, end: '2026-12-03T08:00:00Z' },
        ],
        secondary: [{ user: 'boss@acme.dev', ...november }],
      });
      const span = { from: midNovember, to: Date.parse('2026-11-20T08:00:00Z') };
      const shifts = await world.roster.shifts({ schedule: 'primary', levels: [] }, span, {});
      expect(shifts?.map(({ email, start, end }) => [email, start, end]).sort()).toEqual([
        ['maria@acme.dev', Date.parse(week.start), Date.parse(week.end)],
        ['sam@acme.dev', Date.parse(week.end), Date.parse(after)],
      ]);
      await expect(world.roster.shifts({ schedule: 'prim', levels: [] }, span, {})).rejects.toMatchObject({ fault: 'not-found' });
    });

    if (knows.incidents) incidentContract(() => world);
    if (knows.overHttp)
      faultContract(
        () => world,
        async () => {
          await world.arrange({ primary: [{ user: 'maria@acme.dev', ...november }] });
          return (await world.incidents?.arrange([{ title: 'Disk full', assigned: ['maria@acme.dev'] }]))?.[0] ?? '';
        },
      );
  });
}
