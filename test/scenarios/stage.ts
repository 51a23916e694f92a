/** A company in a folder of its own, and the doors into the whole tool: `main()` in this process, the built bundle as a real one, and (in through-broker.ts) a broker. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { main } from '../../src/cli.ts';
import { fakeIo } from '../fakes/io.ts';

export type Run = { readonly exit: number; readonly out: string; readonly err: string };
export type Json = Readonly<Record<string, unknown>>;

export type Stage = {
  readonly folder: string;
  run(user: string, ...args: readonly string[]): Promise<Run>;
  /** Runs, and shows what is on stderr so far until `watch` has done with it. */
  runWatched(user: string, args: readonly string[], watch: (shown: string) => Promise<boolean>): Promise<Run>;
  /** Runs with `--json` and gives the one document with the exit code. */
  json(user: string, ...args: readonly string[]): Promise<{ readonly exit: number; readonly document: Json }>;
  /** Lets time go by, without waiting for it. */
  pass(ms: number): Promise<void>;
  /** The time it is for whoever runs here. */
  now(): number;
  write(name: string, text: string): void;
  read(name: string): string;
  remove(): void;
  /** What a command of this user has around it: for tests that start one themselves. */
  env(user: string): Readonly<Record<string, string>>;
};

export type Door = 'main()' | 'the built bundle' | 'a broker on SQLite' | 'a broker on PostgreSQL';
/** Where what is typed holds everything itself. */
export const doors: readonly Door[] = ['main()', 'the built bundle'];

const bin = resolve(import.meta.dirname, '../../bin/oncall.js');
export const clock = resolve(import.meta.dirname, '../fakes/clock.cjs');

type Shown = (text: string) => void;

export const spawnCli = (args: readonly string[], env: NodeJS.ProcessEnv, cwd: string, onErr: Shown = () => undefined): Promise<Run> =>
  new Promise((done, fail) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
      onErr(err);
    });
    child.on('error', fail);
    child.on('close', (code) => done({ exit: code ?? -1, out, err }));
  });

export function newFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-stage-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  return folder;
}

/** The doors without a broker. `signedIn`: the folder of settings in which a user's sign-in is kept; else nobody has one. */
export function stage(
  door: Door,
  files: Readonly<Record<string, string>>,
  extraEnv: Readonly<Record<string, string>> = {},
  signedIn: (user: string) => string | undefined = () => undefined,
): Stage {
  const folder = newFolder(files);
  let ahead = 0;
  const now = (): number => Date.now() + ahead;
  // An SDK reads its credentials from the process's own variables, whatever `main` is given.
  if (door === 'main()') Object.assign(process.env, extraEnv);
  const settings = (user: string): Record<string, string> => {
    const path = signedIn(user);
    return path === undefined ? {} : { XDG_CONFIG_HOME: path };
  };
  const env = (user: string): Record<string, string> => ({
    PATH: process.env.PATH ?? '',
    HOME: folder,
    XDG_CACHE_HOME: join(folder, 'cache'),
    TZ: 'UTC',
    ONCALL_POLICY: join(folder, 'oncall.yaml'),
    ONCALL_USER: user.includes('@') ? user : `${user}@acme.dev`,
    ...settings(user),
    ...extraEnv,
  });
  const runShowing: RunShowing = async (user, args, onErr) => {
    const shifted = ahead === 0 ? {} : { NODE_OPTIONS: `--require ${clock}`, CLOCK_AHEAD_MS: String(ahead) };
    if (door === 'the built bundle') return spawnCli(args, { ...env(user), ...shifted }, folder, onErr);
    const io = fakeIo();
    const stderr = {
      ...io.stderr,
      write: (text: string): void => {
        io.stderr.write(text);
        onErr?.(io.err());
      },
    };
    const exit = await main(args, env(user), {
      ...io,
      stderr,
      now,
      cwd: folder,
      sleep: async (ms) => void (await sleep(Math.min(ms, 20))),
    });
    return { exit, out: io.out(), err: io.err() };
  };
  return {
    ...typing(runShowing),
    ...filesIn(folder),
    pass: async (ms) => {
      ahead += ms;
    },
    now,
    env,
  };
}

type RunShowing = (user: string, args: readonly string[], onErr?: Shown) => Promise<Run>;

export function typing(runShowing: RunShowing): Pick<Stage, 'run' | 'runWatched' | 'json'> {
  const run: Stage['run'] = (user, ...args) => runShowing(user, args);
  return {
    run,
    runWatched: (user, args, watch) => {
      let looking = Promise.resolve(false);
      return runShowing(user, args, (shown) => {
        looking = looking.then((enough) => enough || watch(shown));
      });
    },
    json: async (user, ...args) => {
      const { exit, out, err } = await run(user, ...args, '--json');
      try {
        return { exit, document: JSON.parse(out) as Json };
      } catch {
        throw new Error(`no one JSON document on stdout (exit ${exit}):\n${out}\n${err}`);
      }
    },
  };
}

export const filesIn = (folder: string): Pick<Stage, 'folder' | 'write' | 'read' | 'remove'> => ({
  folder,
  write: (name, text) => writeFileSync(join(folder, name), text, { mode: 0o600 }),
  read: (name) => readFileSync(join(folder, name), 'utf8'),
  remove: () => rmSync(folder, { recursive: true, force: true }),
});

const iso = (ms: number): string => new Date(ms).toISOString();

/** maria is on call from an hour ago until `shiftEndsInMs` from now. */
export const schedule = (shiftEndsInMs = 6 * 3_600_000): string => `schedules:
  db-primary:
    - { user: maria@acme.dev, start: ${iso(Date.now() - 3_600_000)}, end: ${iso(Date.now() + shiftEndsInMs)}, level: 1 }
incidents:
  INC-42: { status: live, severity: major, assigned: [sam@acme.dev], openedBy: ana@acme.dev, assignedBy: ana@acme.dev }
`;
