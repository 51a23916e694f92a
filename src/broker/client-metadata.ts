/** What a broker says about itself before anybody signs in to it (RFC 9728), believed only as far as it speaks for itself. */

import { OncallError } from '../errors.ts';
import { isLoopback } from '../http.ts';
import { type OidcIdentity, oidcIdentity } from '../sign-in/settings.ts';
import { apiVersion, metadataPath, versionHeader } from './api.ts';
import { type About, noAnswer, notABroker, otherVersion } from './client-errors.ts';
import { exchange, type Reply } from './client-http.ts';

/** `local`: it takes people at their word. */
export type BrokerIdentity = OidcIdentity | { readonly kind: 'local' };

type Asking = { readonly origin: string; readonly version: string; readonly now: () => number; readonly signal: AbortSignal };

const timeoutMs = 10_000;
const mostIdentities = 50;

export async function brokerIdentities({ origin, version, now, signal }: Asking): Promise<readonly BrokerIdentity[]> {
  const about: About = { origin, version, now, writes: false, timeoutMs };
  const headers = { accept: 'application/json', [versionHeader]: version };
  const reply = await exchange({ url: new URL(metadataPath, origin), method: 'GET', headers, timeoutMs, maxBytes: 256 * 1024, signal });
  if ('failed' in reply) throw noAnswer(reply, about).error;
  const { resource, oncall } = documentIn(reply, about);
  if (resource !== origin) throw otherResource(origin, resource);
  const { api, version: theirs, identities } = Object(oncall) as Record<string, unknown>;
  const said = typeof theirs === 'string' ? shown(theirs) : '';
  if (api !== apiVersion) throw otherVersion(about, said, 'it speaks another form of the interface');
  if (!Array.isArray(identities) || identities.length === 0 || identities.length > mostIdentities) {
    throw otherVersion(about, said, 'it does not say where people sign in');
  }
  return identities.map((one) => identityIn(one, said, about));
}

function documentIn(reply: Reply, about: About): Record<string, unknown> {
  try {
    const document = Object(JSON.parse(reply.text)) as Record<string, unknown>;
    if (reply.status === 200 && 'resource' in document && 'oncall' in document) return document;
  } catch {
    // Told below.
  }
  throw notABroker(reply, about);
}

/** A token that is got for one of them would be good at the other. */
function otherResource(origin: string, resource: unknown): OncallError {
  return new OncallError('broker-mismatch', `what answers at ${origin} is not the broker of that address`, {
    why: `it calls itself ${typeof resource === 'string' ? shown(resource) : 'nothing'}, and that must be the same to the last character`,
    next: 'check the address with whoever runs the broker',
  });
}

function identityIn(given: unknown, theirs: string, about: About): BrokerIdentity {
  const { origin } = about;
  if (Object(given).kind === 'local') {
    if (isLoopback(origin)) return { kind: 'local' };
    throw refused(origin, 'it takes people at their word, which only a broker on this very machine may', 'tell who runs the broker');
  }
  const read = oidcIdentity.safeParse(given);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw otherVersion(
      about,
      theirs,
      `where people sign in is not as it must be (${shown(`${issue?.path.join('.')}: ${issue?.message}`)})`,
    );
  }
  const { issuer, audience } = read.data;
  if (isLoopback(issuer) && !isLoopback(origin)) {
    throw refused(origin, `it names an issuer on this machine, ${issuer}`, 'tell who runs the broker');
  }
  if (audience !== undefined && isOfAnother(audience, origin)) {
    const why = `it wants sign-ins that are meant for ${shown(audience)}, and could use them there as you`;
    throw refused(origin, why, 'do not sign in there; tell who runs the broker, or your security team');
  }
  return read.data;
}

/** An audience that is an address names whom the token is for. */
function isOfAnother(audience: string, origin: string): boolean {
  if (!/^https?:/i.test(audience)) return false;
  return !URL.canParse(audience) || new URL(audience).origin !== origin;
}

function refused(origin: string, why: string, next: string): OncallError {
  return new OncallError('broker-refused', `nobody signs in to the broker ${origin}`, { why, next });
}

/** A stranger's text, on one line. */
const shown = (text: string): string => text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 200);
