/** The main job, whole: from request to removal, in all of its surroundings, through each door. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Company, Surroundings } from './companies.ts';
import { type Door, schedule } from './stage.ts';
import { cannotOpen, skippedAt } from './through-broker.ts';

const hourMs = 3_600_000;
/** Long enough for a loaded machine to get in before it is over; short enough for the clocks of providers, which stay behind. */
const brief = '20s';
const overMs = 20_100;

export function mainJob(kind: Surroundings, doors: readonly Door[]): void {
  describe.skipIf(kind.skip !== undefined)(`${kind.name}${kind.skip === undefined ? '' : ` (skipped: ${kind.skip})`}`, () => {
    beforeAll(() => kind.start(), 60_000);
    afterAll(() => kind.stop());
    for (const door of doors)
      describe.skipIf(cannotOpen(door) !== undefined)(`through ${door}${skippedAt(door)}`, () => throughDoor(kind, door));
  });
}

function throughDoor(kind: Surroundings, door: Door): void {
  const inCompany = async (play: (company: Company) => Promise<void>): Promise<void> => {
    const company = await kind.open(door);
    try {
      const first = await company.stage.run('cron', 'sweep');
      expect(first, first.err).toMatchObject({ exit: 0 });
      await play(company);
      expect(company.complaints?.() ?? []).toEqual([]);
    } finally {
      company.stage.remove();
    }
  };

  it('lets the engineer on call in, shows it, and takes her out when the time is up', () =>
    inCompany(async ({ stage: s, members }) => {
      const asked = await s.run('maria', 'request', 'db-admin', '--for', brief);
      expect(asked, asked.err).toMatchObject({ exit: 0 });
      expect(asked.out).toMatch(/^[a-z2-9]{6} {2}db-admin until .*\n {2}why: {2}on call for "db-primary"/);
      expect(await members()).toEqual(['maria@acme.dev']);
      expect((await s.run('sam', 'status')).out).toContain('maria@acme.dev');
      await s.pass(overMs);
      const swept = await s.json('cron', 'sweep');
      expect(swept, JSON.stringify(swept.document)).toMatchObject({
        exit: 0,
        document: { schema: 1, ended: 1, failed: 0, remaining: 0 },
      });
      expect(await members()).toEqual([]);
      expect((await s.json('sam', 'status')).document).toMatchObject({ requests: [], grants: [] });
      expect(await s.run('cron', 'sweep')).toEqual({ exit: 0, out: '', err: '' });
    }));

  it('refuses who is not on call: why, and what next', () =>
    inCompany(async ({ stage: s, members }) => {
      const refused = await s.run('sam', 'request', 'db-admin');
      expect(refused.exit).toBe(3);
      expect(refused.out).toBe('');
      expect(refused.err).toMatch(/^error: .*not on call for "db-primary".*\n {2}why: .*\n {2}next: .*oncall explain db-admin\n$/);
      expect(await members()).toEqual([]);
    }));

  it('never removes a member who was there before', () =>
    inCompany(async ({ stage: s, members, put }) => {
      await put('maria');
      const asked = await s.json('maria', 'request', 'db-admin', '--for', brief);
      expect(asked).toMatchObject({ exit: 0, document: { grants: [{ state: 'active', owned: false }] } });
      expect((await s.run('maria', 'request', 'db-admin', '--for', brief)).out).toContain('before');
      await s.pass(overMs);
      expect((await s.run('cron', 'sweep')).exit).toBe(0);
      expect(await members()).toEqual(['maria@acme.dev']);
    }));

  it('keeps a group while a second role still gives it', () =>
    inCompany(async ({ stage: s, members }) => {
      expect((await s.run('maria', 'request', 'db-admin', '--for', brief)).exit).toBe(0);
      expect((await s.run('maria', 'request', 'helper', '--for', '1h')).exit).toBe(0);
      await s.pass(overMs);
      expect((await s.json('cron', 'sweep')).document).toMatchObject({ ended: 1 });
      expect(await members()).toEqual(['maria@acme.dev']);
      expect((await s.run('maria', 'release', 'helper')).exit).toBe(0);
      expect(await members()).toEqual([]);
    }));

  it('gives back on release; lets an admin revoke, and nobody else', () =>
    inCompany(async ({ stage: s, members }) => {
      const asked = await s.json('maria', 'request', 'db-admin');
      const id = (asked.document.request as { id: string }).id;
      expect((await s.run('sam', 'revoke', id)).exit).toBe(3);
      expect(await members()).toEqual(['maria@acme.dev']);
      expect((await s.run('boss', 'revoke', id)).exit).toBe(0);
      expect(await members()).toEqual([]);
      expect((await s.run('maria', 'request', 'db-admin')).exit).toBe(0);
      expect((await s.run('maria', 'release', 'db-admin')).exit).toBe(0);
      expect(await members()).toEqual([]);
    }));

  it('ends with the shift where that is sooner than the hours asked, and says so', () =>
    inCompany(async ({ stage: s }) => {
      s.write('schedule.yaml', schedule(hourMs));
      const asked = await s.run('maria', 'request', 'db-admin', '--hours', '12');
      expect(asked.exit).toBe(0);
      expect(asked.out).toMatch(/1 h 1[45] min, not the 12 h you asked: your shift ends .*, plus 15 min/);
    }));

  it('lets in who is assigned to a live incident, and takes them out when it is over', () =>
    inCompany(async ({ stage: s, members }) => {
      expect((await s.run('ana', 'request', 'responder')).exit).toBe(3);
      const asked = await s.run('sam', 'request', 'responder', '--incident', 'INC-42');
      expect(asked, asked.err).toMatchObject({ exit: 0 });
      expect(await members()).toEqual(['sam@acme.dev']);
    }));

  it('names the half of a role that failed, keeps the other, and exits 1', () =>
    inCompany(async ({ stage: s, members }) => {
      const asked = await s.run('maria', 'request', 'halves', '--for', brief);
      expect(asked.exit).toBe(1);
      expect(asked.out + asked.err).toContain('no-such-group');
      expect(await members()).toEqual(['maria@acme.dev']);
      expect((await s.run('maria', 'status')).out).toContain('1 of 2');
      await s.pass(overMs);
      await s.run('cron', 'sweep');
      expect(await members()).toEqual([]);
    }));

  it('waits for an approver, who lets in with one yes', () =>
    inCompany(async ({ stage: s, members }) => {
      const asked = await s.json('sam', 'request', 'guarded', '--reason', 'index rebuild');
      expect(asked).toMatchObject({ exit: 8, document: { request: { state: 'pending' }, grants: [] } });
      const id = (asked.document.request as { id: string }).id;
      expect((await s.run('sam', 'approve', id)).exit).toBe(3);
      expect((await s.run('maria', 'approve')).out).toContain(id);
      expect(await members()).toEqual([]);
      const approved = await s.run('maria', 'approve', id);
      expect(approved, approved.err).toMatchObject({ exit: 0 });
      expect(await members()).toEqual(['sam@acme.dev']);
    }));

  it('refuses everything while the sweep has never run', async () => {
    const { stage: s, members } = await kind.open(door);
    const refused = await s.run('maria', 'request', 'db-admin');
    expect(refused.exit).toBe(1);
    const next = door.startsWith('a broker') ? 'tell whoever runs the broker' : 'oncall sweep';
    expect(refused.err.replaceAll(/\s+/g, ' ')).toMatch(new RegExp(`sweep.*never run.*next: ${next}`));
    expect(await members()).toEqual([]);
    s.remove();
  });
}
