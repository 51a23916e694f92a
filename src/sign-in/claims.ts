/** What the claims of a token must say once its signature, issuer, audience and times have been checked: its kind, its client, its person. */

import type { Actor } from '../lifecycle/types.ts';
import { clientOf, machineSubject } from '../policy/machine.ts';
import { isMachines, whyNotOwn } from './machine.ts';
import { quotable, refused } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';

export type Claims = Readonly<Record<string, unknown>>;

export function actorOf(type: unknown, claims: Claims, identity: OidcIdentity): Actor {
  requireKind(type, claims, identity);
  const machine = machineOf(claims, identity);
  if (machine !== undefined) return machine;
  requireClient(claims, identity);
  if (isMachines(claims, identity.clientId)) throw refused(identity, "it is its client's own, and no person's");
  const actor = { issuer: identity.issuer, subject: subjectOf(claims, identity), email: emailOf(claims, identity) };
  requirePerson(actor, identity);
  return actor;
}

/** `undefined`: none of its clients is a service account of the policy. Nothing but the client's id is believed of such a token. */
function machineOf(claims: Claims, identity: OidcIdentity): Actor | undefined {
  const { machines = {}, issuer } = identity;
  const ids = clientClaims.map((name) => claims[name]).filter((id) => id !== undefined);
  const id = ids.find((one): one is string => typeof one === 'string' && Object.hasOwn(machines, one));
  const name = id === undefined ? undefined : machines[id];
  if (id === undefined || name === undefined) return undefined;
  const fault = ids.every((one) => one === id) ? whyNotOwn(claims, id) : 'it names another client as well';
  if (fault === undefined) return { issuer, subject: machineSubject(id), email: name };
  throw refused(
    identity,
    `it was given to the service account ${id}, but ${fault}`,
    'let that client use client credentials only: oncall login --client',
  );
}

/** Neither by subject nor by name may a person come out as a service account, for which there are other rules. */
function requirePerson(actor: Actor, identity: OidcIdentity): void {
  if (clientOf(actor) !== undefined) throw refused(identity, 'its subject is written like that of a service account');
  if (Object.values(identity.machines ?? {}).includes(actor.email))
    throw refused(identity, `${actor.email} is a service account of the policy`);
}

/** An ID token is written for the client, an access token for an API and whoever calls it: neither stands in for the other. */
function requireKind(type: unknown, claims: Claims, identity: OidcIdentity): void {
  const typ =
    type === undefined
      ? 'jwt'
      : String(type)
          .toLowerCase()
          .replace(/^application\//, '');
  const kind = kindOf(typ, claims);
  if (kind === identity.tokenUse || kind === 'either') return;
  const got = kind === 'other' ? `another kind of token (type "${quotable(typ)}")` : `an ${kind === 'id' ? 'ID' : 'access'} token`;
  throw refused(identity, `it is ${got}, and the policy accepts an ${identity.tokenUse === 'id' ? 'ID' : 'access'} token only`);
}

/** By the header where it is definite (RFC 9068), else by claims that only one kind has; `typ` and `token_use` are Keycloak's and Cognito's. */
function kindOf(typ: string, claims: Claims): 'id' | 'access' | 'other' | 'either' {
  if (typ === 'at+jwt') return 'access';
  // `events` makes it a logout token or a security event, which may come with the type JWT.
  if (typ !== 'jwt' || claims.events !== undefined) return 'other';
  const declared = String(claims.token_use ?? claims.typ ?? 'jwt').toLowerCase();
  if (declared === 'id') return 'id';
  if (declared === 'access' || declared === 'bearer') return 'access';
  if (declared !== 'jwt') return 'other';
  if (['nonce', 'at_hash', 'c_hash', 's_hash'].some((name) => claims[name] !== undefined)) return 'id';
  if (['scp', 'scope', 'cid'].some((name) => claims[name] !== undefined)) return 'access';
  return 'either';
}

/** OIDC's `azp`, Okta's `cid`, RFC 9068's `client_id`, Entra's `appid`. */
const clientClaims = ['azp', 'cid', 'client_id', 'appid'] as const;

/** A token that another program got for the same audience does not say that its owner meant to use this one. */
function requireClient(claims: Claims, identity: OidcIdentity): void {
  const named = clientClaims.filter((name) => claims[name] !== undefined);
  const other = named.find((name) => claims[name] !== identity.clientId);
  if (other !== undefined) throw refused(identity, `it was given to another client ("${other}" is not the clientId of the policy)`);
  if (identity.tokenUse === 'access' && named.length === 0) {
    throw refused(identity, `it does not say which client it was given to (none of ${clientClaims.join(', ')})`);
  }
  if (identity.tokenUse === 'id' && Array.isArray(claims.aud) && claims.aud.length > 1 && claims.azp === undefined) {
    throw refused(identity, 'it is for several audiences and does not say which client it was given to ("azp")');
  }
}

/** In Okta's access tokens `sub` is the login, which can be given to somebody else; `uid` is the user's id and what the ID token has as `sub`. */
function subjectOf(claims: Claims, identity: OidcIdentity): string {
  const subject = claims.cid !== undefined && claims.uid !== undefined ? claims.uid : claims.sub;
  if (typeof subject === 'string' && /^[\x21-\x7e]{1,255}$/.test(subject)) return subject;
  throw refused(identity, 'its subject is not 1 to 255 visible ASCII characters');
}

/** ASCII only: case-folding turns the Kelvin sign into a k, and other look-alikes would pass for a colleague. */
const emailForm = /^[\w.!#$%&'*+=?^`{|}~-]+@([a-z0-9-]+(?:\.[a-z0-9-]+)*)$/;

function emailOf(claims: Claims, identity: OidcIdentity): string {
  const isLogin = claims.email === undefined && identity.tokenUse === 'access';
  const given = isLogin ? claims.sub : claims.email;
  const email = typeof given === 'string' && given.length <= 254 && /^[\x21-\x7e]+$/.test(given) ? given.toLowerCase() : '';
  const domain = emailForm.exec(email)?.[1];
  if (domain === undefined) {
    const which = claims.email === undefined ? 'it carries no e-mail address' : 'its "email" is not a plain e-mail address';
    throw refused(identity, which, 'let the issuer put the claim "email" into it, then: oncall login');
  }
  // Some issuers send it as text.
  if (claims.email_verified !== undefined && claims.email_verified !== true && claims.email_verified !== 'true') {
    throw refused(
      identity,
      `the issuer has not verified the e-mail address ${email}`,
      'confirm the address at the issuer, then: oncall login',
    );
  }
  if (!identity.domains.includes(domain)) {
    throw refused(
      identity,
      `${email} is not in a domain that this issuer may vouch for (${identity.domains.join(', ')})`,
      'sign in as somebody of that domain: oncall login',
    );
  }
  return email;
}
