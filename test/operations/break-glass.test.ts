/** Break-glass on the real operations and SQL: what it skips, what it never skips, and the review it leaves behind. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import type { Condition, Role } from '../../src/policy/types.ts';
import { memoryDirectory } from '../fakes/memory-directory.ts';
import { company, granted, hour, minute, refused, role, rule, user, type World } from './world.ts';

const onCall: Condition = { kind: 'onCall', roster: 'pagerduty', schedule: 'db', levels: [] };
const dark = new ProviderError('pagerduty', 'unavailable', 'PagerDuty did not answer within 5 s');

const guarded = (over: Partial<Role> = {}): Role =>
  role('db-admin', {
    allow: [rule(onCall)],
    approvers: [rule(user('boss'))],
    whenUnknown: 'ask',
    breakGlass: {
      when: [rule({ kind: 'any', conditions: [user('maria'), user('ana')] }, { name: 'db-admin.breakGlass.when[0]' })],
      ttl: { defaultMs: hour, maxMs: 2 * hour },
      review: { by: [rule(user('boss'))], withinMs: 72 * hour },
    },
    ...over,
  });

const emergency = { role: 'db-admin', asked: { byDefault: true }, reason: 'the database is gone', breakGlass: true } as const;
const ask = (world: World, name: string, over: Partial<typeof emergency> = {}) => world.as(name).request({ ...emergency, ...over });
const events = async (world: World) => (await world.ledger.read((q) => q.lastEvents(undefined))).map(({ type }) => type);

async function night(over: Partial<Role> = {}): Promise<World> {
  const world = await company({ roles: [guarded(over)] });
  world.shifts = dark;
  return world;
}

describe('whoever breaks the glass', () => {
  it('is in while the roster is dark, for the emergency length and no longer', async () => {
    const world = await night();
    const { request, decision } = granted(await ask(world, 'maria'));
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect(request).toMatchObject({ origin: 'break-glass', state: 'approved', expiresAt: world.now + hour });
    expect(decision.heldBy).toEqual(['db-admin.breakGlass.when[0]']);
    await world.sweepAfter(hour);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('asks no roster at all', async () => {
    const world = await night();
    const roster = async () => Promise.reject(new Error('a roster was asked'));
    expect(granted(await world.as('maria', { roster }).request(emergency)).result).toBe('granted');
  });

  it('gets no more than the emergency maximum', async () => {
    const world = await night();
    const { request } = granted(await world.as('maria').request({ ...emergency, asked: { forMs: 12 * hour } }));
    expect(request.expiresAt).toBe(world.now + 2 * hour);
  });

  it('is in while the sweep is late, and never while the ledger may have forgotten something', async () => {
    const world = await night();
    world.now += 20 * minute;
    expect(granted(await ask(world, 'maria')).result).toBe('granted');
    await world.anchor.keep({ ledger: 'test', seq: 10_000, hash: 'f'.repeat(64), at: world.now });
    await expect(ask(world, 'ana')).rejects.toMatchObject({ code: 'ledger-behind' });
  });

  it('is on record, with the reason, before the access', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    const broken = (await world.ledger.read((q) => q.lastEvents(undefined))).find(({ type }) => type === 'request.broken-glass');
    expect(broken).toMatchObject({ requestId: request.id, holder: 'maria@acme.dev', reason: 'the database is gone' });
    const types = await events(world);
    expect(types.indexOf('request.broken-glass')).toBeLessThan(types.indexOf('membership.add'));
  });

  it('keeps what they had asked for before, and it them', async () => {
    const world = await night();
    const pending = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour }, reason: 'paged' }));
    expect(pending.result).toBe('pending');
    const broken = granted(await ask(world, 'maria'));
    expect(broken.request.id).not.toBe(pending.request.id);
    expect(await world.as('maria').status({})).toMatchObject({ requests: [{ state: 'pending' }, { state: 'approved' }] });
  });
});

describe('the glass stays whole', () => {
  it('for somebody whom the policy does not name', async () => {
    const world = await night();
    expect(refused(await ask(world, 'sam'))).toMatchObject({ result: 'denied', exit: 3 });
    expect(world.okta.in('db')).toEqual([]);
  });

  it('without a reason', async () => {
    const world = await night();
    await expect(ask(world, 'maria', { reason: ' ' as never })).rejects.toMatchObject({
      ...{ code: 'reason-needed', exit: 2 },
      why: 'an emergency always needs one: somebody else looks at it afterwards',
    });
  });

  it('where the role has no such way in', async () => {
    const world = await company({ roles: [role('db-admin')] });
    await expect(ask(world, 'maria')).rejects.toMatchObject({ code: 'no-break-glass', exit: 3 });
  });

  it.each<[string, Partial<Role>]>([
    ['who is denied', { deny: [rule(user('maria'))] }],
    ['of whom it is not known whether they are denied', { deny: [rule(onCall)] }],
  ])('for somebody %s', async (_, over) => {
    const world = await night(over);
    expect(refused(await ask(world, 'maria')).exit).not.toBe(0);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('for somebody who is blocked', async () => {
    const world = await night();
    const policy = { ...world.policy, blocked: ['maria@acme.dev'] };
    expect(refused(await world.as('maria', { policy }).request(emergency))).toMatchObject({ result: 'denied' });
  });

  it('while every place is taken', async () => {
    const world = await company({ roles: [guarded({ maxHolders: 1 })], exclusive: ['db'] });
    await world.sweepAfter(0);
    granted(await ask(world, 'maria'));
    expect(refused(await ask(world, 'ana'))).toMatchObject({ result: 'taken', exit: 8 });
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });
});

describe('status', () => {
  it('tells of each emergency whose review is owed, by when, and of one by its id also that somebody has looked', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    const owed = { requestId: request.id, role: 'db-admin', holder: 'maria@acme.dev', dueAt: world.now + 72 * hour };
    expect((await world.as('sam').status({})).emergencies).toEqual([owed]);
    await world.sweepAfter(2 * hour);
    expect((await world.as('sam').status({})).emergencies).toEqual([owed]);
    await world.as('boss').approve({ reason: 'all in order', id: request.id });
    expect((await world.as('sam').status({})).emergencies).toEqual([]);
    expect((await world.as('sam').status({ of: request.id })).emergencies).toEqual([{ ...owed, reviewedAt: world.now }]);
  });
});

describe('the review', () => {
  it('says what was found, or is none', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    for (const reason of [undefined, ' '])
      await expect(world.as('boss').approve({ id: request.id, ...(reason && { reason }) })).rejects.toMatchObject({
        ...{ code: 'reason-needed', exit: 2, next: `oncall approve ${request.id} --reason "…"` },
      });
    expect((await world.as('boss').status({})).emergencies).toHaveLength(1);
  });

  it('is owed again for one more group, however much was looked at before', async () => {
    const web = { directory: 'okta', group: 'web' };
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    await world.as('boss').approve({ id: request.id, reason: 'only the database' });
    const policy = { ...world.policy, roles: { 'db-admin': guarded({ targets: [{ directory: 'okta', group: 'db' }, web] }) } };
    await world.as('maria', { policy }).request({ ...emergency, asked: { forMs: 60_000 } });
    expect(world.okta.in('web')).toEqual(['maria@acme.dev']);
    expect((await world.as('boss').status({})).emergencies).toMatchObject([{ requestId: request.id }]);
  });

  it('is made by somebody else, once, and changes nothing about the access', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    await expect(world.as('maria').approve({ reason: 'all in order', id: request.id })).rejects.toMatchObject({
      code: 'own-request',
      exit: 3,
    });
    await expect(world.as('sam').approve({ reason: 'all in order', id: request.id })).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
    expect((await world.as('boss').waiting()).reviews.map(({ id }) => id)).toEqual([request.id]);
    expect(granted(await world.as('boss').approve({ reason: 'all in order', id: request.id })).result).toBe('reviewed');
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect((await world.as('boss').waiting()).reviews).toEqual([]);
    await expect(world.as('boss').approve({ reason: 'all in order', id: request.id })).rejects.toMatchObject({ code: 'not-pending' });
    expect((await events(world)).filter((type) => type === 'request.reviewed')).toHaveLength(1);
  });

  it('is of what was looked at: broken once more meanwhile, it is to be looked at again', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    const seen = async () => (await world.as('boss').waiting()).reviews[0]?.digest ?? '';
    const before = await seen();
    world.now += minute;
    granted(await world.as('maria').request({ ...emergency, asked: { forMs: 2 * hour } }));
    await expect(world.as('boss').approve({ reason: 'all in order', id: request.id, seen: before })).rejects.toMatchObject({
      code: 'not-as-seen',
    });
    expect((await world.ledger.read((q) => q.review(request.id)))?.reviewedAt).toBeUndefined();
    expect(granted(await world.as('boss').approve({ reason: 'all in order', id: request.id, seen: await seen() })).result).toBe('reviewed');
  });

  it('says so where somebody wants to say no to it, and changes nothing', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    await expect(world.as('boss').deny({ id: request.id })).rejects.toMatchObject({
      message: expect.stringContaining('was an emergency'),
      next: expect.stringMatching(/oncall revoke \S+; .*oncall approve/),
    });
    expect((await world.as('boss').waiting()).reviews).toHaveLength(1);
  });

  it('is made by nobody who is not active where the policy names reviewers, though nothing is given there', async () => {
    const people: Condition = { kind: 'member', directory: 'people', group: 'security' };
    const by = [rule(user('boss')), rule(people)];
    const { breakGlass } = guarded();
    const world = await night({ ...(breakGlass && { breakGlass: { ...breakGlass, review: { by, withinMs: 72 * hour } } }) });
    const { request } = granted(await ask(world, 'maria'));
    const security = memoryDirectory('people', { users: ['boss@acme.dev'], groups: { security: ['boss@acme.dev'] }, now: () => world.now });
    const as = world.as('boss', { directory: async (name) => (name === 'people' ? security : world.okta) });
    expect((await as.waiting()).reviews).toHaveLength(1);
    security.deactivate('boss@acme.dev');
    await expect(as.approve({ reason: 'all in order', id: request.id })).rejects.toMatchObject({ code: 'forbidden' });
    expect((await world.ledger.read((q) => q.review(request.id)))?.reviewedAt).toBeUndefined();
  });

  it('is owed again by whoever makes it last longer', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    await world.as('boss').approve({ reason: 'all in order', id: request.id });
    world.now += minute;
    const again = granted(await world.as('maria').request({ ...emergency, asked: { forMs: 2 * hour }, reason: 'it goes on' }));
    expect(again).toMatchObject({ result: 'extended', request: { id: request.id } });
    expect((await world.as('boss').waiting()).reviews.map(({ id }) => id)).toEqual([request.id]);
    const broken = (await world.ledger.read((q) => q.lastEvents(undefined))).filter(({ type }) => type === 'request.broken-glass');
    expect(broken.map(({ reason }) => reason)).toEqual(['the database is gone', 'it goes on']);
  });

  it('is not made by whoever did it under another name that the directory knows them by', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    Object.assign(world.policy, { people: { 'boss@acme.dev': { okta: 'maria@acme.dev' } } });
    await expect(world.as('boss').approve({ reason: 'all in order', id: request.id })).rejects.toMatchObject({ code: 'own-request' });
    expect((await world.ledger.read((q) => q.review(request.id)))?.reviewedAt).toBeUndefined();
  });

  it.each([
    ['and is not made while that does not answer', 'undecided'],
    ['also where the user whom it let in was renamed since', 'own-request'],
  ])('is not made by a second login of the same user in the directory, %s', async (_, code) => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    const { okta } = world;
    const login = { userId: (await okta.findUser('maria@acme.dev', {}))?.userId ?? '', userName: 'boss@acme.dev', active: true };
    const findUser: typeof okta.findUser = async (name) => {
      if (code === 'undecided') throw new ProviderError('okta', 'timeout', 'okta did not answer within 5 s');
      return name === 'boss@acme.dev' ? login : undefined;
    };
    const as = world.as('boss', { directory: async () => ({ ...okta, findUser }) });
    await expect(as.approve({ reason: 'all in order', id: request.id })).rejects.toMatchObject({ code });
    expect((await world.ledger.read((q) => q.review(request.id)))?.reviewedAt).toBeUndefined();
    expect(granted(await world.as('boss').approve({ reason: 'all in order', id: request.id })).result).toBe('reviewed');
  });

  it('is due by the first day, however often it is broken again under one id', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    const due = (await world.ledger.read((q) => q.review(request.id)))?.dueAt;
    world.now += 30 * minute;
    granted(await world.as('maria').request({ ...emergency, asked: { forMs: 2 * hour } }));
    expect((await world.ledger.read((q) => q.review(request.id)))?.dueAt).toBe(due);
  });

  it('that is in time holds nobody up', async () => {
    const world = await night();
    granted(await ask(world, 'maria'));
    await world.sweepAfter(2 * hour);
    expect(granted(await ask(world, 'ana')).result).toBe('granted');
  });

  it('that is overdue keeps the glass whole for everybody, is told once, and frees it when it is made', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    await world.sweepAfter(72 * hour + 1);
    await world.sweepAfter(minute);
    expect((await events(world)).filter((type) => type === 'request.review-overdue')).toHaveLength(1);
    expect((await world.as('ana').status({})).faults.map(({ code }) => code)).toContain('review-overdue');
    for (const name of ['maria', 'ana']) await expect(ask(world, name)).rejects.toMatchObject({ code: 'review-overdue', exit: 3 });
    expect(granted(await world.as('boss').approve({ reason: 'all in order', id: request.id })).result).toBe('reviewed');
    expect(granted(await ask(world, 'ana')).result).toBe('granted');
  });

  it('of a role that the policy no longer has is an admin’s', async () => {
    const world = await night();
    const { request } = granted(await ask(world, 'maria'));
    const policy = { ...world.policy, roles: {} };
    await expect(world.as('ana', { policy }).approve({ reason: 'all in order', id: request.id })).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(granted(await world.as('boss', { policy }).approve({ reason: 'all in order', id: request.id })).result).toBe('reviewed');
  });
});

describe('what a refusal advises', () => {
  it('names the glass only where the roster does not answer', async () => {
    const world = await company({ roles: [guarded({ whenUnknown: 'deny' })] });
    expect(refused(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } })).error.next).not.toContain(
      '--break-glass',
    );
    world.shifts = dark;
    expect(refused(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } })).error.next).toContain('--break-glass');
  });
});
