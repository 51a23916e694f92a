/** Where a broker may be reached, and with which certificate. */

import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ServeInput } from '../../src/commands/command.ts';
import type { Policy } from '../../src/policy/types.ts';
import { addressOf, readKeyPair, requireServable } from '../../src/wiring/serve-address.ts';
import { makeCertificate } from '../fakes/certificate.ts';
import { scratch } from './scratch.ts';

const tls = { cert: 'c.pem', key: 'k.pem' };
const here = { host: '127.0.0.1', port: 8300 };
const everywhere = { host: '0.0.0.0', port: 443 };
const acme = 'https://oncall.acme.dev';

describe('the address of a broker', () => {
  it.each<[string, ServeInput, string, boolean]>([
    ['this machine', { listen: here }, 'http://127.0.0.1:8300', true],
    ['localhost', { listen: { host: 'localhost', port: 8300 } }, 'http://localhost:8300', true],
    ['::1', { listen: { host: '::1', port: 8300 } }, 'http://[::1]:8300', true],
    ['this machine with TLS', { listen: here, tls }, 'https://127.0.0.1:8300', true],
    ['a port of the system under a name', { listen: { ...here, port: 0 }, url: 'http://localhost:9' }, 'http://localhost:9', true],
    ['everywhere with TLS', { listen: everywhere, tls, url: acme }, acme, false],
    ['behind a proxy here', { listen: here, url: acme, behindProxy: ['127.0.0.1'] }, acme, false],
    ['behind a proxy elsewhere', { listen: everywhere, url: `${acme}/`, behindProxy: ['10.0.0.9', 'fd00::/8'] }, acme, false],
    [
      'behind a proxy that itself is here',
      { listen: here, url: 'http://127.0.0.1:9', behindProxy: ['127.0.0.1'] },
      'http://127.0.0.1:9',
      false,
    ],
    ['TLS here under a name of all', { listen: here, tls, url: acme }, acme, false],
  ])('is known for %s', (_, input, origin, isLocal) => {
    expect(addressOf(input)).toEqual({ origin, isLocal });
  });

  it.each<[string, ServeInput, RegExp]>([
    ['plain HTTP off this machine', { listen: everywhere, url: acme }, /without TLS/],
    ['plain HTTP on an address of the network', { listen: { host: '10.0.0.5', port: 80 }, url: acme }, /without TLS/],
    ['plain HTTP under a name that may lead anywhere', { listen: { host: 'localhost.acme.dev', port: 80 } }, /without TLS/],
    ['no name for clients', { listen: everywhere, tls }, /address for clients is not known/],
    ['no name behind a proxy', { listen: here, behindProxy: ['127.0.0.1'] }, /address for clients is not known/],
    ['no port that could be named', { listen: { ...here, port: 0 } }, /address for clients is not known/],
    ['a name of TLS that nothing does', { listen: here, url: acme }, /nothing does TLS/],
    ['a name in plain', { listen: everywhere, tls, url: 'http://oncall.acme.dev' }, /not an address to send tokens to/],
    ['a name with a path', { listen: everywhere, tls, url: `${acme}/oncall` }, /not an address to send tokens to/],
    ['a name with a query', { listen: everywhere, tls, url: `${acme}/?` }, /not an address to send tokens to/],
    ['a name with a user', { listen: everywhere, tls, url: 'https://a@oncall.acme.dev' }, /not an address to send tokens to/],
    ['no name at all', { listen: everywhere, tls, url: 'oncall.acme.dev' }, /not an address to send tokens to/],
    ['a proxy without address', { listen: here, url: acme, behindProxy: [] }, /not an address or a network/],
    ['a proxy by name', { listen: here, url: acme, behindProxy: ['proxy.acme.dev'] }, /not an address or a network/],
    ['a proxy that is everybody', { listen: here, url: acme, behindProxy: ['0.0.0.0/0'] }, /not an address or a network/],
    ['a proxy of a network too long', { listen: here, url: acme, behindProxy: ['10.0.0.0/33'] }, /not an address or a network/],
  ])('is refused: %s', (_, input, message) => {
    expect(() => addressOf(input)).toThrow(expect.objectContaining({ exit: 2, message: expect.stringMatching(message) }));
  });
});

describe('a policy that takes people at their word', () => {
  const policy = (...kinds: ('local' | 'oidc')[]) => ({ path: '/p', identity: kinds.map((kind) => ({ kind })) }) as unknown as Policy;

  it('is served on this machine only', () => {
    const off = { origin: acme, isLocal: false };
    expect(() => requireServable(policy('local'), { origin: 'http://127.0.0.1:1', isLocal: true })).not.toThrow();
    expect(() => requireServable(policy('oidc'), off)).not.toThrow();
    expect(() => requireServable(policy('local'), off)).toThrow(expect.objectContaining({ exit: 2, code: 'identity-local' }));
    expect(() => requireServable(policy('oidc', 'local'), off)).toThrow(expect.objectContaining({ code: 'identity-local' }));
  });
});

describe('a certificate and its key', () => {
  function files() {
    const folder = scratch();
    const { cert, key } = makeCertificate(['localhost']);
    writeFileSync(join(folder, 'c.pem'), cert);
    writeFileSync(join(folder, 'k.pem'), key, { mode: 0o600 });
    return { folder, cert, key, path: (name: string) => join(folder, name), read: () => readKeyPair(tls, folder) };
  }
  const unusable = (why: RegExp) => expect.objectContaining({ exit: 2, code: 'tls-unusable', why: expect.stringMatching(why) });

  it('are read, also by links and with a key that its group may read', () => {
    const { folder, cert, key, path, read } = files();
    chmodSync(path('k.pem'), 0o640);
    expect(read()).toMatchObject({ cert, key });
    expect(read().validTo).toBeGreaterThan(Date.now());
    symlinkSync('k.pem', path('link.pem'));
    expect(readKeyPair({ cert: 'c.pem', key: path('link.pem') }, folder)).toMatchObject({ key });
  });

  it('are refused where every user may read the key, or others replace it', () => {
    const { folder, path, read } = files();
    chmodSync(path('k.pem'), 0o644);
    expect(read).toThrow(unusable(/has mode 0644/));
    chmodSync(path('k.pem'), 0o660);
    expect(read).toThrow(unusable(/others may write/));
    chmodSync(path('k.pem'), 0o600);
    chmodSync(folder, 0o777);
    expect(read).toThrow(unusable(/others may write/));
  });

  it('are refused where they are not a pair, and what they are instead is in no message', () => {
    const { path, read } = files();
    writeFileSync(path('k.pem'), makeCertificate(['localhost']).key);
    expect(read).toThrow(unusable(/is not the key of/));
    writeFileSync(path('k.pem'), 'CANARY');
    expect(read).toThrow(unusable(/are not a certificate and a key/));
    expect(read).not.toThrow(/CANARY/);
    writeFileSync(path('c.pem'), '');
    expect(read).toThrow(unusable(/are not a certificate and a key/));
  });

  it('are refused where one is missing or a folder', () => {
    const { folder, path } = files();
    mkdirSync(path('folder'), { mode: 0o700 });
    expect(() => readKeyPair({ cert: 'c.pem', key: 'no.pem' }, folder)).toThrow(unusable(/no\.pem: ENOENT/));
    expect(() => readKeyPair({ cert: 'no.pem', key: 'k.pem' }, folder)).toThrow(unusable(/no\.pem: ENOENT/));
    expect(() => readKeyPair({ cert: 'c.pem', key: 'folder' }, folder)).toThrow(unusable(/./));
  });
});
