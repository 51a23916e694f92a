/** The reader of JSON over HTTP against a real server that misbehaves. */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type GetOptions, getJson, isLoopback } from '../src/http.ts';

const secret = 'sEcReT-0123456789';
const servers: Server[] = [];
let requests: IncomingMessage[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  requests = [];
});

/** Answers the first request with the first of them, and so on; the last one stays. */
async function serve(...answers: ((response: ServerResponse, request: IncomingMessage) => void)[]): Promise<URL> {
  const listener: RequestListener = (request, response) => {
    requests.push(request);
    answers[Math.min(requests.length, answers.length) - 1]?.(response, request);
  };
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/things?of=mine`);
}

const status =
  (code: number, headers: Record<string, string> = {}, body = '{}') =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end(body);

const get = (url: URL, more: Partial<GetOptions> = {}) =>
  getJson(url, { provider: 'Acme', headers: { authorization: `Token token=${secret}` }, timeoutMs: 5000, ...more });

describe('an answer', () => {
  it('is the parsed body, asked for with the headers given', async () => {
    const url = await serve(status(200, {}, '{"name":"Zoë"}'));
    expect(await get(url)).toEqual({ name: 'Zoë' });
    expect(requests[0]).toMatchObject({ method: 'GET', url: '/things?of=mine', headers: { authorization: `Token token=${secret}` } });
  });

  it('tells the date of the server, of a refusal as well', async () => {
    const dates: number[] = [];
    const date = 'Sun, 22 Nov 2026 07:00:00 GMT';
    const url = await serve(status(403, { date }));
    await expect(get(url, { onServerDate: (ms) => void dates.push(ms) })).rejects.toMatchObject({ fault: 'forbidden' });
    expect(dates).toEqual([Date.parse(date)]);
  });

  it('is read up to its limit and not beyond', async () => {
    const url = await serve(status(200, {}, JSON.stringify('x'.repeat(5000))));
    await expect(get(url, { maxBytes: 1000 })).rejects.toMatchObject({
      fault: 'malformed',
      message: 'Acme answered with more than 1000 bytes',
    });
    expect(requests).toHaveLength(1);
  });

  it.each([
    ['a page of HTML', '<html>please sign in</html>'],
    ['nothing', ''],
    ['half of its JSON', '{"name":'],
  ])('that is %s is malformed', async (_, body) => {
    const url = await serve(status(200, {}, body));
    await expect(get(url)).rejects.toMatchObject({ name: 'ProviderError', provider: 'Acme', fault: 'malformed' });
  });
});

describe('a refusal', () => {
  it.each([
    [400, 'refused'],
    [401, 'credentials'],
    [402, 'refused'],
    [403, 'forbidden'],
    [404, 'not-found'],
    [422, 'refused'],
  ])('%i is %s and is not asked again', async (code, fault) => {
    const url = await serve(status(code));
    await expect(get(url)).rejects.toMatchObject({
      name: 'ProviderError',
      fault,
      applied: 'no',
      message: expect.stringContaining(String(code)),
    });
    expect(requests).toHaveLength(1);
  });

  it.each([301, 302, 307, 308])('%i is not followed, so that the credentials stay where they were sent', async (code) => {
    const elsewhere = await serve(status(200));
    const url = await serve(status(code, { location: elsewhere.href }));
    await expect(get(url)).rejects.toMatchObject({ fault: 'refused', message: expect.stringContaining('redirects') });
    expect(requests).toHaveLength(1);
  });

  it("repeats the provider's own words in one line, but nothing of the headers", async () => {
    const url = await serve(status(400, {}, JSON.stringify({ message: `bad token\n${secret} given` })));
    const explain = (body: unknown) => (body as { message: string }).message;
    await expect(get(url, { explain })).rejects.toMatchObject({ message: 'Acme refused the question (400, "bad token … given")' });
  });
});

describe('what passes by itself', () => {
  it.each([500, 502, 503, 504, 429, 408])('%i is asked again', async (code) => {
    const lines: string[] = [];
    const url = await serve(status(code), status(200, {}, '[]'));
    expect(await get(url, { log: (line) => void lines.push(line) })).toEqual([]);
    expect(lines).toEqual([expect.stringContaining(String(code))]);
    expect(lines.join()).not.toContain(secret);
  });

  it('is asked three times and no more', async () => {
    const url = await serve(status(503));
    await expect(get(url)).rejects.toMatchObject({ fault: 'unavailable', retryable: true });
    expect(requests).toHaveLength(3);
  });

  it('is asked once where one try is allowed', async () => {
    const url = await serve(status(503));
    await expect(get(url, { tries: 1 })).rejects.toMatchObject({ fault: 'unavailable' });
    expect(requests).toHaveLength(1);
  });

  it('a connection that is cut is tried again, before and within an answer', async () => {
    const url = await serve(
      (_, request) => void request.socket.destroy(),
      (response, request) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"half":');
        setTimeout(() => request.socket.destroy(), 20);
      },
      status(200, {}, '"whole"'),
    );
    expect(await get(url)).toBe('whole');
    expect(requests).toHaveLength(3);
  });

  it.each([
    ['seconds', { 'retry-after': '30' }, 30_000],
    [
      'a date, read against the date of the answer',
      { 'retry-after': 'Sun, 22 Nov 2026 07:01:00 GMT', date: 'Sun, 22 Nov 2026 07:00:15 GMT' },
      45_000,
    ],
    ['a date that has passed', { 'retry-after': 'Sun, 22 Nov 2026 06:00:00 GMT', date: 'Sun, 22 Nov 2026 07:00:00 GMT' }, 0],
    ['the reset of a rate limit in seconds', { 'ratelimit-reset': '17' }, 17_000],
    ['nonsense', { 'retry-after': 'soon' }, undefined],
  ])('keeps how long to wait when that is %s', async (_, headers, retryAfterMs) => {
    const url = await serve(status(429, { ...headers }));
    await expect(get(url, { tries: 1 })).rejects.toMatchObject({ fault: 'rate-limited', retryAfterMs });
  });

  it('is not waited for where the wait is longer than the time left', async () => {
    const url = await serve(status(503, { 'retry-after': '6' }), status(200, {}, '[]'));
    await expect(get(url)).rejects.toMatchObject({ fault: 'unavailable', retryAfterMs: 6000 });
    expect(requests).toHaveLength(1);
  });
});

describe('the time allowed', () => {
  it('ends a call that gets no answer', async () => {
    const url = await serve(() => {});
    await expect(get(url, { timeoutMs: 100 })).rejects.toMatchObject({
      fault: 'timeout',
      message: 'Acme did not answer within 100 ms',
      retryable: true,
    });
  });

  it('ends a call whose answer drips', async () => {
    const url = await serve((response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(drip));
    });
    await expect(get(url, { timeoutMs: 150 })).rejects.toMatchObject({ fault: 'timeout' });
  });

  it('counts from where the first of several calls began', async () => {
    const url = await serve(status(200));
    await expect(get(url, { timeoutMs: 1000, startedAt: performance.now() - 1001 })).rejects.toMatchObject({
      fault: 'timeout',
      message: 'Acme did not answer within 1 s',
    });
    expect(requests).toEqual([]);
  });

  it('ends when the caller stops it: before, within, and between two tries', async () => {
    const url = await serve(() => {}, status(503));
    await expect(get(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'ProviderError',
      message: 'stopped before Acme answered',
    });
    expect(requests).toHaveLength(0);
    const within = new AbortController();
    const first = get(url, { signal: within.signal, tries: 1 });
    within.abort();
    await expect(first).rejects.toMatchObject({ name: 'ProviderError', message: 'stopped before Acme answered' });
    const between = new AbortController();
    const busy = await serve(status(503));
    const before = requests.length;
    await expect(get(busy, { signal: between.signal, log: () => between.abort() })).rejects.toMatchObject({
      message: 'stopped before Acme answered',
    });
    expect(requests.length - before).toBe(1);
  });
});

describe('a server that cannot be reached', () => {
  it('says that nothing listens', async () => {
    const url = await serve(status(200));
    await new Promise((done) => servers.pop()?.close(done));
    await expect(get(url, { tries: 1 })).rejects.toMatchObject({
      fault: 'unavailable',
      message: `Acme cannot be reached at ${url.host}: nothing listens there`,
    });
  });

  it('says that the name is unknown', async () => {
    await expect(get(new URL('http://no-such-host.invalid/'), { tries: 1 })).rejects.toMatchObject({
      fault: 'unavailable',
      message: expect.stringMatching(/at no-such-host\.invalid: its name cannot be resolved/),
    });
  });

  it('speaks TLS to an https address and says where that is not spoken', async () => {
    const url = await serve(status(200));
    url.protocol = 'https:';
    await expect(get(url, { tries: 1 })).rejects.toMatchObject({ fault: 'unavailable', message: expect.stringContaining('TLS') });
    expect(requests).toEqual([]);
  });

  it('is not asked with a header that cannot be sent, and the header is not shown', async () => {
    const url = await serve(status(200));
    const refused = await get(url, { headers: { authorization: `${secret}\nsecond line` } }).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(refused).toMatchObject({ name: 'ProviderError', fault: 'credentials' });
    expect(`${refused?.stack} ${String(refused?.cause)}`).not.toContain(secret);
  });
});

it.each([
  ['http://127.0.0.1:80/x', true],
  ['http://127.1.2.3', true],
  ['https://localhost:4010', true],
  ['http://[::1]:80', true],
  ['http://127.0.0.1.example.com', false],
  ['http://localhost.example.com', false],
  ['https://api.pagerduty.com', false],
  ['http://10.0.0.1', false],
  ['not an address', false],
])('isLoopback(%s) is %s', (url, expected) => {
  expect(isLoopback(url)).toBe(expected);
});
