/** Approval by several, and in turn: what is typed, through each door. Every way to get in by a yes that is none: abuse.test.ts. */

import { describe, expect, it } from 'vitest';
import { type Door, type Stage, schedule } from './stage.ts';
import { type Brokers, cannotOpen, openStage, skippedAt } from './through-broker.ts';

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
  });
}
