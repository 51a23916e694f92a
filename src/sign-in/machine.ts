/**
 * Whose a token is that a client got for itself: the client credentials grant has no person, yet its token looks much like a person's.
 * By RFC 9068 §2.2 `sub` then names the client. How issuers write it:
 *
 * - Okta: `sub` = `cid`; only people's tokens have a `uid` (developer.okta.com/docs/reference/api/oidc, access token claims).
 * - Auth0: `sub` = `ID@clients`, `azp` = ID, `gty` = `client-credentials` (auth0.com/docs/secure/tokens/access-tokens).
 * - Entra: `sub` = `oid`, the service principal, and `idtyp` = `app` where the API asks for that claim (learn.microsoft.com, access-token-claims-reference).
 * - Keycloak: `sub` is the id of a user `service-account-ID`; `client_id` beside `azp` comes from the session of this grant alone (ServiceAccountConstants).
 * - oidc-provider and others that follow the RFC: `sub` = `client_id`.
 *
 * A client may serve people too, and one of them may be called like the client (RFC 9700 §4.15), so one sign of a person outweighs all of these.
 */

import type { Claims } from './claims.ts';

/** What some issuers say of the grant; where it is said, it must be this. */
const grants = { idtyp: 'app', gty: 'client-credentials', grant_type: 'client_credentials' } as const;
const named = Object.entries(grants);

/** Only a person has a user id, has proved something at some time, has a session or a login. */
const ofPeople = ['uid', 'auth_time', 'amr', 'nonce', 'sid', 'upn', 'unique_name'] as const;

/** `undefined`: it is the client's own. */
export function whyNotOwn(claims: Claims, client: string): string | undefined {
  const other = named.find(([name, value]) => claims[name] !== undefined && claims[name] !== value)?.[0];
  if (other !== undefined) return `its "${other}" is not that of client credentials`;
  const sign = ofPeople.find((name) => claims[name] !== undefined);
  if (sign !== undefined) return `its "${sign}" is that of a person`;
  return isClient(claims, client) ? undefined : 'its subject is not the service account itself';
}

/** One sign of client credentials is enough for it to be no person's. */
export function isMachines(claims: Claims, client: string): boolean {
  return named.some(([name, value]) => claims[name] === value) || isClient(claims, client);
}

function isClient(claims: Claims, client: string): boolean {
  const { sub, gty, idtyp, oid, azp, client_id: id, preferred_username: user } = claims;
  if (sub === client || (sub === `${client}@clients` && gty === grants.gty)) return true;
  if (idtyp === grants.idtyp && typeof oid === 'string' && oid === sub) return true;
  return id === client && azp === client && user === `service-account-${client.toLowerCase()}`;
}
