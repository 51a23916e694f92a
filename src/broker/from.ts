/** Where a call comes from and to whom it is addressed: what the connection and a few headers say, and nothing of it proves anybody. */

import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { isLoopback } from '../http.ts';
import { httpError } from './reply.ts';

/** Every value of a header that was sent; Node keeps only the first of some. */
export function valuesOf({ rawHeaders }: IncomingMessage, name: string): readonly string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

/** IPv4 in the clothes of IPv6 is taken out of them. */
export const plainAddress = (address = ''): string => address.toLowerCase().replace(/^::ffff:(?=[\d.]+$)/, '');

/** Some proxies write the port as well. */
const withoutPort = (hop: string): string => hop.replace(/^\[([^\]]*)\](?::\d+)?$|^([\d.]+):\d+$/, '$1$2');

export const isLoopbackAddress = (address: string): boolean => address === '::1' || (isIPv4(address) && address.startsWith('127.'));

export type Origins = {
  /** The caller's address, as far as it can be known. */
  addressOf(request: IncomingMessage): string;
  isProxy(address: string): boolean;
  /** Throws where a call is not meant for this broker, or came here in the clear from elsewhere. */
  require(request: IncomingMessage, what: 'health' | 'document' | 'call'): void;
};

/** `isLocal`: people are taken at their word, so that nothing may stand between them and loopback. */
export function origins(of: {
  readonly origin: string;
  readonly behindProxy: readonly string[];
  readonly isLocal: () => boolean;
}): Origins {
  const own = new URL(of.origin);
  const proxies = blockList(of.behindProxy);
  const isProxy = (address: string): boolean =>
    of.behindProxy.length > 0 && isIP(address) !== 0 && proxies.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');

  const addressOf = (request: IncomingMessage): string => {
    const peer = plainAddress(request.socket.remoteAddress);
    if (!isProxy(peer)) return peer;
    // From the right: whatever stands before the first that is not a proxy of ours, anybody could have written.
    const hops = valuesOf(request, 'x-forwarded-for').flatMap((value) => value.split(','));
    for (const hop of hops.reverse().map((one) => plainAddress(withoutPort(one.trim())))) {
      if (isIP(hop) === 0) break;
      if (!isProxy(hop)) return hop;
    }
    return peer;
  };

  /** A page that has its name point here would be answered as if it were a client of this broker (DNS rebinding). */
  const isOwnHost = (host: string, what: 'health' | 'document' | 'call'): boolean => {
    const written = `${own.protocol}//${host}`;
    if (!/^[\w.:[\]-]+$/.test(host) || !URL.canParse(written)) return false;
    if (of.isLocal() && what !== 'health') return isLoopback(written);
    if (new URL(written).host === own.host) return true;
    // Whoever watches asks by address; a page cannot have one for its name.
    return what === 'health' && (isLoopback(written) || isIP(new URL(written).hostname.replace(/^\[|\]$/g, '')) !== 0);
  };

  return {
    addressOf,
    isProxy,
    require: (request, what) => {
      const hosts = valuesOf(request, 'host');
      if (hosts.length !== 1 || !isOwnHost(hosts[0] ?? '', what) || request.url?.startsWith('/') !== true) throw wrongHost(own);
      const pages = valuesOf(request, 'origin');
      if (pages.some((page) => page !== own.origin || of.isLocal())) throw fromPage();
      const peer = plainAddress(request.socket.remoteAddress);
      const isEncrypted = 'encrypted' in request.socket;
      if (what === 'call' && !isEncrypted && !isLoopbackAddress(peer) && !isProxy(peer)) throw inTheClear();
    },
  };
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

const wrongHost = (own: URL) =>
  httpError({ status: 421 }, 'wrong-host', 'this call is not meant for this broker', {
    exit: 2,
    why: 'it names another host, or none',
    next: `call ${own.origin}`,
  });

const fromPage = () =>
  httpError({ status: 403 }, 'from-a-page', 'a page of another origin may not call this broker', {
    exit: 3,
    next: 'use oncall from a terminal',
  });

const inTheClear = () =>
  httpError({ status: 403 }, 'in-the-clear', 'this call came without TLS, and not from a stated proxy', {
    exit: 3,
    why: 'whoever listens on the way could have read what it carried',
    next: 'sign in anew, then call by https://',
  });
