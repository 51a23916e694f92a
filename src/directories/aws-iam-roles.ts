/**
 * IAM roles in the place of groups: a member is a user with an inline policy of ours, which lets nobody in after its end.
 * The pin is the role's ARN, as the policy on the user names nothing else: it is there, and has to be taken away, also when the role is not.
 */

import {
  DeleteUserPolicyCommand,
  GetAccountAuthorizationDetailsCommand,
  GetRoleCommand,
  GetUserPolicyCommand,
  PutUserPolicyCommand,
  type User,
} from '@aws-sdk/client-iam';
import { ProviderError } from '../errors.ts';
import type { GroupPin, Pin } from '../lifecycle/types.ts';
import { type IamRole, iamRoleIn } from '../policy/iam-role.ts';
import { isNoSuchEntity, malformed } from './aws-errors.ts';
import type { Iam } from './aws-iam-client.ts';
import { everyPage, type Identities, orNone, sameAccount, VERIFIED_FOR_MS } from './aws-iam-identity.ts';
import { type Meaning, meaningOf, policyDocument, policyName } from './aws-iam-policy.ts';
import type { AdapterContext, Call, Directory, FoundGroup, Member } from './directory.ts';

/** `seenAt`: by ARN, when the role was last found. */
type Open = { readonly iam: Iam; readonly ids: Identities; readonly context: AdapterContext; readonly account: string | undefined } & {
  readonly seenAt: Map<string, number>;
};

export type Roles = Pick<Directory, 'findGroup' | 'read' | 'members' | 'add' | 'remove'>;

export const iamRoles = (open: Open): Roles => ({
  findGroup: (arn, call) => find(open, roleAt(arn), call),
  read: (pin, call) => read(open, pin, call),
  members: (group, call) => members(open, group, call),
  add: (pin, call) => add(open, pin, call),
  remove: (pin, call) => remove(open, pin, call),
});

function roleAt(arn: string): IamRole {
  const role = iamRoleIn(arn);
  if (role === undefined) throw new Error(`${arn} is not the ARN of an IAM role`);
  return role;
}

/** Only in this account: elsewhere nobody could say how long its sessions last, nor whom it trusts. */
async function find(open: Open, role: IamRole, call: Call & { readonly toRead?: boolean }): Promise<FoundGroup | undefined> {
  const { iam, account, context } = open;
  const elsewhere = (here: string): undefined => {
    if (call.toRead) return undefined;
    throw new ProviderError(
      context.name,
      'refused',
      `the IAM role ${role.name} is in account ${role.account}, and ${context.name} is ${here}`,
      {
        applied: 'no',
        next: `name an IAM role of account ${here}, or give account ${role.account} a directory of its own`,
      },
    );
  };
  const found = await roleNamed(open, role.name, call);
  if (found === undefined) {
    const here = await iam.account(call);
    if (account !== undefined) sameAccount(context.name, here, account);
    return here === role.account ? undefined : elsewhere(here);
  }
  if (found.account !== role.account) return elsewhere(found.account);
  // IAM knows a name in either case.
  if (found.arn.toLowerCase() !== role.arn.toLowerCase()) {
    if (call.toRead) return undefined;
    const next = `write { assumeRole: ${found.arn} } in the policy`;
    throw new ProviderError(context.name, 'refused', `the IAM role ${role.name} has another path than the policy says`, {
      applied: 'no',
      next,
    });
  }
  const { longestSessionMs } = found;
  return { account: found.account, groupId: found.arn, groupName: found.arn, longestSessionMs };
}

/** As it was found a moment ago, or else asked again. */
async function exists(open: Open, { arn, name }: IamRole, call: Call): Promise<boolean> {
  const age = open.context.now() - (open.seenAt.get(arn) ?? Number.NEGATIVE_INFINITY);
  if (age >= 0 && age < VERIFIED_FOR_MS) return true;
  return (await roleNamed(open, name, call))?.arn === arn;
}

type FoundRole = IamRole & { readonly longestSessionMs: number };

async function roleNamed({ iam, context, account, seenAt }: Open, name: string, call: Call): Promise<FoundRole | undefined> {
  const at = context.now();
  const answer = await orNone(iam.read('GetRole', (client, send) => client.send(new GetRoleCommand({ RoleName: name }), send), call));
  if (answer === undefined) return undefined;
  const role = iamRoleIn(answer.Role?.Arn ?? '');
  if (role?.name.toLowerCase() !== name.toLowerCase())
    throw malformed(context.name, `AWS was asked for the IAM role ${name} and answered with another`);
  if (account !== undefined) sameAccount(context.name, role.account, account);
  seenAt.set(role.arn, at);
  // An hour is what IAM gives one of which nothing else is said.
  return { ...role, longestSessionMs: (answer.Role?.MaxSessionDuration ?? 3600) * 1000 };
}

async function read(open: Open, pin: Pin, call: Call): Promise<'member' | 'absent' | 'gone'> {
  ours(open, pin);
  const [user, early] = await Promise.all([open.ids.user(pin, call), policyOf(open, pin, pin.userName, call)]);
  if (user === undefined) return 'gone';
  const document = user === pin.userName ? early : await policyOf(open, pin, user, call);
  if (document === undefined) return 'absent';
  const meaning = means(open, pin, document);
  if (meaning === 'other') throw foreign(open, pin);
  return meaning === 'lets-in' ? 'member' : 'absent';
}

/** Of everybody in the account: IAM cannot be asked who has a policy. */
async function members(open: Open, group: GroupPin, call: Call): Promise<readonly Member[] | 'gone'> {
  const { iam, ids, context } = open;
  ours(open, group);
  const users = await everyPage(context.name, async (page) => {
    const answer = await iam.read(
      'GetAccountAuthorizationDetails',
      (client, send) => client.send(new GetAccountAuthorizationDetailsCommand({ Filter: ['User'], ...page }), send),
      call,
    );
    return { ...answer, items: answer.UserDetailList };
  });
  if (users.length === 0) sameAccount(context.name, await iam.account(call), group.account);
  const name = policyName(roleAt(group.groupId));
  return users.flatMap((user) => {
    const { id, name: userName } = ids.entity(user as User, group.account);
    const document = user.UserPolicyList?.find(({ PolicyName }) => PolicyName === name)?.PolicyDocument;
    return document !== undefined && means(open, group, document) === 'lets-in' ? [{ userId: id, userName }] : [];
  });
}

/** What is there by that name is replaced, whatever its end. */
async function add(open: Open, pin: Pin, call: Call & { readonly until?: number }): Promise<'added'> {
  const { until } = call;
  if (until === undefined)
    throw new ProviderError(open.context.name, 'refused', 'an IAM role is only given until an end', { applied: 'no' });
  ours(open, pin);
  const role = roleAt(pin.groupId);
  const [user, isThere] = await Promise.all([open.ids.user(pin, call), exists(open, role, call)]);
  if (!isThere) throw missing(open, pin, `IAM role ${role.name}`);
  const put = new PutUserPolicyCommand({
    UserName: present(open, pin, user),
    PolicyName: policyName(role),
    PolicyDocument: policyDocument(role, until),
  });
  try {
    await open.iam.write('PutUserPolicy', put, call);
    return 'added';
  } catch (error) {
    if (!isNoSuchEntity(error)) throw error;
    present(open, pin, await userAnew(open, pin, call));
    throw undecided(open, `AWS does not know ${pin.userName} yet`, error);
  }
}

/** Also one that is over, or that somebody has changed since: it was ours. */
async function remove(open: Open, pin: Pin, call: Call): Promise<'removed' | 'already'> {
  ours(open, pin);
  const user = await open.ids.user(pin, call);
  if (user === undefined) return 'already';
  const name = policyName(roleAt(pin.groupId));
  try {
    await open.iam.write('DeleteUserPolicy', new DeleteUserPolicyCommand({ UserName: user, PolicyName: name }), call);
    return 'removed';
  } catch (error) {
    if (!isNoSuchEntity(error)) throw error;
    // One answer for two things: no such user, and no such policy.
    const now = await userAnew(open, pin, call);
    if (now === undefined || (await policyOf(open, pin, now, call)) === undefined) return 'already';
    throw undecided(open, `AWS contradicts itself about the policy ${name} of ${pin.userName}`, error);
  }
}

async function policyOf({ iam, context }: Open, pin: GroupPin, user: string, call: Call): Promise<string | undefined> {
  const ask = { UserName: user, PolicyName: policyName(roleAt(pin.groupId)) };
  const answer = await orNone(iam.read('GetUserPolicy', (client, send) => client.send(new GetUserPolicyCommand(ask), send), call));
  if (answer === undefined) return undefined;
  if (!answer.PolicyDocument) throw malformed(context.name, 'AWS answered with a policy that says nothing');
  return answer.PolicyDocument;
}

const means = ({ context }: Open, { groupId }: GroupPin, document: string): Meaning => meaningOf(document, roleAt(groupId), context.now());

function ours({ context, account }: Open, pin: GroupPin): void {
  if (account !== undefined) sameAccount(context.name, account, pin.account);
}

function userAnew({ ids }: Open, pin: Pin, call: Call): Promise<string | undefined> {
  ids.forget(pin);
  return ids.user(pin, call);
}

function present(open: Open, pin: Pin, user: string | undefined): string {
  if (user === undefined) throw missing(open, pin, `user ${pin.userName}`);
  return user;
}

const missing = ({ context }: Open, { account }: Pin, what: string): ProviderError =>
  new ProviderError(context.name, 'not-found', `the ${what} no longer exists in AWS account ${account}`, { applied: 'no' });

const undecided = ({ context }: Open, message: string, cause: unknown): ProviderError =>
  new ProviderError(context.name, 'unavailable', message, { applied: 'no', cause });

function foreign({ context }: Open, pin: Pin): ProviderError {
  const name = policyName(roleAt(pin.groupId));
  const message = `${pin.userName} has an inline policy ${name} that somebody else wrote or changed, and nobody can tell what it allows`;
  return new ProviderError(context.name, 'refused', message, { applied: 'no', next: `give that policy another name, or take it away` });
}
