/** Signing in by a code that is entered in a browser elsewhere (RFC 8628). */

import { type Configuration, genericGrantRequest, initiateDeviceAuthorization } from 'openid-client';
import { OncallError } from '../errors.ts';
import { isLoopback } from '../http.ts';
import { answerCode, asking, asOncallError, isPassing, tokensOf, wishes } from './issuer-client.ts';
import { unavailable } from './keys.ts';
import { hostOf, quotable } from './refusal.ts';
import type { OidcIdentity } from './settings.ts';
import type { Tokens } from './token-file.ts';

export type DeviceContext = {
  readonly say: (line: string) => void;
  readonly now: () => number;
  /** Rejects when the command is stopped. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly log: (line: string) => void;
};

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const SLOWER_MS = 5_000;
const SLOWEST_MS = 60_000;

export async function deviceFlow(client: Configuration, identity: OidcIdentity, context: DeviceContext): Promise<Tokens> {
  if (client.serverMetadata().device_authorization_endpoint === undefined) {
    throw new OncallError('no-device-flow', `${hostOf(identity)} does not let anybody sign in by a code`, {
      why: 'its metadata names no device authorization endpoint',
      next: 'oncall login, on a machine with a browser',
    });
  }
  const started = await asking(identity, () => initiateDeviceAuthorization(client, wishes(identity)));
  const endsAt = context.now() + started.expires_in * 1000;
  showCode(started.user_code, pageOf(started.verification_uri, identity), endsAt, identity, context);
  return waitForIt(client, identity, { code: started.device_code, everyMs: (started.interval ?? 5) * 1000, endsAt }, context);
}

/** Never the complete address with the code in it: to type the code is what makes a person look at whose device they let in (RFC 8628 §5.4). */
function showCode(code: string, page: URL, endsAt: number, identity: OidcIdentity, { say, now }: DeviceContext): void {
  const minutes = Math.max(1, Math.round((endsAt - now()) / 60_000));
  const until = `${new Date(endsAt).toISOString().slice(11, 16)}Z`;
  say(`open   ${page.href}`);
  say(`enter  ${quotable(code)}`);
  say(`The page must be of ${page.host}, and the code is good for ${minutes} min, until ${until}.`);
  if (page.host !== hostOf(identity)) say(`This is another host than the issuer's, ${hostOf(identity)}, which named it.`);
  say('Enter it only if you started this yourself, here and now: whoever sends you such a code wants to act as you.');
}

function pageOf(address: string, identity: OidcIdentity): URL {
  const page = URL.canParse(address) ? new URL(address) : undefined;
  if (page?.protocol === 'https:' || (page?.protocol === 'http:' && isLoopback(identity.issuer) && isLoopback(address))) return page;
  throw unavailable(identity, 'it does not name a safe page to enter the code at');
}

/** Own rather than openid-client's loop, which gives up at the first lost connection; §3.5 wants a longer pause then. */
async function waitForIt(
  client: Configuration,
  identity: OidcIdentity,
  { code, everyMs, endsAt }: { readonly code: string; readonly everyMs: number; readonly endsAt: number },
  { now, sleep, log }: DeviceContext,
): Promise<Tokens> {
  let pauseMs = everyMs;
  for (;;) {
    await sleep(Math.min(pauseMs, Math.max(0, endsAt - now())));
    if (now() >= endsAt) throw tooLate(identity);
    try {
      return tokensOf(await genericGrantRequest(client, GRANT, { device_code: code }));
    } catch (error) {
      if (answerCode(error) === 'slow_down') pauseMs += SLOWER_MS;
      else if (isPassing(error)) pauseMs = Math.min(pauseMs * 2, SLOWEST_MS);
      else if (answerCode(error) !== 'authorization_pending') throw asOncallError(error, identity);
      log(`${hostOf(identity)}: ${answerCode(error) ?? 'no answer'}; asking again in ${pauseMs / 1000} s`);
    }
  }
}

function tooLate(identity: OidcIdentity): OncallError {
  return new OncallError('sign-in-failed', `you are not signed in at ${hostOf(identity)}`, {
    exit: 4,
    why: 'the code was not entered in time',
    next: 'oncall login --device',
  });
}
