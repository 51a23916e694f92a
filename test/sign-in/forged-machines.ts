/** Tokens of service accounts as issuers write them, and those that must not pass for one, or for anybody else. */

import { audience, clientId, machine } from '../fakes/issuer.ts';
import type { Forge } from './forged.ts';

type Row = { readonly name: string; readonly token: string };
type Claims = Readonly<Record<string, unknown>>;

const { id } = machine;

const minting = ({ write, good, nowS }: Forge) => {
  const bare = { iss: good.access.iss, aud: audience, iat: nowS - 10, exp: nowS + 3600 };
  const okta = { ...bare, ver: 1, cid: id, sub: id, scp: ['oncall'] };
  const auth0 = { ...bare, azp: id, sub: `${id}@clients`, gty: 'client-credentials' };
  const entra = { ...bare, ver: '2.0', azp: id, oid: 'bc2a72f4-d923', sub: 'bc2a72f4-d923', idtyp: 'app', roles: ['Oncall'] };
  const keycloak = {
    ...{ ...bare, typ: 'Bearer', azp: id, client_id: id, sub: 'f3a1-uuid', scope: 'profile email' },
    preferred_username: `service-account-${id.toLowerCase()}`,
  };
  const token =
    (claims: Claims) =>
    (changes: Claims, header: Claims = {}) =>
      write({ ...header }, { ...claims, ...changes });
  return { okta: token(okta), auth0: token(auth0), entra: token(entra), keycloak: token(keycloak) };
};

export function machineTokens(forge: Forge): readonly Row[] {
  const { okta, auth0, entra, keycloak } = minting(forge);
  const tokens = {
    'as Okta writes it': okta({}),
    'as RFC 9068 has it': okta({ cid: undefined, client_id: id }, { typ: 'at+jwt' }),
    'as Auth0 writes it': auth0({}),
    'as Entra writes it': entra({}),
    'as Entra wrote it before': entra({ azp: undefined, appid: id, ver: '1.0' }),
    'as Keycloak writes it': keycloak({}),
    'with the e-mail of a colleague in it': okta({ email: 'maria@acme.dev', email_verified: true }),
    'with an e-mail that is nobody’s': okta({ email: ['x', 1] }),
    'for two audiences, ours among them': okta({ aud: [audience, 'api://payroll'] }),
  };
  return Object.entries(tokens).map(([name, token]) => ({ name, token }));
}

export function forgedMachineTokens(forge: Forge): readonly (Row & { readonly why: RegExp })[] {
  const { okta, auth0, entra, keycloak } = minting(forge);
  const rows: readonly (readonly [name: string, token: string, why: RegExp])[] = [
    ['a person of its client, by their login', okta({ sub: 'maria@acme.dev', uid: '00u1maria' }), /its "uid" is that of a person/],
    ['a person of its client, whose login is its id', okta({ uid: '00u9eve' }), /its "uid" is that of a person/],
    ['a person of its client, by their id', okta({ sub: '00u1maria' }), /its subject is not the service account/],
    ['a person of its client, with its id as their name', okta({ sub: '00u9eve', preferred_username: id }), /its subject is not/],
    ['somebody who has signed in with its client', okta({ auth_time: forge.nowS - 20 }), /its "auth_time" is that of a person/],
    ['its id in capitals', okta({ sub: id.toUpperCase() }), /its subject is not/],
    ['its id with something behind it', okta({ sub: `${id} ` }), /its subject is not/],
    ['a list that has its id', okta({ sub: [id] }), /claim "sub" is malformed|its subject is not/],
    ['another service account as its subject', okta({ sub: '0oaCi999' }), /its subject is not/],
    ['a service account that is not listed', okta({ cid: '0oaCi999', sub: '0oaCi999' }), /another client \("cid"/],
    ['a service account called like a thing of the language', okta({ cid: 'constructor', sub: 'constructor' }), /another client \("cid"/],
    ['its id beside that of the client of people', okta({ azp: clientId }), /names another client as well/],
    ['the client of people beside its id', okta({ cid: clientId, azp: id }), /names another client as well/],
    ['its id in a list of clients', okta({ cid: [id] }), /another client \("cid"/],
    ['no client at all', okta({ cid: undefined }), /does not say which client/],
    ['another audience', okta({ aud: 'api://payroll' }), /another audience/],
    ['itself as the audience', okta({ aud: id }), /another audience/],
    ['another issuer', okta({ iss: 'https://evil.example' }), /another issuer/],
    ['past its end', okta({ exp: forge.nowS - 90 }), /past its end/],
    ['an ID token of a person for its client, with our audience', okta({ nonce: 'n', cid: undefined, azp: id }), /it is an ID token/],
    ['a refresh token', keycloak({ typ: 'Refresh' }), /another kind of token/],
    ['a logout token', okta({ events: {} }), /another kind of token/],
    ['Auth0: a person of its client', auth0({ sub: 'auth0|5f7c', gty: undefined }), /its subject is not/],
    ['Auth0: a person by their password', auth0({ gty: 'password' }), /its "gty" is not that of client credentials/],
    ['Auth0: several grants', auth0({ gty: ['client-credentials', 'refresh_token'] }), /its "gty" is not that/],
    ['Auth0: its name without the grant', auth0({ gty: undefined }), /its subject is not/],
    ['Entra: a person of its client', entra({ idtyp: 'user', sub: 'pairwise', scp: 'access' }), /its "idtyp" is not that/],
    ['Entra: nothing says that it is an app', entra({ idtyp: undefined }), /its subject is not/],
    ['Entra: an app on behalf of somebody', entra({ sub: 'pairwise' }), /its subject is not/],
    ['Entra: no object', entra({ oid: undefined }), /its subject is not/],
    ['Keycloak: a person of its client', keycloak({ preferred_username: 'maria', client_id: undefined }), /its subject is not/],
    ['Keycloak: a person who took its user name', keycloak({ client_id: undefined }), /its subject is not/],
    ['Keycloak: the user of another service account', keycloak({ preferred_username: 'service-account-other' }), /its subject is not/],
    ['Keycloak: a session of a person', keycloak({ sid: 's1' }), /its "sid" is that of a person/],
    [
      'the client of people for itself',
      okta({ cid: clientId, sub: clientId, email: 'maria@acme.dev' }),
      /its client's own, and no person's/,
    ],
    [
      'the client of people for itself, as Auth0 says it',
      auth0({ azp: clientId, sub: 'maria@acme.dev', email: 'maria@acme.dev' }),
      /its client's own, and no person's/,
    ],
    ['an app of Entra as a person', entra({ azp: clientId, email: 'maria@acme.dev', sub: 'x' }), /its client's own, and no person's/],
    ['a person with the name of a service account', forge.access({ email: machine.name }), /deploy-bot@acme.dev is a service account/],
    ['a person whose login is its name', forge.access({ sub: 'Deploy-Bot@acme.dev' }), /deploy-bot@acme.dev is a service account/],
    ['a person with the subject of a service account', forge.access({ uid: `client:${id}` }), /written like that of a service account/],
  ];
  return rows.map(([name, token, why]) => ({ name, token, why }));
}
