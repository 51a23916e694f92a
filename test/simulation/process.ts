/** One run of the real program in the simulated world: its dependencies are the world's, its first step waits to be picked like any other. */

import { isOncallError, isProviderError, OncallError } from '../../src/errors.ts';
import type { Database } from '../../src/ledger/database.ts';
import type { Ledger, Queries } from '../../src/ledger/ledger.ts';
import type { Actor } from '../../src/lifecycle/types.ts';
import type { Anchor, Deps } from '../../src/operations/deps.ts';
import { createOperations } from '../../src/operations/index.ts';
import type { Operations, SweepResult } from '../../src/operations/types.ts';
import type { Ablation } from './ablations.ts';
import { second } from './config.ts';
import { directoryFor } from './directory.ts';
import { rosterFor } from './duty.ts';
import { takeOver } from './moves.ts';
import { outageOf } from './places.ts';
import { checkSwept } from './promises.ts';
import type { Rows } from './rows.ts';
import { crash, happens, push } from './scheduler.ts';
import { count, note, type Process, violate, type World } from './world.ts';

export type Storage = {
  /** As a process does that begins. */
  readonly open: (process: Process) => Promise<Ledger>;
  readonly exec: (sql: string) => void;
  readonly database: Database;
  readonly anchor: Anchor;
  readonly read: (before: Rows) => Promise<Rows>;
  readonly ablation: Ablation;
};

/** Long, so that a process which polls a taken row does not fill the history with it. */
const oversleepsMs = 15 * second;

const never = new AbortController().signal;

export const actorOf = (email: string): Actor => ({ issuer: 'simulation', subject: email, email });

export function launch(
  world: World,
  storage: Storage,
  who: { readonly what: string; readonly email: string; readonly actor?: Actor; readonly seen?: string },
  run: (operations: Operations) => Promise<{ readonly result?: string } | object>,
): void {
  const process: Process = {
    what: who.what,
    actor: who.actor ?? actorOf(who.email),
    ...(who.seen === undefined ? {} : { seen: who.seen }),
    name: `p${world.processes.length + 1}`,
    policy: world.policy,
    startedAt: world.now,
    elsewhere: new Set([...world.outages.keys()].filter((name) => outageOf(world, name) === 'elsewhere')),
    took: new Map(),
    listed: new Map(),
    heard: new Map(),
    rota: [],
    state: 'running',
    wakesAt: 0,
    resumedAt: 0,
    endedAt: Number.POSITIVE_INFINITY,
  };
  world.processes.push(process);
  const over = (said: string): void => {
    note(world, `${process.name}  is done: ${said}`);
    // Where one of its targets met a broken ledger, the others may still be under way.
    if (world.pending.some((event) => event.process === process)) crash(world, process);
    process.state = 'done';
    process.endedAt = world.now;
  };
  const begin = (): void => {
    run(createOperations(depsFor(world, storage, process))).then(
      (result) => {
        if ('steps' in result) checkSwept(world, process, result as SweepResult);
        const said = 'result' in result ? `${result.result}` : 'ok';
        count(world, `${who.what.split(' ')[0]}: ${said}`);
        over(said);
      },
      (error: unknown) => {
        if (isOncallError(error)) count(world, `${who.what.split(' ')[0]}: ${error.code}`);
        else if (!isProviderError(error)) violate(world, `a bug in ${who.what}: ${error instanceof Error ? error.stack : error}`);
        over(error instanceof Error ? error.message : String(error));
      },
    );
  };
  push(world, { process, label: `begins: ${who.what} by ${who.email}`, due: world.now + world.config.scheduledMs, run: begin });
}

function depsFor(world: World, storage: Storage, process: Process): Deps {
  const { ablation } = storage;
  let ledger: Promise<Ledger> | undefined;
  const directories = Object.fromEntries(
    Object.keys(process.policy.directories).map((name) => {
      const directory = directoryFor(world, process, name);
      return [name, ablation.directory?.(directory) ?? directory];
    }),
  );
  const roster = ablation.roster?.(rosterFor(world, process)) ?? rosterFor(world, process);
  return {
    policy: ablation.policy?.(process.policy, process.what) ?? process.policy,
    ledger: () => {
      ledger ??= openFor(world, storage, process);
      return ledger;
    },
    anchor: ablation.anchor ?? storage.anchor,
    directory: async (name) => directories[name] ?? Promise.reject(new Error(`no directory ${name}`)),
    roster: async () => roster,
    actor: async () => ablation.actor?.(process.actor, process.what) ?? process.actor,
    now: () => world.now + world.clockOff,
    random: world.noise,
    sleep: (ms) =>
      new Promise((resolve) => {
        const until = world.now + Math.ceil(ms);
        push(world, {
          process,
          label: 'has slept',
          notBefore: until,
          due: until + (world.config.calm ? second : oversleepsMs),
          run: resolve,
        });
      }),
    log: () => {},
    signal: never,
    clockSkew: () => Math.abs(world.clockOff),
    progress: () => {},
    courtesy: false,
  };
}

/** A transaction is atomic; before it, and between its commit and what follows it, anything may happen. */
async function openFor(world: World, { open, read, ablation }: Storage, process: Process): Promise<Ledger> {
  const ledger = await open(process);
  const due = (): number => world.now + world.config.scheduledMs;
  const commit = async <T>(work: (q: Queries, now: number) => Promise<T>): Promise<() => T> => {
    const fault = drawFault(world);
    if (fault === 'busy') return refuse('ledger-busy');
    world.inTransaction = process;
    const outcome = await ledger
      .write((q, now) => work(ablation.queries?.(q) ?? q, now))
      .then(
        (value) => () => value,
        (error: unknown) => () => {
          throw error;
        },
      );
    takeOver(world, process, await read(world.rows));
    world.inTransaction = undefined;
    return fault === 'unacknowledged' ? refuse('ledger-io') : outcome;
  };
  return {
    ...(ablation.ledger?.(ledger) ?? ledger),
    write: (work) =>
      new Promise((resolve, reject) => {
        const commits = async (): Promise<void> => {
          const outcome = await commit(work);
          const run = (): void => {
            try {
              resolve(outcome());
            } catch (error) {
              reject(error);
            }
          };
          push(world, { process, label: 'goes on after its commit', due: due(), run });
        };
        push(world, { process, label: 'commits', due: due(), run: () => void commits() });
      }),
    read: (work) =>
      happens(world, process, 'reads the ledger', world.config.scheduledMs, () => {
        if (drawFault(world) === 'busy') refuse('ledger-busy')();
        return ledger.read((q, now) => work(ablation.queries?.(q) ?? q, now));
      }),
  };
}

function drawFault(world: World): 'busy' | 'unacknowledged' | undefined {
  if (!world.faults || !world.random.chance(world.config.ledgerFault)) return undefined;
  const fault = world.random.pick(['busy', 'unacknowledged'] as const);
  count(world, `fault: ledger ${fault}`);
  note(world, `  … the ledger is ${fault}`);
  return fault;
}

const refuse = (code: string) => (): never => {
  throw new OncallError(code, 'the ledger does not answer');
};
