/** A role that follows a rotation, through every door: who comes, who goes, and what is said on the way. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Door, doors, type Stage } from './stage.ts';
import { brokerDoors, brokers, cannotOpen, openStage, skippedAt } from './through-broker.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const policy = `version: 1
ledger: ./oncall.db
admins: [ { user: boss@acme.dev } ]
directories: { local: { path: ./groups.json, exclusive: [support] } }
rosters: { file: { path: ./schedule.yaml } }
roles:
  support:
    targets: { local: support }
    follows: file/support
    overlap: 30m
    ask: [ { user: ana@acme.dev } ]
    approvers: [ { user: boss@acme.dev } ]
`;
const people = ['maria', 'sam', 'ana', 'boss', 'cron'].map((name) => `${name}@acme.dev`);
const groups = JSON.stringify({ users: people, groups: { support: [] } });

const begin = Date.now();
const at = (hours: number): string => new Date(begin + hours * hourMs).toISOString();
const shifts = (...entries: readonly (readonly [name: string, from: number, to: number])[]): string =>
  `schedules:\n  support: [${entries.map(([name, from, to]) => ` { user: ${name}@acme.dev, start: ${at(from)}, end: ${at(to)} }`).join(',')} ]\n`;

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

let stage: Stage | undefined;
afterEach(() => stage?.remove());
const open = async (door: Door, schedule: string): Promise<Stage> => {
  stage = await openStage(door, { 'oncall.yaml': policy, 'groups.json': groups, 'schedule.yaml': schedule }, { through });
  return stage;
};
const inSupport = (s: Stage): readonly string[] => JSON.parse(s.read('groups.json')).groups.support.sort();
const swept = async (s: Stage, ...args: readonly string[]) => {
  const run = await s.run('cron', 'sweep', ...args);
  expect(run, run.err).toMatchObject({ exit: 0 });
  return run.out;
};

for (const door of [...doors, ...brokerDoors])
  describe.skipIf(cannotOpen(door) !== undefined)(`a rotation, through ${door}${skippedAt(door)}`, () => {
    it('hands over with an overlap, and tells what it would do, what it does, and who is in by it', async () => {
      const s = await open(door, shifts(['maria', -1, 8], ['sam', 8, 16]));
      expect(await swept(s, '--dry-run')).toMatch(
        /^ +rotation +role +until +why\n\+ +maria@acme\.dev +support +\S.* on call for "support"/,
      );
      expect(inSupport(s)).toEqual([]);
      expect(await swept(s)).toMatch(/let in +maria@acme\.dev \([a-z2-9]{6} support\): on call for "support"; in until/);
      expect(inSupport(s)).toEqual(['maria@acme.dev']);
      expect(await swept(s)).toBe('');
      expect((await s.run('ana', 'status')).out).toMatch(/support +maria@acme\.dev +.*rotation +8 h/);
      expect((await s.run('maria', 'explain', 'support')).out).toMatch(/^support for maria@acme\.dev: in by the rotation until/);
      expect((await s.run('sam', 'explain', 'support')).out).toContain('rotation: not on call for file/support; maria@acme.dev is');

      await s.pass(7 * hourMs + 35 * minuteMs);
      expect((await s.run('sam', 'explain', 'support')).out).toContain('let in by the next sweep, until');
      expect(await swept(s)).toContain('sam@acme.dev');
      expect(inSupport(s)).toEqual(['maria@acme.dev', 'sam@acme.dev']);
      await s.pass(57 * minuteMs);
      expect(await swept(s)).toMatch(/ended +maria@acme\.dev in local\/support/);
      expect(inSupport(s)).toEqual(['sam@acme.dev']);
      const { document } = await s.json('ana', 'status');
      expect(document).toMatchObject({ requests: [{ role: 'support', origin: 'rotation', requester: { email: 'sam@acme.dev' } }] });
    });

    it('lets whoever is on it give it back, and whoever is not ask for it', async () => {
      const s = await open(door, shifts(['maria', -1, 8]));
      await swept(s);
      const given = await s.run('maria', 'release', 'support');
      expect(given, given.err).toMatchObject({ exit: 0 });
      expect(inSupport(s)).toEqual([]);
      await swept(s);
      expect(inSupport(s)).toEqual([]);
      expect((await s.run('maria', 'explain', 'support')).out).toMatch(
        /rotation: on call for "support"; kept out: given back, for this shift,\s+until/,
      );
      expect((await s.json('ana', 'request', 'support', '--reason', 'helping out')).exit).toBe(8);
      expect((await s.run('boss', 'approve', 'support')).exit).not.toBe(0);
    });

    it('takes nobody out by a schedule that is suddenly empty, until an admin says so', async () => {
      const s = await open(door, shifts(['maria', -1, 8], ['sam', -1, 8]));
      await swept(s);
      s.write('schedule.yaml', 'schedules: { support: [] }\n');
      const refused = await s.run('cron', 'sweep');
      expect(refused.exit).toBe(1);
      expect(refused.err).toContain('2 of 2 would go before their shift was to end (maria@acme.dev, sam@acme.dev)');
      expect(refused.err).toContain('oncall sweep --accept support');
      expect(inSupport(s)).toHaveLength(2);
      expect((await s.run('ana', 'status', '--check')).exit).toBe(1);
      expect((await s.run('ana', 'sweep', '--accept', 'support')).exit).toBe(3);
      expect((await s.run('boss', 'sweep', '--accept', 'support', '--dry-run')).exit).toBe(2);
      const accepted = await s.run('boss', 'sweep', '--accept', 'support');
      expect(accepted, accepted.err).toMatchObject({ exit: 0 });
      // What is gone gets the overlap to hand over in.
      await s.pass(31 * minuteMs);
      await swept(s);
      expect(inSupport(s)).toEqual([]);
      expect((await s.run('boss', 'sweep', '--accept', 'support')).exit).toBe(2);
      expect((await s.run('boss', 'audit', 'list')).out).toMatch(/rotation\.refused[\s\S]*rotation\.accepted/);
    });

    it('keeps whoever is in while the roster cannot be read, and says so at every run', async () => {
      const s = await open(door, shifts(['maria', -1, 1]));
      await swept(s);
      s.write('schedule.yaml', 'schedules: [\n');
      await s.pass(hourMs + 31 * minuteMs);
      for (let run = 1; run <= 2; run++) {
        const down = await s.run('cron', 'sweep');
        expect(down.exit).toBe(1);
        expect(down.err).toMatch(/who is on its rotation is not known: .*schedule\.yaml[\s\S]*past their end until/);
        expect(inSupport(s)).toEqual(['maria@acme.dev']);
      }
      s.write('schedule.yaml', shifts(['sam', 1, 8]));
      await swept(s);
      expect(inSupport(s)).toEqual(['maria@acme.dev', 'sam@acme.dev']);
    });
  });
