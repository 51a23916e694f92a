/** Hosts with TLS and names of their own, all on this machine: `https://pagerduty.acme.test:PORT` is a fake that speaks plain HTTP, behind a certificate that only a child process with `env` trusts. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as send } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificate, makeCertificate } from './certificate.ts';

export type Internet = {
  readonly port: number;
  /** `https://NAME.acme.test:PORT` */
  url(name: string): string;
  /** Lets `NAME.acme.test` lead to what listens at this address. */
  host(name: string, target: string): void;
  /** Whom a process with this environment trusts, and how it finds the names: as if they stood in /etc/hosts. */
  readonly env: Readonly<Record<string, string>>;
  /** The same names, of nobody's trust. */
  readonly envWithoutTrust: Readonly<Record<string, string>>;
  readonly certificate: Certificate;
  /** For `startProxy`. */
  route(target: string): number | undefined;
  stop(): Promise<void>;
};

/** Preloaded by the child: every name under `.test` is this machine. */
const hosts = `const dns = require('node:dns');
const real = dns.lookup;
dns.lookup = (name, options, done) =>
  /(^|\\.)test$/.test(name)
    ? process.nextTick(done ?? options, null, ...(options.all ? [[{ address: '127.0.0.1', family: 4 }]] : ['127.0.0.1', 4]))
    : real(name, options, done);
`;

export async function startInternet(): Promise<Internet> {
  const targets = new Map<string, string>();
  const sockets = new Set<Socket>();
  const certificate = makeCertificate(['*.acme.test']);
  const server = createServer(certificate, (incoming, outgoing) => {
    const { hostname, port } = new URL(targets.get(incoming.headers.host?.split(':')[0] ?? '') ?? 'http://127.0.0.1:9');
    const { method = 'GET', url = '/' } = incoming;
    const headers = { ...incoming.headers, 'x-forwarded-proto': 'https' };
    const passed = send({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  // Never closes by itself: whoever keeps an idle connection must be able to end without that.
  server.keepAliveTimeout = 0;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), 'oncall-internet-'));
  writeFileSync(join(folder, 'hosts.cjs'), hosts);
  writeFileSync(join(folder, 'trusted.pem'), certificate.cert);
  const envWithoutTrust = { NODE_OPTIONS: `--require "${join(folder, 'hosts.cjs')}"` };
  return {
    port,
    certificate,
    url: (name) => `https://${name}.acme.test:${port}`,
    host: (name, target) => void targets.set(`${name}.acme.test`, target),
    env: { ...envWithoutTrust, NODE_EXTRA_CA_CERTS: join(folder, 'trusted.pem') },
    envWithoutTrust,
    route: (target) => (target.endsWith(`.acme.test:${port}`) ? port : undefined),
    stop: async () => {
      await new Promise<void>((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
