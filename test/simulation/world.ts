/** The state of one history: a virtual clock, what is under way, who runs, and what is true in the directories. */

import type { Policy } from '../../src/policy/types.ts';
import { type Config, hour } from './config.ts';
import type { Random } from './random.ts';
import type { Rows } from './rows.ts';

export type Process = {
  readonly name: string;
  state: 'running' | 'suspended' | 'crashed' | 'done';
  /** While suspended: until when. */
  wakesAt: number;
  /** When it last woke from suspension; what it had not sent before is sent after this. */
  resumedAt: number;
};

/** Something that happens when the scheduler picks it. */
export type Pending = {
  /** Whose it is; without one it is the world's, and no crash stops it. */
  readonly process?: Process;
  readonly label: string;
  readonly notBefore: number;
  /** The clock does not pass this while it waits, unless its process is suspended. */
  readonly due: number;
  readonly run: () => void;
  /** For a write: what becomes of it where the process that sent it can no longer see to it. */
  readonly write?: { readonly lands: () => void; readonly timesOut: () => void };
};

export type World = {
  readonly config: Config;
  readonly random: Random;
  readonly policy: Policy;
  /** User ids by `directory/groupId`. */
  readonly members: ReadonlyMap<string, Set<string>>;
  /** Who stays for good: there from the beginning, or added by an administrator. */
  readonly standing: ReadonlyMap<string, Set<string>>;
  readonly processes: Process[];
  readonly trace: string[];
  readonly counts: Map<string, number>;
  pending: Pending[];
  now: number;
  faults: boolean;
  /** When a sweep was last started. */
  sweptAt: number;
  /** A suspended process may send a write long after its time; no promise about every single instant holds from then on. */
  suspended: boolean;
  /** The ledger as last committed. */
  rows: Rows;
  /** Who last took each membership row, by its id. */
  readonly takenBy: Map<string, Process>;
  /** Whether anything has changed since the last check. */
  dirty: boolean;
  /** The process whose transaction has begun and not ended. */
  inTransaction: Process | undefined;
  violation: string | undefined;
};

export const start = Date.UTC(2026, 0, 5, 3);
/** The chaos ends before an unanswered add could be forgotten (24 h), or no reconcile could know it as ours. */
export const longestChaosMs = 12 * hour;

export function note(world: World, line: string): void {
  world.trace.push(`${clock(world.now)}  ${line}`);
}

export function count(world: World, what: string): void {
  world.counts.set(what, (world.counts.get(what) ?? 0) + 1);
}

/** The first violation is the one to tell; what follows it may be its doing. */
export function violate(world: World, what: string): void {
  if (world.violation !== undefined) return;
  world.violation = what;
  note(world, `VIOLATION ${what}`);
}

export function clock(at: number): string {
  const ms = at - start;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `+${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${String(ms % 1000).padStart(3, '0')}`;
}
