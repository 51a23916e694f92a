import { describe, expect, it } from 'vitest';
import { machineClashes, type OidcIdentity, oidcIdentity, sharedDomains } from '../../src/sign-in/settings.ts';

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
    ['service accounts without an audience', { machines: { ci: 'ci@acme.dev' } }, /^machines need an audience/],
    ['no service account', { audience: 'api://x', machines: {} }, /^machines is empty/],
    ['the client of people as a service account', { audience: 'api://x', machines: { '0oa1': 'ci@acme.dev' } }, /^machines must not have/],
    ['a service account of another domain', { audience: 'api://x', machines: { ci: 'ci@evil.example' } }, /^machines need names in/],
    ['a service account of a subdomain', { audience: 'api://x', machines: { ci: 'ci@x.acme.dev' } }, /^machines need names in/],
    [
      'two service accounts of one name',
      { audience: 'api://x', machines: { a: 'ci@acme.dev', b: 'CI@acme.dev' } },
      /^machines need a name each/,
    ],
    ['a name that is no e-mail', { audience: 'api://x', machines: { ci: 'deploy-bot' } }, /^machines.ci needs a name/],
    ['a name with look-alikes', { audience: 'api://x', machines: { ci: 'mi\u212aa@acme.dev' } }, /^machines.ci needs a name/],
    ['an id with a space', { audience: 'api://x', machines: { 'c i': 'ci@acme.dev' } }, /^machines.c i/],
    ['scopes of nobody', { audience: 'api://x', machineScopes: ['oncall'] }, /^machineScopes mean nothing/],
  ])('refuse %s', (_, changes, fault) => {
    expect(faults(changes)).toEqual([expect.stringMatching(fault)]);
  });

  it('have no secret and no other key', () => {
    expect(read({ clientSecret: 'x' }).error?.issues).toMatchObject([{ code: 'unrecognized_keys', keys: ['clientSecret'] }]);
  });

  it('take plain http for an issuer on this machine', () => {
    expect(faults({ issuer: 'http://127.0.0.1:8080/oauth2/default' })).toEqual([]);
  });

  it('keep service accounts by id, their names folded, and can be read again', () => {
    const machines = { '0oaCi': 'Deploy-Bot@ACME.dev' };
    const { data } = read({ audience: 'api://x', domains: ['Acme.dev'], machines, machineScopes: ['oncall'] });
    expect(data).toMatchObject({ machines: { '0oaCi': 'deploy-bot@acme.dev' }, machineScopes: ['oncall'] });
    expect(oidcIdentity.parse(JSON.parse(JSON.stringify(data)))).toEqual(data);
  });

  it('show which service account another entry of its issuer makes somebody else', () => {
    const one = oidcIdentity.parse({ ...okta, audience: 'api://x', machines: { ci: 'ci@acme.dev' } });
    const second = (changes: object) =>
      oidcIdentity.parse({ ...okta, clientId: '0oa2', audience: 'api://x', domains: ['b.dev'], ...changes });
    expect(machineClashes([one, second({})])).toEqual([]);
    expect(machineClashes([one, second({ clientId: 'ci' })])).toEqual([expect.stringContaining('ci is also a client')]);
    expect(machineClashes([one, second({ machines: { ci: 'x@b.dev' } })])).toHaveLength(2);
    expect(machineClashes([one, second({ domains: ['acme.dev'] })])).toEqual([expect.stringContaining('a person could have that name')]);
    expect(machineClashes([one, { ...second({ clientId: 'ci' }), issuer: 'https://b.example' }])).toEqual([]);
  });

  it('show the domains for which two issuers would speak, and not two clients of one issuer', () => {
    const one = oidcIdentity.parse(okta);
    const clients: OidcIdentity[] = [one, { ...one, clientId: '0oa2' }];
    expect(sharedDomains(clients)).toEqual([]);
    const other = { ...one, issuer: 'https://accounts.google.com', domains: ['acme.org', 'acme.dev'] };
    expect(sharedDomains([...clients, other])).toEqual([{ domain: 'acme.dev', issuers: [one.issuer, other.issuer] }]);
  });
});
