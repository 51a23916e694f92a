/** Many due grants against directories that bear only so much, in virtual time: what is asked when, what is left to the next run, and that all of it ends. */

import { describe, expect, it } from 'vitest';
import { type Call, type Directory, inTurn } from '../../src/directories/directory.ts';
import { ProviderError } from '../../src/errors.ts';
import type { Deps } from '../../src/operations/deps.ts';
import type { SweepResult } from '../../src/operations/types.ts';
import { type MemoryDirectory, memoryDirectory } from '../fakes/memory-directory.ts';
import { virtualTime } from '../fakes/virtual-time.ts';
import { company, granted, hour, minute, role, rule, user, type World } from './world.ts';

const second = 1000;
const tooMany = (retryAfterMs?: number) =>
  new ProviderError('okta', 'rate-limited', 'okta has had too many calls', {
    applied: 'no',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });

type Provider = {
  readonly directory: Directory;
  /** When each request was sent. */
  readonly sent: number[];
  refused: number;
  mostAtOnce: number;
};

/** Every request takes `latencyMs`, a removal is two of them, and `refuse` may answer for it. The memory behind it takes no second turn. */
function provider(world: World, sleep: Deps['sleep'], memory: MemoryDirectory, refuse: (sent: readonly number[]) => unknown): Provider {
  let atOnce = 0;
  const request = (call: Call): Promise<void> =>
    inTurn(call, async () => {
      made.sent.push(world.now);
      made.mostAtOnce = Math.max(made.mostAtOnce, ++atOnce);
      const refusal = refuse(made.sent);
      await sleep(50);
      atOnce--;
      if (refusal === undefined) return;
      made.refused++;
      throw refusal;
    });
  const directory: Directory = {
    ...memory,
    read: async (pin, call) => request(call).then(() => memory.read(pin, {})),
    members: async (group, call) => request(call).then(() => memory.members(group, {})),
    findGroup: async (name, call) => request(call).then(() => memory.findGroup(name, {})),
    remove: async (pin, call) => {
      await request(call);
      return inTurn(call, async () => {
        call.beforeWrite?.();
        return request({}).then(() => memory.remove(pin, {}));
      });
    },
  };
  const made: Provider = { directory, sent: [], refused: 0, mostAtOnce: 0 };
  return made;
}

type Night = Provider & { readonly world: World; sweep(over?: Partial<Deps>): Promise<SweepResult> };

async function night(
  due: number,
  limits: { callsPerSecond?: number; deadlineMs?: number; refuse?: (sent: readonly number[]) => unknown } = {},
) {
  const world = await company({ roles: [role('db-admin', { allow: [rule({ kind: 'not', condition: user('nobody') })] })] });
  const names = Array.from({ length: due }, (_, index) => `u${index}`);
  for (const name of names) world.okta.addUser(`${name}@acme.dev`);
  for (const name of names) granted(await world.as(name).request({ role: 'db-admin', asked: { forMs: minute } }));
  world.now += minute;
  const { callsPerSecond, deadlineMs = hour } = limits;
  Object.assign(world.policy.sweep, { deadlineMs });
  if (callsPerSecond !== undefined) Object.assign(world.policy.directories.okta as object, { callsPerSecond });
  const time = virtualTime(world);
  const okta = provider(world, time.sleep, world.okta, limits.refuse ?? (() => undefined));
  const sweep = (over: Partial<Deps> = {}) =>
    time.run(world.as('cron', { directory: async () => okta.directory, sleep: time.sleep, ...over }).sweep({}));
  return Object.assign(okta, { world, sweep }) satisfies Night;
}

/** The most requests that were sent within any `ms`. */
const mostWithin = (sent: readonly number[], ms: number): number =>
  Math.max(...sent.map((from, index) => sent.slice(index).filter((at) => at < from + ms).length));

describe('a sweep under a limit', () => {
  it('sends no more than the limit in any second, keeps its share over the whole, wastes none of it, and ends everything', async () => {
    const { world, sent, sweep } = await night(300, { callsPerSecond: 20 });
    expect(await sweep()).toMatchObject({ ended: 300, failed: 0, remaining: 0 });
    expect(world.okta.in('db')).toEqual([]);
    expect(sent.length).toBeGreaterThanOrEqual(900);
    expect(mostWithin(sent, second)).toBeLessThanOrEqual(20);
    expect(mostWithin(sent, minute)).toBeLessThanOrEqual(60 * 16 + 3);
    const took = (sent.at(-1) ?? 0) - (sent[0] ?? 0);
    expect(took).toBeLessThanOrEqual((1.05 * sent.length * second) / 16);
  });

  it('has as much under way as the rate needs and one more, and without a rate 64', async () => {
    const limited = await night(100, { callsPerSecond: 100 });
    await limited.sweep();
    expect(limited.mostAtOnce).toBeLessThanOrEqual(Math.ceil(80 * 0.25) + 1);
    const free = await night(200);
    expect(await free.sweep()).toMatchObject({ ended: 200 });
    expect(free.mostAtOnce).toBe(64);
  });

  it('leaves what is not begun by its deadline to the next run, which is no failure', async () => {
    const { world, sweep } = await night(200, { callsPerSecond: 20, deadlineMs: 10 * second });
    const startedAt = world.now;
    const first = await sweep();
    expect(first.failed).toBe(0);
    expect(first.ended).toBeGreaterThan(40);
    expect(first.ended + first.remaining).toBe(200);
    expect(world.now - startedAt).toBeLessThan(15 * second);
    const rest = [await sweep(), await sweep(), await sweep(), await sweep()];
    expect(first.ended + rest.reduce((sum, { ended }) => sum + ended, 0)).toBe(200);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('counts what is overdue as failed, deadline or not', async () => {
    const { world, sweep } = await night(50, { callsPerSecond: 20, deadlineMs: second });
    world.now += 16 * minute;
    const run = await sweep();
    expect(run.remaining).toBeGreaterThan(0);
    expect(run.failed).toBe(run.remaining);
  });

  it('begins nothing more once it is stopped', async () => {
    const stop = new AbortController();
    const { sent, sweep } = await night(100, { callsPerSecond: 20, refuse: () => void (sent.length === 30 && stop.abort()) });
    await expect(sweep({ signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(sent.length).toBeLessThan(50);
  });
});

describe('a provider that refuses', () => {
  it('is not asked until the time it named is over; then everything ends all the same', async () => {
    let until = 0;
    const { world, sent, sweep } = await night(100, {
      callsPerSecond: 20,
      refuse: ({ length }) => {
        if (length === 50) until = world.now + 30 * second;
        return world.now < until ? tooMany(until - world.now) : undefined;
      },
    });
    const run = await sweep();
    // Told once each: what was refused and ended later in the run has ended.
    expect(run.ended + run.remaining).toBe(100);
    expect(new Set(run.steps.map(({ requestId }) => requestId)).size).toBe(run.steps.length);
    // What was under way when it refused had been sent already.
    const refusedAt = until - 30 * second + 50;
    expect(sent.filter((at) => at > refusedAt && at < until)).toEqual([]);
    expect(sent.filter((at) => at >= until).length).toBeGreaterThan(200);
    world.now += 5 * minute;
    await sweep();
    expect(world.okta.in('db')).toEqual([]);
  });

  it('is not waited for beyond the deadline: nothing is taken, and the next run goes on', async () => {
    let until = 0;
    const { world, sent, sweep } = await night(100, {
      callsPerSecond: 20,
      deadlineMs: 20 * second,
      refuse: ({ length }) => {
        if (length === 20) until = world.now + 10 * minute;
        return world.now < until ? tooMany(until - world.now) : undefined;
      },
    });
    const startedAt = world.now;
    const run = await sweep();
    expect(run.remaining).toBeGreaterThan(80);
    expect(world.now - startedAt).toBeLessThan(minute);
    expect(sent.length).toBeLessThan(30);
    const live = await world.ledger.read((q) => q.liveGrants());
    expect(live.filter((grant) => grant.attempts > 0).length).toBeLessThan(10);
    world.now = until;
    Object.assign(world.policy.sweep, { deadlineMs: hour });
    expect((await sweep()).ended).toBeGreaterThan(80);
    world.now += 5 * minute;
    await sweep();
    expect(world.okta.in('db')).toEqual([]);
  });

  it('is asked about as often as it bears where nobody said how often that is', async () => {
    const answered: number[] = [];
    const bears = 20;
    const { world, sent, sweep } = await night(300, {
      refuse: () => {
        if (answered.filter((at) => at > world.now - second).length >= bears) return tooMany();
        answered.push(world.now);
        return undefined;
      },
    });
    const run = await sweep();
    expect(run.failed).toBe(0);
    expect(run.ended).toBeGreaterThan(280);
    const took = (sent.at(-1) ?? 0) - (sent[0] ?? 0);
    expect(answered.length / (took / second)).toBeGreaterThan(bears * 0.7);
    // In the first instant nobody knows yet, and all that may be under way is refused.
    expect(sent.length - answered.length).toBeLessThan(64 + 0.05 * sent.length);
    world.now += 5 * minute;
    await sweep();
    expect(world.okta.in('db')).toEqual([]);
  });

  it('holds up no other directory', async () => {
    const { world, directory, sweep } = await night(20, { deadlineMs: 4 * minute, refuse: () => tooMany(hour) });
    const other = memoryDirectory('other', { users: ['maria@acme.dev'], groups: { web: [] } });
    Object.assign(world.policy.directories, { other: { name: 'other', kind: 'local', settings: {}, exclusive: [], userName: 'email' } });
    Object.assign(world.policy.roles, { web: role('web', { targets: [{ directory: 'other', group: 'web' }] }) });
    await world.ledger.write((q, now) => q.beat('other', now, true));
    const both = async (name: string) => (name === 'other' ? other : world.okta);
    granted(await world.as('maria', { directory: both }).request({ role: 'web', asked: { forMs: minute } }));
    expect(other.in('web')).toEqual(['maria@acme.dev']);
    world.now += minute;
    expect(await sweep({ directory: async (name) => (name === 'other' ? other : directory) })).toMatchObject({ ended: 1, remaining: 20 });
    expect(other.in('web')).toEqual([]);
  });
});

describe('grants of one holder in one group', () => {
  it('end with one removal, however many are due', async () => {
    const world = await company({ roles: [role('one'), role('two'), role('three')] });
    for (const name of ['one', 'two', 'three']) granted(await world.as('maria').request({ role: name, asked: { forMs: hour } }));
    expect(await world.sweepAfter(hour)).toMatchObject({ ended: 3, remaining: 0 });
    expect(world.okta.calls.filter(({ verb }) => verb === 'remove')).toHaveLength(1);
    expect(world.okta.in('db')).toEqual([]);
  });
});
