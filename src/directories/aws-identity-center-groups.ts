/** The IAM Identity Center side of the port. A membership is found by its group and user each time, as its own id says nothing that those do not. */

import { ProviderError } from '../errors.ts';
import type { GroupPin, Pin } from '../lifecycle/types.ts';
import { saidByAws } from './aws-errors.ts';
import type { Settings } from './aws-identity-center.ts';
import { findGroup, findUser } from './aws-identity-center-names.ts';
import { isMissing, openStore, type Store, sameStore } from './aws-identity-center-store.ts';
import type { AdapterContext, Call, Directory, Member } from './directory.ts';
import { type Seen, seen } from './seen.ts';

export type Open = { readonly store: Store; readonly name: string; readonly there: Seen };

export async function openIdentityCenter(settings: Settings, context: AdapterContext): Promise<Directory> {
  const open: Open = { store: await openStore(settings, context), name: context.name, there: seen(context.now) };
  return {
    findUser: (name, call) => findUser(open, name, call),
    findGroup: (name, call) => findGroup(open, name, call),
    read: (pin, call) => read(open, pin, call),
    members: (group, call) => members(open, group, call),
    add: (pin, call) => add(open, pin, call),
    remove: (pin, call) => remove(open, pin, call),
    hasLeft: (pin, call) => hasLeft(open, pin, call),
  };
}

/** Every request names the identity store, so that of another one's memberships nothing needs to be asked. */
function ours({ store, name }: Open, pin: GroupPin): void {
  sameStore(name, store.id, pin.account);
}

async function read(open: Open, pin: Pin, call: Call): Promise<'member' | 'absent' | 'gone'> {
  ours(open, pin);
  if ((await membership(open, pin, call)) !== undefined) return 'member';
  const { user, group } = await exist(open, pin, call);
  return user && group ? 'absent' : 'gone';
}

async function membership({ store, there }: Open, pin: Pin, call: Call): Promise<string | undefined> {
  const found = await store.membership(pin, call);
  if (found !== undefined) for (const id of [pin.userId, pin.groupId]) there.add(id);
  return found;
}

async function exist({ store, there }: Open, pin: Pin, call: Call): Promise<{ readonly user: boolean; readonly group: boolean }> {
  const [user, group] = await Promise.all([
    there.has(pin.userId) || store.user(pin.userId, call).then((found) => found?.id === pin.userId),
    there.has(pin.groupId) || store.group(pin.groupId, call).then((found) => found?.id === pin.groupId),
  ]);
  if (user) there.add(pin.userId);
  if (group) there.add(pin.groupId);
  return { user, group };
}

/** Above so many, the list of all users may cost fewer calls than asking for each. */
const fewNames = 10;

async function members(open: Open, group: GroupPin, call: Call): Promise<readonly Member[] | 'gone'> {
  ours(open, group);
  const ids = await open.store.members(group.groupId, call);
  // An empty list alone does not say that the group is there.
  if (ids === undefined || (ids.length === 0 && !(await open.store.group(group.groupId, call)))) return 'gone';
  const names = await namesOf(open, new Set(ids), call);
  return [...names].map(([userId, userName]) => ({ userId, userName }));
}

/** At most two calls for each. Somebody who was deleted meanwhile is a member of nothing. */
async function namesOf({ store }: Open, unknown: Set<string>, call: Call): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  let read = 0;
  if (unknown.size > fewNames) {
    for await (const users of store.users(call)) {
      for (const { id, name } of users) if (unknown.delete(id)) names.set(id, name);
      read++;
      if (read >= unknown.size) break;
    }
  }
  for (const id of unknown) {
    const user = await store.user(id, call);
    if (user) names.set(id, user.name);
  }
  return names;
}

async function add(open: Open, pin: Pin, call: Call): Promise<'added' | 'already'> {
  ours(open, pin);
  refuseMissing(open, pin, await exist(open, pin, call));
  try {
    await open.store.join(pin, call);
    return 'added';
  } catch (error) {
    if (await isThereAlready(open, pin, error, call)) return 'already';
    if (!isMissing(error)) throw error;
    open.there.drop(pin.userId, pin.groupId);
    refuseMissing(open, pin, await exist(open, pin, call));
    throw contradiction(open, `does not know ${pin.userName} or ${pin.groupName}, which exist`, error);
  }
}

/** Of a conflict AWS need not say which one it is: that the membership exists, or that somebody else is changing it. */
async function isThereAlready(open: Open, pin: Pin, error: unknown, call: Call): Promise<boolean> {
  const said = saidByAws(error);
  if (said?.code !== 'ConflictException' || said.reason === 'CONCURRENT_MODIFICATION') return false;
  return said.reason === 'UNIQUENESS_CONSTRAINT_VIOLATION' || (await membership(open, pin, call)) !== undefined;
}

async function remove(open: Open, pin: Pin, call: Call): Promise<'removed' | 'already'> {
  ours(open, pin);
  const id = await membership(open, pin, call);
  if (id === undefined) return 'already';
  try {
    await open.store.leave(id, call);
    return 'removed';
  } catch (error) {
    if (!isMissing(error)) throw error;
    if ((await membership(open, pin, call)) === undefined) return 'already';
    throw contradiction(open, `does not know the membership of ${pin.userName} in ${pin.groupName}, but finds it`, error);
  }
}

async function hasLeft(open: Open, pin: Pin, call: Call): Promise<boolean> {
  ours(open, pin);
  const user = await open.store.user(pin.userId, call);
  return user?.id === pin.userId && !user.enabled;
}

function refuseMissing({ name, store }: Open, pin: Pin, { user, group }: { user: boolean; group: boolean }): void {
  const missing = !user ? `user ${pin.userName}` : !group ? `group ${pin.groupName}` : undefined;
  if (missing) throw new ProviderError(name, 'not-found', `the ${missing} no longer exists in ${store.id}`, { applied: 'no' });
}

function contradiction({ name }: Open, what: string, cause: unknown): ProviderError {
  return new ProviderError(name, 'unavailable', `${name} contradicts itself: it ${what}`, { applied: 'no', cause });
}
