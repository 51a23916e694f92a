/** Many real processes at once for three places, and the line for them, in a file and on PostgreSQL. RACES=all (`npm run races`): everybody in it gets their turn. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';
import { type Run, type Stage, stage } from './stage.ts';

const all = process.env.RACES === 'all';
const minutes = 60_000;
const places = 3;

type Case = { readonly ledger: string; readonly processes: number; readonly turns: number; readonly skip?: string | undefined };
const cases: readonly Case[] = [
  { ledger: 'SQLite', processes: 64, turns: all ? 61 : 6 },
  { ledger: 'PostgreSQL', processes: all ? 64 : 16, turns: all ? 61 : 4, skip: noPostgres },
];

const emails = Array.from({ length: 64 }, (_, index) => `p${index}@acme.dev`);
const late = ['late1@acme.dev', 'late2@acme.dev'];

const policy = (ledger: string): string => `version: 1
ledger: ${ledger}
admins: [ { user: boss@acme.dev } ]
sweep: { refuseWhenLate: 1d }
directories:
  local: { path: ./groups.json, exclusive: [migrators] }
roles:
  migration:
    targets: { local: migrators }
    maxHolders: ${places}
    offerFor: 30m
    allow: [ { member: local/everybody } ]
`;

type Event = { readonly type: string; readonly holder: string; readonly data: { readonly place?: number } };
type Answer = Run & { readonly user: string };

for (const { ledger, processes, turns, skip } of cases)
  describe.skipIf(skip !== undefined)(
    `${processes} processes and ${places} places, on ${ledger}${skip === undefined ? '' : ` (skipped: ${skip})`}`,
    () => {
      const many = emails.slice(0, processes);
      const waiting = processes - places;
      let s: Stage;
      let postgres: Postgres | undefined;
      let first: readonly string[] = [];
      let line: readonly string[] = [];
      let most = 0;
      const members = (): string[] => JSON.parse(s.read('groups.json')).groups.migrators;
      const run = async (user: string, ...args: string[]): Promise<Answer> => ({ ...(await s.run(user, ...args)), user });
      const events = async (type: string): Promise<readonly Event[]> => {
        const { document } = await s.json('boss@acme.dev', 'audit', 'list', '--limit', '1000000');
        return (document as unknown as { events: Event[] }).events.filter((event) => event.type === type);
      };
      let watching: NodeJS.Timeout | undefined;

      beforeAll(async () => {
        const groups = { migrators: [], everybody: [...emails, ...late] };
        const files: Record<string, string> = {
          'oncall.yaml': policy('./oncall.db'),
          'groups.json': JSON.stringify({ users: groups.everybody, groups }),
        };
        if (ledger === 'PostgreSQL') {
          postgres = await startPostgres();
          Object.assign(files, {
            'oncall.yaml': policy('{ postgres: { file: ./database-url } }'),
            'database-url': `${postgres.url(await postgres.createDatabase())}\n`,
          });
        }
        s = stage('the built bundle', files);
        const swept = await s.run('cron', 'sweep');
        expect(swept, swept.err).toMatchObject({ exit: 0 });
        // Beside everything that happens: the file is replaced as a whole, so each look is at one instant.
        watching = setInterval(() => {
          most = Math.max(most, members().length);
        }, 5);
      });
      afterAll(async () => {
        clearInterval(watching);
        s.remove();
        await postgres?.remove();
      });

      it(
        'all asking at once: as many are in as there are places, and everybody else has a place in line of their own',
        async () => {
          const runs = await Promise.all(many.map((user) => run(user, 'request', 'migration', '--queue', '--json')));
          const [granted, queued] = [0, 8].map((code) => runs.filter(({ exit }) => exit === code)) as [Answer[], Answer[]];
          expect([granted.length, queued.length], runs.map(({ err }) => err).join('')).toEqual([places, waiting]);
          first = granted.map(({ user }) => user);
          expect([...members()].sort()).toEqual([...first].sort());
          const said = queued.map(({ out, user }) => ({ user, place: Number(JSON.parse(out).line.place) }));
          said.sort((a, b) => a.place - b.place);
          expect(said.map(({ place }) => place)).toEqual(Array.from({ length: waiting }, (_, index) => index + 1));
          line = said.map(({ user }) => user);
          expect((await events('request.queued')).map(({ holder, data }) => [holder, data.place])).toEqual(
            line.map((user, index) => [user, index + 1]),
          );
        },
        5 * minutes,
      );

      it(
        `${turns} of them waiting for their turn: each gets it in the order of the line, while others try to get in before them`,
        async () => {
          const giveBack = async (user: string): Promise<void> => {
            const { exit, err } = await run(user, 'release', 'migration');
            expect(exit, err).toBe(0);
          };
          const attached = line.slice(0, turns).map(async (user) => {
            const answer = await run(user, 'request', 'migration', '--wait', '--timeout', '25m');
            expect(answer.exit, answer.err).toBe(0);
            await giveBack(user);
            return answer;
          });
          let isOver = false;
          const jumping = late.map(async (user) => {
            const exits: number[] = [];
            while (!isOver) exits.push((await run(user, 'request', 'migration')).exit);
            return exits;
          });
          await Promise.all(first.map(giveBack));
          await Promise.all(attached);
          isOver = true;
          const jumped = (await Promise.all(jumping)).flat();
          const offered = (await events('request.offered')).map(({ holder }) => holder);
          expect(offered).toEqual(line.slice(0, Math.min(waiting, turns + places)));
          const approved = (await events('request.approved')).map(({ holder }) => holder).slice(0, places + turns);
          // Only once nobody waits any more is there a place for them.
          expect(jumped.filter((exit) => exit !== 8 && (exit !== 0 || turns < waiting))).toEqual([]);
          expect(approved.filter((user) => late.includes(user))).toEqual([]);
          expect(approved.slice(0, places).sort()).toEqual([...first].sort());
          expect([...approved.slice(places)].sort()).toEqual([...line.slice(0, turns)].sort());
          // Three have their turn at once: nobody is further ahead of their place than that.
          for (const [index, user] of approved.slice(places).entries()) expect(line.indexOf(user) - index).toBeLessThan(places);
          expect(most).toBe(places);
        },
        30 * minutes,
      );
    },
  );
