/** AWS IAM Identity Center as a provider that fails. */

import { deniedStore, startIdentityStore, storeError } from '../../fakes/identity-store.ts';
import { startIssuer } from '../../fakes/issuer.ts';
import {
  type Failure,
  faultyProxy,
  html,
  identity,
  impatient,
  json,
  onTheWay,
  type Provider,
  patient,
  roles,
  signedInStage,
  startWrongWays,
  type World,
} from './world.ts';

const storeId = 'd-1234567890';
const keys = { AWS_ACCESS_KEY_ID: 'AKIAFAULTSEXAMPLE', AWS_SECRET_ACCESS_KEY: 'CANARYnotASecretKey' };

export const identityCenter: Provider = {
  name: 'AWS IAM Identity Center',
  host: 'identitystore.eu-central-1.amazonaws.com',
  isDirectory: true,
  failures: ['wrong key', 'no right', 'no right to change', 'wrong store', 'rate limit', ...onTheWay],
  start: async () => {
    const [issuer, fake, ways] = await Promise.all([startIssuer(), startIdentityStore(), startWrongWays()]);
    const proxy = await faultyProxy(fake.url);
    const policy = (url: string, timeout = patient): string => `version: 1
ledger: ./oncall.db
${identity(issuer.url)}
directories:
  aws-sso: { kind: aws-identity-center, identityStoreId: ${storeId}, region: eu-central-1, timeout: ${timeout}, endpoint: ${url} }
${roles('aws-sso')}`;
    const failing = (type: string, message: string, more?: object) => () => proxy.failAll('*', storeError(type, message, more));
    return {
      open: async (door) => {
        fake.reset();
        proxy.heal();
        const store = fake.store(storeId);
        for (const name of ['sam@acme.dev', 'maria@acme.dev']) store.addUser(name);
        for (const name of ['db-admins', 'readers']) store.addGroup(name);
        const s = await signedInStage({ door, issuer, files: { 'oncall.yaml': policy(proxy.url) }, env: keys, clock: proxy.clock });
        const answers: Partial<Record<Failure, () => void>> = {
          'wrong key': failing('UnrecognizedClientException', 'The security token included in the request is invalid.'),
          'no right': () => ['GetUserId', 'GetGroupMembershipId'].forEach((action) => void proxy.failAll(action, deniedStore(action))),
          'no right to change': () => {
            fake.state.readOnly = true;
          },
          'wrong store': failing('ResourceNotFoundException', 'IDENTITY_STORE not found.', { ResourceType: 'IDENTITY_STORE' }),
          'rate limit': failing('ThrottlingException', 'Rate exceeded', { RetryAfterSeconds: 42 }),
          'time-out': () => {
            s.write('oncall.yaml', policy(proxy.url, impatient));
            proxy.failAll('*', 'silence');
          },
          down: () => proxy.failAll('*', { ...storeError('InternalServerException', 'internal'), status: 503 }),
          'web page': () => proxy.failAll('*', html()),
          'half an answer': () => proxy.failAll('*', json(200, '{"IdentityStoreId":"d-12')),
          'wrong shape': () => proxy.failAll('*', json(200, { users: [] })),
        };
        const world: World = {
          stage: s,
          members: async (group) => store.membersOf(store.group(group).id),
          fail: (failure) => {
            const elsewhere = ways.to(failure);
            if (elsewhere !== undefined) s.write('oncall.yaml', policy(elsewhere));
            answers[failure]?.();
          },
          heal: () => {
            ways.heal();
            proxy.heal();
            fake.state.readOnly = false;
            s.write('oncall.yaml', policy(proxy.url));
          },
        };
        return world;
      },
      stop: async () => void (await Promise.all([ways.stop(), proxy.stop(), issuer.stop(), fake.stop()])),
    };
  },
};
