/** What every roster must do, whoever keeps it. A new adapter runs this suite with hooks that arrange its world. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Roster } from '../../src/rosters/roster.ts';

export type WrittenShift = { readonly user: string; readonly start?: string; readonly end?: string; readonly level?: number };

export type ArrangedRoster = {
  readonly roster: Roster;
  /** Replaces the world. Each schedule must be one that the provider would answer for. */
  arrange(schedules: Readonly<Record<string, readonly WrittenShift[]>>): Promise<void>;
  stop(): Promise<void>;
};

const november = { start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };
const midNovember = Date.parse('2026-11-15T12:00:00Z');

export function rosterContract(name: string, make: () => Promise<ArrangedRoster>): void {
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
          { user: 'maria@acme.dev', ...november, level: 1 },
          { user: 'sam@acme.dev', start: '2026-12-01T00:00:00Z', end: '2027-01-01T00:00:00Z', level: 1 },
        ],
        secondary: [{ user: 'ana@acme.dev', ...november, level: 1 }],
      });
      expect(await ask({ schedule: 'primary' })).toEqual([
        { schedule: 'primary', email: 'maria@acme.dev', start: Date.parse(november.start), end: Date.parse(november.end), level: 1 },
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

    it('gives a permanent entry without bounds', async () => {
      await world.arrange({ primary: [{ user: 'cto@acme.dev', level: 1 }] });
      expect(await ask({ schedule: 'primary' })).toEqual([
        { schedule: 'primary', email: 'cto@acme.dev', start: null, end: null, level: 1 },
      ]);
    });

    it('keeps levels apart: who is on call at level 2 only is not on call at level 1', async () => {
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
  });
}
