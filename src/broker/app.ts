/** The broker's routes, made from the table of operations, and the few documents beside them. */

import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import type { OidcIdentity } from '../sign-in/settings.ts';
import { apiVersion, type Metadata, metadataPath, operationNames, versionHeader } from './api.ts';
import { type Call, fault, type Parts } from './call.ts';
import type { Host } from './host.ts';
import { openapi } from './openapi.ts';
import { errorReply, httpError, type Reply } from './reply.ts';
import { watched } from './watched.ts';

type Bindings = { Bindings: HttpBindings };
/** hono's, or what Node hands to one of its handlers. */
type At = Context<Bindings>;

export type Fetch = Hono<Bindings>['fetch'];

export function app(parts: Parts, call: Call): Fetch {
  const { host, limits, origins, metrics, running, isStopping } = parts;
  const health = watched(host);
  const common = {
    [versionHeader]: host.version,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };

  const send = (at: At, status: number, body: string | Buffer<ArrayBuffer>, headers: Readonly<Record<string, string>>): Response => {
    const { outgoing } = at.env;
    // Whoever takes the answer a byte at a time must not keep it in memory for ever.
    const timer = setTimeout(() => outgoing.destroy(), limits.answerMs).unref();
    outgoing.once('close', () => clearTimeout(timer));
    return new Response(body, { status, headers: { ...common, ...headers, ...(isStopping() ? { connection: 'close' } : {}) } });
  };
  const sendReply = (at: At, { status, body, headers, refused }: Reply): Response =>
    send(at, status, body, {
      'content-type': 'application/json',
      ...headers,
      ...(status === 401 ? { 'www-authenticate': challenge(host, refused?.code !== 'not-signed-in') } : {}),
    });
  const sendError = (at: At, error: unknown): Response => {
    const answer = errorReply(error) ?? fault(host, at.req.method, error);
    if (answer.refused !== undefined) metrics.refused(answer.refused.code);
    return sendReply(at, answer);
  };

  const routes = new Hono<Bindings>();
  for (const name of operationNames) {
    routes.post(`/v1/${name}`, async (at) => sendReply(at, await call(name, { request: at.env.incoming, response: at.env.outgoing })));
  }

  const document = (path: string, what: 'document' | 'health', answer: (at: At) => Promise<Response> | Response) =>
    routes.get(path, (at) => {
      origins.require(at.env.incoming, what);
      return answer(at);
    });
  // Kept as bytes: of text each answer would make bytes of its own.
  const description = kept(() => openapi(host));
  const about = kept(() => JSON.stringify(metadata(host)));
  document('/openapi.json', 'document', (at) => send(at, 200, description(host), { 'content-type': 'application/json' }));
  document(metadataPath, 'document', (at) => send(at, 200, about(host.identities()), { 'content-type': 'application/json' }));
  document('/healthz', 'health', (at) => send(at, 200, 'alive\n', plain));
  document('/readyz', 'health', async (at) => {
    const why = isStopping() ? 'it is stopping' : (await health()).why;
    return send(at, why === undefined ? 200 : 503, `${why ?? 'ready'}\n`, plain);
  });
  document('/metrics', 'health', async (at) => {
    const seen = await health();
    const text = await metrics.text(seen.health, seen.why === undefined && !isStopping(), running.count());
    return send(at, 200, text, { 'content-type': metrics.contentType });
  });

  routes.all('/v1/:name', (at) => {
    origins.require(at.env.incoming, 'document');
    const isKnown = operationNames.some((name) => at.req.path === `/v1/${name}`);
    return sendError(at, isKnown ? notPosted() : unknownOperation());
  });
  routes.notFound((at) => sendError(at, notFound()));
  routes.onError((error, at) => sendError(at, error));
  return routes.fetch;
}

const plain = { 'content-type': 'text/plain; charset=utf-8' };

/** Made anew where it is asked for with another object than the last time. */
function kept(make: () => string): (of: object) => Buffer<ArrayBuffer> {
  let last: { readonly of: object; readonly bytes: Buffer<ArrayBuffer> } | undefined;
  return (of) => {
    if (last?.of !== of) last = { of, bytes: Buffer.from(make()) };
    return last.bytes;
  };
}

/** RFC 6750 §3, with where the client learns how to sign in (RFC 9728 §5.1). */
function challenge({ origin }: Host, hadToken: boolean): string {
  return `Bearer ${hadToken ? 'error="invalid_token", ' : ''}resource_metadata="${origin}${metadataPath}"`;
}

function metadata({ origin, version, identities }: Host): Metadata {
  const all = identities();
  const issuers = all.flatMap((one) => (one.kind === 'oidc' ? [one.settings as OidcIdentity] : []));
  return {
    resource: origin,
    authorization_servers: [...new Set(issuers.map(({ issuer }) => issuer))],
    bearer_methods_supported: ['header'],
    oncall: { api: apiVersion, version, identities: all.map((one) => (one.kind === 'oidc' ? (one.settings as OidcIdentity) : one)) },
  };
}

const notFound = () => httpError({ status: 404 }, 'not-found', 'there is nothing here', { exit: 2 });

const unknownOperation = () =>
  httpError({ status: 404 }, 'unknown-operation', 'this broker has no such operation', {
    exit: 2,
    why: 'it may be older than the oncall that called it',
    next: 'upgrade the broker',
  });

const notPosted = () =>
  httpError({ status: 405, headers: { allow: 'POST' } }, 'not-posted', 'operations are called with POST', { exit: 2 });
