/** The ways in which a sign-in is not good, in three parts. No part of a token is ever in them. */

import { OncallError } from '../errors.ts';
import type { OidcIdentity } from './settings.ts';

export function hostOf(identity: OidcIdentity): string {
  return new URL(identity.issuer).host;
}

export function notSignedIn(identities: readonly OidcIdentity[]): OncallError {
  const hosts = [...new Set(identities.map(hostOf))].join(' or ');
  return new OncallError('not-signed-in', 'you are not signed in', {
    exit: 4,
    why: `the policy wants to know who you are from ${hosts}, and no sign-in is kept here`,
    next: 'oncall login',
  });
}

export function nobodyThere(identity: OidcIdentity, noBrowser: string): OncallError {
  return new OncallError('not-signed-in', `you are not signed in at ${hostOf(identity)}`, {
    exit: 4,
    why: `no browser can be opened here (${noBrowser}), and --no-input says that nobody is there to enter a code`,
    next: 'oncall login --device, at a terminal',
  });
}

export function expired(identity: OidcIdentity, why: string, cause?: unknown): OncallError {
  return new OncallError('token-expired', `your sign-in at ${hostOf(identity)} has ended`, { exit: 4, why, next: 'oncall login', cause });
}

export function refused(identity: OidcIdentity, why: string, next?: string): OncallError {
  return new OncallError('token-refused', `your sign-in at ${hostOf(identity)} is not accepted`, {
    exit: 4,
    why,
    next: next ?? "oncall login; if it stays so, compare the policy's identity with the issuer's settings",
  });
}

export function notAMachine(client: string, { machines = {} }: OidcIdentity): OncallError {
  const named = Object.keys(machines);
  return new OncallError('unknown-client', `there is no service account ${quotable(client)}`, {
    exit: 2,
    why: named.length === 0 ? 'the policy names none' : `the policy names ${named.join(', ')}`,
    next: 'name it under "machines" of the identity in the policy',
  });
}

export function noSecret(
  client: string,
  identity: OidcIdentity,
  why = 'neither ONCALL_CLIENT_SECRET nor ONCALL_CLIENT_SECRET_FILE is set',
): OncallError {
  return new OncallError('no-client-secret', `the service account ${client} is not signed in at ${hostOf(identity)}`, {
    exit: 4,
    why,
    next: `set one of them from the store of secrets, then: oncall login --client ${client}`,
  });
}

/** What an issuer or a token says, fit for a message: one short line of visible ASCII in which nothing long enough for a secret is left. */
export function quotable(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .replace(/[\w.~+/=-]{33,}/g, '…')
    .slice(0, 160)
    .trim();
}
