/** The line for a role whose places are all taken: the order is kept, nobody jumps it, a free place is offered and kept, and whoever takes it is decided about anew. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import type { Policy, Role } from '../../src/policy/types.ts';
import { anIncident, onDuty, responder } from './duty-world.ts';
import { company, granted, hour, minute, onCall, refused, role, rule, user, type World } from './world.ts';

const migration = (over: Partial<Role> = {}) => role('migration', { maxHolders: 1, ...over });
const solo = (over: Partial<Role> = {}) => company({ roles: [migration(over)], exclusive: ['db'] });

const ask = async (world: World, name: string, over: { forMs?: number; queue?: boolean; reason?: string } = {}) => {
  const { forMs, ...rest } = over;
  return world.as(name).request({ role: 'migration', asked: forMs === undefined ? { byDefault: true } : { forMs }, ...rest });
};
const queue = async (world: World, name: string, forMs?: number) =>
  granted(await ask(world, name, { queue: true, ...(forMs === undefined ? {} : { forMs }) }));
const stateOf = async (world: World, id: string) => (await world.ledger.read((q) => q.request(id)))?.state;
const trail = async (world: World, ...types: string[]) => {
  const events = await world.ledger.read((q) => q.lastEvents(undefined));
  return events.filter(({ type }) => types.includes(type)).map(({ type, holder = '' }) => `${type.slice(8)} ${holder.split('@')[0]}`);
};
const byYes: Partial<Role> = {
  allow: [],
  ask: [rule({ kind: 'any', conditions: ['maria', 'ana'].map(user) })],
  approvers: [rule(user('sam'))],
};
const change = (world: World, over: Partial<Role>): void =>
  void Object.assign(world.policy.roles, { migration: migration(over) } as Policy['roles']);

describe('standing in line', () => {
  it('tells the place, who has it until when, and the same again to who asks again', async () => {
    const world = await solo();
    const first = granted(await ask(world, 'maria'));
    const sam = await queue(world, 'sam');
    expect(sam).toMatchObject({
      result: 'queued',
      request: { state: 'queued' },
      grants: [],
      line: { place: 1, heldBy: [{ holder: 'maria@acme.dev', expiresAt: first.request.expiresAt, ending: false }] },
    });
    expect((await queue(world, 'ana')).line?.place).toBe(2);
    const again = granted(await ask(world, 'sam'));
    expect(again).toMatchObject({ result: 'queued', request: { id: sam.request.id }, line: { place: 1 } });
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect(await trail(world, 'request.queued')).toEqual(['queued sam', 'queued ana']);
  });

  it('is not needed where a place is free', async () => {
    const world = await solo();
    expect(await queue(world, 'maria')).toMatchObject({ result: 'granted', grants: [{ state: 'active' }] });
  });

  it('is offered to who is refused, with how many are before them', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    expect(refused(await ask(world, 'sam')).error.next).toBe(
      'stand in line: oncall request migration --queue (nobody before you), or ask maria@acme.dev to run: oncall release migration',
    );
    await queue(world, 'sam');
    const { error } = refused(await ask(world, 'ana'));
    expect(error.message).toBe('migration has one place: maria@acme.dev has it for another 1 h, 1 waits in line');
    expect(error.next).toContain('(1 before you)');
  });

  it('says of a place that is offered to somebody that they come first', async () => {
    const world = await solo({ maxHolders: 1 });
    granted(await ask(world, 'maria'));
    await queue(world, 'sam');
    await world.as('maria').release({ id: 'migration' });
    expect(refused(await ask(world, 'ana')).error.next).toBe(
      'stand in line: oncall request migration --queue (nobody before you but sam@acme.dev, to whom a place is offered)',
    );
    await queue(world, 'maria');
    expect(refused(await ask(world, 'ana')).error.next).toContain('(1 before you, and sam@acme.dev, to whom a place is offered)');
  });

  it('is for a day at most', async () => {
    const world = await solo({ ttl: { defaultMs: hour, maxMs: 48 * hour } });
    granted(await ask(world, 'maria', { forMs: 48 * hour }));
    const { request } = await queue(world, 'sam');
    await world.sweepAfter(24 * hour - 1);
    expect(await stateOf(world, request.id)).toBe('queued');
    const { steps } = await world.sweepAfter(1);
    expect(steps).toContainEqual(expect.objectContaining({ action: 'expire', requestId: request.id, because: 'stood in line for a day' }));
    expect(await stateOf(world, request.id)).toBe('expired');
  });

  it('ends by a release, by a revocation, and by a rule that denies it by now', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    const [sam, ana] = [await queue(world, 'sam'), await queue(world, 'ana')];
    expect((await world.as('sam').release({ id: 'migration' })).request?.state).toBe('withdrawn');
    expect(granted(await ask(world, 'ana')).line?.place).toBe(1);
    await world.as('boss').revoke({ id: ana.request.id });
    expect([await stateOf(world, sam.request.id), await stateOf(world, ana.request.id)]).toEqual(['withdrawn', 'denied']);
    await queue(world, 'ana');
    change(world, { deny: [rule(user('ana'))] });
    expect(refused(await ask(world, 'ana'))).toMatchObject({ result: 'denied', exit: 3 });
    expect(await world.ledger.read((q) => q.lineOf('migration'))).toEqual([]);
  });

  it('is nobody’s in an emergency, and nobody’s for what they still have', async () => {
    const breakGlass = {
      when: [rule(user('sam'))],
      ttl: { defaultMs: hour, maxMs: hour },
      review: { by: [rule(user('boss'))], withinMs: hour },
    };
    const world = await solo({ breakGlass });
    granted(await ask(world, 'maria'));
    const emergency = { role: 'migration', asked: { byDefault: true }, reason: 'x', breakGlass: true, queue: true } as const;
    expect(refused(await world.as('sam').request(emergency)).result).toBe('taken');
    await queue(world, 'ana');
    world.okta.fail('remove', new ProviderError('okta', 'unavailable', 'down', { applied: 'no' }), 'before');
    await world.as('maria').release({ id: 'migration' });
    const again = refused(await ask(world, 'maria', { queue: true }));
    expect(again).toMatchObject({ result: 'taken', error: { message: 'migration has one place: 1 waits in line' } });
    expect(again.error.next).toMatch(/^stand in line, once \w{6} has ended: oncall request migration --queue \(1 before you\)$/);
  });
});

describe('a place that becomes free', () => {
  it('is offered to whoever waits longest at once, and is theirs alone', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    const sam = await queue(world, 'sam', 2 * hour);
    await queue(world, 'ana');
    await world.as('maria').release({ id: 'migration' });
    expect(await world.ledger.read((q) => q.request(sam.request.id))).toMatchObject({
      state: 'offered',
      pendingUntil: world.now + 10 * minute,
    });
    // Neither who had it, nor who comes, nor who is next after that.
    expect(refused(await ask(world, 'maria')).error.message).toBe(
      'migration has one place: it is offered to sam@acme.dev for another 10 min, 1 waits in line',
    );
    expect(granted(await ask(world, 'ana'))).toMatchObject({ result: 'queued', line: { place: 1, heldBy: [{ holder: 'sam@acme.dev' }] } });
    expect(world.okta.in('db')).toEqual([]);
    const taken = granted(await ask(world, 'sam'));
    // For as long as was asked for when they joined the line, from now on.
    expect(taken).toMatchObject({
      result: 'granted',
      request: { id: sam.request.id, startsAt: world.now, expiresAt: world.now + 2 * hour },
    });
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    expect(await world.ledger.read((q) => q.placesTaken('migration'))).toEqual([{ place: 1, requestId: sam.request.id }]);
  });

  it('is offered by the sweep that ended what was there', async () => {
    const world = await solo({ offerForMs: 3 * minute });
    granted(await ask(world, 'maria'));
    const { request } = await queue(world, 'sam');
    world.now += hour;
    const planned = await world.as('cron').sweep({ dryRun: true });
    expect(planned.steps.map(({ action }) => action)).toEqual(['expire']);
    const { steps } = await world.sweepAfter(0);
    expect(steps).toContainEqual(
      expect.objectContaining({ action: 'offer', outcome: 'done', requestId: request.id, holder: 'sam@acme.dev' }),
    );
    expect(await world.ledger.read((q) => q.request(request.id))).toMatchObject({ state: 'offered', pendingUntil: world.now + 3 * minute });
  });

  it('goes to the next where the offer lapses, and who let it lapse is out of line', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    const [sam, ana] = [await queue(world, 'sam'), await queue(world, 'ana')];
    await world.as('maria').release({ id: 'migration' });
    await world.sweepAfter(10 * minute - 1);
    expect([await stateOf(world, sam.request.id), await stateOf(world, ana.request.id)]).toEqual(['offered', 'queued']);
    world.now += 1;
    expect((await world.as('cron').sweep({ dryRun: true })).steps).toMatchObject([
      { action: 'expire', outcome: 'planned', holder: 'sam@acme.dev', because: 'the offer was not taken in time' },
      { action: 'offer', outcome: 'planned', holder: 'ana@acme.dev' },
    ]);
    await world.sweepAfter(0);
    expect([await stateOf(world, sam.request.id), await stateOf(world, ana.request.id)]).toEqual(['expired', 'offered']);
    expect(refused(await ask(world, 'sam')).result).toBe('taken');
    expect(granted(await ask(world, 'ana')).result).toBe('granted');
    expect(await trail(world, 'request.queued', 'request.offered', 'request.expired', 'request.approved')).toEqual([
      ...['approved maria', 'queued sam', 'queued ana', 'offered sam', 'expired sam', 'offered ana', 'approved ana'],
    ]);
  });

  it('lapses without a sweep as well: for who asks, and for who comes too late', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    const [sam, ana] = [await queue(world, 'sam'), await queue(world, 'ana')];
    await world.as('maria').release({ id: 'migration' });
    world.now += 10 * minute;
    expect(refused(await ask(world, 'sam')).error.message).toContain('it is offered to ana@acme.dev');
    expect([await stateOf(world, sam.request.id), await stateOf(world, ana.request.id)]).toEqual(['expired', 'offered']);
  });

  it('is offered on where whoever has the offer leaves', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    await queue(world, 'sam');
    const ana = await queue(world, 'ana');
    await world.as('maria').release({ id: 'migration' });
    await world.as('sam').release({ id: 'migration' });
    expect(await stateOf(world, ana.request.id)).toBe('offered');
  });

  it('is free only when the removal is confirmed: never two members', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    const { request } = await queue(world, 'sam');
    world.okta.fail('remove', new ProviderError('okta', 'unavailable', 'down', { applied: 'no' }), 'before', 1);
    await world.as('maria').release({ id: 'migration' });
    expect(await stateOf(world, request.id)).toBe('queued');
    const waiting = granted(await ask(world, 'sam'));
    expect(waiting.line).toMatchObject({ place: 1, heldBy: [{ holder: 'maria@acme.dev', ending: true }] });
    const { requests, grants, lines } = await world.as('sam').status({});
    expect([requests.map(({ state }) => state), grants.map(({ state }) => state)]).toEqual([['approved', 'queued'], ['revoking']]);
    expect(lines).toEqual([{ role: 'migration', waiting: [request.id] }]);
    await world.sweepAfter(minute);
    expect(await stateOf(world, request.id)).toBe('offered');
    expect(world.okta.in('db')).toEqual([]);
  });

  it('is offered as long as there are places, in order', async () => {
    const world = await solo({ maxHolders: 2 });
    granted(await ask(world, 'maria'));
    granted(await ask(world, 'sam'));
    const ana = await queue(world, 'ana');
    Object.assign(world.policy.roles, {
      migration: migration({ maxHolders: 2, allow: [rule({ kind: 'any', conditions: [user('ana'), user('boss')] })] }),
    });
    const boss = await queue(world, 'boss');
    await world.as('sam').release({ id: 'migration' });
    expect([await stateOf(world, ana.request.id), await stateOf(world, boss.request.id)]).toEqual(['offered', 'queued']);
    await world.as('maria').release({ id: 'migration' });
    expect([await stateOf(world, ana.request.id), await stateOf(world, boss.request.id)]).toEqual(['offered', 'offered']);
    // In whatever order they take it.
    for (const name of ['boss', 'ana']) granted(await ask(world, name));
    expect(world.okta.in('db')).toEqual(['ana@acme.dev', 'boss@acme.dev']);
  });

  it('is offered no more where the policy has fewer places by now, and the turn is not lost', async () => {
    const world = await solo({ maxHolders: 2 });
    granted(await ask(world, 'maria'));
    granted(await ask(world, 'sam'));
    const ana = await queue(world, 'ana');
    await world.as('sam').release({ id: 'migration' });
    expect(await stateOf(world, ana.request.id)).toBe('offered');
    change(world, { maxHolders: 1 });
    expect(granted(await ask(world, 'ana'))).toMatchObject({ result: 'queued', line: { place: 1 } });
    await world.sweepAfter(11 * minute);
    await world.as('maria').release({ id: 'migration' });
    expect(granted(await ask(world, 'ana')).result).toBe('granted');
    expect(world.okta.in('db')).toEqual(['ana@acme.dev']);
  });

  it('is everybody’s in line where the role has no limit any more', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    const { request } = await queue(world, 'sam');
    Object.assign(world.policy.roles, { migration: role('migration') });
    await world.sweepAfter(0);
    expect(await stateOf(world, request.id)).toBe('offered');
    expect(granted(await ask(world, 'sam')).result).toBe('granted');
  });
});

describe('no door leads past those who wait', () => {
  /** As by a process that died between the confirmed removal and the offer. */
  const freeAndNotOffered = async () => {
    const world = await solo();
    const { grants } = granted(await ask(world, 'maria'));
    const { request } = await queue(world, 'sam');
    await world.ledger.write(async (q) => {
      const grant = await q.grant(grants[0]?.id ?? '');
      if (grant)
        await q.changeGrant(await q.changeGrant(grant, { state: 'revoking', endReason: 'released' }), { state: 'ended', endedAt: 1 });
      await q.closeRequest(grant?.requestId ?? '');
    });
    return { world, sam: request };
  };

  it('not by asking while a place is free that nobody has offered yet', async () => {
    const { world, sam } = await freeAndNotOffered();
    expect(await stateOf(world, sam.id)).toBe('queued');
    expect(await world.as('ana').explain({ role: 'migration', asked: { byDefault: true } })).toMatchObject({
      exit: 8,
      refusal: { code: 'taken' },
    });
    expect(refused(await ask(world, 'ana')).result).toBe('taken');
    expect(await stateOf(world, sam.id)).toBe('offered');
  });

  it('not by a yes: whoever gets one joins the line, with the yes kept', async () => {
    const world = await solo({
      allow: [rule({ kind: 'any', conditions: [user('maria'), user('sam')] }, { name: 'migration.allow[0]' })],
      ask: [rule(user('ana'))],
      approvers: [rule(user('boss'), { name: 'migration.approvers[0]' })],
    });
    granted(await ask(world, 'maria'));
    await queue(world, 'sam');
    const pending = granted(await ask(world, 'ana', { forMs: 3 * hour, reason: 'reindex' }));
    expect(pending.result).toBe('pending');
    const approved = granted(await world.as('boss').approve({ id: pending.request.id }));
    expect(approved).toMatchObject({ result: 'queued', request: { state: 'queued' }, line: { place: 2 } });
    await world.as('maria').release({ id: 'migration' });
    granted(await ask(world, 'sam'));
    await world.as('sam').release({ id: 'migration' });
    // What was said yes to, and nothing else.
    const taken = granted(await ask(world, 'ana', { forMs: 9 * hour, reason: 'something else' }));
    expect(taken).toMatchObject({
      result: 'granted',
      request: {
        id: pending.request.id,
        reason: 'reindex',
        expiresAt: world.now + 3 * hour,
        approvals: [{ by: { email: 'boss@acme.dev' } }],
      },
    });
  });

  it('but a yes finds what an offer that has lapsed left free', async () => {
    const world = await solo({ ask: [rule(user('boss'))], approvers: [rule(user('ana'), { name: 'migration.approvers[0]' })] });
    granted(await ask(world, 'maria'));
    await queue(world, 'sam');
    const { request } = granted(await ask(world, 'boss', { reason: 'r' }));
    await world.as('maria').release({ id: 'migration' });
    world.now += 10 * minute;
    expect(granted(await world.as('ana').approve({ id: request.id })).result).toBe('granted');
  });

  it('not by going over to another incident, which may last longer', async () => {
    const { request, incidents, as } = await onDuty([responder({ maxHolders: 1 })]);
    const both = { assigned: ['maria@acme.dev', 'sam@acme.dev'] };
    incidents['pagerduty']?.push(anIncident('1', both), anIncident('2', both));
    granted(await request('maria', { incident: '1' }));
    granted(await request('sam', { incident: '2', queue: true }));
    const held = granted(await request('maria', { incident: '2' }));
    expect(held).toMatchObject({ result: 'held', request: { incident: '1' } });
    await as('sam').release({ id: 'responder' });
    expect(granted(await request('maria', { incident: '2' }))).toMatchObject({ request: { incident: '2' } });
  });

  it('not by asking for longer while others wait: it goes on to its end', async () => {
    const world = await solo();
    const { request } = granted(await ask(world, 'maria', { forMs: hour }));
    granted(await ask(world, 'maria', { forMs: 2 * hour }));
    await queue(world, 'sam');
    const before = request.startsAt ?? 0;
    expect(await world.as('maria').explain({ role: 'migration', asked: { forMs: 5 * hour } })).toMatchObject({
      exit: 0,
      refusal: { code: 'others-wait', message: 'somebody waits for it, so its end does not move' },
    });
    const held = granted(await ask(world, 'maria', { forMs: 5 * hour }));
    expect(held).toMatchObject({
      result: 'held',
      notExtended: 'somebody waits for it, so its end does not move',
      request: { expiresAt: before + 2 * hour },
    });
    await world.as('sam').release({ id: 'migration' });
    expect(granted(await ask(world, 'maria', { forMs: 5 * hour })).result).toBe('extended');
  });

  it('not by being let in again before the removal is confirmed', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    const { request } = await queue(world, 'sam');
    world.okta.fail('remove', new ProviderError('okta', 'unavailable', 'down', { applied: 'no' }), 'before', 1);
    await world.as('maria').release({ id: 'migration' });
    expect(refused(await ask(world, 'maria')).result).toBe('taken');
    await world.sweepAfter(minute);
    expect(await stateOf(world, request.id)).toBe('offered');
  });

  it('not by having it in another way already: one person takes one place, and no second turn', async () => {
    const breakGlass = {
      when: [rule(user('maria'))],
      ttl: { defaultMs: hour, maxMs: hour },
      review: { by: [rule(user('boss'))], withinMs: hour },
    };
    const world = await solo({ breakGlass });
    granted(await ask(world, 'maria'));
    const emergency = { role: 'migration', asked: { byDefault: true }, reason: 'x', breakGlass: true } as const;
    expect(granted(await world.as('maria').request(emergency)).result).toBe('granted');
    expect(await world.ledger.read((q) => q.placesTaken('migration'))).toHaveLength(1);
    expect(refused(await ask(world, 'sam')).result).toBe('taken');
    await world.as('maria').release({ id: 'migration' });
    // The other one still stands.
    expect(refused(await ask(world, 'sam')).result).toBe('taken');
    const { request } = await queue(world, 'sam');
    expect(refused(await ask(world, 'maria')).result).toBe('taken');
    await world.sweepAfter(hour);
    expect(await stateOf(world, request.id)).toBe('offered');
  });
});

describe('whoever takes an offer', () => {
  const duty = (over: Partial<Role> = {}) => solo({ allow: [rule(onCall, { name: 'migration.allow[0]' })], ...over });
  const shift = (name: string) => ({ schedule: 'PDB', email: `${name}@acme.dev`, start: null, end: null });
  const offeredTo = async (world: World): Promise<string> => {
    world.shifts = ['maria', 'sam', 'ana'].map(shift);
    granted(await ask(world, 'maria', { reason: 'r' }));
    const { request } = granted(await ask(world, 'sam', { queue: true, reason: 'r' }));
    granted(await ask(world, 'ana', { queue: true, reason: 'r' }));
    await world.as('maria').release({ id: 'migration' });
    expect(await stateOf(world, request.id)).toBe('offered');
    return request.id;
  };

  it('is decided about anew: who may not have it any more is out of line, with why, and the next one comes', async () => {
    const world = await duty();
    const id = await offeredTo(world);
    world.shifts = [shift('ana')];
    expect(refused(await ask(world, 'sam'))).toMatchObject({ result: 'denied', exit: 3 });
    expect(await stateOf(world, id)).toBe('denied');
    expect((await world.as('sam').status({ of: id })).ended).toMatchObject({ how: 'denied' });
    expect((await world.as('ana').status({ mine: true })).requests).toMatchObject([{ state: 'offered' }]);
    expect(granted(await ask(world, 'ana')).result).toBe('granted');
  });

  it('loses no turn because a roster is silent', async () => {
    const world = await duty();
    const id = await offeredTo(world);
    world.shifts = new ProviderError('PagerDuty', 'timeout', 'PagerDuty did not answer');
    const { error, result } = refused(await ask(world, 'sam'));
    expect([result, error.next]).toEqual([
      'undecided',
      expect.stringMatching(/^try again: oncall request migration \(the place is kept for you until 2026-.*Z\)$/),
    ]);
    expect([await stateOf(world, id), world.okta.in('db')]).toEqual(['offered', []]);
    expect(granted(await ask(world, 'ana')).line?.place).toBe(1);
    world.shifts = [shift('sam')];
    expect(granted(await ask(world, 'sam')).result).toBe('granted');
  });

  it('waits for a yes where it takes one by now, and the place goes to the next', async () => {
    const world = await duty({ ask: [rule(user('sam'))], approvers: [rule(user('boss'))], whenUnknown: 'deny' });
    const id = await offeredTo(world);
    world.shifts = [shift('ana')];
    expect(granted(await ask(world, 'sam'))).toMatchObject({ result: 'pending', request: { id, state: 'pending', reason: 'r' } });
    expect((await world.as('ana').status({ mine: true })).requests).toMatchObject([{ state: 'offered' }]);
    expect(granted(await ask(world, 'ana')).result).toBe('granted');
  });

  it.each<[string, (world: World) => void]>([
    ['is blocked', (world) => Object.assign(world.policy, { blocked: ['sam@acme.dev'] })],
    ['is no approver any more', (world) => change(world, { ...byYes, approvers: [rule(user('boss'))] })],
    ['is not active', (world) => world.okta.deactivate('sam@acme.dev')],
  ])('does not come in by the yes of somebody who %s by now', async (_, happens) => {
    const world = await solo(byYes);
    const ana = granted(await ask(world, 'ana', { reason: 'first' }));
    granted(await world.as('sam').approve({ id: ana.request.id }));
    const maria = granted(await ask(world, 'maria', { reason: 'second' }));
    granted(await world.as('sam').approve({ id: maria.request.id }));
    expect(await stateOf(world, maria.request.id)).toBe('queued');
    happens(world);
    await world.as('ana').release({ id: 'migration' });
    const asked = await ask(world, 'maria');
    expect('error' in asked || asked.result === 'pending').toBe(true);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('keeps its yes where they ask again at the moment at which that comes', async () => {
    const world = await solo(byYes);
    const first = granted(await ask(world, 'ana', { reason: 'first' }));
    granted(await world.as('sam').approve({ id: first.request.id }));
    const { request } = granted(await ask(world, 'maria', { reason: 'second' }));
    let isYes = false;
    const write: typeof world.ledger.write = async (work) => {
      if (!isYes) {
        isYes = true;
        granted(await world.as('sam').approve({ id: request.id }));
      }
      return world.ledger.write(work);
    };
    const again = await world
      .as('maria', { ledger: async () => ({ ...world.ledger, write }) })
      .request({ role: 'migration', asked: { byDefault: true } });
    expect(granted(again)).toMatchObject({ result: 'queued', request: { id: request.id, state: 'queued' }, line: { place: 1 } });
    await world.as('ana').release({ id: 'migration' });
    expect(granted(await ask(world, 'maria')).result).toBe('granted');
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('takes what it has a yes for where the role has no places any more', async () => {
    const world = await solo(byYes);
    const first = granted(await ask(world, 'ana', { reason: 'first' }));
    granted(await world.as('sam').approve({ id: first.request.id }));
    const { request } = granted(await ask(world, 'maria', { reason: 'second' }));
    expect(granted(await world.as('sam').approve({ id: request.id })).result).toBe('queued');
    const { maxHolders: _, ...without } = migration(byYes);
    Object.assign(world.policy.roles, { migration: without } as Policy['roles']);
    expect(granted(await ask(world, 'maria'))).toMatchObject({ result: 'granted', request: { id: request.id, reason: 'second' } });
    expect(world.okta.in('db')).toEqual(['ana@acme.dev', 'maria@acme.dev']);
  });

  it('gives no reason twice', async () => {
    const world = await duty({ reason: 'required' });
    await offeredTo(world);
    expect(granted(await ask(world, 'sam'))).toMatchObject({ result: 'granted', request: { reason: 'r' } });
    world.shifts = [shift('boss')];
    await expect(ask(world, 'boss')).rejects.toMatchObject({ code: 'reason-needed' });
  });

  it('does not come in by a yes that was for other groups, or that one yes was enough for then', async () => {
    const asking = { ask: [rule(user('sam'))], approvers: [rule(user('boss'), { name: 'a' })], allow: [rule(user('maria'))] };
    for (const later of [{ quorum: 2 }, { targets: [{ directory: 'okta', group: 'web' }] }]) {
      const world = await company({ roles: [migration(asking)], exclusive: ['db', 'web'] });
      granted(await ask(world, 'maria'));
      const { request } = granted(await ask(world, 'sam', { reason: 'r' }));
      expect(granted(await world.as('boss').approve({ id: request.id })).result).toBe('queued');
      await world.as('maria').release({ id: 'migration' });
      change(world, { ...asking, ...later });
      await world.sweepAfter(minute);
      expect(granted(await ask(world, 'sam'))).toMatchObject({ result: 'pending', request: { id: request.id, approvals: [] } });
    }
  });
});

describe('a process that dies', () => {
  it('between the end and the offer leaves it to the next sweep', async () => {
    const world = await solo();
    granted(await ask(world, 'maria'));
    const { request } = await queue(world, 'sam');
    const dying = { ...world.ledger };
    let isDead = false;
    const remove = world.okta.remove;
    const directory = async () => ({
      ...world.okta,
      remove: async (...args: Parameters<typeof remove>) => {
        const done = await remove(...args);
        isDead = true;
        return done;
      },
    });
    const write: typeof dying.write = (work) => (isDead ? Promise.reject(new Error('died')) : world.ledger.write(work));
    await expect(world.as('maria', { directory, ledger: async () => ({ ...dying, write }) }).release({ id: 'migration' })).rejects.toThrow(
      'died',
    );
    expect([world.okta.in('db'), await stateOf(world, request.id)]).toEqual([[], 'queued']);
    await world.sweepAfter(2 * minute);
    await world.sweepAfter(3 * minute);
    expect(await stateOf(world, request.id)).toBe('offered');
  });
});
