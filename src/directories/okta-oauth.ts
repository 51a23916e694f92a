/** An API service app's access token: client credentials with a JWT signed by its private key, bound to a key of ours where the app demands DPoP. */

import { randomUUID } from 'node:crypto';
import type { AdapterContext } from './directory.ts';
import { type Answer, blotted, broken, refusal, said } from './okta-errors.ts';
import { parseKey, prover, type SigningKey, signJwt } from './okta-jwt.ts';
import { remember } from './okta-remember.ts';
import type { Authorize, Outgoing, Sender } from './okta-send.ts';

export type AppSettings = {
  readonly orgUrl: string;
  readonly clientId: string;
  readonly key: () => Promise<string>;
  readonly keyId?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
};

type Token = { readonly type: 'Bearer' | 'DPoP'; readonly value: string; readonly until: number };

const defaultScopes = ['okta.groups.manage', 'okta.users.read'];
/** Before its end, so that no request is under way when that comes. */
const earlyMs = 60_000;
const noHeaders: Authorize = async () => ({});

export function openApp(settings: AppSettings, sender: Sender, context: AdapterContext): { readonly authorize: Authorize } {
  const proof = prover(context.now);
  let bound = false;
  const fetchToken = async (): Promise<Token> => {
    const key = parseKey(await settings.key(), settings.keyId, context);
    // Without a proof; where the app demands one, with it; and with the nonce that Okta then asks for.
    for (let left = 2; ; left--) {
      const request = tokenRequest(settings, key, context);
      const proven = bound ? { ...request, headers: { ...request.headers, dpop: proof.of(request) } } : request;
      const answer = await sender.exchange(proven, noHeaders, {});
      const error = said(answer.text)?.error;
      if (left === 0 || (error !== 'invalid_dpop_proof' && error !== 'use_dpop_nonce'))
        return readToken(answer, request, settings, context);
      bound = true;
      proof.nonce(answer.headers['dpop-nonce']);
    }
  };
  const tokens = remember(fetchToken, Number.POSITIVE_INFINITY, context.now);
  return {
    authorize: async (request) => {
      let token = await tokens.get();
      if (context.now() >= token.until) {
        tokens.forget();
        token = await tokens.get();
      }
      const { type, value } = token;
      return { authorization: `${type} ${value}`, ...(type === 'DPoP' ? { dpop: proof.of(request, value) } : {}) };
    },
  };
}

function tokenRequest({ orgUrl, clientId, scopes = defaultScopes }: AppSettings, key: SigningKey, { now }: AdapterContext): Outgoing {
  const url = `${new URL(orgUrl).origin}/oauth2/v1/token`;
  const seconds = Math.floor(now() / 1000);
  const claims = { aud: url, iss: clientId, sub: clientId, iat: seconds, exp: seconds + 300, jti: randomUUID() };
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: scopes.join(' '),
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: signJwt(key, {}, claims),
  });
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: body.toString(),
    need: { deed: 'sign in', scope: scopes.join(' '), permission: 'what these scopes cover' },
  };
}

function readToken(answer: Answer, request: Outgoing, { orgUrl, scopes = defaultScopes }: AppSettings, context: AdapterContext): Token {
  const { name, now } = context;
  const body = said(answer.text) ?? {};
  const { access_token: value, token_type: type, expires_in: seconds, error } = body;
  if (answer.status === 200 && typeof value === 'string' && (type === 'Bearer' || type === 'DPoP')) {
    const lifeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 3_600_000;
    return { type, value, until: now() + Math.max(lifeMs / 2, lifeMs - earlyMs) };
  }
  const secrets = [new URLSearchParams(request.body).get('client_assertion') ?? ''];
  if (typeof error !== 'string') {
    throw refusal(answer, { name, host: new URL(orgUrl).host, need: request.need, sent: false, timeoutMs: 0, secrets });
  }
  const description = typeof body.error_description === 'string' ? `, "${blotted(body.error_description, secrets)}"` : '';
  const why = `(${answer.status} ${blotted(error, secrets)}${description})`;
  if (error === 'invalid_scope' || error === 'access_denied') {
    throw broken(
      context,
      'forbidden',
      `${name} does not give the app the scopes ${scopes.join(' ')} ${why}`,
      'grant them in the app, under Okta API Scopes',
    );
  }
  throw broken(
    context,
    'credentials',
    `${name} does not let the app sign in ${why}`,
    "check clientId, that the app has this key's public half and is active, and this host's clock",
  );
}
