/** The line for the one place of a role, whole: joining it, waiting, taking, leaving, letting an offer lapse, and trying to get past it; through each door. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doors, type Stage } from './stage.ts';
import { brokerDoors, brokers, cannotOpen, openStage, skippedAt } from './through-broker.ts';

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

const minute = 60_000;
const team = ['maria@acme.dev', 'sam@acme.dev', 'ana@acme.dev'];
const files = {
  'oncall.yaml': `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
admins: [ { user: boss@acme.dev } ]
sweep: { refuseWhenLate: 1d }
directories:
  local: { path: ./groups.json, exclusive: [migrators] }
roles:
  migration:
    targets: { local: migrators }
    maxHolders: 1
    offerFor: 5m
    ttl: { default: 2h, max: 6h }
    allow: [ { member: local/team } ]
    ask: [ { user: boss@acme.dev } ]
    approvers: [ { member: local/team } ]
`,
  'groups.json': JSON.stringify({ users: [...team, 'boss@acme.dev'], groups: { migrators: [], team } }),
};

for (const door of [...doors, ...brokerDoors])
  describe.skipIf(cannotOpen(door) !== undefined)(`through ${door}${skippedAt(door)}`, () => {
    const inCompany = async (play: (s: Stage, members: () => string[]) => Promise<void>): Promise<void> => {
      const s = await openStage(door, files, { through });
      try {
        const first = await s.run('cron', 'sweep');
        expect(first, first.err).toMatchObject({ exit: 0 });
        await play(s, () => JSON.parse(s.read('groups.json')).groups.migrators);
      } finally {
        s.remove();
      }
    };

    it('keeps the order, lets nobody past, and never two in', () =>
      inCompany(async (s, members) => {
        expect((await s.run('maria', 'request', 'migration')).exit).toBe(0);
        const refused = await s.run('sam', 'request', 'migration');
        expect(refused.exit).toBe(8);
        expect(refused.err).toMatch(
          /^error: migration has one place: maria@acme\.dev has it for another 1 h 59 min\n {2}why: {2}maxHolders 1; .*\n {2}next: stand in line: oncall request migration --queue \(nobody before you\)/,
        );
        expect((await s.run('sam', 'request', 'migration', '--queue')).out).toMatch(
          /^[a-z2-9]{6} {2}migration: you are 1st in line\n {2}has: {2}maria@acme\.dev until .*, 1 h 59 min\n/,
        );
        expect(await s.json('ana', 'request', 'migration', '--queue')).toMatchObject({
          exit: 8,
          document: { request: { state: 'queued' }, line: { place: 2, heldBy: [{ holder: 'maria@acme.dev' }] } },
        });
        const held = await s.run('maria', 'request', 'migration', '--hours', '5');
        expect([held.exit, held.out]).toEqual([
          0,
          expect.stringContaining('as before, and no longer: 2 wait for it, so its end does not move'),
        ]);
        expect((await s.run('maria', 'status')).out).toMatch(/sam@acme\.dev .*1st in line.*\n.*ana@acme\.dev .*2nd in line/);

        expect((await s.run('maria', 'release', 'migration')).exit).toBe(0);
        expect((await s.run('maria', 'request', 'migration')).err).toContain('it is offered to sam@acme.dev for another 4 min');
        expect((await s.run('ana', 'request', 'migration')).out).toContain('1st in line');
        expect(members()).toEqual([]);
        const taken = await s.run('sam', 'request', 'migration');
        expect(taken, taken.err).toMatchObject({ exit: 0, out: expect.stringMatching(/^[a-z2-9]{6} {2}migration until .*, 2 h\n/) });
        expect(members()).toEqual(['sam@acme.dev']);
      }));

    it(
      'takes the place for whoever waits, as soon as it is theirs',
      () =>
        inCompany(async (s, members) => {
          expect((await s.run('maria', 'request', 'migration')).exit).toBe(0);
          let isWaiting: () => void = () => undefined;
          const waiting = new Promise<void>((done) => {
            isWaiting = done;
          });
          const sam = s.runWatched('sam', ['request', 'migration', '--queue', '--wait', '--timeout', '1m'], async (shown) => {
            if (!shown.includes('waiting for your turn')) return false;
            isWaiting();
            return true;
          });
          await waiting;
          expect((await s.run('maria', 'release', 'migration')).exit).toBe(0);
          const { exit, out, err } = await sam;
          expect([exit, out], err).toEqual([0, expect.stringMatching(/^[a-z2-9]{6} {2}migration until /)]);
          expect(members()).toEqual(['sam@acme.dev']);
        }),
      60_000,
    );

    it('goes to the next where an offer lapses, and where somebody leaves', () =>
      inCompany(async (s) => {
        expect((await s.run('maria', 'request', 'migration')).exit).toBe(0);
        for (const name of ['sam', 'ana']) expect((await s.run(name, 'request', 'migration', '--queue')).exit).toBe(8);
        await s.pass(2 * 60 * minute);
        expect((await s.run('cron', 'sweep')).out).toMatch(
          /^offered {2}sam@acme\.dev \([a-z2-9]{6} migration\): a place is free, and they are next$/m,
        );
        await s.pass(5 * minute);
        const swept = await s.run('cron', 'sweep');
        expect(swept.out).toMatch(/^ended .*sam@acme\.dev .*: the offer was not taken in time\noffered {2}ana@acme\.dev/m);
        expect((await s.run('sam', 'request', 'migration', '--queue')).out).toContain('1st in line');
        expect((await s.run('ana', 'release', 'migration')).out).toContain('migration withdrawn');
        expect((await s.run('sam', 'request', 'migration')).exit).toBe(0);
      }));

    it('keeps a yes that finds no place free, for one in line', () =>
      inCompany(async (s, members) => {
        expect((await s.run('maria', 'request', 'migration')).exit).toBe(0);
        const pending = await s.json('boss', 'request', 'migration', '--reason', 'reindex', '--for', '30m');
        const { id } = pending.document.request as { id: string };
        expect(pending.exit).toBe(8);
        const yes = await s.run('sam', 'approve', id);
        expect([yes.exit, yes.out], yes.err).toEqual([8, expect.stringContaining('approved; boss@acme.dev is 1st in line')]);
        expect((await s.run('maria', 'release', 'migration')).exit).toBe(0);
        const taken = await s.json('boss', 'request', 'migration', '--for', '6h');
        expect(taken).toMatchObject({ exit: 0, document: { request: { id, reason: 'reindex', asked: { forMs: 30 * minute } } } });
        expect(members()).toEqual(['boss@acme.dev']);
      }));
  });
