/** Where a broker may be reached, and by which name: nothing secret goes over a network in plain, and whoever proves nothing stays on this machine. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import type { ServeInput } from '../commands/command.ts';
import { isOncallError, OncallError } from '../errors.ts';
import { folderFaults, quoted } from '../file-trust.ts';
import { isLoopback } from '../http.ts';
import type { Policy } from '../policy/types.ts';

export type Address = {
  /** As clients write it. */
  readonly origin: string;
  /** Nobody on another machine gets through to it. */
  readonly isLocal: boolean;
};

const refusal = (message: string, why: string, next: string): OncallError => new OncallError('not-served', message, { exit: 2, why, next });

/** Throws where tokens would go over a network in plain, or clients could not know where they go. */
export function addressOf({ listen: { host, port }, url, tls, behindProxy }: ServeInput): Address {
  const listens = `${tls === undefined ? 'http' : 'https'}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const isHere = isLoopback(listens);
  if (tls === undefined && !isHere && behindProxy === undefined) {
    throw refusal(
      `it would listen on ${host} without TLS`,
      'tokens would go over the network in plain',
      'give --tls-cert and --tls-key; or name what does TLS before it: --behind-proxy ADDRESSES',
    );
  }
  requireAddresses(behindProxy);
  const isAlone = isHere && behindProxy === undefined;
  if (url === undefined) {
    if (isAlone && port !== 0) return { origin: new URL(listens).origin, isLocal: true };
    throw refusal(
      'its address for clients is not known',
      'a token is sent to the origin only that it was got for',
      'give --url https://NAME',
    );
  }
  const origin = originOf(url);
  if (origin.startsWith('https:') && tls === undefined && behindProxy === undefined) {
    throw refusal(
      `nothing does TLS for ${origin}`,
      `it listens on ${host} in plain`,
      'give --tls-cert and --tls-key, or --behind-proxy ADDRESSES',
    );
  }
  return { origin, isLocal: isAlone && isLoopback(origin) };
}

/** What is before it says where a call comes from: it is named exactly. */
function requireAddresses(proxies: ServeInput['behindProxy']): void {
  const isOne = (one: string): boolean => {
    const [address = '', bits] = one.split('/');
    return (
      isIP(address) !== 0 &&
      (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (isIPv6(address) ? 128 : 32)))
    );
  };
  const wrong = proxies === undefined ? undefined : proxies.length === 0 ? '' : proxies.find((one) => !isOne(one));
  if (wrong === undefined) return;
  throw refusal(
    `--behind-proxy ${wrong}: is not an address or a network`,
    'whom to believe where a call comes from must be clear',
    'write for example --behind-proxy 10.0.0.9 or 10.2.0.8/30,fd00::9: whoever else is in there can say to be anywhere',
  );
}

function originOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isOrigin =
    parsed !== undefined && /^[\x21-\x7e]+$/.test(url) && parsed.href === `${parsed.origin}/` && !url.includes('?') && !url.includes('#');
  if (isOrigin && (parsed.protocol === 'https:' || (parsed.protocol === 'http:' && isLoopback(url)))) return parsed.origin;
  throw refusal(
    `--url ${url} is not an address to send tokens to`,
    'it needs https:// and a name, without user, path or query; http:// only on this machine',
    'write for example --url https://oncall.acme.dev',
  );
}

/** Throws where everybody on the network would be taken at their word. */
export function requireServable({ identity, path }: Policy, { isLocal }: Address): void {
  if (isLocal || identity.every(({ kind }) => kind !== 'local')) return;
  throw new OncallError('identity-local', 'whoever reaches it would be taken at their word', {
    exit: 2,
    why: `${path} has identity of kind local, which proves nothing, and others than this machine can reach the broker`,
    next: 'name an issuer: identity: [{ kind: oidc, … }]; or listen on 127.0.0.1 alone',
  });
}

export type KeyPair = { readonly cert: string; readonly key: string; readonly validTo: number };

/** Throws where others may read the key or replace it, or the two do not belong together. */
export function readKeyPair(tls: { readonly cert: string; readonly key: string }, cwd: string): KeyPair {
  const [certFile, keyFile] = [resolve(cwd, tls.cert), resolve(cwd, tls.key)];
  try {
    const { mode } = statSync(keyFile);
    // Its group may: that is how a key is shared with what renews it.
    if ((mode & 0o007) !== 0) {
      const found = (mode & 0o7777).toString(8).padStart(4, '0');
      throw unusable(`${keyFile} has mode ${found}: every user of this host may get at it`, `chmod o= ${quoted(keyFile)}`);
    }
    const [fault] = folderFaults(keyFile);
    if (fault !== undefined) throw unusable(fault.because, fault.mend);
    const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')];
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) {
      throw unusable(`${keyFile} is not the key of ${certFile}`, 'name the two that belong together, in PEM');
    }
    return { cert, key, validTo: Date.parse(certificate.validTo) };
  } catch (error) {
    if (isOncallError(error)) throw error;
    // Neither the file nor what OpenSSL says about it goes on.
    const { code, path } = error as NodeJS.ErrnoException;
    const why =
      path === undefined ? `${certFile} and ${keyFile} are not a certificate and a key without passphrase, in PEM` : `${path}: ${code}`;
    throw unusable(why, 'check both files, their owner and mode');
  }
}

const unusable = (why: string, next: string): OncallError =>
  new OncallError('tls-unusable', 'the certificate and its key cannot be used', { exit: 2, why, next });
