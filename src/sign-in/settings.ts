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
  /** Service accounts, which sign in by client credentials: client id → the name (case-folded) by which directories know it. Never empty. */
  readonly machines?: Readonly<Record<string, string>>;
  /** What a service account asks for; left out: nothing, which some issuers refuse. */
  readonly machineScopes?: readonly string[];
};

const optional = z.exactOptional;
const visible = z.string().check(z.regex(/^[\x21-\x7e]+$/, 'needs visible ASCII characters without spaces'));
const domain = z
  .string()
  .check(z.regex(/^(?!-)[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*$/, 'needs a whole domain such as acme.dev, without @ and without wildcard'));

const machineId = visible.check(z.maxLength(200, 'is too long'));
/** ASCII only, as in the tokens of people. */
const machineName = z.string().check(z.regex(/^[\w.!#$%&'*+=?^`{|}~-]+@[a-zA-Z0-9.-]+$/, 'needs a name like deploy-bot@acme.dev'));

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
    machines: optional(
      z
        .record(machineId, machineName)
        .check(z.refine((machines) => Object.keys(machines).length > 0, 'is empty; name one, or take it out')),
    ),
    machineScopes: optional(z.array(visible).check(z.minLength(1, 'is empty'))),
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
    z.refine(({ machines, audience }) => machines === undefined || audience !== undefined, {
      error: 'need an audience: they come with access tokens, and those are accepted for one audience only',
      path: ['machines'],
    }),
    z.refine(({ machines, machineScopes }) => machines !== undefined || machineScopes === undefined, {
      error: 'mean nothing without machines',
      path: ['machineScopes'],
    }),
    z.refine(({ machines = {}, clientId }) => !Object.hasOwn(machines, clientId), {
      error: 'must not have the clientId among them: it is the client by which people sign in',
      path: ['machines'],
    }),
    z.refine(
      ({ machines = {}, domains }) =>
        folded(Object.values(machines)).every((name) => !name.includes('@') || folded(domains).includes(domainOf(name))),
      {
        error: 'need names in the domains that this issuer may vouch for',
        path: ['machines'],
      },
    ),
    z.refine(({ machines = {} }) => new Set(folded(Object.values(machines))).size === Object.keys(machines).length, {
      error: 'need a name each: two with one would be one user',
      path: ['machines'],
    }),
  );

export const oidcIdentity: z.ZodMiniType<OidcIdentity> = z.pipe(
  written,
  z.transform((given: z.output<typeof written>): OidcIdentity => {
    const { kind, issuer, clientId, audience, redirectPort, machines, machineScopes } = given;
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
      ...(machines === undefined
        ? {}
        : { machines: Object.fromEntries(Object.entries(machines).map(([id, name]) => [id, name.toLowerCase()])) }),
      ...(machineScopes === undefined ? {} : { machineScopes }),
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

/** Two entries may be of one issuer. What is a service account to one of them must then be nobody else to the other: neither who signs people in nor a person's e-mail. */
export function machineClashes(identities: readonly OidcIdentity[]): readonly string[] {
  return identities.flatMap(({ issuer, machines = {} }, index) =>
    identities.flatMap((other, at) => {
      if (at === index || other.issuer !== issuer) return [];
      const taken = [other.clientId, ...Object.keys(other.machines ?? {})];
      const ids = Object.keys(machines).filter((id) => taken.includes(id));
      const names = Object.values(machines).filter((name) => other.domains.includes(domainOf(name)));
      return [
        ...ids.map((id) => `the service account ${id} is also a client of another entry of ${issuer}`),
        ...names.map((name) => `${name} is a service account, and by another entry of ${issuer} a person could have that name`),
      ];
    }),
  );
}

const folded = (names: readonly string[]): readonly string[] => names.map((name) => name.toLowerCase());
const domainOf = (name: string): string => name.slice(name.lastIndexOf('@') + 1);

function isSafeIssuer(text: string): boolean {
  if (!URL.canParse(text) || !/^[\x21-\x7e]+$/.test(text)) return false;
  const { protocol, username, password } = new URL(text);
  const isAlone = username === '' && password === '' && !/[?#\\]/.test(text);
  return isAlone && (protocol === 'https:' || (protocol === 'http:' && isLoopback(text)));
}
