/** The Okta side of the port. Okta is called by ids, so names matter only where they are first looked up. */

import { isProviderError, ProviderError } from '../errors.ts';
import type { GroupPin, Pin } from '../lifecycle/types.ts';
import type { AdapterContext, Call, Directory } from './directory.ts';
import type { Settings } from './okta.ts';
import { endSessionsNeeds, type Okta, openClient } from './okta-client.ts';
import { isMissing } from './okta-errors.ts';
import { findGroup, findUser } from './okta-names.ts';
import { openRules, type Rules, ruled } from './okta-rules.ts';
import { type Seen, seen } from './seen.ts';

export type Open = { readonly okta: Okta; readonly rules: Rules; readonly context: AdapterContext; readonly there: Seen };

export async function openOkta(settings: Settings, context: AdapterContext): Promise<Directory> {
  const okta = openClient(settings, Number.parseInt(settings.timeout ?? '5s', 10) * 1000, context);
  const open: Open = { okta, rules: openRules(okta, context), context, there: seen(context.now) };
  return {
    findUser: (name, call) => findUser(open, name, call),
    findGroup: (name, call) => findGroup(open, name, call),
    read: (pin, call) => read(open, pin, call),
    members: async (group, call) => {
      const [members] = await Promise.all([okta.membersOf(group.groupId, call), ours(open, group, call)]);
      return members ?? 'gone';
    },
    add: (pin, call) => add(open, pin, call),
    remove: (pin, call) => remove(open, pin, call),
    hasLeft: (pin, call) => hasLeft(open, pin, call),
    endSessions: (pin, call) => endSessions(open, pin, call),
    endSessionsNeeds,
  };
}

/** The ids of another org mean nothing here, and neither does that it does not know them. */
async function ours({ okta, context }: Open, pin: GroupPin, call: Call): Promise<void> {
  const org = await okta.org(call);
  if (org === pin.account) return;
  throw new ProviderError(context.name, 'wrong-account', `${context.name} is the org ${org}, not ${pin.account}`, {
    applied: 'no',
    next: `set orgUrl of ${context.name} to the org that these memberships belong to`,
  });
}

async function read(open: Open, pin: Pin, call: Call): Promise<'member' | 'absent' | 'gone'> {
  const [groups] = await Promise.all([open.okta.groupsOf(pin.userId, call), ours(open, pin, call)]);
  // Though the user be deprovisioned: reactivated, they would have it again.
  if (groups?.includes(pin.groupId)) {
    open.there.add(pin.groupId);
    return 'member';
  }
  if (groups === undefined) open.there.drop(pin.userId);
  const { user, group } = await exist(open, pin, call);
  if (user && group && groups) return 'absent';
  if (user && group) throw contradiction(open, `does not list the groups of ${pin.userName}, who exists`);
  await notMerelyHidden(open, pin, { user, group }, call);
  return 'gone';
}

/** Whether both are there by id. A deprovisioned user is not: nothing can be given to them, and what they had was just looked at. */
async function exist({ okta, there }: Open, pin: Pin, call: Call): Promise<{ readonly user: boolean; readonly group: boolean }> {
  const [user, group] = await Promise.all([
    there.has(pin.userId) || okta.user(pin.userId, call).then((found) => found?.id === pin.userId && found.status !== 'DEPROVISIONED'),
    there.has(pin.groupId) || okta.group(pin.groupId, call).then((found) => found !== undefined),
  ]);
  if (user) there.add(pin.userId);
  if (group) there.add(pin.groupId);
  return { user, group };
}

/** Whoever may not see a user is told that there is none. That counts only where the group does not list them. */
async function notMerelyHidden(open: Open, pin: Pin, { user, group }: { user: boolean; group: boolean }, call: Call): Promise<void> {
  if (user || !group) return;
  const members = await open.okta.membersOf(pin.groupId, call);
  if (members?.some(({ userId }) => userId === pin.userId)) {
    throw contradiction(open, `lists ${pin.userName} in ${pin.groupName}, but knows no such user: the credentials may not see all users`);
  }
}

function contradiction({ context }: Open, what: string, cause?: unknown): ProviderError {
  return new ProviderError(context.name, 'unavailable', `${context.name} contradicts itself: it ${what}`, { applied: 'no', cause });
}

function refuseMissing({ context }: Open, pin: Pin, { user, group }: { user: boolean; group: boolean }): void {
  const missing = !user ? `user ${pin.userName}` : !group ? `group ${pin.groupName}` : undefined;
  if (missing) throw new ProviderError(context.name, 'not-found', `the ${missing} no longer exists in ${context.name}`, { applied: 'no' });
}

/** Okta acknowledges the add of a member as it does any other, so `already` is never answered. */
async function add(open: Open, pin: Pin, call: Call): Promise<'added'> {
  const [found, rule] = await Promise.all([exist(open, pin, call), open.rules.over(pin.groupId, call), ours(open, pin, call)]);
  refuseMissing(open, pin, found);
  // What cannot be taken out again must not be let in.
  if (rule !== undefined) throw ruled(open.context.name, pin.groupName, rule);
  try {
    await open.okta.assign(pin.groupId, pin.userId, call);
    return 'added';
  } catch (error) {
    if (!isMissing(error)) throw error;
    open.there.drop(pin.userId, pin.groupId);
    refuseMissing(open, pin, await exist(open, pin, call));
    throw contradiction(open, `does not know ${pin.userName} or ${pin.groupName}, which exist`, error);
  }
}

async function remove(open: Open, pin: Pin, call: Call): Promise<'removed' | 'already'> {
  const [before, rule] = await Promise.all([read(open, pin, call), ruleOver(open, pin, call)]);
  if (before === 'gone') return 'already';
  if (rule !== undefined) {
    if (before === 'absent') return 'already';
    throw ruled(open.context.name, pin.groupName, rule);
  }
  try {
    // Also where the list does not have them: it may lag behind an add of a moment ago.
    await open.okta.unassign(pin.groupId, pin.userId, call);
    return before === 'member' ? 'removed' : 'already';
  } catch (error) {
    if (!isMissing(error)) throw error;
    open.there.drop(pin.userId, pin.groupId);
    if ((await read(open, pin, call)) !== 'member') return 'already';
    throw contradiction(open, `does not know ${pin.userName} or ${pin.groupName}, but lists the membership`, error);
  }
}

/** Where the right to see rules was taken away since the request, access must end all the same. */
async function ruleOver(open: Open, pin: Pin, call: Call): Promise<string | undefined> {
  try {
    return await open.rules.over(pin.groupId, call);
  } catch (error) {
    if (!isProviderError(error) || error.fault !== 'forbidden') throw error;
    open.context.log(`${error.message}; ${pin.userName} is taken out of ${pin.groupName} without knowing its rules`);
    return undefined;
  }
}

/** `LOCKED_OUT`, `PASSWORD_EXPIRED` and `RECOVERY` end by themselves, in the middle of the night's work. */
const left: readonly string[] = ['SUSPENDED', 'DEPROVISIONED'];

async function hasLeft(open: Open, pin: Pin, call: Call): Promise<boolean> {
  const [user] = await Promise.all([open.okta.user(pin.userId, call), ours(open, pin, call)]);
  return user?.id === pin.userId && left.includes(user.status);
}

async function endSessions(open: Open, pin: Pin, call: Call): Promise<void> {
  await ours(open, pin, call);
  try {
    await open.okta.endSessions(pin.userId, call);
  } catch (error) {
    if (!isMissing(error)) throw error;
    open.there.drop(pin.userId);
    const { user } = await exist(open, pin, call);
    if (user) throw contradiction(open, `does not know ${pin.userName}, who exists`, error);
  }
}
