/** Answers on their way to one person: what they ask for and do not take stays in memory, so there is a bound for it. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { httpError } from './reply.ts';

export type Unread = {
  /** Throws where too much of theirs waits already. */
  require(person: string): void;
  /** Until the response has gone out, or its connection has closed. */
  add(person: string, body: string, exchange: { readonly request: IncomingMessage; readonly response: ServerResponse }): void;
};

export function unread(mostBytes: number): Unread {
  const waiting = new Map<string, number>();
  // A response that waits for the one before it on its connection is not told that this has closed.
  const onSocket = new Map<Socket, Set<() => void>>();
  const ofSocket = (socket: Socket): Set<() => void> => {
    const known = onSocket.get(socket);
    if (known) return known;
    const all = new Set<() => void>();
    onSocket.set(socket, all);
    socket.once('close', () => {
      onSocket.delete(socket);
      for (const gone of all) gone();
    });
    return all;
  };
  return {
    require: (person) => {
      if ((waiting.get(person) ?? 0) >= mostBytes) throw tooMuch();
    },
    add: (person, body, { request: { socket }, response }) => {
      if (socket.destroyed || response.destroyed) return;
      const bytes = Buffer.byteLength(body);
      waiting.set(person, (waiting.get(person) ?? 0) + bytes);
      const all = ofSocket(socket);
      const gone = (): void => {
        if (!all.delete(gone)) return;
        const left = (waiting.get(person) ?? bytes) - bytes;
        if (left > 0) waiting.set(person, left);
        else waiting.delete(person);
      };
      all.add(gone);
      response.once('close', gone);
    },
  };
}

const tooMuch = () =>
  httpError({ status: 429, retryAfterMs: 1_000 }, 'too-much-unread', 'too many answers of yours have not been read yet', {
    next: 'read them, or close their connections; then run the same command again',
  });
