/** Every provider behind a name and TLS of its own, with a policy that uses it and nothing else that is away from this machine. */

import { generateKeyPairSync } from 'node:crypto';
import { CreateGroupCommand, CreateUserCommand, GetGroupCommand, IAMClient } from '@aws-sdk/client-iam';
import { startIdentityStore } from '../../fakes/identity-store.ts';
import type { Internet } from '../../fakes/internet.ts';
import { type Issuer, startIssuer } from '../../fakes/issuer.ts';
import { motoAccount, noMoto, startMoto } from '../../fakes/moto.ts';
import { startOkta } from '../../fakes/okta.ts';
import { startPagerDuty } from '../../fakes/pagerduty.ts';
import { newPerson } from '../../fakes/person.ts';
import { identity, roles, signIn } from '../faults/world.ts';
import { type Run, type Stage, stage } from '../stage.ts';

export type Started = {
  /** `env` is what runs get; it may be changed between them. */
  readonly stage: Stage;
  readonly env: Record<string, string>;
  /** What must never be seen in the clear. */
  readonly secrets: readonly string[];
  /** Does something for which the provider is asked, for the role `db-admin` or `reader`. */
  ask(role: 'db-admin' | 'reader'): Promise<Run>;
  /** Whether that was done. */
  done(role: 'db-admin' | 'reader'): Promise<boolean>;
  stop(): Promise<void>;
};

export type Provider = {
  readonly name: string;
  readonly skip?: string | undefined;
  /** Of the host that is asked: `pagerduty`. */
  readonly host: string;
  readonly isDirectory: boolean;
  start(internet: Internet): Promise<Started>;
};

const groupOf = { 'db-admin': 'db-admins', reader: 'readers' } as const;

type Company = { readonly internet: Internet; readonly issuer: Issuer; readonly sources: string; readonly roles: string };
type Secrets = { readonly files?: Record<string, string>; readonly env?: Record<string, string> };

/** Maria is signed in at an issuer on loopback, and a sweep has run without a proxy. */
async function open({ internet, issuer, sources, roles: allowed }: Company, { files = {}, env = {} }: Secrets) {
  const surroundings = { ...internet.env, ...env };
  const policy = `version: 1\nledger: ./oncall.db\n${identity(issuer.url)}\n${sources}\n${allowed}`;
  const made = stage('the built bundle', { 'oncall.yaml': policy, ...files }, surroundings);
  await signIn(made, issuer, issuer.url);
  const swept = await made.run('cron', 'sweep');
  if (swept.exit !== 0) throw new Error(swept.err + swept.out);
  return {
    stage: made,
    env: surroundings as Record<string, string>,
    ask: (role: string) => made.run('maria', 'request', role, '--verbose'),
  };
}

const okta = (by: 'token' | 'private key'): Provider => ({
  name: `Okta, by ${by}`,
  host: 'okta',
  isDirectory: true,
  start: async (internet) => {
    const [fake, issuer] = await Promise.all([startOkta({ token: '00aCANARY-token-of-okta', pageSize: 200 }), startIssuer()]);
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    fake.oauth.apps.set('0oaApp', { clientId: '0oaApp', key: publicKey, scopes: ['okta.groups.manage', 'okta.users.read'], dpop: true });
    fake.addUser('maria@acme.dev');
    for (const group of Object.values(groupOf)) fake.addGroup(group);
    internet.host('okta', fake.url);
    const credentials = by === 'token' ? 'token: { file: ./secret }' : 'clientId: 0oaApp, privateKey: { file: ./secret }';
    const sources = `directories: { okta: { orgUrl: ${internet.url('okta')}, ${credentials}, timeout: 1s } }`;
    const secret = by === 'token' ? fake.token : privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    return {
      ...(await open({ internet, issuer, sources, roles: roles('okta') }, { files: { secret } })),
      secrets: [fake.token, 'eyJ'],
      done: async (role) => fake.named(groupOf[role]).members.size === 1,
      stop: async () => void (await Promise.all([fake.stop(), issuer.stop()])),
    };
  },
});

const aws = (service: 'IAM' | 'STS'): Provider => ({
  name: `AWS ${service}`,
  skip: noMoto,
  host: 'aws',
  isDirectory: true,
  start: async (internet) => {
    const [moto, issuer] = await Promise.all([startMoto(), startIssuer()]);
    if (moto === undefined) throw new Error('moto_server did not start');
    internet.host('aws', moto.url);
    const env = { AWS_ACCESS_KEY_ID: 'AKIACANARY', AWS_SECRET_ACCESS_KEY: 'CANARY-secret-of-aws' };
    const client = new IAMClient({
      region: 'us-east-1',
      endpoint: moto.url,
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    });
    await client.send(new CreateUserCommand({ UserName: 'maria' }));
    for (const GroupName of Object.values(groupOf)) await client.send(new CreateGroupCommand({ GroupName }));
    const assumed = service === 'IAM' ? '' : `, credentials: { assumeRole: { arn: 'arn:aws:iam::${motoAccount}:role/oncall' } }`;
    const sources = `directories: { aws: { kind: aws-iam, userName: local-part, timeout: 1s, endpoint: ${internet.url('aws')}${assumed} } }`;
    return {
      ...(await open({ internet, issuer, sources, roles: roles('aws') }, { env })),
      secrets: ['AWS4-HMAC-SHA256', 'CANARY'],
      done: async (role) => (await client.send(new GetGroupCommand({ GroupName: groupOf[role] }))).Users?.length === 1,
      stop: async () => void (await Promise.all([moto.stop(), issuer.stop()])),
    };
  },
});

const identityCenter: Provider = {
  name: 'AWS IAM Identity Center',
  host: 'identitystore',
  isDirectory: true,
  start: async (internet) => {
    const [fake, issuer] = await Promise.all([startIdentityStore(), startIssuer()]);
    internet.host('identitystore', fake.url);
    const env = { AWS_ACCESS_KEY_ID: 'AKIACANARY', AWS_SECRET_ACCESS_KEY: 'CANARY-secret-of-aws' };
    const store = fake.store('d-1234567890');
    store.addUser('maria@acme.dev');
    for (const group of Object.values(groupOf)) store.addGroup(group);
    const settings = `identityStoreId: ${store.id}, region: eu-central-1, timeout: 1s, endpoint: ${internet.url('identitystore')}`;
    const sources = `directories: { aws-sso: { kind: aws-identity-center, ${settings} } }`;
    return {
      ...(await open({ internet, issuer, sources, roles: roles('aws-sso') }, { env })),
      secrets: ['AWS4-HMAC-SHA256', 'CANARY'],
      done: async (role) => store.membersOf(store.group(groupOf[role]).id).length === 1,
      stop: async () => void (await Promise.all([fake.stop(), issuer.stop()])),
    };
  },
};

export const pagerduty: Provider = {
  name: 'PagerDuty',
  host: 'pagerduty',
  isDirectory: false,
  start: async (internet) => {
    const [fake, issuer] = await Promise.all([startPagerDuty(), startIssuer()]);
    fake.user('Maria', 'maria@acme.dev');
    const id = fake.schedule('Database Primary');
    fake.shift({ schedule: 'Database Primary', user: 'Maria', start: null, end: null });
    internet.host('pagerduty', fake.url);
    const sources = `directories: { local: { path: ./groups.json } }
rosters: { pagerduty: { token: { env: PAGERDUTY_TOKEN }, endpoint: ${internet.url('pagerduty')}, timeout: 1s } }`;
    const groups = JSON.stringify({ users: ['maria@acme.dev'], groups: { 'db-admins': [], readers: [] } });
    const secrets = { files: { 'groups.json': groups }, env: { PAGERDUTY_TOKEN: fake.key } };
    const opened = await open({ internet, issuer, sources, roles: roles('local', `{ onCall: pagerduty/${id} }`) }, secrets);
    return {
      ...opened,
      secrets: [fake.key],
      done: async (role) => JSON.parse(opened.stage.read('groups.json')).groups[groupOf[role]].length === 1,
      stop: async () => void (await Promise.all([fake.stop(), issuer.stop()])),
    };
  },
};

/** Discovery, the device and token endpoints, and the keys. */
const issuerAway: Provider = {
  name: 'Signing in',
  host: 'login',
  isDirectory: false,
  start: async (internet) => {
    const issuer = await startIssuer({ origin: internet.url('login') });
    issuer.knobs.interval = 1;
    internet.host('login', issuer.listensAt);
    const policy = `version: 1\nledger: ./oncall.db\n${identity(issuer.url)}\ndirectories: { local: { path: ./groups.json } }\n${roles('local')}`;
    const env: Record<string, string> = { ...internet.env };
    const made = stage('the built bundle', { 'oncall.yaml': policy, 'groups.json': '{ "users": [], "groups": {} }' }, env);
    let out = '';
    const enter = async (shown: string): Promise<boolean> => {
      const page = /https:\/\/\S+/.exec(shown)?.[0];
      const code = /\b[A-Z]{4}-[A-Z]{4}\b/.exec(shown)?.[0];
      if (page === undefined || code === undefined) return false;
      // The browser is not what is tested here: it comes to the issuer straight.
      await newPerson().enterCode(page.replace(new URL(page).origin, issuer.listensAt), code, { login: 'maria@acme.dev' });
      return true;
    };
    return {
      stage: made,
      env,
      secrets: ['device_code', 'access_token', 'eyJ'],
      ask: async () => {
        const run = await made.runWatched('nobody', ['login', '--device', '--verbose'], enter);
        out = run.out;
        return run;
      },
      done: async () => out.includes('signed in as maria@acme.dev'),
      stop: () => issuer.stop(),
    };
  },
};

export const providers: readonly Provider[] = [
  pagerduty,
  okta('token'),
  okta('private key'),
  aws('IAM'),
  aws('STS'),
  identityCenter,
  issuerAway,
];
