/** Whatever is typed: one of the exit codes, three lines at most where it is refused, no trace of ours, nothing dangerous on the terminal. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { commands } from '../../src/commands/index.ts';
import { fakeIo } from '../fakes/io.ts';
import { schedule } from '../scenarios/stage.ts';
import { cases, expectHarmless, sentence, word } from './hostile.ts';

const long = 60 * 60_000;
const exitCodes = [0, 1, 2, 3, 4, 8, 130];
const users = ['maria@acme.dev', 'sam@acme.dev'];
const policy = `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
admins: [ { user: sam@acme.dev } ]
directories:
  local: { path: ./groups.json }
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { local: db-admins }
    ttl: { default: 1h, max: 12h }
    allow: [ { onCall: file/db-primary } ]
  guarded:
    targets: { local: web }
    ask: [ { user: maria@acme.dev } ]
    approvers: [ { user: sam@acme.dev } ]
`;

const flags = [
  ...commands.flatMap(({ options = [] }) => options.map(({ flags: text }) => /--[a-z-]+/.exec(text)?.[0] ?? text)),
  ...['--policy', '--json', '--quiet', '--verbose', '--no-input', '--yes', '--no-color', '--utc', '--help', '--version', '-h', '-n', '-x'],
];
const names = commands.map(({ name }) => name.split(' '));
/** Mostly what there is, in an order that nobody meant. */
const argument = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...flags) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('db-admin', 'guarded', 'maria@acme.dev', '12', '12h', '2026-12-01T00:00:00Z', 'shift', 'INC-42', 'bash'),
  },
  { weight: 3, arbitrary: word },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...flags), word).map(([flag, value]) => `${flag}=${value}`) },
);
const argv = fc
  .tuple(
    fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: fc.array(word, { maxLength: 2 }) }),
    fc.array(argument, { maxLength: 5 }),
  )
  .map(([name, rest]) => [...name, ...rest]);

describe('the command line', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'oncall-argv-'));
    const put = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
    put('oncall.yaml', policy);
    put('schedule.yaml', schedule(24 * 3_600_000));
    put('groups.json', JSON.stringify({ users, groups: { 'db-admins': [], web: [] } }));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = async (args: readonly string[], user: string) => {
    const io = fakeIo({ now: Date.now() });
    const env = {
      HOME: folder,
      XDG_CACHE_HOME: join(folder, 'cache'),
      TZ: 'UTC',
      ONCALL_POLICY: join(folder, 'oncall.yaml'),
      ONCALL_USER: user,
    };
    // A broker serves until somebody stops it.
    const onInterrupt: typeof io.onInterrupt = (listener) => {
      const stop = args.includes('serve') ? setTimeout(() => listener('SIGINT'), 50) : undefined;
      return () => clearTimeout(stop);
    };
    const exit = await main(args, env, { ...io, onInterrupt, cwd: folder });
    return { exit, out: io.out(), err: io.err() };
  };

  it(
    'takes anything',
    async () => {
      await run(['sweep'], 'cron');
      const met = new Set<number>();
      await fc.assert(
        fc.asyncProperty(argv, fc.constantFrom(...users), async (args, user) => {
          const { exit, out, err } = await run(args, user);
          met.add(exit);
          expect(exitCodes).toContain(exit);
          expectHarmless(args[0] === 'completion' ? err : `${out}\n${err}`);
          // A bare name prints the help.
          if (exit === 2 && args.length > 0) expect(err === '' || /^error: /m.test(err) || out.startsWith('{')).toBe(true);
          if (out.startsWith('{')) expect(JSON.parse(out)).toMatchObject({ schema: 1 });
        }),
        cases(250),
      );
      // Or it had only been refused at the door.
      expect([...met]).toEqual(expect.arrayContaining([0, 2]));
    },
    long,
  );

  it(
    'keeps a reason as it was typed, and shows nothing of it that could rewrite the screen',
    async () => {
      const met = new Set<number>();
      await fc.assert(
        fc.asyncProperty(sentence, async (reason) => {
          await run(['sweep'], 'cron');
          const asked = await run(['request', 'guarded', '--json', '--no-input', `--reason=${reason}`], 'maria@acme.dev');
          met.add(asked.exit);
          expect([2, 8]).toContain(asked.exit);
          const shown = [asked];
          for (const look of ['status', 'approve', 'audit list', 'explain guarded'])
            for (const form of [[], ['--json']]) shown.push(await run([...look.split(' '), ...form, '--no-input'], 'sam@acme.dev'));
          shown.push(await run(['deny', String(JSON.parse(asked.out).request?.id ?? 'none'), `--reason=${reason}`], 'sam@acme.dev'));
          for (const { out, err } of shown) expectHarmless(`${out}\n${err}`);
        }),
        cases(20, 0.05),
      );
      expect(met).toContain(8);
    },
    long,
  );
});
