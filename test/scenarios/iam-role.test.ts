/** An IAM role as a target, through the whole tool: given until an end, moved with it, told to people and machines, and taken away. */

import { GetUserPolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Admin, bareAwsEnv, pagedProxy, roleAdministrator, someKeys } from '../directories/iam-world.ts';
import type { FaultProxy } from '../fakes/fault-proxy.ts';
import { allows } from '../fakes/iam-evaluator.ts';
import { iamError, type Moto, motoAccount, noMoto, startMoto } from '../fakes/moto.ts';
import { type Json, type Stage, stage } from './stage.ts';

const arn = `arn:aws:iam::${motoAccount}:role/ops/db-admin`;
const target = { directory: 'aws-prod', assumeRole: arn };
const hour = 3_600_000;

describe.skipIf(noMoto)(`an IAM role as a target${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  let moto: Moto;
  let iam: FaultProxy;
  let admin: Admin;
  let made: Stage;

  beforeAll(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    moto = (await startMoto()) as Moto;
    iam = await pagedProxy(moto);
    admin = roleAdministrator(moto.url);
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await iam?.stop();
    await moto?.stop();
  });

  const policy = (more = '') => `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
admins: [ { user: maria@acme.dev } ]
directories:
  aws-prod: { kind: aws-iam, endpoint: ${iam.url}, userName: local-part, exclusive: [ { assumeRole: ${arn} } ] }
roles:
  db-admin:
    targets: { aws-prod: [ db-admins, { assumeRole: ${arn} } ] }
    allow: [ { user: [ maria@acme.dev, sam@acme.dev ] } ]
  db-owner:
    targets: { aws-prod: { assumeRole: ${arn} } }
    ttl: { max: 12h }
    allow: [ { user: [ maria@acme.dev, sam@acme.dev ] } ]${more}
`;

  beforeEach(async () => {
    await moto.reset();
    iam.clear();
    for (const name of ['maria', 'sam']) await admin.addUser(name);
    await admin.addGroup(arn);
    const groups = await import('../directories/iam-world.ts').then(({ administrator }) => administrator(moto.url));
    await groups.addGroup('db-admins');
    const keys = { AWS_ACCESS_KEY_ID: someKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: someKeys.secretAccessKey };
    made = stage('main()', { 'oncall.yaml': policy() }, keys);
    expect(await made.run('cron', 'sweep')).toMatchObject({ exit: 0 });
    iam.clear();
    return made.remove;
  });

  const document = async (user: string): Promise<string | undefined> =>
    admin.iam.send(new GetUserPolicyCommand({ UserName: user, PolicyName: 'oncall-db-admin' })).then(
      ({ PolicyDocument = '' }) => decodeURIComponent(PolicyDocument),
      () => undefined,
    );
  const mayAssume = async (user: string, at: number): Promise<boolean> => {
    const found = await document(user);
    return found !== undefined && allows(found, { action: 'sts:AssumeRole', resource: arn, at });
  };
  const requestOf = (json: Json) => json.request as { readonly id: string; readonly expiresAt: string; readonly targets: readonly Json[] };

  it('is given beside a group, until the end, and is told by what it is', async () => {
    const { out } = await made.run('maria', 'request', 'db-admin', '--hours', '2');
    expect(out).toContain('in:   aws-prod/db-admins, aws-prod/IAM role db-admin');
    expect(out).toContain('then: sessions of the IAM role db-admin that are begun before the end last up to 1 h');
    expect([await mayAssume('maria', made.now() + 1.9 * hour), await mayAssume('maria', made.now() + 2 * hour)]).toEqual([true, false]);
    const { document: status } = await made.json('maria', 'status');
    expect(status).toMatchObject({ grants: [{ target: { directory: 'aws-prod', group: 'db-admins' } }, { target }] });
    expect(JSON.stringify(status)).not.toContain(`"group":"arn`);
    expect((await made.run('maria', 'release', 'db-admin')).exit).toBe(0);
    expect(await document('maria')).toBeUndefined();
  });

  it('is taken away by the sweep once it lets nobody in any more', async () => {
    await made.run('maria', 'request', 'db-owner', '--hours', '1');
    await made.pass(hour + 60_000);
    expect(await mayAssume('maria', made.now())).toBe(false);
    expect(await document('maria')).toBeDefined();
    expect((await made.run('cron', 'sweep')).out).toContain('maria@acme.dev in aws-prod/IAM role db-admin');
    expect(await document('maria')).toBeUndefined();
  });

  it('moves with the end; where AWS could not be told, that is said, and the sweep tells it', async () => {
    await made.json('maria', 'request', 'db-owner', '--hours', '1');
    const { exit, document: moved } = await made.json('maria', 'request', 'db-owner', '--hours', '2');
    expect(exit).toBe(0);
    const end = Date.parse(requestOf(moved).expiresAt);
    expect([await mayAssume('maria', end - 2_000), await mayAssume('maria', end)]).toEqual([true, false]);

    iam.fail('PutUserPolicy', iamError(403, 'AccessDenied', 'User: arn:aws:iam::123456789012:user/oncall is not authorized'));
    const failed = await made.run('maria', 'request', 'db-owner', '--hours', '3');
    expect(failed.exit).toBe(1);
    expect(failed.err).toContain('db-owner may end sooner than that in aws-prod/IAM role db-admin');
    expect(failed.err).toContain('allow iam:PutUserPolicy in the IAM policy of these credentials');
    expect(await mayAssume('maria', end)).toBe(false);
    expect((await made.run('cron', 'sweep')).exit).toBe(0);
    expect(await mayAssume('maria', end)).toBe(true);
  });

  it('is explained, and doctor has looked at it, with how long its sessions outlast it', async () => {
    const { out } = await made.run('maria', 'explain', 'db-owner');
    expect(out).toContain('sessions of the IAM role db-admin that are begun before the end last up to 1 h');
    const { document: explained } = await made.json('maria', 'explain', 'db-owner');
    expect(explained).toMatchObject({ targets: [target], sessions: [{ target, longestMs: hour }] });
    const doctor = (await made.run('maria', 'doctor')).out;
    expect(doctor).toContain('1 group and 1 IAM role found');
    expect(doctor).toMatch(/aws-prod\/IAM role db-admin: sessions that are begun before an end last up to 1 h/);
  });

  it('is counted where it has places', async () => {
    // Another role that leads there would be a way past its places.
    made.write('oncall.yaml', policy('\n    maxHolders: 1'));
    expect((await made.run('maria', 'request', 'db-owner')).err).toContain('shared-places');
    made.write('oncall.yaml', policy('\n    maxHolders: 1').replace(`[ db-admins, { assumeRole: ${arn} } ]`, 'db-admins'));
    expect((await made.run('maria', 'request', 'db-owner')).exit).toBe(0);
    const second = await made.run('sam', 'request', 'db-owner');
    expect(second.exit).toBe(8);
    expect(await document('sam')).toBeUndefined();
    await made.run('maria', 'release', 'db-owner');
    expect((await made.run('sam', 'request', 'db-owner')).exit).toBe(0);
  });

  it('takes out of an exclusive role whoever came in without oncall, and reports it of others', async () => {
    await made.pass(16 * 60_000);
    await made.run('cron', 'sweep');
    await admin.join('sam', arn);
    await made.pass(16 * 60_000);
    const { out } = await made.run('cron', 'sweep');
    expect(out).toContain('sam in aws-prod/IAM role db-admin: the group is exclusive');
    expect(await document('sam')).toBeUndefined();
  });

  it('stays with whoever had it before', async () => {
    made.write('oncall.yaml', policy().replace(/, exclusive: \[ [^\]]*\]/, ''));
    await admin.join('maria', arn);
    const before = await document('maria');
    const { out } = await made.run('maria', 'request', 'db-owner');
    expect(out).toContain('you were in aws-prod/IAM role db-admin before; that stays');
    await made.run('maria', 'release', 'db-owner');
    expect(await document('maria')).toBe(before);
  });

  it('that there is not is told as such', async () => {
    await admin.removeGroup(arn);
    const { exit, err } = await made.run('maria', 'request', 'db-owner');
    expect(exit).toBe(1);
    expect(err).toContain(`aws-prod has no IAM role "${arn}"`);
    expect((await made.run('maria', 'doctor')).out).toContain('there is no such IAM role');
  });
});
