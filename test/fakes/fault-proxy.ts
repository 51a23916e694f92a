/** A proxy before a fake provider that does to chosen requests what networks and overloaded providers do. It keeps the Host header, so that signatures still verify. */

import { createServer, type IncomingHttpHeaders, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = { readonly status: number; readonly headers?: IncomingHttpHeaders; readonly body: string };

/** `drop`: cut before forwarding. `delayMs`, `until`: forwarded late. `instead`: forwarded, answered otherwise. `lose-answer`: forwarded, then cut. `silence`: forwarded, never answered. `stall`: forwarded, answered by half. */
export type Fault =
  | 'drop'
  | 'lose-answer'
  | 'silence'
  | 'stall'
  | { readonly delayMs: number }
  | { readonly instead: Answer }
  | { readonly until: Promise<void> }
  | Answer;

export type SeenRequest = { readonly action: string; readonly body: string; readonly headers: IncomingHttpHeaders };

/** `Action` of AWS's Query protocol, the operation of its JSON protocol, else `GET /path`. */
export type FaultProxy = {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** The next `times` requests of that action (`*`: any) meet this fault; several wait in line. */
  fail(action: string, fault: Fault, times?: number): void;
  /** Asked for a fault where none waits in line. */
  draw(next: (request: SeenRequest & { readonly path: string }) => Fault | undefined): void;
  /** Rewrites what the target answers, for what the target cannot do itself. */
  rewrite(edit: (request: SeenRequest, answer: Answer) => Answer): void;
  clear(): void;
  stop(): Promise<void>;
};

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const seen: SeenRequest[] = [];
  let faults: { action: string; fault: Fault }[] = [];
  let edit = (_: SeenRequest, answer: Answer): Answer => answer;
  let drawn: Parameters<FaultProxy['draw']>[0] = () => undefined;
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      const body = Buffer.concat(chunks).toString();
      const action =
        new URLSearchParams(body).get('Action') ??
        incoming.headers['x-amz-target']?.toString().split('.')[1] ??
        `${incoming.method} ${incoming.url?.split('?')[0]}`;
      const request: SeenRequest = { action, body, headers: incoming.headers };
      seen.push(request);
      const at = faults.findIndex((candidate) => candidate.action === action || candidate.action === '*');
      const fault = at < 0 ? drawn({ ...request, path: incoming.url ?? '' }) : faults.splice(at, 1)[0]?.fault;
      if (fault === 'drop') return incoming.socket.destroy();
      if (typeof fault === 'object' && 'delayMs' in fault) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
      if (typeof fault === 'object' && 'until' in fault) await fault.until;
      const canned = typeof fault === 'object' && 'status' in fault;
      const real = canned ? fault : await forward(target, incoming, body).then((given) => edit(request, given));
      const answer = typeof fault === 'object' && 'instead' in fault ? fault.instead : real;
      if (fault === 'lose-answer') return incoming.socket.destroy();
      if (fault === 'silence') return undefined;
      const { 'content-length': _length, 'transfer-encoding': _encoding, connection: _connection, ...headers } = answer.headers ?? {};
      outgoing.writeHead(answer.status, { ...headers, 'content-length': Buffer.byteLength(answer.body) });
      if (fault === 'stall') return outgoing.write(answer.body.slice(0, answer.body.length / 2));
      return outgoing.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    fail: (action, fault, times = 1) => void faults.push(...Array.from({ length: times }, () => ({ action, fault }))),
    draw: (next) => {
      drawn = next;
    },
    rewrite: (next) => {
      edit = next;
    },
    clear: () => {
      faults = [];
      seen.length = 0;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Forwarded = { readonly method?: string | undefined; readonly url?: string | undefined; readonly headers: IncomingHttpHeaders };

function forward(target: string, { method = 'GET', url = '/', headers }: Forwarded, body: string): Promise<Answer> {
  const { hostname, port } = new URL(target);
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 502, body: error.message });
    const request = send({ hostname, port, method, path: url, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 502, headers: response.headers, body: text }));
      response.on('error', fail);
    });
    request.on('error', fail);
    request.end(body);
  });
}
