/** Two processes in a small world, every choice between them handed out: which goes on, where the one fault strikes, where one of them crashes. */

import type { Operations } from '../../src/operations/types.ts';
import type { Role } from '../../src/policy/types.ts';
import type { Ablation } from './ablations.ts';
import { approvers } from './approvers.ts';
import { boss, userNames } from './company.ts';
import { type Config, drawConfig, minute, type RoleName, second, writeFaults } from './config.ts';
import { sweep } from './deeds.ts';
import { type Mood, observed, see, stateOf } from './duel-state.ts';
import { storageFor } from './history.ts';
import { checkInstant } from './invariants.ts';
import { peace } from './phases.ts';
import { launch, type Storage } from './process.ts';
import { chosen, type Random, seeded } from './random.ts';
import { crash } from './scheduler.ts';
import type { Scratch } from './scratch.ts';
import { drain } from './settle.ts';
import { newWorld, note, type Pending, type Process, violate, type World } from './world.ts';

type Verb = 'request' | 'queue' | 'take' | 'sweep' | 'approve' | 'yes' | 'break-glass' | 'revoke' | 'release';
type Duel = {
  readonly role: RoleName;
  readonly before: readonly Verb[];
  readonly wait?: 'to its end' | 'to the next reconcile' | 'to the end of the offer';
  readonly pair: readonly [Verb, Verb];
  /** How often at most one is left that could go on; left out: as often as it may be. */
  readonly switches?: number;
};

/** Before each: a sweep, since without one nothing is granted. */
export const duels = {
  'request ∥ sweep': { role: 'viewer', before: [], pair: ['request', 'sweep'] },
  'request ∥ request': { role: 'solo', before: [], pair: ['request', 'request'] },
  'approve ∥ revoke': { role: 'asked', before: ['request'], pair: ['approve', 'revoke'] },
  'yes ∥ yes': { role: 'four-eyes', before: ['request'], pair: ['yes', 'yes'], switches: 2 },
  'break-glass ∥ break-glass': { role: 'emergency', before: [], pair: ['break-glass', 'break-glass'] },
  'sweep ∥ sweep': { role: 'viewer', before: ['request'], wait: 'to its end', pair: ['sweep', 'sweep'], switches: 2 },
  'release ∥ sweep': { role: 'viewer', before: ['request'], wait: 'to its end', pair: ['release', 'sweep'] },
  'take ∥ sweep': {
    role: 'solo',
    before: ['request', 'queue', 'release'],
    wait: 'to the end of the offer',
    pair: ['take', 'sweep'],
    switches: 1,
  },
  'release ∥ rotation': { role: 'rota', before: [], wait: 'to its end', pair: ['release', 'sweep'], switches: 1 },
  'rotation ∥ rotation': { role: 'rota', before: [], wait: 'to its end', pair: ['sweep', 'sweep'], switches: 1 },
  'reconcile ∥ request': { role: 'solo', before: [], wait: 'to the next reconcile', pair: ['sweep', 'request'] },
} as const satisfies Readonly<Record<string, Duel>>;
export type DuelName = keyof typeof duels;

const faultRate = 0.25;

/** The least eventful company, in which everything that is tried may fail. */
function configOf({ role, wait }: Duel): Config {
  const writeRate = 1 / (2 * writeFaults.length);
  return {
    ...drawConfig(chosen([])),
    users: 2,
    roles: [role],
    faults: Object.fromEntries(writeFaults.map((fault) => [fault, writeRate])) as Config['faults'],
    readFault: faultRate,
    ledgerFault: faultRate,
    callMs: 10 * second,
    landMs: 110 * second,
    scheduledMs: second,
    longestMs: 10 * minute,
    // Where it is not about reading whole groups, a sweep need not do that too.
    reconcileMs: wait === 'to the next reconcile' ? minute : 15 * minute,
  };
}

/** A whole number below `among`. `state`, asked for only where it is needed, tells all that what follows depends on; `undefined` ends the duel. */
export type Decide = (among: number, state?: () => string) => number | undefined;

export type Outcome = { readonly violation: string | undefined; readonly trace: readonly string[]; readonly calls: number };

export function duel(shared: Scratch, name: DuelName, ablation: Ablation, decide: Decide): Outcome {
  const fought: Duel = duels[name];
  const { role, before, pair, wait, switches = Number.POSITIVE_INFINITY } = fought;
  const mood: Mood = { now: 'quiet' };
  const world: World = newWorld(
    configOf(fought),
    randomFor(mood, () => world, decide),
  );
  const { okta } = world.policy.directories;
  const inOkta = (role: Role): Role => ({ ...role, targets: role.targets.filter(({ directory }) => directory === 'okta') });
  const roles = Object.fromEntries(Object.values(world.policy.roles).map((one) => [one.name, inOkta(one)]));
  if (okta) world.policy = { ...world.policy, directories: { okta }, roles };
  shared.exec('BEGIN');
  try {
    const seen = new Map<string, string>();
    const storage = observed(storageFor(shared, world, ablation), mood, seen);
    sweep(world, storage);
    runOut(world);
    for (const verb of before) {
      begin(world, storage, role, verb, 0);
      runOut(world);
    }
    if (wait === 'to its end') world.now = Math.max(...[...world.rows.requests.values()].map((row) => row.expiresAt ?? 0));
    // A little before it: whoever is slow is too late.
    if (wait === 'to the end of the offer')
      world.now = Math.max(...[...world.rows.requests.values()].map((row) => row.pendingUntil ?? 0)) - second;
    if (wait === 'to the next reconcile') world.now += world.config.reconcileMs;
    world.faults = true;
    const fighters = pair.map((verb, index) => begin(world, storage, role, verb, index));
    const calls = fight({ world, shared, mood, fighters, seen, decide, switches });
    if (calls !== undefined) peace(world, storage);
    return { violation: world.violation, trace: world.trace, calls: calls ?? 0 };
  } finally {
    shared.exec('ROLLBACK');
  }
}

const deeds: Readonly<Record<Verb, (operations: Operations, role: string, id: string) => Promise<object>>> = {
  request: (operations, role) => operations.request({ role, asked: { byDefault: true }, reason: 'simulated' }),
  queue: (operations, role) => operations.request({ role, asked: { byDefault: true }, reason: 'simulated', queue: true }),
  take: (operations, role) => operations.request({ role, asked: { byDefault: true }, reason: 'simulated' }),
  sweep: (operations) => operations.sweep({}),
  approve: (operations, _role, id) => operations.approve({ id }),
  yes: (operations, _role, id) => operations.approve({ id }),
  'break-glass': (operations, role) => operations.request({ role, asked: { byDefault: true }, reason: 'simulated', breakGlass: true }),
  revoke: (operations, _role, id) => operations.revoke({ id }),
  release: (operations, role) => operations.release({ id: role }),
};

/** Up to its first call. Its ids are its own, so that they do not tell who came first. */
function begin(world: World, storage: Storage, role: RoleName, verb: Verb, fighter: number): Process {
  const index = verb === 'queue' || verb === 'take' ? 1 : fighter;
  const [id = ''] = world.rows.requests.keys();
  const others: Partial<Record<Verb, string>> = { sweep: 'cron@acme.dev', approve: boss, revoke: boss, yes: approvers[index] ?? '' };
  const email = others[verb] ?? userNames[index] ?? '';
  (world as { noise: () => number }).noise = seeded(world.processes.length).next;
  launch(world, storage, { what: `${verb} ${role}`, email }, (operations) => deeds[verb](operations, role, id));
  take(world, world.pending.at(-1) as Pending);
  return world.processes.at(-1) as Process;
}

function take(world: World, event: Pending): void {
  world.pending = world.pending.filter((other) => other !== event);
  world.now = Math.max(world.now, event.process ? event.notBefore : 0);
  note(world, `${event.process?.name ?? '-'}  ${event.label}`);
  event.run();
  drain();
  if (world.inTransaction) violate(world, `${world.inTransaction.name} waits for something else within a transaction`);
  checkInstant(world);
}

/** Until nothing is under way, the oldest first. */
function runOut(world: World): void {
  for (let event = world.pending[0]; event; event = world.pending[0]) take(world, event);
}

type Fight = {
  readonly world: World;
  readonly shared: Scratch;
  readonly mood: Mood;
  readonly fighters: readonly Process[];
  readonly seen: Map<string, string>;
  readonly decide: Decide;
  readonly switches: number;
};

/** Every interleaving, as `decide` will have it. Gives the number of calls, or `undefined` where it broke off. */
function fight({ world, shared, mood, fighters, seen, decide, ...fought }: Fight): number | undefined {
  let calls = 0;
  let { switches } = fought;
  let last: Process | undefined;
  while (world.violation === undefined) {
    const awake = world.pending.filter(({ process }) => process === undefined || process.state === 'running');
    const own = awake.find(({ process, label }) => process && isOwn(label));
    const limit = Math.max(world.now, Math.min(...awake.map(({ due }) => due)));
    const next = own ? [own] : awake.filter((event) => isNext(event, awake, limit));
    const goesOn = next.some(({ process }) => process === last);
    const ready = goesOn && switches === 0 ? next.filter(({ process }) => process === undefined || process === last) : next;
    const mortal = world.faults && !own ? fighters.filter(({ state }) => state === 'running') : [];
    const at = own
      ? 0
      : decide(
          ready.length + mortal.length,
          () => `${stateOf(world, shared, seen)} ${Number.isFinite(switches) ? `${last?.name} ${switches}` : ''}`,
        );
    if (at === undefined) return undefined;
    if (ready.length === 0) return calls;
    const event = ready[at];
    if (event) {
      if (!own) calls++;
      if (goesOn && event.process && event.process !== last) switches--;
      last = event.process ?? last;
      mood.now = 'event';
      mood.process = event.process;
      mood.drawn = '';
      take(world, event);
      if (event.process) see(seen, event.process, `${event.label} ${world.now} ${mood.drawn}`);
      mood.now = 'quiet';
    } else {
      world.faults = false;
      mood.now = 'quiet';
      crash(world, mortal[at - ready.length] as Process, () => decide(2) === 1);
    }
  }
  return calls;
}

/** Of what one process waits for side by side, what it asked first is answered first. A write that is late lands at any moment. */
function isNext(event: Pending, awake: readonly Pending[], limit: number): boolean {
  if (event.process === undefined) return true;
  return event.notBefore <= limit && awake.find(({ process, notBefore }) => process === event.process && notBefore <= limit) === event;
}

/** Meets nothing that anybody else could see or change: whoever is found under a name does not change here, and an answer is for who hears it. */
const isOwn = (label: string): boolean => /^goes on |^\w+ find |^asks who|: (?!arrives$|lands late$)/.test(label);

/** Handed out where something may fail; everything else is the least eventful. A write that is late lands whenever it is picked, until its last moment. */
function randomFor(mood: Mood, world: () => World, decide: Decide): Random {
  const fails = (among: number): number => {
    const choice = mood.now === 'event' && world().faults ? (decide(among) ?? 0) : 0;
    mood.drawn += ` ${choice}`;
    if (choice > 0) world().faults = false;
    return choice;
  };
  return {
    chance: (probability) =>
      probability === faultRate ? fails(2) === 1 : probability >= 1 || (probability === 0.3 && mood.now === 'event'),
    next: () => {
      const kind = fails(writeFaults.length + 1);
      return kind === 0 ? 0 : 1 - (kind - 0.5) / (2 * writeFaults.length);
    },
    pick: (items) => {
      const kinds = [...new Set(items)];
      const choice = mood.now === 'event' && kinds.length > 1 ? (decide(kinds.length) ?? 0) : 0;
      mood.drawn += ` ${choice}`;
      return kinds[choice] as (typeof items)[number];
    },
    between: (from) => from,
    mark: () => {},
  };
}
