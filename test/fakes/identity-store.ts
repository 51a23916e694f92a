/** AWS's Identity Store, as much of it as is called: users, groups and memberships of several stores, with pages, conflicts and reads that lag. What is asked and answered is held against the SDK's schemas. */

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer } from './fault-proxy.ts';
import { sdkJudge } from './identity-store-model.ts';

type StoreUser = { readonly id: string; name: string; email: string | undefined; status: 'ENABLED' | 'DISABLED' | undefined };
type StoreGroup = { readonly id: string; name: string; readonly externalIds: readonly { readonly Issuer: string; readonly Id: string }[] };
type Membership = { readonly id: string; readonly groupId: string; readonly userId: string };

/** One of several; each knows nothing of the others. */
export type FakeStore = ReturnType<typeof newStore>;
/** What went through, without its envelope. `shape`: of the answer. */
export type Exchange = { readonly action: string; readonly input: unknown; readonly shape: string; readonly output: unknown };

const statuses: Readonly<Record<string, number>> = {
  AccessDeniedException: 403,
  ConflictException: 409,
  InternalServerException: 500,
  ResourceNotFoundException: 404,
  ServiceQuotaExceededException: 402,
  ThrottlingException: 429,
};

/** An error as the Identity Store words it. */
export function storeError(type: string, Message: string, more: object = {}, headers: Record<string, string> = {}): Answer {
  const RequestId = randomUUID();
  return {
    status: statuses[type] ?? 400,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': RequestId, ...headers },
    body: JSON.stringify({ __type: type, Message, RequestId, ...more }),
  };
}

const notFound = (ResourceType: string, ResourceId?: string): Answer =>
  storeError('ResourceNotFoundException', `${ResourceType} not found.`, { ResourceType, ...(ResourceId && { ResourceId }) });

export const deniedStore = (action: string): Answer =>
  storeError(
    'AccessDeniedException',
    `User: arn:aws:iam::123456789012:user/oncall is not authorized to perform: identitystore:${action} on resource: arn:aws:identitystore::123456789012:identitystore/d-1234567890`,
  );

function newStore(id: string) {
  const users = new Map<string, StoreUser>();
  const groups = new Map<string, StoreGroup>();
  const memberships = new Map<string, Membership>();
  const newId = (): string => `${id.slice(2)}-${randomUUID()}`;
  const user = (name: string) => [...users.values()].find((one) => one.name === name) as StoreUser;
  const group = (name: string) => [...groups.values()].find((one) => one.name === name) as StoreGroup;
  const between = (userId: string, groupId: string) =>
    [...memberships.values()].find((one) => one.userId === userId && one.groupId === groupId);
  const forget = (whose: (membership: Membership) => boolean): void => {
    for (const one of memberships.values()) if (whose(one)) memberships.delete(one.id);
  };
  return {
    id,
    users,
    groups,
    memberships,
    newId,
    user,
    group,
    between,
    addUser: (name: string, email = name.includes('@') ? name : undefined): StoreUser => {
      const made: StoreUser = { id: newId(), name, email, status: 'ENABLED' };
      users.set(made.id, made);
      return made;
    },
    addGroup: (name: string, externalIds: StoreGroup['externalIds'] = []): StoreGroup => {
      const made = { id: newId(), name, externalIds };
      groups.set(made.id, made);
      return made;
    },
    join: (userId: string, groupId: string): Membership => {
      const made = { id: newId(), userId, groupId };
      memberships.set(made.id, made);
      return made;
    },
    leave: (userId: string, groupId: string): void => forget((one) => one.userId === userId && one.groupId === groupId),
    removeUser: (userId: string): void => {
      users.delete(userId);
      forget((one) => one.userId === userId);
    },
    removeGroup: (groupId: string): void => {
      groups.delete(groupId);
      forget((one) => one.groupId === groupId);
    },
    membersOf: (groupId: string): string[] =>
      [...memberships.values()].filter((one) => one.groupId === groupId).map(({ userId }) => users.get(userId)?.name ?? userId),
  };
}

type Input = {
  readonly IdentityStoreId: string;
  readonly UserId: string;
  readonly GroupId: string;
  readonly MembershipId: string;
  readonly MemberId: { readonly UserId: string };
  readonly AlternateIdentifier: { readonly UniqueAttribute: { readonly AttributePath: string; readonly AttributeValue: string } };
  readonly MaxResults?: number;
  readonly NextToken?: string;
};

export async function startIdentityStore({ pageSize = 5 } = {}) {
  const stores = new Map<string, FakeStore>();
  const state = { pageSize, readOnly: false };
  const exchanges: Exchange[] = [];
  const violations: string[] = [];
  /** What reads see of memberships while they lag. */
  let stale: readonly Membership[] | undefined;

  const showUser = ({ id: IdentityStoreId }: FakeStore, { id, name, email, status }: StoreUser) => ({
    IdentityStoreId,
    UserId: id,
    UserName: name,
    DisplayName: name,
    ...(email && { Emails: [{ Value: email, Type: 'work', Primary: true }] }),
    ...(status && { UserStatus: status }),
  });
  const showGroup = ({ id: IdentityStoreId }: FakeStore, { id, name, externalIds }: StoreGroup) => ({
    IdentityStoreId,
    GroupId: id,
    DisplayName: name,
    ...(externalIds.length > 0 && { ExternalIds: externalIds }),
  });
  const showMembership = ({ id: IdentityStoreId }: FakeStore, { id, groupId, userId }: Membership) => ({
    IdentityStoreId,
    MembershipId: id,
    GroupId: groupId,
    MemberId: { UserId: userId },
  });
  const seen = (store: FakeStore): readonly Membership[] => stale ?? [...store.memberships.values()];
  const page = <T>(items: readonly T[], { MaxResults = 100, NextToken }: Input, list: string, show: (item: T) => object): object => {
    const from = NextToken === undefined ? 0 : Number(Buffer.from(NextToken, 'base64').toString());
    const to = from + Math.min(MaxResults, state.pageSize);
    const more = to < items.length ? { NextToken: Buffer.from(String(to)).toString('base64') } : {};
    return { [list]: items.slice(from, to).map(show), ...more };
  };
  /** A name that cannot be one is not "not found". */
  const badName = (name: string, most: number): Answer | undefined =>
    name.length > most || !/^[\p{L}\p{M}\p{S}\p{N}\p{P}][\p{L}\p{M}\p{S}\p{N}\p{P} ]*$/u.test(name)
      ? storeError('ValidationException', 'Member must satisfy regular expression pattern')
      : undefined;
  const isAnswer = (value: object): value is Answer => 'status' in value && 'body' in value;

  /** Either what the operation gives, or an error. */
  const operations: Readonly<Record<string, (store: FakeStore, input: Input) => object>> = {
    GetUserId: (store, { AlternateIdentifier }) => {
      const { AttributePath, AttributeValue } = AlternateIdentifier.UniqueAttribute;
      if (AttributePath !== 'userName' && AttributePath !== 'emails.value')
        return storeError('ValidationException', `The attribute ${AttributePath} is not a unique attribute`);
      const wanted = AttributeValue.toLowerCase();
      const found = [...store.users.values()].find(
        ({ name, email }) => (AttributePath === 'userName' ? name : email)?.toLowerCase() === wanted,
      );
      return badName(AttributeValue, 128) ?? (found ? { IdentityStoreId: store.id, UserId: found.id } : notFound('USER'));
    },
    DescribeUser: (store, { UserId }) => {
      const user = store.users.get(UserId);
      return user ? showUser(store, user) : notFound('USER', UserId);
    },
    ListUsers: (store, input) => page([...store.users.values()], input, 'Users', (user) => showUser(store, user)),
    GetGroupId: (store, { AlternateIdentifier }) => {
      const { AttributePath, AttributeValue } = AlternateIdentifier.UniqueAttribute;
      if (AttributePath !== 'displayName')
        return storeError('ValidationException', `The attribute ${AttributePath} is not a unique attribute`);
      const found = [...store.groups.values()].find(({ name }) => name.toLowerCase() === AttributeValue.toLowerCase());
      return badName(AttributeValue, 1024) ?? (found ? { IdentityStoreId: store.id, GroupId: found.id } : notFound('GROUP'));
    },
    DescribeGroup: (store, { GroupId }) => {
      const group = store.groups.get(GroupId);
      return group ? showGroup(store, group) : notFound('GROUP', GroupId);
    },
    GetGroupMembershipId: (store, { GroupId, MemberId }) => {
      if (!store.groups.has(GroupId)) return notFound('GROUP', GroupId);
      if (!store.users.has(MemberId.UserId)) return notFound('USER', MemberId.UserId);
      const found = seen(store).find(({ groupId, userId }) => groupId === GroupId && userId === MemberId.UserId);
      return found ? { IdentityStoreId: store.id, MembershipId: found.id } : notFound('GROUP_MEMBERSHIP');
    },
    ListGroupMemberships: (store, input) => {
      if (!store.groups.has(input.GroupId)) return notFound('GROUP', input.GroupId);
      const members = seen(store).filter(({ groupId }) => groupId === input.GroupId);
      return page(members, input, 'GroupMemberships', (one) => showMembership(store, one));
    },
    CreateGroupMembership: (store, { GroupId, MemberId }) => {
      if (state.readOnly) return deniedStore('CreateGroupMembership');
      if (!store.groups.has(GroupId)) return notFound('GROUP', GroupId);
      if (!store.users.has(MemberId.UserId)) return notFound('USER', MemberId.UserId);
      const Reason = 'UNIQUENESS_CONSTRAINT_VIOLATION';
      if (store.between(MemberId.UserId, GroupId))
        return storeError('ConflictException', 'Member and Group relationship already exists', { Reason });
      return { IdentityStoreId: store.id, MembershipId: store.join(MemberId.UserId, GroupId).id };
    },
    DeleteGroupMembership: (store, { MembershipId }) => {
      if (state.readOnly) return deniedStore('DeleteGroupMembership');
      return store.memberships.delete(MembershipId) ? {} : notFound('GROUP_MEMBERSHIP', MembershipId);
    },
  };

  function answer(action: string, input: Input, authorization = ''): Answer {
    const operation = operations[action];
    if (!operation) return storeError('UnknownOperationException', action);
    if (!/^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[a-z\d-]+\/identitystore\/aws4_request, /.test(authorization))
      return storeError('InvalidSignatureException', 'Credential should be scoped to correct service.');
    const wrong = sdkJudge(`${action}Request`, input);
    violations.push(...wrong);
    if (wrong.length > 0) return storeError('ValidationException', wrong.join('; '));
    const store = stores.get(input.IdentityStoreId);
    const given = store ? operation(store, input) : notFound('IDENTITY_STORE');
    const result = isAnswer(given) ? given : { ...storeError('', ''), status: 200, body: JSON.stringify(given) };
    const { __type: type, ...output } = JSON.parse(result.body);
    const shape = type ?? `${action}Response`;
    exchanges.push({ action, input, shape, output });
    violations.push(...sdkJudge(shape, output));
    return result;
  }

  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const action = /^AWSIdentityStore\.(\w+)$/.exec(String(incoming.headers['x-amz-target']))?.[1] ?? '';
      const { status, headers, body } = answer(action, JSON.parse(Buffer.concat(chunks).toString()), incoming.headers.authorization);
      outgoing.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    exchanges,
    violations,
    /** The one of that id, made where there is none yet. */
    store: (id: string): FakeStore => {
      const store = stores.get(id) ?? newStore(id);
      stores.set(id, store);
      return store;
    },
    /** From now on reads see the memberships as they are now. */
    freeze: (store: FakeStore): void => {
      stale = [...store.memberships.values()];
    },
    reset: (): void => {
      stores.clear();
      exchanges.length = 0;
      violations.length = 0;
      stale = undefined;
      Object.assign(state, { pageSize, readOnly: false });
    },
    stop: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

export type FakeIdentityStore = Awaited<ReturnType<typeof startIdentityStore>>;
