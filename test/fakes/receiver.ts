/** Whoever is told over HTTP, with the faults of a real one. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Got = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
};

/** `hang`: takes it and never answers; `cut`: takes it and ends the connection; `instead`: called when it has come, before anything is answered. */
export type ReceiverFault = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly hang?: true;
  readonly cut?: true;
  readonly before?: () => void | Promise<void>;
};

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

export async function startReceiver() {
  const got: Got[] = [];
  const faults: ReceiverFault[] = [];
  let always: ReceiverFault | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const fault = faults.shift() ?? always;
      got.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
      await fault?.before?.();
      if (fault?.hang) return;
      if (fault?.cut) return void request.socket.destroy();
      // What Slack answers; others look at the status alone.
      response.writeHead(fault?.status ?? 200, { 'content-type': 'text/plain', ...fault?.headers }).end(fault?.body ?? 'ok');
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    documents: (): readonly Record<string, unknown>[] => got.map(({ body }) => JSON.parse(body)),
    fail: (...next: readonly ReceiverFault[]) => void faults.push(...next),
    failAlways: (fault: ReceiverFault) => {
      always = fault;
    },
    clear: () => {
      faults.length = 0;
      got.length = 0;
      always = undefined;
    },
    stop: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
