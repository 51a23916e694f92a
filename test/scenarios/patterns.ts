/** The examples as they stand in examples/, and three of them from the first command to the last removal, wherever their directory is. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import type { People } from './clouds.ts';
import type { Json, Stage } from './stage.ts';

export const examples = resolve(import.meta.dirname, '../../examples');
export const patterns = ['1-standing', '2-rotation', '3-twelve-hours', '4-task-roles', '5-semaphore'] as const;
export type Pattern = (typeof patterns)[number];

export const filesOf = (pattern: Pattern): Record<string, string> =>
  Object.fromEntries(
    readdirSync(join(examples, pattern))
      .filter((name) => /\.(yaml|json)$/.test(name))
      // The company whose sign-in the broker of the tests takes.
      .map((name) => [name, readFileSync(join(examples, pattern, name), 'utf8').replaceAll('@example.com', '@acme.dev')]),
  );

const minute = 60_000;
const hour = 60 * minute;
const who = (name: string): string => `${name}@acme.dev`;
const idOf = (document: Json): string => (document.request as { readonly id: string }).id;

export type Played = {
  readonly s: Stage;
  inGroup(group: string): Promise<readonly string[]>;
  /** Left out where nothing can keep a removal from being made. */
  keepingEverybody?(work: () => Promise<void>): Promise<void>;
};

/** The settings of an example's own directory, as its policy has them. */
const directory = /^( {2}local: \{ )path: \.\/groups\.json/m;

/** The example as it stands, in another directory. */
export function elsewhere(
  files: Readonly<Record<string, string>>,
  settings: string,
): { readonly files: Record<string, string>; readonly people: People } {
  const { 'groups.json': people = '', 'oncall.yaml': policy = '', ...rest } = files;
  if (!directory.test(policy)) throw new Error('the example has no such directory');
  return { files: { ...rest, 'oncall.yaml': policy.replace(directory, `$1${settings}`) }, people: JSON.parse(people) };
}

/** The example's own weeks, all moved alike: the first is over at that time. */
function movedTo(firstEndsAt: number, schedule: string): string {
  const by = firstEndsAt - Date.parse(/end: (\S+Z)/.exec(schedule)?.[1] ?? '');
  return schedule.replace(/\d{4}-\d\d-\d\dT[\d:]+Z/g, (at) => new Date(Date.parse(at) + by).toISOString());
}

export async function rotation({ s, inGroup }: Played): Promise<void> {
  // maria has a week, sam the next, and maria the last.
  const weeks = movedTo(s.now() + 2 * hour, s.read('schedule.yaml'));
  s.write('schedule.yaml', weeks);
  const members = async (): Promise<readonly string[]> => [...(await inGroup('support-console'))].sort();
  const sweptAfter = async (ms: number, exit = 0): Promise<readonly string[]> => {
    await s.pass(ms);
    const run = await s.run('cron', 'sweep');
    expect(run, run.err).toMatchObject({ exit });
    return members();
  };
  const kimAsks = async (): Promise<string> => {
    const asked = await s.json('kim', 'request', 'support', '--reason', 'INC-42', '--for', '1h');
    expect([asked.exit, (asked.document.request as Json).state]).toEqual([8, 'pending']);
    return idOf(asked.document);
  };

  expect((await s.run('cron', 'sweep', '--dry-run')).out).toContain(who('maria'));
  expect(await members()).toEqual([]);
  expect(await sweptAfter(0)).toEqual([who('maria')]);
  const first = await kimAsks();
  // His week is still to come.
  expect((await s.run('sam', 'approve', first)).exit).toBe(3);
  expect((await s.run('maria', 'approve', first)).exit).toBe(0);
  expect(await members()).toEqual([who('kim'), who('maria')]);
  expect(await sweptAfter(95 * minute)).toEqual([who('maria'), who('sam')]);
  expect(await sweptAfter(50 * minute)).toEqual([who('maria'), who('sam')]);
  expect(await sweptAfter(10 * minute)).toEqual([who('sam')]);

  const second = await kimAsks();
  expect((await s.run('maria', 'approve', second)).exit).toBe(3);
  expect((await s.run('ana', 'approve', second)).exit).toBe(0);
  expect(await members()).toEqual([who('kim'), who('sam')]);
  expect(await sweptAfter(7 * 24 * hour - 40 * minute)).toEqual([who('maria'), who('sam')]);
  // The roster does not answer: who is in stays, also past their end.
  s.write('schedule.yaml', 'schedules: ]');
  expect(await sweptAfter(37 * minute, 1)).toEqual([who('maria'), who('sam')]);
  s.write('schedule.yaml', weeks);
  // As it is noticed so late, the overlap begins with that.
  expect(await sweptAfter(minute)).toEqual([who('maria'), who('sam')]);
  expect(await sweptAfter(30 * minute)).toEqual([who('maria')]);

  // She is an admin in the example: through a broker only those sweep.
  await s.pass(7 * 24 * hour);
  expect((await s.run('ana', 'sweep')).exit).toBe(0);
  expect(await members()).toEqual([]);
  expect((await s.json('ana', 'status')).document).toMatchObject({ requests: [], grants: [] });
}

export async function twelveHours({ s, inGroup }: Played): Promise<void> {
  await s.run('cron', 'sweep');
  expect((await s.run('maria', 'request', 'db-admin', '--hours', '12')).exit).toBe(0);
  expect((await s.run('sam', 'request', 'db-admin', '--until', 'incident')).exit).toBe(0);
  expect((await s.run('lee', 'request', 'db-admin', '--hours', '6')).exit).toBe(0);
  const asked = await s.json('kim', 'request', 'db-admin', '--reason', 'replica lag', '--for', '2h');
  expect(asked.exit).toBe(8);
  expect((await s.run('ana', 'approve', idOf(asked.document))).exit).toBe(0);
  expect([...(await inGroup('db-admins'))].sort()).toEqual(['kim', 'lee', 'maria', 'sam'].map(who));
  s.write('schedule.yaml', s.read('schedule.yaml').replace('status: live', 'status: resolved'));
  await s.run('cron', 'sweep');
  await s.pass(16 * minute);
  await s.run('cron', 'sweep');
  expect([...(await inGroup('db-admins'))].sort()).toEqual(['kim', 'lee', 'maria'].map(who));
  await s.pass(24 * hour);
  await s.run('cron', 'sweep');
  expect(await inGroup('db-admins')).toEqual([]);

  s.write('schedule.yaml', 'schedules: ]');
  const broken = ['request', 'db-admin', '--break-glass', '--reason', 'the roster is down'];
  expect((await s.run('kim', ...broken, '--no-input')).exit).toBe(2);
  const emergency = await s.json('kim', ...broken, '--yes');
  expect([emergency.exit, await inGroup('db-admins')]).toEqual([0, [who('kim')]]);
  expect((await s.run('kim', 'approve', idOf(emergency.document))).exit).toBe(3);
  expect((await s.run('ana', 'approve', idOf(emergency.document), '--reason', 'the roster was down')).exit).toBe(0);
  await s.pass(hour);
  await s.run('cron', 'sweep');
  expect(await inGroup('db-admins')).toEqual([]);
}

export async function semaphore({ s, inGroup, keepingEverybody }: Played): Promise<void> {
  await s.run('cron', 'sweep');
  await s.run('cron', 'sweep');
  expect((await s.run('maria', 'request', 'migration')).exit).toBe(0);
  const refused = await s.run('sam', 'request', 'migration');
  expect([refused.exit, refused.err]).toEqual([8, expect.stringContaining(`${who('maria')} has it for another 1 h 59 min`)]);
  const queued = await s.run('sam', 'request', 'migration', '--queue');
  expect([queued.exit, queued.out]).toEqual([8, expect.stringMatching(/you are 1st in line\n.*maria@acme\.dev until/)]);
  expect((await s.run('kim', 'request', 'migration', '--queue')).exit).toBe(8);
  expect(await inGroup('migrators')).toEqual([who('maria')]);

  // Until the directory has taken it, the place is nobody's.
  await keepingEverybody?.(async () => {
    expect((await s.run('maria', 'release', 'migration')).exit).toBe(1);
    expect((await s.run('ana', 'status')).out).toMatch(/maria@acme\.dev .* handing over /);
    expect((await s.run('sam', 'request', 'migration')).exit).toBe(8);
    expect(await inGroup('migrators')).toEqual([who('maria')]);
  });
  if (keepingEverybody === undefined) expect((await s.run('maria', 'release', 'migration')).exit).toBe(0);
  else {
    // What was answered so may still be under way for a while.
    await s.pass(3 * minute);
    expect((await s.run('cron', 'sweep')).out).toMatch(/^offered {2}sam@acme\.dev /m);
  }
  expect((await s.run('kim', 'request', 'migration')).exit).toBe(8);
  expect(await inGroup('migrators')).toEqual([]);
  expect((await s.run('sam', 'request', 'migration')).exit).toBe(0);
  expect(await inGroup('migrators')).toEqual([who('sam')]);
  await s.pass(2 * hour);
  await s.run('cron', 'sweep');
  expect(await inGroup('migrators')).toEqual([]);
  expect((await s.run('kim', 'request', 'migration')).exit).toBe(0);
  expect(await inGroup('migrators')).toEqual([who('kim')]);
  expect((await s.run('kim', 'release', 'migration')).exit).toBe(0);
  expect(await inGroup('migrators')).toEqual([]);
}
