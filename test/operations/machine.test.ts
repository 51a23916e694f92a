/** A service account through every operation: what is for it, what is for people, and what stays of it in the ledger. */

import { expect, it } from 'vitest';
import type { Actor } from '../../src/lifecycle/types.ts';
import type { Condition, Role } from '../../src/policy/types.ts';
import { company, granted, hour, minute, onCall, refused, role, rule, user, type World } from './world.ts';

const ci: Condition = { kind: 'client', id: 'ci' };
const engineers: Condition = { kind: 'member', directory: 'okta', group: 'web' };
const bot: Actor = { issuer: 'https://acme.okta.com', subject: 'client:ci', email: 'standing@acme.dev' };
const asBot = (world: World) => world.as('standing', { actor: async () => bot });
const ask = { role: 'db-admin', asked: { byDefault: true }, reason: 'deploy' } as const;

/** In the group of engineers, as a service account's user may well be. */
const withRole = (over: Partial<Role>) => company({ roles: [role('db-admin', over)], members: { web: [bot.email] } });
const named = (condition: Condition, over = {}) => rule(condition, { name: 'db-admin.rule[0]', ...over });

it('it gets in by its own rule, in the record as what it is', async () => {
  const world = await withRole({ allow: [named(ci)] });
  const { request } = granted(await asBot(world).request(ask));
  expect(request.requester).toEqual(bot);
  expect(world.okta.in('db')).toEqual([bot.email]);
  await world.sweepAfter(2 * hour);
  expect(world.okta.in('db')).toEqual([]);
  expect(refused(await world.as('maria').request(ask)).exit).toBe(3);
});

it('it gets in by no rule for people, though its user is a member, named, or on call', async () => {
  for (const condition of [engineers, user('standing'), onCall]) {
    const world = await withRole({ allow: [named(condition)] });
    world.shifts = [{ email: bot.email, schedule: 'PDB', start: null, end: null }];
    expect(refused(await asBot(world).request(ask)).exit).toBe(3);
    expect(await asBot(world).explain(ask)).toMatchObject({ exit: 3, decision: { outcome: 'deny' } });
    expect(await world.as('standing').explain(ask)).toMatchObject({ exit: 0 });
    expect(world.okta.in('db')).toEqual([]);
  }
});

it('what it may do is explained to it', async () => {
  const world = await withRole({ allow: [named(ci)] });
  expect(await asBot(world).explain(ask)).toMatchObject({ exit: 0, decision: { findings: [{ because: 'is the service account ci' }] } });
});

it('it asks, and is judged as what it is when a person says yes', async () => {
  const world = await withRole({ allow: [], ask: [named(ci)], approvers: [named(user('ana'))] });
  const { request } = granted(await asBot(world).request(ask));
  expect(request.state).toBe('pending');
  granted(await world.as('ana').approve({ id: request.id }));
  expect(world.okta.in('db')).toEqual([bot.email]);
});

it('it is no person either when the policy has changed before the yes', async () => {
  const world = await withRole({ allow: [], ask: [named(ci)], approvers: [named(user('ana'))] });
  const { request } = granted(await asBot(world).request(ask));
  const roles = { 'db-admin': role('db-admin', { allow: [named(engineers)], approvers: [named(user('ana'))] }) };
  const changed = world.as('ana', { policy: { ...world.policy, roles } });
  expect(refused(await changed.approve({ id: request.id })).exit).toBe(3);
  expect(world.okta.in('db')).toEqual([]);
});

it('it approves where a rule names it, and never what it asked for itself', async () => {
  const forPeople = await withRole({
    allow: [],
    ask: [named(user('maria')), named(ci)],
    approvers: [named(engineers), named(user('standing'))],
  });
  const first = granted(await forPeople.as('maria').request(ask));
  await expect(asBot(forPeople).approve({ id: first.request.id })).rejects.toMatchObject({ code: 'forbidden' });

  const world = await withRole({ allow: [], ask: [named(user('maria')), named(ci)], approvers: [named(ci)] });
  const hers = granted(await world.as('maria').request(ask));
  granted(await asBot(world).approve({ id: hers.request.id }));
  expect(world.okta.in('db')).toEqual(['maria@acme.dev']);
  const own = granted(await asBot(world).request(ask));
  await expect(asBot(world).approve({ id: own.request.id })).rejects.toMatchObject({ code: 'own-request' });
  await expect(world.as('standing').approve({ id: own.request.id })).rejects.toMatchObject({ exit: 3 });
});

it('it is an admin where the policy says so of it, and not as a person', async () => {
  const world = await withRole({});
  const { request } = granted(await world.as('maria').request(ask));
  const revoke = (admins: Condition) =>
    world
      .as('standing', { actor: async () => bot, policy: { ...world.policy, admins: [rule(admins)] } })
      .revoke({ id: request.id, reason: 'x' });
  await expect(revoke(user('standing'))).rejects.toMatchObject({ code: 'forbidden' });
  await revoke(ci);
  expect(world.okta.in('db')).toEqual([]);
});

it('what it has with a shift is asked again as for a service account, and ends with the shift', async () => {
  const condition: Condition = { kind: 'all', conditions: [ci, onCall] };
  const world = await withRole({ allow: [named(condition, { until: 'shift' })] });
  world.shifts = [{ email: bot.email, schedule: 'PDB', start: null, end: world.now + 10 * hour }];
  granted(await asBot(world).request({ ...ask, asked: { forMs: 3 * hour } }));
  await world.sweepAfter(20 * minute);
  await world.sweepAfter(20 * minute);
  expect(world.okta.in('db')).toEqual([bot.email]);
  world.shifts = [];
  await world.sweepAfter(minute);
  await world.sweepAfter(20 * minute);
  expect(world.okta.in('db')).toEqual([]);
});

it('it is blocked by its name: what it has ends, and it gets nothing more', async () => {
  const world = await withRole({ allow: [named(ci)] });
  granted(await asBot(world).request(ask));
  const policy = { ...world.policy, blocked: [bot.email] };
  await world.as('cron', { policy }).sweep({});
  expect(world.okta.in('db')).toEqual([]);
  expect(refused(await world.as('standing', { policy, actor: async () => bot }).request(ask)).exit).toBe(3);
});
