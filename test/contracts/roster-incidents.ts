/** What every roster that knows incidents must say about them, whoever keeps it. Part of `roster.ts`. */

import { describe, expect, it } from 'vitest';
import type { Incident, Roster } from '../../src/rosters/roster.ts';

export type WrittenIncident = {
  readonly title: string;
  readonly live?: boolean;
  readonly services?: readonly string[];
  readonly severity?: string;
  readonly type?: string;
  readonly assigned?: readonly string[];
  /** Left out: a monitor opened it, or its schedule put them on it. */
  readonly openedBy?: string;
  readonly assignedBy?: string;
  readonly openedAt?: string;
};

export type ArrangedIncidents = {
  /** Replaces all there are; gives their references in the same order. */
  arrange(incidents: readonly WrittenIncident[]): Promise<readonly string[]>;
  /** Takes everybody off it but these. */
  reassign(ref: string, people: readonly string[]): Promise<void>;
  /** What the provider does not tell, and the roster therefore leaves out. */
  readonly untold?: readonly ('services' | 'severities' | 'type' | 'origin' | 'assigner')[];
  /** Another way in which people may name the same incident. */
  readonly alias?: (ref: string) => string;
  /** A reference that could be one and is none. */
  readonly unknown: string;
};

const maria = 'maria@acme.dev';
const sam = 'sam@acme.dev';

export function incidentContract(world: () => { readonly roster: Roster; readonly incidents?: ArrangedIncidents }): void {
  const hooks = (): ArrangedIncidents => {
    const { incidents } = world();
    if (incidents === undefined) throw new Error('this roster knows no incidents');
    return incidents;
  };
  const arrange = async (...written: readonly WrittenIncident[]): Promise<readonly string[]> => hooks().arrange(written);
  const live = async (): Promise<readonly Incident[]> => (await world().roster.incidents?.({})) ?? [];
  const find = async (ref: string | undefined): Promise<Incident | undefined> => world().roster.incident?.(ref ?? '', {});
  const tells = (what: NonNullable<ArrangedIncidents['untold']>[number]): boolean => !hooks().untold?.includes(what);
  const origin = async (ref: string | undefined, email: string) => {
    const found = await find(ref);
    if (found === undefined) throw new Error('not found');
    const { openedBy, assignedBy } = { ...found, ...(await world().roster.origin?.(found, email, {})) };
    return { openedBy, assignedBy };
  };

  describe('incidents', () => {
    it('lists those that are live and no others, each as it is found by its reference', async () => {
      const refs = await arrange(
        { title: 'Disk full', assigned: [maria] },
        { title: 'Over', live: false, assigned: [] },
        { title: 'Slow', assigned: [sam, maria] },
      );
      const listed = await live();
      expect(listed.map(({ ref, title }) => [ref, title])).toEqual([
        [refs[0], 'Disk full'],
        [refs[2], 'Slow'],
      ]);
      for (const incident of listed) expect(await find(incident.ref)).toEqual(incident);
      expect(listed[1]?.assigned.toSorted()).toEqual([maria, sam]);
    });

    it('lists none where none is live', async () => {
      await arrange({ title: 'Over', live: false });
      expect(await live()).toEqual([]);
    });

    it('lists all of them, however many there are', async () => {
      const titles = Array.from({ length: 23 }, (_, at) => `Incident ${String(at).padStart(2, '0')}`);
      await arrange(...titles.map((title) => ({ title, assigned: [maria] })));
      expect((await live()).map(({ title }) => title).sort()).toEqual(titles);
    });

    it('lists one that has been live for years', async () => {
      await arrange({ title: 'Old', assigned: [maria], openedAt: '2020-11-15T12:00:00Z' });
      expect((await live()).map(({ title }) => title)).toEqual(['Old']);
    });

    it('finds one that is over, and says so', async () => {
      const [over] = await arrange({ title: 'Over', live: false });
      expect(await find(over)).toMatchObject({ title: 'Over', live: false });
    });

    it('knows nothing of a reference that is none, whatever it looks like', async () => {
      await arrange({ title: 'Disk full', assigned: [maria] });
      for (const ref of [hooks().unknown, 'INC-99999', 'constructor', '../users', '']) expect(await find(ref)).toBeUndefined();
    });

    it('finds one by each of its names', async () => {
      const [ref = ''] = await arrange({ title: 'Disk full', assigned: [maria] });
      const { alias = (same: string) => same } = hooks();
      expect(await find(alias(ref))).toMatchObject({ ref, title: 'Disk full' });
    });

    it('follows who is put on it and who is taken off', async () => {
      const [ref = ''] = await arrange({ title: 'Disk full', assigned: [maria] });
      await hooks().reassign(ref, [sam]);
      expect(await find(ref)).toMatchObject({ live: true, assigned: [sam] });
      expect((await live()).map(({ assigned }) => assigned)).toEqual([[sam]]);
    });

    it('folds the case of e-mail addresses', async () => {
      await arrange({ title: 'Disk full', assigned: ['Maria@ACME.dev'] });
      expect((await live())[0]?.assigned).toEqual([maria]);
    });

    it('names the service, the severity and the type, where the provider does', async () => {
      await arrange({ title: 'Disk full', services: ['Database'], severity: 'P1', type: 'outage', assigned: [maria] });
      const [incident] = await live();
      if (tells('services')) expect(incident?.services).toContain('Database');
      else expect(incident?.services).toEqual([]);
      if (tells('severities')) expect(incident?.severities).toContain('P1');
      else expect(incident?.severities).toEqual([]);
      expect(incident?.type).toBe(tells('type') ? 'outage' : undefined);
    });

    it('says who opened it and who put a person on it, or that it does not know', async () => {
      const [ref] = await arrange({ title: 'Disk full', assigned: [maria], openedBy: sam, assignedBy: 'ana@acme.dev' });
      const known = { openedBy: sam, assignedBy: 'ana@acme.dev' };
      expect(await origin(ref, maria)).toEqual(tells('origin') ? (tells('assigner') ? known : { openedBy: sam }) : {});
    });

    it('takes nobody for the opener or the assigner of what a monitor opened and a schedule assigned', async () => {
      const [ref] = await arrange({ title: 'Disk full', assigned: [maria] });
      for (const by of Object.values(await origin(ref, maria))) expect(by ?? '').not.toContain('@');
    });

    it('says so of a person who opened it, and of one who put themselves on it', async () => {
      const [own, joined] = await arrange(
        { title: 'Mine', assigned: [maria], openedBy: maria, assignedBy: sam },
        { title: 'Joined', assigned: [maria], openedBy: sam, assignedBy: maria },
      );
      expect((await origin(own, maria)).openedBy).toBe(tells('origin') ? maria : undefined);
      expect((await origin(joined, maria)).assignedBy).toBe(tells('origin') && tells('assigner') ? maria : undefined);
    });
  });
}
