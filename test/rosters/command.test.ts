/** A roster that a program answers for: the example program through the contract, what a program is asked, and what it may answer. */

import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod/mini';
import command from '../../src/rosters/command.ts';
import { checkPolicy } from '../../src/wiring.ts';
import { rosterContract } from '../contracts/roster.ts';
import { anIncident, ask, at, file, folder, maria, nobody, open, print, root, roster, runs } from './command-world.ts';

const example = (name: string): string => resolve(import.meta.dirname, '../../examples/rosters', name);
const python = runs('python3', '--version');
if (!python) console.log('skipped: the example program, as there is no python3');

describe.skipIf(!python)('examples/rosters/our-roster.py', () => {
  const beside = join(root, 'example');
  mkdirSync(beside);
  const program = join(beside, 'our-roster.py');
  copyFileSync(example('our-roster.py'), program);
  chmodSync(program, 0o755);
  const write = (world: object) => writeFileSync(join(beside, 'our-roster.json'), JSON.stringify(world));
  const settings = { run: ['./our-roster.py', './our-roster.json'] };

  rosterContract(
    'command',
    async () => {
      let incidents: Record<string, object> = {};
      return {
        roster: await open(settings, beside),
        arrange: async (schedules) => write({ schedules }),
        incidents: {
          arrange: async (written) => {
            const whole = written.map(({ severity, openedBy = 'monitor', assignedBy = 'schedule', live = true, ...more }, index) => {
              const severities = severity === undefined ? [] : [severity];
              return [`INC-${index + 1}`, { live, severities, openedBy, assignedBy, ...more }] as const;
            });
            incidents = Object.fromEntries(whole);
            write({ incidents });
            return Object.keys(incidents);
          },
          reassign: async (ref, assigned) => {
            incidents = { ...incidents, [ref]: { ...incidents[ref], assigned } };
            write({ incidents });
          },
          unknown: 'INC-40',
        },
        stop: async () => {},
      };
    },
    { incidents: true },
  );

  it('stands beside a policy without a fault', async () => {
    for (const name of ['oncall.yaml', 'our-roster.json']) copyFileSync(example(name), join(beside, name));
    const { issues } = await checkPolicy({ policyPath: join(beside, 'oncall.yaml'), env: {}, cwd: beside });
    expect(issues).toEqual([]);
  });

  it('reads the file beside it, and refuses an escalation policy in words', async () => {
    copyFileSync(example('our-roster.json'), join(beside, 'our-roster.json'));
    const roster = await open(settings, beside);
    expect(await roster.onCall({ schedule: 'db-primary', levels: [1] }, at, {})).toMatchObject([{ email: 'maria@acme.dev' }]);
    expect(await roster.onCall({ levels: [] }, at, {})).toMatchObject([{ email: 'maria@acme.dev' }, { email: 'sam@acme.dev', end: null }]);
    expect(await roster.incidents?.({})).toMatchObject([{ ref: 'INC-42', openedAt: Date.parse('2026-11-15T11:02:00Z') }]);
    await expect(roster.onCall({ escalationPolicy: 'Databases', levels: [1] }, at, {})).rejects.toMatchObject({
      fault: 'refused',
      message: 'ours says: there are no escalation policies here',
    });
  });
});

describe('what the program is asked', () => {
  const asked = (name = 'question') => readFileSync(file(name), 'utf8');

  it('gets one question as one line of JSON, and answers on stdout', async () => {
    const ours = await roster(`cat > question\n${print({ schema: 1, shifts: [maria] })}`);
    expect(await ours.onCall({ schedule: 'primary', levels: [1] }, at, {})).toEqual([
      { schedule: 'primary', email: 'maria@acme.dev', start: Date.parse(maria.start), end: Date.parse(maria.end), level: 1 },
    ]);
    expect(asked()).toBe(
      '{"schema":1,"ask":"onCall","schedule":"primary","escalationPolicy":null,"levels":[1],"at":"2026-11-15T12:00:00.000Z"}\n',
    );
    await ours.onCall({ escalationPolicy: 'Databases', levels: [] }, at, {});
    expect(JSON.parse(asked())).toMatchObject({ schedule: null, escalationPolicy: 'Databases', levels: [] });
  });

  it('is asked for what comes in the same way, and may print more than that', async () => {
    const span = { from: at, to: at + 14 * 86_400_000 };
    const shift = (user: string, start: string | null, end: string | null, level = 1) => ({ user, schedule: 'primary', start, end, level });
    const all = [
      shift('over@acme.dev', '2026-11-14T00:00:00Z', '2026-11-15T12:00:00Z'),
      shift('now@acme.dev', '2026-11-15T00:00:00Z', '2026-11-16T00:00:00Z'),
      shift('always@acme.dev', null, null),
      shift('second@acme.dev', '2026-11-16T00:00:00Z', '2026-11-17T00:00:00Z', 2),
      shift('later@acme.dev', '2026-11-29T12:00:00Z', '2026-12-01T00:00:00Z'),
    ];
    const ours = await roster(`cat > question\n${print({ schema: 1, shifts: all })}`);
    const coming = await ours.shifts?.({ schedule: 'primary', levels: [1] }, span, {});
    expect(coming?.map(({ email }) => email)).toEqual(['now@acme.dev', 'always@acme.dev']);
    expect(asked()).toBe(
      '{"schema":1,"ask":"shifts","schedule":"primary","escalationPolicy":null,"levels":[1],"from":"2026-11-15T12:00:00.000Z","to":"2026-11-29T12:00:00.000Z"}\n',
    );
  });

  it.each([
    ['refuses', print({ schema: 1, error: { code: 'refused', message: 'what is "shifts"?' } })],
    ['fails', 'exit 1'],
    ['says nothing', 'true'],
  ])('cannot tell what comes where it does not know the question and %s', async (_, text) => {
    const ours = await roster(text);
    expect(await ours.shifts?.({ schedule: 'primary', levels: [] }, { from: at, to: at + 1 }, {})).toBeUndefined();
  });

  it('is asked for incidents in the same way', async () => {
    const one = await roster(`cat > question\n${print({ schema: 1, incident: null })}`);
    expect(await one.incident?.('INC-42; rm -rf /', {})).toBeUndefined();
    expect(JSON.parse(asked())).toEqual({ schema: 1, ask: 'incident', ref: 'INC-42; rm -rf /' });
    const all = await roster(`cat > question\n${print({ schema: 1, incidents: [] })}`);
    expect(await all.incidents?.({})).toEqual([]);
    expect(JSON.parse(asked())).toEqual({ schema: 1, ask: 'incidents' });
  });

  it('is run without a shell, in the folder of the policy, with its arguments as they stand', async () => {
    const hostile = ['$(touch made)', '; touch made', 'a b', '*', ''];
    await ask(`pwd > folder; printf '<%s>' "$@" > args\n${nobody}`, { run: ['./program', ...hostile] });
    expect(asked('args')).toBe(hostile.map((arg) => `<${arg}>`).join(''));
    expect([asked('folder').trim(), existsSync(file('made'))]).toEqual([folder(), false]);
  });

  it('gets PATH, HOME, LANG, TZ and the variables of the policy, and nothing else of what surrounds it', async () => {
    process.env.ONCALL_TEST_COMMAND_SECRET = 'a-CANARY-of-the-roster';
    process.env.TZ ??= 'UTC';
    try {
      await ask(`env > seen\n${nobody}`, { env: { ROSTER_TOKEN: { env: 'ONCALL_TEST_COMMAND_SECRET' } } });
    } finally {
      delete process.env.ONCALL_TEST_COMMAND_SECRET;
    }
    const seen = Object.fromEntries(
      asked('seen')
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s)),
    );
    // A shell adds some of its own.
    const names = Object.keys(seen).filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name));
    expect(names.filter((name) => !['PATH', 'HOME', 'LANG', 'TZ'].includes(name))).toEqual(['ROSTER_TOKEN']);
    expect(seen).toMatchObject({ ROSTER_TOKEN: 'a-CANARY-of-the-roster', TZ: process.env.TZ, PATH: process.env.PATH });
  });

  it('is not run where a variable of the policy cannot be read', async () => {
    const asking = ask(`touch ran\n${nobody}`, { env: { ROSTER_TOKEN: { env: 'ONCALL_TEST_NOT_SET' } } });
    await expect(asking).rejects.toMatchObject({
      name: 'ProviderError',
      fault: 'credentials',
      message: expect.stringContaining('ROSTER_TOKEN'),
    });
    expect(existsSync(file('ran'))).toBe(false);
  });
});

describe('what it may answer', () => {
  it('may print more than it was asked for: what does not count now or at that level is left out', async () => {
    const past = { ...maria, user: 'past@acme.dev', end: '2026-11-15T12:00:00Z' };
    const second = { ...maria, user: 'second@acme.dev', level: 2 };
    const always = { user: 'always@acme.dev', schedule: 'primary', start: null, end: null, level: null, more: { of: 'it' } };
    const text = print({ schema: 1, note: 'passed over', error: null, shifts: [maria, past, second, always] });
    expect((await ask(text)).map(({ email }) => email)).toEqual(['maria@acme.dev', 'second@acme.dev', 'always@acme.dev']);
    const leveled = print({ schema: 1, shifts: [maria, past, second] });
    expect((await ask(leveled, {}, [2])).map(({ email }) => email)).toEqual(['second@acme.dev']);
  });

  it.each([
    ['another schema', { schema: 2, shifts: [] }],
    ['no schema', { shifts: [] }],
    ['a schema in quotes', { schema: '1', shifts: [] }],
    ['no shifts', { schema: 1 }],
    ['the answer to another question', { schema: 1, incidents: [] }],
    ['shifts that are no list', { schema: 1, shifts: { 0: maria } }],
    ['a shift without a user', { schema: 1, shifts: [{ ...maria, user: undefined }] }],
    ['a shift of nobody', { schema: 1, shifts: [{ ...maria, user: '' }] }],
    ['an end that got lost', { schema: 1, shifts: [{ ...maria, end: undefined }] }],
    ['an end that got lost of who always was', { schema: 1, shifts: [{ ...maria, start: null, end: undefined }] }],
    ['a start that got lost', { schema: 1, shifts: [{ ...maria, start: undefined }] }],
    ['an end in local time', { schema: 1, shifts: [{ ...maria, end: '2026-12-01T00:00:00' }] }],
    ['an end as a number', { schema: 1, shifts: [{ ...maria, end: 1_796_083_200 }] }],
    ['an end before the start', { schema: 1, shifts: [{ ...maria, end: '2026-10-01T00:00:00Z' }] }],
    ['a day that there is not', { schema: 1, shifts: [{ ...maria, end: '2027-02-30T00:00:00Z' }] }],
    ['a level of zero', { schema: 1, shifts: [{ ...maria, level: 0 }] }],
    ['a level that is beyond all numbers', `{"schema":1,"shifts":[{"user":"a@b.c","schedule":"s","start":null,"end":null,"level":1e999}]}`],
    ['no schedule', { schema: 1, shifts: [{ ...maria, schedule: undefined }] }],
    ['one good shift and an odd one', { schema: 1, shifts: [maria, { ...maria, end: 'soon' }] }],
    ['a list', []],
    ['null', null],
    ['a text', '"schema"'],
    ['two documents', '{"schema":1,"shifts":[]}{"schema":1,"shifts":[]}'],
    ['half a document', '{"schema":1,"shifts":['],
    ['a document and a remark', '{"schema":1,"shifts":[]} done'],
    ['a very deep nest', '['.repeat(200_000)],
    ['an error of a kind that there is not', { schema: 1, error: { code: 'oops', message: 'x' }, shifts: [] }],
    ['an error without words', { schema: 1, error: { code: 'unavailable' }, shifts: [] }],
  ])('takes %s for a malformed answer', async (_, document) => {
    await expect(ask(print(document))).rejects.toMatchObject({
      ...{ name: 'ProviderError', fault: 'malformed', applied: 'no', provider: 'ours' },
      message: expect.stringMatching(/^the program of ours /),
      next: expect.stringContaining('docs/rosters.md'),
    });
  });

  it('needs a level on every shift where levels are asked for', async () => {
    const text = print({ schema: 1, shifts: [maria, { ...maria, level: null }] });
    await expect(ask(text, {}, [1])).rejects.toMatchObject({ fault: 'malformed', message: expect.stringContaining('shifts.1.level') });
    expect(await ask(text)).toHaveLength(2);
  });

  it.each(['live', 'severities', 'services', 'assigned', 'ref'])('takes an incident without its %s for a malformed answer', async (key) => {
    const document = { schema: 1, incident: { ...anIncident, [key]: undefined } };
    const asking = (await roster(print(document))).incident?.('INC-42', {});
    await expect(asking).rejects.toMatchObject({ fault: 'malformed', message: expect.stringContaining(`incident.${key}`) });
  });

  it('takes what is null for not known, and folds the case of people', async () => {
    const people = {
      assigned: ['Maria@acme.dev', 'maria@acme.dev'],
      openedBy: 'Sam@acme.dev',
      assignedBy: null,
      type: null,
      openedAt: null,
    };
    const ours = await roster(print({ schema: 1, incident: { ...anIncident, ...people } }));
    expect(await ours.incident?.('INC-42', {})).toEqual({ ...anIncident, assigned: ['maria@acme.dev'], openedBy: 'sam@acme.dev' });
  });

  it('leaves out incidents that are over, should it list them', async () => {
    const ours = await roster(print({ schema: 1, incidents: [anIncident, { ...anIncident, ref: 'INC-1', live: false }] }));
    expect((await ours.incidents?.({}))?.map(({ ref }) => ref)).toEqual(['INC-42']);
  });

  it('says in words that it cannot answer, and by a code what that means', async () => {
    const error = { code: 'not-found', message: 'there is no schedule\n\u001b[31m"primary"\u202e', next: 'ask  the data team' };
    await expect(ask(print({ schema: 1, error }))).rejects.toMatchObject({
      ...{ name: 'ProviderError', fault: 'not-found', message: 'ours says: there is no schedule "primary"', next: 'ask the data team' },
    });
    for (const code of ['ambiguous', 'credentials', 'forbidden', 'rate-limited', 'unavailable', 'refused'])
      await expect(ask(print({ schema: 1, error: { code, message: 'x' } }))).rejects.toMatchObject({ fault: code });
  });
});

describe('the settings of command', () => {
  const valid = (settings: object) => z.safeParse(command.settings, { run: ['/usr/local/bin/our-roster'], ...settings }).success;

  it('are a path with arguments, variables as references, and a time-out', () => {
    expect(valid({ run: ['/usr/local/bin/our-roster', '--json'], env: { KEY: { file: 'key' } }, timeout: '60s' })).toBe(true);
    for (const run of [[], '/usr/local/bin/our-roster', [''], ['our-roster'], [1], ['/bin/a\0b']]) expect(valid({ run })).toBe(false);
    expect(valid({ env: { KEY: 'plain' } })).toBe(false);
    expect(valid({ env: { 'A B': { env: 'X' } } })).toBe(false);
    expect(valid({ timeout: '0s' })).toBe(false);
    expect(valid({ shell: true })).toBe(false);
  });

  it('never pass for something that stays on this machine', () => {
    expect(command.isLocal(z.parse(command.settings, { run: ['/bin/true'] }))).toBe(false);
  });
});
