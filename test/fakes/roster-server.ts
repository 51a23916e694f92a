/** What the fakes of rosters have in common: a server that counts its calls, and the faults that a real one has. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the next request gets instead of an answer. */
export type Fault = {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** The right answer, late. */
  readonly afterMs?: number;
  readonly hang?: true;
  readonly cut?: true;
};

export type Asked = { readonly path: string; readonly query: URLSearchParams; readonly headers: IncomingMessage['headers'] };
export type Answer = { readonly status: number; readonly body: unknown; readonly headers?: Record<string, string> };

/** `answer` gets what no fault was planned for; `refusal` is the body of a planned fault that brings none. */
export async function rosterServer(answer: (asked: Asked) => Answer, refusal: unknown) {
  const faults: Fault[] = [];
  const requests: Asked[] = [];
  let always: Fault | undefined;

  function serve(request: IncomingMessage, response: ServerResponse) {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    const asked = { path: decodeURIComponent(pathname), query: searchParams, headers: request.headers };
    requests.push(asked);
    const fault = faults.shift() ?? always;
    if (fault?.afterMs === undefined) respond(request, response, asked, fault);
    else setTimeout(() => respond(request, response, asked), fault.afterMs);
  }

  function respond(request: IncomingMessage, response: ServerResponse, asked: Asked, fault?: Fault) {
    if (fault?.hang) return;
    if (fault?.cut) return void request.socket.destroy();
    const send = (status: number, body: string, headers = {}) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    if (fault) return send(fault.status ?? 200, fault.body ?? JSON.stringify(refusal), fault.headers);
    const { status, body, headers } = answer(asked);
    send(status, JSON.stringify(body), headers);
  }

  const server = createServer(serve);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** The next requests, in order, fail like this. */
    fail: (...next: readonly Fault[]) => void faults.push(...next),
    /** Every request from now on. */
    failAlways: (fault: Fault) => {
      always = fault;
    },
    clear: () => {
      faults.length = 0;
      requests.length = 0;
      always = undefined;
    },
    stop: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
