/** One colleague, or one address, is not to hold up everybody else; and who may no longer call gets nothing, however slowly they call. */

import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { unread } from '../../src/broker/unread.ts';
import type { Operations } from '../../src/operations/types.ts';
import { type BrokerWorld, type Changes, send, sendRaw, startBroker } from './world.ts';

let world: BrokerWorld;
afterEach(() => world.stop());

/** Operations of which these do not end before they are let go. */
function held(names: readonly (keyof Operations)[]) {
  const waiting: (() => void)[] = [];
  const hold = (operations: Operations): Operations => ({
    ...operations,
    ...Object.fromEntries(names.map((name) => [name, () => new Promise((done) => waiting.push(() => done([])))])),
  });
  const host: Changes['host'] = (whole) => ({ operationsFor: (actor, signal) => hold(whole.operationsFor(actor, signal)) });
  return { host, waiting, letGo: () => waiting.splice(0).forEach((go) => void go()) };
}

const bounds = { operationsPerPerson: 3, followsPerPerson: 2, verifies: 1, auditsAndDoctors: 2 };

describe('operations under way', () => {
  it('are a few of each person at once, and more are told to come again; looks that last are counted by themselves', async () => {
    const { host, waiting, letGo } = held(['roles', 'follow']);
    world = await startBroker({ host, settings: { limits: bounds } });
    const first = [0, 1, 2].map(() => world.call('roles'));
    const looks = [0, 1].map(() => world.call('follow', { id: 'x', forMs: 1 }));
    await expect.poll(() => waiting.length).toBe(5);
    for (const [name, input] of [
      ['status', {}],
      ['sweep', {}],
      ['follow', { id: 'x', forMs: 1 }],
    ] as const)
      expect([name, await world.call(name, input)]).toMatchObject([
        name,
        { status: 429, headers: { 'retry-after': '1' }, body: { error: { code: 'too-many-at-once' } } },
      ]);
    expect((await world.call('status', {}, 'sam')).status).toBe(200);
    letGo();
    expect((await Promise.all([...first, ...looks])).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await world.call('status')).status).toBe(200);
    expect(world.knobs.refused).toEqual([]);
  });

  it('that go through the trail are few, whoever asks for them', async () => {
    const { host, waiting, letGo } = held(['verify', 'audit']);
    world = await startBroker({ host, settings: { limits: bounds } });
    const calls = [world.call('verify', {}, 'maria'), world.call('audit', {}, 'maria'), world.call('audit', {}, 'sam')];
    await expect.poll(() => waiting.length).toBe(3);
    for (const name of ['verify', 'audit', 'doctor']) expect([name, (await world.call(name, {}, 'ana')).status]).toEqual([name, 429]);
    expect((await world.call('status', {}, 'ana')).status).toBe(200);
    letGo();
    await Promise.all(calls);
    expect((await world.call('doctor', {}, 'ana')).status).not.toBe(429);
  });
});

describe('answers that nobody reads', () => {
  it('are bounded for each person, until their connection is closed', { timeout: 60_000 }, async () => {
    const huge = 'x'.repeat(20_000_000);
    world = await startBroker({
      host: (whole) => ({
        operationsFor: (actor, signal) => ({ ...whole.operationsFor(actor, signal), roles: async () => [huge] as never }),
      }),
      settings: { limits: { unreadBytesPerPerson: 30_000_000 } },
    });
    const one = `POST /v1/roles HTTP/1.1\r\nHost: localhost:${world.port}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nAuthorization: Bearer ${world.token('maria')}\r\n\r\n{}`;
    const socket = connect({ host: '127.0.0.1', port: world.port }).on('error', () => undefined);
    socket.pause();
    socket.write(one + one);
    await expect.poll(async () => (await world.call('waiting')).status, { timeout: 20_000 }).toBe(429);
    expect(await world.call('waiting')).toMatchObject({ status: 429, body: { error: { code: 'too-much-unread' } } });
    expect((await world.call('waiting', {}, 'sam')).status).toBe(200);
    socket.destroy();
    await expect.poll(async () => (await world.call('waiting')).status, { timeout: 20_000 }).toBe(200);
  });

  it('count no more once their connection has closed, though they never had their turn on it', () => {
    const { require: requireRoom, add } = unread(10);
    const socket = Object.assign(new EventEmitter(), { destroyed: false });
    const next = () => ({ request: { socket }, response: Object.assign(new EventEmitter(), { destroyed: false }) }) as never;
    const first = next() as { readonly response: EventEmitter };
    add('maria', '12345', first as never);
    for (let i = 0; i < 3; i++) add('maria', '12345', next());
    expect(() => requireRoom('sam')).not.toThrow();
    first.response.emit('close');
    expect(() => requireRoom('maria')).toThrow('not been read');
    socket.emit('close');
    expect(() => requireRoom('maria')).not.toThrow();
  });

  it('are few on one connection: it is closed with what else was sent on it', async () => {
    let answered = 0;
    world = await startBroker({
      host: (whole) => ({
        identities: () => {
          answered += 1;
          return whole.identities();
        },
      }),
    });
    const one = `GET /.well-known/oauth-protected-resource HTTP/1.1\r\nHost: localhost:${world.port}\r\n\r\n`;
    answered = 0;
    const many = await sendRaw(world.port, one.repeat(300));
    expect([...many.matchAll(/HTTP\/1\.1 200/g)].length).toBeLessThan(9);
    // Some are looked at more than once.
    expect(answered).toBeLessThan(100);
    const few = await sendRaw(world.port, one.repeat(7) + one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    expect([...few.matchAll(/HTTP\/1\.1 200/g)]).toHaveLength(8);
  });
});

describe('connections', () => {
  it('are few for each address once there is room for few', async () => {
    world = await startBroker({ settings: { limits: { connections: 40, connectionsPerAddress: 38 } } });
    const sockets: Socket[] = Array.from({ length: 40 }, () =>
      connect({ host: '127.0.0.1', port: world.port }).on('error', () => undefined),
    );
    await Promise.all(sockets.slice(35).map((socket) => new Promise((closed) => socket.once('close', closed))));
    expect(sockets.filter((socket) => !socket.closed)).toHaveLength(35);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => (await world.call('roles')).status).toBe(200);
  });
});

describe('somebody whom the policy no longer admits', () => {
  /** The head of a call whose body is sent once `change` is done. */
  async function slowly(change: () => void, { path = '/v1/status', key = 'k', body = '{}' } = {}): Promise<string> {
    const lines = [
      `POST ${path} HTTP/1.1`,
      `Host: localhost:${world.port}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      'Connection: close',
      `Idempotency-Key: ${key}`,
      `Authorization: Bearer ${world.token('maria')}`,
    ];
    const answer = sendRaw(world.port, [`${lines.join('\r\n')}\r\n\r\n`, body], { betweenMs: 1_000 });
    setTimeout(change, 500);
    return (await answer).split('\r\n')[0] ?? '';
  }

  it('gets nothing for a call that they had begun', async () => {
    world = await startBroker();
    expect(await slowly(() => undefined)).toContain(' 200 ');
    expect(await slowly(() => world.knobs.blocked.push('maria@acme.dev'))).toContain(' 403 ');
    world.knobs.blocked.splice(0);
    expect(
      await slowly(() => {
        world.knobs.identities = [];
      }),
    ).toContain(' 401 ');
  });

  it('gets no answer that was kept for them, and has nothing done that waited', async () => {
    let go = (): void => undefined;
    let asked = 0;
    const done: string[] = [];
    world = await startBroker({
      host: (whole) => ({
        answers: {
          ...whole.answers,
          claim: async (...of) => {
            asked += 1;
            if (asked === 2) await new Promise<void>((soon) => void (go = soon));
            return whole.answers.claim(...of);
          },
        },
        operationsFor: () => ({ release: async ({ id }: { id: string }) => void done.push(id) }) as never,
      }),
    });
    const release = (id: string) => world.call('release', { id }, 'maria', { 'idempotency-key': id });
    expect((await release('one')).status).toBe(200);
    const waits = release('two');
    await expect.poll(() => asked).toBe(2);
    world.knobs.blocked.push('maria@acme.dev');
    go();
    expect((await waits).status).toBe(403);
    expect(done).toEqual(['one']);
    world.knobs.blocked.splice(0);
    const again = { path: '/v1/release', key: 'one', body: '{"id":"one"}' };
    expect(await slowly(() => undefined, again)).toContain(' 200 ');
    expect(await slowly(() => world.knobs.blocked.push('maria@acme.dev'), again)).toContain(' 403 ');
    expect(done).toEqual(['one']);
  });

  it('gets nothing that was read for them meanwhile', async () => {
    const { host, waiting, letGo } = held(['status', 'sweep']);
    world = await startBroker({ host });
    const read = world.call('status');
    await expect.poll(() => waiting.length).toBe(1);
    world.knobs.blocked.push('maria@acme.dev');
    letGo();
    expect(await read).toMatchObject({ status: 403, body: { error: { code: 'blocked' } } });
    expect((await world.call('sweep')).status).toBe(403);
    expect(waiting).toHaveLength(0);
  });
});

describe('the documents', () => {
  it('are the same bytes each time, and follow the policy', async () => {
    world = await startBroker();
    const get = async (path: string) => (await send(world.port, { path, headers: { host: `localhost:${world.port}` } })).body;
    expect(await get('/openapi.json')).toEqual(await get('/openapi.json'));
    const path = '/.well-known/oauth-protected-resource';
    expect((await get(path)).authorization_servers).toEqual([world.issuer.url]);
    world.knobs.identities = [{ kind: 'local' }];
    expect((await get(path)).authorization_servers).toEqual([]);
  });
});
