/** A lock between processes: a file beside the one it guards, which dies with its holder. */

import { randomUUID } from 'node:crypto';
// Not node:fs/promises: it brings node:stream along, a tenth of a command's start, and these files are small.
import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

type Holder = { readonly host: string; readonly pid: number; readonly started: string; readonly token: string };

export type Lock = { readonly release: () => Promise<void> };

/** Waits until the lock is ours. `undefined`: somebody still held it after `patienceMs`. Rejects with the signal's reason, or with the file system's error. */
export async function lock(path: string, patienceMs: number, signal?: AbortSignal): Promise<Lock | undefined> {
  const me: Holder = { host: hostname(), pid: process.pid, started: (await stat(process.pid))?.started ?? '', token: randomUUID() };
  const ticket = `${path}.${me.token}`;
  const triesUntil = performance.now() + patienceMs;
  // Written whole before it is linked into place, so that nobody ever reads half of a lock.
  writeFileSync(ticket, JSON.stringify(me), { flag: 'wx' });
  try {
    while (!(await take(path, ticket))) {
      signal?.throwIfAborted();
      if (performance.now() > triesUntil) return undefined;
      await sleep(3 + Math.random() * 12);
    }
  } finally {
    discard(ticket);
  }
  return { release: async () => discard(path) };
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

async function take(path: string, ticket: string): Promise<boolean> {
  try {
    linkSync(ticket, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = await read(path);
  if (holder !== undefined && (await isDead(holder))) await clear(path, holder, ticket);
  return false;
}

/**
 * Removes what a dead process left. Two that find the same remains must not both remove "it", or the second removes the lock of a third:
 * so only who holds the lock named after those very remains may, and only while they are still what lies there.
 */
async function clear(path: string, dead: Holder, ticket: string): Promise<void> {
  const right = `${path}.${dead.token}.dead`;
  if (!(await take(right, ticket))) return;
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

/** On another host (or in another container) a process id means nothing: such a holder counts as alive. */
async function isDead(holder: Holder): Promise<boolean> {
  if (holder.host !== hostname()) return false;
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
