/** Waiting for an answer: told as soon as there is one, and only to those whom it concerns. */

import { describe, expect, it } from 'vitest';
import { company, hour, minute, role, rule, user } from './world.ts';

const asked = role('migration', { allow: [], ask: [rule(user('maria'))], approvers: [rule(user('ana'))] });

async function pendingOne() {
  const world = await company({ roles: [asked] });
  const { request } = (await world.as('maria').request({ role: 'migration', asked: { forMs: hour }, reason: 'x' })) as {
    request: { id: string; version: number };
  };
  return { world, ...request };
}

describe('following a request', () => {
  it('answers at once where what is known of it is not what it is', async () => {
    const { world, id } = await pendingOne();
    const before = world.now;
    expect(await world.as('maria').follow({ id, forMs: 5_000 })).toMatchObject({ request: { id, state: 'pending' }, grants: [] });
    expect(world.now).toBe(before);
  });

  it('answers after so long where nothing changed, and never later than 25 s', async () => {
    const { world, id, version } = await pendingOne();
    const took = async (forMs: number): Promise<number> => {
      const before = world.now;
      expect(await world.as('maria').follow({ id, version, forMs })).toMatchObject({ version, request: { state: 'pending' } });
      return world.now - before;
    };
    expect([await took(3_500), await took(10 * minute)]).toEqual([3_500, 25_000]);
  });

  it('answers as soon as somebody said yes, and again once she is in', async () => {
    const { world, id, version } = await pendingOne();
    let looks = 0;
    const sleep = async (): Promise<void> => {
      looks += 1;
      if (looks === 2) await world.as('ana').approve({ id });
    };
    const seen = await world.as('maria', { sleep }).follow({ id, version, forMs: 20_000 });
    expect(looks).toBe(2);
    expect(seen).toMatchObject({ request: { state: 'approved' }, grants: [{ state: 'active' }] });
  });

  it('answers where only a grant changed', async () => {
    const { world, id } = await pendingOne();
    await world.as('ana').approve({ id });
    const { version, request } = await world.as('maria').follow({ id, forMs: 0 });
    const sleep = async (): Promise<void> => void (await world.as('boss').revoke({ id }));
    const seen = await world.as('maria', { sleep }).follow({ id, version, forMs: 20_000 });
    expect(seen.grants).toMatchObject([{ state: 'ended' }]);
    expect([seen.request.version >= request.version, seen.version > version]).toEqual([true, true]);
  });

  it.each([
    ['the requester', 'maria'],
    ['an approver of the role', 'ana'],
    ['an admin', 'boss'],
  ])('is open to %s', async (_, name) => {
    const { world, id } = await pendingOne();
    expect(await world.as(name).follow({ id, forMs: 0 })).toMatchObject({ request: { id } });
  });

  it('is closed to everybody else, who may see how it stands', async () => {
    const { world, id } = await pendingOne();
    await expect(world.as('sam').follow({ id, forMs: 0 })).rejects.toMatchObject({
      code: 'forbidden',
      exit: 3,
      message: `you may not follow request ${id}`,
      next: `see how it stands: oncall status ${id}`,
    });
  });

  it('knows no request that there is not', async () => {
    const { world } = await pendingOne();
    await expect(world.as('maria').follow({ id: 'zzzzzz', forMs: 0 })).rejects.toMatchObject({ code: 'unknown-request', exit: 2 });
  });

  it('ends at an interrupt', async () => {
    const { world, id, version } = await pendingOne();
    const sleep = async (): Promise<void> => {
      throw new Error('stopped');
    };
    await expect(world.as('maria', { sleep }).follow({ id, version, forMs: 20_000 })).rejects.toThrow('stopped');
  });
});
