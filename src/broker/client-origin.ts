/** What somebody typed as a broker's address → its origin, in the one spelling under which it is remembered and compared. */

import { OncallError } from '../errors.ts';
import { isLoopback } from '../http.ts';

/**
 * Only what is that origin already, but for upper case, a slash at its end and its usual port: what a parser would have to read out of it (a user,
 * a path, letters that are mapped to others) is where two readers come to two hosts.
 */
export function originOf(typed: string): string {
  const text = typed.toLowerCase().replace(/\/$/, '');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol) || url.hostname === '') {
    throw unusable(typed, 'it is no address such as https://oncall.acme.dev', 'oncall login https://HOST');
  }
  const { protocol, origin, hostname } = url;
  const usualPort = protocol === 'https:' ? ':443' : ':80';
  if (text !== origin && text !== `${origin}${usualPort}`) {
    // Not the address that the parser makes of it: `https://login.acme.dev@evil.example` is not the one that was meant.
    throw unusable(typed, 'it must be https://, a host in plain ASCII, and a port at most', 'oncall login https://HOST');
  }
  if (hostname.endsWith('.'))
    throw unusable(typed, 'a dot at the end makes it another address', `oncall login ${origin.replace(/\.(?=:\d+$|$)/, '')}`);
  if (protocol === 'http:' && !isLoopback(origin)) {
    const next = `oncall login ${origin.replace('http:', 'https:')}`;
    throw unusable(typed, 'a token is sent over TLS only; http:// is for this machine alone', next);
  }
  return origin;
}

function unusable(typed: string, why: string, next: string): OncallError {
  const shown = typed.replace(/\/\/[^/]*@/, '//…@').slice(0, 200);
  return new OncallError('broker-address', `"${shown}" is not the address of a broker`, { exit: 2, why, next });
}
