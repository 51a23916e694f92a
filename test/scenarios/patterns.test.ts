/** The five examples as they stand in examples/, each from the first command to the last removal, through every door. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from '../../src/commands/parse.ts';
import { examples, filesOf, type Pattern, patterns, rotation, semaphore, twelveHours } from './patterns.ts';
import { type Door, doors, type Json, type Stage } from './stage.ts';
import { type BrokerStage, brokerDoors, brokers, cannotOpen, openStage, skippedAt } from './through-broker.ts';

const minute = 60_000;
const hour = 60 * minute;

const through = brokers(['kim', 'lee']);
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

let at: Stage | undefined;
afterEach(() => at?.remove());
async function open(door: Door, pattern: Pattern, over: Readonly<Record<string, string>> = {}): Promise<Stage> {
  at = await openStage(door, { ...filesOf(pattern), ...over }, { through });
  return at;
}
const who = (name: string): string => `${name}@acme.dev`;
const inGroup = (s: Stage, group: string): readonly string[] => JSON.parse(s.read('groups.json')).groups[group];
const idOf = (document: Json): string => (document.request as { readonly id: string }).id;

describe.each(patterns)('the example %s', (pattern) => {
  it('is one screen to read, with commands that there are', async () => {
    const readme = readFileSync(join(examples, pattern, 'README.md'), 'utf8');
    expect(readme.split('\n').length).toBeLessThan(30);
    const lines = readme.split('\n').filter((line) => /^(ONCALL_USER=\S+ )?oncall /.test(line));
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) {
      const typed = line.replace(/\s{2,}#.*$/, '').replace(/^(ONCALL_USER=\S+ )?oncall /, '');
      const argv = [...typed.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
      expect((await parse(argv, '0')).kind, typed).toBe('command');
    }
  });

  it('has no faults, and answers as its tests say', async () => {
    const s = await open('main()', pattern);
    expect(await s.run('ana', 'policy', 'check', '--policy', join(s.folder, 'oncall.yaml'))).toMatchObject({ exit: 0 });
    const tested = await s.run('ana', 'policy', 'test', '--policy', join(s.folder, 'oncall.yaml'));
    expect([tested.exit, tested.err]).toEqual([0, '']);
    expect(tested.out).toMatch(/\d+ cases, all as expected/);
  });
});

for (const door of [...doors, ...brokerDoors])
  describe.skipIf(cannotOpen(door) !== undefined)(`the five patterns, through ${door}${skippedAt(door)}`, () => {
    it('standing: lets in whoever is named, gives it back in one command to whoever is not, and takes out whoever is named no longer', async () => {
      const s = await open(door, '1-standing', {
        'oncall.yaml': (filesOf('1-standing')['oncall.yaml'] ?? '').replace('2027-01-31', dayFrom(60)),
      });
      await s.run('cron', 'sweep');
      await s.run('cron', 'sweep');
      expect([...inGroup(s, 'prod-readers')].sort()).toEqual([who('maria'), who('sam')]);
      expect((await s.run('kim', 'request', 'prod-read')).exit).toBe(0);
      s.write('oncall.yaml', s.read('oncall.yaml').replace(/ {6}sam@.*\n/, ''));
      if ('reload' in s) await (s as BrokerStage).reload(new RegExp(digest(s.read('oncall.yaml'))));
      await s.pass(5 * minute);
      await s.run('cron', 'sweep');
      expect([...inGroup(s, 'prod-readers')].sort()).toEqual([who('kim'), who('maria')]);
      await s.pass(8 * hour);
      await s.run('cron', 'sweep');
      expect(inGroup(s, 'prod-readers')).toEqual([who('maria')]);
    });

    it('rotation: each is in from before their week until after it, somebody else by a yes of whoever has it then', async () => {
      const s = await open(door, '2-rotation');
      await rotation({ s, inGroup: async (group) => inGroup(s, group) });
    });

    it('twelve hours: the shift, the incident, the team, an approver and the emergency each let in, and each ends', async () => {
      const s = await open(door, '3-twelve-hours');
      await twelveHours({ s, inGroup: async (group) => inGroup(s, group) });
    });

    it('task roles: each task and each customer has a group of its own, and the gravest needs two', async () => {
      const s = await open(door, '4-task-roles');
      await s.run('cron', 'sweep');
      expect((await s.run('sam', 'request', 'log-viewer')).exit).toBe(0);
      expect((await s.run('lee', 'request', 'customer', 'customer=acme', '--reason', 'ticket 4711')).exit).toBe(0);
      const asked = await s.json('sam', 'request', 'db-admin', '--reason', 'slow query');
      expect(asked.exit).toBe(8);
      expect((await s.run('ana', 'approve', idOf(asked.document))).exit).toBe(0);
      expect(inGroup(s, 'db-admins')).toEqual([]);
      expect((await s.run('kim', 'approve', idOf(asked.document))).exit).toBe(0);
      const groups = ['log-viewers', 'customer-acme', 'customer-globex', 'db-admins'];
      expect(groups.map((group) => inGroup(s, group))).toEqual([[who('sam')], [who('lee')], [], [who('sam')]]);
      await s.pass(4 * hour);
      await s.run('cron', 'sweep');
      expect(groups.flatMap((group) => inGroup(s, group))).toEqual([]);
    });

    it('semaphore: one at a time, the next in line is next, and nobody gets past them', async () => {
      const s = await open(door, '5-semaphore');
      await semaphore({ s, inGroup: async (group) => inGroup(s, group) });
    });
  });

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const dayFrom = (days: number): string => new Date(Date.now() + days * 24 * hour).toISOString().slice(0, 10);
