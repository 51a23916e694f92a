/** `escalate`: approvers are asked one item of the list after the other, by the ledger's clock. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import type { Condition } from '../../src/policy/types.ts';
import { type Approval, approval, approvedBy, member } from './approval-world.ts';
import { minute, onCall, rule, user } from './world.ts';

const inTurn = { escalateMs: 10 * minute };
const [sam, ana, boss] = [user('sam'), user('ana'), user('boss')];
const list = [sam, ana, boss];

const escalations = async (world: Approval, id: string) =>
  (await world.as('boss').audit({ of: id })).filter(({ type }) => type === 'request.escalated').map(({ data }) => data);

describe('whose turn it is', () => {
  it('goes down the list, and whoever came before may still say yes', async () => {
    for (const [after, name, comes] of [
      [0, 'sam', true],
      [0, 'ana', false],
      [10 * minute - 1, 'ana', false],
      [10 * minute, 'ana', true],
      [10 * minute, 'boss', false],
      [20 * minute, 'boss', true],
      [25 * minute, 'sam', true],
    ] as const) {
      const world = await approval(list, inTurn);
      const id = await world.ask();
      world.now += after;
      if (after > 12 * minute) await world.sweepAfter(0);
      if (comes) expect((await world.approve(name, id)).result, `${name} after ${after}`).toBe('granted');
      else await expect(world.approve(name, id), `${name} after ${after}`).rejects.toMatchObject({ code: 'not-your-turn', exit: 3 });
      expect(world.isIn()).toBe(comes);
    }
  });

  it('is said to whoever is too early, with when theirs comes', async () => {
    const world = await approval(list, inTurn);
    const id = await world.ask();
    world.now += 4 * minute;
    await expect(world.approve('boss', id)).rejects.toMatchObject({
      message: `it is not yet your turn to approve ${id}`,
      why: 'first it is for sam@acme.dev; your turn comes in 16 min',
    });
  });

  it('is nobody’s shortcut: an admin who is no approver may not, one who is waits', async () => {
    const world = await approval([sam, ana], inTurn);
    const id = await world.ask();
    await expect(world.approve('boss', id)).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
  });

  it('is no matter to a no', async () => {
    const world = await approval(list, inTurn);
    const id = await world.ask();
    expect((await world.as('boss').deny({ id })).request.state).toBe('denied');
  });

  it('without escalate is everybody’s at once', async () => {
    const world = await approval(list);
    expect((await world.approve('boss', await world.ask())).result).toBe('granted');
  });
});

describe('an item of which nobody is there', () => {
  const skipped = async (first: Condition, change: (world: Approval) => void) => {
    const world = await approval([first, ana, boss], inTurn);
    change(world);
    const id = await world.ask();
    const { request } = { request: (await world.as('maria').status({ of: id })).requests[0] };
    return { world, id, request };
  };

  it.each<[string, Condition, (world: Approval) => void, RegExp]>([
    [
      'as its roster is down',
      onCall,
      (world) => (world.shifts = new ProviderError('pagerduty', 'timeout', 'PagerDuty did not answer within 5 s')),
      /did not answer/,
    ],
    ['as nobody is on call', onCall, () => undefined, /nobody is on call/],
    [
      'as only the requester is on call',
      onCall,
      (world) => (world.shifts = [{ schedule: 'PDB', email: 'maria@acme.dev', start: null, end: null }]),
      /nobody but the requester/,
    ],
    ['as there is no such group', member('nope'), () => undefined, /no group "nope"/],
    ['as it is the requester', user('maria'), () => undefined, /cannot say yes/],
    ['as they are blocked', sam, (world) => world.change({ blocked: ['sam@acme.dev'] }), /cannot say yes/],
  ])('takes no time, and is said: %s', async (_, first, change, because) => {
    const { world, id, request } = await skipped(first, change);
    const finding = request?.decision.findings.find(({ effect }) => effect === 'approver');
    expect(finding).toMatchObject({ rule: 'db-admin.approvers[0]', because: expect.stringMatching(because) });
    expect(request?.decision.turns?.map(({ at, skipped }) => [at - world.now, skipped === true])).toEqual([
      [0, true],
      [0, false],
      [10 * minute, false],
    ]);
    await expect(world.approve('boss', id)).rejects.toMatchObject({
      code: 'not-your-turn',
      why: expect.stringMatching(/^first it is for ana@acme.dev;/),
    });
    expect((await world.approve('ana', id)).result).toBe('granted');
  });

  it('may say yes all the same once they are there', async () => {
    const { world, id } = await skipped(onCall, () => undefined);
    world.shifts = [{ schedule: 'PDB', email: 'sam@acme.dev', start: null, end: null }];
    expect((await world.approve('sam', id)).result).toBe('granted');
  });

  it('of one policy says nothing about the items of another', async () => {
    const { world, id } = await skipped(onCall, () => undefined);
    world.change({ digest: 'e'.repeat(64), roles: { 'db-admin': approvedBy([sam, ana], inTurn) } });
    await expect(world.approve('ana', id)).rejects.toMatchObject({ code: 'not-your-turn' });
  });

  it('and the yes that was said meanwhile counts no longer, where the policy in force gives them no turn yet', async () => {
    const world = await approval([onCall, ana, sam], { ...inTurn, quorum: 2 });
    const id = await world.ask();
    await world.approve('ana', id);
    world.shifts = [{ schedule: 'PDB', email: 'boss@acme.dev', start: null, end: null }];
    world.change({ digest: 'e'.repeat(64), roles: { 'db-admin': approvedBy([onCall, ana, sam], { ...inTurn, quorum: 2 }) } });
    expect((await world.approve('boss', id)).yes).toEqual({
      ...{ by: ['boss@acme.dev'], of: 2 },
      dropped: [{ by: 'ana@acme.dev', because: 'their turn has not come' }],
    });
    expect(world.isIn()).toBe(false);
  });

  it('is not looked for where nobody has to be asked', async () => {
    const world = await approval([onCall, ana], { ...inTurn, allow: [rule(user('maria'))] });
    let asked = 0;
    const onCallNow = async () => {
      asked++;
      return [];
    };
    const roster = async () => ({ title: 'PagerDuty', shifts: async () => [], onCall: onCallNow });
    expect(await world.as('maria', { roster }).request({ role: 'db-admin', asked: { byDefault: true } })).toMatchObject({
      result: 'granted',
    });
    expect(asked).toBe(0);
  });
});

describe('the sweep', () => {
  it('tells of each turn once, however late it runs', async () => {
    const world = await approval(list, inTurn);
    const id = await world.ask();
    const run = async (ms: number) => (await world.sweepAfter(ms)).steps.filter(({ action }) => action === 'escalate');
    expect(await run(5 * minute)).toEqual([]);
    world.now += 5 * minute;
    expect((await world.as('cron').sweep({ dryRun: true })).steps).toMatchObject([
      { action: 'escalate', outcome: 'planned', requestId: id },
    ]);
    expect(await run(0)).toMatchObject([{ outcome: 'done', because: 'nobody has answered; also asked: ana@acme.dev' }]);
    expect(await run(5 * minute)).toEqual([]);
    expect(await run(20 * minute)).toHaveLength(1);
    expect(await run(5 * minute)).toEqual([]);
    expect(await escalations(world, id)).toMatchObject([
      { turns: [{ rule: 'db-admin.approvers[1]' }] },
      { turns: [{ rule: 'db-admin.approvers[2]' }] },
    ]);
  });

  it('tells of several that came meanwhile at once, and of none that is answered or over', async () => {
    const world = await approval(list, inTurn);
    const id = await world.ask();
    await world.sweepAfter(25 * minute);
    expect(await escalations(world, id)).toMatchObject([{ turns: [{ who: 'ana@acme.dev' }, { who: 'boss@acme.dev' }] }]);
    await world.as('maria').release({ id });
    const second = await world.ask();
    await world.as('sam').deny({ id: second });
    const third = await world.ask();
    await world.sweepAfter(65 * minute);
    const fourth = await world.ask();
    await world.sweepAfter(10 * minute);
    // What is over is not remembered for ever.
    expect((await world.ledger.read((q) => q.toldOf('turn'))).map(({ subject }) => subject)).toEqual([fourth]);
    expect([...(await escalations(world, second)), ...(await escalations(world, third))]).toEqual([]);
  });
});
