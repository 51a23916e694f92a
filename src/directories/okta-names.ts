/** From a login or a group's name to its id: exactly that name, found once. */

import { ProviderError } from '../errors.ts';
import type { GroupPin } from '../lifecycle/types.ts';
import type { Call } from './directory.ts';
import type { Group } from './okta-client.ts';
import type { Open } from './okta-groups.ts';
import { ruled } from './okta-rules.ts';

const groupId = /^00g[A-Za-z\d]{17}$/;

/** Okta also takes an id, `me`, or a login without its domain, and looks past accents; none of that is this name. */
export async function findUser({ okta, there }: Open, name: string, call: Call) {
  if (!isLogin(name)) return undefined;
  const found = await okta.user(name, call);
  if (!found || found.login.toLowerCase() !== name.toLowerCase()) return undefined;
  const active = found.status === 'ACTIVE';
  if (active) there.add(found.id);
  return { userId: found.id, userName: found.login, active };
}

/** A login with a slash can be asked for by id only; dots would be taken for a path. */
function isLogin(name: string): boolean {
  return name.trim() !== '' && name.length <= 100 && !/[/\\]|^\.+$/.test(name);
}

export async function findGroup(open: Open, name: string, call: Call & { readonly toRead?: boolean }): Promise<GroupPin | undefined> {
  if (name.trim() === '' || name.length > 255) return undefined;
  const { okta, rules, there, context } = open;
  // All at once: the org and the rules are needed whichever group it is.
  const [account, byId, byName] = await Promise.all([
    okta.org(call),
    groupId.test(name) ? okta.group(name, call) : undefined,
    groupId.test(name) ? [] : okta.groupsLike(name, call),
    call.toRead ? undefined : rules.over(name, call),
  ]);
  const group = byId ?? exactly(open, groupId.test(name) ? await okta.groupsLike(name, call) : byName, name);
  if (!group) return undefined;
  if (!call.toRead) {
    if (group.type !== 'OKTA_GROUP') throw foreign(context.name, group);
    const rule = await rules.over(group.id, call);
    if (rule !== undefined) throw ruled(context.name, group.name, rule);
  }
  there.add(group.id);
  return { account, groupId: group.id, groupName: group.name };
}

function exactly({ context }: Open, groups: readonly Group[], name: string): Group | undefined {
  const named = groups.filter((group) => group.name === name);
  const okta = named.filter((group) => group.type === 'OKTA_GROUP');
  const meant = okta.length === 0 ? named : okta;
  if (meant.length > 1) {
    throw new ProviderError(context.name, 'ambiguous', `${context.name} has ${meant.length} groups named ${name}`, {
      applied: 'no',
      next: `name the group by its id: ${meant.map(({ id }) => id).join(' or ')}`,
    });
  }
  return meant[0];
}

function foreign(provider: string, { name, type }: Group): ProviderError {
  const why = type === 'APP_GROUP' ? 'its members are managed in the app or directory that it comes from' : `its type is ${type}`;
  return new ProviderError(provider, 'refused', `the members of ${name} cannot be changed through Okta: ${why}`, {
    applied: 'no',
    next: 'use a group of type OKTA_GROUP',
  });
}
