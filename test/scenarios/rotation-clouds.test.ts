/** A rotation that PagerDuty keeps, on Okta and on AWS IAM, over HTTP: a handover, an override, and PagerDuty down. */

import { CreateGroupCommand, CreateUserCommand, GetGroupCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';
import type { Door, Stage } from './stage.ts';
import { brokers, cannotOpen, openStage, skippedAt } from './through-broker.ts';

const hourMs = 3_600_000;
const iso = (ms: number): string => new Date(ms).toISOString();
const names = ['maria', 'sam', 'ana'];

type Cloud = {
  readonly name: string;
  readonly skip: string | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The directory's lines of the policy, and what goes beside it. */
  reset(): Promise<{ readonly directory: string; readonly files?: Record<string, string>; readonly env?: Record<string, string> }>;
  members(): Promise<readonly string[]>;
};

function onOkta(): Cloud {
  let okta: FakeOkta;
  return {
    name: 'Okta',
    skip: undefined,
    start: async () => {
      okta = await startOkta({ pageSize: 1 });
    },
    stop: async () => {
      expect(okta.violations).toEqual([]);
      await okta.stop();
    },
    reset: async () => {
      okta.reset();
      for (const name of names) okta.addUser(`${name}@acme.dev`);
      okta.addGroup('support');
      return {
        directory: `{ kind: okta, orgUrl: ${okta.url}, token: { file: ./token }, exclusive: [support] }`,
        files: { token: okta.token },
      };
    },
    members: async () => [...okta.named('support').members].map((id) => (okta.users.get(id)?.login ?? id).split('@')[0] ?? '').sort(),
  };
}

function onIam(): Cloud {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  let moto: Moto | undefined;
  const iam = () => new IAMClient({ region: 'us-east-1', endpoint: moto?.url ?? '', credentials });
  return {
    name: 'AWS IAM',
    skip: noMoto,
    start: async () => {
      moto = await startMoto();
    },
    stop: async () => moto?.stop(),
    reset: async () => {
      await moto?.reset();
      for (const name of names) await iam().send(new CreateUserCommand({ UserName: name }));
      await iam().send(new CreateGroupCommand({ GroupName: 'support' }));
      const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
      return { directory: `{ kind: aws-iam, endpoint: ${moto?.url}, userName: local-part, exclusive: [support] }`, env };
    },
    members: async () =>
      ((await iam().send(new GetGroupCommand({ GroupName: 'support' }))).Users ?? []).map((user) => user.UserName ?? '').sort(),
  };
}

const policy = (directory: string, pagerduty: string, schedule: string): string => `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
admins: [ { user: boss@acme.dev } ]
directories:
  cloud: ${directory}
rosters:
  pagerduty: { token: { env: PAGERDUTY_TOKEN }, endpoint: ${pagerduty} }
roles:
  support:
    targets: { cloud: support }
    follows: { onCall: pagerduty/${schedule}, levels: [1] }
`;

const through = brokers();
beforeAll(() => through.start(), 60_000);
afterAll(() => through.stop());

const doors: readonly Door[] = ['main()', 'a broker on SQLite'];
for (const cloud of [onOkta(), onIam()])
  for (const door of doors)
    describe.skipIf(cloud.skip !== undefined || cannotOpen(door) !== undefined)(
      `a rotation of PagerDuty on ${cloud.name}, through ${door}${cloud.skip === undefined ? skippedAt(door) : ` (skipped: ${cloud.skip})`}`,
      () => {
        let pagerduty: FakePagerDuty;
        let s: Stage;
        const until = iso(Date.now() + 2 * hourMs);
        const swept = async (exit = 0) => {
          const run = await s.run('cron', 'sweep');
          expect(run, run.err).toMatchObject({ exit });
          return run;
        };

        beforeAll(async () => {
          await cloud.start();
          pagerduty = await startPagerDuty();
        }, 60_000);
        afterAll(async () => {
          await Promise.all([cloud.stop(), pagerduty.stop()]);
        });
        beforeEach(async () => {
          pagerduty.reset();
          for (const name of names) pagerduty.user(name, `${name}@Acme.dev`);
          const schedule = pagerduty.schedule('Support');
          pagerduty.shift({ schedule: 'Support', user: 'maria', start: iso(Date.now() - hourMs), end: until, level: 1 });
          pagerduty.shift({ schedule: 'Support', user: 'ana', start: null, end: null, level: 2 });
          const { directory, files = {}, env = {} } = await cloud.reset();
          const all = { ...files, 'oncall.yaml': policy(directory, pagerduty.url, schedule) };
          s = await openStage(door, all, { through, env: { ...env, PAGERDUTY_TOKEN: pagerduty.key } });
        });
        afterEach(() => s.remove());

        it('has whoever is on call at level 1 in, and an override within one run', async () => {
          await swept();
          expect(await cloud.members()).toEqual(['maria']);
          pagerduty.override({ schedule: 'Support', user: 'sam', start: iso(Date.now() - 1000), end: until, level: 1 });
          await swept();
          expect(await cloud.members()).toEqual(['sam']);
          expect((await s.json('ana', 'status')).document).toMatchObject({
            requests: [{ origin: 'rotation', requester: { email: 'sam@acme.dev' }, expiresAt: until }],
          });
          expect((await swept()).out).toBe('');
        });

        it('takes nobody out while PagerDuty cannot be asked, nor by a schedule without anybody', async () => {
          await swept();
          pagerduty.fail(...Array.from({ length: 12 }, () => ({ status: 401, body: '{}' })));
          expect((await swept(1)).err).toContain('who is on its rotation is not known');
          expect(await cloud.members()).toEqual(['maria']);
          pagerduty.clear();
          // Nobody is left at level 1.
          pagerduty.override({ schedule: 'Support', user: 'sam', start: iso(Date.now() - 1000), end: until, level: 2 });
          expect((await swept(1)).err).toContain('1 of 1 would go before their shift was to end (maria@acme.dev)');
          expect(await cloud.members()).toEqual(['maria']);
        });
      },
    );
