/** Both ways of signing in, at a real authorization server, by a person who does what people do. */

import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { login } from '../../src/sign-in/login.ts';
import { currentActor } from '../../src/sign-in/session.ts';
import { clientId, type Issuer, startIssuer } from '../fakes/issuer.ts';
import { newPerson } from '../fakes/person.ts';
import { newWorld, refusalOf, signInAs, type World } from './world.ts';

let issuer: Issuer;
let world: World;
let said: string[];
const say = (line: string) => void said.push(line);

beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());
beforeEach(() => {
  world = newWorld();
  said = [];
  issuer.seen.length = 0;
});
afterEach(() => {
  world.remove();
  const same = <T>(value: T) => value;
  Object.assign(issuer.knobs, {
    interval: undefined,
    verificationUri: undefined,
    slowDowns: 0,
    lostPolls: 0,
    deviceCodeTtlS: 600,
    down: false,
    metadata: same,
    tokens: same,
  });
});

const maria = () => ({ issuer: issuer.url, subject: '00u1maria', email: 'maria@acme.dev' });
const isNothingKept = () => !existsSync(world.context.folder) || world.kept('tokens').length === 0;

describe('signing in by the browser', () => {
  it.each(['access', 'id'] as const)('gives the same actor by the %s token, and keeps what the next commands need', async (tokenUse) => {
    const { actor, renewable } = await signInAs('maria@acme.dev', issuer.identity({ tokenUse }), world.context);
    expect([actor, renewable]).toEqual([maria(), true]);
    expect(world.kept('tokens')).toMatchObject([{ origin: 'direct', issuer: issuer.url, clientId, subject: '00u1maria' }]);
    expect(await currentActor([issuer.identity({ tokenUse })], world.context)).toEqual(maria());
  });

  it('asks with PKCE, state and nonce, and comes back to this machine by number', async () => {
    let asked = new URLSearchParams();
    const openBrowser = async (url: string) => {
      asked = new URL(url).searchParams;
      void newPerson().signIn(url, 'maria@acme.dev');
      return true;
    };
    await signInAs('maria@acme.dev', issuer.identity(), world.context, { io: { say, openBrowser } });
    expect(asked.get('code_challenge_method')).toBe('S256');
    for (const name of ['code_challenge', 'state', 'nonce']) expect(asked.get(name)).toMatch(/^[\w-]{43}$/);
    expect(asked.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    expect(asked.get('scope')).toBe('openid email profile offline_access');
  });

  it('shows the address to open where no browser starts', async () => {
    const openBrowser = async (url: string) => {
      void newPerson().signIn(url, 'maria@acme.dev');
      return false;
    };
    await signInAs('maria@acme.dev', issuer.identity(), world.context, { io: { say, openBrowser } });
    expect(said[0]).toContain('open this in a browser');
    expect(said[1]).toContain(`${issuer.url}/v1/authorize?`);
  });

  it.each([
    ['somebody of another domain', 'eve@evil.example', 'id', /not in a domain/],
    ['somebody of another domain', 'eve@evil.example', 'access', /not in a domain/],
    ['an e-mail that is not verified', 'sam@acme.dev', 'id', /has not verified/],
  ] as const)('is refused for %s (%s, %s token), and nothing is kept', async (_, who, tokenUse, why) => {
    const refusal = await refusalOf(signInAs(who, issuer.identity({ tokenUse }), world.context));
    expect(refusal).toMatchObject({ code: 'token-refused', exit: 4, why: expect.stringMatching(why) });
    expect(isNothingKept()).toBe(true);
  });

  it('says so where the person refuses', async () => {
    const openBrowser = async (url: string) => {
      void newPerson().refuse(url);
      return true;
    };
    const refusal = await refusalOf(signInAs('', issuer.identity(), world.context, { io: { say, openBrowser } }));
    expect(refusal).toMatchObject({ code: 'sign-in-failed', exit: 4, why: expect.stringContaining('refused there') });
  });

  it('ends where nobody comes back, and says what else there is', async () => {
    const io = { say, openBrowser: async () => true };
    const refusal = await refusalOf(signInAs('', issuer.identity(), world.context, { io, patienceMs: 50 }));
    expect(refusal).toMatchObject({ code: 'sign-in-failed', exit: 4, next: expect.stringContaining('--device') });
  });

  it('waits no longer once it is told to stop', async () => {
    const stop = new AbortController();
    const io = {
      say,
      openBrowser: async () => {
        stop.abort();
        return true;
      },
    };
    await expect(signInAs('', issuer.identity(), { ...world.context, signal: stop.signal }, { io })).rejects.toThrow('aborted');
  });

  it('turns away an ID token that does not answer to this sign-in', async () => {
    const nowS = Math.floor(Date.now() / 1000);
    const old = {
      iss: issuer.url,
      aud: clientId,
      sub: '00u1maria',
      email: 'maria@acme.dev',
      iat: nowS,
      exp: nowS + 600,
      nonce: 'of another time',
    };
    const token = await issuer.mint(old);
    issuer.knobs.tokens = (answer) => ({ ...answer, id_token: token });
    const refusal = await refusalOf(signInAs('maria@acme.dev', issuer.identity({ tokenUse: 'id' }), world.context));
    expect(refusal).toMatchObject({ code: 'issuer-unavailable', why: expect.stringContaining('unexpected JWT claim value') });
    expect(JSON.stringify(refusal)).not.toContain('of another time');
    expect(isNothingKept()).toBe(true);
  });

  it.each([
    ['an opaque access token', { access_token: 'opaque' }, /not a signed token.*custom/],
    ['no ID token', { id_token: undefined }, /not as it must be/],
  ])('says what is wrong with %s', async (_, changes, why) => {
    issuer.knobs.tokens = (answer) => ({ ...answer, ...changes });
    expect((await refusalOf(signInAs('maria@acme.dev', issuer.identity(), world.context))).why).toMatch(why);
    expect(isNothingKept()).toBe(true);
  });

  it.each([
    ['calls itself something else', () => ({ issuer: 'https://evil.example' }), /must be the same to the last character/],
    ['differs by a slash', (url: string) => ({ issuer: `${url}/` }), /must be the same to the last character/],
    ['has its token endpoint elsewhere in the clear', () => ({ token_endpoint: 'http://evil.example/token' }), /address that is not safe/],
  ])('does not go on at an issuer whose metadata %s', async (_, changes, why) => {
    issuer.knobs.metadata = (document) => ({ ...document, ...changes(issuer.url) });
    expect(await refusalOf(signInAs('maria@acme.dev', issuer.identity(), world.context))).toMatchObject({
      why: expect.stringMatching(why),
    });
    expect(issuer.seen).not.toContain('POST /v1/token');
  });

  it('takes a slash at the end of an issuer as seriously as everything else in it', async () => {
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ ...endpoints, issuer: `${url}/` }));
    }).listen(0, '127.0.0.1');
    await new Promise((ready) => server.once('listening', ready));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const endpoints = { authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/token`, jwks_uri: `${url}/keys` };
    const io = { say, openBrowser: async () => true };
    const refusal = await refusalOf(signInAs('', issuer.identity({ issuer: url }), world.context, { io, patienceMs: 50 }));
    server.close();
    expect(refusal).toMatchObject({ code: 'issuer-mismatch' });
  });

  it('says that the issuer cannot be reached, or that it does not know the client', async () => {
    issuer.knobs.down = true;
    expect(await refusalOf(signInAs('', issuer.identity(), world.context))).toMatchObject({ code: 'issuer-unavailable', exit: 1 });
    issuer.knobs.down = false;
    const unknown = login({ identity: issuer.identity({ clientId: '0oa9' }), device: true, env: {}, io: { say } }, world.context);
    expect(await refusalOf(unknown)).toMatchObject({ code: 'sign-in-failed', next: expect.stringContaining('clientId') });
  });

  it('comes back to the port that the policy names, and says so where it is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((ready) => squatter.once('listening', ready));
    const redirectPort = (squatter.address() as AddressInfo).port;
    const taken = await refusalOf(signInAs('maria@acme.dev', issuer.identity({ redirectPort }), world.context));
    expect(taken).toMatchObject({ code: 'port-taken', next: expect.stringContaining('--device') });
    await new Promise((closed) => squatter.close(closed));
    expect((await signInAs('maria@acme.dev', issuer.identity({ redirectPort }), world.context)).actor).toEqual(maria());
  });

  it('sends nobody to a browser for what could not be kept', async () => {
    const folder = `${world.context.folder}/a/b/c/d`;
    await expect(signInAs('maria@acme.dev', issuer.identity(), { ...world.context, folder })).rejects.toThrow('to keep a sign-in in');
    expect(issuer.seen).toEqual([]);
  });
});

describe('signing in by a code', () => {
  /** Somebody who enters the code during the given pause; the pauses themselves take no time. */
  function byCode(answer: { login: string } | 'deny' | 'never', duringPause = 1, identity = issuer.identity()) {
    const pauses: number[] = [];
    const sleep = async (ms: number) => {
      pauses.push(ms);
      world.advance(ms);
      if (pauses.length !== duringPause || answer === 'never') return;
      const [page = '', code = ''] = ['open   ', 'enter  '].map((lead) => said.find((line) => line.startsWith(lead))?.slice(lead.length));
      await newPerson().enterCode(page, code, answer);
    };
    const work = login({ identity, device: true, env: {}, io: { say }, sleep }, world.context);
    return { work, pauses };
  }

  it.each(['access', 'id'] as const)('gives the same actor as the browser does, by the %s token', async (tokenUse) => {
    const { work } = byCode({ login: 'maria@acme.dev' }, 2, issuer.identity({ tokenUse }));
    expect((await work).actor).toEqual(maria());
    expect(world.kept('tokens')).toHaveLength(1);
  });

  it('shows the page, its host, the code and how long it is good, and no address with the code in it', async () => {
    await byCode({ login: 'maria@acme.dev' }).work;
    const text = said.join('\n');
    expect(text).toMatch(new RegExp(`^open {3}${issuer.url}/activate$`, 'm'));
    expect(text).toMatch(/^enter {2}[A-Z]{4}-[A-Z]{4}$/m);
    expect(text).toMatch(new RegExp(`page must be of ${new URL(issuer.url).host}, .* good for 10 min, until \\d\\d:\\d\\dZ`));
    expect(text).toContain('wants to act as you');
    expect(text).not.toContain('user_code=');
  });

  it('asks every 5 s, or as often as the issuer says', async () => {
    const first = byCode({ login: 'maria@acme.dev' }, 2);
    await first.work;
    expect(first.pauses).toEqual([5_000, 5_000]);
    said = [];
    issuer.knobs.interval = 7;
    const second = byCode({ login: 'maria@acme.dev' }, 2);
    await second.work;
    expect(second.pauses).toEqual([7_000, 7_000]);
  });

  it('asks 5 s slower each time it is told to slow down, and stays so', async () => {
    Object.assign(issuer.knobs, { interval: 2, slowDowns: 2 });
    const { work, pauses } = byCode({ login: 'maria@acme.dev' }, 5);
    await work;
    expect(pauses).toEqual([2_000, 7_000, 12_000, 12_000, 12_000]);
  });

  it('outlives lost connections, and asks less often after each', async () => {
    Object.assign(issuer.knobs, { interval: 2, lostPolls: 2 });
    const { work, pauses } = byCode({ login: 'maria@acme.dev' }, 4);
    expect((await work).actor).toEqual(maria());
    expect(pauses).toEqual([2_000, 4_000, 8_000, 8_000]);
  });

  it('says that it was refused', async () => {
    const refusal = await refusalOf(byCode('deny').work);
    expect(refusal).toMatchObject({ code: 'sign-in-failed', exit: 4, why: expect.stringContaining('refused there') });
    expect(isNothingKept()).toBe(true);
  });

  it('ends with the code, without a call after that', async () => {
    issuer.knobs.deviceCodeTtlS = 12;
    const { work, pauses } = byCode('never');
    expect(await refusalOf(work)).toMatchObject({ exit: 4, why: 'the code was not entered in time' });
    expect(pauses.slice(0, 2)).toEqual([5_000, 5_000]);
    expect(issuer.seen.filter((request) => request === 'POST /v1/token')).toHaveLength(2);
  });

  it('says the same where the issuer is the one to say it', async () => {
    issuer.knobs.deviceCodeTtlS = 1;
    const sleep = () => new Promise<void>((resolve) => setTimeout(resolve, 2_100));
    const now = () => 0;
    const work = login({ identity: issuer.identity(), device: true, env: {}, io: { say }, sleep }, { ...world.context, now });
    expect(await refusalOf(work)).toMatchObject({ exit: 4, why: 'the code was not entered in time' });
  });

  it('is refused for somebody of another domain', async () => {
    expect(await refusalOf(byCode({ login: 'eve@evil.example' }).work)).toMatchObject({ code: 'token-refused', exit: 4 });
    expect(isNothingKept()).toBe(true);
  });

  it('is what happens where no browser can be opened, and says why', async () => {
    const sleep = () => Promise.reject(new Error('enough'));
    const env = { DISPLAY: ':0', SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22' };
    await expect(login({ identity: issuer.identity(), device: false, env, io: { say }, sleep }, world.context)).rejects.toThrow('enough');
    expect(said[0]).toBe('no browser can be opened here (this is a session over SSH), so you sign in by a code');
    expect(said[1]).toMatch(/^open {3}/);
  });

  it('is not offered where the issuer has no such thing', async () => {
    issuer.knobs.metadata = ({ device_authorization_endpoint: _, ...rest }) => rest;
    expect(await refusalOf(byCode('never').work)).toMatchObject({ code: 'no-device-flow', next: expect.stringContaining('browser') });
  });

  it('shows no page in the clear on another machine', async () => {
    issuer.knobs.verificationUri = 'http://evil.example/activate';
    const refusal = await refusalOf(byCode('never').work);
    expect(refusal).toMatchObject({ code: 'issuer-unavailable', why: expect.stringContaining('safe page') });
    expect(said).toEqual([]);
  });

  it('says where the page is of another host than the issuer', async () => {
    issuer.knobs.verificationUri = 'https://sign-in.example/activate';
    const sleep = () => Promise.reject(new Error('enough'));
    await expect(login({ identity: issuer.identity(), device: true, env: {}, io: { say }, sleep }, world.context)).rejects.toThrow(
      'enough',
    );
    expect(said.join('\n')).toContain("another host than the issuer's");
  });
});
