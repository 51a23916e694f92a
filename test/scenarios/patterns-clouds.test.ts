/** Patterns on Okta and on AWS IAM, over HTTP: the examples of the rotation, of twelve hours and of the semaphore with nothing changed but their directory, and a rotation that PagerDuty keeps. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';
import { clouds } from './clouds.ts';
import { elsewhere, filesOf, type Pattern, type Played, rotation, semaphore, twelveHours } from './patterns.ts';
import type { Door, Stage } from './stage.ts';
import { brokers, cannotOpen, openStage, skippedAt } from './through-broker.ts';

const hourMs = 3_600_000;
const iso = (ms: number): string => new Date(ms).toISOString();
const names = ['maria', 'sam', 'ana'];

const policy = (directory: string, pagerduty: string, schedule: string): string => `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
admins: [ { user: boss@acme.dev } ]
directories:
  cloud: { ${directory}, exclusive: [support] }
rosters:
  pagerduty: { token: { env: PAGERDUTY_TOKEN }, endpoint: ${pagerduty} }
roles:
  support:
    targets: { cloud: support }
    follows: { onCall: pagerduty/${schedule}, levels: [1] }
`;

const through = brokers(['kim', 'lee']);
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

const doors: readonly Door[] = ['main()', 'a broker on SQLite'];
const examples: readonly (readonly [Pattern, (played: Played) => Promise<void>])[] = [
  ['2-rotation', rotation],
  ['3-twelve-hours', twelveHours],
  ['5-semaphore', semaphore],
];

for (const cloud of clouds())
  describe.skipIf(cloud.skip !== undefined)(`on ${cloud.name}${cloud.skip === undefined ? '' : ` (skipped: ${cloud.skip})`}`, () => {
    let s: Stage;
    beforeAll(() => cloud.start(), 60_000);
    afterAll(() => cloud.stop());
    afterEach(() => s.remove());

    for (const door of doors)
      it.skipIf(cannotOpen(door) !== undefined).each(examples)(
        `the example %s is what it is on the embedded pair, through ${door}${skippedAt(door)}`,
        async (pattern, play) => {
          const found = elsewhere(filesOf(pattern), cloud.settings());
          s = await openStage(door, { ...found.files, ...cloud.files() }, { through, env: cloud.env });
          await cloud.reset(found.people, s.now);
          await play({ s, inGroup: cloud.members, keepingEverybody: cloud.keepingEverybody });
        },
      );

    for (const door of doors)
      describe.skipIf(cannotOpen(door) !== undefined)(`a rotation of PagerDuty, through ${door}${skippedAt(door)}`, () => {
        let pagerduty: FakePagerDuty;
        const until = iso(Date.now() + 2 * hourMs);
        const swept = async (exit = 0) => {
          const run = await s.run('cron', 'sweep');
          expect(run, run.err).toMatchObject({ exit });
          return run;
        };

        beforeAll(async () => {
          pagerduty = await startPagerDuty();
        });
        afterAll(() => pagerduty.stop());
        beforeEach(async () => {
          pagerduty.reset();
          for (const name of names) pagerduty.user(name, `${name}@Acme.dev`);
          const schedule = pagerduty.schedule('Support');
          pagerduty.shift({ schedule: 'Support', user: 'maria', start: iso(Date.now() - hourMs), end: until, level: 1 });
          pagerduty.shift({ schedule: 'Support', user: 'ana', start: null, end: null, level: 2 });
          const all = { ...cloud.files(), 'oncall.yaml': policy(cloud.settings(), pagerduty.url, schedule) };
          s = await openStage(door, all, { through, env: { ...cloud.env, PAGERDUTY_TOKEN: pagerduty.key } });
          await cloud.reset({ users: names.map((name) => `${name}@acme.dev`), groups: { support: [] } });
        });

        it('has whoever is on call at level 1 in, and an override within one run', async () => {
          await swept();
          expect(await cloud.members('support')).toEqual(['maria@acme.dev']);
          pagerduty.override({ schedule: 'Support', user: 'sam', start: iso(Date.now() - 1000), end: until, level: 1 });
          await swept();
          expect(await cloud.members('support')).toEqual(['sam@acme.dev']);
          expect((await s.json('ana', 'status')).document).toMatchObject({
            requests: [{ origin: 'rotation', requester: { email: 'sam@acme.dev' }, expiresAt: until }],
          });
          expect((await swept()).out).toBe('');
        });

        it('takes nobody out while PagerDuty cannot be asked, nor by a schedule without anybody', async () => {
          await swept();
          pagerduty.fail(...Array.from({ length: 12 }, () => ({ status: 401, body: '{}' })));
          expect((await swept(1)).err).toContain('who is on its rotation is not known');
          expect(await cloud.members('support')).toEqual(['maria@acme.dev']);
          pagerduty.clear();
          // Nobody is left at level 1.
          pagerduty.override({ schedule: 'Support', user: 'sam', start: iso(Date.now() - 1000), end: until, level: 2 });
          expect((await swept(1)).err).toContain('1 of 1 would go before their shift was to end (maria@acme.dev)');
          expect(await cloud.members('support')).toEqual(['maria@acme.dev']);
        });
      });
  });
