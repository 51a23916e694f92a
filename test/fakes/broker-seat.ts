/** A real broker: `oncall serve` as the built program runs it, over TLS by a certificate that only a test trusts, on a port that stays the same. */

import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { type Certificate, makeCertificate } from './certificate.ts';

const bin = resolve(import.meta.dirname, '../../bin/oncall.js');
const clock = resolve(import.meta.dirname, 'clock.cjs');

/** Where a broker is reached, whichever process it is just then: tokens are got for an origin. */
export type BrokerSeat = {
  readonly origin: string;
  readonly port: number;
  readonly certificate: Certificate;
  /** For `NODE_EXTRA_CA_CERTS` of its clients. */
  readonly caFile: string;
  readonly keyFile: string;
};

export async function brokerSeat(folder: string): Promise<BrokerSeat> {
  const certificate = makeCertificate(['localhost']);
  const [caFile, keyFile] = [join(folder, 'broker-cert.pem'), join(folder, 'broker-key.pem')];
  writeFileSync(caFile, certificate.cert, { mode: 0o644 });
  writeFileSync(keyFile, certificate.key, { mode: 0o600 });
  const port = await freePort();
  return { origin: `https://localhost:${port}`, port, certificate, caFile, keyFile };
}

export type Broker = {
  readonly pid: number;
  /** What it has said so far. */
  log(): string;
  /** Resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<{ readonly exit: number | null; readonly signal: string | null }>;
  readonly ended: Promise<unknown>;
  /** From now on its clock is so much ahead. */
  setAhead(ms: number): void;
};

export type BrokerOptions = {
  readonly seat: BrokerSeat;
  /** Has the policy, and is the broker's home. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly sweepEvery?: string;
  /** Loaded before the program. */
  readonly requires?: readonly string[];
  readonly aheadMs?: number;
};

/** Resolves when it serves; throws with what it said where it does not. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { seat, folder, env = {}, sweepEvery = 'off', requires = [], aheadMs = 0 } = options;
  const aheadFile = join(folder, `ahead-${seat.port}`);
  const setAhead = (ms: number): void => {
    // At once, as it is read at every look at the clock.
    writeFileSync(`${aheadFile}.new`, String(ms));
    renameSync(`${aheadFile}.new`, aheadFile);
  };
  setAhead(aheadMs);
  const child = spawn(
    process.execPath,
    [
      ...[clock, ...requires].flatMap((file) => ['--require', file]),
      ...[bin, 'serve', '--listen', `127.0.0.1:${seat.port}`, '--url', seat.origin],
      ...['--tls-cert', seat.caFile, '--tls-key', seat.keyFile, '--sweep-every', sweepEvery, '--verbose'],
    ],
    {
      cwd: folder,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: folder,
        TZ: 'UTC',
        ONCALL_POLICY: join(folder, 'oncall.yaml'),
        CLOCK_AHEAD_FILE: aheadFile,
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  const ended = new Promise<{ exit: number | null; signal: string | null }>((done) => {
    child.once('close', (exit, signal) => {
      process.removeListener('exit', kill);
      done({ exit, signal });
    });
  });
  await untilServing(
    child,
    () => said,
    (text) => (said += text),
  );
  return {
    pid: child.pid ?? 0,
    log: () => said,
    end: async (signal) => {
      child.kill(signal);
      return ended;
    },
    ended,
    setAhead,
  };
}

function untilServing(child: ChildProcess, said: () => string, say: (text: string) => void): Promise<void> {
  return new Promise((ready, failed) => {
    child.stderr?.on('data', (chunk) => {
      say(String(chunk));
      if (said().includes(' serves https://')) ready();
    });
    child.once('error', failed);
    child.once('close', () => failed(new Error(`the broker did not start: ${said()}`)));
  });
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
