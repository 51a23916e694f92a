/** Tokens that no door may take, each with the reason it is turned away for, and good ones beside them: any door can be held against this table. */

import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { exportJWK } from 'jose';
import { audience, clientId, type Issuer } from '../fakes/issuer.ts';

export type Row = { readonly name: string; readonly tokenUse: 'access' | 'id'; readonly token: string; readonly why: RegExp };

type Json = Record<string, unknown>;
type Signer = (data: string) => Buffer;

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const rsa =
  (key: KeyObject, hash = 'RSA-SHA256'): Signer =>
  (data) =>
    sign(hash, Buffer.from(data), key);
const hmac =
  (secret: string | Buffer): Signer =>
  (data) =>
    createHmac('sha256', secret).update(data).digest();
const unsigned: Signer = () => Buffer.alloc(0);

export type Forge = Awaited<ReturnType<typeof newForge>>;

export async function newForge(issuer: Issuer, now = Date.now()) {
  const key = createPrivateKey({ key: (await exportJWK(issuer.keys.private)) as JsonWebKey, format: 'jwk' });
  const nowS = Math.floor(now / 1000);
  const times = { iat: nowS - 10, exp: nowS + 3600 };
  const good = {
    access: { iss: issuer.url, aud: audience, cid: clientId, uid: '00u1maria', sub: 'maria@acme.dev', scp: ['openid'], ver: 1, ...times },
    id: { iss: issuer.url, aud: clientId, sub: '00u1maria', email: 'maria@acme.dev', email_verified: true, at_hash: 'x', ...times },
  } satisfies Record<string, Json>;
  const write = (header: Json, claims: unknown, signer: Signer = rsa(key)): string => {
    const data = `${part({ alg: 'RS256', kid: issuer.keys.kid, ...header })}.${part(claims)}`;
    return `${data}.${signer(data).toString('base64url')}`;
  };
  const access = (claims: Json = {}, header: Json = {}) => write(header, { ...good.access, ...claims });
  const id = (claims: Json = {}, header: Json = {}) => write(header, { ...good.id, ...claims });
  return { access, id, write, good, nowS, key, publicPem: createPublicKey(key).export({ type: 'spki', format: 'pem' }) };
}

export function acceptedTokens({ access, id, good, write, nowS }: Forge): Omit<Row, 'why'>[] {
  const rows = (tokenUse: Row['tokenUse'], tokens: Record<string, string>) =>
    Object.entries(tokens).map(([name, token]) => ({ name, tokenUse, token }));
  const { cid: _cid, uid: _uid, ...plain } = good.access;
  return [
    ...rows('access', {
      'as Okta writes it': access(),
      'as RFC 9068 has it': write({ typ: 'at+jwt' }, { ...plain, sub: '00u1maria', client_id: clientId, email: 'maria@acme.dev' }),
      'with its media type in full': access({}, { typ: 'application/AT+JWT' }),
      'for two audiences, ours among them': access({ aud: ['https://acme.dev/userinfo', audience] }),
      'with capitals in the e-mail': access({ email: 'Maria@ACME.dev' }),
      'with a verified e-mail': access({ email: 'maria@acme.dev', email_verified: true }),
      'by a clock half a minute ahead': access({ iat: nowS + 30, nbf: nowS + 30 }),
      'half a minute past its end': access({ exp: nowS - 30 }),
      'without kid, where the issuer has one key': access({}, { kid: undefined }),
    }),
    ...rows('id', {
      'as it is': id(),
      'of the device flow, with neither nonce nor hash': id({ at_hash: undefined }),
      'with typ JWT': id({}, { typ: 'JWT' }),
      'for several audiences, given to us': id({ aud: [clientId, 'another'], azp: clientId }),
      'without email_verified, which not every issuer sends': id({ email_verified: undefined }),
    }),
  ];
}

export function forgedTokens(forge: Forge): readonly Row[] {
  return [...bySignature(forge), ...byClaims(forge), ...byPerson(forge), ...byKind(forge), ...byForm(forge)];
}

const row = (name: string, token: string, why: RegExp, tokenUse: Row['tokenUse'] = 'access'): Row => ({ name, tokenUse, token, why });

function bySignature({ access, write, good, key, publicPem, nowS }: Forge): Row[] {
  const claims = good.access;
  const forger = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const forgersJwk = forger.publicKey.export({ format: 'jwk' });
  const curve = generateKeyPairSync('ed25519').privateKey;
  const [head, , signature] = access().split('.');
  const modulus = Buffer.from(String(createPublicKey(key).export({ format: 'jwk' }).n), 'base64url');
  const forged = (header: Json) => write(header, claims, rsa(forger.privateKey));
  return [
    row('alg none', write({ alg: 'none' }, claims, unsigned), /signed with "none"/),
    row('alg None, in capitals', write({ alg: 'NONE' }, claims, unsigned), /signed with "NONE"/),
    row('HS256 with the public key as the secret', write({ alg: 'HS256' }, claims, hmac(String(publicPem))), /signed with "HS256"/),
    row('HS256 with the modulus as the secret', write({ alg: 'HS256' }, claims, hmac(modulus)), /signed with "HS256"/),
    row('no alg at all', write({ alg: undefined }, claims), /signed with no algorithm/),
    row('an algorithm that the policy does not list', write({ alg: 'RS384' }, claims, rsa(key, 'RSA-SHA384')), /signed with "RS384"/),
    row('the signature taken off', write({}, claims, unsigned), /signature is not by the key/),
    row('the signature of another token', `${head}.${part({ ...claims, uid: '00u9root' })}.${signature}`, /signature is not by the key/),
    row('another expiry after signing', `${head}.${part({ ...claims, exp: nowS + 9e6 })}.${signature}`, /signature is not by the key/),
    row("the forger's key under the issuer's kid", forged({}), /signature is not by the key/),
    row("the forger's key in the header (jwk)", forged({ jwk: forgersJwk }), /signature is not by the key/),
    row("the forger's keys by address (jku)", forged({ jku: 'http://127.0.0.1:9/keys' }), /signature is not by the key/),
    row("the forger's certificate by address (x5u)", forged({ x5u: 'http://127.0.0.1:9/cert' }), /signature is not by the key/),
    row('a kid that the issuer does not have', forged({ kid: 'key-2' }), /key that is not among those of the issuer/),
    row('a kid that is a path', forged({ kid: '../../../../dev/null' }), /key that is not among those of the issuer/),
    row(
      'EdDSA, which is allowed, by a key of the forger',
      write({ alg: 'EdDSA' }, claims, (d) => sign(null, Buffer.from(d), curve)),
      /key that is not/,
    ),
    row('ES256 over the RSA key', write({ alg: 'ES256' }, claims), /key that is not among those of the issuer/),
    row('a critical extension that nobody here knows', access({}, { crit: ['exp'], exp: 1 }), /not a well-formed/),
    row('an unencoded payload (b64: false)', access({}, { crit: ['b64'], b64: false }), /not a well-formed|signature/),
  ];
}

function byClaims({ access, id, good, nowS }: Forge): Row[] {
  return [
    row('another audience', access({ aud: 'api://payroll' }), /another audience/),
    row('our audience in capitals', access({ aud: 'API://ONCALL' }), /another audience/),
    row('an audience that begins like ours', access({ aud: 'api://oncall-staging' }), /another audience/),
    row('no audience', access({ aud: undefined }), /lacks the claim "aud"/),
    row('another issuer', access({ iss: 'https://evil.example' }), /another issuer/),
    row('our issuer with a slash at its end', access({ iss: `${good.access.iss}/` }), /another issuer/),
    row('another authorization server of the same org', access({ iss: good.access.iss.replace('default', 'other') }), /another issuer/),
    row('no issuer', access({ iss: undefined }), /lacks the claim "iss"/),
    row('another client (cid)', access({ cid: '0oa9other' }), /another client \("cid"/),
    row('another client (azp) beside our cid', access({ azp: '0oa9other' }), /another client \("azp"/),
    row('another client (client_id)', access({ cid: undefined, client_id: '0oa9other' }), /another client \("client_id"/),
    row('a list of clients', access({ cid: [clientId, '0oa9other'] }), /another client \("cid"/),
    row('no client', access({ cid: undefined }), /does not say which client/),
    row('an ID token for another client', id({ aud: '0oa9other' }), /another audience/, 'id'),
    row('an ID token of another party (azp)', id({ azp: '0oa9other' }), /another client \("azp"/, 'id'),
    row('an ID token for several, given to nobody', id({ aud: [clientId, 'another'] }), /several audiences/, 'id'),
    row('expired', access({ exp: nowS - 90 }), /past its end/),
    row('no expiry', access({ exp: undefined }), /lacks the claim "exp"/),
    row('an expiry in words', access({ exp: '2099-01-01' }), /claim "exp" is malformed/),
    row('issued in the future', access({ iat: nowS + 90 }), /issued in the future/),
    row('no time of issue', access({ iat: undefined }), /lacks the claim "iat"/),
    row('not valid yet', access({ nbf: nowS + 90 }), /not valid yet/),
  ];
}

function byPerson({ access, id }: Forge): Row[] {
  const notPlain = /not a plain e-mail/;
  return [
    row('no subject', access({ sub: undefined }), /lacks the claim "sub"/),
    row('an empty subject', id({ sub: '' }), /its subject/, 'id'),
    row('a subject that is a number', id({ sub: 1 }), /its subject/, 'id'),
    row('a user id that is a list', access({ uid: ['00u1maria'] }), /its subject/),
    row('no e-mail', access({ sub: '00u1maria' }), /carries no e-mail/),
    row('an ID token with the e-mail as subject only', id({ sub: 'maria@acme.dev', email: undefined }), /carries no e-mail/, 'id'),
    row('an e-mail of another domain', access({ email: 'maria@evil.example' }), /not in a domain/),
    row('an e-mail of a subdomain', access({ email: 'maria@dev.acme.dev' }), /not in a domain/),
    row('a domain that ends like ours', access({ email: 'maria@evil-acme.dev' }), /not in a domain/),
    row('a domain that begins like ours', access({ email: 'maria@acme.dev.evil.example' }), /not in a domain/),
    row('two e-mails in one', access({ email: 'eve@evil.example,maria@acme.dev' }), notPlain),
    row('two at-signs', access({ email: 'eve@evil.example@acme.dev' }), notPlain),
    row('a quoted local part', access({ email: '"eve@evil.example"@acme.dev' }), notPlain),
    row('a look-alike that case-folding makes alike (Kelvin sign)', access({ email: 'mi\u212aa@acme.dev' }), notPlain),
    row('a line break in the e-mail', access({ email: 'maria@acme.dev\n' }), notPlain),
    row('a list of e-mails', access({ email: ['maria@acme.dev'] }), notPlain),
    row('an empty e-mail beside a good login', access({ email: '' }), notPlain),
    row('an e-mail of null beside a good login', access({ email: null }), notPlain),
    row('an e-mail that is not verified', access({ email: 'maria@acme.dev', email_verified: false }), /has not verified/),
    row('an e-mail that is not verified, in words', id({ email_verified: 'false' }), /has not verified/, 'id'),
    row('a verification of null', id({ email_verified: null }), /has not verified/, 'id'),
  ];
}

function byKind({ access, id, good }: Forge): Row[] {
  const isId = /it is an ID token/;
  const isAccess = /it is an access token/;
  const logout = { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } };
  return [
    row('an ID token as access token', id(), /another audience/),
    row('an ID token that has our audience too', id({ aud: [audience, clientId], azp: clientId }), isId),
    row('an ID token by its nonce', access({ nonce: 'n' }), isId),
    row('an ID token of Cognito', access({ token_use: 'id' }), isId),
    row('a refresh token of Keycloak', access({ typ: 'Refresh' }), /another kind of token/),
    row('a token of another type', access({}, { typ: 'dpop+jwt' }), /another kind of token \(type "dpop\+jwt"/),
    row('a logout token', id({ ...logout, at_hash: undefined }), /another kind of token/, 'id'),
    row('an access token as ID token', access(), /another audience/, 'id'),
    row('an access token whose audience is the client', access({ aud: clientId, email: 'maria@acme.dev' }), isAccess, 'id'),
    row('an access token by its header', id({}, { typ: 'at+jwt' }), isAccess, 'id'),
    row('an access token by its scope', id({ at_hash: undefined, scope: 'openid' }), isAccess, 'id'),
    row('a token with a type that is a number', access({}, { typ: 1 }), /well-formed|another kind/),
    row('an access token with the type of an ID token in it', access({ typ: 'ID', iss: good.access.iss }), isId),
  ];
}

function byForm({ access, write }: Forge): Row[] {
  const noToken = /not a signed token/;
  return [
    row('nothing', '', noToken),
    row('an opaque token', '0a1b2c3d4e5f', noToken),
    row('five parts, as an encrypted one has', `${access()}.a.b`, noToken),
    row('a good one with a line break', `${access()}\n`, noToken),
    row('a good one with its scheme', `Bearer ${access()}`, noToken),
    row('a good one in quotes', `"${access()}"`, noToken),
    row('a good one with padding', `${access()}==`, noToken),
    row('claims that are a list', write({}, [{ sub: 'x' }]), /well-formed/),
    row('claims that are null', write({}, null), /well-formed/),
    row('one that is too long', access({ filling: 'x'.repeat(20_000) }), /longer than/),
  ];
}
