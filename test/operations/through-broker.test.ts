/** What looks into the broker's host, or asks every provider, is for admins where it is asked through the broker. */

import { describe, expect, it } from 'vitest';
import { company, hour, onCall, role, rule } from './world.ts';

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
});
