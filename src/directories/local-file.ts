/** The file behind the `local` directory: read whole, checked, and replaced in one step. */

import { randomUUID } from 'node:crypto';
// Not node:fs/promises: it brings node:stream along, a tenth of a command's start, and the file is small.
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { ProviderError, type ProviderFault } from '../errors.ts';
import { jsonFault } from './json-fault.ts';

/** Keys that are not ours stay in the file. */
export type LocalFile = { readonly users: string[]; readonly groups: Record<string, string[]> };

export async function readLocalFile(name: string, path: string): Promise<LocalFile> {
  const text = attempt(name, path, () => readFileSync(path, 'utf8'));
  const fault = jsonFault(text);
  if (fault) throw malformed(name, `${path}:${fault.line}:${fault.column}: ${fault.what}`);
  const content: unknown = JSON.parse(text);
  const problem = shapeProblem(content);
  if (problem) throw malformed(name, `${path}: ${problem}`);
  return content as LocalFile;
}

/** `beforeWrite` runs right before the one step that replaces the file; until then, and where that step fails, the old file stands untouched. */
export async function writeLocalFile(name: string, path: string, content: LocalFile, beforeWrite: () => void): Promise<void> {
  const target = attempt(name, path, () => realpathSync(path));
  const draft = `${target}.${randomUUID()}.tmp`;
  try {
    attempt(name, path, () => writeDraft(draft, `${JSON.stringify(content, null, 2)}\n`, statSync(target)));
    beforeWrite();
    attempt(name, path, () => renameSync(draft, target));
  } catch (error) {
    quietly(() => unlinkSync(draft));
    throw error;
  }
  syncFolder(dirname(target));
}

function attempt<T>(name: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fileError(name, path, error);
  }
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // Best effort.
  }
}

function writeDraft(draft: string, text: string, like: { mode: number; uid: number; gid: number }): void {
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(file, text);
    giveAway(file, like);
    // After chown, which clears bits of the mode.
    fchmodSync(file, like.mode & 0o7777);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A sweep run by root must not take the file from its owner; who is not root cannot give it away, and need not. */
function giveAway(file: number, like: { uid: number; gid: number }): void {
  const mine = fstatSync(file);
  if (mine.uid !== like.uid || mine.gid !== like.gid) quietly(() => fchownSync(file, like.uid, like.gid));
}

/** Makes the rename outlast a power cut, where the file system can do that at all. */
function syncFolder(folder: string): void {
  quietly(() => {
    const handle = openSync(folder, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  });
}

function shapeProblem(content: unknown): string | undefined {
  if (!isRecord(content)) return 'the file should hold { "users": […], "groups": { … } }';
  if (!isListOfText(content.users)) return '"users" should be a list of e-mail addresses';
  if (!isRecord(content.groups)) return '"groups" should be an object of lists';
  const odd = Object.entries(content.groups).find(([, members]) => !isListOfText(members));
  return odd && `group ${JSON.stringify(odd[0])} should be a list of e-mail addresses`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOfText(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function malformed(name: string, message: string): ProviderError {
  return new ProviderError(name, 'malformed', message, { applied: 'no', next: 'correct the file; oncall has not changed it' });
}

const faults: Readonly<Record<string, readonly [ProviderFault, string]>> = {
  ENOENT: ['not-found', 'create it: { "users": ["you@example.com"], "groups": { "db-admins": [] } }'],
  EISDIR: ['refused', 'name a file there, not a folder'],
  EACCES: ['refused', 'let this user read and write the file and its folder'],
  EPERM: ['refused', 'let this user read and write the file and its folder'],
  EROFS: ['refused', 'move the file to a file system that can be written'],
  ENOSPC: ['unavailable', 'free some space'],
  EDQUOT: ['unavailable', 'free some space'],
  EFBIG: ['unavailable', 'raise the limit on the size of files'],
};

const words: Readonly<Record<string, string>> = {
  EISDIR: 'it is a folder',
  EACCES: 'this user may not (EACCES)',
  EPERM: 'this user may not (EPERM)',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full (ENOSPC)',
  EDQUOT: "this user's share of the disk is used up",
};

/** Nothing of what can fail comes after the file was replaced, so none of it was applied. */
export function fileError(name: string, path: string, error: unknown): ProviderError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const [fault, next] = faults[code] ?? (['unavailable', undefined] as const);
  const message = code === 'ENOENT' ? `there is no file ${path}` : `cannot use ${path}: ${words[code] ?? (code || String(error))}`;
  return new ProviderError(name, fault, message, { applied: 'no', cause: error, ...(next && { next }) });
}
