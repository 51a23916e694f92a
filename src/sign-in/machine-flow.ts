/** Signing in as a service account: its secret for an access token (RFC 6749 §4.4). No person, no browser, no refresh token; the secret is kept nowhere. */

import { type ClientAuth, ClientSecretBasic, ClientSecretPost, clientCredentialsGrant } from 'openid-client';
import { isOncallError, OncallError } from '../errors.ts';
import { clientOf } from '../policy/machine.ts';
import type { SignInContext } from './context.ts';
import { identify } from './identify.ts';
import { answerCode, asking, openClient } from './issuer-client.ts';
import { hostOf, refused } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';
import type { Tokens } from './token-file.ts';
import type { Verified } from './verify.ts';

export type MachineSignIn = Verified & { readonly tokens: Tokens };

export async function machineFlow(client: string, secret: string, identity: OidcIdentity, context: SignInContext): Promise<MachineSignIn> {
  const accessToken = await tokenFor(client, secret, identity, context);
  const verified = await identify(accessToken, identity, context);
  if (clientOf(verified.actor) !== client) throw refused(identity, `it is not that of the service account ${client}`);
  return { ...verified, tokens: { accessToken } };
}

/** Every server that knows client secrets takes them in the header (RFC 6749 §2.3.1), yet one may hold a client to the other way that it offers. */
async function tokenFor(client: string, secret: string, identity: OidcIdentity, context: SignInContext): Promise<string> {
  let send: ClientAuth = ClientSecretBasic(secret);
  const opened = await openClient(identity, context, { id: client, authentication: (...call) => send(...call) });
  const offered = opened.serverMetadata().token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const ways = [
    ...(offered.includes('client_secret_basic') ? [ClientSecretBasic(secret)] : []),
    ...(offered.includes('client_secret_post') ? [ClientSecretPost(secret)] : []),
  ];
  for (const [index, way] of ways.entries()) {
    send = way;
    try {
      const answer = await asking(identity, () =>
        clientCredentialsGrant(opened, wishes(identity)).catch((error) => tell(error, client, identity)),
      );
      return answer.access_token;
    } catch (error) {
      if (!isOncallError(error) || error.code !== 'client-refused' || index === ways.length - 1) throw error;
    }
  }
  throw failed(
    client,
    identity,
    'it takes no client secrets, neither in the header nor in the body',
    'let the issuer offer client_secret_basic',
  );
}

/** `openid` is for people, and several issuers refuse it here. */
function wishes({ machineScopes, audience }: OidcIdentity): Record<string, string> {
  return { ...(machineScopes && { scope: machineScopes.join(' ') }), ...(audience === undefined ? {} : { audience }) };
}

const explained: Readonly<Record<string, readonly [why: string, next: string]>> = {
  unauthorized_client: [
    'the issuer does not let this client use client credentials',
    'allow it the grant Client Credentials at the issuer',
  ],
  invalid_scope: ['the issuer does not give this client the scopes it asks for, or wants some named', 'set machineScopes in the policy'],
};

function tell(error: unknown, client: string, identity: OidcIdentity): never {
  const code = answerCode(error);
  // A server that says which scheme it wants has refused the one that was used.
  if (code === 'invalid_client' || (error as { code?: unknown }).code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE') {
    const next = 'compare the client id with the issuer, and the secret in ONCALL_CLIENT_SECRET or the file of ONCALL_CLIENT_SECRET_FILE';
    throw failed(client, identity, 'the issuer does not know this client, or not with that secret', next, 'client-refused');
  }
  const known = code !== undefined && Object.hasOwn(explained, code) ? explained[code] : undefined;
  if (known !== undefined) throw failed(client, identity, ...known);
  throw error;
}

function failed(client: string, identity: OidcIdentity, why: string, next: string, code = 'sign-in-failed'): OncallError {
  return new OncallError(code, `the service account ${client} is not signed in at ${hostOf(identity)}`, { exit: 4, why, next });
}
