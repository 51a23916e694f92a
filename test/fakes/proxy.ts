/** A company's proxy on loopback: CONNECT tunnels with optional sign-in, what it could see of them, and the ways in which such proxies fail. */

import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Certificate } from './certificate.ts';

/** `status`: refuses to connect. `silence`: takes the question and never answers. `cut`: closes at once. `cut-later`: agrees to connect, then closes. */
export type ProxyMood = 'tunnel' | 'silence' | 'cut' | 'cut-later' | { readonly status: number; readonly body?: string };

export type FakeProxy = {
  /** With user and password, where it wants them. */
  readonly url: string;
  /** `127.0.0.1:3128` */
  readonly host: string;
  /** What it was asked to connect to: `api.pagerduty.com:443`. */
  readonly seen: readonly string[];
  /** Everything that clients sent, as the proxy can read it: questions with their headers, and the bytes inside tunnels. */
  read(): string;
  /** Requests that were not tunnelled but sent in the clear, to be forwarded. */
  readonly plain: readonly string[];
  mood: ProxyMood;
  clear(): void;
  stop(): Promise<void>;
};

export type ProxyOptions = {
  /** The port of this machine that a target really is at; `undefined`: it cannot be reached from here (502). */
  readonly route: (target: string) => number | undefined;
  readonly user?: { readonly name: string; readonly password: string };
  /** Left out: it speaks plain HTTP to its clients. */
  readonly certificate?: Certificate;
};

export async function startProxy({ route, user, certificate }: ProxyOptions): Promise<FakeProxy> {
  const seen: string[] = [];
  const plain: string[] = [];
  const sockets = new Set<Socket>();
  let bytes: Buffer[] = [];
  const wanted = user && `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;
  const server = certificate === undefined ? createServer() : createTlsServer(certificate);
  const proxy = {
    url: '',
    host: '',
    seen,
    plain,
    mood: 'tunnel' as ProxyMood,
    read: () => Buffer.concat(bytes).toString('latin1'),
    clear: () => {
      Object.assign(proxy, { mood: 'tunnel' });
      seen.length = 0;
      plain.length = 0;
      bytes = [];
    },
    stop: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };

  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  server.on('request', (request, response) => {
    plain.push(`${request.method} ${request.url}`);
    response.writeHead(400).end('this proxy only connects');
  });
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    const target = request.url ?? '';
    seen.push(target);
    bytes.push(Buffer.from(`${request.method} ${target}\n${request.rawHeaders.join('\n')}\n`));
    const refuse = (status: number, body = '', headers = ''): void =>
      void client.end(`HTTP/1.1 ${status} Whatever\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    client.on('error', () => undefined);
    const { mood } = proxy;
    if (mood === 'silence') return;
    if (mood === 'cut') return void client.destroy();
    if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
      return refuse(407, 'who are you?', 'proxy-authenticate: Basic realm="acme"\r\n');
    }
    if (typeof mood === 'object') return refuse(mood.status, mood.body);
    const port = route(target);
    if (port === undefined) return refuse(502);
    tunnel(client, port);
  });

  function tunnel(client: Socket, port: number): void {
    const upstream = connect(port, '127.0.0.1');
    sockets.add(upstream);
    const end = (): void => {
      upstream.destroy();
      client.destroy();
    };
    upstream.on('error', end).on('close', end);
    client.on('close', end);
    upstream.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (proxy.mood === 'cut-later') return end();
      client.on('data', (chunk: Buffer) => bytes.push(chunk));
      client.pipe(upstream).pipe(client);
    });
  }

  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  const scheme = certificate === undefined ? 'http' : 'https';
  const signIn = user === undefined ? '' : `${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}@`;
  // A name that a certificate can be for; whoever asks has to find this machine under it.
  const name = certificate === undefined ? '127.0.0.1' : 'proxy.acme.test';
  return Object.assign(proxy, { url: `${scheme}://${signIn}${name}:${port}`, host: `${name}:${port}` });
}
