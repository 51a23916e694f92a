/** Standing access: who is named gets in by the sweep, stays while the policy says so, and every access has an end all the same. */

import { describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import { ProviderError } from '../../src/errors.ts';
import { standingMs } from '../../src/lifecycle/standing.ts';
import type { Deps } from '../../src/operations/deps.ts';
import type { SweepResult } from '../../src/operations/types.ts';
import type { Role } from '../../src/policy/types.ts';
import { company, granted, hour, minute, role, rule, user, type World } from './world.ts';

const day = 24 * hour;
const reviewAt = Date.parse('2027-02-01T00:00:00Z');
const why = 'owns the platform';

const standing = (over: Partial<NonNullable<Role['standing']>> = {}): Partial<Role> => ({
  allow: [],
  standing: { people: [{ email: 'maria@acme.dev', why }], reviewAt, ifMissed: 'alert', ...over },
});

const prodRead = (over: Partial<NonNullable<Role['standing']>> = {}, more: Partial<Role> = {}): Role =>
  role('prod-read', { ...standing(over), ...more });

type Options = Parameters<typeof company>[0];
const withRole = (one: Role, more: Options = {}): Promise<World> => company({ exclusive: ['db'], roles: [one], swept: false, ...more });

/** A sweep by the policy as it is from now on. */
const sweepBy = (
  world: World,
  roles: readonly Role[],
  over: Partial<Deps> = {},
  policy: Partial<Deps['policy']> = {},
): Promise<SweepResult> =>
  world
    .as('cron', { policy: { ...world.policy, roles: Object.fromEntries(roles.map((one) => [one.name, one])), ...policy }, ...over })
    .sweep({});

const open = async (world: World) => (await world.as('boss').status({})).requests;
const eventsOf = async (world: World, type: string) => (await world.as('boss').audit({})).filter((event) => event.type === type);
const told = ({ steps }: SweepResult) =>
  steps
    .filter(({ action }) => ['give', 'kept-out', 'review'].includes(action))
    .map(({ action, outcome, because }) => `${action} ${outcome}: ${because}`);

describe('whoever is named', () => {
  it('is let in by the sweep, with the reason that the policy gives, as a grant like any other', async () => {
    const world = await withRole(prodRead());
    expect(told(await world.sweepAfter(0))).toEqual([`give done: ${why}`]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    const [request] = await open(world);
    expect(request).toMatchObject({
      origin: 'standing',
      requester: { issuer: 'policy', email: 'maria@acme.dev' },
      reason: why,
      asked: { untilMs: reviewAt },
      expiresAt: world.now + standingMs,
      decision: {
        outcome: 'allow',
        heldBy: ['prod-read.standing'],
        findings: [{ rule: 'prod-read.standing', because: `named under standing, to be reviewed by 2027-01-31: ${why}` }],
      },
    });
    expect(await eventsOf(world, 'request.approved')).toMatchObject([
      { actor: 'sweep', holder: 'maria@acme.dev', data: { origin: 'standing' } },
    ]);
    expect(told(await world.sweepAfter(5 * minute))).toEqual([]);
    expect(await open(world)).toHaveLength(1);
  });

  it('is told so by explain and roles, before and after', async () => {
    const world = await withRole(prodRead());
    await sweepBy(world, [role('other')]);
    const ask = { role: 'prod-read', asked: { byDefault: true } } as const;
    const told = async (who: string) => (await world.as('boss').explain({ ...ask, user: `${who}@acme.dev` })).standing;
    expect(await told('maria')).toEqual({ why, review: '2027-01-31' });
    await world.sweepAfter(0);
    expect(await told('maria')).toEqual({ why, review: '2027-01-31', held: (await open(world))[0]?.id });
    expect(await told('sam')).toBeUndefined();
    // By asking they get nothing besides; that they are in is what they want to know.
    expect(await world.as('maria').request(ask)).toMatchObject({
      result: 'denied',
      error: { why: expect.stringContaining(`in already by the policy, as standing (${(await open(world))[0]?.id})`) },
    });
    expect((await world.as('sam').roles())[0]?.rules).toEqual([`standing: maria@acme.dev (${why})`, 'review: 2027-01-31']);
    await world.as('maria').release({ id: 'prod-read' });
    await world.sweepAfter(minute);
    expect(await told('maria')).toMatchObject({ keptOut: expect.stringContaining('given back') });
  });

  it('stays for months, though every end is near: the sweep moves it on while the policy says so', async () => {
    const world = await withRole(prodRead());
    for (let passed = 0; passed < 60 * day; passed += day) expect((await world.sweepAfter(day)).failed).toBe(0);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    const [request] = await open(world);
    expect((request?.expiresAt ?? 0) - world.now).toBeGreaterThan(standingMs / 2 - day);
    expect(world.okta.calls.filter(({ verb }) => verb === 'add')).toHaveLength(1);
    expect((await eventsOf(world, 'request.extended')).length).toBeLessThan(20);
  });

  it('is out when the policy was lost or has faults for longer than its end, and untouched before that', async () => {
    const world = await withRole(prodRead());
    await world.sweepAfter(0);
    const faulty = { policyFault: 'the policy has a fault' };
    const before = await open(world);
    for (let passed = 0; passed < 6; passed++) {
      world.now += day;
      await sweepBy(world, [], faulty);
    }
    expect([world.okta.in('db'), await open(world)]).toEqual([['maria@acme.dev'], before]);
    world.now += 2 * day;
    await sweepBy(world, [], faulty);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('is let in again where the sweep was off for longer than that', async () => {
    const world = await withRole(prodRead());
    await world.sweepAfter(0);
    await world.sweepAfter(30 * day);
    await world.sweepAfter(minute);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('gets every group of the role, and one that the role gets later', async () => {
    const targets = ['db', 'web'].map((group) => ({ directory: 'okta', group }));
    const world = await withRole(prodRead(), { exclusive: ['db', 'web'] });
    await world.sweepAfter(0);
    const both = prodRead({}, { targets });
    world.now += 20 * minute;
    await sweepBy(world, [both]);
    world.now += 20 * minute;
    await sweepBy(world, [both]);
    expect([world.okta.in('db'), world.okta.in('web')]).toEqual([['maria@acme.dev'], ['maria@acme.dev']]);
    expect(await open(world)).toHaveLength(1);
    world.now += 20 * minute;
    await sweepBy(world, [prodRead({}, { targets: targets.slice(1) })]);
    expect([world.okta.in('db'), world.okta.in('web')]).toEqual([[], ['maria@acme.dev']]);
  });

  it('keeps it when what they asked for beside it ends', async () => {
    const both = prodRead({}, { allow: [rule(user('maria'))] });
    const world = await withRole(both);
    await world.sweepAfter(0);
    granted(await world.as('maria').request({ role: 'prod-read', asked: { forMs: hour } }));
    await world.sweepAfter(2 * hour);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect((await open(world)).map(({ origin }) => origin)).toEqual(['standing']);
  });

  it('takes a place of a role with few, and is not let in where none is free', async () => {
    const one = prodRead({}, { maxHolders: 1, allow: [rule(user('sam'))] });
    const world = await company({ exclusive: ['db'], roles: [role('prod-read', { maxHolders: 1, allow: [rule(user('sam'))] })] });
    granted(await world.as('sam').request({ role: 'prod-read', asked: { forMs: hour } }));
    expect(told(await sweepBy(world, [one]))).toEqual(['give failed: every place of prod-read is taken']);
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    world.now += 2 * hour;
    await sweepBy(world, [one]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    const refusal = await world
      .as('sam', { policy: { ...world.policy, roles: { 'prod-read': one } } })
      .request({ role: 'prod-read', asked: { forMs: hour } });
    expect(refusal).toMatchObject({ result: 'taken' });
  });
});

describe('whoever is not to have it', () => {
  it('is out with the next sweep once they are named no longer, and gets it back by asking where that is allowed', async () => {
    const ask = { role: 'prod-read', asked: { forMs: hour } } as const;
    const world = await withRole(prodRead());
    await world.sweepAfter(0);
    const without = prodRead({ people: [{ email: 'sam@acme.dev', why: 'on call' }] }, { allow: [rule(user('maria'))] });
    world.now += 5 * minute;
    const swept = await sweepBy(world, [without]);
    expect(swept.steps).toContainEqual(
      expect.objectContaining({
        action: 'end',
        outcome: 'done',
        holder: 'maria@acme.dev',
        because: 'no longer named under prod-read.standing',
      }),
    );
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    granted(await world.as('maria', { policy: { ...world.policy, roles: { 'prod-read': without } } }).request(ask));
    expect(world.okta.in('db')).toEqual(['maria@acme.dev', 'sam@acme.dev']);
  });

  it('is out when the role has no list any more, or is gone', async () => {
    for (const roles of [[role('prod-read')], []]) {
      const world = await withRole(prodRead());
      await world.sweepAfter(0);
      world.now += 5 * minute;
      await sweepBy(world, roles);
      expect(world.okta.in('db')).toEqual([]);
    }
  });

  it('is given it again when they are named anew', async () => {
    const world = await withRole(prodRead());
    await world.sweepAfter(0);
    world.now += 5 * minute;
    await sweepBy(world, [role('prod-read')]);
    await world.sweepAfter(5 * minute);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('is out when blocked, and not let in again', async () => {
    const world = await withRole(prodRead());
    await world.sweepAfter(0);
    world.now += 5 * minute;
    for (const _ of [1, 2]) await sweepBy(world, [prodRead()], {}, { blocked: ['maria@acme.dev'] });
    expect(world.okta.in('db')).toEqual([]);
    await world.sweepAfter(5 * minute);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('is out when no longer active, which is told once, and in again afterwards', async () => {
    const world = await withRole(prodRead());
    await world.sweepAfter(0);
    world.okta.deactivate('maria@acme.dev');
    await world.sweepAfter(5 * minute);
    expect(world.okta.in('db')).toEqual([]);
    const runs = [await world.sweepAfter(5 * minute), await world.sweepAfter(5 * minute)];
    expect(runs.flatMap(told)).toEqual(['kept-out done: maria@acme.dev is not active in okta']);
    expect(runs.map(({ failed }) => failed)).toEqual([0, 0]);
    expect((await world.as('boss').status({})).standing.notIn).toEqual([
      { role: 'prod-read', holder: 'maria@acme.dev', because: 'maria@acme.dev is not active in okta' },
    ]);
  });

  it('is not let in where nobody knows them, and every run says so', async () => {
    const world = await withRole(
      prodRead({
        people: [
          { email: 'nobody@acme.dev', why },
          { email: 'maria@acme.dev', why },
        ],
      }),
    );
    const first = await world.sweepAfter(0);
    expect(told(first).sort()).toEqual(['give done: owns the platform', 'give failed: okta has no user "nobody@acme.dev"']);
    expect((await world.sweepAfter(5 * minute)).failed).toBe(1);
    expect((await world.as('boss').doctor()).checks).toContainEqual(
      expect.objectContaining({ area: 'members', what: 'prod-read.standing', outcome: 'warning' }),
    );
    world.okta.addUser('nobody@acme.dev');
    await world.sweepAfter(5 * minute);
    expect((await world.as('boss').status({})).standing.notIn).toEqual([]);
  });

  it('is in as the user to whom the name leads, from the next time on that the end is moved: who was in by a slip goes', async () => {
    const world = await withRole(prodRead());
    const slip = { people: { 'maria@acme.dev': { okta: 'sam@acme.dev' } } };
    await sweepBy(world, [prodRead()], {}, slip);
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    world.now += standingMs / 2 + hour;
    for (let run = 0; run < 3; run++) {
      await sweepBy(world, [prodRead()]);
      world.now += 5 * minute;
    }
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('is out where the role denies them, and neither let in nor moved on where that is not known', async () => {
    const deny = [rule({ kind: 'onCall', roster: 'pagerduty', schedule: 'PDB', levels: [] }, { name: 'prod-read.deny[0]' })];
    const denying = prodRead({}, { deny });
    const world = await withRole(denying);
    await world.sweepAfter(0);
    const [before] = await open(world);
    world.shifts = new ProviderError('pagerduty', 'timeout', 'PagerDuty did not answer');
    expect(told(await world.sweepAfter(5 * day))).toEqual(['give later: prod-read.deny[0]: PagerDuty did not answer']);
    expect((await open(world))[0]?.expiresAt).toBe(before?.expiresAt);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    world.shifts = [{ schedule: 'PDB', email: 'maria@acme.dev', start: 0, end: null }];
    await world.sweepAfter(minute);
    expect(world.okta.in('db')).toEqual([]);
    await world.sweepAfter(minute);
    expect(world.okta.in('db')).toEqual([]);
    world.shifts = [];
    await world.sweepAfter(minute);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });
});

describe('what somebody took away', () => {
  it('is not given again as if nothing had been said, until the policy says something else of them', async () => {
    const world = await withRole(prodRead());
    await world.sweepAfter(0);
    await world.as('boss').revoke({ holder: 'maria@acme.dev', reason: 'lost laptop' });
    expect(world.okta.in('db')).toEqual([]);
    const runs = [await world.sweepAfter(5 * minute), await world.sweepAfter(30 * day)];
    expect(runs.flatMap(told)).toEqual([
      'kept-out done: taken away by boss@acme.dev, and not given again before its reason or its review changes in the policy',
    ]);
    expect(world.okta.in('db')).toEqual([]);
    await sweepBy(world, [prodRead({ reviewAt: reviewAt + 90 * day })]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('nor what its holder gave back', async () => {
    const world = await withRole(prodRead());
    await world.sweepAfter(0);
    await world.as('maria').release({ id: 'prod-read' });
    expect(told(await world.sweepAfter(5 * minute))).toEqual([
      'kept-out done: given back, and not given again before its reason or its review changes in the policy',
    ]);
    expect(world.okta.in('db')).toEqual([]);
    await sweepBy(world, [prodRead({ people: [{ email: 'maria@acme.dev', why: 'back again' }] })]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('is decided anew where it was taken off the list and put on again', async () => {
    const world = await withRole(prodRead());
    await world.sweepAfter(0);
    await world.as('maria').release({ id: 'prod-read' });
    await sweepBy(world, [prodRead({ people: [{ email: 'sam@acme.dev', why }] })]);
    await world.sweepAfter(minute);
    expect(world.okta.in('db')).toEqual([]);
  });
});

describe('a sweep that meets trouble', () => {
  it('does not try at every run what has just failed', async () => {
    const world = await withRole(prodRead());
    const no = new ProviderError('okta', 'forbidden', 'okta does not let us', { applied: 'no' });
    world.okta.fail('add', no, 'before', 50);
    expect(told(await world.sweepAfter(0))).toEqual(['give failed: okta does not let us']);
    const adds = () => world.okta.calls.filter(({ verb }) => verb === 'add').length;
    const tried = adds();
    expect(told(await world.sweepAfter(5 * minute))).toEqual(['give later: okta does not let us']);
    expect(adds()).toBe(tried);
    await world.sweepAfter(hour);
    expect(adds()).toBeGreaterThan(tried);
  });

  it('lets nobody in beside somebody whom no grant explains, and says who takes them over', async () => {
    const world = await withRole(prodRead(), { members: { db: ['standing@acme.dev'] } });
    const [step] = (await world.sweepAfter(0)).steps.filter(({ action }) => action === 'give');
    expect(step).toMatchObject({ outcome: 'failed', next: expect.stringContaining('oncall adopt okta/db') });
    expect(world.okta.in('db')).toEqual(['standing@acme.dev']);
  });

  it('lets nobody in by a ledger that has lost what it knew', async () => {
    const world = await withRole(prodRead());
    const lost = { read: async () => ({ ledger: 'test', seq: 900, hash: 'f'.repeat(64), at: world.now }), keep: async () => undefined };
    await world.as('cron', { anchor: lost }).sweep({});
    expect(world.okta.in('db')).toEqual([]);
  });

  it('lets nobody in while the clock is off, or the directory was not swept', async () => {
    const world = await withRole(prodRead());
    const off = await world.as('cron', { clockSkew: () => 5 * minute }).sweep({});
    expect([world.okta.in('db'), off.steps.filter(({ action }) => action === 'give').map(({ outcome }) => outcome)]).toEqual([
      [],
      ['later'],
    ]);
    await world.sweepAfter(0);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('says what it would do, and does nothing, on a dry run', async () => {
    const world = await withRole(prodRead());
    await sweepBy(world, [role('other')]);
    const dry = await world.as('cron').sweep({ dryRun: true });
    expect(dry.steps).toEqual([{ action: 'give', outcome: 'planned', role: 'prod-read', holder: 'maria@acme.dev', because: why }]);
    expect([world.okta.in('db'), await open(world)]).toEqual([[], []]);
    await world.sweepAfter(0);
    const without = { ...world.policy, roles: { 'prod-read': role('prod-read') } };
    const [id] = (await open(world)).map((one) => one.id);
    expect((await world.as('cron', { policy: without }).sweep({ dryRun: true })).steps).toMatchObject([
      { action: 'end', outcome: 'planned', requestId: id, because: 'no longer named under prod-read.standing' },
    ]);
  });

  it('does not give what was given by another and given back, all while it looked', async () => {
    const world = await withRole(prodRead());
    await sweepBy(world, [role('other')]);
    let meanwhile = true;
    const slow: Directory = {
      ...world.okta,
      findUser: async (...asked) => {
        if (meanwhile) {
          meanwhile = false;
          await world.as('cron').sweep({});
          await world.as('maria').release({ id: 'prod-read' });
        }
        return world.okta.findUser(...asked);
      },
    };
    await world.as('cron', { directory: async () => slow }).sweep({});
    expect(meanwhile).toBe(false);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('gives it once where two of them run at once', async () => {
    const world = await withRole(prodRead());
    await Promise.all([world.as('cron').sweep({}), world.as('cron').sweep({})]);
    await world.sweepAfter(minute);
    expect(await open(world)).toHaveLength(1);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });
});

describe('the review', () => {
  it('is told two weeks before, once, and again when it was missed, once for each date', async () => {
    const world = await withRole(prodRead());
    world.now = reviewAt - 15 * day;
    await world.sweepAfter(0);
    const runs: string[] = [];
    for (let passed = 0; passed < 20; passed++) runs.push(...told(await world.sweepAfter(day)));
    expect(runs).toEqual([
      'review done: its standing access is to be reviewed by 2027-01-31',
      'review done: its standing access was to be reviewed by 2027-01-31, and goes on unreviewed',
    ]);
    expect(await eventsOf(world, 'standing.review-due')).toMatchObject([
      { role: 'prod-read', data: { review: '2027-01-31', people: ['maria@acme.dev'] } },
    ]);
    expect(await eventsOf(world, 'standing.review-missed')).toHaveLength(1);
    await sweepBy(world, [prodRead({ reviewAt: world.now + 10 * day })]);
    expect(await eventsOf(world, 'standing.review-due')).toHaveLength(2);
  });

  it('that was missed is a fault, and what is standing goes on', async () => {
    const world = await withRole(prodRead());
    world.now = reviewAt - day;
    await world.sweepAfter(0);
    const { faults, standing: soon } = await world.as('boss').status({});
    expect([faults, soon.reviews]).toEqual([[], [{ role: 'prod-read', reviewAt, day: '2027-01-31', state: 'due', ifMissed: 'alert' }]]);
    await world.sweepAfter(2 * day);
    expect((await world.as('boss').status({})).faults).toMatchObject([{ code: 'review-missed' }]);
    expect((await world.as('boss').doctor()).checks).toContainEqual(
      expect.objectContaining({ what: 'prod-read.standing', outcome: 'fault' }),
    );
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('that was missed ends it where the policy says so, at the end of that day and not before, and nothing else of the role', async () => {
    const ending = prodRead({ ifMissed: 'end' }, { allow: [rule(user('sam'))] });
    const world = await withRole(ending);
    world.now = reviewAt - day;
    await world.sweepAfter(0);
    expect((await open(world))[0]?.expiresAt).toBe(reviewAt);
    world.now = reviewAt - 2 * minute;
    await world.sweepAfter(minute);
    granted(await world.as('sam').request({ role: 'prod-read', asked: { forMs: 3 * hour } }));
    expect(world.okta.in('db')).toEqual(['maria@acme.dev', 'sam@acme.dev']);
    await world.sweepAfter(2 * minute);
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    await world.sweepAfter(minute);
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    const { faults, standing: late } = await world.as('boss').status({});
    expect([faults, late.reviews]).toMatchObject([[], [{ state: 'missed', ifMissed: 'end' }]]);
    await sweepBy(world, [{ ...ending, ...standing({ reviewAt: reviewAt + 90 * day }) }]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev', 'sam@acme.dev']);
  });

  it('ends it also where the end was already further away when the policy was changed to that', async () => {
    const world = await withRole(prodRead());
    world.now = reviewAt - day;
    await world.sweepAfter(0);
    world.now = reviewAt + minute;
    const { steps } = await sweepBy(world, [prodRead({ ifMissed: 'end' })]);
    expect(steps).toContainEqual(expect.objectContaining({ action: 'end', because: 'the review of 2027-01-31 was missed' }));
    expect(world.okta.in('db')).toEqual([]);
  });
});
