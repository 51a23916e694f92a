/** The IAM side of the port: what is read and written, once names are known to stand for the pinned ids. */

import { AddUserToGroupCommand, GetGroupCommand, ListGroupsForUserCommand, RemoveUserFromGroupCommand } from '@aws-sdk/client-iam';
import { ProviderError } from '../errors.ts';
import type { GroupPin, Pin } from '../lifecycle/types.ts';
import { iamRoleIn } from '../policy/iam-role.ts';
import { isNoSuchEntity, malformed } from './aws-errors.ts';
import type { Settings } from './aws-iam.ts';
import { connect, type Iam } from './aws-iam-client.ts';
import { everyPage, type Identities, identities, orNone, sameAccount } from './aws-iam-identity.ts';
import { iamRoles } from './aws-iam-roles.ts';
import type { AdapterContext, Call, Directory, Member } from './directory.ts';

type Open = { readonly iam: Iam; readonly ids: Identities; readonly context: AdapterContext; readonly account: string | undefined };
type Names = { readonly user: string | undefined; readonly group: string | undefined };

/** What IAM accepts as a name. An empty one must never be sent: GetUser without a name answers with the caller. */
const USER_NAME = /^[\w+=,.@-]{1,64}$/;
const GROUP_NAME = /^[\w+=,.@-]{1,128}$/;
const GROUP_ID = /^AGPA[A-Z\d]{12,}$/;

export async function openIam(settings: Settings, context: AdapterContext): Promise<Directory> {
  const iam = await connect(settings, context);
  const open: Open = { iam, ids: identities(iam, context, settings.account), context, account: settings.account };
  const roles = iamRoles({ ...open, seenAt: new Map() });
  const isRole = ({ groupId }: GroupPin): boolean => iamRoleIn(groupId) !== undefined;
  return {
    findUser: async (name, call) => {
      if (!USER_NAME.test(name)) return undefined;
      const found = await open.ids.userByName(name, call);
      return found && { userId: found.id, userName: found.name, active: true };
    },
    findGroup: async (name, call) => {
      if (iamRoleIn(name) !== undefined) return roles.findGroup(name, call);
      if (!GROUP_NAME.test(name)) return undefined;
      const byId = GROUP_ID.test(name) ? await open.ids.groupById(name, call) : undefined;
      const found = byId ?? (await open.ids.groupByName(name, call));
      return found && { account: found.account, groupId: found.id, groupName: found.name };
    },
    keepsEnd: isRole,
    read: (pin, call) => (isRole(pin) ? roles.read(pin, call) : read(open, pin, call)),
    members: (group, call) => (isRole(group) ? roles.members(group, call) : members(open, group, call)),
    add: (pin, call) => (isRole(pin) ? roles.add(pin, call) : add(open, pin, call)),
    remove: (pin, call) => (isRole(pin) ? roles.remove(pin, call) : remove(open, pin, call)),
  };
}

/** One round trip where nobody was renamed: the names are verified while the groups are already being read under the name they had. */
async function read(open: Open, pin: Pin, call: Call): Promise<'member' | 'absent' | 'gone'> {
  const [known, early] = await Promise.all([verify(open, pin, call), orNone(groupsOf(open, pin, pin.userName, call))]);
  if (known.user === undefined || known.group === undefined) return 'gone';
  const groups = known.user === pin.userName ? early : await orNone(groupsOf(open, pin, known.user, call));
  if (groups) return groups.includes(pin.groupId) ? 'member' : 'absent';
  // Nobody has the name that was verified a moment ago.
  const now = await verifyAnew(open, pin, call);
  if (now.user === undefined || now.group === undefined) return 'gone';
  return (await groupsOf(open, pin, now.user, call)).includes(pin.groupId) ? 'member' : 'absent';
}

async function members(open: Open, group: GroupPin, call: Call): Promise<readonly Member[] | 'gone'> {
  ours(open, group);
  const direct = await membersNamed(open, group, group.groupName, call);
  if (direct) return direct;
  open.ids.forget(group);
  const name = await open.ids.group(group, call);
  if (name === undefined) return 'gone';
  const followed = await membersNamed(open, group, name, call);
  if (followed) return followed;
  throw new ProviderError(open.context.name, 'unavailable', `the group ${name} changed while it was read`, { applied: 'no' });
}

/** IAM acknowledges the add of a member as it does any other, so `already` is never answered. */
async function add(open: Open, pin: Pin, call: Call): Promise<'added'> {
  const names = await verify(open, pin, call);
  refuseMissing(open, pin, names);
  try {
    await open.iam.write('AddUserToGroup', new AddUserToGroupCommand({ UserName: names.user, GroupName: names.group }), call);
    return 'added';
  } catch (error) {
    if (!isNoSuchEntity(error)) throw error;
    refuseMissing(open, pin, await verifyAnew(open, pin, call));
    throw undecided(open, `AWS does not know ${pin.userName} or ${pin.groupName} yet`, error);
  }
}

async function remove(open: Open, pin: Pin, call: Call): Promise<'removed' | 'already'> {
  const names = await verify(open, pin, call);
  if (names.user === undefined || names.group === undefined) return 'already';
  try {
    await open.iam.write('RemoveUserFromGroup', new RemoveUserFromGroupCommand({ UserName: names.user, GroupName: names.group }), call);
    return 'removed';
  } catch (error) {
    if (!isNoSuchEntity(error)) throw error;
    // One answer for three things: not a member, no such user, no such group. Only the ids tell them apart.
    const now = await verifyAnew(open, pin, call);
    if (now.user === undefined || now.group === undefined) return 'already';
    if (!(await groupsOf(open, pin, now.user, call)).includes(pin.groupId)) return 'already';
    throw undecided(open, `AWS contradicts itself about ${pin.userName} in ${pin.groupName}`, error);
  }
}

function ours(open: Open, pin: GroupPin): void {
  if (open.account !== undefined) sameAccount(open.context.name, open.account, pin.account);
}

async function verify(open: Open, pin: Pin, call: Call): Promise<Names> {
  ours(open, pin);
  const [user, group] = await Promise.all([open.ids.user(pin, call), open.ids.group(pin, call)]);
  return { user, group };
}

function verifyAnew(open: Open, pin: Pin, call: Call): Promise<Names> {
  open.ids.forget(pin);
  return verify(open, pin, call);
}

function refuseMissing(open: Open, pin: Pin, names: Names): void {
  const missing = names.user === undefined ? `user ${pin.userName}` : names.group === undefined ? `group ${pin.groupName}` : undefined;
  if (missing)
    throw new ProviderError(open.context.name, 'not-found', `the ${missing} no longer exists in AWS account ${pin.account}`, {
      applied: 'no',
    });
}

function undecided(open: Open, message: string, cause: unknown): ProviderError {
  return new ProviderError(open.context.name, 'unavailable', message, { applied: 'no', cause });
}

async function groupsOf(open: Open, pin: Pin, user: string, call: Call): Promise<string[]> {
  const groups = await everyPage(open.context.name, async (page) => {
    const answer = await open.iam.read(
      'ListGroupsForUser',
      (client, send) => client.send(new ListGroupsForUserCommand({ UserName: user, ...page }), send),
      call,
    );
    return { ...answer, items: answer.Groups };
  });
  return groups.map((group) => open.ids.entity(group, pin.account).id);
}

/** `undefined`: that name is nobody's, or another group's, which may begin between two pages. */
async function membersNamed(open: Open, group: GroupPin, name: string, call: Call): Promise<readonly Member[] | undefined> {
  let another = false;
  const users = await orNone(
    everyPage(open.context.name, async (page) => {
      const answer = await open.iam.read(
        'GetGroup',
        (client, send) => client.send(new GetGroupCommand({ GroupName: name, ...page }), send),
        call,
      );
      if (open.ids.entity(answer.Group, group.account).id === group.groupId) return { ...answer, items: answer.Users };
      another = true;
      return { items: [] };
    }),
  );
  if (users === undefined || another) return undefined;
  return users.map(({ UserId, UserName }) => {
    if (!UserId || !UserName) throw malformed(open.context.name, 'AWS answered with a member that lacks its id or its name');
    return { userId: UserId, userName: UserName };
  });
}
