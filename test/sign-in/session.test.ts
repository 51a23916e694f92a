/** What commands find afterwards: who is signed in, renewed in silence, by one process at a time, until somebody signs out. */

import { chmodSync, existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { currentActor, currentSession, logout } from '../../src/sign-in/session.ts';
import { lockSignIn, readSignIn, removeSignIn, writeSignIn } from '../../src/sign-in/token-file.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { newWorld, refusalOf, signInAs, type World } from './world.ts';

let issuer: Issuer;
let world: World;

beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());
beforeEach(() => {
  world = newWorld();
});
afterEach(() => {
  world.remove();
  const same = <T>(value: T) => value;
  Object.assign(issuer.knobs, { tokenTtlS: 3600, tokenDelayMs: 0, down: false, metadata: same, tokens: same });
  Object.assign(issuer.accounts, { 'maria@acme.dev': { id: '00u1maria', email: 'Maria@acme.dev', verified: true } });
});

const maria = () => ({ issuer: issuer.url, subject: '00u1maria', email: 'maria@acme.dev' });
const one = () => [issuer.identity()];
const renewals = () => issuer.seen.filter((request) => request === 'POST /v1/token').length;

/** Signed in by a token of so many seconds; what is issued afterwards lives an hour. */
async function signedInFor(seconds: number, identity = issuer.identity()) {
  issuer.knobs.tokenTtlS = seconds;
  await signInAs('maria@acme.dev', identity, world.context);
  issuer.knobs.tokenTtlS = 3600;
  issuer.seen.length = 0;
}

/** A sign-in about to end, and a lock on it from another host. */
async function foreignLock(): Promise<string> {
  await signedInFor(30);
  const name = readdirSync(world.context.folder).find((one) => /^tokens-\w+\.json$/.test(one));
  const path = join(world.context.folder, `${name}.lock`);
  writeFileSync(path, JSON.stringify({ host: 'marias-laptop', pid: 4711, started: '', token: 'far' }), { mode: 0o600 });
  return path;
}

describe('who is signed in', () => {
  it('is nobody at first, and that is exit 4 with what to do', async () => {
    expect(await refusalOf(currentActor(one(), world.context))).toMatchObject({ code: 'not-signed-in', exit: 4, next: 'oncall login' });
  });

  it('is known without any call while token and keys are fresh', async () => {
    await signedInFor(3600);
    const session = await currentSession(one(), world.context);
    expect(session).toMatchObject({ actor: maria(), renewable: true, identity: { issuer: issuer.url } });
    expect(session.expiresAt - Date.now()).toBeGreaterThan(3_500_000);
    expect(issuer.seen).toEqual([]);
  });

  it('is found under whom the token was got for, and under nothing else', async () => {
    await signedInFor(3600);
    const broker = { ...world.context, origin: 'https://oncall.acme.dev' };
    expect(await refusalOf(currentActor(one(), broker))).toMatchObject({ code: 'not-signed-in' });
    const others = [issuer.identity({ clientId: '0oa9' }), issuer.identity({ issuer: `${issuer.url}/` })];
    expect(await refusalOf(currentActor(others, world.context))).toMatchObject({ code: 'not-signed-in' });
  });

  it('is checked against the policy as it is now, not as it was at sign-in', async () => {
    await signedInFor(3600);
    const moved = [issuer.identity({ domains: ['acme.org'] })];
    expect(await refusalOf(currentActor(moved, world.context))).toMatchObject({ code: 'token-refused' });
    const stricter = [issuer.identity({ algorithms: ['ES256'] })];
    expect(await refusalOf(currentActor(stricter, world.context))).toMatchObject({ code: 'token-refused' });
  });

  it('is who signed in last, and nobody steps in where that one fails', async () => {
    const other = await startIssuer();
    try {
      await signedInFor(3600);
      world.advance(1000);
      other.accounts['maria@acme.dev'] = { id: '00uOther', email: 'maria@acme.org', verified: true };
      const there = other.identity({ domains: ['acme.org'], tokenUse: 'id' });
      await signInAs('maria@acme.dev', there, world.context);
      const both = [...one(), there];
      expect(await currentActor(both, world.context)).toMatchObject({ issuer: other.url, subject: '00uOther' });
      const refusing = [...one(), { ...there, domains: ['acme.net'] }];
      expect(await refusalOf(currentActor(refusing, world.context))).toMatchObject({ code: 'token-refused' });
    } finally {
      await other.stop();
    }
  });

  it('is not read from a file that others could read, and the message says the command that mends it', async () => {
    await signedInFor(3600);
    const { folder } = world.context;
    const file = join(folder, readdirSync(folder).find((name) => name.startsWith('tokens')) ?? '');
    chmodSync(file, 0o644);
    const refusal = await refusalOf(currentActor(one(), world.context));
    expect(refusal).toMatchObject({ code: 'token-file-loose', exit: 4, next: expect.stringContaining(`chmod 600 ${file}`) });
  });

  it.each([
    ['is no JSON', () => '{'],
    ['is null', () => 'null'],
    ['was put there under the name of another', (text: string) => text.replace('"direct"', '"https://oncall.acme.dev"')],
    ['lacks whom it was for', (text: string) => text.replace('"subject"', '"object"')],
  ])('is not read from a file that %s', async (_, edit) => {
    await signedInFor(3600);
    const { folder } = world.context;
    const file = join(folder, readdirSync(folder).find((name) => name.startsWith('tokens')) ?? '');
    writeFileSync(file, edit(JSON.stringify(world.kept('tokens')[0])));
    expect(await refusalOf(currentActor(one(), world.context))).toMatchObject({ code: 'token-file-broken', exit: 4, next: 'oncall login' });
  });
});

describe('a sign-in that is about to end', () => {
  it.each(['access', 'id'] as const)('is renewed in silence, refresh token and all (%s token)', async (tokenUse) => {
    const identity = issuer.identity({ tokenUse });
    await signedInFor(30, identity);
    const before = world.kept('tokens')[0];
    expect(await currentActor([identity], world.context)).toEqual(maria());
    const after = world.kept('tokens')[0];
    expect(after?.refreshToken).not.toBe(before?.refreshToken);
    expect(Number(after?.expiresAt)).toBeGreaterThan(Number(before?.expiresAt) + 3_000_000);
    expect(after?.signedInAt).toBe(before?.signedInAt);
    await currentActor([identity], world.context);
    expect(renewals()).toBe(1);
  });

  it('is renewed after its end too', async () => {
    await signedInFor(2);
    world.advance(10 * 60_000);
    expect(await currentActor(one(), world.context)).toEqual(maria());
  });

  it('is renewed once by ten that need it at the same moment, and the rotated refresh token is not lost', async () => {
    await signedInFor(30);
    issuer.knobs.tokenDelayMs = 50;
    const actors = await Promise.all(Array.from({ length: 10 }, () => currentActor(one(), world.context)));
    expect(actors).toEqual(Array.from({ length: 10 }, maria));
    expect(renewals()).toBe(1);
    expect(readdirSync(world.context.folder).filter((name) => name.includes('lock'))).toEqual([]);
    world.advance(3600_000);
    expect(await currentActor(one(), world.context)).toEqual(maria());
  });

  it('keeps its refresh token where the issuer does not rotate it', async () => {
    await signedInFor(30);
    const before = world.kept('tokens')[0]?.refreshToken;
    issuer.knobs.tokens = ({ refresh_token: _, ...rest }) => rest;
    await currentActor(one(), world.context);
    expect(world.kept('tokens')[0]?.refreshToken).toBe(before);
  });

  it('still counts to its end while the issuer is away, then says which of the two it is', async () => {
    await signedInFor(30);
    issuer.knobs.down = true;
    expect(await currentActor(one(), world.context)).toEqual(maria());
    expect(world.logged.join()).toContain('not renewed now');
    world.advance(10 * 60_000);
    const refusal = await refusalOf(currentActor(one(), world.context));
    expect(refusal).toMatchObject({ code: 'issuer-unavailable', exit: 1, next: expect.stringMatching(/^try again/) });
    issuer.knobs.down = false;
    expect(await currentActor(one(), world.context)).toEqual(maria());
  });

  it('has ended where the issuer does not renew it, and nothing of it stays', async () => {
    await signedInFor(30);
    const signIn = readSignIn(issuer.identity(), world.context);
    if (signIn === undefined) throw new Error('nothing was kept');
    writeSignIn({ ...signIn, refreshToken: 'taken-back' }, world.context);
    const refusal = await refusalOf(currentActor(one(), world.context));
    expect(refusal).toMatchObject({ code: 'token-expired', exit: 4, next: 'oncall login' });
    expect(JSON.stringify(refusal)).not.toContain('taken-back');
    expect(world.kept('tokens')).toEqual([]);
  });

  it('has ended where there is no refresh token', async () => {
    issuer.knobs.tokens = ({ refresh_token: _, ...rest }) => rest;
    await signedInFor(2);
    expect(await currentSession(one(), world.context)).toMatchObject({ renewable: false });
    world.advance(10 * 60_000);
    expect(await refusalOf(currentActor(one(), world.context))).toMatchObject({ code: 'token-expired', exit: 4, next: 'oncall login' });
    expect(renewals()).toBe(0);
  });

  it('is not renewed for somebody else', async () => {
    await signedInFor(30);
    issuer.accounts['maria@acme.dev'] = { id: '00u9other', email: 'maria@acme.dev', verified: true };
    expect(await refusalOf(currentActor(one(), world.context))).toMatchObject({ code: 'token-refused', exit: 4 });
    expect(world.kept('tokens')).toEqual([]);
  });

  it('is checked again when renewed: an address that is no longer verified does not come through', async () => {
    const identity = issuer.identity({ tokenUse: 'id' });
    await signedInFor(30, identity);
    issuer.accounts['maria@acme.dev'] = { id: '00u1maria', email: 'maria@acme.dev', verified: false };
    expect(await refusalOf(currentActor([identity], world.context))).toMatchObject({ why: expect.stringContaining('not verified') });
    issuer.accounts['maria@acme.dev'] = { id: '00u1maria', email: 'maria@acme.dev', verified: true };
    expect(await currentActor([identity], world.context)).toEqual(maria());
  });

  it('is renewed in spite of a lock that a host of another name left behind, and nothing of that lock stays', async () => {
    const path = await foreignLock();
    const left = Date.now() / 1000 - 125;
    utimesSync(path, left, left);
    expect(await currentActor(one(), world.context)).toEqual(maria());
    expect(renewals()).toBe(1);
    expect(readdirSync(world.context.folder).filter((name) => name.includes('lock'))).toEqual([]);
  });

  it('says which lock keeps it from being renewed once it has ended', async () => {
    const path = await foreignLock();
    world.advance(60_000);
    let time = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (time += 5_000));
    const refusal = await refusalOf(currentActor(one(), world.context));
    clock.mockRestore();
    expect(refusal).toMatchObject({
      code: 'sign-in-busy',
      exit: 1,
      why: `process 4711 on marias-laptop has kept ${path} for 20 s`,
      next: `try again; where that is no oncall, delete ${path}`,
    });
    expect([renewals(), existsSync(path)]).toEqual([0, true]);
  });

  it('is not brought back by whoever waited to renew it while somebody signed out', async () => {
    await signedInFor(30);
    const held = await lockSignIn(issuer.identity(), world.context);
    const renewing = refusalOf(currentActor(one(), world.context));
    removeSignIn(issuer.identity(), world.context);
    await held?.release();
    expect(await renewing).toMatchObject({ code: 'not-signed-in', exit: 4 });
    expect(renewals()).toBe(0);
  });
});

describe('signing out', () => {
  it('takes the refresh token back at the issuer and leaves nothing here', async () => {
    await signedInFor(3600);
    const kept = readSignIn(issuer.identity(), world.context);
    expect(await logout(one(), world.context)).toMatchObject([{ issuer: 'revoked' }]);
    expect(world.kept('tokens')).toEqual([]);
    expect(await refusalOf(currentActor(one(), world.context))).toMatchObject({ code: 'not-signed-in' });
    if (kept === undefined) throw new Error('nothing was kept');
    writeSignIn({ ...kept, expiresAt: 0 }, world.context);
    expect(await refusalOf(currentActor(one(), world.context))).toMatchObject({ code: 'token-expired' });
  });

  it('leaves nothing here where the issuer is away or has no such endpoint', async () => {
    await signedInFor(3600);
    issuer.knobs.down = true;
    expect(await logout(one(), world.context)).toMatchObject([{ issuer: 'not-reached' }]);
    expect(world.kept('tokens')).toEqual([]);
    issuer.knobs.down = false;
    await signedInFor(3600);
    issuer.knobs.metadata = ({ revocation_endpoint: _, ...rest }) => rest;
    expect(await logout(one(), world.context)).toMatchObject([{ issuer: 'no-endpoint' }]);
    expect(world.kept('tokens')).toEqual([]);
  });

  it('removes what it refuses to read, and where nobody is signed in does nothing', async () => {
    await signedInFor(3600);
    const { folder } = world.context;
    chmodSync(join(folder, readdirSync(folder).find((name) => name.startsWith('tokens')) ?? ''), 0o644);
    expect(await logout(one(), world.context)).toMatchObject([{ issuer: 'not-reached' }]);
    expect(world.kept('tokens')).toEqual([]);
    expect(await logout(one(), world.context)).toEqual([]);
  });

  it('is not undone by a renewal under way', async () => {
    await signedInFor(30);
    issuer.knobs.tokenDelayMs = 100;
    const renewing = currentActor(one(), world.context);
    await expect.poll(renewals).toBe(1);
    await Promise.all([renewing, logout(one(), world.context)]);
    expect(world.kept('tokens')).toEqual([]);
  });
});
