/** Every access, told from the trail: why, who said yes, when it was to end and did, and how. */

import { describe, expect, it } from 'vitest';
import { accessCsv } from '../../src/commands/access-csv.ts';
import { ProviderError } from '../../src/errors.ts';
import type { Access } from '../../src/lifecycle/accesses.ts';
import type { Role } from '../../src/policy/types.ts';
import { company, granted, hour, minute, onCall, role, rule, user, type World } from './world.ts';

const ask = { role: 'db-admin', asked: { forMs: hour } } as const;
const web = { directory: 'okta', group: 'web' };
const all = async (world: World, who = 'boss', input = {}): Promise<readonly Access[]> => (await world.as(who).accesses(input)).accesses;

describe('an access', () => {
  it('is told from asking to its end, with the rules and what was found', async () => {
    const guarded = role('guarded', { allow: [rule(onCall, { name: 'guarded.allow[0]' })] });
    const world = await company({ roles: [guarded] });
    const startsAt = world.now - hour;
    world.shifts = [{ schedule: 'PDB', email: 'maria@acme.dev', start: startsAt, end: null, level: 1 }];
    const asked = world.now;
    const { request } = granted(await world.as('maria').request({ ...ask, role: 'guarded', reason: 'page 4711' }));
    await world.sweepAfter(90 * minute);
    expect(await all(world)).toEqual([
      {
        seq: expect.any(Number),
        requestId: request.id,
        origin: 'asked',
        holder: 'maria@acme.dev',
        role: 'guarded',
        target: { directory: 'okta', group: 'db' },
        reason: 'page 4711',
        findings: [
          expect.objectContaining({
            rule: 'guarded.allow[0]',
            because: 'on call for "PDB"',
            evidence: [expect.objectContaining({ schedule: 'PDB', startsAt })],
          }),
        ],
        approvers: [],
        askedAt: asked,
        beganAt: asked,
        plannedEnd: asked + hour,
        endedAt: asked + 90 * minute,
        how: 'expired',
        endedBy: 'sweep',
      },
    ]);
  });

  it('has who said yes, and the requester’s own reason', async () => {
    const asking = role('asking', { allow: [], ask: [rule(user('maria'), { name: 'asking.ask[0]' })], approvers: [rule(user('ana'))] });
    const world = await company({ roles: [asking] });
    const { request } = granted(await world.as('maria').request({ ...ask, role: 'asking', reason: 'migration' }));
    const asked = world.now;
    world.now += 5 * minute;
    await world.as('ana').approve({ id: request.id, reason: 'go ahead' });
    await world.as('maria').release({ id: request.id, reason: 'done' });
    expect(await all(world)).toMatchObject([
      {
        ...{ reason: 'migration', approvers: ['ana@acme.dev'], askedAt: asked, beganAt: asked + 5 * minute },
        ...{ how: 'released', endedBy: 'maria@acme.dev', because: 'done' },
        findings: [{ rule: 'asking.ask[0]' }],
      },
    ]);
  });

  it('is told each time, also under one request, with the end that was moved', async () => {
    const world = await company();
    granted(await world.as('maria').request({ ...ask, reason: 'first' }));
    const moved = granted(await world.as('maria').request({ ...ask, asked: { forMs: 3 * hour } }));
    await world.as('boss').revoke({ id: moved.request.id, reason: 'lost laptop' });
    world.now += hour;
    await world.sweepAfter(0);
    granted(await world.as('maria').request(ask));
    const [first, second, third] = await all(world);
    expect(first).toMatchObject({
      reason: 'first',
      plannedEnd: moved.request.expiresAt,
      how: 'revoked',
      endedBy: 'boss@acme.dev',
      because: 'lost laptop',
    });
    expect(second).not.toHaveProperty('reason');
    expect(second).not.toHaveProperty('endedAt');
    expect(third).toBeUndefined();
  });

  it('under one id is told anew where it was given again before its removal was confirmed', async () => {
    const world = await company();
    const { request } = granted(await world.as('maria').request({ ...ask, reason: 'first' }));
    world.okta.fail('remove', new ProviderError('okta', 'unavailable', 'okta is down', { applied: 'no' }), 'before', 1);
    await world.as('maria').release({ id: request.id });
    world.now += minute;
    const again = granted(await world.as('maria').request({ ...ask, reason: 'second' }));
    await world.sweepAfter(5 * minute);
    expect(again.request.id).toBe(request.id);
    expect((await all(world)).map(({ requestId, reason, how }) => [requestId, reason, how])).toEqual([
      [request.id, 'first', 'released'],
      [request.id, 'second', undefined],
    ]);
  });

  it('is told for every group, and says where somebody was in before', async () => {
    const both = role('both', { targets: [{ directory: 'okta', group: 'db' }, web] });
    const world = await company({ roles: [both], members: { web: ['maria@acme.dev'] } });
    granted(await world.as('maria').request({ ...ask, role: 'both' }));
    expect((await all(world)).map(({ target, wasIn }) => [target.group, wasIn ?? false])).toEqual([
      ['db', false],
      ['web', true],
    ]);
  });

  it('keeps why it was given whatever is told of it meanwhile', async () => {
    const both = role('both', { targets: [{ directory: 'okta', group: 'db' }, web] });
    const world = await company({ roles: [both] });
    world.okta.fail('add', new ProviderError('okta', 'forbidden', 'no right to add', { applied: 'no' }), 'before', 1);
    const { request } = granted(await world.as('maria').request({ ...ask, role: 'both', reason: 'page 4711' }));
    await world.ledger.write((q) =>
      q.record({ type: 'request.expiring', actor: 'sweep', requestId: request.id, holder: request.requester.email }),
    );
    granted(await world.as('maria').request({ ...ask, role: 'both' }));
    const found = await all(world);
    expect(found).toHaveLength(3);
    expect(found.at(-1)).toMatchObject({ reason: 'page 4711', findings: [{ rule: 'both.allow[0]' }] });
  });

  it('that the policy gives, or an admin has taken over, says so', async () => {
    const standing = {
      people: [{ email: 'maria@acme.dev', why: 'owns the platform' }],
      reviewAt: Date.parse('2027-02-01T00:00:00Z'),
      ifMissed: 'alert' as const,
    };
    const roles = [role('prod-read', { allow: [], standing, targets: [web] })];
    const world = await company({ roles, exclusive: ['web'], members: { web: ['sam@acme.dev'] } });
    await world
      .as('boss')
      .adopt({ directory: 'okta', group: 'web', end: { forMs: hour }, decided: { standing: [], ending: ['sam@acme.dev@okta/web'] } });
    await world.sweepAfter(minute);
    await world.sweepAfter(2 * hour);
    expect(await all(world)).toMatchObject([
      { holder: 'sam@acme.dev', origin: 'adopted', role: 'prod-read', approvers: ['boss@acme.dev'], wasIn: true, how: 'expired' },
      { holder: 'maria@acme.dev', origin: 'standing', reason: 'owns the platform', findings: [{ rule: 'prod-read.standing' }] },
    ]);
  });
});

describe('an emergency', () => {
  const breakGlass = {
    when: [rule(user('maria'), { name: 'db-admin.breakGlass.when[0]' })],
    ttl: { defaultMs: hour, maxMs: 2 * hour },
    review: { by: [rule(user('boss'))], withinMs: 72 * hour },
  };

  it('has by when somebody was to look at it, who did, and what they wrote, also once the access has ended', async () => {
    const world = await company({ roles: [role('db-admin', { breakGlass })] });
    const dueAt = world.now + 72 * hour;
    const { request } = granted(await world.as('maria').request({ ...ask, reason: 'no one answers', breakGlass: true }));
    expect(await all(world)).toMatchObject([{ origin: 'break-glass', review: { dueAt } }]);
    await world.sweepAfter(73 * hour);
    await world.as('boss').approve({ id: request.id, reason: 'was needed' });
    expect(await all(world)).toMatchObject([
      { how: 'expired', approvers: [], review: { dueAt, at: world.now, by: 'boss@acme.dev', reason: 'was needed' } },
    ]);
  });

  it('that has been reviewed is owed again by whoever makes it last longer, and a reviewer has not said yes to it', async () => {
    const world = await company({ roles: [role('db-admin', { breakGlass, targets: [{ directory: 'okta', group: 'db' }, web] })] });
    const emergency = { ...ask, reason: 'no one answers', breakGlass: true } as const;
    world.okta.fail('add', new ProviderError('okta', 'forbidden', 'no right to add', { applied: 'no' }), 'before', 1);
    const { request } = granted(await world.as('maria').request(emergency));
    await world.as('boss').approve({ reason: 'all in order', id: request.id });
    world.now += hour / 2;
    expect(granted(await world.as('maria').request(emergency)).request.id).toBe(request.id);
    const found = await all(world);
    expect(found).toHaveLength(3);
    expect(found.at(-1)).toMatchObject({ approvers: [], review: { dueAt: world.now + 72 * hour } });
    expect(found.at(-1)?.review).not.toHaveProperty('at');
  });
});

describe('standing access', () => {
  const day = 24 * hour;
  const reviewAt = Date.parse('2027-02-01T00:00:00Z');
  const prodRead = (over: Partial<NonNullable<Role['standing']>> = {}) =>
    role('prod-read', {
      ...{ allow: [], targets: [web] },
      standing: { people: [{ email: 'maria@acme.dev', why: 'owns the platform' }], reviewAt, ifMissed: 'alert', ...over },
    });
  const named = async (one: Role) => {
    const world = await company({ roles: [one], exclusive: ['web'] });
    await world.sweepAfter(minute);
    return world;
  };
  const sweepBy = (world: World, one: Role, digest: string) =>
    world.as('cron', { policy: { ...world.policy, digest, roles: { [one.name]: one } } }).sweep({});

  it('has the day of its review, as the policy said it last, and the day and the policy by which that was moved on', async () => {
    const world = await named(prodRead());
    expect((await all(world))[0]?.review).toEqual({ dueAt: reviewAt, ifMissed: 'alert' });
    world.now += day;
    await sweepBy(world, prodRead({ reviewAt: reviewAt + 90 * day }), 'moved-on');
    const moved = { dueAt: reviewAt + 90 * day, ifMissed: 'alert', at: world.now, moved: { from: reviewAt, policyDigest: 'moved-on' } };
    expect(await all(world)).toMatchObject([
      { review: moved, findings: [{ because: 'named under standing, to be reviewed by 2027-05-01: owns the platform' }] },
    ]);
    world.now += day;
    await sweepBy(
      world,
      prodRead({ reviewAt: reviewAt + 90 * day, people: [{ email: 'maria@acme.dev', why: 'deputy' }] }),
      'another-reason',
    );
    expect(await all(world)).toMatchObject([{ review: moved, reason: 'deputy' }]);
    expect((await world.as('boss').verify({})).breach).toBeUndefined();
  });

  it.each([
    ['end', 2 * day, 'review-missed'],
    ['alert', 100 * day, 'not-renewed'],
  ] as const)('that came to its own end says why: %s', async (ifMissed, ahead, told) => {
    const start = Date.parse('2026-11-22T03:00:00Z');
    const world = await named(prodRead({ ifMissed, reviewAt: start + ahead }));
    await world.sweepAfter(8 * day);
    const [first] = await all(world);
    expect(first).toMatchObject({ how: 'expired', endedBy: 'sweep' });
    expect(accessCsv(first === undefined ? [] : [first])).toContain(`,${told},sweep,`);
  });

  it('has also a day that was moved where its end was not, and nobody has looked for that', async () => {
    const ending = { ifMissed: 'end' } as const;
    const world = await named(prodRead(ending));
    world.now += minute;
    const sooner = world.now + day;
    await sweepBy(world, prodRead({ ...ending, reviewAt: sooner }), 'sooner');
    expect((await all(world))[0]?.review).toEqual({ dueAt: sooner, ifMissed: 'end' });
    const types = (await world.as('boss').audit({ role: 'prod-read' })).map(({ type }) => type);
    expect(types.filter((type) => type === 'standing.changed' || type === 'request.extended')).toEqual(['standing.changed']);
    world.now = sooner;
    await sweepBy(world, prodRead({ ...ending, reviewAt: sooner }), 'sooner');
    expect(await all(world)).toMatchObject([{ how: 'expired', because: expect.stringContaining('was missed'), review: { dueAt: sooner } }]);
  });
});

describe('which accesses are told', () => {
  const busy = async () => {
    const world = await company({ roles: [role('db-admin'), role('web', { targets: [web], approvers: [rule(user('ana'))] })] });
    const start = world.now;
    granted(await world.as('maria').request(ask));
    granted(await world.as('sam').request({ ...ask, role: 'web' }));
    await world.sweepAfter(2 * hour);
    granted(await world.as('ana').request({ ...ask, asked: { forMs: 10 * hour } }));
    return { world, start };
  };
  const whose = (found: readonly Access[]) => found.map(({ holder }) => holder.split('@')[0]);

  it('can be said by time: what lasted in it', async () => {
    const { world, start } = await busy();
    expect(whose(await all(world))).toEqual(['maria', 'sam', 'ana']);
    expect(whose(await all(world, 'boss', { since: start + 2 * hour + 1 }))).toEqual(['ana']);
    expect(whose(await all(world, 'boss', { since: start + hour }))).toEqual(['maria', 'sam', 'ana']);
    expect(whose(await all(world, 'boss', { until: start + hour }))).toEqual(['maria', 'sam']);
    expect(whose(await all(world, 'boss', { since: start + 20 * hour }))).toEqual(['ana']);
  });

  it('can be said by person and by role', async () => {
    const { world } = await busy();
    expect(whose(await all(world, 'boss', { user: 'SAM@acme.dev' }))).toEqual(['sam']);
    expect(whose(await all(world, 'boss', { role: 'db-admin' }))).toEqual(['maria', 'ana']);
    expect(whose(await all(world, 'boss', { role: 'web', user: 'maria@acme.dev' }))).toEqual([]);
  });

  it('comes in pages that leave nothing out', async () => {
    const { world } = await busy();
    const found: Access[] = [];
    for (let after = 0; ; ) {
      const { accesses, more } = await world.as('boss').accesses({ after, limit: 2 });
      expect(accesses.length).toBeLessThanOrEqual(2);
      found.push(...accesses);
      if (more === undefined) break;
      after = more;
    }
    expect(found).toEqual(await all(world));
  });

  it('are all of them to admins, those of a role to who approves it, and to everybody their own', async () => {
    const { world } = await busy();
    expect(whose(await all(world, 'maria'))).toEqual(['maria']);
    expect(whose(await all(world, 'ana'))).toEqual(['sam', 'ana']);
    expect(whose(await all(world, 'standing'))).toEqual([]);
    expect(whose(await all(world, 'maria', { user: 'sam@acme.dev' }))).toEqual([]);
  });
});

describe('the plain list', () => {
  it('can be said by time, person and role, as far as the caller may read it', async () => {
    const world = await company({ roles: [role('db-admin'), role('web', { targets: [web] })] });
    const start = world.now;
    const { request } = granted(await world.as('maria').request(ask));
    granted(await world.as('sam').request({ ...ask, role: 'web' }));
    await world.sweepAfter(2 * hour);
    const audit = (input: object, who = 'boss') => world.as(who).audit(input);
    const everything = await audit({});
    expect(await audit({ since: start + 1 })).toEqual(everything.filter(({ at }) => at > start));
    expect(await audit({ until: start + 1 })).toEqual(everything.filter(({ at }) => at <= start));
    expect(new Set((await audit({ user: 'maria@acme.dev' })).map(({ requestId }) => requestId))).toEqual(new Set([request.id]));
    expect((await audit({ role: 'web' })).filter(({ type }) => type === 'grant.ended')).toHaveLength(1);
    expect(await audit({ role: 'db-admin', user: 'sam@acme.dev' })).toEqual([]);
    expect(await audit({ user: 'sam@acme.dev' }, 'maria')).toEqual([]);
    expect((await audit({ user: 'maria@acme.dev', limit: 1 }))[0]).toMatchObject({ type: 'grant.ended', requestId: request.id });
  });
});
