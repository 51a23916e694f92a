/** Okta as a world: the fake behind a fault proxy, and an administrator who acts behind the adapter's back. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import okta from '../../src/directories/okta.ts';
import type { DirectoryWorld } from '../contracts/directory-world.ts';
import type { FaultProxy } from '../fakes/fault-proxy.ts';
import type { FakeOkta } from '../fakes/okta.ts';

export type Opened = { readonly directory: Directory; readonly dates: number[]; readonly logged: string[]; passTime(ms?: number): void };

export const baseDir = mkdtempSync(join(tmpdir(), 'oncall-okta-'));
// Of the test file that imports this; a worker of the test runner does not live to see 'exit'.
afterAll(() => rmSync(baseDir, { recursive: true, force: true }));

/** As a policy names secrets: in a file that only its owner may read. */
export function secretFile(name: string, text: string): { readonly file: string } {
  writeFileSync(join(baseDir, name), text, { mode: 0o600 });
  return { file: name };
}

export async function openOkta(settings: Record<string, unknown>, name = 'okta'): Promise<Opened> {
  const dates: number[] = [];
  const logged: string[] = [];
  let now = 1_800_000_000_000;
  const directory = await okta.open(okta.settings.parse(settings), {
    name,
    now: () => now,
    log: (line) => logged.push(line),
    onServerDate: (ms) => dates.push(ms),
    baseDir,
  });
  return {
    directory,
    dates,
    logged,
    passTime: (ms = 61_000) => {
      now += ms;
    },
  };
}

export function administrator(okta: FakeOkta) {
  return {
    addUser: async (login: string) => void okta.addUser(login),
    addGroup: async (name: string) => void okta.addGroup(name),
    join: async (login: string, group: string) => void okta.named(group).members.add(okta.known(login).id),
    leave: async (login: string, group: string) => void okta.named(group).members.delete(okta.known(login).id),
    isMember: async (login: string, group: string) => okta.named(group).members.has(okta.known(login).id),
    removeUser: async (login: string) => okta.removeUser(login),
    removeGroup: async (group: string) => void okta.groups.delete(okta.named(group).id),
    renameUser: async (from: string, to: string) => {
      okta.known(from).login = to;
    },
    renameGroup: async (from: string, to: string) => {
      okta.named(from).name = to;
    },
  };
}

export async function oktaWorld(here: FakeOkta, there: FakeOkta, proxy: FaultProxy): Promise<DirectoryWorld> {
  here.reset();
  there.reset();
  proxy.clear();
  const opened = await openOkta({ orgUrl: proxy.url, token: secretFile('token', here.token) });
  const elsewhere = await openOkta({ orgUrl: there.url, token: secretFile('other-token', there.token) });
  return {
    ...administrator(here),
    directory: opened.directory,
    elsewhere: { directory: elsewhere.directory, ...administrator(there) },
    passTime: () => opened.passTime(),
    writes: async () => proxy.seen.filter(({ action }) => /^(PUT|DELETE|POST) /.test(action)).length,
    denyWrites: async () => {
      here.state.readOnly = true;
    },
    close: async () => undefined,
  };
}
