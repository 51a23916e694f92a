/** A lock between processes: a file beside the one it guards, which dies with its holder. */

import { randomUUID } from 'node:crypto';
// Not node:fs/promises: it brings node:stream along, a tenth of a command's start, and these files are small.
import { linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

type Holder = { readonly host: string; readonly pid: number; readonly started: string; readonly token: string };

export type Lock = { readonly release: () => Promise<void> };

export type Patience = {
  readonly ms: number;
  /**
   * How old the lock of another host (or of this one under an earlier name) is when it counts as left behind. Only where a holder that lives on
   * all the same does no harm that lasts; left out: never.
   */
  readonly foreignMs?: number;
  readonly signal?: AbortSignal | undefined;
};

/** Waits until the lock is ours. `undefined`: somebody still held it after `ms`. Rejects with the signal's reason, or with the file system's error. */
export async function lock(path: string, { ms, foreignMs = Number.POSITIVE_INFINITY, signal }: Patience): Promise<Lock | undefined> {
  const me: Holder = { host: hostname(), pid: process.pid, started: (await stat(process.pid))?.started ?? '', token: randomUUID() };
  const ticket = `${path}.${me.token}`;
  const from = performance.now();
  // Written whole before it is linked into place, so that nobody ever reads half of a lock.
  writeFileSync(ticket, JSON.stringify(me), { flag: 'wx' });
  // By the file system's own clock, which has dated both: the clocks of two hosts may differ.
  const written = statSync(ticket).mtimeMs;
  const isLeft = (file: string): boolean => written + performance.now() - from - modified(file) > foreignMs;
  try {
    while (!(await take(path, ticket, isLeft))) {
      signal?.throwIfAborted();
      if (performance.now() - from > ms) return undefined;
      await sleep(3 + Math.random() * 12);
    }
  } finally {
    discard(ticket);
  }
  return {
    release: async () => {
      // Taken for left behind, it may be somebody else's by now.
      if ((await read(path).catch(() => undefined))?.token === me.token) discard(path);
    },
  };
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
}

function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}

/** Who holds it, for people. */
export async function holderOf(path: string): Promise<string> {
  const holder = await read(path);
  return holder === undefined ? 'nobody' : `process ${holder.pid} on ${holder.host}`;
}

type IsLeft = (path: string) => boolean;

async function take(path: string, ticket: string, isLeft: IsLeft): Promise<boolean> {
  try {
    linkSync(ticket, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = await read(path);
  if (holder !== undefined && (await isDead(holder, () => isLeft(path)))) await clear(path, holder, ticket, isLeft);
  return false;
}

/**
 * Removes what a dead process left. Two that find the same remains must not both remove "it", or the second removes the lock of a third:
 * so only who holds the lock named after those very remains may, and only while they are still what lies there.
 */
async function clear(path: string, dead: Holder, ticket: string, isLeft: IsLeft): Promise<void> {
  const right = `${path}.${dead.token}.dead`;
  if (!(await take(right, ticket, isLeft))) return;
  try {
    if ((await read(path))?.token === dead.token) unlinkSync(path);
  } finally {
    unlinkSync(right);
  }
}

async function read(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** On another host (or in another container) a process id means nothing: such a holder counts as alive, until its lock is left behind. */
async function isDead(holder: Holder, isLeft: () => boolean): Promise<boolean> {
  if (holder.host !== hostname()) return isLeft();
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
  }
  const now = await stat(holder.pid);
  if (now === undefined) return false;
  return now.state === 'Z' || now.state === 'X' || (holder.started !== '' && holder.started !== now.started);
}

/** Tells a process from its corpse, and from a later one that was given the same id. Known on Linux only (the fields after the name, which may hold anything). */
async function stat(pid: number): Promise<{ state: string | undefined; started: string | undefined } | undefined> {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], started: fields[19] };
  } catch {
    return undefined;
  }
}
