/** Parts of the broker by themselves: buckets that fill again, keys in memory, refusals that are counted. */

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { buckets } from '../../src/broker/buckets.ts';
import type { RefusedCall } from '../../src/broker/host.ts';
import { keyRing } from '../../src/broker/keys.ts';
import { refusals } from '../../src/broker/refusals.ts';
import { errorReply, resultReply } from '../../src/broker/reply.ts';
import { defaultLimits } from '../../src/broker/settings.ts';
import { OncallError, ProviderError } from '../../src/errors.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { type Forge, newForge } from '../sign-in/forged.ts';
import { newWorld } from '../sign-in/world.ts';

describe('a bucket', () => {
  it('holds a burst, fills again with time, and says how long to wait', () => {
    let now = 0;
    const { take } = buckets({ perMinute: 60, burst: 3 }, () => now);
    expect([take('a'), take('a'), take('a')]).toEqual([0, 0, 0]);
    expect(take('a')).toBe(1000);
    expect(take('b')).toBe(0);
    now += 1000;
    expect([take('a'), take('a')]).toEqual([0, 1000]);
    now += 3_600_000;
    expect([take('a'), take('a'), take('a'), take('a')]).toEqual([0, 0, 0, 1000]);
  });

  it('of whoever waits is not what makes room, however many others come', () => {
    let now = 0;
    const { take } = buckets({ perMinute: 60, burst: 1 }, () => now, 100);
    expect(take('a')).toBe(0);
    for (let i = 0; i < 10_000; i++) {
      now += 0.01;
      take(`other ${i}`);
      expect(take('a')).toBeGreaterThan(0);
    }
  });
});

describe('the keys in memory', () => {
  let issuer: Issuer;
  let forge: Forge;
  beforeAll(async () => {
    issuer = await startIssuer();
    forge = await newForge(issuer);
  });
  afterAll(() => issuer.stop());
  const asked = () => issuer.seen.filter((one) => one === 'GET /v1/keys').length;

  it('are the same object call after call, without a file or a question', async () => {
    const world = newWorld();
    const ring = keyRing(world.context);
    const before = asked();
    const [first, second] = await Promise.all([ring(forge.access(), issuer.identity()), ring(forge.access(), issuer.identity())]);
    world.remove();
    expect(await ring(forge.access(), issuer.identity())).toBe(first);
    expect(second).toBe(first);
    expect(asked() - before).toBe(1);
  });

  it('are looked for anew where a token names one that is not among them, but not for each such token', async () => {
    let now = 0;
    const world = newWorld();
    const ring = keyRing(world.context, () => now);
    const first = await ring(forge.access(), issuer.identity());
    const { jwks } = issuer.knobs;
    issuer.knobs.jwks = (keys) => keys.map((key) => ({ ...key, kid: 'key-2' }));
    world.advance(61_000);
    const token = forge.access({}, { kid: 'key-2' });
    expect(await ring(token, issuer.identity())).toBe(first);
    now += 1_001;
    expect((await ring(token, issuer.identity())).keys.map(({ kid }) => kid)).toEqual(['key-2']);
    issuer.knobs.jwks = jwks;
    const before = asked();
    for (let i = 0; i < 100; i++) await ring(forge.access({}, { kid: `key-${i}` }), issuer.identity());
    expect(asked()).toBe(before);
    world.remove();
  });

  it('that cannot be had are not asked for again at once', async () => {
    let now = 0;
    const world = newWorld();
    const ring = keyRing(world.context, () => now);
    issuer.knobs.down = true;
    await expect(ring(forge.access(), issuer.identity())).rejects.toMatchObject({ code: 'issuer-unavailable' });
    const before = issuer.seen.length;
    for (let i = 0; i < 20; i++)
      await expect(ring(forge.access(), issuer.identity())).rejects.toMatchObject({ code: 'issuer-unavailable' });
    expect(issuer.seen.length).toBe(before);
    issuer.knobs.down = false;
    now += 1_001;
    expect((await ring(forge.access(), issuer.identity())).keys).toHaveLength(1);
    world.remove();
  });
});

describe('the keys in memory, while the issuer is silent', () => {
  it('are waited for by those alone whose own key is not known', { timeout: 60_000 }, async () => {
    const issuer = await startIssuer();
    const forge = await newForge(issuer);
    let now = 0;
    const world = newWorld();
    const ring = keyRing(world.context, () => now);
    const first = await ring(forge.access(), issuer.identity());
    issuer.knobs.silent = true;
    for (const laterMs of [61_000, 700_000]) {
      now += laterMs;
      world.advance(61_000);
      let hasAnswer = false;
      const strange = ring(forge.access({}, { kid: `key-${laterMs}` }), issuer.identity()).finally(() => {
        hasAnswer = true;
      });
      expect(await ring(forge.access(), issuer.identity())).toBe(first);
      expect([laterMs, hasAnswer]).toEqual([laterMs, false]);
      await strange;
    }
    await issuer.stop();
    world.remove();
  });

  it('are no longer taken on trust where nobody has looked for long', async () => {
    const issuer = await startIssuer();
    const forge = await newForge(issuer);
    let now = 0;
    const world = newWorld();
    const ring = keyRing(world.context, () => now);
    await ring(forge.access(), issuer.identity());
    issuer.knobs.jwks = (keys) => keys.map((key) => ({ ...key, kid: 'key-2' }));
    now += 700_000;
    world.advance(3_700_000);
    expect((await ring(forge.access(), issuer.identity())).keys.map(({ kid }) => kid)).toEqual(['key-2']);
    await issuer.stop();
    world.remove();
  });
});

describe('refusals', () => {
  afterEach(() => vi.useRealTimers());
  const call: RefusedCall = { operation: 'request', code: 'token-refused', why: 'x', address: '192.0.2.7' };
  const few = { recordedPerMinute: 3, recordedPerMinuteOfNobody: 3 };
  const person = (name: string) => ({ issuer: 'i', subject: name, email: `${name}@acme.dev` });

  it('of nobody do not use up those of people, and the minute ends with a count', async () => {
    vi.useFakeTimers();
    const written: RefusedCall[] = [];
    const { note } = refusals({ refused: async (one) => void written.push(one), log: () => undefined }, few);
    for (let i = 0; i < 100; i++) await note(call);
    await note({ ...call, actor: person('maria') });
    expect(written).toHaveLength(4);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(written.at(-1)).toEqual({ ...call, count: 97 });
    await note(call);
    expect(written).toHaveLength(6);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(written).toHaveLength(6);
  });

  it('of nobody are recorded one by one less often than those of a person', async () => {
    vi.useFakeTimers();
    const written: RefusedCall[] = [];
    const { note } = refusals({ refused: async (one) => void written.push(one), log: () => undefined }, defaultLimits);
    for (let i = 0; i < 100; i++) await note(call);
    expect(written).toHaveLength(10);
    for (let i = 0; i < 100; i++) await note({ ...call, actor: person('maria') });
    expect(written).toHaveLength(70);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(written.slice(70).map(({ count }) => count)).toEqual([90, 40]);
  });

  it('hold up no answer where the ledger does not write them, and are logged where it cannot', async () => {
    vi.useFakeTimers();
    const logged: string[] = [];
    const hanging = refusals({ refused: () => new Promise(() => undefined), log: () => undefined }, few);
    const noted = hanging.note(call);
    await vi.advanceTimersByTimeAsync(3_000);
    await noted;
    const failing = refusals({ refused: async () => Promise.reject(new Error('disk full')), log: (line) => void logged.push(line) }, few);
    await failing.note(call);
    expect(logged).toEqual(['a refused call is not in the audit: token-refused of request: disk full']);
  });
});

describe('a reply', () => {
  it('has the status that the exit of an error means', () => {
    const exits = { 1: 503, 2: 400, 3: 403, 4: 401, 8: 409, 130: 503 } as const;
    for (const [exit, status] of Object.entries(exits)) {
      expect(errorReply(new OncallError('x', 'y', { exit: Number(exit) as keyof typeof exits }))?.status).toBe(status);
    }
    const limited = errorReply(new ProviderError('okta', 'rate-limited', 'too many', { retryAfterMs: 4_200 }));
    expect(limited).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(errorReply(new TypeError('x'))).toBeUndefined();
  });

  it('has no cause in it, and takes what merely has an exit for no refusal', () => {
    const secret = new OncallError('x', 'y', { cause: new Error('CANARY') });
    expect(JSON.stringify(errorReply(secret))).not.toContain('CANARY');
    expect(resultReply({ role: 'db-admin', exit: 3 })).toMatchObject({ status: 200 });
    expect(resultReply(undefined)).toEqual({ status: 200, body: '{"schema":1}' });
  });
});
