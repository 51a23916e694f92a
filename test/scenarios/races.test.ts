/** Many real processes at once on one ledger, in a file and on PostgreSQL. RACES=all (`npm run races`): more rounds, more grants. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { fakeIo } from '../fakes/io.ts';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';
import { type Stage, stage } from './stage.ts';

const all = process.env.RACES === 'all';
const dueGrants = all ? 1000 : 40;
const minutes = 60_000;

type Place = { readonly ledger: string; readonly processes: number; readonly rounds: number; readonly skip?: string | undefined };
const places: readonly Place[] = [
  { ledger: 'SQLite', processes: 64, rounds: all ? 20 : 2 },
  { ledger: 'PostgreSQL', processes: all ? 64 : 16, rounds: all ? 20 : 1, skip: noPostgres },
];

const emails = (count: number): string[] => Array.from({ length: count }, (_, index) => `p${index}@acme.dev`);
const everybody = emails(Math.max(64, dueGrants));

const policy = (ledger: string): string => `version: 1
ledger: ${ledger}
admins: [ { user: boss@acme.dev } ]
sweep: { refuseWhenLate: 1d }
directories:
  local: { path: ./groups.json, exclusive: [migrators] }
roles:
  migration:
    targets: { local: migrators }
    maxHolders: 1
    allow: [ { member: local/everybody } ]
  viewer:
    targets: { local: viewers }
    allow: [ { member: local/everybody } ]
`;

type Event = { readonly type: string; readonly holder?: string; readonly requestId?: string };

for (const { ledger, processes, rounds, skip } of places)
  describe.skipIf(skip !== undefined)(
    `${processes} processes at once, on ${ledger}${skip === undefined ? '' : ` (skipped: ${skip})`}`,
    () => {
      const many = everybody.slice(0, processes);
      let s: Stage;
      let postgres: Postgres | undefined;
      let database = '';
      beforeAll(async () => {
        const groups = { migrators: [], viewers: [], everybody };
        const files: Record<string, string> = {
          'oncall.yaml': policy('./oncall.db'),
          'groups.json': JSON.stringify({ users: everybody, groups }),
        };
        if (ledger === 'PostgreSQL') {
          postgres = await startPostgres();
          database = await postgres.createDatabase();
          Object.assign(files, {
            'oncall.yaml': policy('{ postgres: { file: ./database-url } }'),
            'database-url': `${postgres.url(database)}\n`,
          });
        }
        s = stage('the built bundle', files);
        const first = await s.run('cron', 'sweep');
        expect(first, first.err).toMatchObject({ exit: 0 });
      });
      afterAll(async () => {
        s.remove();
        await postgres?.remove();
      });
      const pass = async (ms: number): Promise<void> => {
        await postgres?.shiftClock(database, ms);
        await s.pass(ms);
      };
      const groups = (): Record<string, string[]> => JSON.parse(s.read('groups.json')).groups;
      const exits = (runs: readonly { readonly exit: number }[]): number[] => runs.map((run) => run.exit);
      /** In this process, where it is one of a thousand. */
      const quickly = async (user: string, ...args: string[]): Promise<void> => {
        const io = fakeIo({ now: Date.now() });
        const exit = await main(
          args,
          { HOME: s.folder, ONCALL_POLICY: `${s.folder}/oncall.yaml`, ONCALL_USER: user },
          { ...io, cwd: s.folder },
        );
        expect(exit, io.err()).toBe(0);
      };

      it(
        `asking for one place, in ${rounds} rounds: one is in, the others are told who holds it`,
        async () => {
          for (let round = 1; round <= rounds; round++) {
            const runs = await Promise.all(many.map((user) => s.run(user, 'request', 'migration')));
            const winners = runs.flatMap((run, index) => (run.exit === 0 ? [many[index] as string] : []));
            expect(winners.length, runs.map((run) => run.err).join('')).toBe(1);
            expect(groups()['migrators']).toEqual(winners);
            const others = runs.filter((run) => run.exit !== 0);
            expect(exits(others)).toEqual(Array.from({ length: many.length - 1 }, () => 8));
            const taken = new RegExp(`^error: migration has one place: ${winners[0]}[^\\n]*\\n {2}why: [^\\n]*\\n {2}next: [^\\n]*\\n$`);
            for (const run of others) expect(run.err).toMatch(taken);
            await quickly(winners[0] as string, 'release', 'migration');
          }
        },
        10 * minutes,
      );

      it(
        'asking for a role without a limit: all are in, and whoever gives back at the same time is out',
        async () => {
          const runs = await Promise.all(many.map((user) => s.run(user, 'request', 'viewer', '--for', '10m')));
          expect(exits(runs), runs.map((run) => run.err).join('')).toEqual(many.map(() => 0));
          expect([...(groups()['viewers'] ?? [])].sort()).toEqual([...many].sort());
          const released = await Promise.all(many.map((user) => s.run(user, 'release', 'viewer')));
          expect(exits(released), released.map((run) => run.err).join('')).toEqual(many.map(() => 0));
          expect(groups()['viewers']).toEqual([]);
        },
        5 * minutes,
      );

      it(
        `sweeping side by side: each of ${dueGrants} grants that are due is ended once, and nobody stays`,
        async () => {
          const due = everybody.slice(0, dueGrants);
          const end = new Date(Date.now() + 5000 + dueGrants * 100);
          for (const user of due) await quickly(user, 'request', 'viewer', '--until', end.toISOString());
          expect(groups()['viewers']?.length).toBe(dueGrants);
          await pass(Math.max(0, end.getTime() - Date.now() + 1000));
          const sweeps = await Promise.all(Array.from({ length: 8 }, () => s.run('cron', 'sweep')));
          expect(exits(sweeps), sweeps.map((run) => run.err).join('')).toEqual(Array.from({ length: 8 }, () => 0));
          // A sweep that met a row in another's hands leaves it for the next run.
          await s.run('cron', 'sweep');
          expect(groups()['viewers']).toEqual([]);
          const { events } = (await s.json('boss', 'audit', 'list', '--limit', '1000000')).document as unknown as { events: Event[] };
          const ended = events.filter((event) => event.type === 'grant.ended').map((event) => event.requestId);
          expect(new Set(ended).size).toBe(ended.length);
          const viewers = many.length + dueGrants;
          expect(ended.length).toBe(rounds + viewers);
        },
        15 * minutes,
      );
    },
  );
