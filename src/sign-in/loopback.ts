/** The page on this machine that a browser comes back to after signing in (RFC 8252 §7.3): one answer, then it is gone. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OncallError } from '../errors.ts';

export type Loopback = {
  readonly redirectUri: string;
  /** The address the browser came back with; rejects with the signal's reason. */
  readonly answer: Promise<URL>;
  close(): void;
};

export async function listenOnLoopback(state: string, port: number, signal: AbortSignal): Promise<Loopback> {
  const server = createServer();
  await new Promise<void>((ready, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => fail(error.code === 'EADDRINUSE' ? portTaken(port) : error));
    // By number: `localhost` may lead to other interfaces (RFC 8252 §8.3).
    server.listen(port, '127.0.0.1', ready);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answer = new Promise<URL>((come, fail) => {
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
    if (signal.aborted) fail(signal.reason);
    server.on('request', (request, response) => {
      const url = answerOf(request, origin, state);
      if (url === undefined) return reply(response, 404, 'Nothing is here.');
      reply(response, 200, 'That is all here. Close this page and go back to the terminal: it says whether you are signed in.');
      come(url);
    });
  });
  // Whoever awaits it sees the rejection; while nobody does yet, it must not end the process.
  answer.catch(() => undefined);
  return {
    redirectUri: `${origin}/callback`,
    answer,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Anything else that knocks, such as another page in the browser guessing ports or names, is turned away and changes nothing. */
function answerOf(request: IncomingMessage, origin: string, state: string): URL | undefined {
  if (request.method !== 'GET' || request.headers.host !== new URL(origin).host || !request.url?.startsWith('/')) return undefined;
  const url = new URL(origin + request.url);
  return url.pathname === '/callback' && url.searchParams.get('state') === state ? url : undefined;
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    connection: 'close',
  });
  response.end(`<!doctype html><meta charset="utf-8"><title>oncall</title><p>${text}</p>\n`);
}

function portTaken(port: number): OncallError {
  return new OncallError('port-taken', `port ${port} of this machine is taken`, {
    why: "the policy's redirectPort says that the browser comes back there, and another program listens there",
    next: 'end that program, or: oncall login --device',
  });
}
