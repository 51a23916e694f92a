/** Calls that are sent again, clients that go away, and a broker that stops: what began is finished, and nothing is done twice. */

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Host } from '../../src/broker/host.ts';
import type { Operations } from '../../src/operations/types.ts';
import { type BrokerWorld, startBroker } from './world.ts';

let world: BrokerWorld;
let signals: AbortSignal[];
/** Lets go of what is held up. */
let release: () => void;
let began: string[];

const asked = { byDefault: true };
const key = (value: string) => ({ 'idempotency-key': value });
const eventually = (probe: () => unknown) => expect.poll(probe, { timeout: 15_000 });

/** As the real operations, but `held` ones wait until they are let go; what reads is stopped by its signal. */
const holding = (held: readonly string[]) => (host: Host) => ({
  operationsFor: (...of: Parameters<Host['operationsFor']>): Operations => {
    const real = host.operationsFor(...of);
    const [, signal] = of;
    const wrapped = Object.entries(real).map(([name, run]) => [
      name,
      async (input: never) => {
        began.push(name);
        signals.push(signal);
        if (held.includes(name)) {
          await new Promise<void>((resolve, reject) => {
            releases.push(resolve);
            if (name === 'status') signal.addEventListener('abort', () => reject(new DOMException('stop', 'AbortError')));
          });
        }
        return run(input);
      },
    ]);
    return Object.fromEntries(wrapped);
  },
});
let releases: (() => void)[];

const start = async (held: readonly string[] = [], limits = {}) => {
  world = await startBroker({ host: holding(held), settings: { limits: { sameCallMs: 300, ...limits } } });
};

beforeEach(() => {
  signals = [];
  began = [];
  releases = [];
  release = () => {
    for (const one of releases.splice(0)) one();
  };
});
afterEach(async () => {
  release();
  await world.stop();
});

describe('a call with an idempotency key', () => {
  it('is done once, and answered the same each time', async () => {
    await start();
    const first = await world.call('request', { role: 'db-admin', asked }, 'maria', key('k1'));
    const again = await world.call('request', { asked, role: 'db-admin' }, 'maria', key('k1'));
    expect(first.body.result.result).toBe('granted');
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(began).toEqual(['request']);
    expect((await world.call('request', { role: 'db-admin', asked }, 'maria', key('k2'))).body.result.result).toBe('held');
  });

  it('that comes twice at once is done once: one waits for the other, or is told to come again', async () => {
    await start(['request']);
    const first = world.call('request', { role: 'db-admin', asked }, 'maria', key('k1'));
    await eventually(() => began).toEqual(['request']);
    const second = await world.call('request', { role: 'db-admin', asked }, 'maria', key('k1'));
    expect(second).toMatchObject({ status: 409, headers: { 'retry-after': '1' }, body: { exit: 8, error: { code: 'same-call-running' } } });
    const third = world.call('request', { role: 'db-admin', asked }, 'maria', key('k1'));
    release();
    expect([(await first).status, (await third).text]).toEqual([200, (await first).text]);
    expect(began).toEqual(['request']);
  });

  it('is another call where the input, the operation or the person is another', async () => {
    await start();
    await world.call('request', { role: 'db-admin', asked }, 'maria', key('k1'));
    const other = await world.call('request', { role: 'db-admin', asked: { forMs: 1000 } }, 'maria', key('k1'));
    expect(other).toMatchObject({ status: 422, body: { exit: 2, error: { code: 'key-reused' } } });
    expect(await world.call('release', { id: 'db-admin' }, 'maria', key('k1'))).toMatchObject({ status: 422 });
    expect((await world.call('request', { role: 'db-admin', asked }, 'sam', key('k1'))).body.result.result).toBe('granted');
  });

  it('keeps a refusal, and keeps nothing of what failed', async () => {
    await start();
    for (let i = 0; i < 2; i++) {
      expect(await world.call('request', { role: 'nope', asked }, 'maria', key('k1'))).toMatchObject({
        status: 400,
        body: { error: { code: 'unknown-role' } },
      });
    }
    expect(began).toHaveLength(1);
    const directory = world.company.okta;
    const { OncallError } = await import('../../src/errors.ts');
    const failing = { operationsFor: world.host.operationsFor };
    Object.assign(world.host, { operationsFor: () => ({ request: async () => Promise.reject(new OncallError('sweep-late', 'late')) }) });
    expect((await world.call('request', { role: 'db-admin', asked }, 'maria', key('k2'))).status).toBe(503);
    Object.assign(world.host, failing);
    expect((await world.call('request', { role: 'db-admin', asked }, 'maria', key('k2'))).status).toBe(200);
    expect(directory.in('db')).toEqual(['maria@acme.dev']);
  });

  it('is refused where the key is none', async () => {
    await start();
    for (const bad of ['', 'x'.repeat(65), 'a b', 'ü']) {
      const { status, body } = await world.call('request', { role: 'db-admin', asked }, 'maria', key(bad));
      expect([bad, status, body.error.code]).toEqual([bad, 400, 'bad-key']);
    }
    expect(began).toEqual([]);
  });
});

const headersOf = (who: string) => ({
  host: `localhost:${world.port}`,
  'content-type': 'application/json',
  authorization: `Bearer ${world.token(who)}`,
});

/** Sends, and goes away. */
const sendAndLeave = async (name: string, input: object, headers: Record<string, string> = {}) => {
  const outgoing = httpRequest({
    host: '127.0.0.1',
    port: world.port,
    method: 'POST',
    path: `/v1/${name}`,
    headers: { ...headersOf('maria'), ...headers },
  });
  outgoing.on('error', () => undefined);
  outgoing.end(JSON.stringify(input));
  await eventually(() => began).toContain(name);
  outgoing.destroy();
};

describe('a client that goes away', () => {
  it('stops what only reads', async () => {
    await start(['status']);
    await sendAndLeave('status', {});
    await eventually(() => signals[0]?.aborted).toBe(true);
    expect(world.logged).toEqual([]);
  });

  it('does not stop what writes: it is finished, and its answer kept for when it comes again', async () => {
    await start(['request']);
    await sendAndLeave('request', { role: 'db-admin', asked }, key('k1'));
    await new Promise((later) => setTimeout(later, 200));
    expect(signals[0]?.aborted).toBe(false);
    release();
    await eventually(() => world.company.okta.in('db')).toEqual(['maria@acme.dev']);
    const again = await world.call('request', { role: 'db-admin', asked }, 'maria', key('k1'));
    expect(again.body.result.result).toBe('granted');
    expect(began).toEqual(['request']);
  });
});

describe('an operation', () => {
  it('that takes too long is told to stop, and whoever waits is told even where it does not', async () => {
    await start(['status', 'request'], { operationMs: 200 });
    const look = await world.call('status');
    expect([look.status, look.body.error.code]).toEqual([503, 'broker-late']);
    const write = world.call('request', { role: 'db-admin', asked });
    await eventually(() => signals[1]?.aborted).toBe(true);
    expect(await write).toMatchObject({ status: 503, body: { error: { code: 'broker-late' } } });
  });

  it('that fails by a fault of the program tells nothing but an id, which is in the log', async () => {
    await start();
    Object.assign(world.host, {
      operationsFor: () => ({ roles: async () => Promise.reject(new TypeError('Cannot read /etc/CANARY')) }),
    });
    const { status, body, text } = await world.call('roles');
    expect([status, body.exit, body.error.code]).toEqual([500, 1, 'broker-fault']);
    expect(text).not.toMatch(/CANARY|\n|\.ts|\//);
    const id = /[0-9a-f]{8}/.exec(body.error.next)?.[0];
    expect(world.logged.filter((line) => line.includes(`fault ${id} in roles`) && line.includes('CANARY'))).toHaveLength(1);
  });

  it('is not begun where as many are under way as may be', async () => {
    await start(['request'], { operations: 1 });
    const first = world.call('request', { role: 'db-admin', asked });
    await eventually(() => began).toEqual(['request']);
    expect(await world.call('roles')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '2' },
      body: { error: { code: 'broker-busy' } },
    });
    release();
    expect((await first).status).toBe(200);
  });
});

describe('a broker that stops', () => {
  it('lets a write end and answers it, and takes nothing new', async () => {
    await start(['request']);
    const running = world.call('request', { role: 'db-admin', asked });
    await eventually(() => began).toEqual(['request']);
    const stopped = world.running.stop(20_000);
    await expect(world.call('roles')).rejects.toThrow('ECONNREFUSED');
    release();
    expect(await running).toMatchObject({ status: 200, headers: { connection: 'close' }, body: { result: { result: 'granted' } } });
    await stopped;
    expect(world.company.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('refuses what comes on a connection that is open', async () => {
    await start(['request']);
    const { connect } = await import('node:net');
    const socket = connect({ host: '127.0.0.1', port: world.port });
    const got: string[] = [];
    socket.on('data', (chunk) => got.push(String(chunk)));
    const lines = (name: string, body: string) =>
      `POST /v1/${name} HTTP/1.1\r\nHost: localhost:${world.port}\r\nContent-Type: application/json\r\nAuthorization: Bearer ${world.token('maria')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    socket.write(lines('request', JSON.stringify({ role: 'db-admin', asked })));
    await eventually(() => began).toEqual(['request']);
    const stopped = world.running.stop(20_000);
    socket.write(lines('request', JSON.stringify({ role: 'db-admin', asked })));
    await new Promise((later) => setTimeout(later, 200));
    release();
    await new Promise((closed) => socket.once('close', closed));
    await stopped;
    expect(began).toEqual(['request']);
    expect(got.join('')).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it('sends an answer that is on its way to its end', async () => {
    await start();
    const huge = 'x'.repeat(12_000_000);
    Object.assign(world.host, { operationsFor: () => ({ roles: async () => [huge] }) });
    const outgoing = httpRequest({ host: '127.0.0.1', port: world.port, method: 'POST', path: '/v1/roles', headers: headersOf('maria') });
    outgoing.end('{}');
    const response = await new Promise<IncomingMessage>((resolve) => outgoing.once('response', resolve));
    const stopped = world.running.stop(5_000);
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(huge.length);
    await stopped;
  });

  it('does not wait for looks that last', async () => {
    await start(['status']);
    const look = world.call('status');
    await eventually(() => began).toEqual(['status']);
    // Longer than this test may take.
    await world.running.stop(600_000);
    expect(await look).toMatchObject({ status: 503, body: { error: { code: 'broker-stopping' } } });
  });

  it('does not wait for a write longer than it may', async () => {
    await start(['request']);
    const write = world.call('request', { role: 'db-admin', asked }).catch((error: Error) => error);
    await eventually(() => began).toEqual(['request']);
    await world.running.stop(300);
    expect(signals[0]?.aborted).toBe(true);
    expect(await write).toBeInstanceOf(Error);
  });
});
