/** Picks what happens next: one pending event, or a jump of the clock. Everything that two processes can do to each other comes from here. */

import { bound } from './bound.ts';
import { graceMs, minute, second } from './config.ts';
import { checkInstant } from './invariants.ts';
import { drain } from './settle.ts';
import { note, type Pending, type Process, violate, type World } from './world.ts';
import { takesYes } from './yes.ts';

export function push(world: World, event: Omit<Pending, 'notBefore'> & { readonly notBefore?: number }): void {
  world.pending.push({ notBefore: world.now, ...event });
}

/** One event of `process`: `work` is done when it is picked, and what it gives settles the promise at once. */
export function happens<T>(world: World, process: Process, label: string, withinMs: number, work: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const run = (): void => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    };
    push(world, { process, label, due: world.now + withinMs, run });
  });
}

export const sleepers = (world: World): readonly Process[] => world.processes.filter((process) => process.state === 'suspended');

const isAwake = ({ process }: Pending): boolean => process === undefined || process.state === 'running';

/** Runs one event; where none is ready, moves the clock. `false`: nothing is under way. */
export function step(world: World, jump: number): boolean {
  const moved = stepOnce(world, jump);
  world.random.mark();
  return moved;
}

function stepOnce(world: World, jump: number): boolean {
  for (const process of sleepers(world)) if (process.wakesAt <= world.now) wake(world, process);
  const awake = world.pending.filter(isAwake);
  if (awake.length === 0) return false;
  const ready = awake.filter((event) => event.notBefore <= world.now);
  const overdue = ready.filter((event) => event.due <= world.now);
  if (ready.length === 0 || (overdue.length === 0 && world.random.chance(jump))) {
    moveClock(world, awake);
    return true;
  }
  const event = world.random.pick(overdue.length > 0 ? overdue : ready);
  world.pending = world.pending.filter((other) => other !== event);
  note(world, `${event.process?.name ?? '-'}  ${event.label}`);
  event.run();
  drain();
  if (world.inTransaction) violate(world, `${world.inTransaction.name} waits for something else within a transaction`);
  checkInstant(world);
  return true;
}

/** To the first deadline, or a moment before it: only jumps to deadlines would never show a time that is too short. */
function moveClock(world: World, awake: readonly Pending[]): void {
  const limit = Math.min(...awake.map((event) => event.due), ...sleepers(world).map((process) => process.wakesAt));
  const marks = [...awake.map((event) => event.notBefore), ...instants(world)].filter((at) => at > world.now && at < limit);
  if (limit <= world.now) return;
  const draw = world.random.next();
  if (draw < 0.4 || limit === world.now + 1) world.now = limit;
  else if (draw < 0.6 && marks.length > 0) world.now = world.random.pick(marks);
  else world.now = world.random.between(world.now + 1, limit);
}

/** Moves the clock while nothing is under way: to, just before, just after or half-way to an instant that means something. */
export function idle(world: World): void {
  const ahead = instants(world).filter((at) => at > world.now);
  const limit = Math.min(...world.pending.filter(isAwake).map((event) => event.due), ...sleepers(world).map((process) => process.wakesAt));
  // While somebody sleeps, the others get some work done; what ends with duty ends between two sweeps; and a yes that waits for another is followed by it.
  const isBound = world.config.duty > 0 && bound(world).length > 0;
  const waits = [...world.rows.requests.values()].some((request) => takesYes(request) && request.state === 'pending');
  const longest = (sleepers(world).length > 0 || isBound || waits ? 5 : 30) * minute;
  const target =
    ahead.length > 0 && world.random.chance(isBound || waits ? 0.1 : 0.6)
      ? world.random.pick(ahead)
      : world.now + world.random.between(second, longest);
  const near = world.random.pick([target - 1, target, target + 1, world.random.between(world.now, target)]);
  world.now = Math.max(world.now, Math.min(near, limit));
}

/** What the ledger has written down to happen. */
function instants({ rows, refuted }: World): readonly number[] {
  const grants = [...rows.grants.values()].filter((grant) => grant.state !== 'ended').map((grant) => grant.nextAttemptAt);
  const memberships = [...rows.memberships.values()].flatMap((row) => [row.busyUntil, row.quietUntil, row.addBy ?? 0]);
  const requests = [...rows.requests.values()]
    .filter((row) => row.open === 1)
    .flatMap((row) => [row.expiresAt ?? 0, row.pendingUntil ?? 0]);
  const graces = [...refuted.values()].flatMap(({ since }) => [...since.values()].map((at) => at + graceMs));
  return [...grants, ...memberships, ...requests, ...graces];
}

/** Its continuations never run again; a write that is on its way may still land. */
export function crash(world: World, process: Process, lands = (): boolean => world.random.chance(0.5)): void {
  process.state = 'crashed';
  process.endedAt = world.now;
  note(world, `${process.name}  CRASHES`);
  const left = world.pending.filter((event) => event.process === process);
  world.pending = world.pending.filter((event) => event.process !== process);
  for (const { write } of left) if (write && lands()) write.lands();
}

/** Like a closed laptop. What it was about to send is sent when it wakes, or is on its way already. */
export function suspend(world: World, process: Process): void {
  process.state = 'suspended';
  process.wakesAt = world.now + world.random.between(5 * minute, 120 * minute);
  note(world, `${process.name}  is suspended for ${Math.round((process.wakesAt - world.now) / minute)} min`);
  const own = world.pending.filter((event) => event.process === process && event.write);
  for (const event of own) {
    if (!event.write || world.random.chance(0.5)) continue;
    world.pending = world.pending.filter((other) => other !== event);
    event.write.lands();
    push(world, { process, label: 'hears nothing of what it sent', due: event.due, run: event.write.timesOut });
  }
}

export function wake(world: World, process: Process): void {
  if (process.state !== 'suspended') return;
  process.state = 'running';
  process.resumedAt = world.now;
  note(world, `${process.name}  wakes`);
}
