/** A broker's server on a real socket, for tests: real tokens of a real issuer, real operations, a ledger and a directory in memory. */

import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host, RefusedCall } from '../../src/broker/host.ts';
import { serve } from '../../src/broker/server.ts';
import type { Limits, Running, ServerSettings } from '../../src/broker/settings.ts';
import type { RecordedEvent } from '../../src/lifecycle/events.ts';
import type { Actor } from '../../src/lifecycle/types.ts';
import { answersIn } from '../../src/operations/answers.ts';
import { health } from '../../src/operations/health.ts';
import { createOperations } from '../../src/operations/index.ts';
import { recordRefusedCall } from '../../src/operations/refused-call.ts';
import type { Identity } from '../../src/policy/types.ts';
import { insideOf } from '../../src/wiring/serve-inside.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { type World as Company, company } from '../operations/world.ts';
import { type Forge, newForge } from '../sign-in/forged.ts';

export type Reply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string; readonly body: Body };
// biome-ignore lint/suspicious/noExplicitAny: an answer is looked at field by field
type Body = any;

export type Sent = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
  /** Of the certificate that is trusted; then by TLS. */
  readonly ca?: string;
};

export function send(port: number, { method = 'GET', path = '/', headers = {}, body, ca }: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, headers: { ...headers }, agent: false as const };
    const outgoing = ca === undefined ? httpRequest(options) : httpsRequest({ ...options, ca, servername: 'localhost' });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isJson = String(response.headers['content-type']).startsWith('application/json');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined });
      });
    });
    outgoing.end(body);
  });
}

/** Writes these bytes and gives all that came back when the other side has closed, or after a while. */
export function sendRaw(
  port: number,
  bytes: string | Buffer | readonly (string | Buffer)[],
  { forMs = 3_000, half = false, betweenMs = 0 } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const got: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(got).toString('latin1'));
    };
    const timer = setTimeout(done, forMs);
    socket.on('data', (chunk: Buffer) => got.push(chunk));
    socket.once('end', done);
    socket.once('error', done);
    socket.once('close', done);
    void (async () => {
      for (const part of typeof bytes === 'string' || Buffer.isBuffer(bytes) ? [bytes] : bytes) {
        if (socket.destroyed) return;
        socket.write(part);
        if (betweenMs > 0) await new Promise((next) => setTimeout(next, betweenMs));
      }
      if (half) socket.end();
    })();
  });
}

export type BrokerWorld = {
  readonly issuer: Issuer;
  readonly forge: Forge;
  readonly company: Company;
  readonly host: Host;
  readonly running: Running;
  readonly port: number;
  readonly logged: string[];
  /** What tests change while it runs. */
  readonly knobs: { identities: readonly Identity[]; blocked: string[]; refused: RefusedCall[] };
  /** A good token of that person. */
  token(name: string): string;
  /** `POST /v1/<name>` as that person. */
  call(name: string, input?: unknown, as?: string, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  events(): Promise<readonly RecordedEvent[]>;
  stop(): Promise<void>;
};

export type Changes = {
  readonly host?: (host: Host) => Partial<Host>;
  readonly settings?: Partial<ServerSettings>;
  readonly company?: Parameters<typeof company>[0];
  readonly issuer?: Issuer;
  readonly scheme?: 'http' | 'https';
};

/** As many calls as a test likes, unless it says otherwise. */
export const unlimited: Partial<Limits> = {
  perPerson: { perMinute: 1e9, burst: 1e9 },
  perAddress: { perMinute: 1e9, burst: 1e9 },
  operationsPerPerson: 1e9,
  followsPerPerson: 1e9,
  verifies: 1e9,
  auditsAndDoctors: 1e9,
  recordedPerMinute: 1e9,
  recordedPerMinuteOfNobody: 1e9,
};

export async function startBroker(changes: Changes = {}): Promise<BrokerWorld> {
  const issuer = changes.issuer ?? (await startIssuer());
  const forge = await newForge(issuer);
  const made = await company(changes.company);
  const folder = mkdtempSync(join(tmpdir(), 'oncall-broker-'));
  const port = await freePort();
  const logged: string[] = [];
  const knobs: BrokerWorld['knobs'] = { identities: [{ kind: 'oidc', settings: issuer.identity() }], blocked: [], refused: [] };
  const stop = new AbortController();
  const inside = insideOf({ ...made.policy, path: '/etc/oncall/oncall.yaml' }, 'postgres://db.acme.dev:5432/oncall', folder);
  const host: Host = {
    version: '9.8.7',
    origin: `${changes.scheme ?? 'http'}://localhost:${port}`,
    identities: () => knobs.identities,
    isBlocked: ({ email }) => knobs.blocked.includes(email),
    operationsFor: (actor: Actor, signal) => createOperations(made.deps('nobody', { actor: async () => actor, signal })),
    answers: answersIn(async () => made.ledger),
    inside: async () => inside,
    refused: async (call) => {
      knobs.refused.push(call);
      await recordRefusedCall(made.ledger, call);
    },
    health: () => health(made.ledger, made.policy),
    folder,
    now: Date.now,
    random: Math.random,
    log: (line) => void logged.push(line),
    signal: stop.signal,
  };
  const whole = { ...host, ...changes.host?.(host) };
  const { limits, ...settings } = changes.settings ?? {};
  const running = await serve(whole, {
    listen: { host: '127.0.0.1', port },
    ...settings,
    limits: { ...unlimited, ...limits },
  });
  const token = (name: string) => forge.access({ sub: `${name}@acme.dev`, uid: `00u-${name}` });
  return {
    ...{ issuer, forge, company: made, host: whole, running, port, logged, knobs, token },
    call: (name, input = {}, as = 'maria', headers = {}) =>
      send(port, {
        method: 'POST',
        path: `/v1/${name}`,
        headers: {
          host: `localhost:${port}`,
          'content-type': 'application/json',
          authorization: `Bearer ${token(as)}`,
          ...headers,
        },
        body: JSON.stringify(input),
      }),
    events: () => made.ledger.read((q) => q.lastEvents(undefined)),
    stop: async () => {
      await running.stop(0);
      stop.abort();
      if (changes.issuer === undefined) await issuer.stop();
      await made.ledger.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The origin has to be known before anything listens. */
async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}
