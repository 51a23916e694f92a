/** A directory in one JSON file that a person can read: for trying out, for examples and for tests. Names are the ids here, e-mails case-folded. */

import { realpathSync } from 'node:fs';
import { basename, normalize, resolve } from 'node:path';
import * as z from 'zod/mini';
import { isProviderError, ProviderError } from '../errors.ts';
import type { GroupPin, Pin } from '../lifecycle/types.ts';
import { holderOf, type Lock, lock } from '../lock.ts';
import { type Call, type Directory, defineDirectory, inTurn } from './directory.ts';
import { fileError, type LocalFile, readLocalFile, writeLocalFile } from './local-file.ts';

const LOCK_PATIENCE_MS = 10_000;

export default defineDirectory({
  settings: z.strictObject({ path: z.string().check(z.minLength(1)) }),
  isLocal: () => true,
  place: ({ path }) => normalize(path),
  open: async (settings, context) => openLocal(context.name, resolve(context.baseDir, settings.path)),
});

function openLocal(name: string, path: string): Directory {
  const load = (pin: Pick<Pin, 'account'> | undefined, call: Call): Promise<LocalFile> => inTurn(call, () => read(pin, call));
  const read = async (pin: Pick<Pin, 'account'> | undefined, call: Call): Promise<LocalFile> => {
    stopIfAborted(name, call);
    if (pin && pin.account !== path) {
      throw new ProviderError(name, 'wrong-account', `this membership belongs to ${pin.account}, not to ${path}`, { applied: 'no' });
    }
    return readLocalFile(name, path);
  };
  type Edit<T> = (file: LocalFile) => { answer: T; write: boolean };
  // One after the other: what this process alone waits for needs no asking again and again for the lock.
  let last: Promise<unknown> = Promise.resolve();
  const change = <T>(pin: Pin, call: Call, edit: Edit<T>): Promise<T> => {
    const next = last.then(() => inTurn(call, () => changeNow(pin, call, edit)));
    last = next.catch(() => undefined);
    return next;
  };
  const changeNow = async <T>(pin: Pin, call: Call, edit: Edit<T>): Promise<T> => {
    stopIfAborted(name, call);
    const held = await lockFile(name, path, call);
    try {
      const file = await read(pin, call);
      const { answer, write } = edit(file);
      stopIfAborted(name, call);
      if (write) await writeLocalFile(name, path, file, call.beforeWrite ?? (() => undefined));
      return answer;
    } finally {
      await held.release();
    }
  };
  return {
    findUser: async (user, call) => {
      const { users } = await load(undefined, call);
      const found = users.filter((candidate) => fold(candidate) === fold(user));
      if (found.length > 1) {
        throw new ProviderError(name, 'ambiguous', `${basename(path)} has ${found.length} users that read ${fold(user)}`, {
          applied: 'no',
          next: `leave one of ${found.join(', ')}`,
        });
      }
      return found[0] === undefined ? undefined : { userId: fold(user), userName: found[0], active: true };
    },
    findGroup: async (group, call) => {
      const found = membersOf(await load(undefined, call), group);
      return found && { account: path, groupId: group, groupName: group };
    },
    read: async (pin, call) => {
      const file = await load(pin, call);
      const members = membersOf(file, pin.groupId);
      if (members?.some((member) => fold(member) === pin.userId)) return 'member';
      return members && hasUser(file, pin) ? 'absent' : 'gone';
    },
    members: async (group: GroupPin, call) => {
      const members = membersOf(await load(group, call), group.groupId);
      if (members === undefined) return 'gone';
      const byId = new Map(members.map((member) => [fold(member), member]));
      return [...byId].map(([userId, userName]) => ({ userId, userName }));
    },
    add: (pin, call) =>
      change(pin, call, (file) => {
        const members = membersOf(file, pin.groupId);
        if (members === undefined) throw missing(name, `there is no group ${pin.groupName} in ${path}`);
        if (!hasUser(file, pin)) throw missing(name, `there is no user ${pin.userName} in ${path}`);
        if (members.some((member) => fold(member) === pin.userId)) return { answer: 'already', write: false };
        members.push(pin.userName);
        return { answer: 'added', write: true };
      }),
    remove: (pin, call) =>
      change(pin, call, (file) => {
        // Whoever is listed is removed, a user that `users` no longer has too: the list is what gives access.
        const members = membersOf(file, pin.groupId) ?? [];
        const others = members.filter((member) => fold(member) !== pin.userId);
        if (others.length === members.length) return { answer: 'already', write: false };
        members.splice(0, members.length, ...others);
        return { answer: 'removed', write: true };
      }),
  };
}

function fold(email: string): string {
  return email.toLowerCase();
}

function membersOf(file: LocalFile, group: string): string[] | undefined {
  return Object.hasOwn(file.groups, group) ? file.groups[group] : undefined;
}

function hasUser(file: LocalFile, pin: Pin): boolean {
  return file.users.some((user) => fold(user) === pin.userId);
}

function missing(name: string, message: string): ProviderError {
  return new ProviderError(name, 'not-found', message, { applied: 'no' });
}

function stopIfAborted(name: string, call: Call): void {
  if (call.signal?.aborted) throw new ProviderError(name, 'unavailable', 'stopped before anything was written', { applied: 'no' });
}

async function lockFile(name: string, path: string, call: Call): Promise<Lock> {
  try {
    // Beside the file itself, so that those who reach it through a link meet those who do not.
    const lockPath = `${realpathSync(path)}.lock`;
    // Another host's is never taken for left behind: one that slept and then wrote what it had read would undo removals.
    return (await lock(lockPath, { ms: LOCK_PATIENCE_MS, signal: call.signal })) ?? (await refuseHeld(name, lockPath));
  } catch (error) {
    if (isProviderError(error)) throw error;
    stopIfAborted(name, call);
    throw fileError(name, path, error);
  }
}

async function refuseHeld(name: string, lockPath: string): Promise<never> {
  throw new ProviderError(name, 'unavailable', `${await holderOf(lockPath)} has kept ${lockPath} for ${LOCK_PATIENCE_MS / 1000} s`, {
    applied: 'no',
    next: `where that is no oncall, delete ${lockPath}`,
  });
}
