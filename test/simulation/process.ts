/** One run of the real program in the simulated world: its dependencies are the world's, its first step waits to be picked like any other. */

import { isOncallError, isProviderError, ProviderError } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Actor } from '../../src/lifecycle/types.ts';
import type { Deps } from '../../src/operations/deps.ts';
import { createOperations } from '../../src/operations/index.ts';
import type { Operations } from '../../src/operations/types.ts';
import type { Roster, Shift } from '../../src/rosters/roster.ts';
import type { Ablation } from './ablations.ts';
import { minute, second } from './config.ts';
import { directoryFor } from './directory.ts';
import { takeOver } from './moves.ts';
import type { Rows } from './rows.ts';
import { happens, push } from './scheduler.ts';
import { count, note, type Process, violate, type World } from './world.ts';

export type Storage = {
  readonly ledger: Ledger;
  readonly read: (before: Rows) => Promise<Rows>;
  readonly shifts: readonly Shift[];
  readonly ablation: Ablation;
};

/** Long, so that a process which polls a taken row does not fill the history with it. */
const oversleepsMs = 15 * second;

const never = new AbortController().signal;

export const actorOf = (email: string): Actor => ({ issuer: 'simulation', subject: email, email });

export function launch(
  world: World,
  storage: Storage,
  who: { readonly what: string; readonly email: string },
  run: (operations: Operations) => Promise<{ readonly result?: string } | object>,
): void {
  const process: Process = { name: `p${world.processes.length + 1}`, state: 'running', wakesAt: 0, resumedAt: 0 };
  world.processes.push(process);
  const over = (said: string): void => {
    process.state = 'done';
    note(world, `${process.name}  is done: ${said}`);
  };
  const begin = (): void => {
    run(createOperations(depsFor(world, storage, process, who.email))).then(
      (result) => {
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

function depsFor(world: World, storage: Storage, process: Process, email: string): Deps {
  const { ablation } = storage;
  const ledger = ledgerFor(world, storage, process);
  const directories = Object.fromEntries(
    Object.keys(world.policy.directories).map((name) => {
      const directory = directoryFor(world, process, name);
      return [name, ablation.directory?.(directory) ?? directory];
    }),
  );
  const roster = rosterFor(world, storage, process);
  return {
    policy: world.policy,
    ledger: async () => ledger,
    directory: async (name) => directories[name] ?? Promise.reject(new Error(`no directory ${name}`)),
    roster: async () => roster,
    actor: async () => actorOf(email),
    now: () => world.now,
    random: world.random.next,
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
    clockSkew: () => 0,
    progress: () => {},
    courtesy: false,
  };
}

/** A transaction is atomic; before it, and between its commit and what follows it, anything may happen. */
function ledgerFor(world: World, { ledger, read, ablation }: Storage, process: Process): Ledger {
  return {
    ...ledger,
    write: (work) =>
      new Promise((resolve, reject) => {
        const commit = async (): Promise<void> => {
          world.inTransaction = process;
          let settle: () => void;
          try {
            const result = await ledger.write((q, now) => work(ablation.queries?.(q) ?? q, now));
            settle = () => resolve(result);
          } catch (error) {
            settle = () => reject(error);
          }
          takeOver(world, process, await read(world.rows));
          world.inTransaction = undefined;
          push(world, { process, label: 'goes on after its commit', due: world.now + world.config.scheduledMs, run: settle });
        };
        push(world, { process, label: 'commits', due: world.now + world.config.scheduledMs, run: () => void commit() });
      }),
    read: (work) => happens(world, process, 'reads the ledger', world.config.scheduledMs, () => ledger.read(work)),
  };
}

function rosterFor(world: World, { shifts }: Storage, process: Process): Roster {
  return {
    title: 'Pager',
    onCall: (_query, at) =>
      happens(world, process, 'asks who is on call', world.config.callMs, () => {
        if (world.faults && world.random.chance(world.config.readFault)) throw new ProviderError('pager', 'timeout', 'no answer');
        return shifts.filter((shift) => shift.end === null || at < shift.end + minute);
      }),
  };
}
