/** The phases of a history, each giving the number of its steps: chaos, where everything may go wrong, and peace, where all must come to its end. */

import { minute } from './config.ts';
import { adminAdds, startOne, sweep } from './deeds.ts';
import { leftOver } from './end.ts';
import type { Storage } from './process.ts';
import { crash, idle, sleepers, step, suspend, wake } from './scheduler.ts';
import { count, longestChaosMs, note, type Process, start, violate, type World } from './world.ts';

export async function chaos(world: World, storage: Storage): Promise<number> {
  const { config, random } = world;
  world.faults = true;
  let launched = 0;
  let steps = 0;
  while (steps < config.steps && world.now < start + longestChaosMs && world.violation === undefined) {
    steps++;
    const running = world.processes.filter((process) => process.state === 'running');
    const writing = running.filter((process) => world.pending.some((event) => event.process === process && event.write));
    const holding = running.filter((process) => holds(world, process));
    // The moments that matter most: when a write is on its way, and from taking a membership to letting go of it.
    const victim = (): Process => random.pick([writing, holding, running].find((some) => some.length > 0 && random.chance(0.6)) ?? running);
    if (random.chance(config.adminAdd)) adminAdds(world);
    if (running.length > 0 && random.chance(config.crash)) {
      count(world, 'a process crashed');
      crash(world, victim());
    } else if (running.length > 0 && random.chance(config.suspend * (writing.length > 0 ? 6 : holding.length > 0 ? 2 : 1))) {
      count(world, 'a process was suspended');
      suspend(world, victim());
    } else if (launched < config.started && running.length < config.atOnce && random.chance(running.length > 0 ? config.eager : 0.5)) {
      launched++;
      startOne(world, storage);
    } else if (running.length === 0) {
      if (launched === config.started && sleepers(world).length === 0) break;
      idle(world);
      await step(world, 0);
    } else {
      await step(world, config.jump);
    }
  }
  return steps;
}

const holds = ({ rows, takenBy, now }: World, process: Process): boolean =>
  [...takenBy].some(([id, holder]) => holder === process && (rows.memberships.get(id)?.busyUntil ?? 0) > now);

/** No faults any more: what runs comes to its end, all time runs out, and a few sweeps must leave nothing. */
export async function peace(world: World, storage: Storage): Promise<number> {
  if (world.violation !== undefined) return 0;
  note(world, 'PEACE: no more faults');
  world.faults = false;
  let steps = await sweepBesideSleepers(world, storage);
  for (const process of world.processes) wake(world, process);
  steps += await finish(world);
  const ends = [...world.rows.requests.values()].flatMap((request) => [request.expiresAt ?? 0, request.pendingUntil ?? 0]);
  const tries = [...world.rows.grants.values()].filter((grant) => grant.state !== 'ended').map((grant) => grant.nextAttemptAt);
  world.now = Math.max(world.now, ...ends, ...tries) + 1;
  for (let cycle = 1; cycle <= 5 && world.violation === undefined; cycle++) {
    sweep(world, storage);
    steps += await finish(world);
    if (leftOver(world) === undefined) {
      count(world, `all over after ${cycle} sweeps`);
      return steps;
    }
    world.now += Math.max(15 * minute, world.config.reconcileMs);
  }
  const left = leftOver(world);
  if (left !== undefined) violate(world, `access does not end: ${left}`);
  return steps;
}

/** Often the sleepers sleep on until all that they left has been ended: what they send then is for reconcile to find. */
async function sweepBesideSleepers(world: World, storage: Storage): Promise<number> {
  const asleep = sleepers(world);
  if (asleep.length === 0 || world.random.chance(0.3)) return 0;
  for (const process of asleep) process.wakesAt = Number.POSITIVE_INFINITY;
  let steps = await finish(world);
  for (let run = 1; run <= 2; run++) {
    world.now += 5 * minute;
    sweep(world, storage);
    steps += await finish(world);
  }
  return steps;
}

export async function finish(world: World): Promise<number> {
  const most = 5000;
  let steps = 0;
  while (steps < most && world.violation === undefined && (await step(world, 0.02))) steps++;
  if (steps === most) violate(world, 'the processes do not come to an end');
  return steps;
}
