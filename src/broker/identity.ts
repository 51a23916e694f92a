/** Who calls: the person whom the token proves, and nobody else. Nothing but the one `Authorization` header is looked at. */

import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { OncallError } from '../errors.ts';
import type { Actor } from '../lifecycle/types.ts';
import type { OidcIdentity } from '../sign-in/settings.ts';
import { type Verified, verifyToken } from '../sign-in/verify.ts';
import { isLoopbackAddress, plainAddress, valuesOf } from './from.ts';
import type { Host } from './host.ts';
import { type KeyRing, type KeySet, keyRing } from './keys.ts';

const MAX_TOKEN = 16_384;
/** More people than call within the life of a token. */
const MOST_PROOFS = 5_000;

export type Identify = (request: IncomingMessage) => Promise<Actor>;

/** `onLoopback`: nobody from elsewhere can reach this server. */
export function identifier(host: Host, onLoopback: boolean): Identify {
  const keysOf = keyRing({ folder: host.folder, origin: host.origin, now: host.now, signal: host.signal, log: host.log });
  const verify = rememberingVerifier(keysOf, host.now);

  return async (request) => {
    const given = valuesOf(request, 'authorization');
    if (given.length === 0) throw notSignedIn('the call carries no token');
    // Of two, a proxy before this broker may have looked at the other one.
    if (given.length > 1) throw refused('it carries more than one Authorization header');
    const [, scheme, credentials = ''] = /^(Bearer|Local) ([\x21-\x7e]+)$/.exec(given[0] ?? '') ?? [];
    if (scheme === 'Local') return localActor(host, request, onLoopback, credentials);
    if (scheme === undefined) throw refused('its Authorization is not "Bearer", one space, and a token');
    const issuer = issuerOf(credentials);
    const identities = host.identities().flatMap((one) => (one.kind === 'oidc' ? [one.settings as OidcIdentity] : []));
    const theirs = identities.filter((identity) => identity.issuer === issuer);
    let refusal: unknown;
    // A policy may have two entries of one issuer, with clients or audiences of their own: what one of them accepts is signed and meant for it.
    for (const identity of theirs) {
      try {
        return await verify(credentials, identity);
      } catch (error) {
        refusal = error;
      }
    }
    throw refusal ?? refused('its token is none that could be checked here, or from another issuer than the policy names');
  };
}

type Proof = Verified & { readonly identity: OidcIdentity; readonly keys: KeySet; readonly at: number };

/**
 * What was true of a token stays so until it ends: for the very same token, the same entry of the policy, and the same keys of the issuer.
 * Where one of these is another, or the clock was set back, it is checked anew.
 */
export function rememberingVerifier(keysOf: KeyRing, clock: () => number): (token: string, identity: OidcIdentity) => Promise<Actor> {
  const proofs = new Map<string, Proof>();
  return async (token, identity) => {
    const keys = await keysOf(token, identity);
    const now = clock();
    // No token is kept in memory for longer than its call.
    const name = createHash('sha256').update(token).digest('base64');
    const known = proofs.get(name);
    if (known?.identity === identity && known.keys === keys && known.at <= now && now < known.expiresAt) return known.actor;
    proofs.delete(name);
    const verified = await verifyToken(token, identity, keys, now);
    if (proofs.size >= MOST_PROOFS) proofs.clear();
    proofs.set(name, { ...verified, identity, keys, at: now });
    return verified.actor;
  };
}

/** Only to choose whose keys to check it with; believed is nothing of it. */
function issuerOf(token: string): unknown {
  if (token.length > MAX_TOKEN || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return undefined;
  try {
    return Object(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).iss;
  } catch {
    return undefined;
  }
}

/** Taken at their word: only where the policy says so, and only from this machine to itself. */
function localActor(host: Host, request: IncomingMessage, onLoopback: boolean, written: string): Actor {
  if (!host.identities().some(({ kind }) => kind === 'local')) throw refused('the policy takes nobody at their word');
  const isNear = onLoopback && isLoopbackAddress(plainAddress(request.socket.remoteAddress));
  if (!isNear) throw refused('people are taken at their word on this machine only');
  const email = written.toLowerCase();
  if (email.length > 254 || !/^[\w.!#$%&'*+=?^`{|}~-]+@[a-z0-9.-]+$/.test(email)) throw refused('it does not name an e-mail address');
  return { issuer: 'local', subject: email, email };
}

const next = 'oncall login';

const notSignedIn = (why: string): OncallError => new OncallError('not-signed-in', 'you are not signed in', { exit: 4, why, next });

const refused = (why: string): OncallError => new OncallError('token-refused', 'your sign-in is not accepted', { exit: 4, why, next });
