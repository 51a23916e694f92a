/** From the name of a user or group to its id: exactly that name, found once. */

import { ProviderError } from '../errors.ts';
import type { GroupPin } from '../lifecycle/types.ts';
import { malformed } from './aws-errors.ts';
import type { Open } from './aws-identity-center-groups.ts';
import type { Call } from './directory.ts';

/** What AWS takes for a user name or an e-mail, and for a group's name. An empty one is never asked for. */
const userName = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u;
const groupName = /^[\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r \u00a0]{1,1024}$/u;
const groupId = /^([0-9a-f]{10}-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** By user name and by e-mail at once: whose user name it is and whose e-mail must not be two people. */
export async function findUser({ store, name: directory, there }: Open, name: string, call: Call) {
  if (!userName.test(name)) return undefined;
  const [byName, byEmail] = await Promise.all([
    store.userId('userName', name, call),
    name.includes('@') ? store.userId('emails.value', name, call) : undefined,
  ]);
  const id = byName ?? byEmail;
  if (id === undefined) return undefined;
  if (byEmail !== undefined && byEmail !== id) {
    throw new ProviderError(directory, 'ambiguous', `${name} is one user's name in ${directory}, and another's e-mail`, {
      applied: 'no',
      next: 'change one of the two in IAM Identity Center, or name the user under people by a user name that is no e-mail',
    });
  }
  const user = await store.user(id, call);
  if (!user) return undefined;
  if (user.id !== id || ![user.name, ...user.emails].some((one) => same(one, name))) throw another(directory, name, user.name);
  if (user.enabled) there.add(id);
  return { userId: id, userName: user.name, active: user.enabled };
}

export async function findGroup(open: Open, name: string, call: Call & { readonly toRead?: boolean }): Promise<GroupPin | undefined> {
  if (!groupName.test(name)) return undefined;
  const { store, name: directory, there } = open;
  const group = (groupId.test(name) ? await store.group(name, call) : undefined) ?? (await byName(open, name, call));
  if (!group) return undefined;
  // The provider asks nobody who is in the group: it would not notice that oncall took out whom it had put in meanwhile.
  if (group.provisioned && !call.toRead) {
    throw new ProviderError(
      directory,
      'refused',
      `the group ${group.name} comes from an identity provider, which alone must change its members`,
      {
        applied: 'no',
        next: 'use a group that was made in IAM Identity Center itself; its members may come from the identity provider',
      },
    );
  }
  there.add(group.id);
  return { account: store.id, groupId: group.id, groupName: group.name };
}

async function byName({ store, name: directory }: Open, name: string, call: Call) {
  const id = await store.groupId(name, call);
  const group = id === undefined ? undefined : await store.group(id, call);
  if (group && (group.id !== id || !same(group.name, name))) throw another(directory, name, group.name);
  return group;
}

function another(directory: string, asked: string, found: string): ProviderError {
  return malformed(directory, `AWS was asked for ${asked} and answered with ${found}`);
}
