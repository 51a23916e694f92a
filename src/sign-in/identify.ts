/** A token → who it speaks for, with the issuer's keys from the cache or, where that does not know them, from the issuer. */

import type { SignInContext } from './context.ts';
import { keysFor } from './keys.ts';
import { refused } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';
import { type Verified, verifyToken } from './verify.ts';

export async function identify(token: string | undefined, identity: OidcIdentity, context: SignInContext): Promise<Verified> {
  if (token === undefined) {
    throw refused(identity, `the issuer gave no ${identity.tokenUse === 'access' ? 'access' : 'ID'} token, which the policy accepts only`);
  }
  return verifyToken(token, identity, await keysFor(token, identity, context), context.now());
}
