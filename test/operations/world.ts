/** A small company for tests of the operations: real operations, real SQLite, a directory and a roster in memory, and a clock that only moves when told. */

import type { Directory } from '../../src/directories/directory.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import type { Actor } from '../../src/lifecycle/types.ts';
import type { Deps } from '../../src/operations/deps.ts';
import { createOperations } from '../../src/operations/index.ts';
import type { Operations, Refusal, RequestResult } from '../../src/operations/types.ts';
import type { Condition, Policy, Role, Rule } from '../../src/policy/types.ts';
import type { Roster, Shift } from '../../src/rosters/roster.ts';
import { type MemoryAnchor, memoryAnchor } from '../fakes/anchor.ts';
import { type MemoryDirectory, memoryDirectory } from '../fakes/memory-directory.ts';

export const minute = 60_000;
export const hour = 60 * minute;

export const user = (email: string): Condition => ({ kind: 'user', email: email.includes('@') ? email : `${email}@acme.dev` });
export const rule = (condition: Condition, over: Partial<Rule> = {}): Rule => ({ name: 'rule', condition, graceMs: 15 * minute, ...over });
export const onCall: Condition = { kind: 'onCall', roster: 'pagerduty', schedule: 'PDB', levels: [] };

export const role = (name: string, over: Partial<Role> = {}): Role => ({
  name,
  targets: [{ directory: 'okta', group: 'db' }],
  ttl: { defaultMs: hour, maxMs: 12 * hour },
  deny: [],
  allow: [rule({ kind: 'any', conditions: ['maria', 'sam', 'ana'].map(user) }, { name: `${name}.allow[0]` })],
  ask: [],
  approvers: [],
  withinMs: hour,
  reason: 'when-asked',
  whenUnknown: 'deny',
  ...over,
});

export type World = {
  readonly okta: MemoryDirectory;
  readonly ledger: Ledger;
  readonly anchor: MemoryAnchor;
  readonly policy: Policy;
  now: number;
  shifts: Shift[] | Error;
  readonly as: (name: string, over?: Partial<Deps>) => Operations;
  readonly deps: (name: string, over?: Partial<Deps>) => Deps;
  /** Moves the clock, then sweeps. */
  readonly sweepAfter: (ms: number) => ReturnType<Operations['sweep']>;
};

/** With `swept: false` no sweep has ever run. */
export async function company(
  options: {
    roles?: readonly Role[];
    members?: Readonly<Record<string, readonly string[]>>;
    exclusive?: readonly string[];
    swept?: boolean;
    database?: string;
  } = {},
): Promise<World> {
  const people = ['maria@acme.dev', 'sam@acme.dev', 'ana@acme.dev', 'boss@acme.dev', 'standing@acme.dev'];
  const okta = memoryDirectory('okta', { users: people, groups: { db: [], web: [], ...options.members }, now: () => world.now });
  const roles = options.roles ?? [role('db-admin')];
  const policy: Policy = {
    path: '/policy.yaml',
    digest: 'd'.repeat(64),
    ledger: { sqlite: ':memory:' },
    identity: [{ kind: 'local' }],
    admins: [rule(user('boss'), { name: 'admins[0]' })],
    sweep: { refuseWhenLateMs: 15 * minute, reconcileMs: 15 * minute, deadlineMs: 4.5 * minute },
    directories: { okta: { name: 'okta', kind: 'local', settings: {}, exclusive: options.exclusive ?? [], userName: 'email' } },
    rosters: { pagerduty: { name: 'pagerduty', kind: 'file', settings: {} } },
    people: {},
    blocked: [],
    roles: Object.fromEntries(roles.map((one) => [one.name, one])),
  };
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const world = { now: Date.parse('2026-11-22T03:00:00Z'), shifts: [] as Shift[] | Error };
  const ledger = await openLedger(await openSqlite(options.database ?? ':memory:'), { now: () => world.now, id: 'test' });
  const anchor = memoryAnchor();
  const roster: Roster = {
    title: 'PagerDuty',
    onCall: async () => {
      if (world.shifts instanceof Error) throw world.shifts;
      return world.shifts.filter((shift) => (shift.start ?? 0) <= world.now && world.now < (shift.end ?? Number.POSITIVE_INFINITY));
    },
    shifts: async () => [],
  };
  const deps = (name: string, over: Partial<Deps> = {}): Deps => {
    const email = `${name}@acme.dev`;
    const actor: Actor = { issuer: 'local', subject: email, email };
    return {
      policy,
      courtesy: false,
      ledger: async () => ledger,
      anchor,
      directory: async (): Promise<Directory> => okta,
      roster: async () => roster,
      actor: async () => actor,
      now: () => world.now,
      random,
      sleep: async (ms) => void (world.now += ms),
      log: () => undefined,
      progress: () => undefined,
      signal: new AbortController().signal,
      clockSkew: () => 0,
      ...over,
    };
  };
  const as = (name: string, over?: Partial<Deps>): Operations => createOperations(deps(name, over));
  const made: World = Object.assign(world, {
    okta,
    ledger,
    anchor,
    policy,
    as,
    deps,
    sweepAfter: async (ms: number) => {
      world.now += ms;
      return as('cron').sweep({});
    },
  });
  if (options.swept !== false) await made.sweepAfter(0);
  return made;
}

/** The result of a request that was not refused. */
export function granted(result: RequestResult | Refusal): RequestResult {
  if ('error' in result) throw new Error(`refused: ${result.error.message}`);
  return result;
}

export function refused(result: RequestResult | Refusal): Refusal {
  if (!('error' in result)) throw new Error(`not refused but ${result.result}`);
  return result;
}
