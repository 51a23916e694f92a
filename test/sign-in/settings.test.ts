import { describe, expect, it } from 'vitest';
import { type OidcIdentity, oidcIdentity, sharedDomains } from '../../src/sign-in/settings.ts';

const okta = { kind: 'oidc', issuer: 'https://acme.okta.com/oauth2/default', clientId: '0oa1', domains: ['acme.dev'] };
const read = (changes: object) => oidcIdentity.safeParse({ ...okta, ...changes });
const faults = (changes: object) => read(changes).error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? [];

describe('the settings of an OIDC identity', () => {
  it('expect ID tokens unless an audience is named, and asymmetric signatures', () => {
    expect(read({}).data).toEqual({
      ...okta,
      scopes: ['openid', 'email', 'profile', 'offline_access'],
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      tokenUse: 'id',
    });
    expect(read({ audience: 'api://oncall' }).data).toMatchObject({ audience: 'api://oncall', tokenUse: 'access' });
  });

  it('fold the domains and leave the issuer as it is spelt', () => {
    const { data } = read({ domains: ['ACME.dev'], issuer: 'https://Acme.auth0.com/' });
    expect(data).toMatchObject({ domains: ['acme.dev'], issuer: 'https://Acme.auth0.com/' });
  });

  it.each([
    ['http to another machine', { issuer: 'http://acme.okta.com' }, /^issuer .*https/],
    ['a query', { issuer: 'https://acme.okta.com?x=1' }, /^issuer/],
    ['a fragment', { issuer: 'https://acme.okta.com#' }, /^issuer/],
    ['a password', { issuer: 'https://me:secret@acme.okta.com' }, /^issuer/],
    ['a file', { issuer: 'file:///etc/passwd' }, /^issuer/],
    ['no address', { issuer: 'acme.okta.com' }, /^issuer/],
    ['no domain', { domains: [] }, /^domains is empty/],
    ['a wildcard', { domains: ['*'] }, /^domains.0/],
    ['an e-mail for a domain', { domains: ['maria@acme.dev'] }, /^domains.0/],
    ['alg none', { algorithms: ['none'] }, /^algorithms/],
    ['a shared secret', { algorithms: ['RS256', 'HS256'] }, /^algorithms/],
    ['no algorithm', { algorithms: [] }, /^algorithms/],
    ['scopes without openid', { scopes: ['email'] }, /^scopes .*openid/],
    ['access tokens for nobody in particular', { tokenUse: 'access' }, /^audience is missing/],
    ['ID tokens with an audience of their own', { tokenUse: 'id', audience: 'api://oncall' }, /^audience is not used/],
    ['the client as the audience', { audience: '0oa1' }, /^audience must not be the clientId/],
    ['a port for root', { redirectPort: 80 }, /^redirectPort/],
  ])('refuse %s', (_, changes, fault) => {
    expect(faults(changes)).toEqual([expect.stringMatching(fault)]);
  });

  it('have no secret and no other key', () => {
    expect(read({ clientSecret: 'x' }).error?.issues).toMatchObject([{ code: 'unrecognized_keys', keys: ['clientSecret'] }]);
  });

  it('take plain http for an issuer on this machine', () => {
    expect(faults({ issuer: 'http://127.0.0.1:8080/oauth2/default' })).toEqual([]);
  });

  it('show the domains for which two issuers would speak, and not two clients of one issuer', () => {
    const one = oidcIdentity.parse(okta);
    const clients: OidcIdentity[] = [one, { ...one, clientId: '0oa2' }];
    expect(sharedDomains(clients)).toEqual([]);
    const other = { ...one, issuer: 'https://accounts.google.com', domains: ['acme.org', 'acme.dev'] };
    expect(sharedDomains([...clients, other])).toEqual([{ domain: 'acme.dev', issuers: [one.issuer, other.issuer] }]);
  });
});
