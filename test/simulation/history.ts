/** One history: chaos, then peace, then the question whether all access has ended. The same seed gives the same history, event by event. */

import { createHash } from 'node:crypto';
import { openLedger } from '../../src/ledger/ledger.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import { type Ablation, type AblationName, ablations } from './ablations.ts';
import { groupIdOf, groupsOf, keyOf, policyOf, standing, userIdOf, userNames } from './company.ts';
import { type Config, drawConfig, hour } from './config.ts';
import { sweep } from './deeds.ts';
import { checkTrail } from './end.ts';
import { chaos, finish, peace } from './phases.ts';
import type { Storage } from './process.ts';
import { type Random, seeded } from './random.ts';
import { noRows, watch } from './rows.ts';
import { start, type World } from './world.ts';

export type History = {
  readonly seed: number;
  readonly steps: number;
  /** Of everything that happened, in order. */
  readonly hash: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly trace: readonly string[];
  readonly violation: string | undefined;
};

export async function runHistory(seed: number, ablate?: AblationName): Promise<History> {
  const random = seeded(seed);
  const ablation: Ablation = ablate === undefined ? {} : ablations[ablate];
  const world = newWorld({ ...drawConfig(random), ...ablation.config }, random);
  const database = await openSqlite(':memory:');
  const watched = watch(database);
  const ledger = await openLedger(watched.database, { now: () => world.now, id: `simulated-${seed}` });
  const shifts = userNames.map((email) => ({
    schedule: 'primary',
    email,
    start: null,
    end: random.chance(0.5) ? null : start + random.between(0, 4 * hour),
  }));
  const storage: Storage = { ledger, read: watched.read, shifts, ablation };
  let steps = 0;
  try {
    sweep(world, storage);
    steps += await finish(world);
    steps += await chaos(world, storage);
    steps += await peace(world, storage);
    if (world.violation === undefined) await checkTrail(world, database);
  } finally {
    await database.close();
  }
  const hash = createHash('sha256').update(world.trace.join('\n')).digest('hex');
  return { seed, steps, hash, counts: world.counts, trace: world.trace, violation: world.violation };
}

function newWorld(config: Config, random: Random): World {
  const keys = Object.entries(groupsOf).flatMap(([directory, groups]) => groups.map((group) => keyOf(directory, groupIdOf(group))));
  const shared = keys.slice(0, 2);
  const stay = keys.map((key) => [key, shared.includes(key) ? [userIdOf(standing)] : []] as const);
  return {
    config,
    random,
    policy: policyOf(config),
    members: new Map(stay.map(([key, userIds]) => [key, new Set(userIds)])),
    standing: new Map(stay.map(([key, userIds]) => [key, new Set(userIds)])),
    processes: [],
    trace: [],
    counts: new Map(),
    pending: [],
    now: start,
    faults: false,
    sweptAt: start,
    suspended: false,
    rows: noRows,
    takenBy: new Map(),
    dirty: true,
    inTransaction: undefined,
    violation: undefined,
  };
}
