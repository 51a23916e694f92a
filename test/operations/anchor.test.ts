/** The head outside the ledger: kept once it is committed, before anybody is let in, and never moved off its chain but by a recovery. */

import { describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import { OncallError } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Head } from '../../src/lifecycle/events.ts';
import { memoryAnchor } from '../fakes/anchor.ts';
import { putBack } from './lost.ts';
import { company, granted, hour, minute, role, rule, user } from './world.ts';

const ask = { role: 'db-admin', asked: { forMs: hour } } as const;

describe('the head that is kept', () => {
  it('is nothing while nothing has happened', async () => {
    const world = await company();
    expect(await world.ledger.read((q) => q.head())).toMatchObject({ ledger: 'test', seq: 0 });
    expect(world.anchor.kept).toBeUndefined();
  });

  it.each(['request', 'release', 'revoke', 'sweep', 'deny', 'approve'] as const)('is that of the ledger after %s', async (verb) => {
    const asked = role('asked', { allow: [], ask: [rule(user('sam'))], approvers: [rule(user('ana'))] });
    const world = await company({ roles: [role('db-admin'), asked] });
    granted(await world.as('maria').request(ask));
    const { request } = granted(await world.as('sam').request({ ...ask, role: 'asked', reason: 'page 4711' }));
    const before = world.anchor.kept?.seq ?? 0;
    if (verb === 'request') await world.as('ana').request(ask);
    if (verb === 'release') await world.as('maria').release({ id: 'db-admin' });
    if (verb === 'revoke') await world.as('boss').revoke({ all: true });
    if (verb === 'sweep') await world.sweepAfter(2 * hour);
    if (verb === 'deny') await world.as('ana').deny({ id: request.id });
    if (verb === 'approve') await world.as('ana').approve({ id: request.id });
    const head = await world.ledger.read((q) => q.head());
    expect(head.seq).toBeGreaterThan(before);
    expect(world.anchor.kept).toMatchObject(head);
  });

  it('is kept before anybody is let in, and never before it is committed', async () => {
    const world = await company();
    const committed: number[] = [];
    let keptAtAdd: Head | undefined;
    const anchor = {
      ...world.anchor,
      keep: async (head: Head) => {
        committed.push((await world.ledger.read((q) => q.head())).seq - head.seq);
        await world.anchor.keep(head);
      },
    };
    const directory = async (): Promise<Directory> => ({
      ...world.okta,
      add: (...call) => {
        keptAtAdd = world.anchor.kept;
        return world.okta.add(...call);
      },
    });
    granted(await world.as('maria', { anchor, directory }).request(ask));
    const events = await world.ledger.read((q) => q.lastEvents(undefined));
    expect(events[(keptAtAdd?.seq ?? 0) - 1]).toMatchObject({ type: 'membership.add', holder: 'maria@acme.dev' });
    expect(committed.every((behind) => behind >= 0)).toBe(true);
  });

  it('is written only where it has changed', async () => {
    const world = await company();
    granted(await world.as('maria').request(ask));
    let writes = 0;
    const anchor = { ...world.anchor, keep: async () => void writes++ };
    await world.as('cron', { anchor }).sweep({});
    expect(writes).toBe(0);
  });

  it('does not go back where another run was faster', async () => {
    const world = await company();
    granted(await world.as('maria').request(ask));
    const early = world.anchor.kept as Head;
    granted(await world.as('sam').request(ask));
    const late = world.anchor.kept as Head;
    const anchor = memoryAnchor(late);
    const ledger = { ...world.ledger, read: world.ledger.read };
    const q = { head: async () => ({ ledger: early.ledger, seq: early.seq, hash: early.hash }), eventHash: async () => late.hash };
    await world
      .as('ana', {
        anchor,
        ledger: async () => ({ ...ledger, read: (work) => world.ledger.read((real, now) => work({ ...real, ...q }, now)) }),
      })
      .deny({ id: 'none' })
      .catch(() => undefined);
    expect(anchor.kept).toBe(late);
  });

  it('stays where it was when the ledger has lost what it knew', async () => {
    const world = await putBack(
      {},
      (w) => w.as('maria').request(ask),
      (w) => w.as('sam').request(ask),
    );
    const before = world.anchor.kept;
    // Further than what was lost, by number.
    for (let round = 0; round < 12; round++) await world.on('boss').request(ask);
    await world.sweepOn(hour);
    await world.on('boss').revoke({ all: true });
    expect((await world.older.read((q) => q.head())).seq).toBeGreaterThan(before?.seq ?? 0);
    expect(world.anchor.kept).toBe(before);
  });

  it('tells the sweep nothing new where the ledger only went on', async () => {
    const world = await company();
    granted(await world.as('maria').request(ask));
    const anchor = memoryAnchor(world.anchor.kept);
    granted(await world.as('sam').request(ask));
    expect(await world.as('cron', { anchor }).sweep({})).toMatchObject({ failed: 0 });
    expect(anchor.kept).toMatchObject(await world.ledger.read((q) => q.head()));
  });
});

describe('a ledger that has lost what it knew', () => {
  const lost = () =>
    putBack(
      { roles: [role('db-admin'), role('asked', { allow: [], ask: [rule(user('sam'))], approvers: [rule(user('ana'))] })] },
      async (w) => {
        await w.as('maria').request(ask);
        await w.as('sam').request({ ...ask, role: 'asked', reason: 'page 4711' });
      },
      (w) => w.as('ana').request(ask),
    );

  it('lets nobody in on the other hosts either, once a sweep has met the loss, until it is recovered', async () => {
    const world = await lost();
    const elsewhere = { anchor: memoryAnchor() };
    await world.on('cron', elsewhere).sweep({});
    expect(elsewhere.anchor.kept, 'a host that has seen nothing of what was lost').toBeDefined();
    expect(await world.sweepOn(minute)).toMatchObject({ failed: 1 });
    await expect(world.on('sam', elsewhere).request(ask)).rejects.toMatchObject({ code: 'ledger-behind' });
    expect((await world.on('sam', elsewhere).status({})).faults.map(({ code }) => code)).toContain('ledger-behind');
    await world.sweepOn(minute);
    const told = (await world.older.read((q) => q.lastEvents(undefined))).filter(({ type }) => type === 'ledger.behind');
    expect(told).toMatchObject([{ actor: 'sweep', data: { kept: { hash: world.anchor.kept?.hash } } }]);

    const { uncovered } = await world.on('boss', elsewhere).recover({});
    const end = uncovered.map(({ id }) => id);
    await world.on('boss', elsewhere).recover({ decided: { end, keep: [] } });
    expect(await world.sweepOn(minute)).toMatchObject({ failed: 0 });
    granted(await world.on('ana', elsewhere).request(ask));
    granted(await world.on('ana').request({ ...ask, asked: { forMs: 2 * hour } }));
    expect(await world.older.read(async (q) => q.lost)).toBeUndefined();
  });

  it('lets nobody in: not by a rule, not by an approver, not for longer, not despite a late sweep', async () => {
    const world = await lost();
    const behind = { code: 'ledger-behind', next: expect.stringContaining('oncall ledger recover') };
    const [pending] = (await world.on('ana').waiting()).requests;
    await expect(world.on('sam').request(ask)).rejects.toMatchObject(behind);
    await expect(world.on('ana').approve({ id: pending?.id ?? '' })).rejects.toMatchObject(behind);
    await expect(world.on('maria').request({ ...ask, asked: { forMs: 5 * hour } })).rejects.toMatchObject(behind);
    await expect(world.on('boss').request({ ...ask, despiteLateSweep: true, reason: 'page 4711' })).resolves.toMatchObject({
      result: 'denied',
    });
    const boss = { ...world.policy, roles: { 'db-admin': role('db-admin', { allow: [rule(user('boss'))] }) } };
    await expect(world.on('boss', { policy: boss }).request({ ...ask, despiteLateSweep: true, reason: 'page' })).rejects.toMatchObject(
      behind,
    );
    expect(world.okta.in('db')).toEqual(['ana@acme.dev', 'maria@acme.dev']);
  });

  it('is told by explain and by status, and what is held stays held', async () => {
    const world = await lost();
    expect(await world.on('sam').explain(ask)).toMatchObject({ exit: 1, refusal: { code: 'ledger-behind' } });
    expect((await world.on('boss').status({})).faults).toMatchObject([{ code: 'ledger-behind' }]);
    expect(await world.on('maria').request(ask)).toMatchObject({ result: 'held' });
  });

  it('ends what it still knows, fails the sweep, and leaves no heartbeat by which those who keep no head would be let in', async () => {
    const world = await lost();
    expect(await world.sweepOn(2 * hour)).toMatchObject({ ended: 1, failed: 1 });
    expect(world.okta.in('db')).toEqual(['ana@acme.dev']);
    expect((await world.on('boss').status({})).sweep).toMatchObject({ late: true });
    const noHead = { read: async () => undefined, keep: async () => undefined };
    await expect(world.on('sam', { anchor: noHead }).request(ask)).rejects.toMatchObject({ code: 'ledger-behind' });
  });

  it('makes no error of what was done, where the ledger cannot be asked for its head afterwards', async () => {
    const world = await company({ roles: [role('asked', { allow: [], ask: [rule(user('sam'))], approvers: [rule(user('ana'))] })] });
    const { request } = granted(await world.as('sam').request({ ...ask, role: 'asked', reason: 'page 4711' }));
    const said: string[] = [];
    let busy = false;
    const ledger: Ledger = {
      ...world.ledger,
      write: async (work) => {
        const result = await world.ledger.write(work);
        busy = true;
        return result;
      },
      read: (work) => (busy ? Promise.reject(new OncallError('ledger-busy', 'the ledger is busy')) : world.ledger.read(work)),
    };
    const ana = world.as('ana', { ledger: async () => ledger, log: (line) => void said.push(line) });
    expect(await ana.deny({ id: request.id })).toMatchObject({ request: { state: 'denied' } });
    expect(said).toEqual(['the head of the ledger was not kept: the ledger is busy']);
  });

  it('lets nobody in where a head is kept that cannot be moved on', async () => {
    const world = await company();
    await world.as('sam').request(ask);
    const stuck = { read: async () => kept, keep: async () => undefined };
    const { seq, hash } = await world.ledger.read((q) => q.head());
    const kept = { ledger: world.ledger.id, seq, hash, at: world.now };
    expect(await world.as('maria', { anchor: stuck }).request(ask)).toMatchObject({
      result: 'failed',
      missing: [{ message: expect.stringContaining('could not be kept') }],
    });
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    expect((await world.as('cron', { anchor: stuck }).sweep({})).steps).toMatchObject([{ action: 'ledger', outcome: 'failed' }]);
  });

  it('lets in beside a process that keeps an older head, read a moment later', async () => {
    const world = await company();
    await world.as('sam').request(ask);
    const { seq, hash } = await world.ledger.read((q) => q.head());
    let kept: Head = { ledger: world.ledger.id, seq, hash, at: world.now };
    let isBeaten = false;
    const beaten = {
      read: async () => kept,
      keep: async (head: Head) => {
        kept = isBeaten ? head : { ...kept, at: head.at + 1 };
        isBeaten = true;
      },
    };
    expect(granted(await world.as('maria', { anchor: beaten }).request(ask)).result).toBe('granted');
    expect(isBeaten).toBe(true);
  });

  it('allows nothing either where what is kept cannot be read', async () => {
    const world = await company();
    const fault = new OncallError('anchor-unusable', 'the head of the ledger cannot be used', { why: 'it is a link' });
    const anchor = { read: () => Promise.reject(fault), keep: () => Promise.reject(new Error('not expected')) };
    await expect(world.as('maria', { anchor }).request(ask)).rejects.toBe(fault);
    expect(await world.as('cron', { anchor }).sweep({})).toMatchObject({
      failed: 1,
      steps: [{ action: 'ledger', because: expect.stringContaining('it is a link') }],
    });
    expect((await world.as('boss', { anchor }).status({})).faults).toMatchObject([{ code: 'ledger-behind' }]);
  });

  it('is not what a run sees that only reads while another one records', async () => {
    const world = await company();
    granted(await world.as('maria').request(ask));
    const ledger = {
      ...world.ledger,
      // The reading has begun; before it asks what is kept, another process keeps a later head.
      read: ((work) =>
        world.ledger.read(async (q, now) => {
          const seq = (await q.head()).seq;
          world.anchor.kept = { ledger: 'test', seq: seq + 1, hash: 'f'.repeat(64), at: now };
          return work(q, now);
        })) as typeof world.ledger.read,
    };
    expect((await world.as('boss', { ledger: async () => ledger }).status({})).faults).toEqual([]);
  });

  it('is noticed after minutes as after months', async () => {
    const world = await lost();
    await world.sweepOn(minute);
    const [fault] = (await world.on('boss').status({})).faults;
    expect(fault?.message).toMatch(/number \d+ was seen 1 min ago/);
  });
});
