/** What the rest of a duel depends on: what each process got to know, the ledger, the directories, and what is under way. */

import { createHash } from 'node:crypto';
import type { Directory } from '../../src/directories/directory.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Storage } from './process.ts';
import type { Scratch } from './scratch.ts';
import { settled } from './settle.ts';
import type { Process, World } from './world.ts';

/** `event`: something is done that may fail. `drawn`: what was decided meanwhile. */
export type Mood = { now: 'quiet' | 'event'; process?: Process | undefined; drawn?: string };

/** Storage that writes down what each process gets to know. */
export function observed(storage: Storage, mood: Mood, seen: Map<string, string>): Storage {
  const told = <T>(process: Process | undefined, promise: Promise<T>): Promise<T> => {
    promise.then(
      (value) => process && see(seen, process, JSON.stringify(value) ?? ''),
      (error: unknown) => process && see(seen, process, String(error)),
    );
    return promise;
  };
  const directory = (of: Directory): Directory => ({
    ...of,
    read: (...call) => told(mood.process, of.read(...call)),
    members: (...call) => told(mood.process, of.members(...call)),
    add: (...call) => told(mood.process, of.add(...call)),
    remove: (...call) => told(mood.process, of.remove(...call)),
  });
  const { ablation } = storage;
  return {
    ...storage,
    open: async (process) => {
      const ledger: Ledger = await storage.open(process);
      return { ...ledger, write: (work) => told(process, ledger.write(work)), read: (work) => told(process, ledger.read(work)) };
    },
    ablation: { ...ablation, directory: (of) => directory(ablation.directory?.(of) ?? of) },
  };
}

const short = (text: string): string => createHash('sha1').update(text).digest('base64');

export function see(seen: Map<string, string>, { name }: Process, what: string): void {
  seen.set(name, short(`${seen.get(name) ?? ''}\n${what}`));
}

const tables = [
  'ledger',
  'requests',
  'memberships',
  'grants',
  'slots',
  'directories',
  'managed_groups',
  'strangers',
  'told',
  'reviews',
  'rotations',
] as const;

/** Two moments with the same state have the same futures. The trail is left out: it tells in which order they came about, and nothing acts on it. */
export function stateOf(world: World, { database }: Scratch, seen: ReadonlyMap<string, string>): string {
  const ledger = settled(
    database.read(async (connection) => Promise.all(tables.map((table) => connection.all(`SELECT * FROM ${table}`, [])))),
  );
  const processes = world.processes.map(({ name, state }) => [name, state === 'running' ? seen.get(name) : state]);
  const names = (map: ReadonlyMap<string, Process>): unknown => [...map].map(([key, { name }]) => [key, name]).sort();
  const members = [...world.members].map(([key, userIds]) => [key, [...userIds].sort()]);
  const pending = world.pending.map(({ process, label, due, notBefore }) => `${process?.name} ${label} ${due} ${notBefore}`).sort();
  return short(
    JSON.stringify([
      world.now,
      world.faults,
      processes,
      ledger,
      members,
      [...world.ends],
      [...world.standing].map(([key, ids]) => [key, ...ids]),
      pending,
      names(world.takenBy),
      names(world.announced),
    ]),
  );
}
