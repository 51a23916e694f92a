/** Who is signed in: reads what `login` kept, renews it in silence when it is about to end, and checks it each time. With a fresh token and fresh keys no call is made. */

import { isOncallError, OncallError } from '../errors.ts';
import type { Actor } from '../lifecycle/types.ts';
import { clientOf } from '../policy/machine.ts';
import type { SignInContext } from './context.ts';
import { expired, noSecret, notSignedIn, refused } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';
import { type Kept, lockSignIn, readSignIn, removeSignIn, type SignIn, signInBusy, tokenOf } from './token-file.ts';
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
  const { signIn } = found;
  const isEnding = signIn.expiresAt - context.now() <= RENEW_BEFORE_MS;
  if (isEnding && (await isRenewable(found, context))) return renewed(found, context);
  if (isMachines(found) && signIn.expiresAt <= context.now()) throw over(found);
  return checked(found, context);
}

/** One sign-in that is kept here, by the identity that it is judged by. */
type Found = { readonly identity: OidcIdentity; readonly signIn: SignIn };

const isMachines = ({ identity, signIn }: Found): boolean => signIn.clientId !== identity.clientId;

async function isRenewable(found: Found, context: SignInContext): Promise<boolean> {
  if (isMachines(found)) return (await context.machineSecret?.()) !== undefined;
  return found.signIn.refreshToken !== undefined;
}

/** The client of people, and each service account. */
function keptOf({ issuer, clientId, machines = {} }: OidcIdentity): readonly Kept[] {
  return [clientId, ...Object.keys(machines)].map((id) => ({ issuer, clientId: id }));
}

/** For a broker, which checks it itself: here no key is looked for and no signature checked, so that nothing is loaded for it. */
export async function currentToken(identities: readonly OidcIdentity[], context: SignInContext): Promise<string> {
  const found = latest(identities, context);
  if (found === undefined) throw notSignedIn(identities);
  const { identity } = found;
  let { signIn } = found;
  if (signIn.expiresAt - context.now() <= RENEW_BEFORE_MS && (await isRenewable(found, context))) {
    await renewed(found, context);
    signIn = readSignIn(signIn, context) ?? signIn;
  }
  if (signIn.expiresAt <= context.now()) throw over(found);
  const token = tokenOf(signIn, identity);
  if (token === undefined) throw refused(identity, 'the issuer gave no token of the kind that is accepted', 'oncall login');
  return token;
}

const over = (found: Found): OncallError =>
  isMachines(found)
    ? noSecret(
        found.signIn.clientId,
        found.identity,
        'its sign-in has ended, and the secret to renew it with is not set here (ONCALL_CLIENT_SECRET, ONCALL_CLIENT_SECRET_FILE)',
      )
    : expired(found.identity, 'its token is past its end, and the issuer gave nothing to renew it with');

/** Who signed in last. Another sign-in does not step in where that one fails: nobody becomes somebody else in silence. */
function latest(identities: readonly OidcIdentity[], context: SignInContext): Found | undefined {
  return identities
    .flatMap((identity) => keptOf(identity).map((kept) => ({ identity, signIn: readSignIn(kept, context) })))
    .filter((one): one is Found => one.signIn !== undefined)
    .sort((a, b) => b.signIn.signedInAt - a.signIn.signedInAt)[0];
}

async function checked(found: Found, context: SignInContext): Promise<Session> {
  const { identify } = await import('./identify.ts');
  const { identity, signIn } = found;
  return sessionOf(await identify(tokenOf(signIn, identity), identity, context), found, context);
}

async function sessionOf({ actor, expiresAt }: Verified, found: Found, context: SignInContext): Promise<Session> {
  const { identity, signIn } = found;
  // A token may lie in the file of another: it is as whoever it was got for that this program acts.
  if (isMachines(found) !== (clientOf(actor) !== undefined) || (isMachines(found) && clientOf(actor) !== signIn.clientId)) {
    throw refused(identity, 'it is kept as that of another client than it was given to');
  }
  return { actor, expiresAt, identity, signedInAt: signIn.signedInAt, renewable: await isRenewable(found, context) };
}

async function renewed({ identity, signIn: before }: Found, context: SignInContext): Promise<Session> {
  const held = await lockSignIn(before, context);
  try {
    // Whoever had the lock before may have renewed it, or signed out.
    const signIn = readSignIn(before, context);
    if (signIn === undefined) throw notSignedIn([identity]);
    const found = { identity, signIn };
    const isEnding = signIn.expiresAt - context.now() <= RENEW_BEFORE_MS;
    const isOver = signIn.expiresAt <= context.now();
    if (held === undefined && isOver) throw await signInBusy(before, context, 'the sign-in has ended and could not be renewed');
    if (!isEnding || held === undefined || !(await isRenewable(found, context))) return await checked(found, context);
    return await renewOrKeep(found, context);
  } finally {
    await held?.release();
  }
}

async function renewOrKeep(found: Found, context: SignInContext): Promise<Session> {
  const { identity, signIn } = found;
  const { renew, renewMachine } = await import('./refresh.ts');
  try {
    const done = await (isMachines(found)
      ? renewMachine(signIn, identity, context)
      : renew(signIn, signIn.refreshToken ?? '', identity, context));
    return await sessionOf(done, { identity, signIn: done.signIn }, context);
  } catch (error) {
    if (!isOncallError(error) || error.code !== 'issuer-unavailable' || context.signal.aborted) throw error;
    context.log(`the sign-in is not renewed now: ${(error as Error).message}`);
    if (signIn.expiresAt > context.now()) return checked(found, context);
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
    for (const kept of keptOf(identity)) {
      const issuer = await signOut(kept, identity, context);
      if (issuer !== undefined) done.push({ identity, issuer });
    }
  }
  return done;
}

async function signOut(kept: Kept, identity: OidcIdentity, context: SignInContext): Promise<SignedOut['issuer'] | undefined> {
  // No lock where there is no folder, or one that others could write to; what is there goes all the same.
  const held = await lockSignIn(kept, context).catch(() => undefined);
  try {
    const signIn = take(kept, context);
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

function take(kept: Kept, context: SignInContext): SignIn | undefined {
  try {
    return readSignIn(kept, context);
  } finally {
    removeSignIn(kept, context);
  }
}
