/** The executor by itself: what it must refuse whoever calls it. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openSender, type Sender } from '../../src/directories/okta-send.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { startProxy } from '../fakes/proxy.ts';

const caught: string[] = [];
const org = createServer((request, response) => {
  caught.push(`${request.method} ${request.url}`);
  if (request.url === '/big') response.end('x'.repeat(17 * 1024 * 1024));
  else response.writeHead(302, { location: '/elsewhere' }).end();
});
const elsewhere = createServer((request, response) => {
  caught.push(`elsewhere ${request.url} ${request.headers.authorization}`);
  response.end();
});
const urlOf = (server: typeof org): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
let sender: Sender;

const need = { deed: 'test', scope: 'none', permission: 'none' };
const authorize = async () => ({ authorization: 'SSWS 00secret' });
const read = (url: string) => sender.read({ method: 'GET', url, need }, authorize, {});
const write = (url: string, beforeWrite = () => undefined) => sender.write({ method: 'PUT', url, need }, authorize, { beforeWrite });

beforeAll(async () => {
  for (const server of [org, elsewhere]) await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const context = { name: 'okta', now: Date.now, log: () => undefined, onServerDate: () => undefined, baseDir: '/' };
  sender = openSender(urlOf(org), 1_000, context);
});
afterAll(async () => {
  for (const server of [org, elsewhere]) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

it('sends nothing to another origin, whoever asks for it, and says nothing of a write there', async () => {
  const { port } = org.address() as AddressInfo;
  let gates = 0;
  for (const url of [`${urlOf(elsewhere)}/api/v1/groups`, `http://localhost:${port}/x`, `https://127.0.0.1:${port}/x`]) {
    await expectFault(read(url), 'malformed', 'no');
    await expectFault(
      write(url, () => void gates++),
      'malformed',
      'no',
    );
  }
  expect([caught, gates]).toEqual([[], 0]);
});

it('follows no redirect, not even within the org', async () => {
  await expectFault(read(`${urlOf(org)}/a`), 'malformed', 'no');
  await expectFault(write(`${urlOf(org)}/b`), 'malformed', 'unknown');
  expect(caught).toEqual(['GET /a', 'PUT /b']);
});

it('reads no answer without an end', async () => {
  await expectFault(read(`${urlOf(org)}/big`), 'malformed', 'no');
  await expectFault(write(`${urlOf(org)}/big`), 'malformed', 'unknown');
});

it('lets no write out after a stop that comes at the last moment', async () => {
  const stop = new AbortController();
  const headers = {
    get authorization() {
      stop.abort();
      return 'SSWS 00secret';
    },
  };
  let gates = 0;
  const late = sender.write({ method: 'PUT', url: `${urlOf(org)}/stopped`, need }, async () => headers, {
    signal: stop.signal,
    beforeWrite: () => void gates++,
  });
  await expectFault(late, 'unavailable', 'no');
  expect([gates, caught.includes('PUT /stopped')]).toEqual([0, false]);
});

it('knows that a write for which there was no tunnel was not applied, and one in a tunnel that was cut may be', async () => {
  const proxy = await startProxy({ route: () => (org.address() as AddressInfo).port });
  vi.stubEnv('HTTPS_PROXY', proxy.url);
  const context = { name: 'okta', now: Date.now, log: () => undefined, onServerDate: () => undefined, baseDir: '/' };
  const { write } = openSender('https://acme.okta.test', 1_000, context);
  const put = () => write({ method: 'PUT', url: 'https://acme.okta.test/x', need }, authorize, { beforeWrite: () => undefined });
  try {
    proxy.mood = { status: 404, body: '{"errorCode":"E0000007"}' };
    expect((await expectFault(put(), 'unavailable', 'no')).message).toContain('does not let acme.okta.test:443 through (404)');
    proxy.mood = 'cut';
    await expectFault(put(), 'unavailable', 'no');
    proxy.mood = 'cut-later';
    await expectFault(put(), 'unavailable', 'unknown');
    proxy.mood = 'silence';
    expect((await expectFault(put(), 'timeout', 'unknown')).message).toContain(`through the proxy ${proxy.host} within 1 s`);
  } finally {
    vi.unstubAllEnvs();
    await proxy.stop();
  }
});
