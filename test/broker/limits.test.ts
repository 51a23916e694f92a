/** What a broker does with too much, too slow, too often, and not what it should be. */

import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerWorld, send, sendRaw, startBroker } from './world.ts';

let world: BrokerWorld;

beforeAll(async () => {
  world = await startBroker({
    settings: {
      limits: { headersMs: 1_000, requestMs: 2_000, keepAliveMs: 1_000, bodyBytes: 4096, connections: 60, connectionsPerAddress: 50 },
    },
  });
});
afterAll(() => world.stop());

const head = (more: string) =>
  `POST /v1/roles HTTP/1.1\r\nHost: localhost:${world.port}\r\nContent-Type: application/json\r\nAuthorization: Bearer ${world.token('maria')}\r\n${more}\r\n`;
const statusOf = (answer: string) => Number(answer.split(' ')[1]);
const healthy = async () => (await world.call('roles')).status;

const as = (headers: Record<string, string>, body: string | Buffer) =>
  send(world.port, {
    method: 'POST',
    path: '/v1/roles',
    headers: {
      host: `localhost:${world.port}`,
      authorization: `Bearer ${world.token('maria')}`,
      'content-type': 'application/json',
      ...headers,
    },
    body,
  });

describe('a body', () => {
  it('that is too long is refused by its stated length, and as it comes in chunks', async () => {
    const stated = await as({ 'content-length': '5000' }, 'x'.repeat(5000));
    expect(stated).toMatchObject({ status: 413, body: { error: { code: 'input-too-long' }, exit: 2 } });
    expect(await as({ 'transfer-encoding': 'chunked' }, 'x'.repeat(5000))).toMatchObject({ status: 413 });
  });

  it('without an end is cut off while it comes', async () => {
    const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`;
    const answer = await sendRaw(world.port, [head('Transfer-Encoding: chunked\r\n'), ...Array<string>(200).fill(chunk)], { forMs: 5_000 });
    expect(statusOf(answer)).toBe(413);
    expect(await healthy()).toBe(200);
  });

  it('has to be JSON in UTF-8 and say so', async () => {
    expect(await as({ 'content-type': 'text/plain' }, '{}')).toMatchObject({ status: 415 });
    expect(await as({ 'content-type': 'application/x-www-form-urlencoded' }, 'a=b')).toMatchObject({ status: 415 });
    expect(await as({ 'content-type': 'application/json; charset=utf-16' }, '{}')).toMatchObject({ status: 415 });
    expect(await as({ 'content-encoding': 'gzip' }, '{}')).toMatchObject({ status: 415 });
    expect(await as({ 'content-type': 'application/json; charset=utf-8' }, '{}')).toMatchObject({ status: 200 });
    expect(await as({}, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toMatchObject({
      status: 400,
      body: { error: { code: 'not-json' } },
    });
    for (const text of ['', '{', 'null', '[]', '"x"', '[{}]', '1e999']) expect([text, (await as({}, text)).status]).toEqual([text, 400]);
  });

  it('that is deep, has a field twice, or one of every object, does no harm', async () => {
    expect((await as({}, `${'['.repeat(2000)}${']'.repeat(2000)}`)).status).toBe(400);
    expect((await as({}, `{"a":${'{"a":'.repeat(500)}1${'}'.repeat(500)}}`)).status).toBe(400);
    for (const key of ['__proto__', 'constructor', 'prototype', 'toString']) {
      expect([key, (await as({}, `{"${key}":{"polluted":1}}`)).status]).toEqual([key, 400]);
    }
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    const twice = '{"of":"zzzzzz","of":"nope"}';
    const answer = await send(world.port, {
      method: 'POST',
      path: '/v1/status',
      headers: { host: `localhost:${world.port}`, authorization: `Bearer ${world.token('maria')}`, 'content-type': 'application/json' },
      body: twice,
    });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'unknown-request' } } });
  });

  it('is never quoted in the answer that refuses it', async () => {
    const { text } = await world.call('request', {
      role: 'CANARY\u0000',
      asked: { forMs: 'CANARY' },
      reason: 'x'.repeat(3000),
      incident: 5,
    });
    expect(text).not.toContain('CANARY');
    expect(text).toContain('role: has a control character');
  });
});

describe('a connection', () => {
  it('whose headers drip in is closed, and others are answered meanwhile', async () => {
    const slow = Array.from({ length: 20 }, () =>
      sendRaw(world.port, [...head('X-Drip: ')].slice(0, 400), { betweenMs: 50, forMs: 15_000 }),
    );
    expect(await healthy()).toBe(200);
    for (const answer of await Promise.all(slow)) expect(['', 'HTTP/1.1 408 Request Timeout']).toContain(answer.split('\r\n')[0]);
  });

  it('whose body drips in is closed', async () => {
    const answer = await sendRaw(world.port, [head('Content-Length: 100\r\n'), ...'x'.repeat(99)], { betweenMs: 100, forMs: 15_000 });
    expect(answer === '' || [400, 408].includes(statusOf(answer))).toBe(true);
  });

  it('that takes no bytes of its answer is closed', async () => {
    const other = await startBroker({ settings: { limits: { answerMs: 500, recordedPerMinute: 1e9 } } });
    // More than what the system keeps for a socket that nobody reads.
    const huge = 'x'.repeat(20_000_000);
    Object.assign(other.host, { operationsFor: () => ({ roles: async () => [huge] }) });
    const socket = connect({ host: '127.0.0.1', port: other.port });
    socket.pause();
    const lines = `POST /v1/roles HTTP/1.1\r\nHost: localhost:${other.port}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n`;
    socket.write(`${lines}Authorization: Bearer ${other.token('maria')}\r\n\r\n{}`);
    await new Promise((later) => setTimeout(later, 2_500));
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await closed;
    expect(bytes).toBeLessThan(huge.length);
    await other.stop();
  });

  it('is refused above the bound of one address, so that there is room for others', async () => {
    const sockets = Array.from({ length: 70 }, () => connect({ host: '127.0.0.1', port: world.port }).on('error', () => undefined));
    await Promise.all(sockets.slice(50).map((socket) => new Promise((closed) => socket.once('close', closed))));
    for (const socket of sockets) socket.destroy();
    await expect.poll(healthy).toBe(200);
  });

  it('may send several calls at once, and gets the answers in order', async () => {
    const one = `${head('Content-Length: 2\r\n')}{}`;
    const last = `${head('Content-Length: 2\r\nConnection: close\r\n')}{}`;
    const answer = await sendRaw(world.port, one + one.replace('/v1/roles', '/v1/nope') + last);
    expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '404', '200']);
  });

  it('that is closed halfway, or speaks something else, harms nobody', async () => {
    const good = head('Content-Length: 2\r\n');
    await sendRaw(world.port, good.slice(0, 60), { half: true });
    await sendRaw(world.port, head('Content-Length: 100\r\n'), { half: true });
    // For Node whoever sends no more has gone.
    await sendRaw(world.port, `${good}{}`, { half: true });
    const bad = [
      'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n',
      'Transfer-Encoding: chunked, identity\r\n',
      'Content-Length: -1\r\n',
      'Content-Length: 2\r\nContent-Length: 3\r\n',
    ];
    for (const more of bad) expect([more, statusOf(await sendRaw(world.port, `${head(more)}{}`))]).toEqual([more, 400]);
    for (const size of ['zz\r\n', '-1\r\n', 'fffffffffffffffff\r\n', '2;a=b\r\n{}\r\nx\r\n']) {
      expect([size, statusOf(await sendRaw(world.port, `${head('Transfer-Encoding: chunked\r\n')}${size}`))]).toEqual([size, 400]);
    }
    for (const other of [
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      '\0'.repeat(100),
    ]) {
      expect([400, Number.NaN]).toContain(statusOf(await sendRaw(world.port, other)));
    }
    expect(await healthy()).toBe(200);
  });

  it('that asks for another protocol, or for a tunnel, does not get it', async () => {
    const upgrade = `${head('Content-Length: 2\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n')}{}`;
    expect(statusOf(await sendRaw(world.port, upgrade))).toBe(200);
    expect(await sendRaw(world.port, `CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n`)).toBe('');
  });
});

describe('who calls often', () => {
  let other: BrokerWorld;
  afterEach(() => other.stop());

  it('is told when to come again, and it is recorded; others are not held up', async () => {
    other = await startBroker({ settings: { limits: { perPerson: { perMinute: 6, burst: 3 } } } });
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await other.call('roles'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    expect(answers[4]).toMatchObject({
      headers: { 'retry-after': expect.stringMatching(/^([1-9]|10)$/) },
      body: { exit: 1, error: { code: 'too-many-calls' } },
    });
    expect((await other.call('roles', {}, 'sam')).status).toBe(200);
    expect(other.knobs.refused.filter(({ actor }) => actor?.email === 'maria@acme.dev')).toHaveLength(2);
  });

  it('without proof is held up by address, and does not hold up who proves themselves from there', async () => {
    other = await startBroker({ settings: { limits: { perAddress: { perMinute: 6, burst: 3 } } } });
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await other.call('roles', {}, 'maria', { authorization: 'Bearer x' })).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await other.call('roles')).status).toBe(200);
  });

  it('without proof fills no ledger: the first of a minute are recorded one by one, the rest as a count', async () => {
    other = await startBroker({ settings: { limits: { recordedPerMinuteOfNobody: 5 } } });
    for (let i = 0; i < 40; i++) await other.call('roles', {}, 'maria', { authorization: 'Bearer x' });
    expect((await other.events()).filter(({ type }) => type === 'call.refused')).toHaveLength(5);
    await other.running.stop(0);
    const recorded = (await other.events()).filter(({ type }) => type === 'call.refused');
    expect(recorded).toHaveLength(6);
    expect(recorded.at(-1)).toMatchObject({ actor: 'nobody', data: { code: 'token-refused', count: 35 } });
  });
});
