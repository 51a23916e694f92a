/** Signed JWTs for Okta's token endpoint: with the app's private key, and the proofs of DPoP (RFC 9449) with a key of this process. */

import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { broken, said } from './okta-errors.ts';

export type SigningKey = { readonly key: KeyObject; readonly alg: string; readonly hash: string; readonly kid?: string };

const curves: Readonly<Record<string, Pick<SigningKey, 'alg' | 'hash'>>> = {
  prime256v1: { alg: 'ES256', hash: 'sha256' },
  secp384r1: { alg: 'ES384', hash: 'sha384' },
  secp521r1: { alg: 'ES512', hash: 'sha512' },
};

/** PEM, or a JWK, whose `kid` is taken where the policy names none. */
export function parseKey(text: string, keyId: string | undefined, about: { readonly name: string }): SigningKey {
  const jwk = text.trimStart().startsWith('{') ? said(text) : undefined;
  try {
    const key = jwk ? createPrivateKey({ key: jwk as never, format: 'jwk' }) : createPrivateKey(text);
    const kid = keyId ?? (typeof jwk?.kid === 'string' ? jwk.kid : undefined);
    const kind =
      key.asymmetricKeyType === 'rsa'
        ? { alg: 'RS256', hash: 'sha256' }
        : curves[(key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve) || ''];
    if (kind) return { key, ...kind, ...(kid === undefined ? {} : { kid }) };
  } catch {
    // What was thrown may quote the key.
  }
  throw broken(
    about,
    'credentials',
    `the private key of ${about.name} is neither RSA nor EC, in PEM or as a JWK`,
    'name the file with the private key of the app, without a passphrase',
  );
}

export function signJwt({ key, alg, hash, kid }: SigningKey, header: object, claims: object): string {
  const input = [{ alg, ...(kid === undefined ? {} : { kid }), ...header }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${input}.${sign(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

export type Prover = {
  /** For one request; with the access token where there is one. */
  readonly of: (request: { readonly method: string; readonly url: string }, token?: string) => string;
  readonly nonce: (value: string | undefined) => void;
};

export function prover(now: () => number): Prover {
  let pair: { readonly key: SigningKey; readonly jwk: object } | undefined;
  let nonce: string | undefined;
  return {
    of: ({ method, url }, token) => {
      pair ??= makePair();
      const { origin, pathname } = new URL(url);
      const claims = {
        htm: method,
        // Without the query: Okta refuses a proof that has it.
        htu: origin + pathname,
        iat: Math.floor(now() / 1000),
        jti: randomUUID(),
        ...(token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }),
        ...(token === undefined && nonce !== undefined ? { nonce } : {}),
      };
      return signJwt(pair.key, { typ: 'dpop+jwt', jwk: pair.jwk }, claims);
    },
    nonce: (value) => {
      nonce = value ?? nonce;
    },
  };
}

function makePair() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { key: { key: privateKey, alg: 'ES256', hash: 'sha256' }, jwk: publicKey.export({ format: 'jwk' }) };
}
