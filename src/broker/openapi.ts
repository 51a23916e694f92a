/** The document of what a broker offers (OpenAPI 3.1), made from the table of operations. */

import * as z from 'zod/mini';
import { inputs } from '../operations/inputs.ts';
import { idempotencyHeader, metadataPath, operationNames, versionHeader } from './api.ts';
import type { Host } from './host.ts';

const json = (schema: object) => ({ 'application/json': { schema } });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** Statuses of `POST /v1/…` besides 200, and what each is about. Where `hasResult`, a refusal may be the answer as well as an error. */
const failures = {
  400: { about: 'The input is not right, or names what there is not.' },
  401: { about: 'The token does not prove anybody.' },
  403: { about: 'The caller may not do this, or does not get it.', hasResult: true },
  409: { about: 'Not yet: a place is taken, something is still ending, or the same call is under way.', hasResult: true },
  413: { about: 'The input is too long.' },
  415: { about: 'The input is not sent as JSON.' },
  421: { about: 'The call names another host.' },
  422: { about: 'The idempotency key was used for another call.' },
  429: { about: 'Too many calls; `retry-after` says when to come again.' },
  500: { about: 'A fault of the broker.' },
  503: { about: 'The ledger or a source could not be asked, or the broker stops.', hasResult: true },
} as const;

export function openapi(host: Pick<Host, 'origin' | 'version'>): string {
  return JSON.stringify({
    openapi: '3.1.0',
    info: {
      title: 'oncall',
      version: host.version,
      description: 'Group memberships with an end, for the engineer on call. Instants are epoch milliseconds.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: host.origin }],
    security: [{ token: [] }],
    paths: { ...operations(), ...documents() },
    components: { securitySchemes: { token: security(host.origin) }, schemas: answers(), headers: headers() },
  });
}

function operations(): Record<string, object> {
  return Object.fromEntries(
    operationNames.map((name) => {
      const { input, summary, readsOnly } = inputs[name];
      const { $schema: _, ...schema } = z.toJSONSchema(input, { io: 'input' });
      const post = {
        operationId: name,
        summary,
        ...(readsOnly ? {} : { parameters: [idempotencyKey] }),
        requestBody: { required: true, content: json(schema) },
        responses: { 200: { description: 'Done.', headers: sent, content: json(ref('Result')) }, ...responses() },
      };
      return [`/v1/${name}`, { post }];
    }),
  );
}

const sent = { [versionHeader]: { $ref: `#/components/headers/${versionHeader}` } };

function responses(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(failures).map(([status, one]) => {
      const schema = 'hasResult' in one ? { oneOf: [ref('Error'), ref('Refusal')] } : ref('Error');
      const more = status === '401' ? challenge : status === '429' || status === '503' ? retry : {};
      return [status, { description: one.about, headers: { ...sent, ...more }, content: json(schema) }];
    }),
  );
}

const challenge = { 'www-authenticate': { required: true, schema: { type: 'string' } } };
const retry = { 'retry-after': { schema: { type: 'integer', minimum: 1 } } };

const idempotencyKey = {
  name: idempotencyHeader,
  in: 'header',
  description: 'Of one intent: a call that is sent again with it is not done again.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,64}$' },
};

const security = (origin: string) => ({
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: `Of an issuer that ${origin}${metadataPath} names.`,
});

function documents(): Record<string, object> {
  const open = (summary: string, type: string, more: object = {}) => ({
    get: { summary, security: [], responses: { 200: { description: summary, content: { [type]: { schema: {} } } }, ...more } },
  });
  const notReady = { 503: { description: 'Not ready; one line says why.', content: { 'text/plain': { schema: {} } } } };
  return {
    [metadataPath]: open('Which issuers are believed (RFC 9728).', 'application/json'),
    '/openapi.json': open('This document.', 'application/json'),
    '/healthz': open('The process lives.', 'text/plain'),
    '/readyz': open('Calls can be answered.', 'text/plain', notReady),
    '/metrics': open('For a monitoring system.', 'text/plain'),
  };
}

const headers = () => ({ [versionHeader]: { description: "The broker's version.", schema: { type: 'string' } } });

function answers(): Record<string, object> {
  const text = { type: 'string' };
  const error = {
    type: 'object',
    required: ['code', 'message'],
    properties: { code: { type: 'string', pattern: '^[a-z0-9-]+$' }, message: text, why: text, next: text },
    additionalProperties: false,
  };
  const schema = { const: 1 };
  const answer = (required: readonly string[], properties: object) => ({
    type: 'object',
    required: ['schema', ...required],
    properties: { schema, ...properties },
    additionalProperties: false,
  });
  const refusal = {
    type: 'object',
    required: ['result', 'role', 'requester', 'decision', 'error', 'exit'],
    properties: { result: { enum: ['denied', 'taken', 'undecided', 'ending'] }, error, exit: { enum: [1, 3, 8] } },
  };
  return {
    Result: answer([], { result: { description: 'What the operation gives; left out where it gives nothing.' } }),
    Refusal: answer(['result'], { result: refusal }),
    Error: answer(['error', 'exit'], { error, exit: { enum: [1, 2, 3, 4, 8, 130] } }),
  };
}
