/** Okta's own API document as a judge over the fake: what is asked and what is answered must both keep it. */

import { readFileSync } from 'node:fs';
import { type Document, OpenAPIBackend } from 'openapi-backend';
import { vendorDocument } from './prism.ts';

export type Exchange = {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: unknown;
};

export type Judge = {
  /** What the document says against the request, if anything. */
  readonly request: (exchange: Exchange) => string | undefined;
  readonly response: (exchange: Exchange, status: number, body: unknown) => string | undefined;
};

let known: Promise<Judge | undefined> | undefined;

/** `undefined` where the document is absent; that is said once. */
export function oktaDocument(): Promise<Judge | undefined> {
  known ??= load();
  return known;
}

async function load(): Promise<Judge | undefined> {
  const path = vendorDocument('okta.json');
  if (path === undefined) return undefined;
  const definition = JSON.parse(readFileSync(path, 'utf8')) as Document;
  const api = new OpenAPIBackend({
    definition,
    quick: true,
    validate: true,
    ajvOpts: { strict: false, formats: { int32: true, 'date-time': true, email: true } },
  });
  await api.init();
  const operationOf = ({ method, path: asked, headers }: Exchange) =>
    api.router.matchOperation({ method, path: asked, headers: { ...headers } });
  return {
    request: (exchange) => {
      const operation = operationOf(exchange);
      if (operation?.operationId === undefined) return `no such call: ${exchange.method} ${exchange.path}`;
      const { method, path: asked, headers } = exchange;
      const { errors } = api.validateRequest({ method, path: asked, headers: { ...headers } }, operation);
      return errors ? `${operation.operationId}: ${JSON.stringify(errors)}` : undefined;
    },
    response: (exchange, status, body) => {
      const operation = operationOf(exchange);
      if (!operation?.operationId) return undefined;
      if (!(String(status) in (operation.responses ?? {}))) {
        // Every call may be answered so, though the document leaves these out.
        return [400, 401].includes(status) || status >= 500 ? undefined : `${operation.operationId} has no answer ${status}`;
      }
      const { errors } = api.validateResponse(body, operation, status);
      return errors ? `${operation.operationId} ${status}: ${JSON.stringify(errors)}` : undefined;
    },
  };
}
