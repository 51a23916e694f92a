/** AWS IAM as a provider that fails: IAM itself, or STS on the way to an IAM role. */

import { CreateGroupCommand, CreateUserCommand, GetGroupCommand, IAMClient } from '@aws-sdk/client-iam';
import { startIssuer } from '../../fakes/issuer.ts';
import { iamError, motoAccount, noMoto, startMoto } from '../../fakes/moto.ts';
import {
  type Failure,
  faultyProxy,
  html,
  identity,
  impatient,
  onTheWay,
  type Provider,
  patient,
  roles,
  signedInStage,
  startWrongWays,
  type World,
} from './world.ts';

type Service = 'IAM' | 'STS';
const keys = {
  AWS_ACCESS_KEY_ID: 'AKIAFAULTSEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'CANARYnotASecretKey',
};
const role = `arn:aws:iam::${motoAccount}:role/oncall`;

export const aws = (service: Service): Provider => ({
  name: service === 'IAM' ? 'AWS IAM' : 'AWS STS, for the IAM role that the policy assumes',
  skip: noMoto,
  ...(service === 'STS' ? { called: { 'no right': 'a key that may not assume the IAM role' } } : {}),
  host: service === 'IAM' ? 'iam.amazonaws.com' : 'sts.amazonaws.com',
  isDirectory: true,
  failures: ['wrong key', 'no right', ...(service === 'IAM' ? (['no right to change'] as const) : []), 'rate limit', ...onTheWay],
  start: async () => {
    const [issuer, moto, ways] = await Promise.all([startIssuer(), startMoto(), startWrongWays()]);
    if (!moto) throw new Error('moto_server did not start');
    const proxy = await faultyProxy(moto.url);
    const broken = service === 'IAM' ? '*' : 'AssumeRole';
    const assumed = service === 'IAM' ? '' : `, credentials: { assumeRole: { arn: '${role}' } }`;
    const endpoint = (url: string): string =>
      service === 'IAM' ? url : url === proxy.url ? proxy.url : `{ iam: ${proxy.url}, sts: ${url} }`;
    const policy = (url: string, timeout = patient): string => `version: 1
ledger: ./oncall.db
${identity(issuer.url)}
directories:
  aws-prod: { kind: aws-iam, userName: local-part, timeout: ${timeout}, endpoint: ${endpoint(url)}${assumed} }
${roles('aws-prod')}`;
    // For this test's own client; the tool sees to itself.
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
    const client = new IAMClient({
      region: 'us-east-1',
      endpoint: moto.url,
      credentials: { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey: keys.AWS_SECRET_ACCESS_KEY },
    });
    const denied = (action: string) =>
      iamError(403, 'AccessDenied', `User: arn:aws:iam::${motoAccount}:user/oncall is not authorized to perform: ${action}`);
    return {
      open: async (door) => {
        await moto.reset();
        proxy.heal();
        for (const name of ['sam', 'maria']) await client.send(new CreateUserCommand({ UserName: name }));
        for (const name of ['db-admins', 'readers']) await client.send(new CreateGroupCommand({ GroupName: name }));
        const s = await signedInStage({ door, issuer, files: { 'oncall.yaml': policy(proxy.url) }, env: keys, clock: proxy.clock });
        const answers: Partial<Record<Failure, () => void>> = {
          'wrong key': () =>
            proxy.failAll(broken, iamError(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.')),
          'no right': () =>
            service === 'STS'
              ? proxy.failAll('AssumeRole', denied(`sts:AssumeRole on resource: ${role}`))
              : ['ListGroupsForUser', 'GetUser'].forEach((action) => void proxy.failAll(action, denied(`iam:${action}`))),
          'no right to change': () =>
            ['AddUserToGroup', 'RemoveUserFromGroup'].forEach((action) => void proxy.failAll(action, denied(`iam:${action}`))),
          'rate limit': () => proxy.failAll(broken, iamError(400, 'Throttling', 'Rate exceeded')),
          'time-out': () => {
            s.write('oncall.yaml', policy(proxy.url, impatient));
            proxy.failAll(broken, 'silence');
          },
          down: () =>
            proxy.failAll(broken, iamError(503, 'ServiceUnavailable', 'The request has failed due to a temporary failure of the server.')),
          'web page': () => proxy.failAll(broken, html()),
          'half an answer': () =>
            proxy.failAll(broken, { status: 200, headers: { 'content-type': 'text/xml' }, body: '<GetUserResponse><GetUserResult><User>' }),
          'wrong shape': () =>
            proxy.failAll(broken, { status: 200, headers: { 'content-type': 'text/xml' }, body: '<Answer><Nothing/></Answer>' }),
        };
        const world: World = {
          stage: s,
          members: async (group) => {
            const { Users = [] } = await client.send(new GetGroupCommand({ GroupName: group }));
            return Users.map((user) => user.UserName ?? '');
          },
          fail: (failure) => {
            const elsewhere = ways.to(failure);
            if (elsewhere !== undefined) s.write('oncall.yaml', policy(elsewhere));
            answers[failure]?.();
          },
          heal: () => {
            ways.heal();
            proxy.heal();
            s.write('oncall.yaml', policy(proxy.url));
          },
        };
        return world;
      },
      stop: async () => void (await Promise.all([ways.stop(), proxy.stop(), issuer.stop(), moto.stop()])),
    };
  },
});
