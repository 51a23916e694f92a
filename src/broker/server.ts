/** The broker's HTTP server: listens, keeps its bounds, swaps its certificate, and stops without cutting off what runs. Loaded by `serve` alone. */

import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { app } from './app.ts';
import { caller, type Parts } from './call.ts';
import { connections } from './connections.ts';
import { isLoopbackAddress, origins } from './from.ts';
import type { Host } from './host.ts';
import { identifier } from './identity.ts';
import { metrics } from './metrics.ts';
import { refusals } from './refusals.ts';
import { defaultLimits, type Limits, type Running, type ServerSettings } from './settings.ts';
import { underWay } from './under-way.ts';

/** A proxy keeps its connections for a minute; one that is closed first by the broker costs it an error now and then. */
const BEHIND_PROXY_KEEP_ALIVE_MS = 75_000;
/** When it stops: what only reads, and a look that lasts above all, is not waited for longer. */
const READING_MS = 1_000;
/** When it stops: what was told to stop may take so long for it. */
const LAST_MS = 2_000;

export async function serve(host: Host, settings: ServerSettings): Promise<Running> {
  const limits: Limits = { ...defaultLimits, ...settings.limits };
  const { behindProxy = [] } = settings;
  let isStopping = false;
  const isLocal = (): boolean => host.identities().some(({ kind }) => kind === 'local');
  const parts: Parts = {
    host,
    limits,
    origins: origins({ origin: host.origin, behindProxy, isLocal }),
    // Behind a proxy everybody comes from where it is.
    identify: identifier(host, isLoopbackHost(settings.listen.host) && behindProxy.length === 0),
    refusals: refusals(host, limits),
    metrics: metrics(host.version),
    running: underWay(limits),
    isStopping: () => isStopping,
  };
  const { refusals: recorded, running } = parts;
  const server = await newServer(settings, limits, listener(parts));
  const open = connections(server, parts);
  const address = await listen(server, settings.listen);

  const stop = async (graceMs: number): Promise<void> => {
    isStopping = true;
    const closed = open.close();
    open.closeIdle();
    const reading = setTimeout(() => running.stop('reading'), Math.min(READING_MS, graceMs));
    await upTo(graceMs, running.ended());
    running.stop('all');
    await upTo(LAST_MS, running.ended());
    clearTimeout(reading);
    // The last answers are on their way.
    await upTo(LAST_MS, closed);
    server.closeAllConnections();
    await recorded.flush();
  };
  let stopped: Promise<void> | undefined;
  const onAbort = (): void => running.stop('all');
  host.signal.addEventListener('abort', onAbort, { once: true });

  return {
    address,
    stop: (graceMs) => (stopped ??= stop(graceMs).finally(() => host.signal.removeEventListener('abort', onAbort))),
    reloadTls: async () => {
      if (settings.tls !== undefined && 'setSecureContext' in server) server.setSecureContext({ ...tlsBounds, ...(await settings.tls()) });
    },
  };
}

function listener(parts: Parts): RequestListener {
  // What Node's parser lets through and a URL cannot be made of; it never gets to a route.
  const errorHandler = () => new Response('{"schema":1,"error":{"code":"not-http","message":"this is no request"},"exit":2}', notHttp);
  const answer = getRequestListener(app(parts, caller(parts)), { errorHandler });
  return (request, response) => {
    // Closed for sending too much; the rest of what came with it is read all the same.
    if (!request.socket.destroyed) void answer(request, response);
  };
}

const notHttp = { status: 400, headers: { 'content-type': 'application/json', connection: 'close' } };

const tlsBounds = { minVersion: 'TLSv1.2' } as const;

async function newServer(settings: ServerSettings, limits: Limits, listener: RequestListener): Promise<Server | TlsServer> {
  const options: ServerOptions = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headersMs),
    keepAliveTimeout: settings.behindProxy === undefined ? limits.keepAliveMs : BEHIND_PROXY_KEEP_ALIVE_MS,
    requireHostHeader: true,
    noDelay: true,
  };
  if (settings.tls === undefined) return createServer(options, listener);
  const secure = { ...tlsBounds, handshakeTimeout: limits.headersMs, ALPNProtocols: ['http/1.1'], ...(await settings.tls()) };
  return createTlsServer({ ...options, ...secure }, listener);
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host);
}

function listen(server: Server | TlsServer, { host, port }: ServerSettings['listen']): Promise<Running['address']> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      const address = server.address() as AddressInfo;
      resolve({ host: address.address, port: address.port });
    });
  });
}

/** Whichever comes first. */
async function upTo(ms: number, work: Promise<void>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, delay(ms, undefined, { signal: over.signal }).catch(() => undefined)]);
  over.abort();
}
