/** An issuer's public keys, kept beside the tokens: a fresh cache needs no call, an unknown key is looked for once, a dead issuer does not lock everybody out at once. */

import { createHash } from 'node:crypto';
import type { JSONWebKeySet, JWK } from 'jose';
import { isProviderError, OncallError } from '../errors.ts';
import { getJson, isLoopback } from '../http.ts';
import { proxyFault } from '../proxy.ts';
import { type SignInContext, signInFiles } from './context.ts';
import { hostOf } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';

type Cached = { readonly issuer: string; readonly keys: readonly JWK[]; readonly fetchedAt: number; readonly triedAt: number };

const FRESH_MS = 3_600_000;
/** How long keys still count while the issuer cannot be asked for newer ones. */
const STALE_MS = 24 * 3_600_000;
/** A flood of tokens that name keys of their own must not become a flood of questions. */
const BETWEEN_TRIES_MS = 60_000;
const TIMEOUT_MS = 5_000;
const MAX_KEYS = 100;

/** The keys by which this token may be signed. */
export async function keysFor(token: string, identity: OidcIdentity, context: SignInContext): Promise<JSONWebKeySet> {
  const now = context.now();
  const cached = readCache(identity, context.folder);
  const ageMs = cached === undefined ? Number.POSITIVE_INFINITY : now - cached.fetchedAt;
  // Negative: the clock went back, so nothing is known about the age.
  const isUsable = cached !== undefined && ageMs >= 0 && ageMs <= STALE_MS;
  if (isUsable && ageMs <= FRESH_MS && knows(cached, token)) return { keys: [...cached.keys] };
  if (isUsable && now - cached.triedAt < BETWEEN_TRIES_MS) return { keys: [...cached.keys] };
  try {
    const keys = await fetchKeys(identity, context);
    writeCache({ issuer: identity.issuer, keys, fetchedAt: now, triedAt: now }, context);
    return { keys: [...keys] };
  } catch (error) {
    if (!isUsable || context.signal.aborted) throw error;
    context.log(`${(error as Error).message}; its keys of ${Math.round(ageMs / 60_000)} min ago are used`);
    writeCache({ ...cached, triedAt: now }, context);
    return { keys: [...cached.keys] };
  }
}

async function fetchKeys(identity: OidcIdentity, context: SignInContext): Promise<readonly JWK[]> {
  const options = {
    provider: `the issuer ${hostOf(identity)}`,
    timeoutMs: TIMEOUT_MS,
    startedAt: performance.now(),
    maxBytes: 256 * 1024,
    signal: context.signal,
    log: context.log,
  };
  try {
    const metadata = await getJson(new URL(`${identity.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`), options);
    // Never from a token: `jku` and `x5u` are the forger's to choose.
    const address = jwksAddress(metadata, identity);
    return usableKeys(await getJson(address, options), identity);
  } catch (error) {
    if (!isProviderError(error)) throw error;
    throw unavailable(identity, error.message, {
      cause: error,
      next: error.fault === 'unavailable' ? error.next : proxyFault(error)?.next,
    });
  }
}

function jwksAddress(metadata: unknown, identity: OidcIdentity): URL {
  const { issuer, jwks_uri: address } = Object(metadata) as { issuer?: unknown; jwks_uri?: unknown };
  if (issuer !== identity.issuer) throw otherIssuer(identity);
  if (typeof address === 'string' && URL.canParse(address)) {
    if (address.startsWith('https://') || (isLoopback(identity.issuer) && isLoopback(address))) return new URL(address);
  }
  throw unavailable(identity, 'its metadata names no safe address of its keys (jwks_uri)');
}

/** Public keys for signatures, and of those only the public members. */
function usableKeys(answer: unknown, identity: OidcIdentity): readonly JWK[] {
  const { keys } = Object(answer) as { keys?: unknown };
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw unavailable(identity, 'it does not answer with a set of keys');
  const usable = keys.filter(
    (key): key is JWK => ['RSA', 'EC', 'OKP'].includes(Object(key).kty) && [undefined, 'sig'].includes(Object(key).use),
  );
  return usable.map(({ kty, kid, alg, use, n, e, crv, x, y }) =>
    Object.fromEntries(Object.entries({ kty, kid, alg, use, n, e, crv, x, y }).filter(([, value]) => typeof value === 'string')),
  );
}

export function otherIssuer(identity: OidcIdentity): OncallError {
  return new OncallError('issuer-mismatch', `the issuer at ${hostOf(identity)} calls itself something else than the policy does`, {
    why: `the policy names ${identity.issuer}, and it must be the same to the last character, a slash at its end included`,
    next: "correct the policy's identity: the issuer as its own /.well-known/openid-configuration spells it",
  });
}

export function unavailable(identity: OidcIdentity, why: string, more: { cause?: unknown; next?: string | undefined } = {}): OncallError {
  return new OncallError('issuer-unavailable', `${hostOf(identity)} cannot be asked who you are`, {
    why,
    next: more.next ?? 'try again; if it stays so, open the address of the issuer in a browser',
    cause: more.cause,
  });
}

function knows({ keys }: Cached, token: string): boolean {
  const kid = kidOf(token);
  return kid === undefined || keys.some((key) => key.kid === kid);
}

function kidOf(token: string): unknown {
  try {
    return Object(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())).kid;
  } catch {
    return undefined;
  }
}

const nameOf = (issuer: string): string => `keys-${createHash('sha256').update(issuer).digest('hex').slice(0, 32)}.json`;

/** A file that others could have written is an error, not a cache that is missing: whose keys these are is the whole question. */
function readCache({ issuer }: OidcIdentity, folder: string): Cached | undefined {
  const text = signInFiles(folder).read(nameOf(issuer));
  try {
    const found = text === undefined ? undefined : (JSON.parse(text) as Cached);
    return found?.issuer === issuer && Array.isArray(found.keys) ? found : undefined;
  } catch {
    return undefined;
  }
}

function writeCache(cached: Cached, { folder, log }: SignInContext): void {
  try {
    signInFiles(folder).write(nameOf(cached.issuer), JSON.stringify(cached));
  } catch (error) {
    log(`the keys of ${cached.issuer} could not be kept: ${(error as Error).message}`);
  }
}
