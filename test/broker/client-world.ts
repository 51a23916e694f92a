/** A server that answers as it is told, and a client of it; what arrived is kept. */

import { createServer, type IncomingHttpHeaders, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure, globalAgent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type BrokerClient, brokerOperations } from '../../src/broker/client.ts';
import type { Operations } from '../../src/operations/types.ts';
import { type Certificate, makeCertificate } from '../fakes/certificate.ts';

export type Seen = { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string };
export type Raw = { readonly origin: string; readonly port: number; readonly seen: Seen[]; readonly stop: () => Promise<void> };
export type Answer = (response: ServerResponse, seen: Seen) => void;

export const token = 'CANARY-token';

/** The first request gets the first answer, and so on; the last one stays. `names`: with TLS, for these. */
export async function startRaw(
  answers: readonly Answer[] | ((origin: string) => Answer),
  names?: readonly string[],
  port = 0,
): Promise<Raw> {
  const seen: Seen[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      seen.push(one);
      const answer = typeof answers === 'function' ? answers(origin) : answers[Math.min(seen.length, answers.length) - 1];
      answer?.(response, one);
    });
  };
  const certificate = names && makeCertificate(names);
  const server = certificate ? createSecure(certificate, listener) : createServer(listener);
  const listens = await listening(server, port);
  const origin = names ? `https://${names[0]}:${listens}` : `http://127.0.0.1:${listens}`;
  if (certificate) trust(certificate);
  const stop = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  onTestFinished(stop);
  return { origin, port: listens, seen, stop };
}

async function listening(server: Server, port: number): Promise<number> {
  await new Promise<void>((ready) => server.listen(port, '127.0.0.1', ready));
  return (server.address() as AddressInfo).port;
}

/** This process alone, until the test ends: who signed it is trusted, and every name is this machine's. */
function trust({ cert }: Certificate): void {
  const before = { ...globalAgent.options };
  const lookup = (name: string, options: { readonly all?: boolean }, done: (error: Error | null, ...found: unknown[]) => void): void => {
    if (!name.endsWith('.test')) done(Object.assign(new Error(name), { code: 'ENOTFOUND' }));
    else if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
    else done(null, '127.0.0.1', 4);
  };
  const ca = [...(Array.isArray(before.ca) ? before.ca : []), cert];
  Object.assign(globalAgent.options, { ca, lookup });
  onTestFinished(() => {
    globalAgent.destroy();
    for (const key of ['ca', 'lookup']) delete (globalAgent.options as Record<string, unknown>)[key];
    Object.assign(globalAgent.options, before);
  });
}

export const json =
  (status: number, document: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response
      .writeHead(status, { 'content-type': 'application/json', 'oncall-version': '0.1.0', ...headers })
      .end(typeof document === 'string' ? document : JSON.stringify(document));

export const result = (value: unknown, status = 200): Answer => json(status, { schema: 1, result: value });

export const error = (status: number, code: string, more: Record<string, unknown> = {}, headers: Record<string, string> = {}): Answer =>
  json(status, { schema: 1, error: { code, message: `it is ${code}`, ...more }, exit: 1 }, headers);

export const cut: Answer = (response) => void response.destroy();

export function clientOf(origin: string, changes: Partial<BrokerClient> = {}): Operations {
  return brokerOperations({
    origin,
    version: '0.1.0',
    authorization: async () => `Bearer ${token}`,
    now: Date.now,
    signal: new AbortController().signal,
    log: () => undefined,
    ...changes,
  });
}

export type Refusal = {
  readonly code: string;
  readonly exit: number;
  readonly message: string;
  readonly why: string;
  readonly next: string;
};

/** All three parts, the code and the exit; none of them may hold what was sent. */
export async function refusalOf(work: Promise<unknown>): Promise<Refusal> {
  const thrown = await work.then(
    (value) => {
      throw new Error(`it was answered: ${JSON.stringify(value)}`);
    },
    (reason) => reason,
  );
  const { name, code, exit, message, why = '', next = '', cause } = thrown;
  if (name !== 'OncallError') throw thrown;
  const said = { code, exit, message, why, next };
  if (`${JSON.stringify(said)}${cause}${cause?.stack}`.includes('CANARY')) throw new Error('the token is in the message');
  return said;
}
