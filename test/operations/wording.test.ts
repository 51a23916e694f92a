/** What operations tell people: a step that is one, whom a right belongs to, and the events of one request. */

import { describe, expect, it } from 'vitest';
import { type OncallError, ProviderError } from '../../src/errors.ts';
import type { Role } from '../../src/policy/types.ts';
import { company, granted, onCall, refused, role, rule, user, type World } from './world.ts';

const thrown = (run: Promise<unknown>): Promise<OncallError> =>
  run.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => error,
  );

const member = { kind: 'member', directory: 'okta', group: 'web' } as const;

describe('a refusal', () => {
  it('does not tell anybody to be somebody else as the next step', async () => {
    const world = await company({ roles: [role('db-admin', { allow: [rule(onCall)] })] });
    const { next } = refused(await world.as('sam').request({ role: 'db-admin', asked: { byDefault: true } })).error;
    expect(next).toBe('you would have to be on call for pagerduty/PDB; every rule: oncall explain db-admin');
  });

  it('keeps a step that can be taken as it is', async () => {
    const world = await company({ roles: [role('db-admin')] });
    const { next } = refused(await world.as('sam').request({ role: 'db-admin', asked: { untilMs: 1 } })).error;
    expect(next).toMatch(/^(?!you would have to)/);
  });
});

describe('what is not known of somebody', () => {
  it.each<[string, (world: World) => unknown, string]>([
    [
      'no such user',
      (world) => Object.assign(world.policy.people, { 'sam@acme.dev': { okta: 'sam.smith' } }),
      'where sam@acme.dev has another name there, it belongs under people: in the policy',
    ],
    ['not active', (world) => world.okta.deactivate('sam@acme.dev'), 'ask who runs okta'],
    [
      'no such group',
      (world) => Object.assign(world.policy.roles, { 'db-admin': role('db-admin', { allow: [rule({ ...member, group: 'wbe' })] }) }),
      'ask who keeps the policy: oncall never makes a group',
    ],
  ])('is not for whoever answered it to answer again: %s', async (_, change, told) => {
    const world = await company({ roles: [role('db-admin', { allow: [rule(member)] })] });
    change(world);
    const { error } = refused(await world.as('sam').request({ role: 'db-admin', asked: { byDefault: true } }));
    expect(error).toMatchObject({ code: 'undecided', next: `${told}; every rule: oncall explain db-admin` });
  });
});

describe('what is told of somebody else', () => {
  const asked = { untilMs: Date.parse('2026-11-22T04:00:00Z') };
  const aboutThem = async (world: World, of = 'db-admin') =>
    JSON.stringify(await world.as('boss').explain({ role: of, asked, user: 'sam@acme.dev' }));

  it('is not said to whoever reads it: by what it rests on', async () => {
    const world = await company({ roles: [role('db-admin', { approvers: [rule(user('boss'))] })] });
    for (const until of ['shift', 'incident'] as const) {
      const { decision } = await world.as('sam').explain({ role: 'db-admin', asked: { until } });
      expect(decision.limitedBecause).toBe(`it rests on no ${until}, so it is as long as usual`);
    }
  });

  it.each<[string, Partial<Role>, (world: World) => Promise<unknown>, string]>([
    [
      'every place is taken',
      { maxHolders: 1 },
      (world) => world.as('maria').request({ role: 'db-admin', asked }),
      'they stand in line: oncall request db-admin --queue (nobody before them)',
    ],
    [
      'they stand in line',
      { maxHolders: 1 },
      async (world) => {
        await world.as('maria').request({ role: 'db-admin', asked });
        await world.as('sam').request({ role: 'db-admin', asked, queue: true });
      },
      'they wait for their turn',
    ],
    [
      'what they had is being taken back',
      { allow: [], ask: [rule(user('sam'))], approvers: [rule(user('ana'))] },
      async (world) => {
        const { request } = granted(await world.as('sam').request({ role: 'db-admin', asked, reason: 'r' }));
        await world.as('ana').approve({ id: request.id });
        world.okta.fail('remove', new ProviderError('okta', 'forbidden', 'no right to remove', { applied: 'no' }), 'before', 9);
        await world.as('sam').release({ id: 'db-admin' });
      },
      'db-admin of sam@acme.dev (',
    ],
    [
      'others wait for what they have',
      { maxHolders: 1 },
      async (world) => {
        await world.as('sam').request({ role: 'db-admin', asked: { forMs: 60_000 } });
        await world.as('maria').request({ role: 'db-admin', asked, queue: true });
      },
      'they give it back when they are done: oncall release db-admin',
    ],
  ])('is not said to whoever reads it: where %s', async (_, over, before, told) => {
    const world = await company({ roles: [role('db-admin', over)] });
    await before(world);
    const said = await aboutThem(world);
    expect(said).toContain(told);
    expect(said).not.toMatch(/\byou(r|rs)?\b/);
  });

  it('is not said to an approver: what they would have to look at, and who has no user', async () => {
    const world = await company({ roles: [role('db-admin', { allow: [], ask: [rule(user('sam'))], approvers: [rule(user('boss'))] })] });
    const { request } = granted(await world.as('sam').request({ role: 'db-admin', asked, reason: 'r' }));
    Object.assign(world.policy.people, { 'sam@acme.dev': { okta: 'sam.smith' } });
    const error = await thrown(world.as('boss').approve({ id: request.id }));
    expect(error).toMatchObject({ code: 'unknown-user', why: 'the policy (people:) gives sam@acme.dev that name there' });
    expect(`${error.message} ${error.why} ${error.next}`).not.toMatch(/\byou(r|rs)?\b/);
    Object.assign(world.policy.people, { 'sam@acme.dev': {} });
    Object.assign(world.policy.roles, {
      'db-admin': role('db-admin', { allow: [], ask: [rule(onCall)], approvers: [rule(user('boss'))] }),
    });
    const { error: no } = refused(await world.as('boss').approve({ id: request.id }));
    expect(no.next).toBe(
      'sam@acme.dev would have to be on call for pagerduty/PDB; every rule: oncall explain db-admin --user sam@acme.dev',
    );
  });
});

describe('a right that somebody lacks', () => {
  it('is told by whom the rules name, not by whom one is not', async () => {
    const world = await company({ roles: [role('db-admin', { ask: [rule(user('maria'))], approvers: [rule(member)] })] });
    granted(await world.as('sam').request({ role: 'db-admin', asked: { byDefault: true } }));
    const { message, why } = await thrown(world.as('maria').revoke({ role: 'db-admin' }));
    expect(message).toBe('you may not revoke db-admin');
    expect(why).toBe('none of these is you: boss@acme.dev; member of okta/web');
  });

  it('says where the policy names nobody', async () => {
    const world = await company();
    const without = { policy: { ...world.policy, admins: [] } };
    expect((await thrown(world.as('maria', without).revoke({ all: true }))).why).toBe('the policy names nobody who may');
  });

  it('says what to write where the policy has no admin, and whom to ask where it names some', async () => {
    const world = await company({ roles: [role('db-admin', { approvers: [rule(user('ana'))] })] });
    const without = { policy: { ...world.policy, admins: [] } };
    expect(await thrown(world.as('maria', without).revoke({ all: true }))).toMatchObject({
      message: 'you may not revoke everything (--all)',
      next: 'add to the policy, where you are to be one: admins: [{ user: maria@acme.dev }]',
    });
    expect(await thrown(world.as('maria').revoke({ holder: 'sam@acme.dev' }))).toMatchObject({
      message: 'you may not revoke everything that sam@acme.dev has',
      next: 'ask an admin: boss@acme.dev',
    });
  });
});

describe('the name of a role in the place of an id', () => {
  it('leads to whom it stands for, or to what waits', async () => {
    const world = await company();
    expect((await thrown(world.as('boss').revoke({ id: 'db-admin' }))).next).toBe('everybody who has it: oncall revoke --role db-admin');
    expect((await thrown(world.as('boss').revoke({ id: 'zzzzzz' }))).next).toBe('who has what: oncall status');
    for (const verb of ['approve', 'deny'] as const)
      expect((await thrown(world.as('boss')[verb]({ id: 'db-admin' }))).next).toBe('what waits for you: oncall approve');
  });
});

describe('the sweep that never ran', () => {
  it('points to the crontab that works, not to half of one', async () => {
    const world = await company({ swept: false });
    const { next } = await thrown(world.as('sam').request({ role: 'db-admin', asked: { byDefault: true } }));
    expect(next).toBe('oncall sweep, and from cron as the README shows');
  });
});

describe('roles', () => {
  it('name who says yes', async () => {
    const world = await company({ roles: [role('db-admin', { approvers: [rule(member)] })] });
    expect((await world.as('sam').roles())[0]?.rules).toContain('approver: member of okta/web');
  });
});

describe('the audit', () => {
  it('gives the events of one request, with what was said at its end', async () => {
    const world = await company({ roles: [role('db-admin'), role('other', { targets: [{ directory: 'okta', group: 'web' }] })] });
    const { request } = granted(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } }));
    granted(await world.as('maria').request({ role: 'other', asked: { byDefault: true } }));
    await world.as('boss').revoke({ id: request.id, reason: 'lost laptop' });
    const events = await world.as('boss').audit({ of: request.id });
    expect(new Set(events.map(({ requestId }) => requestId))).toEqual(new Set([request.id]));
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['request.approved', 'grant.active', 'grant.ended']));
    expect(events.at(-1)).toMatchObject({ type: 'grant.ended', endReason: 'revoked' });
    expect(await world.as('boss').audit({ of: request.id, limit: 2 })).toEqual(events.slice(-2));
  });

  it('knows no request that there is not', async () => {
    const world = await company();
    expect(await thrown(world.as('boss').audit({ of: 'nope' }))).toMatchObject({ code: 'unknown-request', exit: 2 });
  });
});
