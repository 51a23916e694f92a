/** Okta and AWS IAM for scenarios that the embedded pair plays too: the same people and groups, at the scenario's own time, and a door that can be shut against removals. */

import { AddUserToGroupCommand, CreateGroupCommand, CreateUserCommand, GetGroupCommand, IAMClient } from '@aws-sdk/client-iam';
import { expect } from 'vitest';
import { type Answer, type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { iamError, type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { type FakeOkta, oktaError, startOkta } from '../fakes/okta.ts';

/** As a `groups.json` has it. */
export type People = { readonly users: readonly string[]; readonly groups: Readonly<Record<string, readonly string[]>> };

export type Cloud = {
  readonly name: string;
  readonly skip: string | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The directory's in the policy, without its braces. */
  settings(): string;
  /** What lies beside the policy. */
  files(): Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** `now`: what time it answers with. */
  reset(people: People, now?: () => number): Promise<void>;
  /** E-mails, in their order. */
  members(group: string): Promise<readonly string[]>;
  /** While it works, nobody is taken out of anything. */
  keepingEverybody(work: () => Promise<void>): Promise<void>;
};

export const clouds = (): readonly Cloud[] => [onOkta(), onIam()];

function onOkta(): Cloud {
  let okta: FakeOkta;
  let proxy: FaultProxy;
  return {
    name: 'Okta',
    skip: undefined,
    start: async () => {
      okta = await startOkta({ pageSize: 1 });
      proxy = await startFaultProxy(okta.url);
    },
    stop: async () => {
      await Promise.all([proxy.stop(), okta.stop()]);
    },
    settings: () => `kind: okta, orgUrl: ${proxy.url}, token: { file: ./token }`,
    files: () => ({ token: okta.token }),
    env: {},
    reset: async ({ users, groups }, now = Date.now) => {
      // Of the test before.
      expect(okta.violations).toEqual([]);
      okta.reset();
      tellTime(proxy, now);
      for (const user of users) okta.addUser(user);
      for (const [name, members] of Object.entries(groups)) {
        const group = okta.addGroup(name);
        for (const member of members) group.members.add(okta.known(member).id);
      }
    },
    members: async (group) => {
      expect(okta.violations).toEqual([]);
      return [...okta.named(group).members].map((id) => okta.users.get(id)?.login ?? id).sort();
    },
    keepingEverybody: (work) => keeping(proxy, /^DELETE /, oktaError(503, 'E0000009', 'Internal Server Error'), work),
  };
}

function onIam(): Cloud {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  let moto: Moto | undefined;
  let proxy: FaultProxy;
  const iam = () => new IAMClient({ region: 'us-east-1', endpoint: moto?.url ?? '', credentials });
  const nameOf = (email: string): string => email.split('@')[0] ?? '';
  return {
    name: 'AWS IAM',
    skip: noMoto,
    start: async () => {
      moto = await startMoto();
      proxy = await startFaultProxy(moto?.url ?? '');
    },
    stop: async () => {
      await Promise.all([proxy.stop(), moto?.stop()]);
    },
    settings: () => `kind: aws-iam, endpoint: ${proxy.url}, userName: local-part`,
    files: () => ({}),
    env: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    reset: async ({ users, groups }, now = Date.now) => {
      await moto?.reset();
      tellTime(proxy, now);
      for (const user of users) await iam().send(new CreateUserCommand({ UserName: nameOf(user) }));
      for (const [GroupName, members] of Object.entries(groups)) {
        await iam().send(new CreateGroupCommand({ GroupName }));
        for (const member of members) await iam().send(new AddUserToGroupCommand({ GroupName, UserName: nameOf(member) }));
      }
    },
    members: async (GroupName) =>
      ((await iam().send(new GetGroupCommand({ GroupName }))).Users ?? []).map(({ UserName }) => `${UserName}@acme.dev`).sort(),
    keepingEverybody: (work) => keeping(proxy, /^RemoveUserFromGroup$/, iamError(503, 'ServiceUnavailable', 'try later'), work),
  };
}

/** A host whose clock is off a provider's grants nothing; the providers' own clocks do not go with the scenario's. */
const tellTime = (proxy: FaultProxy, now: () => number): void =>
  proxy.rewrite((_, answer) => ({ ...answer, headers: { ...answer.headers, date: new Date(now()).toUTCString() } }));

async function keeping(proxy: FaultProxy, removal: RegExp, answer: Answer, work: () => Promise<void>): Promise<void> {
  proxy.draw(({ action }) => (removal.test(action) ? answer : undefined));
  try {
    await work();
  } finally {
    proxy.draw(() => undefined);
  }
}
