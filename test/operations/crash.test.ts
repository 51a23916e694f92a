/** A process that dies at any await, for every await there is; then sweeps, and ledger and directory must agree with the baseline untouched. */

import { describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Deps } from '../../src/operations/deps.ts';
import type { Operations } from '../../src/operations/types.ts';
import { company, hour, minute, role, type World } from './world.ts';

const died = Symbol('died');

/** Deps whose `n`-th port call never comes back: before it has any effect, or after. Gives what counts the calls. */
function dyingAt(
  world: World,
  name: string,
  n: number,
  when: 'before' | 'after',
): { readonly operations: Operations; readonly dead: Promise<typeof died>; readonly count: () => number } {
  let calls = 0;
  let die: (value: typeof died) => void = () => undefined;
  const dead = new Promise<typeof died>((resolve) => {
    die = resolve;
  });
  const never = new Promise<never>(() => undefined);
  const port = async <T>(work: () => Promise<T>): Promise<T> => {
    calls++;
    const mine = calls;
    if (mine > n) return never;
    if (mine === n && when === 'before') {
      die(died);
      return never;
    }
    const outcome = await work();
    if (mine !== n) return outcome;
    die(died);
    return never;
  };
  const wrapped = <K extends string>(target: Record<K, unknown>, names: readonly K[]): Record<K, unknown> => {
    const copy = { ...target };
    for (const key of names)
      copy[key] = (...args: unknown[]) => port(() => (target[key] as (...a: unknown[]) => Promise<unknown>)(...args));
    return copy;
  };
  const ledger = wrapped(world.ledger as never, ['read', 'write']) as unknown as Ledger;
  const okta = wrapped(world.okta as never, [
    'findUser',
    'findGroup',
    'read',
    'members',
    'add',
    'remove',
    'endSessions',
  ]) as unknown as Directory;
  const over: Partial<Deps> = { ledger: async () => ledger, directory: async () => okta };
  return { operations: world.as(name, over), dead, count: () => calls };
}

const company3 = () =>
  company({
    roles: [
      role('both', {
        endsSessionsIn: ['okta'],
        targets: [
          { directory: 'okta', group: 'db' },
          { directory: 'okta', group: 'web' },
        ],
      }),
      role('db-admin'),
    ],
    members: { db: ['standing@acme.dev'], web: ['standing@acme.dev', 'maria@acme.dev'] },
  });

/** What is true once a while has passed and the sweep has run: nobody but the baseline, nothing open. */
async function settles(world: World): Promise<void> {
  for (const wait of [5 * minute, 13 * hour, 5 * minute, 20 * minute]) await world.sweepAfter(wait);
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
