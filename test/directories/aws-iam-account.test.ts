import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateAccessKeyCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import awsIam from '../../src/directories/aws-iam.ts';
import { expectFault } from '../contracts/directory-world.ts';
import type { FaultProxy } from '../fakes/fault-proxy.ts';
import { iamError, type Moto, motoAccount, noMoto, startMoto } from '../fakes/moto.ts';
import { type Admin, administrator, bareAwsEnv, elsewhereKeys, openIam, otherAccount, otherRole, pagedProxy } from './iam-world.ts';

const skipped = noMoto ? ` (skipped: ${noMoto})` : '';

describe.skipIf(noMoto)(`the account of aws-iam${skipped}`, () => {
  let moto: Moto;
  let proxy: FaultProxy;
  let admin: Admin;
  let folder: string;

  beforeAll(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    moto = (await startMoto()) as Moto;
    proxy = await pagedProxy(moto);
    admin = administrator(moto.url);
  }, 60_000);
  afterAll(async () => {
    await proxy?.stop();
    await moto?.stop();
  });
  beforeEach(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    folder = mkdtempSync(join(tmpdir(), 'oncall-aws-'));
    await moto.reset();
    proxy.clear();
    await admin.addUser('maria');
    await admin.addGroup('db-admins');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  const seen = (action: string) => proxy.seen.filter((request) => request.action === action);

  describe('is pinned by the policy', () => {
    it('and what is found elsewhere is an error, not an answer', async () => {
      const { directory } = await openIam({ endpoint: proxy.url, account: '111122223333' });
      const error = await expectFault(directory.findUser('maria', {}), 'wrong-account', 'no');
      expect(error.message).toContain(motoAccount);
      await expectFault(directory.findGroup('db-admins', {}), 'wrong-account', 'no');
    });

    it('and that somebody is not there counts only where the account is the right one', async () => {
      const wrong = await openIam({ endpoint: proxy.url, account: '111122223333' });
      await expectFault(wrong.directory.findUser('nobody', {}), 'wrong-account', 'no');
      await expectFault(wrong.directory.findGroup('nothing', {}), 'wrong-account', 'no');
      const right = await openIam({ endpoint: proxy.url, account: motoAccount });
      expect(await right.directory.findUser('nobody', {})).toBeUndefined();
    });

    it('and is asked for once, not with every absent user', async () => {
      const { directory } = await openIam({ endpoint: proxy.url, account: motoAccount });
      for (const name of ['nobody', 'no-one', 'none']) expect(await directory.findUser(name, {})).toBeUndefined();
      expect(seen('GetCallerIdentity')).toHaveLength(1);
    });

    it('and a membership of another account is refused without a call', async () => {
      const { directory } = await openIam({ endpoint: proxy.url, account: motoAccount });
      const pin = { account: otherAccount, userId: 'AIDAX', userName: 'maria', groupId: 'AGPAX', groupName: 'db-admins' };
      await expectFault(directory.read(pin, {}), 'wrong-account', 'no');
      await expectFault(directory.members(pin, {}), 'wrong-account', 'no');
      await expectFault(directory.add(pin, {}), 'wrong-account', 'no');
      await expectFault(directory.remove(pin, {}), 'wrong-account', 'no');
      expect(proxy.seen).toEqual([]);
    });

    it('and where STS does not say which account it is, nobody is absent', async () => {
      const { directory } = await openIam({ endpoint: proxy.url, account: motoAccount });
      proxy.fail('GetCallerIdentity', iamError(403, 'AccessDenied', 'not authorized'));
      await expectFault(directory.findUser('nobody', {}), 'forbidden', 'no');
    });
  });

  describe('is reached by credentials', () => {
    it('of an IAM role that is assumed, with the external id and the session name', async () => {
      const there = administrator(moto.url, await elsewhereKeys(moto.url));
      await there.addUser('maria');
      await there.addGroup('db-admins');
      const assumeRole = { arn: otherRole, externalId: 'ticket-7', sessionName: 'oncall-broker' };
      const { directory } = await openIam({
        endpoint: { iam: proxy.url, sts: proxy.url },
        account: otherAccount,
        credentials: { assumeRole },
      });
      expect(await directory.findGroup('db-admins', {})).toMatchObject({ account: otherAccount });
      expect(seen('AssumeRole')[0]?.body).toMatch(/(?=.*ExternalId=ticket-7)(?=.*RoleSessionName=oncall-broker)/);
      expect(await directory.findUser('maria', {})).toMatchObject({ userName: 'maria' });
      expect(seen('AssumeRole')).toHaveLength(1);
    });

    it('in a process that says nothing else on its terminal, and ends when it is done', async () => {
      const contents = `
        import awsIam from './src/directories/aws-iam.ts';
        const context = { name: 'aws-prod', now: Date.now, log() {}, onServerDate() {}, baseDir: '/' };
        awsIam.open({ endpoint: process.argv[2] }, context).then((directory) => directory.findUser('maria', {})).then((user) => console.log(user.userName));`;
      const outfile = join(folder, 'process.cjs');
      await build({
        stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
        bundle: true,
        platform: 'node',
        format: 'cjs',
        outfile,
        logLevel: 'error',
      });
      const { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: _, ...env } = process.env;
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [outfile, proxy.url], { env, timeout: 20_000 });
      expect({ stdout, stderr }).toEqual({ stdout: 'maria\n', stderr: '' });
    });

    it('of a profile, and of no other source where that profile is missing', async () => {
      writeFileSync(
        join(folder, 'credentials'),
        '[prod]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = notARealSecret\n',
      );
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'));
      const { directory } = await openIam({ endpoint: proxy.url, credentials: { profile: 'prod' } });
      await directory.findUser('maria', {});
      expect(seen('GetUser')[0]?.headers.authorization).toContain('AKIAPROFILE000000001');
      const missing = await openIam({ endpoint: proxy.url, credentials: { profile: 'staging' } });
      await expectFault(missing.directory.findUser('maria', {}), 'credentials', 'no');
      expect(seen('GetUser')).toHaveLength(1);
    });

    it('of an IAM role that a profile assumes', async () => {
      writeFileSync(
        join(folder, 'credentials'),
        '[prod]\naws_access_key_id = AKIAPROFILE000000001\naws_secret_access_key = notARealSecret\n',
      );
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'));
      const { directory } = await openIam({ endpoint: proxy.url, credentials: { profile: 'prod', assumeRole: { arn: otherRole } } });
      expect(await directory.findUser('maria', {})).toBeUndefined();
      expect(seen('AssumeRole')[0]?.headers.authorization).toContain('AKIAPROFILE000000001');
      expect(seen('AssumeRole')[0]?.body).toContain('RoleSessionName=oncall');
    });

    it('and where there are none it says so, and that nothing was written', async () => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
      const { directory } = await openIam({ endpoint: proxy.url });
      const pin = { account: motoAccount, userId: 'AIDAX', userName: 'maria', groupId: 'AGPAX', groupName: 'db-admins' };
      const error = await expectFault(directory.add(pin, {}), 'credentials', 'no');
      expect(error.next).toContain('profile');
      expect(proxy.seen).toEqual([]);
    });

    it('and an IAM role that may not be assumed is a matter of rights, while a silent STS is not', async () => {
      const settings = { endpoint: proxy.url, timeout: '1s', credentials: { assumeRole: { arn: otherRole } } };
      const { directory } = await openIam(settings);
      proxy.fail('AssumeRole', iamError(403, 'AccessDenied', 'User is not authorized to perform: sts:AssumeRole'));
      const error = await expectFault(directory.findUser('maria', {}), 'forbidden', 'no');
      expect(error.message).toContain('sts:AssumeRole');
      expect(error.next).toContain('trust policy');
      proxy.fail('AssumeRole', 'silence', 9);
      await expectFault(directory.findUser('maria', {}), 'timeout', 'no');
      proxy.clear();
      proxy.fail('AssumeRole', 'drop', 9);
      await expectFault(directory.findUser('maria', {}), 'unavailable', 'no');
      proxy.clear();
      expect(await directory.findUser('maria', {})).toBeUndefined();
    });
  });
});

describe.skipIf(noMoto)(`what the credentials of aws-iam may do${skipped}`, () => {
  let moto: Moto;
  let proxy: FaultProxy;
  let admin: Admin;
  let keys: { accessKeyId: string; secretAccessKey: string };

  beforeAll(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    // The six calls that follow are free; from then on moto verifies every signature and every right.
    moto = (await startMoto({ checkAuthAfter: 6 })) as Moto;
    proxy = await pagedProxy(moto);
    admin = administrator(moto.url);
    for (const user of ['oncall', 'maria']) await admin.addUser(user);
    await admin.addGroup('db-admins');
    await admin.join('maria', 'db-admins');
    const { AccessKey } = await admin.iam.send(new CreateAccessKeyCommand({ UserName: 'oncall' }));
    keys = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
    const reads = ['iam:GetUser', 'iam:GetGroup', 'iam:ListGroupsForUser', 'iam:ListUsers'];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: reads, Resource: '*' }] });
    await admin.iam.send(new PutUserPolicyCommand({ UserName: 'oncall', PolicyName: 'reads', PolicyDocument }));
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy?.stop();
    await moto?.stop();
  });

  async function openWith(accessKeyId: string, secretAccessKey: string) {
    vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
    return (await openIam({ endpoint: proxy.url })).directory;
  }

  it('is checked by a signature, which holds through the proxy', async () => {
    const directory = await openWith(keys.accessKeyId, keys.secretAccessKey);
    expect(await directory.findUser('maria', {})).toMatchObject({ userName: 'maria' });
  });

  it('is refused as a matter of credentials where the secret or the key is wrong, and no secret is repeated', async () => {
    const wrongSecret = await openWith(keys.accessKeyId, 'wrongSecretWrongSecretWrongSecret');
    const error = await expectFault(wrongSecret.findUser('maria', {}), 'credentials', 'no');
    expect(`${error.message} ${error.next}`).not.toContain('wrongSecret');
    const wrongKey = await openWith('AKIANOBODYS000000000', keys.secretAccessKey);
    await expectFault(wrongKey.findUser('nobody', {}), 'credentials', 'no');
  });

  it('names the action that is missing, and that nothing was written', async () => {
    const directory = await openWith(keys.accessKeyId, keys.secretAccessKey);
    const [user, group] = [await directory.findUser('maria', {}), await directory.findGroup('db-admins', {})];
    if (!user || !group) throw new Error('moto is not as arranged');
    const pin = { ...group, userId: user.userId, userName: user.userName };
    expect(await directory.read(pin, {})).toBe('member');
    const error = await expectFault(directory.remove(pin, {}), 'forbidden', 'no');
    expect(error.message).toContain('iam:RemoveUserFromGroup');
    expect(error.next).toContain('iam:RemoveUserFromGroup');
    expect(await directory.read(pin, {})).toBe('member');
  });
});

describe('the settings of aws-iam', () => {
  const parses = (settings: unknown) => awsIam.settings.safeParse(settings).success;

  it.each([
    [{}],
    [{ account: '111122223333', region: 'eu-central-1', timeout: '10s' }],
    [
      {
        region: 'us-gov-west-1',
        credentials: { profile: 'prod', assumeRole: { arn: 'arn:aws-us-gov:iam::111122223333:role/a/b', externalId: 'x1' } },
      },
    ],
    [{ endpoint: 'https://iam.vpce.example' }],
    [{ endpoint: { iam: 'http://127.0.0.1:5000', sts: 'http://localhost:5000' } }],
  ])('take %j', (settings) => {
    expect(parses(settings)).toBe(true);
  });

  it.each([
    [{ account: 111122223333 }],
    [{ account: '1111-2222-3333' }],
    [{ region: 'here' }],
    [{ endpoint: 'http://iam.example' }],
    [{ endpoint: 'https://user:pass@iam.example' }],
    [{ endpoint: { iam: 'ftp://127.0.0.1' } }],
    [{ credentials: { assumeRole: {} } }],
    [{ credentials: { accessKeyId: 'AKIA' } }],
    [{ timeout: 5 }],
    [{ timeout: '0s' }],
  ])('refuse %j', (settings) => {
    expect(parses(settings)).toBe(false);
  });

  it.each([
    [{}, false],
    [{ endpoint: 'http://127.0.0.1:5000' }, true],
    [{ endpoint: 'https://iam.example' }, false],
    [{ endpoint: { iam: 'http://127.0.0.1:5000' } }, false],
    [{ endpoint: { iam: 'http://127.0.0.1:5000', sts: 'https://sts.example' } }, false],
    [{ endpoint: { iam: 'http://127.0.0.1:5000', sts: 'http://[::1]:5000' } }, true],
  ])('reach nothing but this machine only where %j is said to: %s', (settings, local) => {
    expect(awsIam.isLocal(awsIam.settings.parse(settings))).toBe(local);
  });
});
