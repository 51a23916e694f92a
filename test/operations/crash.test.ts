/** A process that dies at any await, for every await there is; then sweeps, and ledger and directory must agree with the baseline untouched. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import type { Operations } from '../../src/operations/types.ts';
import { died, dyingAt } from './dying.ts';
import { company, hour, minute, role, type World } from './world.ts';

const iamRole = 'arn:aws:iam::111122223333:role/db-admin';

const company3 = () =>
  company({
    roles: [
      role('iam', { targets: [{ directory: 'okta', group: iamRole }] }),
      role('iam-owner', { targets: [{ directory: 'okta', group: iamRole }] }),
      role('both', {
        endsSessionsIn: ['okta'],
        targets: [
          { directory: 'okta', group: 'db' },
          { directory: 'okta', group: 'web' },
        ],
      }),
      role('db-admin'),
    ],
    members: { [iamRole]: [], db: ['standing@acme.dev'], web: ['standing@acme.dev', 'maria@acme.dev'] },
  });

/** What is true once a while has passed and the sweep has run: nobody but the baseline, nothing open. */
async function settles(world: World): Promise<void> {
  for (const wait of [5 * minute, 13 * hour, 5 * minute, 20 * minute]) await world.sweepAfter(wait);
  expect(world.okta.in(iamRole)).toEqual([]);
  expect(world.okta.in('db')).toEqual(['standing@acme.dev']);
  expect(world.okta.in('web')).toEqual(['maria@acme.dev', 'standing@acme.dev']);
  expect(await world.as('boss').status({})).toMatchObject({ requests: [], grants: [] });
  await signedOut(world);
}

/** Whoever was let in by the role that says so: after the last removal, and nobody else. */
async function signedOut(world: World): Promise<void> {
  const wanted = new Set<string>();
  await world.ledger.read(async (q) => {
    for (const { type, requestId = '', holder, target } of await q.lastEvents(undefined))
      if (type === 'membership.add' && (await q.request(requestId))?.role === 'both') wanted.add(`${holder} ${target?.group}`);
  });
  const { calls } = world.okta;
  const last = (verb: string, name: string): number =>
    calls.findLastIndex((call) => call.verb === verb && `${call.user} ${call.group}` === name);
  for (const name of wanted) expect(last('endSessions', name), name).toBeGreaterThan(last('remove', name));
  const ended = calls.filter(({ verb }) => verb === 'endSessions').map(({ user, group }) => `${user} ${group}`);
  expect(ended.filter((name) => !wanted.has(name))).toEqual([]);
}

const scenarios: Readonly<Record<string, (world: World) => Promise<{ actor: string; run: (operations: Operations) => Promise<unknown> }>>> =
  {
    request: async () => ({ actor: 'maria', run: (operations) => operations.request({ role: 'both', asked: { forMs: hour } }) }),
    'request on a membership that another role holds': async (world) => {
      await world.as('maria').request({ role: 'db-admin', asked: { forMs: 2 * hour } });
      return { actor: 'maria', run: (operations) => operations.request({ role: 'both', asked: { forMs: hour } }) };
    },
    release: async (world) => {
      await world.as('maria').request({ role: 'both', asked: { forMs: hour } });
      return { actor: 'maria', run: (operations) => operations.release({ id: 'both' }) };
    },
    'request for longer, whose end the directory keeps': async (world) => {
      await world.as('maria').request({ role: 'iam', asked: { forMs: hour } });
      return { actor: 'maria', run: (operations) => operations.request({ role: 'iam', asked: { forMs: 3 * hour } }) };
    },
    'release of the longer of two, whose end the directory keeps': async (world) => {
      await world.as('maria').request({ role: 'iam', asked: { forMs: hour } });
      await world.as('maria').request({ role: 'iam-owner', asked: { forMs: 3 * hour } });
      return { actor: 'maria', run: (operations) => operations.release({ id: 'iam-owner' }) };
    },
    'sweep that moves an end': async (world) => {
      await world.as('maria').request({ role: 'iam', asked: { forMs: hour } });
      world.okta.fail('add', new ProviderError('okta', 'forbidden', 'no right to do that', { applied: 'no' }));
      await world.as('maria').request({ role: 'iam', asked: { forMs: 3 * hour } });
      return { actor: 'cron', run: (operations) => operations.sweep({}) };
    },
    sweep: async (world) => {
      await world.as('maria').request({ role: 'both', asked: { forMs: hour } });
      await world.as('sam').request({ role: 'db-admin', asked: { forMs: hour } });
      world.now += 2 * hour;
      return { actor: 'cron', run: (operations) => operations.sweep({}) };
    },
  };

describe('a crash at every await', () => {
  for (const [name, arrange] of Object.entries(scenarios))
    for (const when of ['before', 'after'] as const)
      it(`of ${name}, ${when} the call has its effect, leaves nothing that two sweeps do not mend`, async () => {
        const whole = await company3();
        const { actor, run } = await arrange(whole);
        const counted = dyingAt(whole, actor, Number.POSITIVE_INFINITY, when);
        await run(counted.operations);
        const awaits = counted.count();
        expect(awaits).toBeGreaterThan(5);

        for (let n = 1; n <= awaits; n++) {
          const world = await company3();
          const scenario = await arrange(world);
          const dying = dyingAt(world, scenario.actor, n, when);
          const end = await Promise.race([scenario.run(dying.operations), dying.dead]);
          expect(end, `await ${n} of ${awaits}`).toBe(died);
          await settles(world);
        }
      });

  it('shows by its twin that the sweep is what mends it', async () => {
    const world = await company3();
    const dying = dyingAt(world, 'maria', 1000, 'after');
    await dying.operations.request({ role: 'both', asked: { forMs: hour } });
    world.now += 13 * hour;
    expect(world.okta.in('db')).toContain('maria@acme.dev');
  });
});
