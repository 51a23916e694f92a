/** oidc-provider as an Okta-shaped issuer at `/oauth2/default`, with the faults that it lacks, and its keys to write tokens with that it never would. */

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { OidcIdentity } from '../../src/sign-in/settings.ts';

export type Account = { readonly id: string; readonly email: string; readonly verified: boolean };

export const clientId = '0oa1oncall';
export const audience = 'api://oncall';
/** A confidential client, for service accounts; `-post` behind its id: one that sends its secret in the body. */
export const machine = { id: '0oaCi123', secret: 'CANARY-client-secret %+:', name: 'deploy-bot@acme.dev' };
const mount = '/oauth2/default';
const secretParts = ['access_token', 'id_token', 'refresh_token', 'device_code', 'code', 'code_verifier'];

export type Issuer = {
  readonly url: string;
  readonly listensAt: string;
  readonly accounts: Record<string, Account>;
  /** What tests change while it runs. */
  readonly knobs: {
    interval: number | undefined;
    verificationUri: string | undefined;
    /** So many polls for a device code are told to slow down. */
    slowDowns: number;
    /** So many polls for a device code are cut off. */
    lostPolls: number;
    deviceCodeTtlS: number;
    tokenTtlS: number;
    /** Everything but what a browser asks for is answered 503. */
    down: boolean;
    /** Takes everything and answers nothing. */
    silent: boolean;
    /** Waits before each answer of the token endpoint. */
    tokenDelayMs: number;
    metadata: (document: Record<string, unknown>) => Record<string, unknown>;
    jwks: (keys: readonly object[]) => readonly object[];
    /** What the token endpoint answers with. */
    tokens: (answer: Record<string, unknown>) => Record<string, unknown>;
  };
  /** `POST /v1/token device_code`, `GET /v1/keys`. */
  readonly seen: string[];
  /** Every token, code and verifier that went either way. */
  readonly secrets: Set<string>;
  identity(changes?: Partial<OidcIdentity>): OidcIdentity;
  readonly keys: { readonly kid: string; readonly private: CryptoKey; readonly public: JWK };
  /** Signed by the issuer's own key unless `header` or `key` say otherwise. */
  mint(claims: JWTPayload, header?: Record<string, unknown>, key?: CryptoKey | Uint8Array): Promise<string>;
  stop(): Promise<void>;
};

/** `origin`: where something with TLS before it is reached, which forwards to `listensAt`. */
export async function startIssuer({ origin }: { readonly origin?: string } = {}): Promise<Issuer> {
  const speakAgain = hush();
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const kid = 'key-1';
  const publicJwk: JWK = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
  let handle: RequestListener = () => undefined;
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const listensAt = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `${origin ?? listensAt}${mount}`;
  const issuer: Issuer = {
    url,
    listensAt,
    accounts: {
      'maria@acme.dev': { id: '00u1maria', email: 'Maria@acme.dev', verified: true },
      'sam@acme.dev': { id: '00u2sam', email: 'sam@acme.dev', verified: false },
      'eve@evil.example': { id: '00u3eve', email: 'eve@evil.example', verified: true },
    },
    knobs: {
      interval: undefined,
      verificationUri: undefined,
      slowDowns: 0,
      lostPolls: 0,
      deviceCodeTtlS: 600,
      tokenTtlS: 3600,
      down: false,
      silent: false,
      tokenDelayMs: 0,
      metadata: (document) => document,
      jwks: (keys) => keys,
      tokens: (answer) => answer,
    },
    seen: [],
    secrets: new Set(),
    identity: (changes) => ({
      kind: 'oidc',
      issuer: url,
      clientId,
      audience,
      domains: ['acme.dev'],
      scopes: ['openid', 'email', 'profile', 'offline_access'],
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      tokenUse: 'access',
      ...changes,
    }),
    keys: { kid, private: privateKey, public: publicJwk },
    mint: (claims, header = {}, key = privateKey) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid, ...header }).sign(key),
    stop: () =>
      new Promise((done) => {
        speakAgain();
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
  handle = await handlerOf(issuer, await exportJWK(privateKey));
  return issuer;
}

async function handlerOf(issuer: Issuer, privateJwk: JWK): Promise<RequestListener> {
  const { default: Provider } = await import('oidc-provider');
  const provider = new Provider(issuer.url, configuration(issuer, { ...privateJwk, kid: issuer.keys.kid, use: 'sig' }));
  provider.proxy = issuer.url.startsWith('https:');
  provider.use(async (context, next) => {
    await next();
    const { knobs } = issuer;
    const route = context.oidc?.route;
    if (route === 'discovery') context.body = knobs.metadata(context.body);
    if (route === 'jwks') context.body = { keys: knobs.jwks(context.body.keys as object[]) };
    if (route === 'token' && context.status === 200) context.body = knobs.tokens(context.body);
    // Neither is in oidc-provider; Okta sends both.
    if (route === 'device_authorization' && knobs.interval !== undefined) context.body.interval = knobs.interval;
    if (route === 'device_authorization' && knobs.verificationUri !== undefined) context.body.verification_uri = knobs.verificationUri;
    if (route === 'token' && context.body.error === 'authorization_pending' && knobs.slowDowns > 0) {
      knobs.slowDowns -= 1;
      context.body = { error: 'slow_down' };
      context.status = 400;
    }
    for (const from of [context.body, context.oidc?.params]) {
      for (const name of secretParts) if (typeof from?.[name] === 'string') issuer.secrets.add(from[name]);
    }
    if (route === 'token') await new Promise((resolve) => setTimeout(resolve, knobs.tokenDelayMs));
  });
  const serve = provider.callback();
  return (request, response) => {
    const path = (request.url ?? '').replace(mount, '').split('?')[0] ?? '';
    issuer.seen.push(`${request.method} ${path}`);
    if (path === '/v1/token' && issuer.knobs.lostPolls > 0) {
      issuer.knobs.lostPolls -= 1;
      request.socket.destroy();
      return;
    }
    if (issuer.knobs.silent) return;
    if (issuer.knobs.down) {
      response.writeHead(503).end();
      return;
    }
    // oidc-provider finds out where it is mounted by comparing the two.
    Object.assign(request, { originalUrl: request.url });
    request.url = request.url?.replace(mount, '') || '/';
    void serve(request, response);
  };
}

/** It tells at length what of this only a test would do, some of it while it answers. */
function hush(): () => void {
  const { info, warn } = console;
  const unless =
    (say: typeof info) =>
    (...words: unknown[]) =>
      String(words[0]).includes('oidc-provider ') ? undefined : say(...words);
  Object.assign(console, { info: unless(info), warn: unless(warn) });
  return () => Object.assign(console, { info, warn });
}

function configuration(issuer: Issuer, key: JWK): Record<string, unknown> {
  const { knobs, accounts } = issuer;
  return {
    jwks: { keys: [key] },
    clients: [
      {
        client_id: clientId,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1/callback'],
      },
      ...(['client_secret_basic', 'client_secret_post'] as const).map((method) => ({
        client_id: method === 'client_secret_basic' ? machine.id : `${machine.id}-post`,
        client_secret: machine.secret,
        token_endpoint_auth_method: method,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      })),
    ],
    cookies: { keys: ['not a secret'] },
    routes: {
      authorization: '/v1/authorize',
      token: '/v1/token',
      jwks: '/v1/keys',
      device_authorization: '/v1/device/authorize',
      revocation: '/v1/revoke',
      code_verification: '/activate',
    },
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'openid email profile offline_access',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: knobs.tokenTtlS,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    pkce: { methods: ['S256'], required: () => true },
    ttl: {
      AccessToken: () => knobs.tokenTtlS,
      IdToken: () => knobs.tokenTtlS,
      DeviceCode: () => knobs.deviceCodeTtlS,
      RefreshToken: 86_400,
      Interaction: 600,
      Session: 600,
      Grant: 86_400,
    },
    findAccount: (_: unknown, login: string) => {
      const account = accounts[login];
      return account && { accountId: login, claims: () => ({ sub: account.id, email: account.email, email_verified: account.verified }) };
    },
    formats: {
      customizers: { jwt: (_: unknown, __: unknown, token: { header?: object; payload: JWTPayload }) => asOkta(token, accounts) },
    },
  };
}

/** As a custom authorization server of Okta's writes an access token: login as `sub`, the user's id as `uid`, no `typ`, no e-mail. */
function asOkta(token: { header?: object; payload: JWTPayload }, accounts: Issuer['accounts']): void {
  const { client_id: cid, scope, sub, ...rest } = token.payload;
  // Recognised wherever a token turns up, as a part of its middle.
  token.payload = {
    ver: 1,
    ...rest,
    canary: 'CANARY',
    cid,
    uid: accounts[sub ?? '']?.id,
    scp: String(scope ?? '').split(' '),
    sub: sub ?? '',
  };
  token.header = { ...token.header, typ: undefined };
}
