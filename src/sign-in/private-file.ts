/** Small files that only their owner may read: 0600 in a 0700 folder, opened without following links, replaced by renaming. */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { OncallError } from '../errors.ts';

const MAX_BYTES = 256 * 1024;

/** `undefined` where there is no such file. Throws where somebody else could have read or written it. */
export function readPrivate(folder: string, name: string, uid: number | undefined = process.geteuid?.()): string | undefined {
  const path = join(folder, name);
  if (!isThere(folder)) return undefined;
  requireFolder(folder, uid);
  const descriptor = open(path);
  if (descriptor === undefined) return undefined;
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw loose(path, 'is not a regular file', `rm -r ${quoted(path)}`);
    requireOwner(path, stats, 0o600, uid);
    if (stats.size > MAX_BYTES) throw loose(path, `is larger than ${MAX_BYTES} bytes`, `rm ${quoted(path)}`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

export function writePrivate(folder: string, name: string, text: string, uid: number | undefined = process.geteuid?.()): void {
  makeFolder(folder, uid);
  const path = join(folder, name);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    try {
      writeFileSync(descriptor, text);
      // Else a power cut may leave an empty file where the only copy of a rotated refresh token should be.
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** A link is removed itself, not what it leads to. */
export function removePrivate(folder: string, name: string): void {
  rmSync(join(folder, name), { force: true });
}

/** Up to the folder where programs keep their configuration, but no home: a home that does not exist is not to be made. */
export function makeFolder(folder: string, uid: number | undefined = process.geteuid?.()): void {
  for (const missing of [dirname(dirname(folder)), dirname(folder), folder]) {
    // Another process may make it at the same moment.
    if (!isThere(missing)) mkdirIfMissing(missing);
  }
  requireFolder(folder, uid);
}

function mkdirIfMissing(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** NONBLOCK: opening a FIFO must not wait for a writer. */
function open(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP' || code === 'EMLINK') throw loose(path, 'is a link', `rm ${quoted(path)}`);
    throw loose(path, `cannot be opened (${code ?? 'no reason given'})`, `rm -r ${quoted(path)}`);
  }
}

function requireFolder(folder: string, uid: number | undefined): void {
  const stats = lstatSync(folder);
  if (!stats.isDirectory()) throw loose(folder, stats.isSymbolicLink() ? 'is a link' : 'is not a folder', `rm ${quoted(folder)}`);
  requireOwner(folder, stats, 0o700, uid);
}

function requireOwner(path: string, stats: Stats, mode: number, uid: number | undefined): void {
  if (uid === undefined) return;
  if (stats.uid !== uid) throw loose(path, `belongs to user ${stats.uid}, not to you (${uid})`, `chown ${uid} ${quoted(path)}`);
  if ((stats.mode & 0o077) !== 0) {
    const found = (stats.mode & 0o7777).toString(8).padStart(4, '0');
    throw loose(path, `has mode ${found}, so others may get at it`, `chmod ${mode.toString(8)} ${quoted(path)}`);
  }
}

function loose(path: string, because: string, mend: string): OncallError {
  return new OncallError('token-file-loose', `the sign-in kept in ${path} is not used`, {
    exit: 4,
    why: `${path} ${because}`,
    next: `${mend}; then, to be sure that nobody else uses it: oncall logout, oncall login`,
  });
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

const quoted = (path: string): string => (/^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);
