/** What operations tell people: a step that is one, whom a right belongs to, and the events of one request. */

import { describe, expect, it } from 'vitest';
import type { OncallError } from '../../src/errors.ts';
import type { Condition } from '../../src/policy/types.ts';
import { company, granted, onCall, refused, role, rule, user } from './world.ts';

const thrown = (run: Promise<unknown>): Promise<OncallError> =>
  run.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => error,
  );

const member: Condition = { kind: 'member', directory: 'okta', group: 'web' };

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
