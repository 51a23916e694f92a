/**
 * The identity store behind IAM Identity Center, question by question: each answer has to be this store's, and "not found" counts only of what was asked for.
 * The SDK is imported here and by name, so that reading a policy does not load it, and only the commands in use are bundled.
 */

import {
  CreateGroupMembershipCommand,
  DeleteGroupMembershipCommand,
  DescribeGroupCommand,
  DescribeUserCommand,
  GetGroupIdCommand,
  GetGroupMembershipIdCommand,
  GetUserIdCommand,
  IdentitystoreClient,
  ListGroupMembershipsCommand,
  ListUsersCommand,
  type User as SdkUser,
} from '@aws-sdk/client-identitystore';
import { isProviderError, ProviderError } from '../errors.ts';
import type { Pin } from '../lifecycle/types.ts';
import { type Answer, openCalls, type Send } from './aws-client.ts';
import { endpointOf } from './aws-endpoint.ts';
import { malformed, saidByAws } from './aws-errors.ts';
import type { Settings } from './aws-identity-center.ts';
import { pages } from './aws-pages.ts';
import type { AdapterContext, Call } from './directory.ts';

export type User = { readonly id: string; readonly name: string; readonly emails: readonly string[]; readonly enabled: boolean };
export type Group = {
  readonly id: string;
  readonly name: string;
  /** It has an id at an identity provider, which has put it there. */
  readonly provisioned: boolean;
};

/** Whatever is asked for and is not there is `undefined`. */
export type Store = {
  readonly id: string;
  readonly userId: (by: 'userName' | 'emails.value', value: string, call: Call) => Promise<string | undefined>;
  readonly user: (id: string, call: Call) => Promise<User | undefined>;
  readonly groupId: (name: string, call: Call) => Promise<string | undefined>;
  readonly group: (id: string, call: Call) => Promise<Group | undefined>;
  /** The id of the membership; none where user or group do not exist either. */
  readonly membership: (pin: Pin, call: Call) => Promise<string | undefined>;
  /** The ids of a group's members, every page of them. */
  readonly members: (groupId: string, call: Call) => Promise<readonly string[] | undefined>;
  /** Everybody there is, page by page. */
  readonly users: (call: Call) => AsyncGenerator<readonly User[]>;
  readonly join: (pin: Pin, call: Call) => Promise<void>;
  readonly leave: (membershipId: string, call: Call) => Promise<void>;
};

/** AWS's most for one page. */
const MaxResults = 100;

export async function openStore(settings: Settings, context: AdapterContext): Promise<Store> {
  const { identityStoreId: IdentityStoreId, region } = settings;
  const { read, write } = await openCalls(
    {
      prefix: 'identitystore',
      wire: 'json',
      endpoint: endpointOf(settings.endpoint, 'identityStore'),
      host: `identitystore.${region}.amazonaws.com`,
      client: (config) => new IdentitystoreClient(config),
    },
    settings,
    context,
  );
  const find = <T extends Answer>(
    action: string,
    call: Call,
    resources: Resources,
    ask: (client: IdentitystoreClient, send: Send) => Promise<T>,
  ) => orNone(read(action, ask, call), resources);
  const ours = <T extends { readonly IdentityStoreId: string | undefined }>(answer: T): T => {
    if (answer.IdentityStoreId === undefined) throw malformed(context.name, 'AWS did not say which identity store answered');
    sameStore(context.name, answer.IdentityStoreId, IdentityStoreId);
    return answer;
  };
  const given = (id: string | undefined): string => {
    if (!id) throw malformed(context.name, 'AWS answered without the id of what was asked for');
    return id;
  };
  const toUser = (found: SdkUser): User => {
    const { UserId, UserName, Emails = [], UserStatus } = ours(found);
    const id = given(UserId);
    const emails = Emails.flatMap(({ Value }) => (Value === undefined ? [] : [Value]));
    return { id, name: UserName ?? id, emails, enabled: UserStatus !== 'DISABLED' };
  };
  const named = (AttributePath: string, AttributeValue: string) => ({
    IdentityStoreId,
    AlternateIdentifier: { UniqueAttribute: { AttributePath, AttributeValue } },
  });

  return {
    id: IdentityStoreId,
    userId: async (by, value, call) => {
      const found = await find('GetUserId', call, ['USER', undefined], (client, send) =>
        client.send(new GetUserIdCommand(named(by, value)), send),
      );
      return found && given(ours(found).UserId);
    },
    user: async (UserId, call) => {
      const found = await find('DescribeUser', call, ['USER'], (client, send) =>
        client.send(new DescribeUserCommand({ IdentityStoreId, UserId }), send),
      );
      return found && toUser(found);
    },
    groupId: async (name, call) => {
      const found = await find('GetGroupId', call, ['GROUP', undefined], (client, send) =>
        client.send(new GetGroupIdCommand(named('displayName', name)), send),
      );
      return found && given(ours(found).GroupId);
    },
    group: async (GroupId, call) => {
      const found = await find('DescribeGroup', call, ['GROUP'], (client, send) =>
        client.send(new DescribeGroupCommand({ IdentityStoreId, GroupId }), send),
      );
      if (!found) return undefined;
      const { DisplayName, ExternalIds = [] } = ours(found);
      return { id: given(found.GroupId), name: DisplayName ?? GroupId, provisioned: ExternalIds.length > 0 };
    },
    membership: async ({ groupId: GroupId, userId: UserId }, call) => {
      const found = await find('GetGroupMembershipId', call, ['GROUP_MEMBERSHIP', 'GROUP', 'USER', undefined], (client, send) =>
        client.send(new GetGroupMembershipIdCommand({ IdentityStoreId, GroupId, MemberId: { UserId } }), send),
      );
      return found && given(ours(found).MembershipId);
    },
    members: async (GroupId, call) => {
      const page = async (from: string | undefined) => {
        const command = new ListGroupMembershipsCommand({ IdentityStoreId, GroupId, MaxResults, ...(from && { NextToken: from }) });
        const answer = await read('ListGroupMemberships', (client, send) => client.send(command, send), call);
        return { items: answer.GroupMemberships, next: answer.NextToken ?? undefined };
      };
      const all = async () => {
        const ids: string[] = [];
        for await (const memberships of pages(context.name, page)) {
          for (const membership of memberships) {
            if (ours(membership).GroupId !== GroupId) throw malformed(context.name, 'AWS answered with a membership of another group');
            ids.push(given(membership.MemberId?.UserId));
          }
        }
        return ids;
      };
      return orNone(all(), ['GROUP']);
    },
    users: async function* (call) {
      const page = async (from: string | undefined) => {
        const command = new ListUsersCommand({ IdentityStoreId, MaxResults, ...(from && { NextToken: from }) });
        const answer = await read('ListUsers', (client, send) => client.send(command, send), call);
        return { items: answer.Users, next: answer.NextToken ?? undefined };
      };
      for await (const users of pages(context.name, page)) yield users.map(toUser);
    },
    join: ({ groupId: GroupId, userId: UserId }, call) =>
      write('CreateGroupMembership', new CreateGroupMembershipCommand({ IdentityStoreId, GroupId, MemberId: { UserId } }), call),
    leave: (MembershipId, call) =>
      write('DeleteGroupMembership', new DeleteGroupMembershipCommand({ IdentityStoreId, MembershipId }), call),
  };
}

/** `undefined`: where nothing rests on it that something is not there, AWS need not say what. */
type Resources = readonly ('USER' | 'GROUP' | 'GROUP_MEMBERSHIP' | undefined)[];

/** AWS says "not found" of the whole identity store and of its key, too. */
async function orNone<T>(answer: Promise<T>, resources: Resources): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isMissing(error) && resources.some((one) => one === saidByAws(error)?.resource)) return undefined;
    throw error;
  }
}

/** AWS's own word that something is not there. */
export function isMissing(error: unknown): boolean {
  return isProviderError(error) && error.fault === 'not-found' && saidByAws(error)?.code === 'ResourceNotFoundException';
}

export function sameStore(name: string, store: string, expected: string): void {
  if (store === expected) return;
  throw new ProviderError(name, 'wrong-account', `${name} is the identity store ${store}, not ${expected}`, {
    applied: 'no',
    next: `set identityStoreId of ${name} to the identity store that these memberships belong to`,
  });
}
