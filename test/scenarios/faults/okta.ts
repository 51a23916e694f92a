/** Okta as a provider that fails: by its token, or by the private key of an app. */

import { generateKeyPairSync } from 'node:crypto';
import { startIssuer } from '../../fakes/issuer.ts';
import { oktaError, startOkta } from '../../fakes/okta.ts';
import {
  dated,
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

type By = 'token' | 'private key';
const clientId = '0oaFaultsApp';
const scopes = ['okta.groups.manage', 'okta.users.read'];
const keyPair = () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), publicKey };
};

export const okta = (by: By): Provider => ({
  name: by === 'token' ? 'Okta, by an API token' : 'Okta, by the private key of an app',
  host: 'acme.okta.com',
  isDirectory: true,
  failures: ['wrong key', 'no right', 'no right to change', 'rate limit', ...onTheWay],
  start: async () => {
    const [issuer, fake, ways] = await Promise.all([startIssuer(), startOkta(), startWrongWays()]);
    const proxy = await faultyProxy(fake.url);
    const [right, wrong] = [keyPair(), keyPair()];
    const credentials = by === 'token' ? 'token: { file: ./secret }' : `clientId: ${clientId}, privateKey: { file: ./secret }`;
    const good = by === 'token' ? fake.token : right.pem;
    const bad = by === 'token' ? '00aSomeOtherTokenThatNobodyKnows' : wrong.pem;
    const policy = (url: string, timeout = patient): string => `version: 1
ledger: ./oncall.db
${identity(issuer.url)}
directories:
  okta: { orgUrl: ${url}, ${credentials}, timeout: ${timeout} }
${roles('okta')}`;
    const app = (allowed: readonly string[]) => fake.oauth.apps.set(clientId, { clientId, key: right.publicKey, scopes: allowed });
    return {
      open: async (door) => {
        fake.reset();
        proxy.heal();
        app(scopes);
        for (const login of ['sam@acme.dev', 'maria@acme.dev']) fake.addUser(login);
        for (const group of ['db-admins', 'readers']) fake.addGroup(group);
        const s = await signedInStage({
          door,
          issuer,
          files: { 'oncall.yaml': policy(proxy.url), secret: `${good}\n` },
          clock: proxy.clock,
        });
        const answers: Partial<Record<Failure, () => void>> = {
          'wrong key': () => s.write('secret', bad),
          'no right': () =>
            by === 'token'
              ? proxy.rewrite(({ action }, answer) =>
                  action.startsWith('GET /api/v1/users')
                    ? dated(proxy.clock, oktaError(403, 'E0000006', 'You do not have permission to perform the requested action'))
                    : answer,
                )
              : void app(['okta.users.read']),
          'no right to change': () => {
            fake.state.readOnly = true;
          },
          'rate limit': () =>
            proxy.failAll(
              '*',
              oktaError(429, 'E0000047', 'API call exceeded rate limit due to too many requests.', {
                'x-rate-limit-reset': String(Math.floor((Date.now() + proxy.clock.offsetMs) / 1000) + 42),
              }),
            ),
          'time-out': () => {
            s.write('oncall.yaml', policy(proxy.url, impatient));
            proxy.failAll('*', 'silence');
          },
          down: () => proxy.failAll('*', oktaError(503, 'E0000009', 'Internal Server Error')),
          'web page': () => proxy.failAll('*', html()),
          'half an answer': () => proxy.failAll('*', json(200, '[{"id":"00u')),
          'wrong shape': () => proxy.failAll('*', json(200, '{"users":[]}')),
        };
        const world: World = {
          stage: s,
          members: async (group) => [...fake.named(group).members],
          fail: (failure) => {
            const elsewhere = ways.to(failure);
            if (elsewhere !== undefined) s.write('oncall.yaml', policy(elsewhere));
            answers[failure]?.();
          },
          heal: () => {
            ways.heal();
            proxy.heal();
            fake.state.readOnly = false;
            app(scopes);
            s.write('secret', good);
            s.write('oncall.yaml', policy(proxy.url));
          },
        };
        return world;
      },
      stop: async () => void (await Promise.all([ways.stop(), proxy.stop(), issuer.stop(), fake.stop()])),
    };
  },
});
