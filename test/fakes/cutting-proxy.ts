/** A proxy before PostgreSQL that loses connections where it hurts: at the COMMIT. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * What becomes of the next COMMIT. `before`: cut, and the server never hears of it. `answer`: done, and its answer lost.
 * `late`: cut for the client at once; the server hears it `laterMs` afterwards. `never`: cut for the client; the server hears no more, and of its end `laterMs` afterwards.
 */
export type Cut = 'before' | 'answer' | 'late' | 'never';

export type CuttingProxy = {
  readonly port: number;
  cut(how: Cut): void;
  /** All other connections are cut with the next one, and new ones refused, until `false`. */
  refuse(isRefusing: boolean): void;
  stop(): Promise<void>;
};

export const laterMs = 1500;

export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  let next: Cut | undefined;
  let refusesAfter = false;
  let isRefusing = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (isRefusing) return client.destroy();
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    let deaf = false;
    upstream.on('data', (chunk) => {
      if (!deaf) return client.write(chunk);
      client.destroy();
      return upstream.destroy();
    });
    let isHeld = false;
    client.on('close', () => {
      if (!isHeld) upstream.destroy();
    });
    upstream.on('close', () => client.destroy());
    client.on('data', (chunk) => {
      const how = chunk.includes('COMMIT\0') ? next : undefined;
      if (how === undefined) return upstream.write(chunk);
      next = undefined;
      isRefusing = refusesAfter;
      if (isRefusing) for (const socket of sockets) if (socket !== client && socket !== upstream) socket.destroy();
      if (how === 'before') return client.destroy();
      if (how === 'answer') {
        deaf = true;
        return upstream.write(chunk);
      }
      isHeld = true;
      deaf = true;
      client.destroy();
      setTimeout(() => {
        if (how === 'late') upstream.write(chunk);
        else upstream.destroy();
      }, laterMs);
      return undefined;
    });
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut: (how) => {
      next = how;
    },
    refuse: (refuses) => {
      refusesAfter = refuses;
      if (!refuses) isRefusing = false;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
