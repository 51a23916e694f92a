/** Whether anybody but root and the running user could change what a path leads to: asked of the file, of every folder above it and of every link on the way. */

import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join, resolve, sep } from 'node:path';

export type TrustFault = { readonly path: string; readonly because: string; readonly mend: string };
export type Judged = { readonly real: string; readonly stats: Stats; readonly faults: readonly TrustFault[] };

const STICKY = 0o1000;
const MAX_LINKS = 40;

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

export const quoted = (path: string): string => (/^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);

function judge(path: string, stats: Stats, uid: number): TrustFault | undefined {
  if (stats.uid !== 0 && stats.uid !== uid) {
    return {
      path,
      because: `${path} belongs to user ${stats.uid}, who is neither root nor the user running this (${uid})`,
      mend: `chown ${uid} ${quoted(path)}`,
    };
  }
  // A link has no mode of its own, and in a sticky folder only an entry's owner can replace it; every entry is judged here.
  const harmless = stats.isSymbolicLink() || (stats.isDirectory() && (stats.mode & STICKY) !== 0);
  if (harmless || (stats.mode & 0o022) === 0) return undefined;
  return {
    path,
    because: `others may write to ${path} (mode ${octal(stats.mode)})`,
    mend: `chmod go-w ${quoted(path)}`,
  };
}

/** Where a path leads and what is not to be trusted on the way, the last component left out. Throws what `lstat` throws. */
function walk(path: string, uid: number | undefined): { real: string; last: Stats; faults: TrustFault[] } {
  const faults: TrustFault[] = [];
  const see = (seen: string, stats: Stats): void => {
    const fault = uid === undefined ? undefined : judge(seen, stats, uid);
    if (fault !== undefined && !faults.some((known) => known.path === fault.path)) faults.push(fault);
  };
  let left = parts(resolve(path));
  let real: string = sep;
  let last = lstatSync(real);
  for (let links = 0; left.length > 0; ) {
    see(real, last);
    const [name = '', ...rest] = left;
    const entry = join(real, name);
    const stats = lstatSync(entry);
    if (!stats.isSymbolicLink()) {
      [real, last, left] = [entry, stats, rest];
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw Object.assign(new Error(`too many links on the way to ${path}`), { code: 'ELOOP' });
    see(entry, stats);
    left = parts(resolve(real, readlinkSync(entry))).concat(rest);
    [real, last] = [sep, lstatSync(sep)];
  }
  return { real, last, faults };
}

const parts = (path: string): string[] => path.split(sep).filter((part) => part !== '');

/** Where a path leads, and the faults of what is there and of everything above it. Throws what `lstat` throws. */
export function judged(path: string, uid: number | undefined = process.geteuid?.()): Judged {
  const { real, last, faults } = walk(path, uid);
  const own = uid === undefined ? undefined : judge(real, last, uid);
  return { real, stats: last, faults: own === undefined ? faults : [...faults, own] };
}

/** Faults of a folder and everything above it. */
export const folderFaults = (path: string, uid?: number): readonly TrustFault[] => judged(path, uid).faults;

export type Reading = { readonly real: string; readonly bytes: Buffer; readonly faults: readonly TrustFault[] };

/** Reads a regular file once; what is judged is the descriptor that is read, not a name that could lead elsewhere a moment later. */
export function readJudged(path: string, maxBytes: number, uid: number | undefined = process.geteuid?.()): Reading {
  const { real, faults } = walk(path, uid);
  // NONBLOCK: opening a FIFO must not wait for a writer.
  const descriptor = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw Object.assign(new Error(`${path} is not a regular file`), { code: 'EISDIR' });
    if (stats.size > maxBytes) throw Object.assign(new Error(`${path} is larger than ${maxBytes} bytes`), { code: 'EFBIG' });
    const own = uid === undefined ? undefined : judge(real, stats, uid);
    return { real, bytes: readFileSync(descriptor), faults: own === undefined ? faults : [...faults, own] };
  } finally {
    closeSync(descriptor);
  }
}
