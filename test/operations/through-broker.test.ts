/** What looks into the broker's host, or asks every provider, is for admins where it is asked through the broker. */

import { describe, expect, it } from 'vitest';
import { company, granted, hour, onCall, role, rule } from './world.ts';

const through = { throughBroker: true } as const;

describe('through a broker', () => {
  it.each(['sweep', 'doctor'] as const)('%s is for admins alone, and does nothing for others', async (verb) => {
    const world = await company();
    const calls = world.okta.calls.length;
    await expect(world.as('maria', through)[verb]({})).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
    expect(world.okta.calls.length).toBe(calls);
    await world.as('boss', through)[verb]({});
    expect(world.okta.calls.length).toBeGreaterThan(calls);
  });

  it('sends nobody to a command that is not theirs when the sweep is late', async () => {
    const world = await company({ roles: [role('db-admin', { allow: [rule(onCall)] })] });
    world.shifts = [{ schedule: 'PDB', email: 'maria@acme.dev', start: null, end: null }];
    world.now += hour;
    const ask = { role: 'db-admin', asked: { byDefault: true } } as const;
    await expect(world.as('maria', through).request(ask)).rejects.toMatchObject({
      code: 'sweep-late',
      next: expect.stringContaining('broker'),
    });
    await expect(world.as('maria').request(ask)).rejects.toMatchObject({ next: expect.stringContaining('oncall sweep') });
  });

  it('status shows everybody who has what, and only to herself what it rests on and why she asked', async () => {
    const world = await company();
    const { request } = granted(
      await world.as('maria', through).request({ role: 'db-admin', asked: { forMs: hour }, reason: 'page 4711' }),
    );
    const seen = async (name: string, over = {}) => (await world.as(name, over).status({ of: request.id })).requests[0];
    expect(await seen('maria', through)).toMatchObject({ reason: 'page 4711', decision: { findings: [{ holds: true }] } });
    const others = await seen('sam', through);
    expect(others).toMatchObject({ requester: { email: 'maria@acme.dev' }, expiresAt: request.expiresAt, decision: { findings: [] } });
    expect(others).not.toHaveProperty('reason');
    expect((await world.as('sam', through).status({})).requests[0]).not.toHaveProperty('reason');
    expect(await seen('sam'), 'where they run it themselves they could read the ledger').toMatchObject({ reason: 'page 4711' });
    await world.as('boss', through).revoke({ id: request.id, reason: 'lost laptop' });
    const end = async (name: string) => (await world.as(name, through).status({ of: request.id })).ended;
    expect(await end('maria')).toMatchObject({ how: 'revoked', because: 'lost laptop' });
    expect(await end('sam')).not.toHaveProperty('because');
  });
});
