/** One history: chaos, then peace, then the question whether all access has ended. The same seed gives the same history, event by event. */

import { createHash } from 'node:crypto';
import { openLedger } from '../../src/ledger/ledger.ts';
import { memoryAnchor } from '../fakes/anchor.ts';
import { type Ablation, type AblationName, ablations } from './ablations.ts';
import { type Config, drawConfig } from './config.ts';
import { sweep } from './deeds.ts';
import { chaos, finish, peace } from './phases.ts';
import type { Storage } from './process.ts';
import { type Random, seeded } from './random.ts';
import { contentOf, watch } from './rows.ts';
import { type Scratch, scratch } from './scratch.ts';
import { apart } from './settle.ts';
import { newWorld, type World } from './world.ts';

export type History = {
  readonly steps: number;
  /** Of everything that happened, in order. */
  readonly hash: string;
  /** All that the ledger holds at the end. */
  readonly ledger: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly trace: readonly string[];
  readonly violation: string | undefined;
};

/** What is taken out of the program, and what of the drawn config is set. */
export type Changes = { readonly ablation?: Ablation; readonly config?: Partial<Config> };

export function runHistory(seed: number, ablate?: AblationName): Promise<History> {
  return play(seeded(seed), changesOf(ablate));
}

/** `config` is what the ablation needs to show. */
export function changesOf(ablate: AblationName | undefined): Changes {
  const ablation: Ablation = ablate === undefined ? {} : ablations[ablate];
  return { ablation, ...(ablation.config === undefined ? {} : { config: ablation.config }) };
}

export async function play(random: Random, changes: Changes = {}, on: Promise<Scratch> = scratch()): Promise<History> {
  const shared = await on;
  return apart(() => history(shared, random, changes));
}

function history({ database, exec }: Scratch, random: Random, { ablation = {}, config = {} }: Changes): History {
  const world = newWorld({ ...drawConfig(random), ...config }, random);
  let [steps, ledger] = [0, ''];
  exec('BEGIN');
  try {
    const storage = storageFor({ database, exec }, world, ablation);
    exec('SAVEPOINT empty');
    random.mark();
    sweep(world, storage);
    steps += finish(world);
    steps += chaos(world, storage);
    steps += peace(world, storage);
    ledger = contentOf(database);
  } finally {
    exec('ROLLBACK');
  }
  const hash = sha256(world.trace.join('\n'));
  return { steps, hash, ledger, counts: world.counts, trace: world.trace, violation: world.violation };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export function storageFor({ database, exec }: Scratch, world: World, ablation: Ablation): Storage {
  const watched = watch(database);
  return {
    open: () => openLedger(watched.database, { now: () => world.now + world.clockOff, id: 'simulated' }),
    exec,
    database: watched.database,
    anchor: memoryAnchor(),
    read: watched.read,
    ablation,
  };
}
