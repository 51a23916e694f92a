/** Who is signed in: reads what `login` kept, renews it in silence when it is about to end, and checks it each time. With a fresh token and fresh keys no call is made. */

import { isOncallError, OncallError } from '../errors.ts';
import type { Actor } from '../lifecycle/types.ts';
import type { SignInContext } from './context.ts';
import { expired, notSignedIn } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';
import { lockSignIn, readSignIn, removeSignIn, type SignIn, signInBusy, tokenOf } from './token-file.ts';
import type { Verified } from './verify.ts';

export type Session = Verified & {
  readonly identity: OidcIdentity;
  readonly signedInAt: number;
  /** Whether it goes on after `expiresAt` without anybody signing in. */
  readonly renewable: boolean;
};

const RENEW_BEFORE_MS = 60_000;

export async function currentActor(identities: readonly OidcIdentity[], context: SignInContext): Promise<Actor> {
  return (await currentSession(identities, context)).actor;
}

export async function currentSession(identities: readonly OidcIdentity[], context: SignInContext): Promise<Session> {
  const found = latest(identities, context);
  if (found === undefined) throw notSignedIn(identities);
  const { identity, signIn } = found;
  const isEnding = signIn.expiresAt - context.now() <= RENEW_BEFORE_MS;
  if (isEnding && signIn.refreshToken !== undefined) return renewed(identity, context);
  return checked(signIn, identity, context);
}

/** Who signed in last. Another sign-in does not step in where that one fails: nobody becomes somebody else in silence. */
function latest(identities: readonly OidcIdentity[], context: SignInContext) {
  return identities
    .map((identity) => ({ identity, signIn: readSignIn(identity, context) }))
    .filter((one): one is { identity: OidcIdentity; signIn: SignIn } => one.signIn !== undefined)
    .sort((a, b) => b.signIn.signedInAt - a.signIn.signedInAt)[0];
}

async function checked(signIn: SignIn, identity: OidcIdentity, context: SignInContext): Promise<Session> {
  const { identify } = await import('./identify.ts');
  return session(await identify(tokenOf(signIn, identity), identity, context), signIn, identity);
}

function session(verified: Verified, { signedInAt, refreshToken }: SignIn, identity: OidcIdentity): Session {
  return { ...verified, identity, signedInAt, renewable: refreshToken !== undefined };
}

async function renewed(identity: OidcIdentity, context: SignInContext): Promise<Session> {
  const held = await lockSignIn(identity, context);
  try {
    // Whoever had the lock before may have renewed it, or signed out.
    const signIn = readSignIn(identity, context);
    if (signIn === undefined) throw notSignedIn([identity]);
    const isEnding = signIn.expiresAt - context.now() <= RENEW_BEFORE_MS;
    const isOver = signIn.expiresAt <= context.now();
    if (held === undefined && isOver) throw await signInBusy(identity, context, 'the sign-in has ended and could not be renewed');
    if (!isEnding || signIn.refreshToken === undefined || held === undefined) return await checked(signIn, identity, context);
    return await renewOrKeep(signIn, signIn.refreshToken, identity, context);
  } finally {
    await held?.release();
  }
}

async function renewOrKeep(signIn: SignIn, refreshToken: string, identity: OidcIdentity, context: SignInContext): Promise<Session> {
  const { renew } = await import('./refresh.ts');
  try {
    const done = await renew(signIn, refreshToken, identity, context);
    return session(done, done.signIn, identity);
  } catch (error) {
    if (!isOncallError(error) || error.code !== 'issuer-unavailable' || context.signal.aborted) throw error;
    context.log(`the sign-in is not renewed now: ${(error as Error).message}`);
    if (signIn.expiresAt > context.now()) return checked(signIn, identity, context);
    throw unreachable(identity, error);
  }
}

function unreachable(identity: OidcIdentity, { why, next = 'try again' }: OncallError): OncallError {
  const ended = expired(identity, '');
  return new OncallError('issuer-unavailable', `${ended.message} and cannot be renewed now`, {
    ...(why === undefined ? {} : { why }),
    next,
  });
}

export type SignedOut = {
  readonly identity: OidcIdentity;
  /** What became of the refresh token at the issuer; `not-reached` says why in `--verbose`, and there it lives until its own end. */
  readonly issuer: 'revoked' | 'no-endpoint' | 'not-reached' | 'nothing-to-revoke';
};

/** Every sign-in that these identities have here is deleted, whatever the issuers say. */
export async function logout(identities: readonly OidcIdentity[], context: SignInContext): Promise<readonly SignedOut[]> {
  const done: SignedOut[] = [];
  for (const identity of identities) {
    const issuer = await signOut(identity, context);
    if (issuer !== undefined) done.push({ identity, issuer });
  }
  return done;
}

async function signOut(identity: OidcIdentity, context: SignInContext): Promise<SignedOut['issuer'] | undefined> {
  // No lock where there is no folder, or one that others could write to; what is there goes all the same.
  const held = await lockSignIn(identity, context).catch(() => undefined);
  try {
    const signIn = take(identity, context);
    if (signIn === undefined) return undefined;
    if (signIn.refreshToken === undefined) return 'nothing-to-revoke';
    const { revoke } = await import('./refresh.ts');
    return await revoke(signIn.refreshToken, identity, context);
  } catch (error) {
    context.log(`${(error as Error).message}: ${isOncallError(error) ? error.why : 'no reason given'}`);
    return 'not-reached';
  } finally {
    await held?.release();
  }
}

function take(identity: OidcIdentity, context: SignInContext): SignIn | undefined {
  try {
    return readSignIn(identity, context);
  } finally {
    removeSignIn(identity, context);
  }
}
