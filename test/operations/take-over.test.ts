/** `adopt`: what oncall did not give is never removed, until an admin has said so about each person; then they leave like anybody else. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import type { AdoptInput, AdoptResult } from '../../src/operations/take-over-types.ts';
import type { Role } from '../../src/policy/types.ts';
import { company, granted, hour, minute, role, rule, user, type World } from './world.ts';

const day = 24 * hour;
const reviewAt = Date.parse('2027-02-01T00:00:00Z');
const prodRead = (over: Partial<Role> = {}): Role =>
  role('prod-read', {
    allow: [rule(user('ana'))],
    standing: { people: [{ email: 'maria@acme.dev', why: 'owns the platform' }], reviewAt, ifMissed: 'alert' },
    ...over,
  });

type Options = Parameters<typeof company>[0];
const members = ['maria@acme.dev', 'sam@acme.dev', 'standing@acme.dev'];
const company3 = (more: Options = {}): Promise<World> =>
  company({ exclusive: ['db'], members: { db: members }, roles: [prodRead()], ...more });

const here = { directory: 'okta', group: 'db' } as const;
const month = { ...here, end: { forMs: 30 * day } };
const asListed = ({ members: all }: AdoptResult) => ({
  standing: all.filter((one) => one.as === 'standing').map(({ id }) => id),
  ending: all.filter((one) => one.as === 'ending').map(({ id }) => id),
});

/** Lists, and confirms what was listed. */
async function adopt(world: World, input: AdoptInput, by = 'boss'): Promise<AdoptResult> {
  const listed = await world.as(by).adopt(input);
  return world.as(by).adopt({ ...input, decided: asListed(listed) });
}
const fates = ({ members: all }: AdoptResult) => all.map(({ holder, as }) => [holder.split('@')[0], as]);
const removals = (world: World) => world.okta.calls.filter(({ verb }) => verb === 'remove').map(({ user: who }) => who);

describe('before it', () => {
  it('nobody gets into an exclusive group with members whom nothing explains, and every door names the way out', async () => {
    const world = await company3();
    const next = expect.stringContaining('oncall adopt okta/db');
    await expect(world.as('ana').request({ role: 'prod-read', asked: { forMs: hour } })).rejects.toMatchObject({
      code: 'uncovered-members',
      next,
    });
    const { faults } = await world.as('boss').status({});
    expect(faults.map(({ code }) => code)).toEqual(['uncovered', 'uncovered', 'uncovered']);
    expect(faults.flatMap((one) => one.next ?? [])).toEqual([next]);
    expect((await world.as('boss').doctor()).checks).toContainEqual(expect.objectContaining({ area: 'members', outcome: 'fault', next }));
    await world.sweepAfter(30 * day);
    expect(world.okta.in('db')).toEqual(members);
  });

  it('it lists who would be what, and changes nothing', async () => {
    const world = await company3();
    const head = await world.ledger.read((q) => q.head());
    const listed = await world.as('boss').adopt(month);
    expect(listed).toMatchObject({ result: 'listed', role: 'prod-read', exclusive: true, covered: 0 });
    expect(listed.members).toMatchObject([
      { id: 'maria@acme.dev@okta/db', people: ['maria@acme.dev'], as: 'standing' },
      { holder: 'sam@acme.dev', as: 'ending', until: world.now + 30 * day },
      { holder: 'standing@acme.dev', as: 'ending' },
    ]);
    expect(fates(await world.as('boss').adopt(here))).toEqual([
      ['maria', 'standing'],
      ['sam', 'left'],
      ['standing', 'left'],
    ]);
    expect(await world.ledger.read((q) => q.head())).toEqual(head);
  });
});

describe('whoever is taken over', () => {
  it('stays in without a call, and leaves at their end, or when the policy names them no longer', async () => {
    const world = await company3();
    const done = await adopt(world, month);
    expect(fates(done)).toEqual([
      ['maria', 'standing'],
      ['sam', 'ending'],
      ['standing', 'ending'],
    ]);
    expect(world.okta.calls.filter(({ verb }) => verb === 'add' || verb === 'remove')).toEqual([]);
    const { requests, grants, faults } = await world.as('boss').status({});
    expect(requests.map(({ requester, origin, expiresAt }) => [requester.email, origin, (expiresAt ?? 0) - world.now]).sort()).toEqual([
      ['maria@acme.dev', 'standing', 7 * day],
      ['sam@acme.dev', 'adopted', 30 * day],
      ['standing@acme.dev', 'adopted', 30 * day],
    ]);
    expect(grants.map(({ state, owned }) => [state, owned])).toEqual(Array(3).fill(['active', true]));
    expect(faults).toEqual([]);
    for (let passed = 0; passed < 29; passed++) await world.sweepAfter(day);
    expect(world.okta.in('db')).toEqual(members);
    await world.sweepAfter(day);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    const without = {
      ...world.policy,
      roles: { 'prod-read': prodRead({ standing: { people: [{ email: 'sam@acme.dev', why: 'x' }], reviewAt, ifMissed: 'alert' } }) },
    };
    world.now += minute;
    await world.as('cron', { policy: without }).sweep({});
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
  });

  it('is on record, with who said so and until when', async () => {
    const world = await company3();
    await adopt(world, { ...month, reason: 'roll-out' });
    const events = (await world.as('boss').audit({})).filter(({ type }) => type === 'member.taken-over');
    expect(
      events.map(({ actor, holder, role: as, target, reason, data }) => [actor, holder, as, target, reason, (data as { as: string }).as]),
    ).toEqual([
      ['boss@acme.dev', 'maria@acme.dev', 'prod-read', 'okta/db', 'roll-out', 'standing'],
      ['boss@acme.dev', 'sam@acme.dev', 'prod-read', 'okta/db', 'roll-out', 'ending'],
      ['boss@acme.dev', 'standing@acme.dev', 'prod-read', 'okta/db', 'roll-out', 'ending'],
    ]);
    expect((await world.as('boss').verify({})).breach).toBeUndefined();
  });

  it('lets the next one in at once where nobody is left unexplained, and not before', async () => {
    const world = await company3();
    const ask = { role: 'prod-read', asked: { forMs: hour } } as const;
    await adopt(world, here);
    await expect(world.as('ana').request(ask)).rejects.toMatchObject({ code: 'uncovered-members' });
    await adopt(world, month);
    granted(await world.as('ana').request(ask));
    expect(world.okta.in('db')).toEqual(['ana@acme.dev', ...members]);
    await world.sweepAfter(2 * hour);
    expect(world.okta.in('db')).toEqual(members);
  });

  it('can give it back, and can be revoked', async () => {
    const world = await company3();
    await adopt(world, month);
    await world.as('sam').release({ id: 'prod-read' });
    expect(world.okta.in('db')).toEqual(['maria@acme.dev', 'standing@acme.dev']);
    await world.as('boss').revoke({ role: 'prod-read' });
    expect(world.okta.in('db')).toEqual([]);
  });

  it('of whom nobody knows who that is, is called by the name in the directory', async () => {
    const world = await company({ exclusive: [], members: { db: ['standing@acme.dev'] } });
    world.okta.addUser('svc-backup');
    world.okta.put('svc-backup', 'db');
    const done = await adopt(world, { ...here, end: { forMs: day } });
    expect(done.members.map(({ holder, people, as }) => [holder, people, as])).toEqual([
      ['standing@acme.dev', ['standing@acme.dev'], 'ending'],
      ['svc-backup', [], 'ending'],
    ]);
    await world.sweepAfter(2 * day);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('was in before a grant of theirs, and is out after both have ended', async () => {
    const world = await company({ members: { db: ['sam@acme.dev'] } });
    granted(await world.as('sam').request({ role: 'db-admin', asked: { forMs: hour } }));
    await adopt(world, { ...here, end: { forMs: 3 * hour } });
    await world.sweepAfter(2 * hour);
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    await world.sweepAfter(2 * hour);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('takes the places of a role with few, so that nobody comes beside them', async () => {
    const world = await company3({ roles: [prodRead({ maxHolders: 1 })] });
    await adopt(world, { ...here, end: { forMs: day } });
    expect(await world.as('ana').request({ role: 'prod-read', asked: { forMs: hour } })).toMatchObject({ result: 'taken' });
    expect(await world.ledger.read((q) => q.placesTaken('prod-read'))).toHaveLength(1);
  });

  it('as standing is not taken over twice, nor given twice by the sweep', async () => {
    const world = await company3();
    await adopt(world, month);
    await world.sweepAfter(20 * minute);
    expect(fates(await world.as('boss').adopt(month))).toEqual([]);
    expect((await world.as('boss').status({})).requests).toHaveLength(3);
  });

  it('as standing in one group of the role is let into the others by the sweep', async () => {
    const targets = ['db', 'web'].map((group) => ({ directory: 'okta', group }));
    const world = await company3({ roles: [prodRead({ targets })], exclusive: ['db', 'web'] });
    await adopt(world, month);
    await world.sweepAfter(20 * minute);
    expect(world.okta.in('web')).toEqual(['maria@acme.dev']);
    expect((await world.as('boss').status({})).requests.filter(({ origin }) => origin === 'standing')).toHaveLength(1);
  });
});

describe('nobody is taken over', () => {
  it('by anybody but an admin', async () => {
    const world = await company3();
    await expect(world.as('maria').adopt(month)).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
    await expect(world.as('maria').adopt({ ...month, decided: { standing: [], ending: ['sam@acme.dev@okta/db'] } })).rejects.toMatchObject({
      exit: 3,
    });
  });

  it('who was not confirmed, or is gone meanwhile, or has come meanwhile', async () => {
    const world = await company3();
    const listed = await world.as('boss').adopt(month);
    world.okta.take('sam@acme.dev', 'db');
    world.okta.put('ana@acme.dev', 'db');
    const done = await world.as('boss').adopt({ ...month, decided: asListed(listed) });
    expect([fates(done), done.gone]).toEqual([
      [
        ['ana', 'left'],
        ['maria', 'standing'],
        ['standing', 'ending'],
      ],
      ['sam@acme.dev@okta/db'],
    ]);
    for (let passed = 0; passed < 60; passed++) await world.sweepAfter(day);
    expect(removals(world)).toEqual(['standing@acme.dev']);
    expect(world.okta.in('db')).toEqual(['ana@acme.dev', 'maria@acme.dev']);
  });

  it('otherwise than was confirmed', async () => {
    const world = await company3();
    await expect(world.as('boss').adopt({ ...month, decided: { standing: ['sam@acme.dev@okta/db'], ending: [] } })).rejects.toMatchObject({
      code: 'changed-meanwhile',
    });
    await expect(world.as('boss').adopt({ ...month, decided: { standing: [], ending: ['maria@acme.dev@okta/db'] } })).rejects.toMatchObject(
      { code: 'changed-meanwhile' },
    );
    expect((await world.as('boss').status({})).requests).toEqual([]);
  });

  it('who is just being taken out, as a reading can be older than that', async () => {
    const world = await company({ members: { db: [] } });
    granted(await world.as('sam').request({ role: 'db-admin', asked: { forMs: hour } }));
    await world.as('sam').release({ id: 'db-admin' });
    world.okta.put('sam@acme.dev', 'db');
    const done = await world.as('boss').adopt({ ...month, decided: { standing: [], ending: ['sam@acme.dev@okta/db'] } });
    expect(done.members).toMatchObject([{ as: 'left', why: expect.stringContaining('just now') }]);
    world.now += 5 * minute;
    expect(fates(await adopt(world, month))).toEqual([['sam', 'ending']]);
  });

  it('as standing who is blocked, or whose review was missed where that ends it', async () => {
    const world = await company3();
    const blocked = { policy: { ...world.policy, blocked: ['maria@acme.dev'] } };
    expect(fates(await world.as('boss', blocked).adopt(here))[0]).toEqual(['maria', 'left']);
    const ending = prodRead({ standing: { people: [{ email: 'maria@acme.dev', why: 'x' }], reviewAt: world.now - 1, ifMissed: 'end' } });
    const missed = { policy: { ...world.policy, roles: { 'prod-read': ending } } };
    expect(fates(await world.as('boss', missed).adopt(here))[0]).toEqual(['maria', 'left']);
  });

  it('in a group that no role gives, that nobody finds, or that cannot be changed', async () => {
    const world = await company3({
      roles: [prodRead(), role('other'), role('lost', { targets: [{ directory: 'okta', group: 'nowhere' }] })],
    });
    const boss = world.as('boss');
    await expect(boss.adopt({ ...here, group: 'web' })).rejects.toMatchObject({ code: 'not-managed', exit: 2 });
    await expect(boss.adopt({ ...here, directory: 'aws' })).rejects.toMatchObject({
      code: 'not-managed',
      why: 'there is no directory "aws"',
    });
    await expect(boss.adopt(here)).rejects.toMatchObject({ code: 'which-role', next: expect.stringContaining('--role prod-read') });
    await expect(boss.adopt({ ...here, role: 'lost' })).rejects.toMatchObject({ code: 'wrong-role' });
    await expect(boss.adopt({ ...here, group: 'nowhere' })).rejects.toMatchObject({ code: 'unknown-group' });
    await expect(boss.adopt({ ...here, role: 'prod-read', end: { untilMs: world.now } })).rejects.toMatchObject({ code: 'end-over' });
    world.okta.fail('findGroup', new ProviderError('okta', 'refused', 'a rule keeps this group', { applied: 'no' }));
    await expect(boss.adopt({ ...here, role: 'other' })).rejects.toMatchObject({ code: 'directory-refused' });
  });

  it('while nothing would take them out again, or the ledger has lost what it knew', async () => {
    const world = await company3();
    const { decided } = { decided: asListed(await world.as('boss').adopt(month)) };
    world.now += hour;
    await expect(world.as('boss').adopt({ ...month, decided })).rejects.toMatchObject({ code: 'sweep-late' });
    await world.sweepAfter(0);
    const anchor = { read: async () => ({ ledger: 'test', seq: 900, hash: 'f'.repeat(64), at: world.now }), keep: async () => undefined };
    await expect(world.as('boss', { anchor }).adopt({ ...month, decided })).rejects.toMatchObject({ code: 'ledger-behind' });
  });

  it('by a reading of long ago', async () => {
    const world = await company3();
    const decided = asListed(await world.as('boss').adopt(month));
    const slow = {
      directory: async () => ({
        ...world.okta,
        members: async (...given: Parameters<typeof world.okta.members>) => {
          const all = await world.okta.members(...given);
          world.now += 4 * minute;
          return all;
        },
      }),
    };
    await expect(world.as('boss', slow).adopt({ ...month, decided })).rejects.toMatchObject({ code: 'facts-old' });
  });
});
