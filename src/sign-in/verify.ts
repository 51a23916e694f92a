/** A token → who it speaks for, or why it is not believed. Makes no call: keys and time are handed in. */

import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, type JWTPayload, type JWTVerifyResult, jwtVerify } from 'jose';
import type { Actor } from '../lifecycle/types.ts';
import { actorOf } from './claims.ts';
import { expired, quotable, refused } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';

export type Verified = {
  readonly actor: Actor;
  /** Epoch ms. */
  readonly expiresAt: number;
};

const MAX_LENGTH = 16_384;
const TOLERANCE_S = 60;

export async function verifyToken(token: string, identity: OidcIdentity, keys: JSONWebKeySet, now: number): Promise<Verified> {
  requireForm(token, identity);
  const { protectedHeader, payload } = await signedBy(keys, token, identity, now);
  const { iat, exp } = payload;
  if (iat === undefined || exp === undefined) throw refused(identity, 'it does not say when it was issued and when it ends');
  // Not checked by jose unless a maximum age is set.
  if (iat > now / 1000 + TOLERANCE_S) throw refused(identity, 'it was issued in the future', 'set the clock of this machine right');
  return { actor: actorOf(protectedHeader.typ, payload, identity), expiresAt: exp * 1000 };
}

/** Cheap, and before anything of it is believed. */
function requireForm(token: string, identity: OidcIdentity): void {
  if (token.length > MAX_LENGTH) throw refused(identity, `it is longer than ${MAX_LENGTH} characters`);
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) {
    const hint = identity.tokenUse === 'access' ? "; Okta's org server gives such access tokens: use a custom one, or tokenUse: id" : '';
    throw refused(identity, `it is not a signed token (JWT) that could be checked here${hint}`);
  }
  const algorithm = algorithmOf(token);
  if (identity.algorithms.some((allowed) => allowed === algorithm)) return;
  const named = typeof algorithm === 'string' ? `"${quotable(algorithm)}"` : 'no algorithm';
  throw refused(identity, `it is signed with ${named}, and the policy allows ${identity.algorithms.join(', ')}`);
}

function algorithmOf(token: string): unknown {
  try {
    return decodeProtectedHeader(token).alg;
  } catch {
    return undefined;
  }
}

const keySets = new WeakMap<JSONWebKeySet, ReturnType<typeof createLocalJWKSet>>();

/** jose copies the keys and imports each anew; a broker hands in the same object call after call. */
function keySet(keys: JSONWebKeySet): ReturnType<typeof createLocalJWKSet> {
  const known = keySets.get(keys) ?? createLocalJWKSet(keys);
  keySets.set(keys, known);
  return known;
}

async function signedBy(keys: JSONWebKeySet, token: string, identity: OidcIdentity, now: number): Promise<JWTVerifyResult<JWTPayload>> {
  try {
    return await jwtVerify(token, keySet(keys), {
      algorithms: [...identity.algorithms],
      issuer: identity.issuer,
      audience: identity.tokenUse === 'access' ? (identity.audience ?? []) : identity.clientId,
      requiredClaims: ['exp', 'iat', 'sub'],
      clockTolerance: TOLERANCE_S,
      currentDate: new Date(now),
    });
  } catch (error) {
    throw asRefusal(error, identity);
  }
}

/** jose's errors are told apart by code. They never become the cause: some carry the whole payload. */
function asRefusal(error: unknown, identity: OidcIdentity): Error {
  const { code, claim, reason } = error as { code?: unknown; claim?: unknown; reason?: unknown };
  if (code === 'ERR_JWT_EXPIRED') return expired(identity, 'its token is past its end, and could not be renewed');
  if (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED') return refused(identity, claimFault(String(claim), reason));
  if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') return refused(identity, 'its signature is not by the key it names');
  if (code === 'ERR_JWKS_NO_MATCHING_KEY') return refused(identity, 'it names a key that is not among those of the issuer');
  if (code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS')
    return refused(identity, 'it does not say by which of the keys of the issuer it is signed');
  return refused(identity, 'it is not a well-formed signed token');
}

function claimFault(claim: string, reason: unknown): string {
  if (reason === 'missing') return `it lacks the claim "${claim}"`;
  if (reason === 'invalid') return `its claim "${claim}" is malformed`;
  if (claim === 'iss') return 'it is from another issuer than the policy names';
  if (claim === 'aud') return 'it is meant for another audience';
  if (claim === 'nbf') return 'it is not valid yet';
  return `its claim "${claim}" is not as it must be`;
}
