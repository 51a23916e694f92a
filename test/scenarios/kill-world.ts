/** A company whose provider and folder can be put back to where they were, so that the same command can be killed at each of its steps. */

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  AddUserToGroupCommand,
  CreateGroupCommand,
  CreateUserCommand,
  GetGroupCommand,
  IAMClient,
  RemoveUserFromGroupCommand,
} from '@aws-sdk/client-iam';
import { main } from '../../src/cli.ts';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { fakeIo } from '../fakes/io.ts';
import { noMoto, startMoto } from '../fakes/moto.ts';
import { startOkta } from '../fakes/okta.ts';
import { type Run, schedule } from './stage.ts';

export const people = ['maria', 'sam', 'standing'];
export const groups = ['db-admins', 'db-readers', 'migrators'];
/** Who is where before any command is given. */
export const baseline: Members = { 'db-admins': ['standing'], 'db-readers': [], migrators: [] };

/** Names of people by group, sorted. */
export type Members = Readonly<Record<string, readonly string[]>>;
export type Write = { readonly verb: 'add' | 'remove'; readonly name: string; readonly group: string };

export type Provider = {
  readonly settings: string;
  readonly env: Readonly<Record<string, string>>;
  members(): Promise<Members>;
  put(members: Members): Promise<void>;
  /** What has reached the provider since the last call. */
  writes(): readonly Write[];
  stop(): Promise<void>;
};

export type Kind = { readonly name: string; readonly skip?: string | undefined; readonly start: () => Promise<Provider> };

export const kinds: readonly Kind[] = [
  { name: 'Okta', start: startOktaProvider },
  { name: 'AWS IAM on moto', skip: noMoto, start: startIamProvider },
];

async function startOktaProvider(): Promise<Provider> {
  const okta = await startOkta({ pageSize: 1 });
  for (const name of people) okta.addUser(`${name}@acme.dev`);
  for (const name of groups) okta.addGroup(name);
  const nameOf = (id: string): string => (okta.users.get(id)?.login ?? id).replace('@acme.dev', '');
  return {
    settings: `{ kind: okta, orgUrl: ${okta.url}, token: { env: OKTA_TOKEN }, exclusive: [migrators] }`,
    env: { OKTA_TOKEN: okta.token },
    members: async () => Object.fromEntries(groups.map((group) => [group, [...okta.named(group).members].map(nameOf).sort()])),
    put: async (members) => {
      for (const group of groups) {
        okta.named(group).members.clear();
        for (const name of members[group] ?? []) okta.named(group).members.add(okta.known(`${name}@acme.dev`).id);
      }
    },
    writes: () =>
      okta.requests.splice(0).flatMap(({ action }): Write[] => {
        const [, method, group = '', id] = /^(PUT|DELETE) .*\/groups\/([^/]+)\/users\/([^/]+)$/.exec(action) ?? [];
        return id === undefined
          ? []
          : [{ verb: method === 'PUT' ? 'add' : 'remove', name: nameOf(id), group: okta.groups.get(group)?.name ?? group }];
      }),
    stop: () => okta.stop(),
  };
}

async function startIamProvider(): Promise<Provider> {
  const moto = await startMoto();
  if (!moto) throw new Error('moto_server is not installed');
  const proxy = await startFaultProxy(moto.url);
  const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  const client = new IAMClient({
    region: 'us-east-1',
    endpoint: moto.url,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  for (const UserName of people) await client.send(new CreateUserCommand({ UserName }));
  for (const GroupName of groups) await client.send(new CreateGroupCommand({ GroupName }));
  const inGroup = async (GroupName: string): Promise<string[]> =>
    ((await client.send(new GetGroupCommand({ GroupName }))).Users ?? []).map(({ UserName }) => UserName as string).sort();
  return {
    settings: `{ kind: aws-iam, endpoint: ${proxy.url}, userName: local-part, exclusive: [migrators] }`,
    env,
    members: async () => Object.fromEntries(await Promise.all(groups.map(async (group) => [group, await inGroup(group)]))),
    put: async (members) => {
      for (const GroupName of groups) {
        const now = await inGroup(GroupName);
        const wanted = members[GroupName] ?? [];
        for (const UserName of now) {
          if (!wanted.includes(UserName)) await client.send(new RemoveUserFromGroupCommand({ GroupName, UserName }));
        }
        for (const UserName of wanted) if (!now.includes(UserName)) await client.send(new AddUserToGroupCommand({ GroupName, UserName }));
      }
    },
    writes: () => {
      const seen = proxy.seen.filter(({ action }) => /^(Add|Remove)User/.test(action));
      const writes = seen.map(
        ({ action, body }): Write => ({
          verb: action.startsWith('Add') ? 'add' : 'remove',
          name: new URLSearchParams(body).get('UserName') ?? '',
          group: new URLSearchParams(body).get('GroupName') ?? '',
        }),
      );
      proxy.clear();
      return writes;
    },
    stop: async () => {
      client.destroy();
      await Promise.all([proxy.stop(), moto.stop()]);
    },
  };
}

const policy = (settings: string): string => `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
admins: [ { user: boss@acme.dev } ]
sweep: { refuseWhenLate: 2d }
directories:
  cloud: ${settings}
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { cloud: db-admins }
    ttl: { default: 1h, max: 12h }
    allow: [ { onCall: file/db-primary } ]
  both:
    targets: { cloud: [db-admins, db-readers] }
    ttl: { default: 1h, max: 12h }
    allow: [ { user: maria@acme.dev }, { user: sam@acme.dev }, { user: standing@acme.dev } ]
  migration:
    targets: { cloud: migrators }
    maxHolders: 1
    allow: [ { user: maria@acme.dev }, { user: sam@acme.dev } ]
  guarded:
    targets: { cloud: db-readers }
    ttl: { default: 1h, max: 12h }
    ask: [ { user: sam@acme.dev } ]
    approvers: [ { user: maria@acme.dev } ]
`;

const bin = resolve(import.meta.dirname, '../../bin/oncall.js');
const failpoints = resolve(import.meta.dirname, '../fakes/failpoints.cjs');

export type Killed = {
  readonly signal: string | null;
  readonly exit: number | null;
  readonly err: string;
  readonly passed: readonly string[];
};

export type Site = {
  /** In this process, `later` ms from now. */
  run(user: string, args: readonly string[], later?: number): Promise<Run>;
  /** The real program, killed at its `at`-th point; with 0 it lives, and `passed` names the points. */
  kill(user: string, args: readonly string[], at: number): Promise<Killed>;
  /** A copy of this company as it is now, folder and all. */
  copy(): Site;
  remove(): void;
};

export function site(provider: Provider, from?: string): Site {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-kill-'));
  if (from === undefined) {
    writeFileSync(join(folder, 'oncall.yaml'), policy(provider.settings), { mode: 0o600 });
    writeFileSync(join(folder, 'schedule.yaml'), schedule(24 * 3_600_000), { mode: 0o600 });
  } else cpSync(from, folder, { recursive: true });
  Object.assign(process.env, provider.env);
  const env = (user: string): Record<string, string> => ({
    PATH: process.env.PATH ?? '',
    HOME: folder,
    TZ: 'UTC',
    ONCALL_POLICY: join(folder, 'oncall.yaml'),
    ONCALL_USER: `${user}@acme.dev`,
    ...provider.env,
  });
  return {
    run: async (user, args, later = 0) => {
      const io = fakeIo({ now: Date.now() + later });
      const exit = await main([...args], env(user), { ...io, cwd: folder });
      return { exit, out: io.out(), err: io.err() };
    },
    kill: (user, args, at) => {
      const log = join(folder, 'passed');
      writeFileSync(log, '');
      const child = spawn(process.execPath, ['--require', failpoints, bin, ...args], {
        cwd: folder,
        env: { ...env(user), FAILPOINT: String(at), FAILPOINT_LOG: log },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let err = '';
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      return new Promise((done, fail) => {
        child.on('error', fail);
        child.on('close', (exit, signal) => done({ signal, exit, err, passed: readFileSync(log, 'utf8').trim().split('\n') }));
      });
    },
    copy: () => site(provider, folder),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
