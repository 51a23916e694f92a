import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod/mini';
import okta from '../../src/directories/okta.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeOkta, oktaError, startOkta } from '../fakes/okta.ts';
import { openOkta, secretFile } from './okta-world.ts';

let fake: FakeOkta;
let proxy: FaultProxy;

beforeAll(async () => {
  fake = await startOkta();
  proxy = await startFaultProxy(fake.url);
});
afterAll(async () => {
  await proxy.stop();
  await fake.stop();
});
beforeEach(() => {
  fake.reset();
  proxy.clear();
  fake.addUser('maria@acme.dev');
});
afterEach(() => expect(fake.violations).toEqual([]));

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const scopes = ['okta.groups.manage', 'okta.users.read'];
const pem = (key: typeof rsa.privateKey): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const clientId = '0oaFakeApp';
const grants = () => fake.oauth.state.granted;

const loaded = () => Object.keys(createRequire(__filename).cache).filter((path) => path.includes('okta-sdk-nodejs/src/'));

describe('the SDK', () => {
  it('is not loaded by opening the directory, but by its first call', async () => {
    const { directory } = await openOkta({ orgUrl: fake.url, token: secretFile('token', fake.token) });
    expect(loaded()).toEqual([]);
    await directory.findUser('maria@acme.dev', {});
    expect(loaded().some((path) => path.endsWith('generated/apis/GroupApi.js'))).toBe(true);
  });

  it('is loaded without its client, which has a mind of its own about configuration, proxies and time', () => {
    expect(loaded().filter((path) => /src\/(index|client|config-loader|http|oauth|collection)\.js$/.test(path))).toEqual([]);
  });
});

describe('okta with the private key of an app', () => {
  const app = { clientId, key: rsa.publicKey, scopes };
  const withKey = (text: string, more: object = {}) =>
    openOkta({ orgUrl: proxy.url, clientId, privateKey: secretFile('key', text), timeout: '1s', ...more });
  const find = async (text: string, more: object = {}) => (await withKey(text, more)).directory.findUser('maria@acme.dev', {});

  it.each([
    ['an RSA key in PEM', rsa, pem(rsa.privateKey)],
    ['an RSA key in the older PEM', rsa, rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString()],
    ['an RSA key as a JWK', rsa, JSON.stringify(rsa.privateKey.export({ format: 'jwk' }))],
    ['an EC key in PEM', ec, pem(ec.privateKey)],
  ])('signs in with %s', async (_, pair, text) => {
    fake.oauth.apps.set(clientId, { ...app, key: pair.publicKey });
    expect(await find(text)).toMatchObject({ active: true });
    expect(grants()).toBe(1);
  });

  it('names the key where the policy or the JWK does', async () => {
    fake.oauth.apps.set(clientId, { ...app, kid: 'key-7' });
    expect(await find(pem(rsa.privateKey), { keyId: 'key-7' })).toMatchObject({ active: true });
    expect(await find(JSON.stringify({ ...rsa.privateKey.export({ format: 'jwk' }), kid: 'key-7' }))).toMatchObject({ active: true });
    await expectFault(find(pem(rsa.privateKey)), 'credentials', 'no');
  });

  it('proves that it has the key of the token where the app demands it, also on pages with a query', async () => {
    fake.oauth.apps.set(clientId, { ...app, dpop: true });
    const { directory, passTime } = await withKey(pem(rsa.privateKey));
    const { id } = fake.addGroup('db-admins');
    for (let i = 0; i < 7; i++) fake.groups.get(id)?.members.add(fake.addUser(`m${i}@acme.dev`).id);
    const group = await directory.findGroup('db-admins', {});
    if (!group) throw new Error('the group is there');
    expect(await directory.members(group, {})).toHaveLength(7);
    expect(proxy.seen.filter(({ action }) => action === 'POST /oauth2/v1/token')).toHaveLength(3);
    fake.oauth.state.nonce = 'nonce-2';
    passTime(3_600_000);
    expect(await directory.members(group, {})).toHaveLength(7);
    expect(grants()).toBe(2);
  });

  it('gets one token for all that ask at once, and another before it ends', async () => {
    fake.oauth.apps.set(clientId, app);
    const { directory, passTime } = await withKey(pem(rsa.privateKey));
    await Promise.all([1, 2, 3].map(() => directory.findUser('maria@acme.dev', {})));
    expect(grants()).toBe(1);
    passTime(3_500_000);
    await directory.findUser('maria@acme.dev', {});
    expect(grants()).toBe(1);
    passTime(60_000);
    await directory.findUser('maria@acme.dev', {});
    expect(grants()).toBe(2);
  });

  it('gets another where the one it has was revoked', async () => {
    fake.oauth.apps.set(clientId, app);
    const { directory } = await withKey(pem(rsa.privateKey));
    await directory.findUser('maria@acme.dev', {});
    fake.oauth.tokens.clear();
    await expectFault(directory.findUser('maria@acme.dev', {}), 'credentials', 'no');
    expect(await directory.findUser('maria@acme.dev', {})).toMatchObject({ active: true });
  });

  it('says which scope is missing, in the app and for a call', async () => {
    fake.oauth.apps.set(clientId, { ...app, scopes: ['okta.users.read'] });
    const error = await expectFault(find(pem(rsa.privateKey)), 'forbidden', 'no');
    expect(error.message).toContain('okta.groups.manage');
    expect(error.next).toContain('Okta API Scopes');
    const { directory } = await withKey(pem(rsa.privateKey), { scopes: ['okta.users.read'] });
    const [user, group] = [await directory.findUser('maria@acme.dev', {}), fake.addGroup('db-admins')];
    const pin = { account: fake.org.id, userId: user?.userId ?? '', userName: '', groupId: group.id, groupName: group.name };
    const missing = await expectFault(directory.add(pin, {}), 'forbidden', 'no');
    expect(missing.next).toContain('okta.groups.read');
  });

  it('says what Okta has against the app, and nothing of the key or of what it signed', async () => {
    fake.oauth.apps.set(clientId, app);
    const told = [
      await expectFault(find(pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)), 'credentials', 'no'),
      await expectFault(find(pem(rsa.privateKey), { clientId: '0oaNobody' }), 'credentials', 'no'),
      await expectFault(find(`${pem(rsa.privateKey).slice(0, 200)}`), 'credentials', 'no'),
      await expectFault(find('{"kty":"RSA","d":"abcdefgh'), 'credentials', 'no'),
      await expectFault(find(pem(generateKeyPairSync('ed25519').privateKey as never)), 'credentials', 'no'),
    ];
    expect(told[0]?.message).toContain('invalid_client, "The client_assertion signature is invalid."');
    expect(inspect(told, { depth: 9, showHidden: true })).not.toMatch(/eyJ|PRIVATE KEY|abcdefgh|MII/);
  });

  it('tells a sign-in that is throttled or down from one that is refused', async () => {
    fake.oauth.apps.set(clientId, app);
    proxy.fail('POST /oauth2/v1/token', oktaError(429, 'E0000047', 'too many'), 9);
    await expectFault(find(pem(rsa.privateKey)), 'rate-limited', 'no');
    proxy.clear();
    proxy.fail('POST /oauth2/v1/token', 'drop', 9);
    await expectFault(find(pem(rsa.privateKey)), 'unavailable', 'no');
  });
});

describe('okta with an API token', () => {
  it('reads the token again after it was refused', async () => {
    const { directory } = await openOkta({ orgUrl: fake.url, token: secretFile('rotated', '00old') });
    await expectFault(directory.findUser('maria@acme.dev', {}), 'credentials', 'no');
    secretFile('rotated', fake.token);
    expect(await directory.findUser('maria@acme.dev', {})).toMatchObject({ active: true });
  });

  it('says where the token should have been', async () => {
    const { directory } = await openOkta({ orgUrl: fake.url, token: { file: 'nowhere' } });
    const error = await expectFault(directory.findUser('maria@acme.dev', {}), 'credentials', 'no');
    expect(error.message).toContain('does not exist');
  });
});

describe('what surrounds the SDK', () => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'oncall-okta-home-')));
  const before = process.cwd();
  const caught: string[] = [];
  const other = createServer((request, response) => {
    caught.push(`${request.method} ${request.url}`);
    response.end();
  });
  other.on('connect', (request, socket) => {
    caught.push(`CONNECT ${request.url}`);
    socket.destroy();
  });

  beforeAll(async () => {
    await new Promise<void>((ready) => other.listen(0, '127.0.0.1', ready));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const yaml = `okta: { client: { orgUrl: "${url}", token: 00fromYaml, authorizationMode: SSWS } }\n`;
    mkdirSync(join(home, '.okta'));
    writeFileSync(join(home, 'okta.yaml'), yaml);
    writeFileSync(join(home, '.okta/okta.yaml'), ': not yaml at all [');
    const surroundings = {
      HOME: home,
      OKTA_CLIENT_ORGURL: url,
      OKTA_CLIENT_TOKEN: '00fromEnvironment',
      OKTA_CLIENT_AUTHORIZATIONMODE: 'nonsense',
      HTTPS_PROXY: url,
      https_proxy: url,
      HTTP_PROXY: url,
      http_proxy: url,
    };
    for (const [key, value] of Object.entries(surroundings)) vi.stubEnv(key, value);
    process.chdir(home);
  });
  afterAll(async () => {
    process.chdir(before);
    vi.unstubAllEnvs();
    await new Promise((done) => other.close(done));
    rmSync(home, { recursive: true });
  });

  it('changes nothing: no okta.yaml, no OKTA_CLIENT_*, no proxy before this machine', async () => {
    const { directory } = await openOkta({ orgUrl: fake.url, token: secretFile('token', fake.token) });
    expect(await directory.findUser('maria@acme.dev', {})).toMatchObject({ active: true });
    expect(new Set(fake.requests.map(({ headers }) => headers.authorization))).toEqual(new Set([`SSWS ${fake.token}`]));
    expect(caught).toEqual([]);
  });
});

describe('the settings of okta', () => {
  const token = { env: 'ONCALL_TEST_OKTA_TOKEN' };
  const orgUrl = 'https://acme.okta.com';
  const valid = (settings: object) => z.safeParse(okta.settings, settings).success;

  it('send the credentials over https, or to this machine, and to no path', () => {
    expect(valid({ orgUrl, token })).toBe(true);
    expect(valid({ orgUrl: 'https://login.acme.com/', token })).toBe(true);
    expect(valid({ orgUrl: 'http://127.0.0.1:4010', token })).toBe(true);
    for (const wrong of [
      'http://acme.okta.com',
      'http://127.0.0.1.evil.example',
      'https://user:word@acme.okta.com',
      'https://acme.okta.com/api/v1',
      'https://acme.okta.com?x=y',
      'https://acme-admin.okta.com',
      'acme.okta.com',
    ]) {
      expect(valid({ orgUrl: wrong, token }), wrong).toBe(false);
    }
  });

  it('take a token, or an app with its private key, and not half of both', () => {
    expect(valid({ orgUrl, clientId, privateKey: token, scopes, keyId: 'k' })).toBe(true);
    expect(valid({ orgUrl })).toBe(false);
    expect(valid({ orgUrl, clientId })).toBe(false);
    expect(valid({ orgUrl, privateKey: token })).toBe(false);
    expect(valid({ orgUrl, token, clientId, privateKey: token })).toBe(false);
    expect(valid({ orgUrl, token, scopes })).toBe(false);
    expect(valid({ orgUrl, token: '00secretWrittenOut' })).toBe(false);
    expect(valid({ orgUrl, token, timeout: '60s' })).toBe(false);
  });

  it('tell which of them reach nothing but this machine', () => {
    const isLocal = (url: string) => okta.isLocal(z.parse(okta.settings, { orgUrl: url, token }));
    expect([isLocal(orgUrl), isLocal('http://localhost:4010')]).toEqual([false, true]);
  });
});
