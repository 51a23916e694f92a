/** Eight approvers at once, as processes of their own, on a ledger in a file and on PostgreSQL: two let her in, once; the others come too late. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';
import { type Stage, stage } from './stage.ts';

const approvers = Array.from({ length: 8 }, (_, index) => `p${index}@acme.dev`);
const rounds = 3;

const policy = (ledger: string): string => `version: 1
ledger: ${ledger}
admins: [ { user: boss@acme.dev } ]
sweep: { refuseWhenLate: 1d }
directories:
  local: { path: ./groups.json }
roles:
  guarded:
    targets: { local: db }
    ask: [ { user: maria@acme.dev } ]
    approvers: [ { user: [${approvers.join(', ')}] } ]
    quorum: 2
`;

const places = [
  { ledger: 'SQLite', skip: undefined },
  { ledger: 'PostgreSQL', skip: noPostgres },
];

for (const { ledger, skip } of places)
  describe.skipIf(skip !== undefined)(`on ${ledger}${skip === undefined ? '' : ` (skipped: ${skip})`}`, () => {
    let s: Stage;
    let postgres: Postgres | undefined;
    beforeAll(async () => {
      const files: Record<string, string> = {
        'oncall.yaml': policy('./oncall.db'),
        'groups.json': JSON.stringify({ users: ['maria@acme.dev', ...approvers], groups: { db: [] } }),
      };
      if (ledger === 'PostgreSQL') {
        postgres = await startPostgres();
        const database = await postgres.createDatabase();
        Object.assign(files, {
          'oncall.yaml': policy('{ postgres: { file: ./database-url } }'),
          'database-url': `${postgres.url(database)}\n`,
        });
      }
      s = stage('the built bundle', files);
      const first = await s.run('cron', 'sweep');
      expect(first, first.err).toMatchObject({ exit: 0 });
    }, 60_000);
    afterAll(async () => {
      s.remove();
      await postgres?.remove();
    });

    it(`a quorum of two is reached once, in ${rounds} rounds`, async () => {
      for (let round = 1; round <= rounds; round++) {
        const asked = await s.json('maria', 'request', 'guarded', '--reason', 'index rebuild');
        const { id } = asked.document.request as { id: string };
        const runs = await Promise.all(approvers.map((name) => s.json(name, 'approve', id)));
        const codes = runs.map(({ document }) => (document.error as { code: string } | undefined)?.code ?? 'yes').sort();
        expect(codes, JSON.stringify(runs)).toEqual([...Array.from({ length: 6 }, () => 'not-pending'), 'yes', 'yes']);
        expect(JSON.parse(s.read('groups.json')).groups.db).toEqual(['maria@acme.dev']);
        const events = (await s.json('boss', 'audit', 'list', id)).document.events as { type: string }[];
        const count = (type: string): number => events.filter((event) => event.type === type).length;
        expect(['request.approval', 'request.approved', 'grant.activating', 'grant.active'].map(count)).toEqual([1, 1, 1, 1]);
        expect((await s.run('maria', 'release', id)).exit).toBe(0);
      }
    }, 300_000);
  });
