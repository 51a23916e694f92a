/** Who stands behind a name: IAM is called by names, memberships are pinned to ids, and only where the two agree does an answer count. */

import { GetGroupCommand, GetUserCommand, type Group, ListGroupsCommand, ListUsersCommand, type User } from '@aws-sdk/client-iam';
import { ProviderError } from '../errors.ts';
import type { GroupPin, Pin } from '../lifecycle/types.ts';
import { isNoSuchEntity, malformed } from './aws-errors.ts';
import type { Iam } from './aws-iam-client.ts';
import { pages } from './aws-pages.ts';
import type { AdapterContext, Call } from './directory.ts';

export type Entity = { readonly id: string; readonly name: string; readonly account: string };

/** The name that the id has now; `undefined`: it no longer exists. */
export type Identities = {
  readonly userByName: (name: string, call: Call) => Promise<Entity | undefined>;
  readonly groupByName: (name: string, call: Call) => Promise<Entity | undefined>;
  readonly groupById: (id: string, call: Call) => Promise<Entity | undefined>;
  readonly user: (pin: Pin, call: Call) => Promise<string | undefined>;
  readonly group: (pin: GroupPin, call: Call) => Promise<string | undefined>;
  /** Forgets what was verified, where an answer contradicts it. */
  readonly forget: (pin: GroupPin & Partial<Pin>) => void;
  /** Throws where an answer is another account's. */
  readonly entity: (found: User | Group | undefined, account: string | undefined) => Entity;
};

/** Long enough for one request to find, read and add, short enough that nobody is renamed and replaced meanwhile. */
export const VERIFIED_FOR_MS = 5_000;

export function identities(iam: Iam, context: AdapterContext, pinned: string | undefined): Identities {
  const verified: Verified = new Map();
  const entity = (found: User | Group | undefined, account: string | undefined) => toEntity(context.name, found, account ?? pinned);

  const userByName = async (name: string, call: Call, account?: string) => {
    const answer = await orNone(iam.read('GetUser', (client, send) => client.send(new GetUserCommand({ UserName: name }), send), call));
    return answer && named(context.name, entity(answer.User, account), name);
  };
  const groupByName = async (name: string, call: Call, account?: string) => {
    const answer = await orNone(
      iam.read('GetGroup', (client, send) => client.send(new GetGroupCommand({ GroupName: name, MaxItems: 1 }), send), call),
    );
    return answer && named(context.name, entity(answer.Group, account), name);
  };
  const users = (call: Call) =>
    everyPage(context.name, (page) =>
      iam
        .read('ListUsers', (client, send) => client.send(new ListUsersCommand(page), send), call)
        .then((answer) => ({ ...answer, items: answer.Users })),
    );
  const groups = (call: Call) =>
    everyPage(context.name, (page) =>
      iam
        .read('ListGroups', (client, send) => client.send(new ListGroupsCommand(page), send), call)
        .then((answer) => ({ ...answer, items: answer.Groups })),
    );

  /** Says that something is not there, which counts only from the right account. */
  const none = async (call: Call, account: string | undefined): Promise<undefined> => {
    const expected = account ?? pinned;
    if (expected !== undefined) sameAccount(context.name, await iam.account(call), expected);
    return undefined;
  };
  const byId = async (list: readonly (User | Group)[], id: string, call: Call, account: string | undefined) => {
    const all = list.map((found) => entity(found, account));
    const found = all.find((candidate) => candidate.id === id);
    return found ?? (all.length > 0 ? undefined : none(call, account));
  };
  const verify = verifier(verified, context.now);
  /** Whom a name was just found to stand for need not be asked again before they are read and added. */
  const seen = async (ask: Promise<Entity | undefined>): Promise<Entity | undefined> => {
    const at = context.now();
    const found = await ask;
    if (found) verified.set(found.id, { name: found.name, at });
    return found;
  };
  return {
    userByName: async (name, call) => (await seen(userByName(name, call))) ?? none(call, undefined),
    groupByName: async (name, call) => (await seen(groupByName(name, call))) ?? none(call, undefined),
    groupById: async (id, call) => byId(await groups(call), id, call, undefined),
    user: (pin, call) =>
      verify(
        pin.userId,
        () => userByName(pin.userName, call, pin.account),
        async () => byId(await users(call), pin.userId, call, pin.account),
      ),
    group: (pin, call) =>
      verify(
        pin.groupId,
        () => groupByName(pin.groupName, call, pin.account),
        async () => byId(await groups(call), pin.groupId, call, pin.account),
      ),
    forget: (pin) => {
      verified.delete(pin.groupId);
      if (pin.userId !== undefined) verified.delete(pin.userId);
    },
    entity,
  };
}

type Verified = Map<string, { readonly name: string; readonly at: number }>;

/** By name first, as that is one call; a namesake or nobody is answered by a search for the id. */
function verifier(verified: Verified, now: () => number) {
  return async (
    id: string,
    byName: () => Promise<Entity | undefined>,
    search: () => Promise<Entity | undefined>,
  ): Promise<string | undefined> => {
    const known = verified.get(id);
    const age = now() - (known?.at ?? Number.NEGATIVE_INFINITY);
    if (known && age >= 0 && age < VERIFIED_FOR_MS) return known.name;
    const at = now();
    const first = await byName();
    const found = first?.id === id ? first : await search();
    if (found) verified.set(id, { name: found.name, at });
    else verified.delete(id);
    return found?.name;
  };
}

type Page<T> = {
  readonly items: readonly T[] | undefined;
  readonly IsTruncated?: boolean | undefined;
  readonly Marker?: string | undefined;
};

export async function everyPage<T>(name: string, read: (page: { MaxItems: number; Marker?: string }) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  const from = async (marker: string | undefined) => {
    const { items, IsTruncated, Marker = '' } = await read({ MaxItems: 1000, ...(marker === undefined ? {} : { Marker: marker }) });
    return { items, next: IsTruncated ? Marker : undefined };
  };
  for await (const items of pages(name, from)) all.push(...items);
  return all;
}

/** `undefined` where IAM says that there is no such thing. */
export async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isNoSuchEntity(error)) return undefined;
    throw error;
  }
}

export function sameAccount(name: string, account: string, expected: string): void {
  if (account === expected) return;
  throw new ProviderError(name, 'wrong-account', `these AWS credentials belong to account ${account}, not to ${expected}`, {
    applied: 'no',
    next: `give ${name} credentials of account ${expected}`,
  });
}

function toEntity(name: string, found: User | Group | undefined, expected: string | undefined): Entity {
  const id = found && ('UserId' in found ? found.UserId : 'GroupId' in found ? found.GroupId : undefined);
  const itsName = found && ('UserName' in found ? found.UserName : 'GroupName' in found ? found.GroupName : undefined);
  const account = /^arn:[^:]+:iam::(\d{12}):/.exec(found?.Arn ?? '')?.[1];
  if (!id || !itsName || !account) throw malformed(name, 'AWS answered with a user or group that lacks its id, its name or its account');
  if (expected !== undefined) sameAccount(name, account, expected);
  return { id, name: itsName, account };
}

function named(name: string, found: Entity, asked: string): Entity {
  if (found.name.toLowerCase() === asked.toLowerCase()) return found;
  throw malformed(name, `AWS was asked for ${asked} and answered with ${found.name}`);
}
