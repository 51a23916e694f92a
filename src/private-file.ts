/** Small files that only their owner may get at: 0600 in a 0700 folder, opened without following links, replaced by renaming. */

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
import { OncallError } from './errors.ts';

const MAX_BYTES = 256 * 1024;

/** What is thrown where somebody else could get at the file: why, and the command that mends it. */
export type Loose = (path: string, because: string, mend: string) => Error;

/** For people, where there is no place to keep anything. */
export type Kept = {
  /** `a sign-in` */
  readonly what: string;
  /** The variable that names another place. */
  readonly variable: string;
};

export type PrivateFolder = {
  /** `undefined` where there is no such file. Throws `Loose` where somebody else could have read or written it. */
  read(name: string): string | undefined;
  write(name: string, text: string): void;
  /** A link is removed itself, not what it leads to. */
  remove(name: string): void;
  /** Up to the folder where programs keep their own, but no home: a home that does not exist is not to be made. */
  make(): void;
};

export function privateFolder(folder: string, loose: Loose, kept: Kept, uid: number | undefined = process.geteuid?.()): PrivateFolder {
  const make = (): void => {
    for (const missing of [dirname(dirname(folder)), dirname(folder), folder]) makeIfMissing(missing, kept);
    requireFolder(folder, lstatSync(folder), loose, uid);
  };
  return {
    read: (name) => {
      const stats = reached(folder);
      if (stats === undefined) return undefined;
      requireFolder(folder, stats, loose, uid);
      return read(join(folder, name), loose, uid);
    },
    write: (name, text) => {
      make();
      write(join(folder, name), text);
    },
    remove: (name) => rmSync(join(folder, name), { force: true }),
    make,
  };
}

function read(path: string, loose: Loose, uid: number | undefined): string | undefined {
  const descriptor = open(path, loose);
  if (descriptor === undefined) return undefined;
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw loose(path, 'is not a regular file', `rm -r ${quoted(path)}`);
    requireOwner(path, stats, 0o600, loose, uid);
    if (stats.size > MAX_BYTES) throw loose(path, `is larger than ${MAX_BYTES} bytes`, `rm ${quoted(path)}`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

function write(path: string, text: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    try {
      writeFileSync(descriptor, text);
      // Else a power cut may leave an empty file where the only copy should be: of a rotated refresh token, of the head of the ledger.
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

function makeIfMissing(folder: string, kept: Kept): void {
  try {
    if (!isThere(folder)) mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process may make it at the same moment.
    if (code !== 'EEXIST') throw nowhere(folder, code, kept);
  }
}

function nowhere(folder: string, code: string | undefined, { what, variable }: Kept): OncallError {
  const isHomeless = code === 'ENOENT';
  const message = isHomeless ? `there is no home folder ${dirname(folder)} to keep ${what} in` : `${what} cannot be kept in ${folder}`;
  return new OncallError('no-home', message, {
    ...(isHomeless ? {} : { why: `the folder cannot be made or entered (${code ?? 'no reason given'})` }),
    next: `${isHomeless ? 'create it' : 'make it yours to write to'}, or set ${variable} to a folder of yours`,
  });
}

/** NONBLOCK: opening a FIFO must not wait for a writer. */
function open(path: string, loose: Loose): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP' || code === 'EMLINK') throw loose(path, 'is a link', `rm ${quoted(path)}`);
    throw loose(path, `cannot be opened (${code ?? 'no reason given'})`, `rm -r ${quoted(path)}`);
  }
}

function requireFolder(folder: string, stats: Stats, loose: Loose, uid: number | undefined): void {
  if (!stats.isDirectory()) throw loose(folder, stats.isSymbolicLink() ? 'is a link' : 'is not a folder', `rm ${quoted(folder)}`);
  requireOwner(folder, stats, 0o700, loose, uid);
}

function requireOwner(path: string, stats: Stats, mode: number, loose: Loose, uid: number | undefined): void {
  if (uid === undefined) return;
  if (stats.uid !== uid) throw loose(path, `belongs to user ${stats.uid}, not to you (${uid})`, `chown ${uid} ${quoted(path)}`);
  if ((stats.mode & 0o077) !== 0) {
    const found = (stats.mode & 0o7777).toString(8).padStart(4, '0');
    throw loose(path, `has mode ${found}, so others may get at it`, `chmod ${mode.toString(8)} ${quoted(path)}`);
  }
}

/** Nothing of ours is in a home that this user may not enter. */
function reached(folder: string): Stats | undefined {
  try {
    return lstatSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    if (['EACCES', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

const quoted = (path: string): string => (/^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);
