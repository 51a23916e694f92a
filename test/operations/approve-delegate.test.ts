/** Who is away has somebody say yes in their place: for a time, with nobody's right but theirs, and never for what they could not say yes to themselves. */

import { describe, expect, it } from 'vitest';
import type { Delegation } from '../../src/policy/delegation.ts';
import { type Approval, approval, member } from './approval-world.ts';
import { hour, minute, onCall, rule, user } from './world.ts';

const boss = user('boss');
const start = Date.parse('2026-11-22T03:00:00Z');

const away = (over: Partial<Delegation> = {}): Delegation => ({
  from: 'boss@acme.dev',
  to: ['ana@acme.dev'],
  endsAt: start + 8 * hour,
  ...over,
});
const withBossAway = async (delegations: readonly Delegation[] = [away()], over = {}): Promise<Approval> => {
  const world = await approval([boss], over);
  world.change({ delegations });
  return world;
};

describe('a stand-in', () => {
  it('says yes in the place of who is away, and that is kept', async () => {
    const world = await withBossAway();
    const id = await world.ask();
    expect((await world.as('ana').waiting()).requests).toMatchObject([
      { id, inPlaceOf: { email: 'boss@acme.dev', endsAt: start + 8 * hour } },
    ]);
    expect(await world.approve('ana', id)).toMatchObject({
      result: 'granted',
      request: { approvals: [{ by: { email: 'ana@acme.dev' }, inPlaceOf: 'boss@acme.dev' }] },
    });
    const approved = (await world.as('boss').audit({ of: id })).find(({ type }) => type === 'request.approved');
    expect(approved).toMatchObject({ actor: 'ana@acme.dev', data: { inPlaceOf: 'boss@acme.dev' } });
  });

  it('says no in their place too', async () => {
    const world = await withBossAway();
    expect((await world.as('ana').deny({ id: await world.ask() })).request).toMatchObject({
      state: 'denied',
      approvals: [{ answer: 'no', inPlaceOf: 'boss@acme.dev' }],
    });
  });

  it.each<[string, Delegation[]]>([
    ['before it begins', [away({ startsAt: start + hour })]],
    ['after it has ended', [away({ endsAt: start })]],
    ['for somebody else', [away({ to: ['sam@acme.dev'] })]],
    ['at second hand: it never chains', [away({ to: ['sam@acme.dev'] }), away({ from: 'sam@acme.dev' })]],
    ['of somebody who may not either', [away({ from: 'sam@acme.dev' })]],
    ['of the requester', [away({ from: 'maria@acme.dev' })]],
  ])('may not %s', async (_, delegations) => {
    const world = await withBossAway(delegations);
    await expect(world.approve('ana', await world.ask())).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
    expect((await world.as('ana').waiting()).requests).toEqual([]);
    expect(world.isIn()).toBe(false);
  });

  it('may not say yes to the request of the one in whose place they are, nor to their own', async () => {
    const world = await approval([boss, user('maria')]);
    world.change({ delegations: [away({ from: 'maria@acme.dev' }), away({ to: ['maria@acme.dev'] })] });
    const id = await world.ask();
    await expect(world.approve('ana', id)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(world.approve('maria', id)).rejects.toMatchObject({ code: 'own-request' });
    expect(world.isIn()).toBe(false);
  });

  it('has no right of somebody who is blocked, or no longer active', async () => {
    const world = await withBossAway();
    const id = await world.ask();
    world.change({ blocked: ['boss@acme.dev'] });
    await expect(world.approve('ana', id)).rejects.toMatchObject({ code: 'forbidden' });
    world.change({ blocked: [] });
    world.okta.deactivate('boss@acme.dev');
    await expect(world.approve('ana', id)).rejects.toMatchObject({
      code: 'forbidden',
      why: expect.stringContaining('boss@acme.dev is not active in okta'),
    });
    expect(world.isIn()).toBe(false);
  });

  it('who is blocked has nobody’s right', async () => {
    const world = await withBossAway();
    const id = await world.ask();
    world.change({ blocked: ['ana@acme.dev'] });
    await expect(world.approve('ana', id)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('that is a service account stands in for nobody', async () => {
    const world = await withBossAway();
    const actor = { issuer: 'https://issuer', subject: 'client:0oaCi', email: 'ana@acme.dev' };
    await expect(world.approve('ana', await world.ask(), { actor })).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('has what is found of the other: their shift, their group', async () => {
    for (const [approver, set] of [
      [onCall, (world: Approval) => void (world.shifts = [{ schedule: 'PDB', email: 'boss@acme.dev', start: null, end: null }])],
      [member('web'), (world: Approval) => world.okta.put('boss@acme.dev', 'web')],
    ] as const) {
      const world = await approval([approver]);
      world.change({ delegations: [away()] });
      const id = await world.ask();
      await expect(world.approve('ana', id)).rejects.toMatchObject({ exit: 3 });
      set(world);
      expect((await world.approve('ana', id)).result).toBe('granted');
    }
  });

  it('uses a right of their own first', async () => {
    const world = await approval([boss, user('ana')]);
    world.change({ delegations: [away()] });
    const { request } = await world.approve('ana', await world.ask());
    expect(request.approvals[0]?.inPlaceOf).toBeUndefined();
  });

  it('waits for the turn of the one in whose place they are', async () => {
    const world = await approval([user('sam'), boss], { escalateMs: 10 * minute });
    world.change({ delegations: [away()] });
    const id = await world.ask();
    await expect(world.approve('ana', id)).rejects.toMatchObject({ code: 'not-your-turn' });
    world.now += 10 * minute;
    expect((await world.approve('ana', id)).result).toBe('granted');
  });

  it('has the turn of any in whose place they are', async () => {
    const world = await approval([user('sam'), boss], { escalateMs: 10 * minute });
    world.change({ delegations: [away(), away({ from: 'sam@acme.dev' })] });
    const id = await world.ask();
    expect((await world.as('ana').waiting()).requests).toMatchObject([{ id, inPlaceOf: { email: 'sam@acme.dev' } }]);
    expect((await world.approve('ana', id)).request.approvals).toMatchObject([{ inPlaceOf: 'sam@acme.dev' }]);
  });
});

it('a delegation that ends while the stand-in is asked about lets nobody in', async () => {
  const world = await withBossAway([away({ endsAt: start + hour / 2 })]);
  const id = await world.ask();
  world.now = start + hour / 2 - minute;
  await world.sweepAfter(0);
  const findUser: typeof world.okta.findUser = async (name, call) => {
    world.now = start + hour / 2;
    return world.okta.findUser(name, call);
  };
  const late = world.as('ana', { directory: async () => ({ ...world.okta, findUser }) });
  await expect(late.approve({ id })).rejects.toMatchObject({ code: 'forbidden', message: 'you may no longer stand in for boss@acme.dev' });
  expect(world.isIn()).toBe(false);
});

describe('in a quorum', () => {
  it('one right counts once: neither its owner beside the stand-in, nor two stand-ins', async () => {
    for (const [first, second] of [
      ['ana', 'boss'],
      ['boss', 'ana'],
      ['ana', 'sam'],
    ] as const) {
      const world = await approval([boss, user('x')], { quorum: 2 });
      world.change({ delegations: [away({ to: ['ana@acme.dev', 'sam@acme.dev'] })] });
      const id = await world.ask();
      await world.approve(first, id);
      await expect(world.approve(second, id), `${first}, ${second}`).rejects.toMatchObject({ code: 'said-yes-already' });
      expect(world.isIn()).toBe(false);
    }
  });

  it('a yes whose delegation is over by the last one no longer counts', async () => {
    const world = await approval([boss, user('sam')], { quorum: 2, withinMs: 24 * hour, deny: [rule(user('nobody'))] });
    world.change({ delegations: [away({ endsAt: start + hour })] });
    const id = await world.ask();
    await world.approve('ana', id);
    await world.sweepAfter(hour);
    expect((await world.approve('sam', id)).yes).toMatchObject({ by: ['sam@acme.dev'], dropped: [{ by: 'ana@acme.dev' }] });
    expect(world.isIn()).toBe(false);
  });

  it('of several rights one is used that nobody has said yes by, and none is offered where there is none', async () => {
    const world = await approval([boss, user('kim')], { quorum: 2 });
    const both = [away(), away({ from: 'kim@acme.dev' })];
    world.change({ delegations: both });
    const id = await world.ask();
    await world.approve('boss', id);
    expect((await world.as('ana').waiting()).requests).toMatchObject([{ id, inPlaceOf: { email: 'kim@acme.dev' } }]);
    world.change({ delegations: [away()] });
    expect((await world.as('ana').waiting()).requests).toEqual([]);
    await expect(world.approve('ana', id)).rejects.toMatchObject({ code: 'said-yes-already' });
    world.change({ delegations: both });
    expect(await world.approve('ana', id)).toMatchObject({ result: 'granted', yes: { by: ['boss@acme.dev', 'ana@acme.dev'], of: 2 } });
    expect(world.isIn()).toBe(true);
  });

  it('a yes is worth the right that it was said by, and no other that its giver has by then', async () => {
    const world = await approval([onCall, user('kim')], { quorum: 2 });
    world.change({ delegations: [away(), away({ from: 'kim@acme.dev' })] });
    const shift = { schedule: 'PDB', email: 'boss@acme.dev', start: null, end: null };
    world.shifts = [shift];
    const id = await world.ask();
    await world.approve('ana', id);
    world.shifts = [{ ...shift, email: 'sam@acme.dev' }];
    expect((await world.approve('sam', id)).yes).toMatchObject({ by: ['sam@acme.dev'], dropped: [{ by: 'ana@acme.dev' }] });
    expect(world.isIn()).toBe(false);
  });
});
