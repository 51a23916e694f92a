/** Signing in with the browser of this machine: authorization code with PKCE, back over loopback (RFC 8252). */

import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { OncallError } from '../errors.ts';
import { asking, tokensOf, wishes } from './issuer-client.ts';
import { listenOnLoopback } from './loopback.ts';
import { hostOf } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';
import type { Tokens } from './token-file.ts';

export type BrowserContext = {
  readonly say: (line: string) => void;
  /** Whether a browser could be started. */
  readonly openBrowser: (url: string) => Promise<boolean>;
  readonly signal: AbortSignal;
  readonly patienceMs: number;
};

export async function browserFlow(client: Configuration, identity: OidcIdentity, context: BrowserContext): Promise<Tokens> {
  const tooLate = AbortSignal.timeout(context.patienceMs);
  const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
  const loopback = await listenOnLoopback(state, identity.redirectPort ?? 0, AbortSignal.any([context.signal, tooLate]));
  try {
    const page = buildAuthorizationUrl(client, {
      ...wishes(identity),
      redirect_uri: loopback.redirectUri,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    await send(page, context);
    const answer = await loopback.answer.catch((cause) => {
      throw tooLate.aborted ? nobodyCame(identity, loopback.redirectUri, context.patienceMs) : cause;
    });
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
    return tokensOf(await asking(identity, () => authorizationCodeGrant(client, answer, checks)));
  } finally {
    loopback.close();
  }
}

async function send(page: URL, { say, openBrowser }: BrowserContext): Promise<void> {
  const opened = await openBrowser(page.href);
  say(
    opened
      ? `signing in at ${page.host} in your browser; if it shows nothing, open this there:`
      : 'open this in a browser of this machine:',
  );
  say(page.href);
}

function nobodyCame(identity: OidcIdentity, redirectUri: string, patienceMs: number): OncallError {
  const waited = patienceMs < 60_000 ? `${Math.ceil(patienceMs / 1000)} s` : `${Math.floor(patienceMs / 60_000)} min`;
  return new OncallError('sign-in-failed', `you are not signed in at ${hostOf(identity)}`, {
    exit: 4,
    why: `the browser did not come back within ${waited}`,
    next: `where the page named a wrong redirect_uri, let the client use ${redirectUri} (redirectPort in the policy keeps its port); or: oncall login --device`,
  });
}
