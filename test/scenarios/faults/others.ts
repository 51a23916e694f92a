/** The issuer at which people sign in, and the two files of the embedded pair, as providers that fail. */

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Issuer, startIssuer } from '../../fakes/issuer.ts';
import { schedule, stage } from '../stage.ts';
import {
  embedded,
  type Failure,
  faultyProxy,
  groups,
  html,
  identity,
  json,
  membersIn,
  mintToken,
  overHttp,
  type Provider,
  signedInStage,
  signIn,
  startWrongWays,
  type World,
} from './world.ts';

const mount = '/oauth2/default';

/** The issuer as it is at the proxy's address: what it says of itself is rewritten, and it renews every sign-in. */
async function renewingProxy(issuer: Issuer) {
  let token = '';
  const proxy = await faultyProxy(new URL(issuer.url).origin, (request, answer) => {
    if (request.action === `POST ${mount}/v1/token`) {
      return json(200, { access_token: token, token_type: 'Bearer', expires_in: 3600, refresh_token: 'the-next-one' });
    }
    return { ...answer, body: answer.body.replaceAll(new URL(issuer.url).origin, proxy.url) };
  });
  token = await mintToken(issuer, `${proxy.url}${mount}`);
  return proxy;
}

export const signInIssuer: Provider = {
  name: 'The issuer, when a sign-in is renewed or begun',
  called: { 'wrong key': 'a clientId that it does not know', 'no right': 'a client that may not sign in like this' },
  host: 'acme.okta.com',
  isDirectory: false,
  failures: overHttp,
  start: async () => {
    const [issuer, ways] = await Promise.all([startIssuer(), startWrongWays()]);
    const proxy = await renewingProxy(issuer);
    const url = `${proxy.url}${mount}`;
    const policy = (at: string): string => embedded(identity(at), 'file: { path: ./schedule.yaml }', '{ user: maria@acme.dev }');
    return {
      open: async (door) => {
        proxy.heal();
        const files = { 'oncall.yaml': policy(url), 'schedule.yaml': schedule(), 'groups.json': groups };
        const s = await signedInStage({ door, issuer, files, clock: proxy.clock });
        await signIn(s, issuer, url);
        const atTokens = (status: number, error: string, description: string): void => {
          for (const path of ['token', 'device/authorize']) {
            proxy.failAll(`POST ${mount}/v1/${path}`, json(status, { error, error_description: description }));
          }
        };
        /** Another address of the issuer is another issuer: the sign-in is of that one. */
        const moved = async (to: string): Promise<void> => {
          s.write('oncall.yaml', policy(`${to}${mount}`));
          await signIn(s, issuer, `${to}${mount}`, ended);
        };
        const answers: Partial<Record<Failure, () => void>> = {
          'wrong key': () => atTokens(401, 'invalid_client', 'The client is not known.'),
          'no right': () => atTokens(400, 'unauthorized_client', 'The client may not use this grant type.'),
          'rate limit': () => proxy.failAll('*', json(429, { errorCode: 'E0000047' }, { 'retry-after': '42' })),
          'time-out': () => proxy.failAll('*', 'silence'),
          down: () => proxy.failAll('*', json(503, {})),
          'web page': () => proxy.failAll('*', html()),
          'half an answer': () => proxy.failAll('*', json(200, '{"issuer":"htt')),
          'wrong shape': () => proxy.failAll('*', json(200, { oidc: true })),
        };
        const ended = { expiresAt: Date.now() - 1000, refreshToken: 'a-refresh-token' };
        const world: World = {
          stage: s,
          members: membersIn(s),
          fail: async (failure) => {
            await signIn(s, issuer, url, ended);
            const elsewhere = ways.to(failure);
            if (elsewhere !== undefined) await moved(elsewhere);
            answers[failure]?.();
          },
          heal: () => {
            ways.heal();
            proxy.heal();
            s.write('oncall.yaml', policy(url));
          },
        };
        return world;
      },
      stop: async () => void (await Promise.all([ways.stop(), proxy.stop(), issuer.stop()])),
    };
  },
};

const file = (of: 'directory' | 'roster'): Provider => {
  const name = of === 'directory' ? 'groups.json' : 'schedule.yaml';
  return {
    name: of === 'directory' ? 'The local directory' : 'The file roster',
    host: 'localhost',
    isDirectory: of === 'directory',
    called: {
      'wrong shape': 'a file of another shape',
      'broken file': 'a file that is no JSON or YAML',
      'unreadable file': 'no file but a folder',
    },
    failures: ['broken file', 'wrong shape', 'no file', 'unreadable file'],
    start: async () => ({
      open: async (door) => {
        const policy = embedded('identity: [ { kind: local } ]', 'file: { path: ./schedule.yaml }', '{ onCall: file/db-primary }');
        const s = stage(door, { 'oncall.yaml': policy, 'schedule.yaml': schedule(), 'groups.json': groups });
        let kept = '';
        const gone = (): void => rmSync(join(s.folder, name), { recursive: true });
        const answers: Partial<Record<Failure, () => void>> = {
          'broken file': () => s.write(name, of === 'directory' ? kept.slice(0, kept.length / 2) : 'schedules: [ {'),
          'wrong shape': () => s.write(name, of === 'directory' ? '{ "users": {}, "groups": [] }' : 'schedules: { db-primary: nobody }'),
          'no file': gone,
          'unreadable file': () => {
            gone();
            mkdirSync(join(s.folder, name));
          },
        };
        const world: World = {
          stage: s,
          members: async (group) => JSON.parse(of === 'directory' && kept !== '' ? kept : s.read('groups.json')).groups[group],
          fail: (failure) => {
            kept = s.read(name);
            answers[failure]?.();
          },
          heal: () => {
            rmSync(join(s.folder, name), { recursive: true, force: true });
            s.write(name, kept);
            kept = '';
          },
        };
        return world;
      },
      stop: async () => undefined,
    }),
  };
};
export const localDirectory = file('directory');
export const fileRoster = file('roster');
