/** An OIDC identity of the policy: which issuer is believed, for which domains, and what its tokens must look like. */

import * as z from 'zod/mini';
import { isLoopback } from '../http.ts';

/** Asymmetric ones only: with `none` or `HS*`, whoever knows the public key could write tokens. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const;

export type Algorithm = (typeof algorithms)[number];

export type OidcIdentity = {
  readonly kind: 'oidc';
  /** Compared character by character with what metadata and tokens say. */
  readonly issuer: string;
  readonly clientId: string;
  /** Set exactly where `tokenUse` is `access`. */
  readonly audience?: string;
  /** Lower case; an e-mail elsewhere is not this issuer's to vouch for. */
  readonly domains: readonly string[];
  readonly scopes: readonly string[];
  readonly algorithms: readonly Algorithm[];
  /** The one kind of token that is accepted. */
  readonly tokenUse: 'access' | 'id';
  /** For issuers that compare the port of a loopback redirect too (Okta does); left out: any free port. */
  readonly redirectPort?: number;
};

const optional = z.exactOptional;
const visible = z.string().check(z.regex(/^[\x21-\x7e]+$/, 'needs visible ASCII characters without spaces'));
const domain = z
  .string()
  .check(z.regex(/^(?!-)[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*$/, 'needs a whole domain such as acme.dev, without @ and without wildcard'));

const written = z
  .strictObject({
    kind: z.literal('oidc'),
    issuer: z
      .string()
      .check(z.refine(isSafeIssuer, 'needs an https:// address without user, query or fragment; http:// only on this machine')),
    clientId: visible,
    audience: optional(visible),
    domains: z.array(domain).check(z.minLength(1, 'is empty; name the domains whose e-mails this issuer may vouch for')),
    scopes: optional(z.array(visible).check(z.refine((scopes) => scopes.includes('openid'), 'must have "openid" among them'))),
    algorithms: optional(z.array(z.enum(algorithms, `must be among ${algorithms.join(', ')}`)).check(z.minLength(1, 'is empty'))),
    tokenUse: optional(z.enum(['access', 'id'])),
    redirectPort: optional(
      z.int('needs a port').check(z.minimum(1024, 'needs a port from 1024'), z.maximum(65535, 'needs a port to 65535')),
    ),
  })
  .check(
    z.refine(({ tokenUse, audience }) => tokenUse !== 'access' || audience !== undefined, {
      error: 'is missing: an access token is accepted for one audience only',
      path: ['audience'],
    }),
    z.refine(({ tokenUse, audience }) => tokenUse !== 'id' || audience === undefined, {
      error: 'is not used with tokenUse: id, because the audience of an ID token is the client',
      path: ['audience'],
    }),
    z.refine(({ clientId, audience }) => audience !== clientId, {
      error: 'must not be the clientId: ID tokens, whose audience that is, could then pass for access tokens',
      path: ['audience'],
    }),
  );

export const oidcIdentity: z.ZodMiniType<OidcIdentity> = z.pipe(
  written,
  z.transform((given: z.output<typeof written>): OidcIdentity => {
    const { kind, issuer, clientId, audience, redirectPort } = given;
    return {
      kind,
      issuer,
      clientId,
      domains: given.domains.map((name) => name.toLowerCase()),
      scopes: given.scopes ?? ['openid', 'email', 'profile', 'offline_access'],
      algorithms: given.algorithms ?? ['RS256', 'PS256', 'ES256', 'EdDSA'],
      tokenUse: given.tokenUse ?? (audience === undefined ? 'id' : 'access'),
      ...(audience === undefined ? {} : { audience }),
      ...(redirectPort === undefined ? {} : { redirectPort }),
    };
  }),
) as unknown as z.ZodMiniType<OidcIdentity>;

/** A domain of two issuers would give one e-mail two subjects, and with them one person two voices: approve your own request. */
export function sharedDomains(
  identities: readonly OidcIdentity[],
): readonly { readonly domain: string; readonly issuers: readonly string[] }[] {
  return [...new Set(identities.flatMap(({ domains }) => domains))]
    .map((name) => ({
      domain: name,
      issuers: [...new Set(identities.filter(({ domains }) => domains.includes(name)).map(({ issuer }) => issuer))],
    }))
    .filter(({ issuers }) => issuers.length > 1);
}

function isSafeIssuer(text: string): boolean {
  if (!URL.canParse(text) || !/^[\x21-\x7e]+$/.test(text)) return false;
  const { protocol, username, password } = new URL(text);
  const isAlone = username === '' && password === '' && !/[?#\\]/.test(text);
  return isAlone && (protocol === 'https:' || (protocol === 'http:' && isLoopback(text)));
}
