/** The company of the main job in each of its surroundings: the embedded pair, AWS IAM as moto plays it, the fake Identity Store, and the fake Okta with people signed in. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AddUserToGroupCommand, CreateGroupCommand, CreateUserCommand, GetGroupCommand, IAMClient } from '@aws-sdk/client-iam';
import { type FakeIdentityStore, startIdentityStore } from '../fakes/identity-store.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
import { newPerson } from '../fakes/person.ts';
import { type Door, type Stage, schedule, stage } from './stage.ts';
import { type Brokers, isBrokerDoor, openStage } from './through-broker.ts';

const people = ['maria', 'sam', 'ana', 'standing'];

const roles = (directory: string): string => `
roles:
  db-admin:
    targets: { ${directory}: db-admins }
    ttl: { default: 1h, max: 12h }
    allow: [ { onCall: file/db-primary, until: shift } ]
  helper:
    targets: { ${directory}: db-admins }
    allow: [ { user: maria@acme.dev } ]
  responder:
    targets: { ${directory}: db-admins }
    allow: [ { incident: file, severities: [major], until: incident } ]
  halves:
    targets: { ${directory}: [db-admins, no-such-group] }
    allow: [ { user: maria@acme.dev } ]
  guarded:
    targets: { ${directory}: db-admins }
    ask: [ { user: sam@acme.dev } ]
    approvers: [ { user: maria@acme.dev } ]
`;

export type Company = {
  readonly stage: Stage;
  members(): Promise<readonly string[]>;
  put(name: string): Promise<void>;
  /** What the provider's own document says against what it was asked. */
  complaints?(): readonly string[];
};
export type Surroundings = {
  readonly name: string;
  readonly skip?: string | undefined;
  start(): Promise<void>;
  open(door: Door): Promise<Company>;
  stop(): Promise<void>;
};

const files = (settings: string, directory: string, identity = '{ kind: local }'): Record<string, string> => ({
  'oncall.yaml': `version: 1\nledger: ./oncall.db\nidentity: [ ${identity} ]\nadmins: [ { user: boss@acme.dev } ]\ndirectories:\n  ${directory}: ${settings}\nrosters:\n  file: { path: ./schedule.yaml }\n${roles(directory)}`,
  'schedule.yaml': schedule(),
});

/** `through`: where doors lead through a broker. */
export const embedded = (through?: Brokers): Surroundings => ({
  name: 'the embedded pair',
  start: async () => undefined,
  stop: async () => undefined,
  open: async (door) => {
    const groups = { users: people.map((name) => `${name}@acme.dev`), groups: { 'db-admins': [] as string[] } };
    const all = { ...files('{ path: ./groups.json }', 'local'), 'groups.json': JSON.stringify(groups) };
    const made = await openStage(door, all, { through });
    const read = (): typeof groups => JSON.parse(made.read('groups.json'));
    return {
      stage: made,
      members: async () => read().groups['db-admins'],
      put: async (name) => {
        const now = read();
        now.groups['db-admins'].push(`${name}@acme.dev`);
        made.write('groups.json', JSON.stringify(now));
      },
    };
  },
});

export function iam(through?: Brokers): Surroundings {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  let moto: Moto | undefined;
  return {
    name: 'AWS IAM on moto',
    skip: noMoto,
    start: async () => {
      moto = await startMoto();
    },
    stop: async () => moto?.stop(),
    open: async (door) => {
      if (!moto) throw new Error('moto_server is not running');
      await moto.reset();
      const client = new IAMClient({ region: 'us-east-1', endpoint: moto.url, credentials });
      for (const name of people) await client.send(new CreateUserCommand({ UserName: name }));
      await client.send(new CreateGroupCommand({ GroupName: 'db-admins' }));
      const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
      return {
        stage: await openStage(door, files(`{ kind: aws-iam, endpoint: ${moto.url}, userName: local-part }`, 'aws-prod'), { through, env }),
        members: async () => {
          const { Users = [] } = await client.send(new GetGroupCommand({ GroupName: 'db-admins' }));
          return Users.map((user) => `${user.UserName}@acme.dev`);
        },
        put: async (name) => void (await client.send(new AddUserToGroupCommand({ GroupName: 'db-admins', UserName: name }))),
      };
    },
  };
}

/** IAM Identity Center, two items a page. */
export function identityCenter(through?: Brokers): Surroundings {
  const [id, env] = ['d-1234567890', { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }];
  let fake: FakeIdentityStore | undefined;
  return {
    name: 'AWS IAM Identity Center',
    start: async () => {
      fake = await startIdentityStore({ pageSize: 2 });
    },
    stop: async () => fake?.stop(),
    open: async (door) => {
      if (!fake) throw new Error('not started');
      const { url, violations } = fake;
      fake.reset();
      const store = fake.store(id);
      for (const name of people) store.addUser(`${name}@acme.dev`);
      const group = store.addGroup('db-admins');
      const settings = `{ kind: aws-identity-center, identityStoreId: ${id}, region: eu-central-1, endpoint: ${url} }`;
      return {
        stage: await openStage(door, files(settings, 'aws-sso'), { through, env }),
        members: async () => store.membersOf(group.id),
        put: async (name) => void store.join(store.user(`${name}@acme.dev`).id, group.id),
        complaints: () => violations,
      };
    },
  };
}

export type OktaCompany = Surroundings & { readonly okta: () => FakeOkta; readonly openAt: (door: Door, url: string) => Promise<Company> };

/** Okta one item a page; who acts has signed in at an issuer. `openAt`: the directory is reached at another address than its own. */
export function oktaSignedIn(roleKeys = '', through?: Brokers): OktaCompany {
  let okta: FakeOkta | undefined;
  let issuer: Issuer | undefined;
  let folder = '';
  let signedIn: Promise<void> | undefined;
  const started = <T>(what: T | undefined): T => {
    if (what === undefined) throw new Error('not started');
    return what;
  };
  const openAt = async (door: Door, url: string): Promise<Company> => {
    const here = started(okta);
    if (!isBrokerDoor(door)) await (signedIn ??= signIn(started(issuer), folder));
    here.reset();
    for (const name of ['boss', ...people]) here.addUser(`${name}@acme.dev`);
    for (const name of ['Contractors', 'db-admins', 'db-admins-emea', 'Engineering']) here.addGroup(name);
    const group = here.named('db-admins');
    const all = files(`{ orgUrl: ${url}, token: { file: ./token } }`, 'okta', oidc(started(issuer)));
    const policy = all['oncall.yaml']?.replaceAll(/^( {4})targets:/gm, `${roleKeys}$1targets:`) ?? '';
    return {
      stage: await openStage(
        door,
        { ...all, 'oncall.yaml': policy, token: here.token },
        { through, signedIn: (user) => join(folder, user) },
      ),
      members: async () => [...group.members].map((id) => here.users.get(id)?.login ?? id),
      put: async (name) => void group.members.add(here.known(`${name}@acme.dev`).id),
      complaints: () => here.violations,
    };
  };
  return {
    name: 'Okta, signed in',
    okta: () => started(okta),
    openAt,
    open: (door) => openAt(door, started(okta).url),
    start: async () => {
      folder = mkdtempSync(join(tmpdir(), 'oncall-signed-in-'));
      [okta, issuer] = await Promise.all([startOkta({ pageSize: 1 }), startIssuer()]);
    },
    stop: async () => {
      await Promise.all([okta?.stop(), issuer?.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const oidc = (issuer: Issuer): string => {
  const { clientId, audience } = issuer.identity();
  return `{ kind: oidc, issuer: ${issuer.url}, clientId: ${clientId}, audience: ${audience}, domains: [acme.dev] }`;
};

/** Everybody but cron, by a code, each into a folder of their own. */
async function signIn(issuer: Issuer, folder: string): Promise<void> {
  issuer.knobs.interval = 1;
  const names = ['boss', 'maria', 'sam', 'ana'];
  for (const name of names) issuer.accounts[`${name}@acme.dev`] = { id: `00u${name}`, email: `${name}@acme.dev`, verified: true };
  const made = stage('main()', { ...files('{ path: ./groups.json }', 'local', oidc(issuer)), 'groups.json': '{}' }, {}, (user) =>
    join(folder, user),
  );
  const signedIn = await Promise.all(
    names.map((name) =>
      made.runWatched(name, ['login', '--device'], async (shown) => {
        const page = /https?:\/\/\S+/.exec(shown)?.[0];
        const code = /\b[A-Z]{4}-[A-Z]{4}\b/.exec(shown)?.[0];
        if (page === undefined || code === undefined) return false;
        await newPerson().enterCode(page.replace(/[.,]$/, ''), code, { login: `${name}@acme.dev` });
        return true;
      }),
    ),
  );
  made.remove();
  const failed = signedIn.find(({ exit }) => exit !== 0);
  if (failed) throw new Error(`nobody is signed in: ${failed.err}`);
}
