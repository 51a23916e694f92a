/** Issuers' keys in memory, on top of those that sign-in keeps in files: a call costs neither a file nor a question to the issuer. */

import type { SignInContext } from '../sign-in/context.ts';
import { keysFor } from '../sign-in/keys.ts';
import type { OidcIdentity } from '../sign-in/settings.ts';

export type KeySet = Awaited<ReturnType<typeof keysFor>>;
type Held = { readonly keys: KeySet; readonly at: number };
type Failed = { readonly error: unknown; readonly at: number };

/** After which the file is read again; sign-in decides there whether to ask the issuer. */
const RELOAD_MS = 60_000;
/** So long after the last look the next one goes on while its keys are still used. */
const AT_ONCE_MS = 600_000;
/** However many tokens name keys that nobody knows. */
const BETWEEN_LOOKS_MS = 1_000;

export type KeyRing = (token: string, identity: OidcIdentity) => Promise<KeySet>;

export function keyRing(context: SignInContext, clock: () => number = () => performance.now()): KeyRing {
  const held = new Map<string, Held>();
  const failed = new Map<string, Failed>();
  const looking = new Map<string, Promise<KeySet>>();

  const look = async (name: string, token: string, identity: OidcIdentity): Promise<KeySet> => {
    const { issuer } = identity;
    try {
      const found = await keysFor(token, identity, context);
      const known = held.get(issuer)?.keys;
      // The same object for the same keys: what jose made of them is found again by it.
      const keys = known !== undefined && JSON.stringify(known) === JSON.stringify(found) ? known : found;
      held.set(issuer, { keys, at: clock() });
      failed.delete(issuer);
      return keys;
    } catch (error) {
      failed.set(issuer, { error, at: clock() });
      throw error;
    } finally {
      looking.delete(name);
    }
  };

  return async (token, identity) => {
    const { issuer } = identity;
    const known = held.get(issuer);
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : clock() - known.at;
    const isKnown = known !== undefined && knows(known.keys, token);
    if (known !== undefined && ageMs < (isKnown ? RELOAD_MS : BETWEEN_LOOKS_MS)) return known.keys;
    const failure = failed.get(issuer);
    const isFresh = isKnown && ageMs < AT_ONCE_MS;
    if (failure !== undefined && clock() - failure.at < BETWEEN_LOOKS_MS) {
      if (isFresh) return known.keys;
      throw failure.error;
    }
    // Whoever names a key that nobody knows has the issuer asked, which may not answer: nobody else waits for that.
    const name = `${isKnown} ${issuer}`;
    const soon = looking.get(name) ?? look(name, token, identity);
    looking.set(name, soon);
    if (!isFresh) return soon;
    soon.catch(() => undefined);
    return known.keys;
  };
}

function knows({ keys }: KeySet, token: string): boolean {
  const kid = headerOf(token).kid;
  return kid === undefined || keys.some((key) => key.kid === kid);
}

function headerOf(token: string): { readonly kid?: unknown } {
  try {
    return Object(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()));
  } catch {
    return {};
  }
}
