/** Programs of a test's own for the roster `command`, each in a folder of its own. */

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect } from 'vitest';
import { z } from 'zod/mini';
import command from '../../src/rosters/command.ts';
import type { Roster } from '../../src/rosters/roster.ts';

export const root = realpathSync(mkdtempSync(join(tmpdir(), 'oncall-command-')));
afterAll(() => rmSync(root, { recursive: true, force: true }));
export const at = Date.parse('2026-11-15T12:00:00Z');

export const open = (settings: object, baseDir: string): Promise<Roster> =>
  command.open(z.parse(command.settings, { timeout: '30s', ...settings }), {
    name: 'ours',
    now: () => at,
    log: () => {},
    onServerDate: () => {},
    baseDir,
  });

export function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let own: string;
let serial = 0;
beforeEach(() => {
  own = join(root, `test-${++serial}`);
  mkdirSync(own, { mode: 0o755 });
});
export const file = (name: string): string => join(own, name);
export const folder = (): string => own;
export const script = (text: string, name = 'program'): string => {
  writeFileSync(file(name), `#!/bin/sh\n${text}\n`);
  chmodSync(file(name), 0o755);
  return file(name);
};
export const roster = (text: string, settings: object = {}): Promise<Roster> => open({ run: [script(text)], ...settings }, own);
export const print = (document: unknown): string =>
  `cat <<'EOF'\n${typeof document === 'string' ? document : JSON.stringify(document)}\nEOF`;
export const ask = async (text: string, settings: object = {}, levels: number[] = []) =>
  (await roster(text, settings)).onCall({ schedule: 'primary', levels }, at, {});
export const maria = { user: 'Maria@acme.dev', schedule: 'primary', start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z', level: 1 };
export const nobody = print({ schema: 1, shifts: [] });
export const anIncident = { ref: 'INC-42', live: true, severities: [], services: [], assigned: [] };

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // Whom nobody has waited for is over all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
/** Of what the program wrote its number into. */
export const pidIn = (name: string): number => Number(readFileSync(file(name), 'utf8'));
export const gone = (name: string) => expect.poll(() => isRunning(pidIn(name)), { timeout: 15_000 }).toBe(false);
export const there = (name: string) =>
  expect.poll(() => existsSync(file(name)) && readFileSync(file(name), 'utf8').endsWith('\n'), { timeout: 15_000 }).toBe(true);
