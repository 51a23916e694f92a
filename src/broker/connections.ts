/** The connections of a server: how many one address may have, what is said on one that does not speak HTTP, and which may be closed when the broker stops. */

import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { addressKey } from './buckets.ts';
import type { Parts } from './call.ts';
import { plainAddress } from './from.ts';

export type Connections = {
  /** Listens no more; resolves when the last connection has closed. */
  close(): Promise<void>;
  /** Those on which nothing was asked, or everything has been answered to the last byte. */
  closeIdle(): void;
};

/** Of all connections: from there on nobody gets more than a few. */
const NEARLY = 7 / 8;
const FEW = 8;

type Guards = Pick<Parts, 'limits' | 'origins' | 'refusals' | 'metrics'>;

export function connections(server: Server | TlsServer, guards: Guards): Connections {
  const { limits, origins } = guards;
  server.maxConnections = limits.connections;
  const perAddress = new Map<string, number>();
  let all = 0;
  server.on('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress);
    const key = addressKey(address);
    const count = (perAddress.get(key) ?? 0) + 1;
    perAddress.set(key, count);
    all += 1;
    socket.once('close', () => {
      all -= 1;
      const left = (perAddress.get(key) ?? 1) - 1;
      if (left === 0) perAddress.delete(key);
      else perAddress.set(key, left);
    });
    // One host must not have them all, nor a few of them together; a proxy has everybody's.
    const most = all > limits.connections * NEARLY ? Math.min(FEW, limits.connectionsPerAddress) : limits.connectionsPerAddress;
    if (count > most && !origins.isProxy(address)) socket.destroy();
  });

  const answering = new Map<Socket, number>();
  server.on('setSecureContext' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
    answering.set(socket, 0);
    socket.once('close', () => answering.delete(socket));
  });
  // Before whoever answers.
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const count = (answering.get(socket) ?? 0) + 1;
    answering.set(socket, count);
    response.once('close', () => {
      const left = (answering.get(socket) ?? 1) - 1;
      if (answering.has(socket)) answering.set(socket, left);
    });
    // Each answer would be kept until the one before it has been taken.
    if (count > limits.unansweredPerConnection) socket.destroy();
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => notHttp(error, socket as Socket, guards));

  return {
    // Not that of `http`: it takes a connection for idle whose answer is still on its way out, and cuts it off.
    close: () => new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve())),
    closeIdle: () => {
      for (const [socket, count] of answering) if (count === 0) socket.destroy();
    },
  };
}

const statuses: Readonly<Record<string, number>> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };

function notHttp(error: NodeJS.ErrnoException, socket: Socket, { limits, refusals, metrics }: Guards): void {
  const status = statuses[error.code ?? ''] ?? 400;
  const address = plainAddress(socket.remoteAddress);
  metrics.refused('not-http');
  // Where a token could have been, somebody may have tried one.
  if (status === 431) {
    void refusals.note({ operation: 'none', code: 'headers-too-long', why: `more than ${limits.headerBytes} bytes`, address });
  }
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  // It may go on sending, and never read.
  setTimeout(() => socket.destroy(), 1_000).unref();
}
