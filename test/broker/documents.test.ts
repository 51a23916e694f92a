/** What a broker says about itself: its document, its metadata, whether it lives and is ready, its metrics; and its certificate. */

import { createRequire } from 'node:module';
import { type Document, OpenAPIBackend } from 'openapi-backend';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { operationNames } from '../../src/broker/api.ts';
import { inputs } from '../../src/operations/inputs.ts';
import { makeCertificate } from '../fakes/certificate.ts';
import { hour, role, rule, user } from '../operations/world.ts';
import { type BrokerWorld, type Reply, send, startBroker } from './world.ts';

let world: BrokerWorld;
let healthy: boolean;

beforeAll(async () => {
  world = await startBroker({
    company: {
      roles: [
        role('db-admin'),
        role('nobodys', { allow: [] }),
        role('web', { allow: [], ask: [rule(user('maria'))], approvers: [rule(user('boss'))] }),
      ],
    },
    host: (host) => ({
      health: () => (healthy ? host.health() : Promise.reject(new Error('SQLITE_CANTOPEN /var/lib/CANARY'))),
    }),
  });
});
afterAll(() => world.stop());
beforeEach(() => {
  healthy = true;
});

const get = (path: string): Promise<Reply> => send(world.port, { path, headers: { host: `localhost:${world.port}` } });
const asked = { byDefault: true };
/** What is told about the ledger is a few seconds old at most. */
const later = () => new Promise((resolve) => setTimeout(resolve, 2_100));

/** The one that openapi-backend itself uses. */
const { Ajv2020 } = createRequire(createRequire(__filename).resolve('openapi-backend'))('ajv/dist/2020.js');

/** What 3.1 writes otherwise, as 3.0 has it: the schema of 3.0 is the stricter one, and the one at hand. */
function as30(document: Document): Document {
  const text = JSON.stringify(document, (_, value) =>
    value !== null && typeof value === 'object' && 'const' in value ? { enum: [value.const] } : value,
  );
  const { identifier: _, ...license } = document.info.license as { name: string; identifier?: string };
  return { ...JSON.parse(text), openapi: '3.0.3', info: { ...document.info, license } };
}

const schemasIn = (document: Body): readonly object[] =>
  Object.values<Body>(document.paths).flatMap(({ post }) =>
    post === undefined ? [] : [post.requestBody.content['application/json'].schema],
  );

// biome-ignore lint/suspicious/noExplicitAny: a document is looked at field by field
type Body = any;

describe('the document', () => {
  it('is valid OpenAPI 3.1 and has every operation, with the bounds of its input', async () => {
    const { status, body: document } = await get('/openapi.json');
    expect([status, document.openapi]).toEqual([200, '3.1.0']);
    const api = new OpenAPIBackend({ definition: as30(document), strict: true });
    await api.init();
    for (const schema of schemasIn(document)) expect(() => new Ajv2020({ strict: false }).compile(schema)).not.toThrow();
    expect(Object.keys(document.paths).filter((path) => path.startsWith('/v1/'))).toEqual(operationNames.map((name) => `/v1/${name}`));
    const { schema } = document.paths['/v1/request'].post.requestBody.content['application/json'];
    expect(schema).toMatchObject({ required: ['role', 'asked'], additionalProperties: false, properties: { reason: { maxLength: 2000 } } });
    expect(document.paths['/v1/request'].post.parameters).toMatchObject([{ name: 'idempotency-key', in: 'header' }]);
    expect(document.paths['/v1/status'].post.parameters).toBeUndefined();
  });

  it('fits every answer of a round of calls', async () => {
    const { body: definition } = await get('/openapi.json');
    const api = new OpenAPIBackend({ definition, validate: true, quick: true, ajvOpts: { strict: false } });
    await api.init();
    const bearer = { authorization: 'Bearer x' };
    const round: readonly (readonly [string, Promise<Reply>, number])[] = [
      ['request', world.call('request', { role: 'db-admin', asked }), 200],
      ['request', world.call('request', { role: 'web', asked, reason: 'x' }), 200],
      ['request', world.call('request', { role: 'nobodys', asked }), 403],
      ['request', world.call('request', { role: 'nope', asked }), 400],
      ['request', world.call('request', {}), 400],
      ['request', world.call('request', {}, 'maria', { 'content-type': 'text/html' }), 415],
      ['request', world.call('request', {}, 'maria', bearer), 401],
      ['request', world.call('request', {}, 'maria', { host: 'evil.example' }), 421],
      ['request', world.call('request', { reason: 'x'.repeat(70_000) }), 413],
      ['status', world.call('status'), 200],
      ['roles', world.call('roles'), 200],
      ['explain', world.call('explain', { role: 'db-admin', asked }), 200],
      ['waiting', world.call('waiting', {}, 'boss'), 200],
      ['audit', world.call('audit', {}, 'boss'), 200],
      ['audit', world.call('audit', { of: 'zzzzzz' }), 400],
      ['revoke', world.call('revoke', { all: true }), 403],
      ['revoke', world.call('revoke', { all: true, dryRun: true }, 'boss'), 200],
      ['verify', world.call('verify'), 200],
      ['sweep', world.call('sweep', {}, 'boss'), 200],
      ['recover', world.call('recover', {}, 'boss'), 200],
      ['adopt', world.call('adopt', { directory: 'okta', group: 'db', role: 'db-admin', end: { forMs: 1 } }, 'boss'), 200],
      ['accesses', world.call('accesses', {}), 200],
      ['doctor', world.call('doctor', {}, 'boss'), 200],
      ['release', world.call('release', { id: 'db-admin' }), 200],
    ];
    for (const [name, soon, wanted] of round) {
      const { status, body } = await soon;
      expect([name, status]).toEqual([name, wanted]);
      const { errors } = api.validateResponse(body, name, status);
      expect([name, status, errors ?? null]).toEqual([name, status, null]);
    }
    expect(api.validateResponse({ schema: 2, result: 1 }, 'status', 200).errors).not.toBeNull();
  });

  it('and the table say of each operation the same: no summary is missing, none is written twice', () => {
    const summaries = Object.values(inputs).map(({ summary }) => summary);
    expect(new Set(summaries).size).toBe(operationNames.length);
    expect(Object.keys(inputs).sort()).toEqual([...operationNames].sort());
  });
});

describe('the metadata', () => {
  it('names the own origin as resource, and whom the policy believes, and no secret', async () => {
    const { status, body } = await get('/.well-known/oauth-protected-resource');
    expect(status).toBe(200);
    expect(body).toEqual({
      resource: `http://localhost:${world.port}`,
      authorization_servers: [world.issuer.url],
      bearer_methods_supported: ['header'],
      oncall: { api: 1, version: '9.8.7', identities: [world.issuer.identity()] },
    });
  });
});

describe('a broker', () => {
  it('lives, and is ready as long as the ledger can be asked; of why not no detail goes outside', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, text: 'alive\n' });
    expect(await get('/readyz')).toMatchObject({ status: 200, text: 'ready\n' });
    healthy = false;
    await later();
    expect(await get('/readyz')).toMatchObject({ status: 503, text: 'the ledger cannot be asked\n' });
    expect(await get('/healthz')).toMatchObject({ status: 200 });
    expect(await get('/metrics')).toMatchObject({ status: 200, text: expect.stringContaining('oncall_ready 0') });
    expect((await get('/metrics')).text).toContain('oncall_grants_stuck Nan');
    expect(world.logged.filter((line) => line.includes('SQLITE_CANTOPEN'))).toHaveLength(1);
    await later();
    healthy = true;
    await later();
    expect((await get('/readyz')).status).toBe(200);
  });

  it('tells a monitoring system ages, counts and latencies, and no name of a person', async () => {
    await world.call('request', { role: 'db-admin', asked }, 'sam');
    await world.call('revoke', { all: true }, 'sam');
    world.company.now += hour;
    await later();
    const { text, headers } = await get('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    for (const line of [
      'oncall_info{version="9.8.7"} 1',
      'oncall_ready 1',
      /oncall_sweep_age_seconds\{directory="okta"\} 3\d\d\d/,
      'oncall_sweep_late{directory="okta"} 1',
      'oncall_grants{role="db-admin",state="active"} 1',
      'oncall_grants_past_end 0',
      'oncall_grants_stuck 0',
      'oncall_members_drift 0',
      'oncall_policy_rejected 0',
      'oncall_calls_refused_total{code="forbidden"}',
      /oncall_call_duration_seconds_count\{operation="request",status="200"\} \d/,
    ]) {
      expect(text).toMatch(line);
    }
    expect(text).not.toMatch(/sam|maria|acme\.dev/);
  });
});

describe('a certificate', () => {
  it('is swapped while the broker runs, and kept where the new one is none', async () => {
    const [first, second] = [makeCertificate(['localhost']), makeCertificate(['localhost'])];
    let current = first;
    const secure = await startBroker({ scheme: 'https', settings: { tls: () => current } });
    const status = (ca: string) =>
      send(secure.port, { path: '/healthz', headers: { host: `localhost:${secure.port}` }, ca }).then((one) => one.status);
    expect(await status(first.cert)).toBe(200);
    current = second;
    await secure.running.reloadTls();
    expect(await status(second.cert)).toBe(200);
    await expect(status(first.cert)).rejects.toThrow();
    current = { cert: first.cert, key: second.key };
    await expect(secure.running.reloadTls()).rejects.toThrow();
    expect(await status(second.cert)).toBe(200);
    await secure.stop();
  });
});
