/** Okta's API as far as groups need it. An answer is checked before it is believed: the SDK takes any JSON for any of its types. */

import type { AdapterContext, Call, Member } from './directory.ts';
import type { Settings } from './okta.ts';
import { openCalls, type Question } from './okta-calls.ts';
import { isMissing, type Need } from './okta-errors.ts';

export type User = { readonly id: string; readonly login: string; readonly status: string };
export type Group = { readonly id: string; readonly name: string; readonly type: string };
export type Rule = { readonly name: string; readonly groupIds: readonly string[] };

/** `undefined`: Okta says that the user or group asked for is not there. */
export type Okta = {
  readonly org: (call: Call) => Promise<string>;
  readonly user: (idOrLogin: string, call: Call) => Promise<User | undefined>;
  readonly group: (id: string, call: Call) => Promise<Group | undefined>;
  readonly groupsOf: (userId: string, call: Call) => Promise<readonly string[] | undefined>;
  readonly membersOf: (groupId: string, call: Call) => Promise<readonly Member[] | undefined>;
  /** All that may have this name; nobody has compared it yet. */
  readonly groupsLike: (name: string, call: Call) => Promise<readonly Group[]>;
  readonly activeRules: (call: Call) => Promise<readonly Rule[]>;
  readonly assign: (groupId: string, userId: string, call: Call) => Promise<void>;
  readonly unassign: (groupId: string, userId: string, call: Call) => Promise<void>;
  readonly endSessions: (userId: string, call: Call) => Promise<void>;
};

const readUsers: Need = { deed: 'read users', scope: 'okta.users.read', permission: 'okta.users.read' };
const readGroups: Need = { deed: 'read groups', scope: 'okta.groups.read', permission: 'okta.groups.read' };
const readRules: Need = { deed: 'read group rules', scope: 'okta.groups.read', permission: 'the right to see group rules' };
const writeGroups: Need = { deed: 'change the members of groups', scope: 'okta.groups.manage', permission: 'okta.groups.members.manage' };
const endSessions: Need = { deed: 'end sessions', scope: 'okta.users.manage', permission: 'okta.users.lifecycle.clearSessions' };

export const endSessionsNeeds = `the scope ${endSessions.scope} where it is an app, and an admin role with ${endSessions.permission}`;

const pageSize = 200;
/** As many as `q` gives at most, without pages. */
const mostByPrefix = 300;

/** What is asked, and how the answer is read. */
const question = {
  user: (idOrLogin: string): Question<User> => ({
    need: readUsers,
    ask: (sdk) => sdk.users.ask.getUser(idOrLogin),
    read: async (sdk, answer) => toUser(await sdk.users.read.getUser(answer)),
  }),
  group: (id: string): Question<Group> => ({
    need: readGroups,
    ask: (sdk) => sdk.groups.ask.getGroup(id),
    read: async (sdk, answer) => same(toGroup(await sdk.groups.read.getGroup(answer)), id),
  }),
  groupsOf: (userId: string): Question<readonly string[]> => ({
    need: readUsers,
    ask: (sdk) => sdk.users.ask.listUserGroups(userId),
    read: async (sdk, answer) => (await sdk.users.read.listUserGroups(answer)).map((group) => toGroup(group).id),
  }),
  membersOf: (groupId: string): Question<readonly Member[]> => ({
    need: readGroups,
    ask: (sdk) => sdk.groups.ask.listGroupUsers(groupId, undefined, pageSize),
    read: async (sdk, answer) => (await sdk.groups.read.listGroupUsers(answer)).map(toMember),
  }),
  groups: (ask: Question<never>['ask']): Question<readonly Group[]> => ({
    need: readGroups,
    ask,
    read: async (sdk, answer) => (await sdk.groups.read.listGroups(answer)).map(toGroup),
  }),
  rules: (): Question<readonly (Rule & { readonly active: boolean })[]> => ({
    need: readRules,
    ask: (sdk) => sdk.groups.ask.listGroupRules(pageSize),
    read: async (sdk, answer) => (await sdk.groups.read.listGroupRules(answer)).map(toRule),
  }),
};

export function openClient(settings: Settings, timeoutMs: number, context: AdapterContext): Okta {
  const calls = openCalls(settings, timeoutMs, context);
  const groups = (ask: Question<never>['ask'], call: Call) => calls.every(question.groups(ask), call);
  return {
    org: calls.org,
    user: (idOrLogin, call) => orNone(calls.one(question.user(idOrLogin), call)),
    group: (id, call) => orNone(calls.one(question.group(id), call)),
    groupsOf: (userId, call) => orNone(calls.every(question.groupsOf(userId), call)),
    membersOf: (groupId, call) => orNone(calls.every(question.membersOf(groupId), call)),
    groupsLike: async (name, call) => {
      // `q` sees a group as soon as it is made; `search` later, but it has pages.
      const found = await groups((sdk) => sdk.groups.ask.listGroups(undefined, undefined, name), call);
      if (found.length < mostByPrefix || found.some((group) => group.name === name)) return found;
      const quoted = name.replace(/["\\]/g, '\\$&');
      return groups((sdk) => sdk.groups.ask.listGroups(`profile.name eq "${quoted}"`, undefined, undefined, undefined, pageSize), call);
    },
    activeRules: async (call) => {
      const rules = await calls.every(question.rules(), call);
      return rules.filter(({ active }) => active);
    },
    assign: (groupId, userId, call) =>
      calls.write({ need: writeGroups, ask: (sdk) => sdk.groups.ask.assignUserToGroup(groupId, userId) }, call),
    unassign: (groupId, userId, call) =>
      calls.write({ need: writeGroups, ask: (sdk) => sdk.groups.ask.unassignUserFromGroup(groupId, userId) }, call),
    // With the tokens of OAuth apps; without the devices, whose remembered factors `forgetDevices` would take away unasked.
    endSessions: (userId, call) =>
      calls.write({ need: endSessions, ask: (sdk) => sdk.users.ask.revokeUserSessions(userId, true, false) }, call),
  };
}

async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

type Loose = { readonly id?: unknown; readonly type?: unknown; readonly status?: unknown; readonly name?: unknown } | undefined;

function text(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new Error('not a text');
  return value;
}

function toUser(user: (Loose & { readonly profile?: { readonly login?: unknown } }) | undefined): User {
  return { id: text(user?.id), login: text(user?.profile?.login), status: text(user?.status) };
}

function toMember(user: Parameters<typeof toUser>[0]): Member {
  const { id, login } = toUser(user);
  return { userId: id, userName: login };
}

function toGroup(group: (Loose & { readonly profile?: { readonly name?: unknown } | undefined }) | undefined): Group {
  return { id: text(group?.id), name: text(group?.profile?.name), type: text(group?.type) };
}

function same(group: Group, id: string): Group {
  if (group.id !== id) throw new Error('another group');
  return group;
}

type LooseRule = Loose & { readonly actions?: { readonly assignUserToGroups?: { readonly groupIds?: unknown } | undefined } | undefined };

function toRule(rule: LooseRule): Rule & { readonly active: boolean } {
  const groupIds = rule?.actions?.assignUserToGroups?.groupIds ?? [];
  if (!Array.isArray(groupIds)) throw new Error('not a list');
  return { name: text(rule?.name), groupIds: groupIds.map(text), active: text(rule?.status) === 'ACTIVE' };
}
