/** Issuers' keys in memory, on top of those that sign-in keeps in files: a call costs neither a file nor a question to the issuer. */

import type { SignInContext } from '../sign-in/context.ts';
import { keysFor } from '../sign-in/keys.ts';
import type { OidcIdentity } from '../sign-in/settings.ts';

export type KeySet = Awaited<ReturnType<typeof keysFor>>;
type Held = { readonly keys: KeySet; readonly at: number };
type Failed = { readonly error: unknown; readonly at: number };

/** After which the file is read again; sign-in decides there whether to ask the issuer. */
const RELOAD_MS = 60_000;
/** However many tokens name keys that nobody knows. */
const BETWEEN_LOOKS_MS = 1_000;

export type KeyRing = (token: string, identity: OidcIdentity) => Promise<KeySet>;

export function keyRing(context: SignInContext, clock: () => number = () => performance.now()): KeyRing {
  const held = new Map<string, Held>();
  const failed = new Map<string, Failed>();
  const looking = new Map<string, Promise<KeySet>>();

  const look = async (token: string, identity: OidcIdentity): Promise<KeySet> => {
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
      looking.delete(issuer);
    }
  };

  return async (token, identity) => {
    const { issuer } = identity;
    const known = held.get(issuer);
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : clock() - known.at;
    if (known !== undefined && ageMs < (knows(known.keys, token) ? RELOAD_MS : BETWEEN_LOOKS_MS)) return known.keys;
    const failure = failed.get(issuer);
    if (failure !== undefined && clock() - failure.at < BETWEEN_LOOKS_MS) throw failure.error;
    const soon = looking.get(issuer) ?? look(token, identity);
    looking.set(issuer, soon);
    return soon;
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
