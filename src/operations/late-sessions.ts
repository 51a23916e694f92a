/** What lasts beyond the end: a session of an IAM role that was begun before it. Nothing here can end one, so people are told how long that may be. */

import { isOncallError, isProviderError } from '../errors.ts';
import { iamRoleIn } from '../policy/iam-role.ts';
import type { Target } from '../policy/types.ts';
import type { Lookups } from './lookups.ts';
import type { Pins } from './pins.ts';
import type { LateSession } from './types.ts';

type Told = { readonly sessions?: readonly LateSession[] };

const told = (sessions: readonly LateSession[]): Told => (sessions.length === 0 ? {} : { sessions });

/** Of targets that were found. */
export const lateSessions = ({ pinned }: Pins): Told =>
  told(pinned.flatMap(({ target, longestSessionMs }) => (longestSessionMs === undefined ? [] : [{ target, longestMs: longestSessionMs }])));

/** Asks for those that are IAM roles. */
export async function askSessions(world: Lookups, targets: readonly Target[]): Promise<Told> {
  const roles = targets.filter(({ group }) => iamRoleIn(group) !== undefined);
  return told(await Promise.all(roles.map((target) => ask(world, target))));
}

async function ask(world: Lookups, target: Target): Promise<LateSession> {
  try {
    const found = await world.group(target.directory, target.group, 'read');
    if (found?.longestSessionMs !== undefined) return { target, longestMs: found.longestSessionMs };
    return { target, because: `${target.directory} has no such IAM role` };
  } catch (error) {
    if (!isOncallError(error) && !isProviderError(error)) throw error;
    return { target, because: error.message };
  }
}
