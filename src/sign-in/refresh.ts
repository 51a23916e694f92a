/** A sign-in renewed by its refresh token, or taken back. */

import { refreshTokenGrant, tokenRevocation } from 'openid-client';
import type { SignInContext } from './context.ts';
import { identify } from './identify.ts';
import { answerCode, asking, openClient, tokensOf } from './issuer-client.ts';
import { expired, noSecret, refused } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';
import { removeSignIn, type SignIn, tokenOf, writeSignIn } from './token-file.ts';
import type { Verified } from './verify.ts';

export type Renewed = Verified & { readonly signIn: SignIn };

/** Call it under the lock of this sign-in: the refresh token may be good once only. */
export async function renew(signIn: SignIn, refreshToken: string, identity: OidcIdentity, context: SignInContext): Promise<Renewed> {
  const client = await openClient(identity, context);
  const answer = await asking(identity, () =>
    refreshTokenGrant(client, refreshToken).catch((error) => {
      if (answerCode(error) !== 'invalid_grant') throw error;
      removeSignIn(identity, context);
      throw expired(identity, 'the issuer does not renew it any more: it was taken back, or not used for too long');
    }),
  );
  const tokens = tokensOf(answer);
  // Kept before the new token is judged, because the old refresh token may be spent; one that is not replaced stays good.
  const { idToken: _old, accessToken: _spent, ...kept } = { ...signIn, refreshToken: tokens.refreshToken ?? refreshToken };
  writeSignIn({ ...signIn, ...kept }, context);
  const verified = await identify(tokenOf(tokens, identity), identity, context);
  if (verified.actor.subject !== signIn.subject) {
    removeSignIn(identity, context);
    throw refused(identity, 'the issuer renewed it for somebody else than who signed in', 'oncall login');
  }
  const renewed = { ...kept, ...tokens, expiresAt: verified.expiresAt };
  writeSignIn(renewed, context);
  return { ...verified, signIn: renewed };
}

/** Call it under the lock of this sign-in. A service account has no refresh token: it signs in again, where its secret is at hand. */
export async function renewMachine(signIn: SignIn, identity: OidcIdentity, context: SignInContext): Promise<Renewed> {
  const secret = await context.machineSecret?.();
  if (secret === undefined) throw noSecret(signIn.clientId, identity);
  const { machineFlow } = await import('./machine-flow.ts');
  const { tokens, ...verified } = await machineFlow(signIn.clientId, secret, identity, context);
  const renewed = { ...signIn, ...tokens, expiresAt: verified.expiresAt };
  writeSignIn(renewed, context);
  return { ...verified, signIn: renewed };
}

/** `no-endpoint`: the issuer offers no way to take a token back; it ends by itself. */
export async function revoke(token: string, identity: OidcIdentity, context: SignInContext): Promise<'revoked' | 'no-endpoint'> {
  const client = await openClient(identity, context);
  if (client.serverMetadata().revocation_endpoint === undefined) return 'no-endpoint';
  await asking(identity, () => tokenRevocation(client, token, { token_type_hint: 'refresh_token' }));
  return 'revoked';
}
