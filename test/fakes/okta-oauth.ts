/** The org authorization server of the fake Okta: client credentials with a signed JWT, Bearer or DPoP, every signature verified. */

import { createHash, createPublicKey, type KeyObject, randomUUID, verify } from 'node:crypto';
import type { Exchange } from './okta-document.ts';

type Reply = { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> };

export type OktaApp = {
  readonly clientId: string;
  readonly key: KeyObject;
  readonly kid?: string;
  readonly scopes: readonly string[];
  readonly dpop?: boolean;
};

type Jwt = { readonly header: Record<string, unknown>; readonly claims: Record<string, unknown> };

const hashes: Record<string, string> = { RS256: 'sha256', ES256: 'sha256', ES384: 'sha384' };

/** Throws unless the key signed it. */
function readJwt(jwt: string, key: KeyObject): Jwt {
  const [head = '', body = '', signature = ''] = jwt.split('.');
  const part = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
  const header = part(head);
  const good = verify(
    hashes[String(header.alg)] ?? 'none',
    Buffer.from(`${head}.${body}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  if (!good) throw new Error('bad signature');
  return { header, claims: part(body) };
}

export function oktaOAuth() {
  const apps = new Map<string, OktaApp>();
  const tokens = new Map<string, { readonly scopes: readonly string[]; readonly thumb: string | undefined }>();
  const used = new Set<string>();
  const state = { nonce: 'nonce-1', lifeSeconds: 3600, granted: 0 };
  const refusal = (status: number, error: string, error_description: string, headers: Record<string, string> = {}): Reply => ({
    status,
    body: { error, error_description },
    headers,
  });
  const thumbOf = (jwk: unknown): string => createHash('sha256').update(JSON.stringify(jwk)).digest('hex');

  /** What is wrong with a proof, or whose key it is. */
  function proofOf(exchange: Exchange, url: URL, token?: string): { readonly wrong?: string; readonly thumb?: string } {
    const given = exchange.headers.dpop;
    if (typeof given !== 'string') return { wrong: 'The DPoP proof JWT header is missing.' };
    const jwk = JSON.parse(Buffer.from(given.split('.')[0] ?? '', 'base64url').toString()).jwk;
    const { header, claims } = readJwt(given, createPublicKey({ key: jwk, format: 'jwk' }));
    if (header.typ !== 'dpop+jwt' || 'd' in jwk) return { wrong: "the 'typ' or 'jwk' is invalid" };
    if (claims.htm !== exchange.method) return { wrong: "the 'htm' claim is invalid" };
    if (claims.htu !== url.origin + url.pathname) return { wrong: "'htu' claim in the DPoP proof JWT is invalid." };
    if (used.has(String(claims.jti))) return { wrong: "the 'jti' was used" };
    used.add(String(claims.jti));
    if (token === undefined && claims.nonce !== state.nonce) return { wrong: 'use_dpop_nonce' };
    if (token !== undefined && claims.ath !== createHash('sha256').update(token).digest('base64url')) return { wrong: "'ath' is invalid" };
    return { thumb: thumbOf(jwk) };
  }

  return {
    apps,
    state,
    tokens,
    reset: () => {
      for (const each of [apps, tokens, used]) each.clear();
      Object.assign(state, { nonce: 'nonce-1', lifeSeconds: 3600, granted: 0 });
    },
    token: (exchange: Exchange, url: URL, body: string): Reply => {
      const form = new URLSearchParams(body);
      const jwt = form.get('client_assertion') ?? '';
      const clientId = String(JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()).iss);
      const app = apps.get(clientId);
      if (!app) return refusal(401, 'invalid_client', `Invalid value for 'client_id' parameter, in ${jwt}`);
      try {
        const { header, claims } = readJwt(jwt, app.key);
        if (app.kid !== undefined && header.kid !== app.kid) return refusal(401, 'invalid_client', "The 'kid' is unknown");
        if (claims.aud !== url.href || claims.sub !== clientId || Number(claims.exp) - Number(claims.iat) > 3600)
          return refusal(401, 'invalid_client', 'The claims of the client_assertion are invalid');
      } catch {
        return refusal(401, 'invalid_client', 'The client_assertion signature is invalid.');
      }
      const scopes = (form.get('scope') ?? '').split(' ');
      const extra = scopes.find((scope) => !app.scopes.includes(scope));
      if (extra !== undefined) return refusal(400, 'invalid_scope', `One or more scopes are not configured: ${extra}`);
      let thumb: string | undefined;
      if (app.dpop) {
        const proof = proofOf(exchange, url);
        if (proof.wrong === 'use_dpop_nonce')
          return refusal(400, 'use_dpop_nonce', 'Authorization server requires nonce in DPoP proof.', { 'dpop-nonce': state.nonce });
        if (proof.wrong !== undefined) return refusal(400, 'invalid_dpop_proof', proof.wrong);
        thumb = proof.thumb;
      }
      const value = `eyJ-CANARY-access-token-${randomUUID()}`;
      tokens.set(value, { scopes, thumb });
      state.granted++;
      return {
        status: 200,
        body: {
          token_type: thumb === undefined ? 'Bearer' : 'DPoP',
          access_token: value,
          expires_in: state.lifeSeconds,
          scope: scopes.join(' '),
        },
      };
    },
    /** `undefined`: let in. */
    refuse: (exchange: Exchange, url: URL): Reply | undefined => {
      const error = (status: number, errorCode: string, errorSummary: string): Reply => ({
        status,
        body: { errorCode, errorSummary, errorLink: errorCode, errorId: 'oaeFake', errorCauses: [] },
      });
      const [scheme, value = ''] = String(exchange.headers.authorization ?? '').split(' ');
      const token = tokens.get(value);
      if (!token || scheme !== (token.thumb === undefined ? 'Bearer' : 'DPoP')) return error(401, 'E0000011', 'Invalid token provided');
      if (token.thumb !== undefined) {
        const proof = proofOf(exchange, url, value);
        if (proof.thumb !== token.thumb) return error(401, 'E0000011', proof.wrong ?? 'another key');
      }
      const kind = url.pathname.startsWith('/api/v1/users') ? 'okta.users' : 'okta.groups';
      const enough = exchange.method === 'GET' ? [`${kind}.read`, `${kind}.manage`] : [`${kind}.manage`];
      if (enough.some((scope) => token.scopes.includes(scope))) return undefined;
      return error(403, 'E0000006', 'You do not have permission to perform the requested action');
    },
  };
}

export type OktaOAuth = ReturnType<typeof oktaOAuth>;
