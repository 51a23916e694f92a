/** `oncall serve` as a real process of the built bundle. */

import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Reply, send } from '../broker/world.ts';

const bin = resolve(import.meta.dirname, '../../bin/oncall.js');
const clock = resolve(import.meta.dirname, 'clock.cjs');

export type BrokerProcess = {
  readonly port: number;
  /** Everything on stderr so far. */
  log(): string;
  out(): string;
  /** `POST /v1/<operation>`; who calls is the value of its Authorization. */
  call(authorization: string, operation: string, input?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  get(path: string): Promise<Reply>;
  /** Until its log has that. */
  logged(pattern: RegExp): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
};

export type BrokerOptions = {
  /** With the policy, `oncall.yaml`; its home as well. */
  readonly folder: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly aheadMs?: number;
  /** As clients write it. */
  readonly origin?: string;
  /** The certificate that clients trust; then by TLS. */
  readonly ca?: string;
};

export const patienceMs = 15_000;

export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(20)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`waited in vain: ${what}`);
}

/** Listens on a port of the system's choice; it is reached under `origin` all the same. */
export async function startBrokerProcess(options: BrokerOptions): Promise<BrokerProcess> {
  const { folder, args = [], origin = 'http://127.0.0.1:1', ca, aheadMs } = options;
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    TZ: 'UTC',
    ONCALL_POLICY: join(folder, 'oncall.yaml'),
    ...(aheadMs === undefined ? {} : { NODE_OPTIONS: `--require ${clock}`, CLOCK_AHEAD_MS: String(aheadMs) }),
    ...options.env,
  };
  const argv = [bin, 'serve', '--listen', '127.0.0.1:0', '--url', origin, '--sweep-every', '1s', ...args];
  const child = spawn(process.execPath, argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  let isOver = false;
  const ended = new Promise<number | NodeJS.Signals>((done) => {
    child.on('close', (code, signal) => {
      isOver = true;
      done(code ?? signal ?? -1);
    });
  });
  const listening = until('a broker that listens', () => {
    if (isOver) throw new Error(`it ended before it listened:\n${err}`);
    const found = /listens"?: *"?\S*:(\d+) /.exec(err)?.[1];
    return found === undefined ? undefined : Number(found);
  });
  const port = await listening.catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  const headers = { host: new URL(origin).host, 'content-type': 'application/json' };
  const tls = ca === undefined ? {} : { ca };
  return {
    port,
    log: () => err,
    out: () => out,
    call: (authorization, operation, input = {}, more = {}) =>
      send(port, {
        method: 'POST',
        path: `/v1/${operation}`,
        headers: { ...headers, authorization, ...more },
        body: JSON.stringify(input),
        ...tls,
      }),
    get: (path) => send(port, { path, headers, ...tls }),
    logged: async (pattern) => void (await until(`${pattern} in\n${err}`, () => pattern.test(err) || undefined)),
    signal: (name) => void child.kill(name),
    ended,
  };
}
