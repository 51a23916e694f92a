/** The state of one history: a virtual clock, what is under way, who runs, and what is true in the directories. */

import type { Actor } from '../../src/lifecycle/types.ts';
import type { Policy } from '../../src/policy/types.ts';
import type { Heard, Known, Refuted } from './bound.ts';
import { firstVariant, policyOf, type Variant } from './company.ts';
import { type Config, hour, start } from './config.ts';
import { type Duty, newDuty, type Reason } from './duty.ts';
import type { Debts } from './glass.ts';
import { newPlaces, type Places } from './places.ts';
import { type Random, seeded } from './random.ts';
import { newRota, type Rota, type RotaAnswer } from './rota.ts';
import { noRows, type Rows } from './rows.ts';
import { type Head, noHead } from './trail.ts';
import { newYesBook, type YesBook } from './yes.ts';

export type Process = {
  readonly name: string;
  readonly what: string;
  /** Who has started it. */
  readonly actor: Actor;
  /** Of who says yes to what they were shown: what that was. */
  readonly seen?: string;
  /** The policy as it was when the process was started. */
  readonly policy: Policy;
  readonly startedAt: number;
  /** Directories whose credentials, as it was given them, lead to another account. */
  readonly elsewhere: ReadonlySet<string>;
  /** When it took a membership's row, by the row's id. */
  readonly took: Map<string, number>;
  /** As of when it has read whole groups, by `directory/groupId`. */
  readonly listed: Map<string, number>;
  /** What the roster has answered it, at last. */
  readonly heard: Map<Reason, Heard>;
  /** What the rotation's roster has answered it, one after the other. */
  readonly rota: RotaAnswer[];
  state: 'running' | 'suspended' | 'crashed' | 'done';
  /** While suspended: until when. */
  wakesAt: number;
  /** When it last woke from suspension; what it had not sent before is sent after this. */
  resumedAt: number;
  /** When it was over; until then, for ever. */
  endedAt: number;
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

export type World = Places & {
  readonly config: Config;
  readonly random: Random;
  /** What the program itself draws, for ids and waiting times: of its own, because ids that are all alike make no history simpler. */
  readonly noise: () => number;
  /** As the file is now. */
  policy: Policy;
  variant: Variant;
  readonly duty: Duty;
  /** Of requests that end with a shift or an incident, by id. */
  readonly refuted: Map<string, Refuted>;
  readonly known: Map<string, Known>;
  readonly rota: Rota;
  readonly yes: YesBook;
  debts: Debts;
  readonly processes: Process[];
  readonly trace: string[];
  readonly counts: Map<string, number>;
  pending: Pending[];
  now: number;
  /** How far the host's clock is off. */
  clockOff: number;
  /** When the host's clock was last set forward: what was under way then had less time than it thought. */
  jumpedAt: number;
  faults: boolean;
  /** When a sweep was last started. */
  sweptAt: number;
  /**
   * When a write landed that a process had in hand while it was suspended, by `directory/groupId userId`. No ledger can stop such a write:
   * nothing is promised about that membership until a sweep has read the group since.
   */
  readonly wild: Map<string, number>;
  /** Whom such a write has put in, as long as they are there: beside whoever has the place of a role meanwhile. */
  readonly intruders: Set<string>;
  /** The ledger as last committed. */
  rows: Rows;
  /** The latest end that each request has ever had, by its id: asked for again it may have an earlier one. */
  readonly latestEnds: Map<string, number>;
  /** Who last took each membership row, by its id. */
  readonly takenBy: Map<string, Process>;
  /** Whose event announced the call, by `add` or `remove` and the id of the row, since that was taken. */
  readonly announced: Map<string, Process>;
  /** When a sweep last committed anything. */
  sweepCommittedAt: number;
  /** The last event. */
  head: Head;
  /** Whether a copy of the ledger is kept, when one was last put back, and the hash of what was seen of the ledger and is no longer in it. */
  copied: boolean;
  restoredAt: number;
  lost: string | false;
  /** Whether anything has changed since the last check. */
  dirty: boolean;
  /** The process whose transaction has begun and not ended. */
  inTransaction: Process | undefined;
  violation: string | undefined;
};

export function newWorld(config: Config, random: Random): World {
  const variant = firstVariant(random, config);
  return {
    ...newPlaces(config),
    config,
    random,
    noise: seeded(random.between(0, 65_535)).next,
    policy: policyOf(config, variant),
    variant,
    duty: newDuty(config, random),
    refuted: new Map(),
    known: new Map(),
    rota: newRota(config, random),
    yes: newYesBook(),
    debts: new Map(),
    processes: [],
    trace: [],
    counts: new Map(),
    pending: [],
    now: start,
    clockOff: 0,
    jumpedAt: 0,
    faults: false,
    sweptAt: start,
    wild: new Map(),
    intruders: new Set(),
    rows: noRows,
    latestEnds: new Map(),
    takenBy: new Map(),
    announced: new Map(),
    sweepCommittedAt: start,
    head: noHead,
    copied: false,
    restoredAt: 0,
    lost: false,
    dirty: true,
    inTransaction: undefined,
    violation: undefined,
  };
}

/** The chaos ends before an unanswered add could be forgotten (24 h), or no reconcile could know it as ours. */
export const longestChaosMs = 12 * hour;

/** What the ledger would call now: its own clock, which never goes back, and goes at half the pace while the host's is behind. */
export function ledgerTime({ now, clockOff, rows }: World): number {
  const host = now + clockOff;
  return Math.max(host, rows.clock + Math.ceil(Math.max(0, host - rows.host) / 2));
}

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
