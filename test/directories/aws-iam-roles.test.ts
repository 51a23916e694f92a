/** IAM roles in the place of groups: what the user may then do and until when, whose policies are left alone, and what is refused. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateAccessKeyCommand, CreateRoleCommand, GetUserPolicyCommand, type IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { policyDocument, policyName } from '../../src/directories/aws-iam-policy.ts';
import type { Directory } from '../../src/directories/directory.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { iamRoleIn } from '../../src/policy/iam-role.ts';
import { expectFault } from '../contracts/directory-world.ts';
import type { FaultProxy } from '../fakes/fault-proxy.ts';
import { allows } from '../fakes/iam-evaluator.ts';
import { iamError, type Moto, motoAccount, noMoto, startMoto } from '../fakes/moto.ts';
import { type Admin, bareAwsEnv, type Opened, openIam, otherAccount, pagedProxy, roleAdministrator, trusting } from './iam-world.ts';

const arn = `arn:aws:iam::${motoAccount}:role/ops/db-admin`;
const minute = 60_000;
const action = 'sts:AssumeRole';

/** The document by which the user may assume the IAM role, as IAM has it. */
async function documentOf(iam: IAMClient, user: string, name = 'oncall-db-admin'): Promise<string> {
  const { PolicyDocument = '' } = await iam.send(new GetUserPolicyCommand({ UserName: user, PolicyName: name }));
  return decodeURIComponent(PolicyDocument);
}

describe.skipIf(noMoto)(`an IAM role as a target${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  let moto: Moto;
  let proxy: FaultProxy;
  let admin: Admin;
  let opened: Opened;
  let directory: Directory;
  let pin: Pin;
  let until: number;

  beforeAll(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    moto = (await startMoto()) as Moto;
    proxy = await pagedProxy(moto);
    admin = roleAdministrator(moto.url);
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy?.stop();
    await moto?.stop();
  });
  beforeEach(async () => {
    await moto.reset();
    proxy.clear();
    await admin.addUser('maria');
    await admin.addGroup(arn);
    opened = await openIam({ endpoint: proxy.url, timeout: '1s' });
    directory = opened.directory;
    const [user, group] = [await directory.findUser('maria', {}), await directory.findGroup(arn, {})];
    if (!user || !group) throw new Error('moto is not as arranged');
    pin = { account: group.account, groupId: group.groupId, groupName: group.groupName, userId: user.userId, userName: user.userName };
    until = opened.now() + 10 * minute;
    proxy.clear();
  });
  const sent = (name: string): number => proxy.seen.filter((request) => request.action === name).length;
  const put = (document: object | string, name = 'oncall-db-admin') =>
    admin.iam.send(
      new PutUserPolicyCommand({
        UserName: 'maria',
        PolicyName: name,
        PolicyDocument: typeof document === 'string' ? document : JSON.stringify({ Version: '2012-10-17', ...document }),
      }),
    );
  const statement = { Effect: 'Allow', Action: action, Resource: arn };
  const endingAt = (at: number) => ({ Condition: { DateLessThan: { 'aws:CurrentTime': new Date(at).toISOString() } } });

  describe('the policy', () => {
    it('lets assume that role and nothing else, until the end and not after it', async () => {
      await directory.add(pin, { until: until + 567 });
      const document = await documentOf(admin.iam, 'maria');
      expect(allows(document, { action, resource: arn, at: until - 1 })).toBe(true);
      expect(allows(document, { action, resource: arn, at: until })).toBe(false);
      expect(allows(document, { action, resource: arn, at: until + 365 * 24 * 60 * minute })).toBe(false);
      expect(allows(document, { action, resource: `${arn}s`, at: opened.now() })).toBe(false);
      expect(allows(document, { action: 'sts:GetFederationToken', resource: arn, at: opened.now() })).toBe(false);
    });

    it('is so short that a user has room for nine, and has nothing in it that a person wrote', async () => {
      await directory.add(pin, { until });
      const document = await documentOf(admin.iam, 'maria');
      expect(document.length * 9).toBeLessThan(2_048);
      expect(document).not.toContain('maria');
    });

    it('is read, and written, in as few calls as a group', async () => {
      await directory.read(pin, {});
      await directory.add(pin, { until });
      expect(proxy.seen.map((request) => request.action)).toEqual(['GetUserPolicy', 'PutUserPolicy']);
    });
  });

  describe('what is found', () => {
    it.each<[string, object]>([
      ['without an end', { Statement: statement }],
      ['in a list', { Statement: [{ ...statement, Action: [action], Resource: [arn] }] }],
      [
        'with a name of its own and a condition that nobody can weigh',
        { Statement: { ...statement, Sid: 'x', Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } } },
      ],
      [
        'with several dates',
        {
          Statement: { ...statement, Condition: { DateLessThan: { 'aws:CurrentTime': ['2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z'] } } },
        },
      ],
    ])('lets in: a policy %s', async (_, document) => {
      await put(document);
      expect(await directory.read(pin, {})).toBe('member');
      expect(await directory.members(pin, {})).toEqual([{ userId: pin.userId, userName: 'maria' }]);
    });

    it('lets nobody in once its date has passed, and is replaced and taken away like any other', async () => {
      await put({ Statement: { ...statement, ...endingAt(opened.now()) } });
      expect(await directory.read(pin, {})).toBe('absent');
      expect(await directory.members(pin, {})).toEqual([]);
      await directory.add(pin, { until });
      expect(await directory.read(pin, {})).toBe('member');
      await put({ Statement: { ...statement, ...endingAt(opened.now()) } });
      expect(await directory.remove(pin, {})).toBe('removed');
    });

    it.each<[string, object]>([
      ['that allows more', { Statement: { ...statement, Action: 'sts:*' } }],
      ['that allows another role', { Statement: { ...statement, Resource: `${arn}s` } }],
      ['that allows a second thing', { Statement: [statement, { Effect: 'Allow', Action: 's3:*', Resource: '*' }] }],
      ['that forbids', { Statement: { ...statement, Effect: 'Deny' } }],
      ['that is over, and allows something else', { Statement: { ...statement, Action: 'sts:*', ...endingAt(0) } }],
      ['that says what it is not about', { Statement: { Effect: 'Allow', NotAction: action, Resource: arn } }],
    ])('is somebody else’s: a policy of that name %s', async (_, document) => {
      await put(document);
      const kept = await documentOf(admin.iam, 'maria');
      const error = await expectFault(directory.read(pin, {}), 'refused', 'no');
      expect(error.message).toContain('maria has an inline policy oncall-db-admin that somebody else wrote or changed');
      expect(await directory.members(pin, {})).toEqual([]);
      expect(await documentOf(admin.iam, 'maria')).toBe(kept);
    });

    it('does not look at policies of other names', async () => {
      await put({ Statement: statement }, 'db-admin');
      expect(await directory.read(pin, {})).toBe('absent');
      expect(await directory.members(pin, {})).toEqual([]);
    });

    it('never throws about a namesake’s policy', async () => {
      await admin.removeUser('maria');
      await admin.addUser('maria');
      await put({ Statement: { ...statement, Effect: 'Deny' } });
      opened.passTime();
      expect(await directory.read(pin, {})).toBe('gone');
    });
  });

  describe('everybody who may assume it', () => {
    it('is looked for on every page', async () => {
      for (let n = 0; n < 12; n++) await admin.addUser(`m${n}`);
      await admin.join('m11', arn);
      expect(await directory.members(pin, {})).toEqual([expect.objectContaining({ userName: 'm11' })]);
      expect(sent('GetAccountAuthorizationDetails')).toBe(3);
    });

    it('is an error where one page does not come, or says nothing, or leads nowhere', async () => {
      const answer = (inner: string) => ({
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: `<GetAccountAuthorizationDetailsResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccountAuthorizationDetailsResult>${inner}</GetAccountAuthorizationDetailsResult><ResponseMetadata><RequestId>7a62c49f</RequestId></ResponseMetadata></GetAccountAuthorizationDetailsResponse>`,
      });
      for (let n = 0; n < 12; n++) await admin.addUser(`m${n}`);
      proxy.fail('GetAccountAuthorizationDetails', { delayMs: 0 });
      proxy.fail('GetAccountAuthorizationDetails', iamError(500, 'ServiceFailure', 'internal'), 3);
      await expectFault(directory.members(pin, {}), 'unavailable', 'no');
      proxy.clear();
      proxy.fail('GetAccountAuthorizationDetails', answer('<IsTruncated>false</IsTruncated>'));
      await expectFault(directory.members(pin, {}), 'malformed', 'no');
      proxy.fail('GetAccountAuthorizationDetails', answer('<UserDetailList/><IsTruncated>true</IsTruncated>'));
      await expectFault(directory.members(pin, {}), 'malformed', 'no');
    });
  });

  describe('which role is meant', () => {
    it('is told with how long its sessions last', async () => {
      const long = `arn:aws:iam::${motoAccount}:role/slow`;
      await admin.iam.send(
        new CreateRoleCommand({ RoleName: 'slow', MaxSessionDuration: 14_400, AssumeRolePolicyDocument: JSON.stringify(trusting('*')) }),
      );
      expect(await directory.findGroup(long, {})).toEqual({
        account: motoAccount,
        groupId: long,
        groupName: long,
        longestSessionMs: 4 * 60 * minute,
      });
      expect(await directory.findGroup(arn, {})).toMatchObject({ longestSessionMs: 60 * minute });
    });

    it('is one of this account alone, whether the policy or the credentials say which that is', async () => {
      const elsewhere = `arn:aws:iam::${otherAccount}:role/ops/db-admin`;
      const pinned = await openIam({ endpoint: proxy.url, account: motoAccount });
      for (const one of [directory, pinned.directory]) {
        for (const name of [elsewhere, `arn:aws:iam::${otherAccount}:role/nobody`]) {
          const error = await expectFault(one.findGroup(name, {}), 'refused', 'no');
          expect(error.message).toContain(`is in account ${otherAccount}, and aws-prod is ${motoAccount}`);
          expect(await one.findGroup(name, { toRead: true })).toBeUndefined();
        }
      }
    });

    it('is not asked of credentials of another account', async () => {
      const pinned = await openIam({ endpoint: proxy.url, account: otherAccount });
      const there = `arn:aws:iam::${otherAccount}:role/ops/db-admin`;
      for (const name of [there, `arn:aws:iam::${otherAccount}:role/nobody`])
        await expectFault(pinned.directory.findGroup(name, {}), 'wrong-account', 'no');
    });

    it('is refused by a path that is not its own, and the right one is told', async () => {
      const error = await expectFault(directory.findGroup(`arn:aws:iam::${motoAccount}:role/db-admin`, {}), 'refused', 'no');
      expect(error.next).toBe(`write { assumeRole: ${arn} } in the policy`);
    });

    it('is not given where another has taken its name meanwhile', async () => {
      await admin.removeGroup(arn);
      await admin.addGroup(`arn:aws:iam::${motoAccount}:role/others/db-admin`);
      opened.passTime();
      await expectFault(directory.add(pin, { until }), 'not-found', 'no');
      expect(sent('PutUserPolicy')).toBe(0);
    });
  });

  describe('when things go wrong', () => {
    it('a policy whose answer is lost was perhaps written, and is sent once', async () => {
      proxy.fail('PutUserPolicy', 'lose-answer');
      await expectFault(directory.add(pin, { until }), 'unavailable', 'unknown');
      proxy.fail('DeleteUserPolicy', 'lose-answer');
      await expectFault(directory.remove(pin, {}), 'unavailable', 'unknown');
      expect([sent('PutUserPolicy'), sent('DeleteUserPolicy')]).toEqual([1, 1]);
      expect(await directory.remove(pin, {})).toBe('already');
    });

    it('a user with too many inline policies is explained, not tried again', async () => {
      proxy.fail('PutUserPolicy', iamError(409, 'LimitExceeded', 'Maximum policy size of 2048 bytes exceeded for user maria'));
      const error = await expectFault(directory.add(pin, { until }), 'quota', 'no');
      expect(error.message).toContain('2,048 characters in all: Maximum policy size of 2048 bytes exceeded for user maria');
      expect(error.next).toContain('take away an inline policy');
      expect(error.retryable).toBe(false);
      expect(sent('PutUserPolicy')).toBe(1);
    });

    it.each<[string, (at: Pin) => Promise<unknown>]>([
      ['PutUserPolicy', (at) => directory.add(at, { until })],
      ['DeleteUserPolicy', (at) => directory.remove(at, {})],
      ['GetUserPolicy', (at) => directory.read(at, {})],
      ['GetAccountAuthorizationDetails', (at) => directory.members(at, {})],
      ['GetRole', () => directory.findGroup(arn, {})],
    ])('a right that is missing is named: iam:%s', async (name, act) => {
      proxy.fail(name, iamError(403, 'AccessDenied', 'User: arn:aws:iam::123456789012:user/oncall is not authorized'), 3);
      const error = await expectFault(act(pin), 'forbidden', 'no');
      expect(error.next).toBe(`allow iam:${name} in the IAM policy of these credentials`);
    });

    it('a user whom IAM does not know yet is tried again, one who is gone is not', async () => {
      proxy.fail('PutUserPolicy', iamError(404, 'NoSuchEntity', 'The user with name maria cannot be found.'));
      const error = await expectFault(directory.add(pin, { until }), 'unavailable', 'no');
      expect(error.retryable).toBe(true);
      proxy.fail('DeleteUserPolicy', iamError(404, 'NoSuchEntity', 'The user policy cannot be found.'));
      expect(await directory.remove(pin, {})).toBe('already');
      await directory.add(pin, { until });
      proxy.fail('DeleteUserPolicy', iamError(404, 'NoSuchEntity', 'The user policy cannot be found.'));
      await expectFault(directory.remove(pin, {}), 'unavailable', 'no');
    });
  });
});

it('is as docs/aws.md shows it', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/aws.md'), 'utf8');
  const shown = /`oncall-db-admin`:\n\n```\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const role = iamRoleIn('arn:aws:iam::111122223333:role/db-admin');
  if (role === undefined) throw new Error('no IAM role');
  expect(JSON.parse(shown)).toEqual(JSON.parse(policyDocument(role, Date.parse('2026-11-22T05:00:00.999Z'))));
  expect(policyName(role)).toBe('oncall-db-admin');
});

/** moto enforces policies here, though no date in them: that one is held against `allows` above. */
describe.skipIf(noMoto)(`AWS's own judgement of an IAM role as a target${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  let moto: Moto;
  beforeAll(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    moto = (await startMoto({ checkAuthAfter: 3 })) as Moto;
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await moto?.stop();
  });

  it('lets the user assume it with the policy, and neither before nor after', async () => {
    const keysOf = async (iam: IAMClient, user: string) => {
      const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: user }));
      return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
    };
    const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
    const setUp = roleAdministrator(moto.url);
    await setUp.addUser('oncall');
    await setUp.iam.send(new PutUserPolicyCommand({ UserName: 'oncall', PolicyName: 'all', PolicyDocument: JSON.stringify(everything) }));
    const keys = await keysOf(setUp.iam, 'oncall');
    const admin = roleAdministrator(moto.url, keys);
    await admin.addUser('maria');
    await admin.addGroup(arn);
    const marias = await keysOf(admin.iam, 'maria');
    const sts = new STSClient({ region: 'us-east-1', endpoint: moto.url, credentials: marias, maxAttempts: 1 });
    const assume = () =>
      sts.send(new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: 'maria' })).then(
        ({ AssumedRoleUser }) => AssumedRoleUser?.Arn,
        (error: Error) => error.name,
      );
    vi.stubEnv('AWS_ACCESS_KEY_ID', keys.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', keys.secretAccessKey);
    const { directory, now } = await openIam({ endpoint: moto.url });
    const [user, group] = [await directory.findUser('maria', {}), await directory.findGroup(arn, {})];
    if (!user || !group) throw new Error('moto is not as arranged');
    const pin = { ...group, ...user };

    expect(await assume()).toBe('AccessDenied');
    await directory.add(pin, { until: now() + minute });
    expect(await assume()).toBe(`arn:aws:sts::${motoAccount}:assumed-role/db-admin/maria`);
    expect(await directory.remove(pin, {})).toBe('removed');
    expect(await assume()).toBe('AccessDenied');
  });
});
