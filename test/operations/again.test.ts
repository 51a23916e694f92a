/** Asking for what one had a moment ago, has already, or has half of: what is decided anew, what is kept, and what is said. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { company, granted, hour, minute, onCall, refused, role, rule, user, type World } from './world.ts';

const lost = new ProviderError('okta', 'timeout', 'okta did not answer within 10 s');
const forbidden = new ProviderError('okta', 'forbidden', 'okta refuses: no right to remove', { applied: 'no' });
const silent = new ProviderError('pagerduty', 'unavailable', 'PagerDuty answered 503');

/** Lets maria in, and takes it from her in vain. */
async function takenBack(world: World, input: { readonly forMs: number }): Promise<string> {
  const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: input, reason: 'page 4711', incident: 'INC-1' }));
  world.okta.fail('remove', forbidden, 'before', 1);
  expect(await world.as('boss').revoke({ id: request.id })).toMatchObject({ left: 1 });
  return request.id;
}

describe('asking again while an end is not confirmed', () => {
  it('is decided anew: the new end counts though it is earlier, from now on, and on record', async () => {
    const world = await company();
    const id = await takenBack(world, { forMs: 6 * hour });
    world.now += minute;
    Object.assign(world.policy.roles, { 'db-admin': role('db-admin', { ttl: { defaultMs: hour, maxMs: hour } }) });
    const again = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour / 2 }, reason: 'page 4712' }));
    expect(again).toMatchObject({
      result: 'again',
      request: { id, startsAt: world.now, expiresAt: world.now + hour / 2, asked: { forMs: hour / 2 }, reason: 'page 4712' },
      grants: [{ state: 'revoking' }, { state: 'active' }],
    });
    expect(again.request.incident).toBeUndefined();
    const approved = (await world.as('boss').audit({ of: id })).filter(({ type }) => type === 'request.approved');
    expect(approved).toHaveLength(2);
    expect(approved[1]).toMatchObject({ reason: 'page 4712', data: { expiresAt: world.now + hour / 2, findings: [{ holds: true }] } });
    await world.sweepAfter(hour / 2);
    expect(world.okta.in('db')).toEqual([]);
  });

  it('counts the maximum from the new start, not from that of what was taken back', async () => {
    const world = await company();
    await takenBack(world, { forMs: 12 * hour });
    world.okta.fail('remove', forbidden, 'before', 99);
    for (let run = 0; run < 11; run++) await world.sweepAfter(10 * minute);
    const again = await world
      .as('boss')
      .request({ role: 'db-admin', asked: { byDefault: true } })
      .catch(() => undefined);
    expect(again).toMatchObject({ result: 'denied' });
    Object.assign(world.policy.sweep, { refuseWhenLateMs: 5 * hour });
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 12 * hour } })).request.expiresAt).toBe(
      world.now + 12 * hour,
    );
  });

  it('no longer rests on the yes that somebody said to what was taken back', async () => {
    const asking = role('db-admin', { allow: [rule(onCall)], ask: [rule(user('maria'))], approvers: [rule(user('ana'))] });
    const world = await company({ roles: [asking] });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour }, reason: 'x' }));
    granted(await world.as('ana').approve({ id: request.id }));
    world.okta.fail('remove', forbidden, 'before', 1);
    await world.as('maria').release({ id: 'db-admin' });
    world.shifts = [{ schedule: 'PDB', email: 'maria@acme.dev', start: null, end: null }];
    const again = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    expect(again).toMatchObject({ result: 'again', request: { id: request.id, approvals: [], decision: { outcome: 'allow' } } });
  });

  it('keeps the place that it has not lost yet, and no more than one', async () => {
    const world = await company({ roles: [role('db-admin', { maxHolders: 1 })] });
    await takenBack(world, { forMs: 6 * hour });
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } })).result).toBe('again');
    expect(await world.ledger.read((q) => q.placesTaken('db-admin'))).toHaveLength(1);
    expect(refused(await world.as('sam').request({ role: 'db-admin', asked: { forMs: hour } })).result).toBe('taken');
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } })).result).toBe('held');
  });

  it('grants nothing under rules that deny it by now, and records that', async () => {
    const world = await company();
    await takenBack(world, { forMs: 6 * hour });
    Object.assign(world.policy.roles, { 'db-admin': role('db-admin', { deny: [rule(user('maria'))] }) });
    expect(refused(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }))).toMatchObject({ exit: 3 });
    expect((await world.as('boss').audit({})).at(-1)).toMatchObject({ type: 'request.refused', actor: 'maria@acme.dev' });
  });

  it('is not ended by a sweep that asked about what it rested on before', async () => {
    const shift = role('db-admin', { allow: [rule(onCall, { name: 'r', until: 'shift', graceMs: 0 })] });
    const world = await company({ roles: [shift] });
    world.shifts = [{ schedule: 'PDB', email: 'maria@acme.dev', start: null, end: null }];
    await takenBack(world, { forMs: 6 * hour });
    world.shifts = [];
    // While the sweep waits for the roster's answer, the policy gives it to her without a shift.
    const roster = async () => ({
      title: 'PagerDuty',
      onCall: async () => {
        Object.assign(world.policy.roles, { 'db-admin': role('db-admin') });
        granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
        return [];
      },
    });
    await world.as('cron', { roster }).sweep({});
    expect((await world.as('maria').status({ mine: true })).grants.at(-1)).toMatchObject({ state: 'active' });
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('has its whole grace again, though what it rested on before had run out', async () => {
    const world = await company({ roles: [role('db-admin', { allow: [rule(onCall, { name: 'r', until: 'shift' })] })] });
    const shifts = [{ schedule: 'PDB', email: 'maria@acme.dev', start: null, end: null }];
    world.shifts = shifts;
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 6 * hour } }));
    world.shifts = [];
    await world.sweepAfter(minute);
    expect((await world.ledger.read((q) => q.request(request.id)))?.unheldSince).toBe(world.now);
    world.okta.fail('remove', forbidden, 'before', 1);
    await world.as('maria').release({ id: 'db-admin' });
    world.shifts = shifts;
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 6 * hour } })).result).toBe('again');
    expect((await world.ledger.read((q) => q.request(request.id)))?.unheldSince).toBeUndefined();
  });

  const askOnly = [role('db-admin', { allow: [], ask: [rule(user('maria'), { name: 'ask' })], approvers: [rule(user('ana'))] })];

  it('says of a role that takes a yes what it waits for, as explain does', async () => {
    const world = await company({ roles: askOnly });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour }, reason: 'x' }));
    granted(await world.as('ana').approve({ id: request.id }));
    world.okta.fail('remove', forbidden, 'before', 1);
    await world.as('maria').release({ id: 'db-admin' });
    const asked = { role: 'db-admin', asked: { forMs: hour } } as const;
    const refusal = refused(await world.as('maria').request({ ...asked, reason: 'x' }));
    expect(refusal).toMatchObject({ result: 'ending', exit: 8 });
    expect(refusal.error).toMatchObject({
      message: `db-admin of yours (${request.id}) is still being taken back: okta/db is not confirmed (okta refuses: no right to remove)`,
      next: `ask again when oncall status ${request.id} shows it ended`,
    });
    expect(await world.as('maria').explain(asked)).toMatchObject({ exit: 8, refusal: refusal.error });
    await world.sweepAfter(minute);
    expect(granted(await world.as('maria').request({ ...asked, reason: 'x' })).result).toBe('pending');
  });
});

describe('a removal that was never answered', () => {
  const released = async () => {
    const said: string[] = [];
    const world = await company();
    granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    world.okta.fail('remove', lost, 'before');
    await world.as('maria').release({ id: 'db-admin' });
    const maria = world.as('maria', { progress: (line, more) => void said.push(`${more?.alsoOffTerminal}: ${line}`) });
    return { world, maria, said };
  };

  it('is what somebody is told that they wait for, once, and until when', async () => {
    const { world, maria, said } = await released();
    const at = new Date(world.now).toISOString();
    const until = new Date(world.now + 2 * minute).toISOString();
    world.now += 10_000;
    expect(granted(await maria.request({ role: 'db-admin', asked: { byDefault: true } })).result).toBe('again');
    expect(said).toEqual([
      `true: the removal from okta/db at ${at} was never answered and may still land; maria@acme.dev is let in at ${until}, in 110 s (Ctrl-C gives up)`,
    ]);
  });

  it('is not waited for where the time to let in ends first', async () => {
    const { world, maria, said } = await released();
    const before = world.now;
    const { result, missing } = granted(await maria.request({ role: 'db-admin', asked: { forMs: minute } }));
    expect([result, world.now - before, said]).toEqual(['failed', 0, []]);
    expect(missing).toMatchObject([
      { message: expect.stringContaining('may still land until'), next: expect.stringMatching(/^after that: oncall request db-admin$/) },
    ]);
  });

  it('is told apart from a row that another run holds', async () => {
    const said: string[] = [];
    const world = await company();
    const add = world.okta.add.bind(world.okta);
    let second: Promise<unknown> | undefined;
    const directory = async () => ({
      ...world.okta,
      add: async (...call: Parameters<typeof add>) => {
        const beside = world.as('maria', { progress: (line) => void said.push(line), sleep: () => Promise.reject(new Error('gave up')) });
        second ??= beside.request({ role: 'other', asked: { byDefault: true } }).catch((error: Error) => error.message);
        await second;
        return add(...call);
      },
    });
    Object.assign(world.policy.roles, { other: role('other') });
    granted(await world.as('maria', { directory }).request({ role: 'db-admin', asked: { byDefault: true } }));
    expect([said, await second]).toEqual([['another run is changing this membership; waiting for it …'], 'gave up']);
  });
});

describe('what is held', () => {
  it('says where its end was before, and what was asked for now', async () => {
    const world = await company();
    const first = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour } }));
    const moved = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: 20 * hour }, incident: 'INC-2' }));
    expect(moved).toMatchObject({
      result: 'extended',
      movedFrom: first.request.expiresAt,
      request: { asked: { forMs: 20 * hour }, incident: 'INC-2' },
      decision: { limitedBy: 'max' },
    });
  });

  const two = [
    { directory: 'okta', group: 'db' },
    { directory: 'okta', group: 'web' },
  ];

  describe('as another user, by a slip under "people" that was corrected since', () => {
    const slipped = async (over: Parameters<typeof role>[1] = {}) => {
      const world = await company({ roles: [role('db-admin', over)] });
      const ask = (hours: number, more = {}) =>
        world.as('maria').request({ role: 'db-admin', asked: { forMs: hours * hour }, reason: 'x', ...more });
      Object.assign(world.policy, { people: { 'maria@acme.dev': { okta: 'sam@acme.dev' } } });
      const first = granted(await ask(1));
      if (first.result === 'pending') await world.as('boss').approve({ id: first.request.id });
      expect(world.okta.in('db')).toEqual(['sam@acme.dev']);
      Object.assign(world.policy, { people: {} });
      return { world, ask, until: first.request.expiresAt };
    };

    it('lets the right one in until the end that there is, which moves for neither, and says how to have it for longer', async () => {
      const { world, ask, until } = await slipped();
      world.now += 10 * minute;
      await world.sweepAfter(0);
      const again = granted(await ask(4));
      expect(again).toMatchObject({ result: 'held', request: { expiresAt: until }, grants: [{ state: 'active' }] });
      expect(again.notExtended).toContain('oncall release db-admin');
      expect(world.okta.in('db')).toEqual(['maria@acme.dev', 'sam@acme.dev']);
      for (let run = 0; run < 10; run++) await world.sweepAfter(5 * minute);
      expect(world.okta.in('db')).toEqual([]);
    });

    it('is longer for the right one alone once it was given back and asked for again', async () => {
      const { world, ask } = await slipped();
      await ask(4);
      await world.as('maria').release({ id: 'db-admin' });
      expect(world.okta.in('db')).toEqual([]);
      expect(granted(await ask(4)).request.expiresAt).toBe(world.now + 4 * hour);
      expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
    });

    it('is nothing that they have: where letting them in fails, or needs a yes, that is said', async () => {
      const { world, ask } = await slipped();
      world.okta.fail('add', new ProviderError('okta', 'forbidden', 'no right to add', { applied: 'no' }));
      expect(granted(await ask(4))).toMatchObject({ result: 'failed', missing: [{ message: 'no right to add' }] });
      const asking = await slipped({ allow: [], ask: [rule(user('maria'))], approvers: [rule(user('boss'))] });
      expect(granted(await asking.ask(4))).toMatchObject({ result: 'failed', missing: [{ message: 'not tried: it needs a new yes' }] });
      expect(asking.world.okta.in('db')).toEqual(['sam@acme.dev']);
    });
  });

  it('says of its missing half why that was not tried, where the roster cannot be asked', async () => {
    const world = await company({ roles: [role('db-admin', { targets: two, allow: [rule(onCall)] })] });
    world.shifts = [{ schedule: 'PDB', email: 'maria@acme.dev', start: null, end: null }];
    world.okta.fail('add', new ProviderError('okta', 'forbidden', 'no right to add', { applied: 'no' }), 'before', 1);
    expect(granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).result).toBe('partial');
    world.shifts = silent;
    const again = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    expect(again.result).toBe('partial');
    expect(again.missing).toMatchObject([
      { message: expect.stringContaining('PagerDuty answered 503'), next: expect.stringContaining('oncall explain db-admin') },
    ]);
    expect(await world.as('maria').explain({ role: 'db-admin', asked: { byDefault: true } })).toMatchObject({
      exit: 1,
      held: { missing: [again.missing[0]?.target] },
    });
  });

  it('says of its missing half that it needs a new yes, and how to get one', async () => {
    const asking = role('db-admin', { targets: two, allow: [], ask: [rule(user('maria'))], approvers: [rule(user('ana'))] });
    const world = await company({ roles: [asking] });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour }, reason: 'x' }));
    world.okta.fail('add', new ProviderError('okta', 'forbidden', 'no right to add', { applied: 'no' }), 'before', 1);
    expect(granted(await world.as('ana').approve({ id: request.id })).result).toBe('partial');
    const again = granted(await world.as('maria').request({ role: 'db-admin', asked: { forMs: hour }, reason: 'x' }));
    expect(again.missing).toMatchObject([
      { message: 'not tried: it needs a new yes', next: 'nobody is asked for it before this has ended, or: oncall release db-admin' },
    ]);
  });

  it('is what explain tells first, with the exit that asking again would have', async () => {
    const world = await company();
    const asked = { role: 'db-admin', asked: { byDefault: true } } as const;
    const { request } = granted(await world.as('maria').request(asked));
    const held = { id: request.id, expiresAt: request.expiresAt, missing: [] };
    expect(await world.as('maria').explain(asked)).toMatchObject({ exit: 0, held });
    expect(await world.as('sam').explain(asked)).not.toHaveProperty('held');
    Object.assign(world.policy.roles, { 'db-admin': role('db-admin', { deny: [rule(user('maria'))] }) });
    expect(await world.as('maria').explain(asked)).toMatchObject({ exit: 0, held, decision: { outcome: 'deny' } });
    expect(granted(await world.as('maria').request(asked)).result).toBe('held');
  });

  it('is explained with its maximum counted from its start, and as kept although the sweep is late', async () => {
    const world = await company();
    const asked = { role: 'db-admin', asked: { forMs: 12 * hour } } as const;
    const { request } = granted(await world.as('maria').request(asked));
    world.now += hour;
    const later = await world.as('maria').explain(asked);
    expect(later.decision.expiresAt).toBe(request.expiresAt);
    expect([later.exit, later.refusal]).toEqual([0, undefined]);
    expect(granted(await world.as('maria').request(asked)).result).toBe('held');
  });
});

describe('release', () => {
  it('of a role that one does not have is done already', async () => {
    const world = await company();
    expect(await world.as('maria').release({ id: 'db-admin' })).toEqual({ grants: [], ended: 0, left: 0 });
    await expect(world.as('maria').release({ id: 'nope' })).rejects.toMatchObject({ code: 'unknown-request', exit: 2 });
  });

  it('is of one’s own alone, also where two e-mails of two issuers lead to one user: the other’s access stays', async () => {
    const emails = ['maria@acme.dev', 'maria@acme.com'];
    const world = await company({ roles: [role('db-admin', { allow: [rule({ kind: 'any', conditions: emails.map(user) })] })] });
    Object.assign(world.policy, { people: { 'maria@acme.com': { okta: 'maria@acme.dev' } } });
    const [one, other] = emails.map((email, index) =>
      world.as('maria', { actor: async () => ({ issuer: `https://issuer${index}`, subject: '00u1', email }) }),
    );
    const asked = { role: 'db-admin', asked: { byDefault: true } } as const;
    const ids = await Promise.all([one, other].map(async (as) => as && granted(await as.request(asked)).request.id));
    await expect(other?.release({ id: ids[0] ?? '' })).rejects.toMatchObject({ code: 'not-yours' });
    await other?.release({ id: 'db-admin' });
    expect((await world.as('boss').status({})).requests.map(({ id }) => id)).toEqual([ids[0]]);
    expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  });

  it('of what is somebody else’s names them, and an admin', async () => {
    const world = await company();
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    await expect(world.as('sam').release({ id: request.id })).rejects.toMatchObject({
      code: 'not-yours',
      next: `ask maria@acme.dev, or an admin: oncall revoke ${request.id}`,
    });
  });
});
