/** What the table of failures is made of: a company around one provider, and the ways in which that provider can fail. */

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { signInFolder } from '../../../src/sign-in/context.ts';
import { type SignIn, writeSignIn } from '../../../src/sign-in/token-file.ts';
import { makeCertificate } from '../../fakes/certificate.ts';
import { type Answer, type Fault, type FaultProxy, startFaultProxy } from '../../fakes/fault-proxy.ts';
import { audience, clientId, type Issuer } from '../../fakes/issuer.ts';
import { startProxy } from '../../fakes/proxy.ts';
import { type Door, type Stage, stage } from '../stage.ts';

export const failures = {
  'wrong key': 'a key that is wrong, ended or revoked',
  'no right': 'a key without the right to read',
  'no right to change': 'a key that may read, but not change',
  'wrong store': 'an identity store that it does not know there: another id, region or account',
  'rate limit': 'too many calls, for longer than one waits',
  'time-out': 'no answer',
  down: 'an outage (503)',
  'web page': 'a web page for an answer (a portal, a sign-in page)',
  'half an answer': 'an answer that is cut off',
  'wrong shape': 'an answer of another shape',
  'wrong certificate': 'a TLS certificate that is not trusted',
  'not listening': 'nothing listens',
  'unknown name': 'its name cannot be resolved',
  'proxy is down': 'the proxy is down',
  'proxy wants a sign-in': 'the proxy wants a user and a password (407)',
  'broken file': 'a file that cannot be read as what it should be',
  'no file': 'no file',
  'unreadable file': 'a file that cannot be opened',
  'others may write': 'others may write to it',
  'exit code': 'it ends with a code other than 0',
  'too long': 'an answer that is too long',
  'its own no': 'it says itself that it cannot answer',
} as const;
export type Failure = keyof typeof failures;

export type World = {
  readonly stage: Stage;
  /** Who is in a group, by what the directory itself says. */
  members(group: Group): Promise<readonly string[]>;
  fail(failure: Failure): void | Promise<void>;
  heal(): void;
};
export type Group = 'db-admins' | 'readers';

export type Provider = {
  /** A heading of docs/errors.md. */
  readonly name: string;
  readonly skip?: string | undefined;
  readonly failures: readonly Failure[];
  /** Where a failure has another name here. */
  readonly called?: Partial<Record<Failure, string>>;
  /** What people are shown in place of this test's addresses. */
  readonly host: string;
  /** Where the provider is a roster or an issuer, it keeps nobody's access from ending. */
  readonly isDirectory: boolean;
  start(): Promise<Started>;
};
export type Started = { open(door: Door): Promise<World>; stop(): Promise<void> };

/** What every provider over HTTP can meet, whatever it is. */
export const onTheWay = [
  'time-out',
  'down',
  'web page',
  'half an answer',
  'wrong shape',
  'wrong certificate',
  'not listening',
  'unknown name',
  'proxy is down',
  'proxy wants a sign-in',
] as const satisfies readonly Failure[];

/** Nothing listens on port 1; `.invalid` is nobody's (RFC 2606). */
const nowhere = 'http://127.0.0.1:1';
const noSuchName = 'https://nowhere.invalid';

/** Addresses at which no provider is to be had. `variable` is set while this process goes through a proxy. */
export async function startWrongWays() {
  const server = createServer(makeCertificate(['localhost']));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const untrusted = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy = await startProxy({ route: () => undefined, user: { name: 'oncall', password: 'CANARY-proxy' } });
  const through = (address: string): string => {
    process.env.HTTPS_PROXY = address;
    return noSuchName;
  };
  const ways: Partial<Record<Failure, () => string>> = {
    'wrong certificate': () => untrusted,
    'not listening': () => nowhere,
    'unknown name': () => noSuchName,
    'proxy is down': () => through(nowhere),
    'proxy wants a sign-in': () => through(`http://${proxy.host}`),
  };
  return {
    /** The address to put into the policy; `undefined`: the failure is another one. */
    to: (failure: Failure): string | undefined => ways[failure]?.(),
    heal: () => {
      delete process.env.HTTPS_PROXY;
    },
    stop: async () => {
      delete process.env.HTTPS_PROXY;
      await proxy.stop();
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      });
    },
  };
}

export const html = (status = 200): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><body>Sign in to the network<br></body></html>',
});
export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** A clock that the stage and what its provider answers share, so that letting time pass looks like no clock that is wrong. */
export type Clock = { offsetMs: number };
export const dated = (clock: Clock, answer: Answer): Answer => ({
  ...answer,
  headers: { ...answer.headers, date: new Date(Date.now() + clock.offsetMs).toUTCString() },
});

/** For answers that come, however busy this machine is; and for the one that never does. */
export const [patient, impatient] = ['10s', '1s'];

/** A provider behind a proxy which fails by what it answers. */
export async function faultyProxy(target: string, edit: Parameters<FaultProxy['rewrite']>[0] = (_, answer) => answer) {
  const proxy = await startFaultProxy(target);
  const clock: Clock = { offsetMs: 0 };
  const faults = new Map<string, Fault>();
  proxy.draw(({ action }) => {
    const fault = faults.get(action) ?? faults.get('*');
    return typeof fault === 'object' && 'status' in fault ? dated(clock, fault) : fault;
  });
  return {
    ...proxy,
    clock,
    heal: () => {
      faults.clear();
      proxy.clear();
      proxy.rewrite((request, answer) => dated(clock, edit(request, answer)));
    },
    failAll: (action: string, fault: Fault): void => void faults.set(action, fault),
  };
}

type Opened = {
  readonly door: Door;
  readonly issuer: Issuer;
  readonly files: Record<string, string>;
  readonly env?: Record<string, string>;
  readonly clock: Clock;
};

/** Maria is signed in. */
export async function signedInStage({ door, issuer, files, env = {}, clock }: Opened): Promise<Stage> {
  clock.offsetMs = 0;
  const made = stage(door, files, env);
  await signIn(made, issuer, issuer.url);
  return {
    ...made,
    pass: async (ms) => {
      if (door === 'main()') clock.offsetMs += ms;
      await made.pass(ms);
    },
  };
}

export const identity = (url: string): string =>
  `identity: [ { kind: oidc, issuer: ${url}, clientId: ${clientId}, audience: ${audience}, domains: [acme.dev] } ]`;

export async function mintToken(issuer: Issuer, url: string): Promise<string> {
  const seconds = Math.floor(Date.now() / 1000);
  const person = { sub: 'maria@acme.dev', uid: '00u1maria', cid: clientId, scp: ['openid'] };
  return issuer.mint({ iss: url, aud: audience, ...person, iat: seconds, exp: seconds + 86_400 });
}

export async function signIn(made: Stage, issuer: Issuer, url: string, changes: Partial<SignIn> = {}): Promise<void> {
  const folder = signInFolder(join(made.folder, '.config/oncall'));
  const now = Date.now();
  const kept = { origin: 'direct', issuer: url, clientId, subject: '00u1maria', expiresAt: now + 86_400_000, signedInAt: now };
  writeSignIn({ ...kept, accessToken: await mintToken(issuer, url), ...changes }, { folder });
}

/** Two groups that maria may be in; what ends, and what is asked for while the provider fails. */
export const roles = (directory: string, rule = '{ user: maria@acme.dev }'): string => `roles:
  db-admin: { targets: { ${directory}: db-admins }, allow: [ ${rule} ] }
  reader: { targets: { ${directory}: readers }, allow: [ ${rule} ] }
`;

export const overHttp: readonly Failure[] = ['wrong key', 'no right', 'rate limit', ...onTheWay];
export const groups = JSON.stringify({ users: ['maria@acme.dev', 'sam@acme.dev'], groups: { 'db-admins': [], readers: [] } });
export const membersIn =
  (s: Stage) =>
  async (group: string): Promise<readonly string[]> =>
    JSON.parse(s.read('groups.json')).groups[group];
export const embedded = (who: string, rosters: string, rule: string): string => `version: 1
ledger: ./oncall.db
${who}
directories:
  local: { path: ./groups.json }
rosters:
  ${rosters}
${roles('local', rule)}`;
