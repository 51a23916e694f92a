/** The tokens of one sign-in, kept under whom they were got for, from which issuer and by which client. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { OncallError } from '../errors.ts';
import { holderOf, type Lock, lock } from '../lock.ts';
import { type SignInContext, signInFiles } from './context.ts';
import type { OidcIdentity } from './settings.ts';

export type Tokens = { readonly accessToken?: string; readonly idToken?: string; readonly refreshToken?: string };

export type SignIn = Tokens & {
  readonly origin: string;
  readonly issuer: string;
  readonly clientId: string;
  /** As verified at sign-in: a renewal that speaks for somebody else is refused. */
  readonly subject: string;
  /** Of the token that is used; epoch ms. Says when to renew, not whether to believe. */
  readonly expiresAt: number;
  readonly signedInAt: number;
};

type Where = Pick<SignInContext, 'folder' | 'origin'>;

/** Whose tokens they are: the client of people, or a service account. */
export type Kept = Pick<OidcIdentity, 'issuer' | 'clientId'>;

export function readSignIn(kept: Kept, { folder, origin }: Where): SignIn | undefined {
  const name = nameOf(kept, origin);
  const text = signInFiles(folder).read(name);
  if (text === undefined) return undefined;
  const found = parsed(text);
  if (found?.origin === origin && found.issuer === kept.issuer && found.clientId === kept.clientId) return found;
  throw new OncallError('token-file-broken', `the sign-in kept in ${join(folder, name)} cannot be read`, {
    exit: 4,
    why: 'it is not what this program wrote there',
    next: 'oncall login',
  });
}

export function writeSignIn(signIn: SignIn, { folder }: Pick<Where, 'folder'>): void {
  signInFiles(folder).write(nameOf(signIn, signIn.origin), JSON.stringify(signIn));
}

export function removeSignIn(kept: Kept, { folder, origin }: Where): void {
  signInFiles(folder).remove(nameOf(kept, origin));
}

/** Longer than renewing may take. */
const PATIENCE_MS = 20_000;
/** Six times that. Should its holder live after all, the sign-in may be lost, and `oncall login` brings it back; kept for ever, it would keep its owner out. */
const FOREIGN_MS = 120_000;

/** A refresh token may be good once only: two that use it at once would lose the sign-in. `undefined`: somebody else did not let go of it in time. */
export async function lockSignIn(kept: Kept, { folder, origin, signal }: SignInContext): Promise<Lock | undefined> {
  return lock(lockPath(kept, { folder, origin }), { ms: PATIENCE_MS, foreignMs: FOREIGN_MS, signal });
}

/** Who did not let go of it. */
export async function signInBusy(kept: Kept, where: Where, message: string): Promise<OncallError> {
  const path = lockPath(kept, where);
  return new OncallError('sign-in-busy', message, {
    why: `${await holderOf(path)} has kept ${path} for ${PATIENCE_MS / 1000} s`,
    next: `try again; where that is no oncall, delete ${path}`,
  });
}

const lockPath = (kept: Kept, { folder, origin }: Where): string => join(folder, `${nameOf(kept, origin)}.lock`);

export function tokenOf(tokens: Tokens, identity: OidcIdentity): string | undefined {
  return identity.tokenUse === 'access' ? tokens.accessToken : tokens.idToken;
}

function nameOf({ issuer, clientId }: Kept, origin: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([origin, issuer, clientId]))
    .digest('hex');
  return `tokens-${digest.slice(0, 32)}.json`;
}

function parsed(text: string): SignIn | undefined {
  try {
    const value = JSON.parse(text) as SignIn | null;
    const isWhole = typeof value?.subject === 'string' && Number.isFinite(value.expiresAt) && Number.isFinite(value.signedInAt);
    const tokens = [value?.accessToken, value?.idToken, value?.refreshToken];
    return isWhole && tokens.every((token) => token === undefined || typeof token === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}
