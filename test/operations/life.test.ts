/** From request to removal on the real operations and SQL: what a grant owns, what it leaves alone, and what it ends with. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { quietMs } from '../../src/lifecycle/limits.ts';
import { company, granted, hour, minute, onCall, refused, role, rule, user, type World } from './world.ts';

const lost = new ProviderError('okta', 'timeout', 'okta did not answer within 10 s');
const refusedByOkta = new ProviderError('okta', 'forbidden', 'okta refuses: no right to add', { applied: 'no' });

describe('in and out', () => {
  it('lets in, says until when, and the sweep takes out at the end, not before', async () => {
    const world = await company();
    const result = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 2 * hour } }));
    expect(result).toMatchObject({ result: 'granted', grants: [{ state: 'active', owned: true }] });
    expect(result.request.expiresAt).toBe(world.now + 2 * hour);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);

    expect((await world.sweepAfter(2 * hour - 1)).ended).toBe(0);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect(await world.sweepAfter(1)).toMatchObject({ ended: 1, failed: 0, remaining: 0 });
    expect(world.okta.in('db')).toEqual([]);
    expect((await world.as('maria').status({})).requests).toEqual([]);
  });

  it('never removes a member who was there before', async () => {
    const world = await company({ members: { db: ['maria@acme.dev'] } });
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).grants).toMatchObject([
      { state: 'active', owned: false },
    ]);
    await world.sweepAfter(2 * hour);
    await world.sweepAfter(2 * hour);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect(world.okta.calls.filter((call) => call.verb === 'remove' || call.verb === 'add')).toEqual([]);
  });

  it('keeps the membership while another role still stands on it', async () => {
    const world = await company({ roles: [role('one'), role('two')] });
    await world.as('maria').request({ role: 'one', asked: { forMs: hour } });
    granted(await world.as('maria').request({ role: 'two', asked: { forMs: 3 * hour } }));
    await world.sweepAfter(hour);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect(world.okta.calls.filter((call) => call.verb === 'remove')).toEqual([]);
    await world.sweepAfter(2 * hour);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('gives back early on release, and frees the role for a new request', async () => {
    const world = await company();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    expect(await world.as('maria').release({ id: 'db-admin' })).toMatchObject({ ended: 1, left: 0, grants: [{ endReason: 'released' }] });
    expect(world.okta.in('db')).toEqual([]);
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).result).toBe('granted');
  });

  it('lets nobody release what is another person’s, and an admin revoke it', async () => {
    const world = await company();
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    await expect(world.as('sam').release({ id: request.id })).rejects.toMatchObject({ code: 'not-yours', exit: 3 });
    await expect(world.as('sam').revoke({ id: request.id })).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect(await world.as('boss').revoke({ id: request.id })).toMatchObject({ ended: 1, left: 0 });
    expect(world.okta.in('db')).toEqual([]);
  });

  it('revokes everything of a person at once', async () => {
    const world = await company({ roles: [role('one'), role('two', { targets: [{ directory: 'okta', group: 'web' }] })] });
    await world.as('maria').request({ role: 'one', asked: { byDefault: true } });
    await world.as('maria').request({ role: 'two', asked: { byDefault: true } });
    await world.as('sam').request({ role: 'two', asked: { byDefault: true } });
    expect(await world.as('boss').revoke({ holder: 'Maria@acme.dev' })).toMatchObject({ ended: 2, left: 0 });
    expect([world.okta.in('db'), world.okta.in('web')]).toEqual([[], ['sam@acme.dev']]);
  });
});

describe('the emergency brake', () => {
  const roles = [
    role('one'),
    role('two', { targets: [{ directory: 'okta', group: 'web' }] }),
    role('asked', { allow: [], ask: [rule(user('sam'))], approvers: [rule(user('ana'))] }),
  ];
  const busy = async (): Promise<Awaited<ReturnType<typeof company>>> => {
    const world = await company({ roles });
    for (const [who, what] of [
      ['maria', 'one'],
      ['maria', 'two'],
      ['sam', 'one'],
      ['sam', 'asked'],
    ] as const)
      await world.as(who).request({ role: what, asked: { byDefault: true }, reason: 'page 4711' });
    return world;
  };

  it('tells what it would end, to those only who may, and changes nothing', async () => {
    const world = await busy();
    await expect(world.as('sam').revoke({ all: true, dryRun: true })).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
    const plan = await world.as('boss').revoke({ role: 'one', dryRun: true });
    expect(plan).toMatchObject({ ended: 0, left: 2 });
    expect(plan.requests.map(({ requester }) => requester.email)).toEqual(['maria@acme.dev', 'sam@acme.dev']);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev', 'sam@acme.dev']);
  });

  it('ends a role for everybody, and nothing else', async () => {
    const world = await busy();
    expect(await world.as('boss').revoke({ role: 'one' })).toMatchObject({ ended: 2, left: 0 });
    expect([world.okta.in('db'), world.okta.in('web')]).toEqual([[], ['maria@acme.dev']]);
    await expect(world.as('boss').revoke({ role: 'no-such-role' })).rejects.toMatchObject({ code: 'unknown-role', exit: 2 });
  });

  it('ends everything, and what waits for an approver, too', async () => {
    const world = await busy();
    expect(await world.as('boss').revoke({ all: true, reason: 'breach' })).toMatchObject({ ended: 3, left: 0 });
    expect([world.okta.in('db'), world.okta.in('web')]).toEqual([[], []]);
    expect((await world.as('boss').status({})).requests).toEqual([]);
  });

  it('catches what is being activated while it runs', async () => {
    const world = await company();
    let revoked: Promise<unknown> | undefined;
    const add = world.okta.add.bind(world.okta);
    const directory = async () => ({
      ...world.okta,
      add: async (...call: Parameters<typeof add>) => {
        const added = await add(...call);
        revoked = world.as('boss').revoke({ all: true });
        await revoked;
        return added;
      },
    });
    await world.as('maria', { directory }).request({ role: 'db-admin', asked: { byDefault: true } });
    await revoked;
    await world.sweepAfter(quietMs);
    await world.sweepAfter(quietMs);
    expect(world.okta.in('db')).toEqual([]);
  });
});

describe('an exclusive group that was renamed', () => {
  it('is no longer the one that the policy names: who is in it stays', async () => {
    const world = await company({ exclusive: ['db'], members: { web: ['standing@acme.dev'] } });
    await world.sweepAfter(15 * minute);
    await world.as('maria').request({ role: 'db-admin', asked: { forMs: 2 * hour } });
    // Another group has the name now; the old one has become everybody's.
    const renamed = { ...world.okta, findGroup: async () => ({ account: 'okta-account', groupId: 'g-web', groupName: 'db' }) };
    for (const name of ['sam', 'ana']) world.okta.put(`${name}@acme.dev`, 'db');
    world.now += 16 * minute;
    await world.as('cron', { directory: async () => renamed }).sweep({});
    expect(world.okta.in('db')).toEqual(['ana@acme.dev', 'maria@acme.dev', 'sam@acme.dev']);
    expect(world.okta.in('web')).toEqual(['standing@acme.dev']);
    world.now += 2 * hour;
    await world.as('cron', { directory: async () => renamed }).sweep({});
    expect(world.okta.in('db')).toEqual(['ana@acme.dev', 'sam@acme.dev']);
  });
});

describe('a group that is exclusive again', () => {
  it.each<[string, (policy: { directories: Record<string, { exclusive: readonly string[] }>; roles: Record<string, unknown> }) => void]>([
    ['after it was not on the list', ({ directories }) => Object.assign(directories.okta ?? {}, { exclusive: [] })],
    ['after no role led to it', ({ roles }) => void delete roles['db-admin']],
  ])('%s keeps whoever came meanwhile, and closes itself until they are out', async (_, change) => {
    const world = await company({ exclusive: ['db'] });
    await world.sweepAfter(15 * minute);
    const before = structuredClone({ directories: world.policy.directories, roles: world.policy.roles });
    change(world.policy as never);
    await world.sweepAfter(minute);
    for (const name of ['sam', 'ana']) world.okta.put(`${name}@acme.dev`, 'db');
    Object.assign(world.policy, before);
    for (let run = 0; run < 3; run++) expect((await world.sweepAfter(16 * minute)).ended).toBe(0);
    expect(world.okta.in('db')).toEqual(['ana@acme.dev', 'sam@acme.dev']);
    await expect(world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).rejects.toMatchObject({
      code: 'uncovered-members',
    });
  });
});

describe('an exclusive group that more came into at once than are taken out unasked', () => {
  const crowded = async () => {
    const world = await company({ exclusive: ['db'] });
    await world.sweepAfter(15 * minute);
    for (const name of ['sam', 'ana', 'boss']) world.okta.put(`${name}@acme.dev`, 'db');
    return world;
  };
  const left = ({ steps }: Awaited<ReturnType<World['sweepAfter']>>) => steps.filter(({ outcome }) => outcome === 'failed');

  it('is a fault of every sweep, with how many and what to do, until an admin has decided about each of them', async () => {
    const world = await crowded();
    const first = await world.sweepAfter(16 * minute);
    expect(first).toMatchObject({ ended: 0, failed: 1 });
    expect(left(first)).toMatchObject([
      {
        ...{ action: 'drift', target: { directory: 'okta', group: 'db' } },
        because: expect.stringContaining('3 of 3 members came in without oncall'),
        next: 'an admin takes them over: oncall adopt okta/db; or take them out in okta',
      },
    ]);
    expect((await world.sweepAfter(5 * minute)).failed).toBe(1);
    world.okta.take('sam@acme.dev', 'db');
    expect(left(await world.sweepAfter(16 * minute))).toMatchObject([{ because: expect.stringContaining('2 of 2 members') }]);
    expect(world.okta.in('db')).toEqual(['ana@acme.dev', 'boss@acme.dev']);
    const list = await world.as('boss').adopt({ directory: 'okta', group: 'db', end: { forMs: hour } });
    const decided = { standing: [], ending: list.members.map(({ id }) => id) };
    expect(decided.ending).toHaveLength(2);
    await world.as('boss').adopt({ directory: 'okta', group: 'db', end: { forMs: hour }, decided });
    expect((await world.sweepAfter(minute)).failed).toBe(0);
    expect((await world.sweepAfter(16 * minute)).failed).toBe(0);
  });

  it('is none where it is no longer exclusive, nor for two, who are taken out', async () => {
    const world = await crowded();
    expect((await world.sweepAfter(16 * minute)).failed).toBe(1);
    Object.assign(world.policy.directories.okta as object, { exclusive: [] });
    expect((await world.sweepAfter(16 * minute)).failed).toBe(0);
    Object.assign(world.policy.directories.okta as object, { exclusive: ['db'] });
    expect((await world.sweepAfter(16 * minute)).failed).toBe(0);
    const few = await crowded();
    few.okta.take('boss@acme.dev', 'db');
    expect((await few.sweepAfter(16 * minute)).failed).toBe(0);
    expect(few.okta.in('db')).toEqual([]);
  });
});

describe('who has left', () => {
  const both = [role('one'), role('two', { targets: [{ directory: 'okta', group: 'web' }] })];

  it('loses every grant at the next sweep once a directory says so', async () => {
    const world = await company({ roles: both });
    for (const { name } of both) await world.as('maria').request({ role: name, asked: { byDefault: true } });
    await world.as('sam').request({ role: 'one', asked: { byDefault: true } });
    world.okta.deactivate('maria@acme.dev');
    expect(await world.as('cron').sweep({ dryRun: true })).toMatchObject({
      steps: [
        { outcome: 'planned', holder: 'maria@acme.dev', role: 'one', because: 'maria@acme.dev is no longer active in okta' },
        { outcome: 'planned', holder: 'maria@acme.dev', role: 'two' },
      ],
    });
    const swept = await world.sweepAfter(minute);
    expect(swept).toMatchObject({ ended: 2, failed: 0 });
    expect(swept.steps[0]).toMatchObject({ outcome: 'done', because: 'maria@acme.dev is no longer active in okta' });
    expect([world.okta.in('db'), world.okta.in('web')]).toEqual([['sam@acme.dev'], []]);
    const events = await world.as('boss').audit({});
    expect(events.find(({ type }) => type === 'grant.revoking')).toMatchObject({ actor: 'sweep', endReason: 'revoked' });
  });

  it('keeps what it has while the directory cannot say', async () => {
    const world = await company({ roles: both });
    for (const { name } of both) await world.as('maria').request({ role: name, asked: { byDefault: true } });
    world.okta.deactivate('maria@acme.dev');
    world.okta.fail('hasLeft', lost, 'before', 9);
    const before = world.okta.calls.length;
    expect(await world.sweepAfter(minute)).toMatchObject({ ended: 0 });
    expect(world.okta.calls.slice(before).some(({ verb }) => verb === 'hasLeft')).toBe(true);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('is known by id: a namesake who comes and is suspended says nothing of her', async () => {
    const world = await company();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    const { userId } = (await world.okta.findUser('maria@acme.dev', {})) ?? { userId: '' };
    const namesake = { ...world.okta, findUser: async () => ({ userId: 'somebody else', userName: 'maria@acme.dev', active: false }) };
    const asked: string[] = [];
    const hasLeft: typeof world.okta.hasLeft = async (pin) => asked.push(pin.userId) < 0;
    await world.as('cron', { directory: async () => ({ ...namesake, hasLeft }) }).sweep({});
    expect(asked).toEqual([userId]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('is also whom the policy blocks, by the e-mail that asked', async () => {
    const world = await company();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    const policy = { ...world.policy, blocked: ['maria@acme.dev'] };
    expect(await world.as('cron', { policy }).sweep({})).toMatchObject({ ended: 1, steps: [{ because: 'blocked by the policy' }] });
    expect(world.okta.in('db')).toEqual([]);
  });
});

describe('asking again', () => {
  it('finds what is held, never shortens it, and moves the end only later', async () => {
    const world = await company();
    const first = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 4 * hour } }));
    const shorter = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    expect(shorter).toMatchObject({ result: 'held', request: { id: first.request.id, expiresAt: first.request.expiresAt } });
    const longer = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 6 * hour } }));
    expect(longer).toMatchObject({ result: 'extended', request: { id: first.request.id, expiresAt: world.now + 6 * hour } });
    expect((await world.sweepAfter(4 * hour)).ended).toBe(0);
    expect((await world.sweepAfter(2 * hour)).ended).toBe(1);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('counts the maximum from the first start, however often the end is moved', async () => {
    const world = await company();
    const start = world.now;
    await world.as('maria').request({ role: 'db-admin', asked: { forMs: 10 * hour } });
    world.now += 10 * minute;
    await world.sweepAfter(8 * hour);
    const moved = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 10 * hour } }));
    expect(moved.request.expiresAt).toBe(start + 12 * hour);
  });

  it('says why what is held is not held longer', async () => {
    const world = await company({ roles: [role('db-admin', { ttl: { defaultMs: hour, maxMs: 2 * hour } })] });
    const input = { role: 'db-admin', asked: { forMs: 2 * hour } } as const;
    expect(granted(await world.as('maria').request(input)).notExtended).toBeUndefined();
    world.now += minute;
    expect(granted(await world.as('maria').request(input))).toMatchObject({
      result: 'held',
      notExtended: expect.stringContaining('2 h is the most'),
    });
    expect(granted(await world.as('maria').request({ ...input, asked: { forMs: hour } })).notExtended).toBeUndefined();
  });

  it('tries only the missing half of a role', async () => {
    const world = await company({
      roles: [
        role('both', {
          targets: [
            { directory: 'okta', group: 'db' },
            { directory: 'okta', group: 'nowhere' },
          ],
        }),
      ],
    });
    const half = granted(await world.as('maria').request({ role: 'both', asked: { byDefault: true } }));
    expect(half).toMatchObject({ result: 'partial', grants: [{ state: 'active' }], missing: [{ target: { group: 'nowhere' } }] });
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    const adds = world.okta.calls.filter((call) => call.verb === 'add').length;
    expect(granted(await world.as('maria').request({ role: 'both', asked: { byDefault: true } }))).toMatchObject({
      result: 'partial',
      request: { id: half.request.id },
    });
    expect(world.okta.calls.filter((call) => call.verb === 'add').length).toBe(adds);
  });
});

describe('adds that go wrong', () => {
  it('counts a lost answer as in when the member is seen, and ends it in two steps', async () => {
    const world = await company();
    world.okta.fail('add', lost, 'after');
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).result).toBe('granted');
    const released = await world.as('maria').release({ id: 'db-admin' });
    // Out of the group at once, but not called ended while the lost add could still land.
    expect(world.okta.in('db')).toEqual([]);
    expect(released).toMatchObject({ ended: 0, left: 1 });
    await world.sweepAfter(4 * minute);
    expect((await world.as('maria').status({})).requests).toEqual([]);
  });

  it('undoes an add that was never seen, and takes it out again should it land late', async () => {
    const world = await company();
    world.okta.fail('add', lost, 'before', 9);
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }))).toMatchObject({
      result: 'failed',
      grants: [{ state: 'revoking', endReason: 'failed' }],
    });
    world.okta.put('maria@acme.dev', 'db'); // the lost add lands within the quiet time
    await world.sweepAfter(quietMs + 2 * minute);
    expect(world.okta.in('db')).toEqual([]);
    await world.sweepAfter(minute);
    expect((await world.as('maria').status({})).requests).toEqual([]);
  });

  it('finds an add that landed long after, by reading the whole group', async () => {
    const world = await company();
    world.okta.fail('add', lost, 'before', 9);
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    await world.sweepAfter(10 * minute);
    expect((await world.as('maria').status({})).requests).toEqual([]);
    world.okta.put('maria@acme.dev', 'db'); // a suspended process woke up
    const run = await world.sweepAfter(15 * minute);
    expect(run.steps).toMatchObject([{ action: 'adopt', holder: 'maria@acme.dev' }, { outcome: 'done' }]);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('names a definite refusal, sends it once, and leaves nothing open', async () => {
    const world = await company();
    world.okta.fail('add', refusedByOkta, 'before');
    const result = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    expect(result).toMatchObject({ result: 'failed', grants: [{ state: 'ended', endReason: 'failed', lastError: refusedByOkta.message }] });
    expect(world.okta.calls.filter((call) => call.verb === 'add').length).toBe(1);
    expect((await world.as('maria').status({})).requests).toEqual([]);
  });

  it('waits as long as a rate limit says, then adds', async () => {
    const world = await company();
    world.okta.fail('add', new ProviderError('okta', 'rate-limited', 'too many requests', { applied: 'no', retryAfterMs: 7000 }));
    const before = world.now;
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).result).toBe('granted');
    expect(world.now - before).toBeGreaterThanOrEqual(7000);
  });
});

describe('removals that go wrong', () => {
  it('keeps trying, grows loud after six tries, and never drops it', async () => {
    const world = await company();
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    world.okta.fail('remove', new ProviderError('okta', 'unavailable', 'okta answered 503', { applied: 'unknown' }), 'before', 8);
    let failed = 0;
    for (let run = 0; run < 14 && world.okta.in('db').length > 0; run++) failed += (await world.sweepAfter(hour)).failed > 0 ? 1 : 0;
    expect(failed).toBeGreaterThan(1);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('does not give a heartbeat to a directory where something is overdue', async () => {
    const world = await company();
    await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } });
    world.okta.fail('remove', new ProviderError('okta', 'forbidden', 'no right to remove', { applied: 'no' }), 'before', 99);
    for (let run = 0; run < 9; run++) await world.sweepAfter(10 * minute);
    const status = await world.as('sam').status({});
    expect(status.sweep.late).toBe(true);
    expect(status.faults.map((fault) => fault.code)).toContain('past-end');
    await expect(world.as('sam').request({ role: 'db-admin', asked: { byDefault: true } })).rejects.toMatchObject({
      code: 'sweep-late',
      exit: 1,
    });
  });
});

describe('asking again while a lost removal may still land', () => {
  it('waits for it, and lets the person in before the two minutes are over', async () => {
    const world = await company();
    granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    world.okta.fail('remove', lost, 'before');
    expect(await world.as('maria').release({ id: 'db-admin' })).toMatchObject({ left: 1 });
    world.now += 20_000;
    const asked = world.now;
    const again = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    expect(again).toMatchObject({ result: 'again', grants: [{ state: 'revoking' }, { state: 'active' }] });
    expect(world.now - asked).toBeLessThan(2 * minute);
    expect(world.now - asked).toBeGreaterThan(minute);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });
});

describe('no sweep, no grants', () => {
  it('refuses before the first sweep and names the next step', async () => {
    const world = await company({ swept: false });
    await expect(world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).rejects.toMatchObject({
      code: 'sweep-late',
      exit: 1,
      next: expect.stringContaining('oncall sweep'),
    });
    expect(world.okta.in('db')).toEqual([]);
  });

  it('refuses when the last sweep is older than refuseWhenLate, unless an admin overrides with a reason, on record', async () => {
    const world = await company({ roles: [role('db-admin', { allow: [rule(user('boss'))] })] });
    world.now += 16 * minute;
    const asked = { role: 'db-admin', asked: { byDefault: true } } as const;
    await expect(world.as('boss').request(asked)).rejects.toMatchObject({ code: 'sweep-late' });
    await expect(world.as('boss').request({ ...asked, despiteLateSweep: true })).rejects.toMatchObject({ code: 'reason-needed', exit: 2 });
    granted(await world.as('boss').request({ ...asked, despiteLateSweep: true, reason: 'cron host is down' }));
    expect((await world.as('boss').audit({})).map((event) => event.type)).toContain('sweep.overridden');
    await expect(world.as('maria').request({ ...asked, despiteLateSweep: true, reason: 'me too' })).rejects.toMatchObject({ exit: 3 });
  });

  it('does not move an end either, and leaves it where it was', async () => {
    const world = await company();
    const held = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    world.now += 16 * minute;
    await expect(world.as('maria').request({ role: 'db-admin', asked: { forMs: 4 * hour } })).rejects.toMatchObject({ code: 'sweep-late' });
    const [still] = (await world.as('maria').status({})).requests;
    expect(still?.expiresAt).toBe(held.request.expiresAt);
    expect((await world.sweepAfter(44 * minute)).ended).toBe(1);
  });

  it('refuses when the clock is off a provider’s by more than a minute', async () => {
    const world = await company();
    await expect(
      world.as('maria', { clockSkew: () => 61_000 }).request({ role: 'db-admin', asked: { byDefault: true } }),
    ).rejects.toMatchObject({ code: 'clock-skew' });
  });

  it('refuses when the host’s clock fell behind what the ledger has seen', async () => {
    const world = await company();
    world.now -= 2 * hour;
    await expect(world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).rejects.toMatchObject({ code: 'clock-skew' });
  });
});

describe('one place', () => {
  const one = { roles: [role('migration', { maxHolders: 1 })], exclusive: ['db'] };

  it('refuses the second, says who holds it, and lets them in after the release', async () => {
    const world = await company(one);
    granted(await world.as('maria').request({ role: 'migration', asked: { byDefault: true } }));
    const second = refused(await world.as('sam').request({ role: 'migration', asked: { byDefault: true } }));
    expect(second).toMatchObject({ result: 'taken', exit: 8, heldBy: [{ holder: 'maria@acme.dev', ending: false }] });
    await world.as('maria').release({ id: 'migration' });
    granted(await world.as('sam').request({ role: 'migration', asked: { byDefault: true } }));
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
  });

  it('is explained as taken, and as exit 8, as the request would be', async () => {
    const world = await company(one);
    expect(await world.as('sam').explain({ role: 'migration', asked: { byDefault: true } })).toMatchObject({ exit: 0 });
    granted(await world.as('maria').request({ role: 'migration', asked: { byDefault: true } }));
    expect(await world.as('sam').explain({ role: 'migration', asked: { byDefault: true } })).toMatchObject({
      exit: 8,
      refusal: { code: 'taken', message: expect.stringContaining('maria@acme.dev') },
    });
    world.now += hour;
    expect(await world.as('sam').explain({ role: 'migration', asked: { byDefault: true } })).toMatchObject({
      exit: 1,
      refusal: { code: 'sweep-late' },
    });
  });

  it('stays taken until the removal is confirmed', async () => {
    const world = await company(one);
    granted(await world.as('maria').request({ role: 'migration', asked: { byDefault: true } }));
    world.okta.fail('remove', lost, 'before');
    await world.as('maria').release({ id: 'migration' });
    expect(refused(await world.as('sam').request({ role: 'migration', asked: { byDefault: true } }))).toMatchObject({
      result: 'taken',
      heldBy: [{ ending: true }],
    });
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('is not given while the exclusive group has members who did not come through oncall', async () => {
    const world = await company({ ...one, members: { db: ['standing@acme.dev'] } });
    await expect(world.as('maria').request({ role: 'migration', asked: { byDefault: true } })).rejects.toMatchObject({
      code: 'uncovered-members',
      why: 'standing@acme.dev',
    });
    expect(world.okta.in('db')).toEqual(['standing@acme.dev']);
    world.okta.take('standing@acme.dev', 'db');
    await world.sweepAfter(15 * minute);
    granted(await world.as('maria').request({ role: 'migration', asked: { byDefault: true } }));
  });

  it('takes out a stranger who slipped into the group after it was clean', async () => {
    const world = await company(one);
    world.okta.put('standing@acme.dev', 'db');
    await world.sweepAfter(15 * minute);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('takes out none of many who are there at once, as after a reading that wrongly named nobody, and closes the group', async () => {
    const world = await company(one);
    const people = ['standing@acme.dev', 'sam@acme.dev', 'boss@acme.dev'];
    for (const email of people) world.okta.put(email, 'db');
    for (let run = 0; run < 3; run++) await world.sweepAfter(15 * minute);
    expect(world.okta.in('db').toSorted()).toEqual(people.toSorted());
    expect((await world.as('boss').status({})).faults.map(({ code }) => code)).toEqual(['uncovered', 'uncovered', 'uncovered']);
    await expect(world.as('maria').request({ role: 'migration', asked: { byDefault: true } })).rejects.toMatchObject({
      code: 'uncovered-members',
    });
  });
});

describe('asking a person', () => {
  const ask = {
    roles: [
      role('db-admin', {
        allow: [],
        ask: [rule(user('maria'))],
        approvers: [rule(user('sam'), { name: 'db-admin.approvers[0]' })],
        whenUnknown: 'ask',
      }),
    ],
  };

  it('waits for an approver, who lets in with one yes; the time counts from there', async () => {
    const world = await company(ask);
    const pending = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour }, reason: 'index rebuild' }));
    expect(pending).toMatchObject({ result: 'pending', request: { state: 'pending' }, grants: [] });
    expect(world.okta.in('db')).toEqual([]);
    world.now += 10 * minute;
    expect((await world.as('sam').waiting()).requests.map((request) => request.id)).toEqual([pending.request.id]);
    const approved = granted(await world.as('sam').approve({ id: pending.request.id }));
    expect(approved).toMatchObject({
      result: 'granted',
      request: { id: pending.request.id, startsAt: world.now, expiresAt: world.now + hour },
    });
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    await world.sweepAfter(hour);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('needs a reason where a person decides', async () => {
    const world = await company(ask);
    await expect(world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).rejects.toMatchObject({
      code: 'reason-needed',
      exit: 2,
      why: 'a person decides',
    });
  });

  it('keeps which approvers are on call then, for notices alone', async () => {
    const approvers = [rule(user('boss'), { name: 'a' }), rule(onCall, { name: 'b' })];
    const pendingIn = async (notify: boolean, shifts: World['shifts']) => {
      const world = await company({ roles: [role('db-admin', { allow: [], ask: [rule(user('maria'))], approvers })] });
      if (notify) Object.assign(world.policy, { notify: { slack: { name: 'slack', kind: 'slack', settings: {} } } });
      world.shifts = shifts;
      expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true }, reason: 'x' })).result).toBe(
        'pending',
      );
      return (await world.ledger.read((q) => q.lastEvents(undefined))).find(({ type }) => type === 'request.pending')?.data;
    };
    const sam = [{ schedule: 'PDB', email: 'sam@acme.dev', start: null, end: null }];
    expect(await pendingIn(true, sam)).toMatchObject({ onCall: { b: ['sam@acme.dev'] } });
    expect(await pendingIn(true, new ProviderError('pagerduty', 'unavailable', 'down'))).not.toHaveProperty('onCall');
    expect(await pendingIn(false, sam)).not.toHaveProperty('onCall');
  });

  it('needs none from who would not get it, and says why a person decides', async () => {
    const rules = { allow: [rule(user('sam'))], ask: [rule(user('maria'))], approvers: [rule(user('boss'))] };
    const world = await company({ roles: [role('db-admin', { ...rules, reason: 'required' })] });
    const asked = { role: 'db-admin', asked: { byDefault: true } } as const;
    expect(refused(await world.as('ana').request(asked)).result).toBe('denied');
    await expect(world.as('maria').request(asked)).rejects.toMatchObject({ code: 'reason-needed', why: 'the policy says so' });
    const other = await company({ roles: [role('db-admin', rules)] });
    await expect(other.as('maria').request(asked)).rejects.toMatchObject({ why: 'is not sam@acme.dev; so a person decides' });
  });

  it('gives the same id when asked again', async () => {
    const world = await company(ask);
    const input = { role: 'db-admin', asked: { byDefault: true }, reason: 'x' } as const;
    const first = granted(await world.as('maria').request(input));
    expect(granted(await world.as('maria').request(input))).toMatchObject({ result: 'pending', request: { id: first.request.id } });
  });

  it('lets nobody approve their own, and nobody who is not an approver', async () => {
    const world = await company({
      roles: [role('db-admin', { allow: [], ask: [rule(user('maria'))], approvers: [rule(user('maria')), rule(user('sam'))] })],
    });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true }, reason: 'x' }));
    await expect(world.as('maria').approve({ id: request.id })).rejects.toMatchObject({ code: 'own-request', exit: 3 });
    const otherDoor = world.as('maria', { actor: async () => ({ issuer: 'elsewhere', subject: '42', email: 'maria@acme.dev' }) });
    await expect(otherDoor.approve({ id: request.id })).rejects.toMatchObject({ code: 'own-request' });
    await expect(world.as('ana').approve({ id: request.id })).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
    expect(world.okta.in('db')).toEqual([]);
  });

  it('does not approve what has been denied, withdrawn, approved or left too long', async () => {
    const world = await company(ask);
    const input = { role: 'db-admin', asked: { byDefault: true }, reason: 'x' } as const;
    const sam = world.as('sam');
    const first = granted(await world.as('maria').request(input)).request;
    expect((await sam.deny({ id: first.id, reason: 'use the replica' })).request).toMatchObject({
      state: 'denied',
      approvals: [{ answer: 'no', reason: 'use the replica', by: { email: 'sam@acme.dev' } }],
    });
    expect((await world.as('boss').audit({ limit: 1 }))[0]).toMatchObject({ type: 'request.denied', reason: 'use the replica' });
    await expect(sam.approve({ id: first.id })).rejects.toMatchObject({ code: 'not-pending' });
    const second = granted(await world.as('maria').request(input)).request;
    expect((await world.as('maria').release({ id: second.id })).request?.state).toBe('withdrawn');
    await expect(sam.approve({ id: second.id })).rejects.toMatchObject({ code: 'not-pending' });
    const third = granted(await world.as('maria').request(input)).request;
    world.now += hour;
    await expect(sam.approve({ id: third.id })).rejects.toMatchObject({ code: 'not-pending' });
    // A request that nobody answered is over, but no membership was ended by that.
    expect(await world.sweepAfter(0)).toMatchObject({ ended: 0, steps: [{ action: 'expire', requestId: third.id }] });
    const fourth = granted(await world.as('maria').request(input)).request;
    granted(await sam.approve({ id: fourth.id }));
    await expect(sam.approve({ id: fourth.id })).rejects.toMatchObject({ code: 'not-pending' });
  });

  it('decides again at approval: who is denied by then stays out', async () => {
    const world = await company({
      roles: [role('db-admin', { allow: [], deny: [rule(onCall)], ask: [rule(user('maria'))], approvers: [rule(user('sam'))] })],
    });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true }, reason: 'x' }));
    world.shifts = [{ schedule: 'PDB', email: 'maria@acme.dev', start: null, end: null }];
    expect(refused(await world.as('sam').approve({ id: request.id }))).toMatchObject({
      result: 'denied',
      exit: 3,
      error: { message: expect.stringMatching(/^maria@acme.dev cannot have/) },
    });
    expect(world.okta.in('db')).toEqual([]);
  });
});

describe('on call', () => {
  const shift = { roles: [role('db-admin', { allow: [rule(onCall, { name: 'db-admin.allow[0]', until: 'shift' })] })] };

  it('ends with the shift and its grace, sooner than the hours asked', async () => {
    const world = await company(shift);
    const end = world.now + 2 * hour;
    world.shifts = [{ schedule: 'Database Primary', email: 'maria@acme.dev', start: world.now - hour, end }];
    const result = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 12 * hour } }));
    expect(result.request.expiresAt).toBe(end + 15 * minute);
    expect(result.decision.limitedBy).toBe('shift');
    expect((await world.sweepAfter(2 * hour + 10 * minute)).ended).toBe(0);
    expect((await world.sweepAfter(5 * minute)).ended).toBe(1);
  });

  it('ends early, after its grace, when the shift is handed to somebody else', async () => {
    const world = await company(shift);
    world.shifts = [{ schedule: 'Database Primary', email: 'maria@acme.dev', start: null, end: world.now + 10 * hour }];
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 9 * hour } }));
    world.shifts = [{ schedule: 'Database Primary', email: 'sam@acme.dev', start: null, end: world.now + 10 * hour }];
    expect((await world.sweepAfter(5 * minute)).ended).toBe(0);
    expect((await world.sweepAfter(10 * minute)).ended).toBe(0);
    world.now += 5 * minute;
    const because = 'no longer on call for pagerduty/PDB';
    expect((await world.as('cron').sweep({ dryRun: true })).steps).toMatchObject([
      { outcome: 'planned', holder: 'maria@acme.dev', because },
    ]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    expect(await world.sweepAfter(0)).toMatchObject({ ended: 1, steps: [{ outcome: 'done', because }] });
    expect(world.okta.in('db')).toEqual([]);
  });

  it.each([
    ['is slow', 0],
    ['has slept', hour],
  ])('does not end by what a sweep that %s has heard, where another has heard better since', async (_, sleep) => {
    const world = await company(shift);
    const on = { schedule: 'Database Primary', email: 'maria@acme.dev', start: null, end: world.now + 10 * hour };
    world.shifts = [on];
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 9 * hour } }));
    world.shifts = [];
    await world.sweepAfter(5 * minute);
    world.now += 15 * minute;
    const onCall = async () => {
      world.shifts = [on];
      await world.sweepAfter(minute);
      world.now += sleep;
      return [];
    };
    await world.as('cron', { roster: async () => ({ title: 'PagerDuty', onCall }) }).sweep({});
    expect((await world.as('boss').status({})).grants[0]?.state).toBe('active');
    await world.sweepAfter(0);
    expect((await world.as('boss').status({})).requests[0]).not.toHaveProperty('unheldSince');
  });

  it('without a grace does not end by what was heard an hour ago, nor what was extended while it was being heard', async () => {
    const atOnce = { roles: [role('db-admin', { allow: [rule(onCall, { name: 'db-admin.allow[0]', until: 'shift', graceMs: 0 })] })] };
    for (const meanwhile of ['slept', 'extended'] as const) {
      const world = await company(atOnce);
      world.shifts = [{ schedule: 'Database Primary', email: 'maria@acme.dev', start: null, end: world.now + 10 * hour }];
      granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 3 * hour } }));
      const nobody = async () => {
        if (meanwhile === 'slept') world.now += hour;
        else expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 9 * hour } })).result).toBe('extended');
        return [];
      };
      await world.as('cron', { roster: async () => ({ title: 'PagerDuty', onCall: nobody }) }).sweep({});
      expect((await world.as('boss').status({})).grants[0]?.state, meanwhile).toBe('active');
      // What is heard just now, and of what is as it was, ends it.
      world.shifts = [];
      expect((await world.sweepAfter(minute)).ended, meanwhile).toBe(1);
    }
  });

  it('is not kept by what a sweep heard before it slept either', async () => {
    const world = await company(shift);
    world.shifts = [{ schedule: 'Database Primary', email: 'maria@acme.dev', start: null, end: world.now + 10 * hour }];
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 9 * hour } }));
    const before = world.shifts;
    world.shifts = [];
    await world.sweepAfter(5 * minute);
    world.now += hour;
    const onCall = async () => {
      world.now += 10 * minute;
      return before;
    };
    await world.as('cron', { roster: async () => ({ title: 'PagerDuty', onCall }) }).sweep({});
    expect((await world.sweepAfter(0)).ended).toBe(1);
  });

  it('keeps access while the roster cannot be asked', async () => {
    const world = await company(shift);
    world.shifts = [{ schedule: 'Database Primary', email: 'maria@acme.dev', start: null, end: world.now + 10 * hour }];
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 9 * hour } }));
    world.shifts = new ProviderError('pagerduty', 'unavailable', 'PagerDuty answered 503');
    for (let run = 0; run < 5; run++) expect((await world.sweepAfter(10 * minute)).ended).toBe(0);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('refuses who is not on call with who is, and records it', async () => {
    const world = await company(shift);
    world.shifts = [{ schedule: 'Database Primary', email: 'sam@acme.dev', start: null, end: null }];
    const refusal = refused(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    expect(refusal).toMatchObject({
      result: 'denied',
      exit: 3,
      error: { message: expect.stringContaining('not on call for "Database Primary"') },
    });
    expect((await world.as('boss').audit({})).at(-1)).toMatchObject({ type: 'request.refused', actor: 'maria@acme.dev' });
  });

  it('explains a request by its id as it was decided, to its requester and to an admin only', async () => {
    const world = await company(shift);
    world.shifts = [{ schedule: 'Database Primary', email: 'maria@acme.dev', start: null, end: world.now + 2 * hour }];
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    world.shifts = [];
    const then = { role: 'db-admin', requester: 'maria@acme.dev', exit: 0, decision: request.decision };
    expect(await world.as('maria').explain({ role: request.id, asked: { byDefault: true } })).toMatchObject(then);
    expect(await world.as('boss').explain({ role: request.id, asked: { byDefault: true } })).toMatchObject(then);
    await expect(world.as('sam').explain({ role: request.id, asked: { byDefault: true } })).rejects.toMatchObject({ exit: 3 });
    await expect(world.as('sam').explain({ role: 'zzzzzz', asked: { byDefault: true } })).rejects.toMatchObject({ code: 'unknown-role' });
  });

  it('does not let in when the roster cannot be asked, and says that it could not decide', async () => {
    const world = await company(shift);
    world.shifts = new ProviderError('pagerduty', 'timeout', 'PagerDuty did not answer within 5 s');
    expect(refused(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }))).toMatchObject({
      result: 'undecided',
      exit: 1,
    });
    expect(world.okta.in('db')).toEqual([]);
  });
});

describe('what an attacker or a change of policy could do', () => {
  const exclusiveLater = async () => {
    const world = await company();
    world.okta.put('sam@acme.dev', 'db');
    await world.sweepAfter(16 * minute);
    Object.assign(world.policy.directories.okta as object, { exclusive: ['db'] });
    return world;
  };

  it('does not throw out members of a shared group that is declared exclusive later, though it was empty once', async () => {
    const world = await exclusiveLater();
    for (let run = 0; run < 3; run++) await world.sweepAfter(16 * minute);
    expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
    await expect(world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).rejects.toMatchObject({
      code: 'uncovered-members',
    });
  });

  it('remembers an unanswered add for a day, not for as long as the role is used', async () => {
    const world = await company();
    world.okta.fail('add', new ProviderError('okta', 'timeout', 'no answer'), 'before', 3);
    await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } });
    await world.sweepAfter(10 * minute);
    for (let day = 0; day < 3; day++) {
      await world.sweepAfter(12 * hour);
      granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
      await world.as('maria').release({ id: 'db-admin' });
    }
    await world.sweepAfter(10 * minute);
    world.okta.put('maria@acme.dev', 'db');
    await world.sweepAfter(16 * minute);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('does not take "no such user" for "not a member" under a deny', async () => {
    const deny = [rule({ kind: 'member', directory: 'okta', group: 'web' })];
    const world = await company({ roles: [role('db-admin', { deny, allow: [rule(user('ghost'))] })] });
    expect(refused(await world.as('ghost').request({ role: 'db-admin', asked: { byDefault: true } }))).toMatchObject({
      result: 'undecided',
      exit: 1,
    });
  });

  it('approves nothing when the groups that were asked for are no longer the role’s, and leaves the request as it was', async () => {
    const ask = { allow: [], ask: [rule(user('maria'))], approvers: [rule(user('sam'))], maxHolders: 1 };
    const world = await company({ roles: [role('db-admin', ask)], exclusive: ['db', 'web'] });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true }, reason: 'x' }));
    Object.assign(world.policy.roles, { 'db-admin': role('db-admin', { ...ask, targets: [{ directory: 'okta', group: 'web' }] }) });
    await world.sweepAfter(16 * minute);
    await expect(world.as('sam').approve({ id: request.id })).rejects.toMatchObject({ code: 'targets-changed' });
    expect((await world.as('sam').status({ of: request.id })).requests).toMatchObject([{ state: 'pending' }]);
    expect((await world.as('maria').release({ id: request.id })).request?.state).toBe('withdrawn');
  });

  it('counts those who came in before a role had a limit', async () => {
    const world = await company({ exclusive: ['db'] });
    granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    Object.assign(world.policy.roles, { 'db-admin': role('db-admin', { maxHolders: 1 }) });
    expect(refused(await world.as('sam').request({ role: 'db-admin', asked: { byDefault: true } }))).toMatchObject({
      result: 'taken',
      heldBy: [{ holder: 'maria@acme.dev' }],
    });
  });

  it('does not let one user approve under a second e-mail', async () => {
    const world = await company({
      roles: [role('db-admin', { allow: [], ask: [rule(user('maria'))], approvers: [rule(user('m.silva'))] })],
    });
    Object.assign(world.policy.people, { 'm.silva@acme.dev': { okta: 'maria@acme.dev' } });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true }, reason: 'x' }));
    await expect(world.as('m.silva').approve({ id: request.id })).rejects.toMatchObject({ code: 'own-request', exit: 3 });
    expect(world.okta.in('db')).toEqual([]);
  });

  it('lets nobody approve of whom the directory cannot say whether they are the requester', async () => {
    const approvers = [rule(user('m.silva')), rule(user('outside'))];
    const world = await company({ roles: [role('db-admin', { allow: [], ask: [rule(user('maria'))], approvers })] });
    Object.assign(world.policy.people, { 'm.silva@acme.dev': { okta: 'msilva' } });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true }, reason: 'x' }));
    const findUser: typeof world.okta.findUser = async (name, call) => {
      if (name === 'msilva') throw new ProviderError('okta', 'rate-limited', 'okta takes no more calls for 20 s', { retryAfterMs: 20_000 });
      return world.okta.findUser(name, call);
    };
    const directory = async () => ({ ...world.okta, findUser });
    await expect(world.as('m.silva', { directory }).approve({ id: request.id })).rejects.toMatchObject({
      code: 'undecided',
      exit: 1,
      message: `could not decide whether request ${request.id} is your own`,
      why: 'okta takes no more calls for 20 s',
      next: 'run the same command again in 20 s',
    });
    expect(world.okta.in('db')).toEqual([]);
    // Who has no user there is not the requester.
    granted(await world.as('outside', { directory }).approve({ id: request.id }));
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('repeats a request for a group that has been renamed without a second grant', async () => {
    const world = await company();
    const first = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    const renamed = { ...world.okta, findGroup: async () => ({ account: 'okta-account', groupId: 'g-db', groupName: 'dba' }) };
    Object.assign(world.policy.roles, { 'db-admin': role('db-admin', { targets: [{ directory: 'okta', group: 'dba' }] }) });
    const again = await world.as('maria', { directory: async () => renamed }).request({ role: 'db-admin', asked: { forMs: 2 * hour } });
    expect(granted(again)).toMatchObject({ result: 'extended', request: { id: first.request.id }, grants: [{ state: 'active' }] });
  });

  it('ends everything that is due in one run, however much that is', async () => {
    const names = Array.from({ length: 1200 }, (_, index) => `u${index}@acme.dev`);
    const world = await company({ roles: [role('db-admin', { allow: [rule({ kind: 'not', condition: user('nobody') })] })] });
    for (const name of names) world.okta.addUser(name);
    for (const name of names)
      granted(await world.as(name.replace('@acme.dev', '')).request({ role: 'db-admin', asked: { forMs: minute } }));
    expect(await world.sweepAfter(minute)).toMatchObject({ ended: 1200, remaining: 0 });
    expect(world.okta.in('db')).toEqual([]);
  });

  it('says that the host’s clock is behind, in the sweep and in the status, and gives no heartbeat', async () => {
    const world = await company();
    granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    world.now -= 24 * hour;
    const run = await world.as('cron').sweep({});
    expect(run.failed).toBe(1);
    expect(run.steps).toMatchObject([{ action: 'heartbeat', outcome: 'failed', because: expect.stringContaining('behind') }]);
    expect((await world.as('sam').status({})).faults.map((fault) => fault.code)).toContain('clock');
    // The ledger's clock goes on, at half the pace: access ends all the same.
    world.now += 2 * hour;
    expect((await world.as('cron').sweep({})).ended).toBe(1);
    expect(world.okta.in('db')).toEqual([]);
  });
});
