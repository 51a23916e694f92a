import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Loopback, listenOnLoopback } from '../../src/sign-in/loopback.ts';

const state = 'the-state';
let loopback: Loopback;
let stop: AbortController;

beforeEach(async () => {
  stop = new AbortController();
  loopback = await listenOnLoopback(state, 0, stop.signal);
});
afterEach(() => loopback.close());

const back = (query: string, path = '/callback') => fetch(new URL(`${path}${query}`, loopback.redirectUri));
const isWaiting = async () => (await Promise.race([loopback.answer, Promise.resolve('waiting')])) === 'waiting';

describe('the page that the browser comes back to', () => {
  it('hands over the answer that carries the state, on a page that runs, loads and tells nothing', async () => {
    const response = await back(`?code=secret-code&state=${state}&error_description=<script>alert(1)</script>`);
    expect((await loopback.answer).searchParams.get('code')).toBe('secret-code');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    const page = await response.text();
    expect(page).not.toContain('script');
    expect(page).not.toContain('secret-code');
  });

  it.each([
    ['no state', '?code=x', '/callback'],
    ['another state', '?code=x&state=other', '/callback'],
    ['an error without state', '?error=access_denied', '/callback'],
    ['another path', `?code=x&state=${state}`, '/'],
  ])('turns away what comes with %s, and waits on', async (_, query, path) => {
    expect((await back(query, path)).status).toBe(404);
    expect(await isWaiting()).toBe(true);
  });

  it('turns away a page elsewhere that has its own name for this address', async () => {
    const { port } = new URL(loopback.redirectUri);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () =>
        socket.write(`GET /callback?code=x&state=${state} HTTP/1.1\r\nHost: evil.example:${port}\r\n\r\n`),
      );
      socket.once('data', (data) => resolve(data.toString()));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 404/);
    expect(await isWaiting()).toBe(true);
  });

  it('does not listen on any other address', async () => {
    const elsewhere = connect(Number(new URL(loopback.redirectUri).port), '127.0.0.2');
    const outcome = await new Promise((resolve) => elsewhere.once('connect', resolve).once('error', (error) => resolve(error.name)));
    elsewhere.destroy();
    expect(outcome).toBe('Error');
  });

  it('gives up when it is told to, and then listens no more', async () => {
    stop.abort(new Error('enough'));
    await expect(loopback.answer).rejects.toThrow('enough');
    loopback.close();
    await expect(back(`?state=${state}`)).rejects.toThrow('fetch failed');
  });
});
