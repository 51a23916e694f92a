/** The night it is made for: PagerDuty says who is on call, AWS IAM holds the group; both over HTTP, through both doors. */

import { CreateGroupCommand, CreateUserCommand, GetGroupCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';
import { doors, type Stage } from './stage.ts';
import { brokerDoors, brokers, cannotOpen, openStage, skippedAt } from './through-broker.ts';

const hourMs = 3_600_000;
const iso = (ms: number): string => new Date(ms).toISOString();

const policy = (pagerduty: string, aws: string, schedule: string): string => `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
directories:
  aws-prod: { kind: aws-iam, endpoint: ${aws}, userName: local-part }
rosters:
  pagerduty: { token: { env: PAGERDUTY_TOKEN }, endpoint: ${pagerduty} }
roles:
  db-admin:
    targets: { aws-prod: db-admins }
    ttl: { default: 12h, max: 24h }
    allow: [ { onCall: pagerduty/${schedule}, levels: [1], until: shift } ]
`;

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

for (const door of [...doors, ...brokerDoors])
  describe.skipIf(noMoto !== undefined || cannotOpen(door) !== undefined)(
    `PagerDuty and AWS IAM, through ${door}${noMoto === undefined ? skippedAt(door) : ` (skipped: ${noMoto})`}`,
    () => {
      let moto: Moto;
      let proxy: FaultProxy;
      let pagerduty: FakePagerDuty;
      let s: Stage;
      const iam = () =>
        new IAMClient({ region: 'us-east-1', endpoint: moto.url, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
      const members = async (): Promise<readonly (string | undefined)[]> =>
        ((await iam().send(new GetGroupCommand({ GroupName: 'db-admins' }))).Users ?? []).map((user) => user.UserName);

      beforeAll(async () => {
        const started = await startMoto();
        if (!started) throw new Error('moto_server did not start');
        moto = started;
        proxy = await startFaultProxy(moto.url);
        pagerduty = await startPagerDuty();
      }, 60_000);
      afterAll(async () => {
        await Promise.all([proxy.stop(), pagerduty.stop(), moto.stop()]);
      });

      beforeEach(async () => {
        await moto.reset();
        proxy.clear();
        pagerduty.reset();
        for (const name of ['maria', 'sam']) await iam().send(new CreateUserCommand({ UserName: name }));
        await iam().send(new CreateGroupCommand({ GroupName: 'db-admins' }));
        for (const name of ['Ana', 'Maria', 'Sam', 'Zoe', 'Kim']) pagerduty.user(name, `${name}@Acme.dev`);
        const schedule = pagerduty.schedule('Database Primary');
        // Three pages of entries; only one of them makes maria's case.
        for (const user of ['Ana', 'Zoe', 'Kim']) pagerduty.shift({ schedule: 'Database Primary', user, start: null, end: null, level: 3 });
        pagerduty.shift({ schedule: 'Database Primary', user: 'Sam', start: null, end: null, level: 2 });
        pagerduty.shift({
          schedule: 'Database Primary',
          user: 'Maria',
          start: iso(Date.now() - hourMs),
          end: iso(Date.now() + 2 * hourMs),
          level: 1,
        });
        const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', PAGERDUTY_TOKEN: pagerduty.key };
        s = await openStage(door, { 'oncall.yaml': policy(pagerduty.url, proxy.url, schedule) }, { through, env });
        expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0 });
      });
      afterEach(() => s.remove());

      it('lets the one in who is on call at level 1, until her shift ends, and nobody else', async () => {
        const asked = await s.run('maria', 'request', 'db-admin', '--hours', '12');
        expect(asked, asked.err).toMatchObject({ exit: 0 });
        expect(asked.out).toMatch(/2 h 1[45] min, not the 12 h you asked: your shift ends .*, plus 15 min/);
        expect(asked.out).toContain('on call for "Database Primary" (PagerDuty');
        expect(await members()).toEqual(['maria']);
        const refused = await s.run('sam', 'request', 'db-admin');
        expect(refused.exit).toBe(3);
        expect(refused.err).toContain('not on call for "Database Primary"');
        expect(await members()).toEqual(['maria']);
      });

      it('neither lets in nor denies for good while PagerDuty cannot be asked', async () => {
        pagerduty.fail(...Array.from({ length: 9 }, () => ({ status: 503, body: '{}' })));
        const asked = await s.json('maria', 'request', 'db-admin');
        expect(asked).toMatchObject({ exit: 1, document: { error: { code: 'undecided' } } });
        expect(await members()).toEqual([]);
      });

      it('counts a lost answer of AddUserToGroup as in, and still takes her out at the end', async () => {
        proxy.fail('AddUserToGroup', 'lose-answer');
        const asked = await s.run('maria', 'request', 'db-admin', '--for', '5s');
        expect(asked, asked.err).toMatchObject({ exit: 0 });
        expect(await members()).toEqual(['maria']);
        await s.pass(5100);
        expect((await s.run('cron', 'sweep')).exit).toBe(0);
        expect(await members()).toEqual([]);
      });

      it('gets in through throttling and a reset, and out through a lost answer of the removal', async () => {
        proxy.fail('AddUserToGroup', {
          status: 400,
          headers: { 'content-type': 'text/xml' },
          body: '<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>r</RequestId></ErrorResponse>',
        });
        proxy.fail('GetUser', 'drop');
        const asked = await s.run('maria', 'request', 'db-admin');
        expect(asked, asked.err).toMatchObject({ exit: 0 });
        expect(await members()).toEqual(['maria']);
        proxy.fail('RemoveUserFromGroup', 'lose-answer');
        const released = await s.run('maria', 'release', 'db-admin');
        expect(released.exit).toBe(1);
        expect(await members()).toEqual([]);
        // Not called ended while the lost removal could still land; the next sweeps settle it.
        expect((await s.json('maria', 'status')).document).toMatchObject({ grants: [{ state: 'revoking' }] });
      });
    },
  );
