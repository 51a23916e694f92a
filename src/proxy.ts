/** Whether an https:// address is reached through a proxy, and through which: HTTPS_PROXY and NO_PROXY, alike for every provider. */

import type { Agent } from 'node:https';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { OncallError, type ProviderFault } from './errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

export type ProxyServer = {
  /** May hold a user and a password: never for a message. */
  readonly address: URL;
  /** `proxy.acme.dev:3128` */
  readonly host: string;
  /** As it is spelled in the environment. */
  readonly variable: string;
};

/** This machine is never reached through another one: what it listens with is an emulator's, and gets credentials in the clear. */
const always = 'localhost 127.0.0.0/8 ::1';

/** `undefined`: straight. There is no proxy for http://, which is for this machine only. */
export function proxyFor({ protocol, hostname, port }: URL, env: Env = process.env): ProxyServer | undefined {
  const host = hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase();
  const isStraight = (entries: string): boolean =>
    entries
      .toLowerCase()
      .split(/[\s,]+/)
      .some((entry) => covers(entry, host, port || '443'));
  // First of all: what the variable says, and be it nonsense, is nothing to this machine.
  if (protocol !== 'https:' || isStraight(always)) return undefined;
  const proxy = proxyIn(env);
  return proxy === undefined || isStraight(env.no_proxy || env.NO_PROXY || '') ? undefined : proxy;
}

/** As curl takes them: `*`, a name with all names below it, an address, a range; and, as others do, a port. */
function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, name = '', onlyPort = port] = isIPv6(entry) ? ['', entry] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []);
  if (onlyPort !== port) return false;
  if (isIP(host) !== 0) return isWithin(name.replace(/^\[|\]$/g, ''), host);
  const domain = name.replace(/^\*?\.|\.$/g, '');
  return host === domain || host.endsWith(`.${domain}`);
}

function isWithin(range: string, host: string): boolean {
  const [address = '', bits] = range.split('/');
  if (isIP(address) === 0 || isIP(address) !== isIP(host)) return false;
  const [family, most] = isIPv6(host) ? (['ipv6', 128] as const) : (['ipv4', 32] as const);
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (!(prefix <= most)) return false;
  const list = new BlockList();
  list.addSubnet(address, prefix, family);
  return list.check(host, family);
}

/** The lower case first, as curl does it. Throws where the variable names no proxy that could be used. */
export function proxyIn(env: Env = process.env): ProxyServer | undefined {
  const variable = env.https_proxy ? 'https_proxy' : 'HTTPS_PROXY';
  const text = env[variable]?.trim() ?? '';
  if (text === '') return undefined;
  const [, scheme = 'http'] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (!/^https?$/i.test(scheme)) throw unusable(variable, `only http:// and https:// proxies are spoken to, not ${scheme}://`);
  const whole = text.includes('://') ? text : `http://${text}`;
  const address = URL.canParse(whole) ? new URL(whole) : undefined;
  // A path, too, is a sign that a character of the password was not escaped, and what looks like the host is a part of it.
  if (address === undefined || address.pathname !== '/' || /[?#\\]/.test(text) || !isDecodable(address)) {
    throw unusable(variable, 'it is no address such as http://proxy.example.com:3128, and is not repeated here, as it may hold a password');
  }
  const port = address.port || (address.protocol === 'https:' ? '443' : '80');
  return { address, host: `${address.hostname}:${port}`, variable };
}

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

function unusable(variable: string, why: string): OncallError {
  return new OncallError('proxy-unusable', `${variable} names no proxy that can be used`, {
    exit: 2,
    why,
    next: `set ${variable} to http://host:port, or http://user:password@host:port with special characters percent-encoded (@ is %40); or unset it`,
  });
}

/** `undefined`, and nothing is loaded, where no proxy is named. The agent looks at NO_PROXY itself, because one client may speak to several hosts. */
export async function proxyAgent(): Promise<Agent | undefined> {
  return proxyIn() === undefined ? undefined : (await import('./proxy-agent.ts')).tunnels;
}

/** For messages about what did not come: ` through the proxy proxy.acme.dev:3128`, or nothing. */
export function viaProxy(url: URL | string): string {
  const proxy = proxyFor(new URL(url));
  return proxy === undefined ? '' : ` through the proxy ${proxy.host}`;
}

/** Why there is no tunnel, so that nothing was sent through it. */
export type ProxyFault = {
  readonly fault: ProviderFault;
  /** Fits behind "cannot be reached": `through the proxy proxy.acme.dev:3128: nothing listens there`. */
  readonly how: string;
  readonly next: string;
};

export function proxyFault(error: unknown): ProxyFault | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === 'EPROXY') return (at as unknown as { readonly proxy: ProxyFault }).proxy;
  }
  return undefined;
}
