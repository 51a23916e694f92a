/** `approve` without an id: what waits for me, what it depends on, and what could not be found out. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { approval } from './approval-world.ts';
import { hour, minute, onCall, user } from './world.ts';

describe('what waits for me', () => {
  it('is what I may say yes to, with all that a yes depends on', async () => {
    const world = await approval([user('sam'), user('ana')], { quorum: 2, escalateMs: 10 * minute });
    const id = await world.ask({ hours: 2 });
    expect((await world.as('sam').waiting()).requests).toMatchObject([
      {
        ...{ id, role: 'db-admin', reason: 'index rebuild', asked: { forMs: 2 * hour }, pendingUntil: world.now + hour },
        requester: { email: 'maria@acme.dev' },
        decision: { findings: [{ rule: 'db-admin.ask[0]', holds: true }] },
        yes: { by: [], of: 2, dropped: [] },
        turns: [
          { who: 'sam@acme.dev', at: world.now },
          { who: 'ana@acme.dev', at: world.now + 10 * minute },
        ],
      },
    ]);
    expect((await world.as('sam').waiting()).requests[0]?.yoursAt).toBeUndefined();
    expect((await world.as('ana').waiting()).requests).toMatchObject([{ id, yoursAt: world.now + 10 * minute }]);
  });

  it('leaves out what is my own, what I have said yes to, what is over, and what is for others', async () => {
    const world = await approval([user('sam'), user('maria'), user('ana')], { quorum: 2 });
    const id = await world.ask();
    expect((await world.as('maria').waiting()).requests).toEqual([]);
    expect((await world.as('boss').waiting()).requests).toEqual([]);
    await world.approve('sam', id);
    expect((await world.as('sam').waiting()).requests).toEqual([]);
    expect((await world.as('ana').waiting()).requests).toMatchObject([{ id, yes: { by: ['sam@acme.dev'], of: 2 } }]);
    world.now += hour;
    expect((await world.as('ana').waiting()).requests).toEqual([]);
  });

  it('names those of which nobody could find out whether they do', async () => {
    const world = await approval([onCall]);
    const id = await world.ask();
    world.shifts = new ProviderError('pagerduty', 'timeout', 'PagerDuty did not answer within 5 s');
    expect(await world.as('sam').waiting()).toEqual({
      requests: [],
      unknown: [{ id, role: 'db-admin', requester: 'maria@acme.dev', because: 'PagerDuty did not answer within 5 s' }],
      reviews: [],
    });
  });

  it('asks each source once, however many requests there are, and writes nothing', async () => {
    const world = await approval([onCall]);
    const ids = [await world.ask()];
    await world
      .as('kim')
      .request({ role: 'db-admin', asked: { byDefault: true }, reason: 'x' })
      .catch(() => undefined);
    world.okta.addUser('kim@acme.dev');
    const second = await world.as('kim').request({ role: 'db-admin', asked: { byDefault: true }, reason: 'x' });
    if ('request' in second) ids.push(second.request.id);
    let asked = 0;
    const onCallNow = async () => {
      asked++;
      return [{ schedule: 'PDB', email: 'sam@acme.dev', start: null, end: null }];
    };
    const roster = async () => ({ title: 'PagerDuty', shifts: async () => [], onCall: onCallNow });
    const before = (await world.as('boss').audit({})).length;
    expect((await world.as('sam', { roster }).waiting()).requests.map(({ id }) => id)).toEqual(ids);
    expect(asked).toBe(1);
    expect((await world.as('boss').audit({})).length).toBe(before);
  });
});

describe('deny', () => {
  it('says whether one may before anybody writes why', async () => {
    const world = await approval([user('sam')]);
    const id = await world.ask();
    await expect(world.as('ana').deny({ id, dryRun: true })).rejects.toMatchObject({ code: 'forbidden', exit: 3 });
    for (const name of ['sam', 'boss']) expect((await world.as(name).deny({ id, dryRun: true })).request.state).toBe('pending');
    expect((await world.as('sam').waiting()).requests).toHaveLength(1);
    expect((await world.as('sam').deny({ id })).request.state).toBe('denied');
  });
});
