/** What people use before and around a request, whole: doctor, the prompts on a real terminal, and completion in a real bash. */

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasScript, onTerminal, scriptMissing, type Typed } from '../fakes/terminal.ts';
import { type Door, doors, type Json, type Stage, schedule } from './stage.ts';
import { brokerDoors, brokers, cannotOpen, isBrokerDoor, openStage, skippedAt } from './through-broker.ts';

const bin = resolve(import.meta.dirname, '../../bin/oncall.js');
const policy = `version: 1
ledger: ./oncall.db
directories: { local: { path: ./groups.json } }
rosters: { file: { path: ./schedule.yaml } }
roles:
  db-admin:
    targets: { local: db-admins }
    ttl: { default: 2h, max: 12h }
    allow: [ { onCall: file/db-primary, until: shift } ]
  other:
    targets: { local: others }
    allow: [ { user: sam@acme.dev } ]
`;
const groups = (users: readonly string[]) => JSON.stringify({ users, groups: { 'db-admins': [], others: [] } });

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

let at: Stage | undefined;
afterEach(() => at?.remove());
const open = async (door: Door, users = ['maria@acme.dev', 'sam@acme.dev', 'cron@acme.dev']): Promise<Stage> => {
  const files = { 'oncall.yaml': policy, 'schedule.yaml': schedule(), 'groups.json': groups(users) };
  at = await openStage(door, files, { through });
  return at;
};
type Check = { readonly area: string; readonly what: string; readonly outcome: string; readonly because: string };
const faults = (document: Json) => (document.checks as readonly Check[]).filter(({ outcome }) => outcome === 'fault');

for (const door of [...doors, ...brokerDoors])
  describe.skipIf(cannotOpen(door) !== undefined)(`doctor, through ${door}${skippedAt(door)}`, () => {
    const theirs = isBrokerDoor(door);
    // Into a broker only an admin looks.
    const looker = theirs ? 'cron' : 'maria';

    it('finds a new installation unswept, makes nothing, and is content after the first sweep', async () => {
      const { json, run, folder } = await open(door);
      const before = await json(looker, 'doctor');
      expect([before.exit, faults(before.document).map(({ area }) => area)]).toEqual([1, ['sweep']]);
      // A broker makes its ledger when it starts.
      if (!isBrokerDoor(door)) expect(existsSync(join(folder, 'oncall.db'))).toBe(false);
      await run('cron', 'sweep');
      const after = await run(looker, 'doctor');
      expect([after.exit, after.err]).toEqual([0, '']);
      expect(after.out).toMatch(/ok {7}sweep {6}local: it last did its work there/);
    });

    it('names who is on call and could not be let in', async () => {
      const { json, run } = await open(door, ['sam@acme.dev']);
      await run('cron', 'sweep');
      const { exit, document } = await json(theirs ? looker : 'sam', 'doctor');
      expect(exit).toBe(1);
      expect(faults(document)).toMatchObject([{ area: 'identity', what: 'maria@acme.dev', because: expect.stringContaining('db-admin') }]);
    });

    it.skipIf(theirs)(
      `looks at what is left where the policy has a fault, a source is broken and a ledger is open to others${theirs ? " (skipped: they are the broker's)" : ''}`,
      async () => {
        const { json, run, write, folder } = await open(door);
        await run('cron', 'sweep');
        write('oncall.yaml', policy.replace('allow:', 'alow:'));
        write('groups.json', '{ not json');
        chmodSync(join(folder, 'oncall.db'), 0o666);
        const { exit, document } = await json('maria', 'doctor');
        expect(exit).toBe(1);
        expect(faults(document).map(({ area }) => area)).toEqual(['policy', 'files', 'directory']);
        expect(document.checks).toContainEqual(expect.objectContaining({ area: 'roster', outcome: 'ok' }));
        expect(document.checks).toContainEqual(expect.objectContaining({ area: 'ledger', outcome: 'ok' }));
        // The ledger closes itself again whenever it is opened.
        expect(statSync(join(folder, 'oncall.db')).mode & 0o777).toBe(0o600);
      },
    );
  });

const envOf = ({ folder, env }: Stage) => ({ ...env('maria'), PATH: `${folder}:${process.env.PATH}`, TERM: 'xterm' });
const doorsOfProcesses: readonly Door[] = ['the built bundle', ...brokerDoors];

const atTerminal = (at: Stage, typed: Typed) =>
  onTerminal({ command: `${process.execPath} ${bin} request`, columns: 80, cwd: at.env('maria')['HOME'], env: envOf(at) }, typed);

for (const door of doorsOfProcesses)
  describe.skipIf(!hasScript || cannotOpen(door) !== undefined)(
    `request on a terminal, through ${door}${scriptMissing || skippedAt(door)}`,
    () => {
      it('asks for role and length, says what would be approved now, and gives it', async () => {
        const made = await open(door);
        const { run, read } = made;
        await run('cron', 'sweep');
        const { exit, out } = await atTerminal(made, [
          ['select', '\r'],
          ['For how long?', '\r'],
        ]);
        expect(exit).toBe(0);
        expect(out).toMatch(/db-admin {2}allowed until .*\r?\n.*other {5}no: you are not sam@acme\.dev/);
        expect(out).toMatch(/\w{6} {2}db-admin until /);
        expect(JSON.parse(read('groups.json')).groups['db-admins']).toEqual(['maria@acme.dev']);
      });

      it('ends at Ctrl-C with 130, without a word, and gives nothing', async () => {
        const made = await open(door);
        const { run, read } = made;
        await run('cron', 'sweep');
        const { exit, out } = await atTerminal(made, [['select', '\u0003']]);
        expect(exit).toBe(130);
        expect(out).not.toMatch(/error|stopping|interrupted/);
        expect(JSON.parse(read('groups.json')).groups['db-admins']).toEqual([]);
      });
    },
  );

const hasBash = spawnSync('bash', ['-c', 'true']).status === 0;

for (const door of doorsOfProcesses)
  describe.skipIf(!hasBash || cannotOpen(door) !== undefined)(
    `completion in bash, through ${door}${hasBash ? skippedAt(door) : ' (skipped: there is no bash here)'}`,
    () => {
      it('knows the roles of the policy, and the request that is open', async () => {
        const made = await open(door);
        const { folder, run, write } = made;
        await run('cron', 'sweep');
        const { out } = await run('maria', 'request', 'db-admin');
        const id = out.slice(0, 6);
        write('oncall', `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`);
        chmodSync(join(folder, 'oncall'), 0o755);
        const complete = (...words: string[]) => {
          const script = `eval "$(oncall completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _oncall; echo "\${COMPREPLY[@]}"`;
          return spawnSync('bash', ['--norc', '-c', script, 'bash', 'oncall', ...words], {
            cwd: made.env('maria')['HOME'],
            env: envOf(made),
            encoding: 'utf8',
          });
        };
        expect(complete('request', '').stdout.trim()).toBe('db-admin other');
        expect(complete('release', '').stdout.trim()).toBe(`db-admin ${id}`);
        if (isBrokerDoor(door)) return;
        write('oncall.yaml', 'nonsense');
        expect(complete('request', '')).toMatchObject({ status: 0, stdout: '\n', stderr: '' });
      });
    },
  );
