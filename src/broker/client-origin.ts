/** What somebody typed as a broker's address → its origin, in the one spelling under which it is remembered and compared. */

import { OncallError } from '../errors.ts';
import { isLoopback } from '../http.ts';

/** Where it was typed; what is to be done about one that is none names that place. */
type Place = 'login' | 'ONCALL_BROKER';

/**
 * Only what is that origin already, but for upper case, a slash at its end and its usual port: what a parser would have to read out of it (a user,
 * a path, letters that are mapped to others) is where two readers come to two hosts.
 */
export function originOf(typed: string, place: Place = 'login'): string {
  const unusable = (why: string, ...instead: string[]) => refusal(typed, place, why, instead);
  const text = typed.toLowerCase().replace(/\/$/, '');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol) || url.hostname === '') {
    throw unusable('it is no address such as https://oncall.acme.dev', ...meantBy(text));
  }
  const { protocol, origin, hostname } = url;
  const usualPort = protocol === 'https:' ? ':443' : ':80';
  if (text !== origin && text !== `${origin}${usualPort}`) {
    // Not the address that the parser makes of it: `https://login.acme.dev@evil.example` is not the one that was meant.
    throw unusable('it must be https://, a host in plain ASCII, and a port at most', 'https://HOST');
  }
  if (hostname.endsWith('.')) throw unusable('a dot at the end makes it another address', origin.replace(/\.(?=:\d+$|$)/, ''));
  if (protocol === 'http:' && !isLoopback(origin)) {
    throw unusable('a token is sent over TLS only; http:// is for this machine alone', origin.replace('http:', 'https:'));
  }
  return origin;
}

/** A host without `https://` before it. */
function meantBy(text: string): readonly string[] {
  const [, host, port = ''] = /^([a-z0-9-]+(?:\.[a-z0-9-]+)*)(:\d{1,5})?$/.exec(text) ?? [];
  if (host === undefined) return ['https://HOST'];
  return isLoopback(`http://${host}`) ? [`http://127.0.0.1${port}`, `https://localhost${port}`] : [`https://${host}${port}`];
}

function refusal(typed: string, place: Place, why: string, instead: readonly string[]): OncallError {
  const shown = typed.replace(/\/\/[^/]*@/, '//…@').slice(0, 200);
  const isTyped = place === 'login';
  return new OncallError('broker-address', `${isTyped ? '' : 'ONCALL_BROKER: '}"${shown}" is not the address of a broker`, {
    exit: 2,
    why,
    next: instead.map((address) => (isTyped ? `oncall login ${address}` : `set ONCALL_BROKER to ${address}`)).join(', or: '),
  });
}
