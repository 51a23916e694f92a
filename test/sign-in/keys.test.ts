import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keysFor } from '../../src/sign-in/keys.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { newForge } from './forged.ts';
import { newWorld, refusalOf, type World } from './world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let issuer: Issuer;
let world: World;
let token: string;
let byUnknownKey: string;

beforeAll(async () => {
  issuer = await startIssuer();
  const forge = await newForge(issuer);
  [token, byUnknownKey] = [forge.access(), forge.access({}, { kid: 'key-2' })];
});
afterAll(() => issuer.stop());
beforeEach(() => {
  world = newWorld();
  issuer.seen.length = 0;
  Object.assign(issuer.knobs, { down: false, metadata: (document: object) => document, jwks: (served: object[]) => served });
});
afterEach(() => world.remove());

const keys = (of = token) => keysFor(of, issuer.identity(), world.context);
const calls = () => issuer.seen.filter((request) => request === 'GET /v1/keys').length;

describe("an issuer's keys", () => {
  it('are fetched once and then kept for an hour, without any call', async () => {
    const first = await keys();
    world.advance(59 * MINUTE);
    expect(await keys()).toEqual(first);
    expect(first.keys.map(({ kid }) => kid)).toEqual(['key-1']);
    expect(issuer.seen).toEqual(['GET /.well-known/openid-configuration', 'GET /v1/keys']);
    world.advance(2 * MINUTE);
    await keys();
    expect(calls()).toBe(2);
  });

  it('are asked for again where a token names another, but not more than once a minute', async () => {
    await keys();
    world.advance(2 * MINUTE);
    for (let times = 0; times < 5; times += 1) await keys(byUnknownKey);
    expect(calls()).toBe(2);
    world.advance(2 * MINUTE);
    await keys(byUnknownKey);
    expect(calls()).toBe(3);
  });

  it('are used for a day while the issuer cannot be reached, and each minute it is tried again', async () => {
    const first = await keys();
    issuer.knobs.down = true;
    world.advance(20 * HOUR);
    expect(await keys()).toEqual(first);
    expect(await keys()).toEqual(first);
    expect(world.logged.filter((line) => line.includes('are used'))).toHaveLength(1);
    world.advance(5 * HOUR);
    expect(await refusalOf(keys())).toMatchObject({ code: 'issuer-unavailable', exit: 1 });
  });

  it('do not count where the clock stands before they were fetched', async () => {
    await keys();
    world.advance(-HOUR);
    await keys();
    expect(calls()).toBe(2);
  });

  it('are public: nothing else of a key is taken over, and no other kind', async () => {
    const more = [
      { kty: 'oct', kid: 'shared', k: 'c2VjcmV0' },
      { kty: 'RSA', kid: 'for-encryption', use: 'enc', n: 'x', e: 'AQAB' },
    ];
    issuer.knobs.jwks = (served) => [...served.map((key) => ({ ...key, d: 'private', x5u: 'http://evil.example' })), ...more];
    const got = (await keys()).keys;
    expect(got.map((key) => Object.keys(key).sort())).toEqual([['e', 'kid', 'kty', 'n', 'use']]);
  });

  it.each([
    ['calls itself something else', () => ({ issuer: 'https://evil.example' }), /must be the same to the last character/],
    ['differs by a slash', (url: string) => ({ issuer: `${url}/` }), /must be the same to the last character/],
    ['keeps its keys elsewhere in the clear', () => ({ jwks_uri: 'http://keys.evil.example/' }), /no safe address/],
    ['keeps its keys in a file', () => ({ jwks_uri: 'file:///etc/passwd' }), /no safe address/],
    ['names no keys', () => ({ jwks_uri: undefined }), /no safe address/],
  ])('are not taken from an issuer whose metadata %s', async (_, changes, why) => {
    issuer.knobs.metadata = (document) => ({ ...document, ...changes(issuer.url) });
    expect(await refusalOf(keys())).toMatchObject({ why: expect.stringMatching(why) });
    expect(calls()).toBe(0);
  });

  it('that others could have written are an error and not fetched anew in silence', async () => {
    await keys();
    const { folder } = world.context;
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o666);
    expect(await refusalOf(keys())).toMatchObject({ code: 'token-file-loose', exit: 4 });
  });

  it('serve even where they cannot be kept', async () => {
    await keys();
    const { folder } = world.context;
    const locked = { ...world.context, folder: join(folder, 'a', 'b', 'c', 'd') };
    expect((await keysFor(token, issuer.identity(), locked)).keys).toHaveLength(1);
    expect(world.logged.at(-1)).toContain('could not be kept');
  });
});
