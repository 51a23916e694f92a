/** A `local` directory in a temporary folder, with its file in reach. */

import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Directory } from '../../src/directories/directory.ts';
import local from '../../src/directories/local.ts';
import type { DirectoryWorld } from '../contracts/directory-world.ts';

export type Content = { users: string[]; groups: Record<string, string[]> } & Record<string, unknown>;

/** Whom nobody has given anything. Only root can become somebody else, and only root needs to, as modes do not bind root. */
const nobody = 65534;

export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'oncall-local-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function openLocal(folder: string, path = 'groups.json'): Promise<Directory> {
  return local.open({ path }, { name: 'here', now: Date.now, log: () => undefined, onServerDate: () => undefined, baseDir: folder });
}

export function readContent(file: string): Content {
  return JSON.parse(readFileSync(file, 'utf8')) as Content;
}

/** The way a person does it: in place, without the lock. */
export function editContent(file: string, edit: (content: Content) => void): void {
  const content = readContent(file);
  edit(content);
  writeFileSync(file, JSON.stringify(content));
}

export function readOnly(folder: string, file: string): () => void {
  chmodSync(file, 0o444);
  chmodSync(folder, 0o555);
  if (process.getuid?.() !== 0) return () => chmodSync(folder, 0o755);
  chownSync(folder, nobody, nobody);
  process.seteuid?.(nobody);
  return () => process.seteuid?.(0);
}

export async function localWorld(): Promise<DirectoryWorld> {
  const folder = temporaryFolder();
  const arrange = (file: string) => {
    writeFileSync(file, '{ "users": [], "groups": {} }');
    return {
      addUser: async (user: string) => editContent(file, (content) => content.users.push(user)),
      addGroup: async (group: string) =>
        editContent(file, (content) => {
          content.groups[group] = [];
        }),
      join: async (user: string, group: string) => editContent(file, (content) => content.groups[group]?.push(user)),
      isMember: async (user: string, group: string) => readContent(file).groups[group]?.includes(user) ?? false,
    };
  };
  const file = join(folder.path, 'groups.json');
  const here = arrange(file);
  const without = (list: string[], gone: string) => list.filter((item) => item !== gone);
  let writes = 0;
  let inode = statSync(file).ino;
  let makeWritable = () => {};
  return {
    ...here,
    directory: await openLocal(folder.path),
    elsewhere: { directory: await openLocal(folder.path, 'other.json'), ...arrange(join(folder.path, 'other.json')) },
    passTime: () => undefined,
    // A write replaces the file, so that each makes another inode; people (`editContent`) write in place.
    writes: async () => {
      const now = statSync(file).ino;
      if (now !== inode) writes++;
      inode = now;
      return writes;
    },
    denyWrites: async () => {
      makeWritable = readOnly(folder.path, file);
    },
    leave: async (user, group) =>
      editContent(file, (content) => {
        content.groups[group] = without(content.groups[group] ?? [], user);
      }),
    removeUser: async (user) =>
      editContent(file, (content) => {
        content.users = without(content.users, user);
        for (const group of Object.keys(content.groups)) content.groups[group] = without(content.groups[group] ?? [], user);
      }),
    removeGroup: async (group) =>
      editContent(file, (content) => {
        delete content.groups[group];
      }),
    twin: async (user) => editContent(file, (content) => content.users.push(user.toUpperCase())),
    close: async () => {
      makeWritable();
      folder.remove();
    },
  };
}
