/** What a broker says about itself, and what of it is not believed. */

import { describe, expect, it } from 'vitest';
import { brokerIdentities } from '../../src/broker/client-metadata.ts';
import { json, type Raw, refusalOf, startRaw } from './client-world.ts';

const oidc = {
  kind: 'oidc',
  issuer: 'https://acme.okta.com/oauth2/default',
  clientId: '0oa1',
  audience: 'api://oncall',
  domains: ['acme.dev'],
};

type Parts = { readonly resource?: unknown; readonly oncall?: unknown; readonly identities?: unknown; readonly api?: unknown };

const start = (parts: Parts, names?: readonly string[]): Promise<Raw> =>
  startRaw(
    (origin) =>
      json(200, {
        resource: 'resource' in parts ? parts.resource : origin,
        authorization_servers: [],
        oncall: 'oncall' in parts ? parts.oncall : { api: parts.api ?? 1, version: '0.3.0', identities: parts.identities ?? [oidc] },
      }),
    names,
  );

const ask = (origin: string) => brokerIdentities({ origin, version: '0.2.0', now: Date.now, signal: new AbortController().signal });

describe('the metadata of a broker', () => {
  it('says where people sign in, and is asked for without anything that proves who asks', async () => {
    const { origin, seen } = await start({});
    expect(await ask(origin)).toMatchObject([
      { issuer: oidc.issuer, tokenUse: 'access', audience: 'api://oncall', algorithms: expect.anything() },
    ]);
    expect(seen).toMatchObject([{ method: 'GET', url: '/.well-known/oauth-protected-resource' }]);
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  it.each(['https://oncall.acme.dev', null, 7, ''])('is refused where it is of %j', async (resource) => {
    const { origin } = await start({ resource });
    expect(await refusalOf(ask(origin))).toMatchObject({ code: 'broker-mismatch', next: 'check the address with whoever runs the broker' });
  });

  it.each([
    (origin: string) => `${origin}/`,
    (origin: string) => origin.toUpperCase(),
    (origin: string) => origin.replace('127.0.0.1', 'localhost'),
    (origin: string) => `${origin} `,
  ])('is refused where it differs in one character', async (changed) => {
    const { origin } = await startRaw((own) => json(200, { resource: changed(own), oncall: { api: 1, version: '1', identities: [oidc] } }));
    expect(await refusalOf(ask(origin))).toMatchObject({ code: 'broker-mismatch' });
  });

  it.each([
    ['another form of the interface', { api: 2 }, 'is newer than this program'],
    ['no identities', { identities: [] }, 'is newer than this program'],
    ['an identity with a key that is not known here', { identities: [{ ...oidc, more: 1 }] }, 'is newer than this program'],
    ['an issuer over http', { identities: [{ ...oidc, issuer: 'http://issuer.example' }] }, 'is newer than this program'],
    ['an algorithm by which anybody signs', { identities: [{ ...oidc, algorithms: ['none'] }] }, 'is newer than this program'],
    ['nothing at all', { oncall: {} }, 'is not understood'],
  ])('is refused with %s', async (_, parts, message) => {
    const { origin } = await start(parts);
    expect(await refusalOf(ask(origin))).toMatchObject({ code: 'broker-version', message: `the broker ${origin} ${message}` });
  });

  it.each([
    'https://api.acme.dev',
    'https://oncall.acme.dev',
    'HTTPS://api.acme.dev/v1',
    'https://broker.test',
    'http://broker.test',
    'https:nonsense:',
  ])('is refused where the tokens are meant for somebody else: %s', async (audience) => {
    const { origin } = await start({ identities: [oidc, { ...oidc, clientId: 'x', audience }] }, ['broker.test']);
    const found = await refusalOf(ask(origin));
    expect(found).toMatchObject({ code: 'broker-refused', message: `nobody signs in to the broker ${origin}` });
    expect(found.why).toContain(audience);
  });

  it('is taken where the audience is the broker itself', async () => {
    const { origin } = await startRaw(
      (own) => json(200, { resource: own, oncall: { api: 1, version: '1', identities: [{ ...oidc, audience: `${own}/v1` }] } }),
      ['broker.test'],
    );
    expect(await ask(origin)).toHaveLength(1);
  });

  it('takes people at their word on this machine only', async () => {
    const identities = [{ kind: 'local' }];
    expect(await ask((await start({ identities })).origin)).toEqual(identities);
    const { origin } = await start({ identities }, ['broker.test']);
    expect(await refusalOf(ask(origin))).toMatchObject({ code: 'broker-refused', why: expect.stringContaining('at their word') });
  });

  it('sends nobody to an issuer on this machine, but from a broker on it', async () => {
    const identities = [{ ...oidc, issuer: 'http://127.0.0.1:9' }];
    expect(await ask((await start({ identities })).origin)).toHaveLength(1);
    const { origin } = await start({ identities }, ['broker.test']);
    expect(await refusalOf(ask(origin))).toMatchObject({
      code: 'broker-refused',
      why: 'it names an issuer on this machine, http://127.0.0.1:9',
    });
  });

  it.each([201, 302, 401, 503])('is none with status %s', async (code) => {
    const { origin } = await startRaw((own) => json(code, { resource: own, oncall: { api: 1, version: '1', identities: [oidc] } }));
    await expect(ask(origin)).rejects.toThrow(/is no broker|sends elsewhere|is not available/);
  });

  it.each([
    ['a web page', json(200, '<html>'), 'not-a-broker'],
    ['metadata of something else', json(200, { resource: 'https://x' }), 'not-a-broker'],
    ['not found', json(404, { schema: 1 }), 'not-a-broker'],
    ['a redirect', json(302, '', { location: 'https://evil.example' }), 'broker-redirects'],
  ])('is none: %s', async (_, answer, code) => {
    const { origin, seen } = await startRaw([answer]);
    expect(await refusalOf(ask(origin))).toMatchObject({ code });
    expect(seen).toHaveLength(1);
  });
});
