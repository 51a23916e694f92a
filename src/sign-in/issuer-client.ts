/** openid-client, set up for one issuer of the policy; and what its errors mean. Loaded only to sign in, to renew and to sign out. */

import {
  allowInsecureRequests,
  type ClientAuth,
  type Configuration,
  clockSkew,
  clockTolerance,
  customFetch,
  discovery,
} from 'openid-client';
import { isOncallError, OncallError } from '../errors.ts';
import { causeOf, isLoopback, somethingBetween } from '../http.ts';
import { proxyFault, viaProxy } from '../proxy.ts';
import type { SignInContext } from './context.ts';
import { guardedFetch } from './issuer-fetch.ts';
import { otherIssuer, unavailable } from './keys.ts';
import { hostOf, quotable } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';
import type { Tokens } from './token-file.ts';

const TIMEOUT_S = 10;

/** `machine`: as this service account; else as the public client of people. */
export async function openClient(
  identity: OidcIdentity,
  context: SignInContext,
  machine?: { readonly id: string; readonly authentication: ClientAuth },
): Promise<Configuration> {
  const onLoopback = isLoopback(identity.issuer);
  const client = await asking(identity, () =>
    discovery(
      new URL(identity.issuer),
      machine?.id ?? identity.clientId,
      // The times of ID tokens are compared with this program's clock.
      { [clockTolerance]: 60, [clockSkew]: Math.round((context.now() - Date.now()) / 1000) },
      machine?.authentication,
      { [customFetch]: guardedFetch(identity, context.signal), timeout: TIMEOUT_S, execute: onLoopback ? [allowInsecureRequests] : [] },
    ),
  );
  if (client.serverMetadata().issuer !== identity.issuer) throw otherIssuer(identity);
  return client;
}

export function tokensOf(answer: { access_token: string; id_token?: string; refresh_token?: string }): Tokens {
  const { access_token: accessToken, id_token: idToken, refresh_token: refreshToken } = answer;
  return { accessToken, ...(idToken === undefined ? {} : { idToken }), ...(refreshToken === undefined ? {} : { refreshToken }) };
}

/** What every authorization asks for. `audience` is how Auth0 is told; the others take it from the client's settings and pass over the parameter (RFC 6749 §3.1). */
export function wishes({ scopes, audience }: OidcIdentity): Record<string, string> {
  return { scope: scopes.join(' '), ...(audience === undefined ? {} : { audience }) };
}

export async function asking<T>(identity: OidcIdentity, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw asOncallError(error, identity);
  }
}

/** The `error` of an OAuth answer: `authorization_pending`, `invalid_grant`. */
export function answerCode(error: unknown): string | undefined {
  const code = (error as { error?: unknown } | null)?.error;
  return typeof code === 'string' ? code : undefined;
}

/** Whether the issuer did not get to answer: no connection, no time, no capacity. */
export function isPassing(error: unknown): boolean {
  if (answerCode(error) !== undefined) return false;
  const { cause, code } = error as { cause?: { status?: unknown }; code?: unknown };
  const status = Number(cause?.status);
  const isCut = error instanceof TypeError && ['fetch failed', 'terminated'].includes(error.message);
  return isCut || code === 'OAUTH_TIMEOUT' || status === 429 || status >= 500;
}

const explained: Readonly<Record<string, readonly [why: string, next: string]>> = {
  access_denied: ['it was refused there, by you or by a rule of the issuer', 'oncall login'],
  expired_token: ['the code was not entered in time', 'oncall login --device'],
  invalid_client: [
    'the issuer does not know this client, or wants a secret of it',
    'check clientId in the policy; the client must be a native (public) one',
  ],
  unauthorized_client: [
    'the issuer does not let this client sign in this way',
    'let the client use Authorization Code, Refresh Token and Device Authorization at the issuer',
  ],
  invalid_scope: [
    'the issuer does not give this client all the scopes it asks for',
    'set scopes in the policy, or allow them at the issuer',
  ],
  invalid_grant: ['the issuer does not take the code or the refresh token (used, ended or taken back)', 'oncall login'],
};

export function asOncallError(error: unknown, identity: OidcIdentity): Error {
  const own = ownError(error);
  if (own !== undefined) return own;
  const code = answerCode(error);
  if (code !== undefined) {
    const [why, next] = (Object.hasOwn(explained, code) ? explained[code] : undefined) ?? [described(error, code), 'oncall login'];
    return new OncallError('sign-in-failed', `you are not signed in at ${hostOf(identity)}`, { exit: 4, why, next });
  }
  const { code: kind, message } = error as { code?: unknown; message?: unknown };
  if (kind === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') return otherIssuer(identity);
  const proxied = proxyFault(error);
  if (proxied) return unavailable(identity, `it cannot be reached ${proxied.how}`, { next: proxied.next });
  if (isPassing(error)) return unreachable(error, identity);
  const came = typeof kind === 'string' && Object.hasOwn(notAnIssuer, kind) ? notAnIssuer[kind] : undefined;
  if (came !== undefined) return unavailable(identity, `what answered there sent ${came}`, { next: somethingBetween(hostOf(identity)) });
  // openid-client's own words, which name claims and fields but hold no values; its causes do, so they are left behind.
  return unavailable(identity, `its answer is not as it must be (${quotable(String(message))})`);
}

const notAnIssuer: Readonly<Record<string, string>> = {
  OAUTH_RESPONSE_IS_NOT_JSON: 'a web page, or something else that is not data',
  OAUTH_PARSE_ERROR: 'half an answer, or none that is JSON',
};

/** What was thrown inside `fetch` comes back wrapped. */
function ownError(error: unknown): OncallError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (isOncallError(at)) return at;
  return undefined;
}

function described(error: unknown, code: string): string {
  const { error_description: description } = error as { error_description?: unknown };
  const words = typeof description === 'string' ? `: ${quotable(description)}` : '';
  return `the issuer answered ${quotable(code)}${words}`;
}

function unreachable(error: unknown, identity: OidcIdentity): OncallError {
  const { code: kind, cause } = error as { code?: unknown; cause?: { status?: unknown } };
  const via = viaProxy(identity.issuer);
  if (kind === 'OAUTH_TIMEOUT') return unavailable(identity, `it did not answer${via} within ${TIMEOUT_S} s`);
  if (cause?.status === 429)
    return unavailable(identity, 'it has had too many calls (429)', { next: 'run the same command again in a minute' });
  if (cause?.status !== undefined) return unavailable(identity, `it is not available (${String(cause.status)})`);
  const { because, next } = causeOf(cause);
  return unavailable(identity, `it cannot be reached${via}: ${because}`, { next });
}
