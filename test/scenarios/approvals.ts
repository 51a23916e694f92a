/** Approval by several, in turn, and every way to get in by a yes that is none: what is typed, through each door. */

import { describe, expect, it } from 'vitest';
import { type Door, type Stage, schedule } from './stage.ts';
import { type Brokers, cannotOpen, isBrokerDoor, openStage, skippedAt } from './through-broker.ts';

const minute = 60_000;

const files = {
  'oncall.yaml': `version: 1
ledger: ./oncall.db
admins: [ { user: boss@acme.dev } ]
sweep: { refuseWhenLate: 1d }
directories:
  local: { path: ./groups.json }
rosters:
  file: { path: ./schedule.yaml }
delegate:
  cto@acme.dev: { to: ana@acme.dev, until: 2099-12-31 }
roles:
  one:
    targets: { local: db }
    ask: [ { user: maria@acme.dev } ]
    approvers: [ { user: [maria@acme.dev, "ｍaria@acme.dev", sam@acme.dev] } ]
  two:
    targets: { local: db }
    ask: [ { user: maria@acme.dev } ]
    approvers: [ { user: [sam@acme.dev, boss@acme.dev, cto@acme.dev] } ]
    quorum: 2
  slow:
    targets: { local: db }
    ask: [ { user: maria@acme.dev } ]
    approvers: [ { user: sam@acme.dev }, { user: boss@acme.dev } ]
    escalate: 10m
`,
  'schedule.yaml': schedule(),
  'groups.json': JSON.stringify({ users: ['maria', 'sam', 'ana', 'boss', 'cto'].map((name) => `${name}@acme.dev`), groups: { db: [] } }),
};

type Waits = { readonly id: string; readonly digest: string };

export function approvals(door: Door, through?: Brokers): void {
  describe.skipIf(cannotOpen(door) !== undefined)(`through ${door}${skippedAt(door)}`, () => {
    const play = async (work: (s: Stage, members: () => readonly string[]) => Promise<void>): Promise<void> => {
      const s = await openStage(door, files, { through });
      try {
        const first = await s.run('cron', 'sweep');
        expect(first, first.err).toMatchObject({ exit: 0 });
        await work(s, () => JSON.parse(s.read('groups.json')).groups.db);
      } finally {
        s.remove();
      }
    };
    const ask = async (s: Stage, role: string, ...more: string[]): Promise<string> => {
      const { exit, document } = await s.json('maria', 'request', role, '--reason', 'index rebuild', ...more);
      expect(exit, JSON.stringify(document)).toBe(8);
      return (document.request as { id: string }).id;
    };
    const waits = async (s: Stage, who: string): Promise<readonly Waits[]> => (await s.json(who, 'approve')).document.requests as Waits[];
    const refused = async (s: Stage, who: string, argv: readonly string[], exit: number, code: string): Promise<void> => {
      const { exit: found, document } = await s.json(who, 'approve', ...argv);
      expect([found, (document.error as { code: string }).code], JSON.stringify(document)).toEqual([exit, code]);
    };

    it('takes as many different people as it says, and says so on the way', () =>
      play(async (s, members) => {
        const id = await ask(s, 'two');
        const first = await s.run('sam', 'approve', id);
        expect([first.exit, first.out.replaceAll(/\s+/g, ' ')]).toEqual([
          0,
          expect.stringContaining('1 of 2 have said yes; it waits for one more'),
        ]);
        expect(members()).toEqual([]);
        await refused(s, 'sam', [id], 8, 'said-yes-already');
        const listed = (await s.run('ana', 'approve')).out;
        expect(listed).toContain('2 people have to say yes, and sam@acme.dev did');
        expect(listed).toContain('you say it for cto@acme.dev, who is away until');
        const last = await s.run('ana', 'approve', id);
        expect(last, last.err).toMatchObject({ exit: 0, out: expect.stringContaining('approved by ana@acme.dev for cto@acme.dev') });
        expect(members()).toEqual(['maria@acme.dev']);
        await refused(s, 'boss', [id], 1, 'not-pending');
      }));

    it('goes from one approver to the next by time, and the sweep says so once', () =>
      play(async (s, members) => {
        const id = await ask(s, 'slow');
        await refused(s, 'boss', [id], 3, 'not-your-turn');
        expect((await s.run('boss', 'approve')).out).toMatch(/turn: yours comes .*; now: sam@acme.dev/);
        await s.pass(10 * minute);
        expect((await s.run('cron', 'sweep')).out).toContain('also asked: boss@acme.dev');
        expect((await s.run('cron', 'sweep')).out).toBe('');
        const yes = await s.run('boss', 'approve', id);
        expect(yes, yes.err).toMatchObject({ exit: 0 });
        expect(members()).toEqual(['maria@acme.dev']);
      }));

    it('lets nobody in by a yes that is none', () =>
      play(async (s, members) => {
        const own = await ask(s, 'one');
        // Through a broker nobody is who they say: test/broker/approvals.test.ts forges tokens.
        const spellings = isBrokerDoor(door) ? ['maria'] : ['maria', 'MARIA@ACME.dev', 'ｍaria@acme.dev'];
        for (const spelling of spellings) await refused(s, spelling, [own], 3, 'own-request');
        await refused(s, 'ana', [own], 3, 'forbidden');

        const [looked] = await waits(s, 'sam');
        expect(looked?.id).toBe(own);
        const edited = await s.json('maria', 'request', 'one', '--reason', 'drop all tables');
        const other = (edited.document.request as { id: string }).id;
        expect(other).not.toBe(own);
        await refused(s, 'sam', [own], 1, 'not-pending');
        await refused(s, 'sam', [other, '--seen', looked?.digest ?? ''], 1, 'not-as-seen');

        await s.run('maria', 'release', other);
        await refused(s, 'sam', [other], 1, 'not-pending');

        const denied = await ask(s, 'one');
        await s.run('sam', 'deny', denied, '--reason', 'no');
        await refused(s, 'sam', [denied], 1, 'not-pending');

        const late = await ask(s, 'one');
        await s.pass(61 * minute);
        await refused(s, 'sam', [late], 1, 'not-pending');
        await s.run('cron', 'sweep');
        await refused(s, 'sam', [late], 1, 'not-pending');
        expect(members()).toEqual([]);

        const once = await ask(s, 'one');
        expect((await s.run('sam', 'approve', once)).exit).toBe(0);
        expect((await s.run('maria', 'release', once)).exit).toBe(0);
        await refused(s, 'sam', [once], 1, 'not-pending');
        expect(members()).toEqual([]);
      }));
  });
}
