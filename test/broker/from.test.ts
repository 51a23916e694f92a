/** To whom a call is addressed and where it comes from: pages, proxies, other hosts' names, and people who are taken at their word. */

import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addressKey } from '../../src/broker/buckets.ts';
import { origins } from '../../src/broker/from.ts';
import { type BrokerWorld, send, startBroker } from './world.ts';

let world: BrokerWorld;

beforeAll(async () => {
  world = await startBroker();
});
afterAll(() => world.stop());
beforeEach(() => {
  world.knobs.identities = [{ kind: 'oidc', settings: world.issuer.identity() }];
});

const get = async (path: string, host: string | string[], headers: Record<string, string> = {}) =>
  (await send(world.port, { path, headers: { host, ...headers } })).status;

describe('a call', () => {
  it('that names another host is not answered, whatever it asks for', async () => {
    const { port } = world;
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost', `localhost:${port + 1}`, `localhost.evil.example:${port}`]) {
      expect([host, (await world.call('roles', {}, 'maria', { host })).status]).toEqual([host, 421]);
      expect([host, await get('/openapi.json', host)]).toEqual([host, 421]);
      expect([host, await get('/.well-known/oauth-protected-resource', host)]).toEqual([host, 421]);
    }
    for (const path of ['/healthz', '/readyz', '/metrics']) expect([path, await get(path, 'evil.example')]).toEqual([path, 421]);
    for (const host of [`x@localhost:${port}`, `localhost:${port}/`, 'a b'])
      expect([host, await get('/openapi.json', host)]).toEqual([host, 400]);
    expect(await get('/openapi.json', `LOCALHOST:${port}`)).toBe(200);
  });

  it('of whoever watches may name an address, which no page can have for a name', async () => {
    for (const host of [`127.0.0.1:${world.port}`, '10.1.2.3:9000', '[fd00::1]:9000', 'localhost']) {
      expect([host, await get('/readyz', host)]).toEqual([host, 200]);
      expect([host, await get('/openapi.json', host)]).toEqual([host, 421]);
    }
  });

  it('from a page of another origin is refused', async () => {
    const own = `http://localhost:${world.port}`;
    for (const origin of ['https://evil.example', 'null', `${own}.evil.example`, `https://localhost:${world.port}`]) {
      expect([origin, (await world.call('roles', {}, 'maria', { origin })).status]).toEqual([origin, 403]);
    }
    expect((await world.call('roles', {}, 'maria', { origin: own })).status).toBe(200);
    const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST', host: `localhost:${world.port}` };
    const answer = await send(world.port, { method: 'OPTIONS', path: '/v1/roles', headers: preflight });
    expect(answer.status).toBe(403);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('people who are taken at their word', () => {
  const local = (email: string, headers: Record<string, string> = {}) =>
    world.call('request', { role: 'db-admin', asked: { byDefault: true } }, 'x', { authorization: `Local ${email}`, ...headers });

  it('are so only where the policy says it', async () => {
    expect((await local('maria@acme.dev')).status).toBe(401);
    world.knobs.identities = [{ kind: 'local' }];
    const { body } = await local('Maria@acme.dev');
    expect(body.result.request.requester).toEqual({ issuer: 'local', subject: 'maria@acme.dev', email: 'maria@acme.dev' });
    for (const written of ['maria', '', 'maria@', 'maria@acme.dev,sam@acme.dev', '"maria"@acme.dev', `${'m'.repeat(300)}@acme.dev`]) {
      expect([written, (await local(written)).status]).toEqual([written, 401]);
    }
  });

  it('are so by loopback names only, and never through a page', async () => {
    world.knobs.identities = [{ kind: 'local' }];
    for (const host of ['evil.example', `evil.example:${world.port}`, '10.0.0.1']) {
      expect([host, (await local('maria@acme.dev', { host })).status]).toEqual([host, 421]);
    }
    for (const origin of ['null', `http://localhost:${world.port}`, 'https://evil.example']) {
      expect([origin, (await local('maria@acme.dev', { origin })).status]).toEqual([origin, 403]);
    }
    expect((await local('maria@acme.dev', { host: `127.0.0.1:${world.port}` })).status).toBe(200);
  });

  it('are not so where others can reach the broker, or reach it through a proxy', async () => {
    for (const settings of [{ listen: { host: '0.0.0.0', port: 0 } }, { behindProxy: ['127.0.0.1'] }]) {
      const open = await startBroker({ settings });
      open.knobs.identities = [{ kind: 'local' }];
      const headers = { host: 'localhost', authorization: 'Local maria@acme.dev', 'content-type': 'application/json' };
      const answer = await send(open.running.address.port, { method: 'POST', path: '/v1/roles', headers, body: '{}' });
      expect([settings, answer.status]).toEqual([settings, 401]);
      await open.stop();
    }
  });
});

describe('where a call comes from', () => {
  const own = { origin: 'https://oncall.acme.dev', isLocal: () => false };
  const from = (peer: string, forwarded: readonly string[] = [], encrypted = false) =>
    ({
      url: '/v1/roles',
      rawHeaders: ['Host', 'oncall.acme.dev', ...forwarded.flatMap((value) => ['X-Forwarded-For', value])],
      socket: { remoteAddress: peer, ...(encrypted ? { encrypted } : {}) },
    }) as unknown as IncomingMessage;

  it('is the connection, unless a stated proxy says otherwise; what stands before that, anybody wrote', () => {
    const { addressOf } = origins({ ...own, behindProxy: ['10.0.0.0/8', 'fd00::1'] });
    expect(addressOf(from('192.0.2.7', ['198.51.100.1']))).toBe('192.0.2.7');
    expect(addressOf(from('10.1.1.1', ['198.51.100.1']))).toBe('198.51.100.1');
    expect(addressOf(from('::ffff:10.1.1.1', ['6.6.6.6, 198.51.100.1, 10.2.2.2']))).toBe('198.51.100.1');
    expect(addressOf(from('fd00::1', ['6.6.6.6', '198.51.100.1']))).toBe('198.51.100.1');
    expect(addressOf(from('10.1.1.1', ['<script>, x']))).toBe('10.1.1.1');
    expect(addressOf(from('10.1.1.1'))).toBe('10.1.1.1');
    for (const [written, address] of [
      ['198.51.100.1:4711', '198.51.100.1'],
      ['[2001:DB8::1]:443', '2001:db8::1'],
      ['[2001:db8::1]', '2001:db8::1'],
      ['::FFFF:198.51.100.1', '198.51.100.1'],
      ['6.6.6.6, [::ffff:198.51.100.1]:9, 10.2.2.2:80', '198.51.100.1'],
      ['6.6.6.6, 198.51.100.1:x', '10.1.1.1'],
    ] as const)
      expect([written, addressOf(from('10.1.1.1', [written]))]).toEqual([written, address]);
  });

  it('decides whether it may come without TLS', () => {
    const { require } = origins({ ...own, behindProxy: ['10.0.0.9'] });
    expect(() => require(from('192.0.2.7'), 'call')).toThrow('without TLS');
    expect(() => require(from('192.0.2.7', ['10.0.0.9']), 'call')).toThrow('without TLS');
    for (const fine of [from('192.0.2.7', [], true), from('10.0.0.9', ['192.0.2.7']), from('127.0.0.1'), from('::1')]) {
      expect(() => require(fine, 'call')).not.toThrow();
    }
    expect(() => require(from('192.0.2.7'), 'health')).not.toThrow();
  });

  it('is a whole network of IPv6, as whoever has one address there has them all', () => {
    expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe(addressKey('2001:db8:1:2:ffff::1'));
    expect(addressKey('2001:db8::1')).toBe('2001:db8:0:0');
    expect(addressKey('2001:0db8:0000:0::1')).toBe('2001:db8:0:0');
    expect(addressKey('2001:db8:1:2::1')).not.toBe(addressKey('2001:db8:1:3::1'));
    expect(addressKey('192.0.2.7')).toBe('192.0.2.7');
  });
});
