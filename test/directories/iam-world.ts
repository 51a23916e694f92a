/** IAM as a world: moto behind a fault proxy that gives it pages and real ids, and an administrator who acts behind the adapter's back. */

import {
  AddUserToGroupCommand,
  CreateGroupCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteGroupCommand,
  DeleteRoleCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  GetGroupCommand,
  GetUserPolicyCommand,
  IAMClient,
  ListGroupsForUserCommand,
  ListUserPoliciesCommand,
  PutUserPolicyCommand,
  RemoveUserFromGroupCommand,
  UpdateGroupCommand,
  UpdateUserCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import awsIam from '../../src/directories/aws-iam.ts';
import type { Directory } from '../../src/directories/directory.ts';
import type { DirectoryWorld } from '../contracts/directory-world.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { asRealIam, iamError, type Moto } from '../fakes/moto.ts';

/** Nobody's: moto verifies nothing unless it is told to. */
export const someKeys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'CANARYnotARealSecretKeyNotARealSecretKey' };
export const otherAccount = '210987654321';
export const otherRole = `arn:aws:iam::${otherAccount}:role/oncall`;

/** Keeps the SDK from whatever the machine that runs the tests has, and from the metadata service. */
export const bareAwsEnv = {
  AWS_ACCESS_KEY_ID: someKeys.accessKeyId,
  AWS_SECRET_ACCESS_KEY: someKeys.secretAccessKey,
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_ENDPOINT_URL: undefined,
  // For the administrator's clients; what the adapter does about it is seen in a process of its own.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
};

export type Opened = {
  readonly directory: Directory;
  readonly dates: number[];
  readonly logged: string[];
  now(): number;
  passTime(): void;
};

export async function openIam(settings: Record<string, unknown>): Promise<Opened> {
  const dates: number[] = [];
  const logged: string[] = [];
  let now = 1_800_000_000_000;
  const directory = await awsIam.open(awsIam.settings.parse(settings), {
    name: 'aws-prod',
    now: () => now,
    log: (line) => logged.push(line),
    onServerDate: (ms) => dates.push(ms),
    baseDir: '/',
  });
  return {
    directory,
    dates,
    logged,
    now: () => now,
    passTime: () => {
      now += 60_000;
    },
  };
}

export type Admin = ReturnType<typeof administrator>;

export function administrator(endpoint: string, credentials = someKeys) {
  const iam = new IAMClient({ region: 'us-east-1', endpoint, credentials, maxAttempts: 1 });
  const membersOf = async (group: string) => (await iam.send(new GetGroupCommand({ GroupName: group }))).Users ?? [];
  const leave = async (user: string, group: string) =>
    void (await iam.send(new RemoveUserFromGroupCommand({ UserName: user, GroupName: group })));
  return {
    iam,
    addUser: async (user: string) => void (await iam.send(new CreateUserCommand({ UserName: user }))),
    addGroup: async (group: string) => void (await iam.send(new CreateGroupCommand({ GroupName: group }))),
    join: async (user: string, group: string) => void (await iam.send(new AddUserToGroupCommand({ UserName: user, GroupName: group }))),
    isMember: async (user: string, group: string) => (await membersOf(group)).some((member) => member.UserName === user),
    leave,
    // IAM deletes no member and no group that has members; moto would keep the one and lose the other.
    removeUser: async (user: string) => {
      const { Groups = [] } = await iam.send(new ListGroupsForUserCommand({ UserName: user }));
      for (const group of Groups) await leave(user, group.GroupName ?? '');
      await iam.send(new DeleteUserCommand({ UserName: user }));
    },
    removeGroup: async (group: string) => {
      for (const member of await membersOf(group)) await leave(member.UserName ?? '', group);
      await iam.send(new DeleteGroupCommand({ GroupName: group }));
    },
    renameUser: async (from: string, to: string) => void (await iam.send(new UpdateUserCommand({ UserName: from, NewUserName: to }))),
    renameGroup: async (from: string, to: string) => void (await iam.send(new UpdateGroupCommand({ GroupName: from, NewGroupName: to }))),
  };
}

/** Of IAM roles by their ARNs: what people have of one is an inline policy, by hand one without an end. */
export function roleAdministrator(endpoint: string, credentials = someKeys): Admin {
  const admin = administrator(endpoint, credentials);
  const { iam } = admin;
  const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);
  const pathOf = (arn: string): string => arn.slice(arn.indexOf(':role/') + 5, arn.lastIndexOf('/') + 1);
  const policy = (user: string, arn: string) => ({ UserName: user, PolicyName: `oncall-${nameOf(arn)}` });
  const leave = async (user: string, arn: string) => void (await iam.send(new DeleteUserPolicyCommand(policy(user, arn))));
  return {
    ...admin,
    addGroup: async (arn) =>
      void (await iam.send(
        new CreateRoleCommand({ RoleName: nameOf(arn), Path: pathOf(arn), AssumeRolePolicyDocument: JSON.stringify(trusting('*')) }),
      )),
    join: async (user, arn) => {
      const Statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: arn };
      await iam.send(
        new PutUserPolicyCommand({ ...policy(user, arn), PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }) }),
      );
    },
    isMember: async (user, arn) =>
      iam.send(new GetUserPolicyCommand(policy(user, arn))).then(
        () => true,
        () => false,
      ),
    leave,
    removeUser: async (user) => {
      const { PolicyNames = [] } = await iam.send(new ListUserPoliciesCommand({ UserName: user }));
      for (const PolicyName of PolicyNames) await iam.send(new DeleteUserPolicyCommand({ UserName: user, PolicyName }));
      await admin.removeUser(user);
    },
    removeGroup: async (arn) => void (await iam.send(new DeleteRoleCommand({ RoleName: nameOf(arn) }))),
  };
}

export const trusting = (principal: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: principal }, Action: 'sts:AssumeRole' }],
});

/** Credentials in another account, as AssumeRole gives them. */
export async function elsewhereKeys(endpoint: string): Promise<typeof someKeys> {
  const sts = new STSClient({ region: 'us-east-1', endpoint, credentials: someKeys });
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: otherRole, RoleSessionName: 'admin' }));
  return { accessKeyId: Credentials?.AccessKeyId ?? '', secretAccessKey: Credentials?.SecretAccessKey ?? '' };
}

export async function pagedProxy(moto: Moto, pageSize = 5): Promise<FaultProxy> {
  const proxy = await startFaultProxy(moto.url);
  proxy.rewrite(asRealIam(pageSize));
  return proxy;
}

const writing = /^(AddUserToGroup|RemoveUserFromGroup|PutUserPolicy|DeleteUserPolicy)$/;

export async function iamWorld(moto: Moto, proxy: FaultProxy, made: typeof administrator = administrator): Promise<DirectoryWorld> {
  await moto.reset();
  proxy.clear();
  const here = await openIam({ endpoint: proxy.url });
  const there = await openIam({ endpoint: proxy.url, credentials: { assumeRole: { arn: otherRole } } });
  return {
    ...made(moto.url),
    directory: here.directory,
    elsewhere: { directory: there.directory, ...made(moto.url, await elsewhereKeys(moto.url)) },
    now: () => here.now(),
    passTime: () => here.passTime(),
    writes: async () => proxy.seen.filter(({ action }) => writing.test(action)).length,
    denyWrites: async () => {
      for (const action of ['AddUserToGroup', 'RemoveUserFromGroup', 'PutUserPolicy', 'DeleteUserPolicy']) {
        proxy.fail(
          action,
          iamError(403, 'AccessDenied', `User: arn:aws:iam::123456789012:user/oncall is not authorized to perform: iam:${action}`),
          99,
        );
      }
    },
    close: async () => undefined,
  };
}
