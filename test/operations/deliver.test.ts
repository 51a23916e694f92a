/** Telling the channels: in order, once where nothing fails, at least once where something does; and that nothing else ever fails, waits or asks for it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import { stuckAfter } from '../../src/lifecycle/limits.ts';
import type { EventBatch, Notice } from '../../src/lifecycle/notice.ts';
import { deliver } from '../../src/operations/deliver.ts';
import { channel, failing, type ToldWorld, tellingCompany } from './told-world.ts';
import { company, granted, hour, minute, role, rule, user } from './world.ts';

const asked = { byDefault: true } as const;
const kinds = (world: ToldWorld, name = 'slack') => world.notices(name).map(({ kind }) => kind);
const rowOf = async (world: ToldWorld, name = 'slack') =>
  (await world.ledger.read((q) => q.channels())).find((row) => row.channel === name);
const guarded = role('db-admin', {
  allow: [],
  ask: [rule(user('maria'))],
  approvers: [rule(user('boss'), { name: 'db-admin.approvers[0]' })],
});

describe('a channel', () => {
  it('is told of a life of access, each thing once and in order', async () => {
    const world = await tellingCompany([channel('slack')], { roles: [guarded] });
    const pending = granted(await world.as('maria').request({ role: 'db-admin', asked, reason: 'replica lag' }));
    await world.settle();
    expect(kinds(world)).toEqual(['waiting']);
    await world.as('boss').approve({ id: pending.request.id });
    await world.settle();
    for (let at = 0; at < 14; at++) await world.sweepAfter(5 * minute);
    expect(kinds(world)).toEqual(['waiting', 'granted', 'expiring', 'ended']);
    expect(world.notices('slack').map(({ title }) => title.replace(/ until .*/, ''))).toEqual([
      'maria@acme.dev asks for db-admin',
      'maria@acme.dev has db-admin',
      expect.stringContaining('db-admin of maria@acme.dev ends'),
      'maria@acme.dev no longer has db-admin: its time was up',
    ]);
  });

  it('is told of a role with two targets once, when both have ended', async () => {
    const targets = ['db', 'web'].map((group) => ({ directory: 'okta', group }));
    const world = await tellingCompany([channel('slack')], { roles: [role('db-admin', { targets })] });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked }));
    await world.as('maria').release({ id: request.id });
    await world.settle();
    expect(kinds(world).filter((kind) => kind === 'ended')).toEqual(['ended']);
  });

  it('is told who took it away, also where the directory answers only later', async () => {
    const world = await tellingCompany([channel('slack')]);
    granted(await world.as('maria').request({ role: 'db-admin', asked }));
    world.okta.fail('remove', new ProviderError('okta', 'unavailable', 'down', { applied: 'no' }), 'before', 1);
    await world.as('boss').revoke({ role: 'db-admin', reason: 'lost laptop' });
    await world.sweepAfter(5 * minute);
    expect(world.notices('slack').at(-1)).toMatchObject({
      title: 'maria@acme.dev no longer has db-admin: revoked by boss@acme.dev',
      lines: ['reason: lost laptop'],
    });
  });

  it('gets what it is about, of the roles that name it', async () => {
    const roles = [role('db-admin', { notify: ['slack', 'ends'] }), role('web', { notify: ['slack'] })];
    const world = await tellingCompany([channel('slack'), channel('ends', { about: ['ended'] }), channel('others')], { roles });
    for (const name of ['db-admin', 'web']) {
      const { request } = granted(await world.as('maria').request({ role: name, asked }));
      await world.as('maria').release({ id: request.id });
      await world.settle();
    }
    expect(kinds(world, 'slack')).toEqual(['granted', 'ended', 'granted', 'ended']);
    expect(world.notices('ends').map(({ kind, role: of }) => `${kind} ${of}`)).toEqual(['ended db-admin']);
    expect(kinds(world, 'others')).toEqual([]);
  });

  it('begins with what has just happened, not with the beginning', async () => {
    const world = await tellingCompany([channel('slack')], { swept: false });
    const before = world.as('maria', { policy: world.policy });
    await world.as('cron', { policy: world.policy }).sweep({});
    granted(await before.request({ role: 'db-admin', asked }));
    world.now += 2 * minute;
    await before.release({ id: 'db-admin' });
    await world.sweepAfter(1000);
    expect(kinds(world)).toEqual(['ended']);
  });

  it('goes on where it was after much that is nothing to it', async () => {
    const world = await tellingCompany([channel('slack')]);
    await world.ledger.write(async (q) => {
      for (let at = 0; at < 450; at++) await q.record({ type: 'membership.add', actor: 'oncall' });
    });
    granted(await world.as('maria').request({ role: 'db-admin', asked }));
    await world.settle();
    expect(kinds(world)).toEqual(['granted']);
  });

  it('is told of an event that somebody changed nothing, and of those after it everything', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'oncall-changed-'));
    try {
      const path = join(folder, 'oncall.db');
      const world = await tellingCompany([channel('slack'), channel('trail', { events: 'all' })], { swept: false, database: path });
      for (let at = 0; at < 3; at++)
        await world.ledger.write((q) => q.record({ type: 'ledger.behind', actor: 'sweep', data: { because: `${at}` } }));
      const past = await openSqlite(path);
      await past.write(({ script }) => script("DROP TRIGGER events_no_update; UPDATE events SET body = '{' WHERE seq = 2"));
      await past.close();
      await world.sweepAfter(0);
      expect(world.notices('slack').map(({ lines }) => lines[0])).toEqual(['why: 0', 'why: 2']);
      // Of the trail it is a part, as it is: whoever checks it sees that.
      const [first] = (world.channels.trail?.told ?? []) as EventBatch[];
      expect(first?.events.slice(0, 3).map(({ seq, body }) => [seq, body === '{'])).toEqual([
        [1, false],
        [2, true],
        [3, false],
      ]);
      await world.ledger.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('where there is no channel', () => {
  it('nothing is put into the background, and the ledger is asked no more than without the feature', async () => {
    const world = await company();
    const begun: unknown[] = [];
    const reads: string[] = [];
    const noted = (key: string | symbol): boolean => reads.push(String(key)) > 0;
    const watched = {
      ...world.ledger,
      read: ((work) =>
        world.ledger.read((q, now) =>
          work(new Proxy(q, { get: (of, key) => noted(key) && Reflect.get(of, key) }), now),
        )) as typeof world.ledger.read,
    };
    const as = world.as('maria', { background: (work) => void begun.push(work), ledger: async () => watched });
    granted(await as.request({ role: 'db-admin', asked }));
    await world.as('cron', { background: (work) => void begun.push(work), ledger: async () => watched }).sweep({});
    expect(begun).toEqual([]);
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.filter((key) => /channel|eventsAfter|endingBetween/.test(key))).toEqual([]);
  });
});

describe('a channel that fails', () => {
  it('keeps nobody out, fails no sweep, and is told later, in order', async () => {
    const world = await tellingCompany([channel('slack'), channel('well')]);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    slack.fault = failing('unavailable');
    const { result, request } = granted(await world.as('maria').request({ role: 'db-admin', asked }));
    await world.settle();
    expect(result).toBe('granted');
    expect((await world.sweepAfter(5 * minute)).failed).toBe(0);
    await world.as('maria').release({ id: request.id });
    await world.settle();
    expect(kinds(world)).toEqual([]);
    expect(kinds(world, 'well')).toEqual(['granted', 'ended']);
    slack.fault = undefined;
    await world.sweepAfter(20 * minute);
    // That maria had it is still told, as it was in time when it failed; it says no less than that.
    expect(kinds(world)).toEqual(['granted', 'ended']);
    expect(await rowOf(world)).toMatchObject({ attempts: 0, failingSince: null, lastError: null });
  });

  it('is left alone for longer and longer, but never for more than a quarter of an hour', async () => {
    const world = await tellingCompany([channel('slack')]);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    slack.fault = failing('unavailable');
    granted(await world.as('maria').request({ role: 'db-admin', asked }));
    await world.settle();
    const waits: number[] = [];
    for (let tried = 1; tried < 12; tried++) {
      const row = await rowOf(world);
      expect(row?.attempts).toBe(tried);
      waits.push((row?.nextAttemptAt ?? 0) - world.now);
      const before = slack.asked;
      await world.sweepAfter(0);
      expect(slack.asked).toBe(before);
      await world.sweepAfter(waits.at(-1) ?? 0);
    }
    expect(waits[0]).toBeLessThanOrEqual(15_000);
    expect(Math.max(...waits)).toBe(15 * minute);
  });

  it('is heeded where it says how long it wants to be left alone', async () => {
    const world = await tellingCompany([channel('slack')]);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    slack.fault = failing('rate-limited', { retryAfterMs: 8 * minute });
    granted(await world.as('maria').request({ role: 'db-admin', asked }));
    await world.settle();
    expect((await rowOf(world))?.nextAttemptAt).toBe(world.now + 8 * minute);
  });

  it('is waited for on the spot by a sweep that has only to wait for seconds, not by a person', async () => {
    for (const [who, told] of [
      ['sweep', ['granted']],
      ['maria', []],
    ] as const) {
      const world = await tellingCompany([channel('slack')]);
      const { slack } = world.channels;
      if (slack === undefined) throw new Error('no slack');
      let once = true;
      slack.fault = () => {
        if (once) {
          once = false;
          failing('rate-limited', { retryAfterMs: 2_000 })();
        }
      };
      const quiet = who === 'sweep' ? { background: () => undefined } : {};
      granted(await world.as('maria', quiet).request({ role: 'db-admin', asked }));
      await world.settle();
      if (who === 'sweep') await world.sweepAfter(0);
      expect(kinds(world)).toEqual(told);
    }
  });

  it('is told of by the sweep that cannot tell it, by status after an hour, and by doctor', async () => {
    const world = await tellingCompany([channel('slack')]);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    slack.fault = failing('not-found', { next: 'make a new webhook' });
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 5 * hour } }));
    await world.settle();
    expect(world.lines.filter((line) => line.includes('was not told'))).toEqual([]);
    await world.sweepAfter(5 * minute);
    expect(world.lines).toContain('slack was not told, and will be: slack was not told: not-found');
    const faults = async () => (await world.as('maria').status({})).faults.filter(({ code }) => code === 'not-told');
    expect(await faults()).toEqual([]);
    const { checks } = await world.as('boss').doctor();
    expect(checks.filter(({ area }) => area === 'notices')).toEqual([
      { area: 'notices', what: 'slack', outcome: 'ok', because: 'goes to memory: every notice' },
      {
        area: 'notices',
        what: 'slack',
        outcome: 'fault',
        because: 'it has not been told anything for 5 min: slack was not told: not-found',
        next: 'make a new webhook',
      },
    ]);
    await world.sweepAfter(hour);
    expect(await faults()).toEqual([
      { code: 'not-told', message: 'nobody is told by slack, for 1 h 5 min: slack was not told: not-found', next: 'make a new webhook' },
    ]);
  });

  it('is not called failing for a secret that is not for whoever ran a command', async () => {
    const world = await tellingCompany([channel('slack')]);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    slack.fault = failing('credentials', { applied: 'no' });
    granted(await world.as('maria').request({ role: 'db-admin', asked }));
    await world.settle();
    expect(await rowOf(world)).toMatchObject({ attempts: 0, failingSince: null, busyUntil: 0 });
    await world.sweepAfter(0);
    expect(await rowOf(world)).toMatchObject({ attempts: 1 });
  });

  it('is not told what is a day old, but how much that was', async () => {
    const world = await tellingCompany([channel('slack'), channel('trail', { events: 'all' })]);
    const { slack, trail } = world.channels;
    if (slack === undefined || trail === undefined) throw new Error('no channels');
    slack.fault = failing('unavailable');
    trail.fault = failing('unavailable');
    for (let at = 0; at < 3; at++) {
      granted(await world.as('maria').request({ role: 'db-admin', asked }));
      await world.as('maria').release({ id: 'db-admin' });
      await world.settle();
    }
    await world.sweepAfter(25 * hour);
    granted(await world.as('maria').request({ role: 'db-admin', asked }));
    slack.fault = undefined;
    trail.fault = undefined;
    await world.sweepAfter(20 * minute);
    expect(world.notices('slack').map(({ title }) => title.replace(/ until .*/, ''))).toEqual([
      // That somebody had it is no news any more once it is over.
      '3 notices before this one were not delivered here',
      'maria@acme.dev has db-admin',
    ]);
    await world.sweepAfter(0);
    expect(world.notices('slack').length).toBe(2);
    // The trail has no gap.
    const numbers = (trail.told as EventBatch[]).flatMap(({ events }) => events.map(({ seq }) => seq));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => (numbers[0] ?? 0) + index));
    expect(numbers.at(-1)).toBe((await world.ledger.read((q) => q.head())).seq);
  });

  it('does not keep back everything for one notice that it will never take, and says so', async () => {
    const world = await tellingCompany([channel('slack')]);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    slack.fault = (what) => {
      if ((what as Notice).kind === 'granted') failing('refused')();
    };
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 5 * hour } }));
    await world.as('maria').release({ id: 'db-admin' });
    await world.settle();
    for (let tried = 0; tried < stuckAfter; tried++) await world.sweepAfter(15 * minute);
    expect(kinds(world)).toEqual(['missed', 'ended']);
    expect(world.notices('slack')[0]?.title).toBe('a notice before this one was not delivered here');
  });

  it('has its trail tried for ever, whatever it answers', async () => {
    const world = await tellingCompany([channel('trail', { events: 'all' })]);
    const { trail } = world.channels;
    if (trail === undefined) throw new Error('no trail');
    const before = (await rowOf(world, 'trail'))?.seq;
    trail.fault = failing('refused');
    granted(await world.as('maria').request({ role: 'db-admin', asked }));
    for (let tried = 0; tried < 3 * stuckAfter; tried++) await world.sweepAfter(15 * minute);
    expect(await rowOf(world, 'trail')).toMatchObject({ seq: before, missed: 0 });
  });
});

describe('telling', () => {
  it('ends at once where it is told to, leaves the rest to the next sweep, and the channel alone until then', async () => {
    const stop = new AbortController();
    const world = await tellingCompany([channel('slack')], {}, stop.signal);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    // A receiver that never answers, and a command whose time for it is over.
    slack.fault = () => void stop.abort();
    granted(await world.as('maria').request({ role: 'db-admin', asked }));
    await world.settle();
    const row = await rowOf(world);
    expect(row).toMatchObject({ busyUntil: 0, attempts: 0, failingSince: null });
    expect(row?.nextAttemptAt).toBe(world.now + minute);
    slack.fault = undefined;
    world.now += 5 * minute;
    const patient = { ...world.deps('cron', world.over()), patient: true };
    await deliver(patient);
    expect(kinds(world)).toEqual(['granted']);
  });

  it('sends again what a process had sent when it was killed, under the same id, and only once its claim has lapsed', async () => {
    const world = await tellingCompany([channel('slack')]);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    granted(await world.as('maria', { background: () => undefined }).request({ role: 'db-admin', asked }));
    const killed = new Error('killed');
    const ledger = await world.deps('maria').ledger();
    // Sent, and then nothing is written any more.
    const dying = {
      ...ledger,
      write: ((work) => (slack.told.length > 0 ? Promise.reject(killed) : ledger.write(work))) as typeof ledger.write,
    };
    await deliver({ ...world.deps('maria', world.over({ ledger: async () => dying })), patient: false });
    expect(kinds(world)).toEqual(['granted']);
    await world.sweepAfter(minute);
    expect(kinds(world)).toEqual(['granted']);
    await world.sweepAfter(minute);
    expect(kinds(world)).toEqual(['granted', 'granted']);
    expect(new Set(world.notices('slack').map(({ id }) => id)).size).toBe(1);
    await world.sweepAfter(5 * minute);
    expect(world.notices('slack').length).toBe(2);
  });

  it('leaves the rest to whoever took the channel over while this process was suspended', async () => {
    const world = await tellingCompany([channel('slack')]);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    const quiet = { background: () => undefined };
    granted(await world.as('maria', quiet).request({ role: 'db-admin', asked }));
    await world.as('maria', quiet).release({ id: 'db-admin' });
    const patient = () => ({ ...world.deps('cron', world.over()), patient: true });
    let suspended = true;
    slack.fault = async () => {
      if (!suspended) return;
      suspended = false;
      world.now += 3 * minute;
      await deliver(patient());
    };
    await deliver(patient());
    // The one that was under way came twice; nothing else did.
    expect(kinds(world)).toEqual(['granted', 'ended', 'granted']);
    await world.sweepAfter(5 * minute);
    expect(world.notices('slack').length).toBe(3);
  });

  it('sends nothing more after it was suspended between two notices, as somebody else has them by then', async () => {
    const world = await tellingCompany([channel('slack')]);
    const quiet = { background: () => undefined };
    granted(await world.as('maria', quiet).request({ role: 'db-admin', asked }));
    await world.as('maria', quiet).release({ id: 'db-admin' });
    const ledger = await world.deps('maria').ledger();
    const other = () => deliver({ ...world.deps('cron', world.over()), patient: true });
    let writes = 0;
    const suspending = {
      ...ledger,
      write: (async (work) => {
        const result = await ledger.write(work);
        writes += 1;
        // The claim, the first notice: and then it stands still until its claim has lapsed.
        if (writes === 2) {
          world.now += 3 * minute;
          await other();
        }
        return result;
      }) as typeof ledger.write,
    };
    await deliver({ ...world.deps('maria', world.over({ ledger: async () => suspending })), patient: true });
    expect(kinds(world)).toEqual(['granted', 'ended']);
  });

  it('never rejects, whatever a channel throws, and tells the others', async () => {
    const world = await tellingCompany([channel('slack'), channel('well')]);
    const { slack } = world.channels;
    if (slack === undefined) throw new Error('no slack');
    slack.fault = () => {
      throw new TypeError('a bug');
    };
    granted(await world.as('maria').request({ role: 'db-admin', asked }));
    await expect(world.settle()).resolves.toBeUndefined();
    expect(kinds(world, 'well')).toEqual(['granted']);
    expect((await rowOf(world))?.lastError).toBe('a fault in oncall itself: a bug');
    const noLedger = { ...world.deps('maria', world.over({ ledger: async () => Promise.reject(new Error('gone')) })), patient: true };
    await expect(deliver(noLedger)).resolves.toBeUndefined();
    expect(new ProviderError('x', 'refused', 'y').applied).toBe('unknown');
  });
});
