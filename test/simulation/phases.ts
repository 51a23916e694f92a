/** The phases of a history, each giving the number of its steps: chaos, where everything may go wrong, and peace, where all must come to its end. */

import { callWithinMs, quietMs, stuckAfter } from '../../src/lifecycle/limits.ts';
import { isExclusive } from '../../src/operations/names.ts';
import { behindOurBack } from './admins.ts';
import { policyOf, userNames } from './company.ts';
import { hour, minute, start } from './config.ts';
import { ask, recover, startOne, sweep } from './deeds.ts';
import { leftOver } from './end.ts';
import type { Storage } from './process.ts';
import { restores } from './restore.ts';
import { endsRota, rotaEnds } from './rota.ts';
import { crash, idle, sleepers, step, suspend, wake } from './scheduler.ts';
import { count, longestChaosMs, note, type Process, violate, type World } from './world.ts';

export function chaos(world: World, storage: Storage): number {
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
    behindOurBack(world);
    if (random.chance(config.restore)) restores(world, storage);
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
      step(world, 0);
    } else {
      step(world, config.jump);
    }
  }
  return steps;
}

const holds = ({ rows, takenBy, now }: World, process: Process): boolean =>
  [...takenBy].some(([id, holder]) => holder === process && (rows.memberships.get(id)?.busyUntil ?? 0) > now);

/** No faults any more: what runs comes to its end, all time runs out, and two sweeps must leave nothing. Then the next one gets in. */
export function peace(world: World, storage: Storage): number {
  if (world.violation !== undefined) return 0;
  note(world, 'PEACE: no more faults');
  world.faults = false;
  if (world.clockOff < 0) world.jumpedAt = world.now;
  world.clockOff = 0;
  world.outages.clear();
  endsRota(world);
  namesNobody(world);
  const broken = world.config.stuck ? breakForLong(world) : undefined;
  let steps = sweepBesideSleepers(world, storage);
  for (const process of world.processes) wake(world, process);
  steps += finish(world);
  if (broken !== undefined) steps += sweepsBeside(world, storage, broken);
  world.outages.clear();
  steps += swept(world, storage);
  if (world.lost) steps += recovers(world, storage);
  passEnds(world);
  for (let cycle = 1; cycle <= 2; cycle++) {
    world.now += longestWait(world);
    steps += swept(world, storage);
    if (leftOver(world) === undefined) {
      count(world, `all over after ${cycle} sweeps`);
      return steps + letsNextIn(world, storage);
    }
  }
  const left = leftOver(world);
  if (left !== undefined) violate(world, `access does not end: ${left}`);
  return steps;
}

/** Whoever is named would be in for ever. */
function namesNobody(world: World): void {
  world.variant = [...world.variant, 'nobody-named'];
  world.policy = policyOf(world.config, world.variant);
}

function swept(world: World, storage: Storage): number {
  sweep(world, storage);
  return finish(world);
}

/** Until no row is held or waits for its quiet time, and everything would be tried again. */
function longestWait({ rows, config }: World): number {
  const live = [...rows.grants.values()].filter((grant) => grant.state !== 'ended');
  const waits = live.flatMap(({ membershipId, nextAttemptAt }) => {
    const row = rows.memberships.get(membershipId);
    return [nextAttemptAt, row?.busyUntil ?? 0, row?.quietUntil ?? 0].map((at) => at - rows.clock);
  });
  // The ledger's clock may be ahead, and then goes at half the pace.
  return Math.max(15 * minute, config.reconcileMs, ...waits.filter((wait) => wait < 2 * hour)) * 2;
}

function passEnds(world: World): void {
  const { rows } = world;
  const ends = [...rows.requests.values()]
    .flatMap((request) => [request.expiresAt ?? 0, request.pendingUntil ?? 0])
    .concat(rotaEnds(world));
  world.now += Math.max(0, ...ends.map((end) => end - rows.clock)) * (world.config.clockStep > 0 ? 2 : 1) + 1;
}

function breakForLong(world: World): string {
  const name = world.random.pick(['okta', 'aws']);
  world.outages.set(name, { kind: world.random.pick(['forbidden', 'read-only'] as const), until: Number.POSITIVE_INFINITY });
  note(world, `${name} is out of order for long`);
  return name;
}

/** L2: what one directory refuses for days is tried all the same, and holds up nothing in the others. */
function sweepsBeside(world: World, storage: Storage, broken: string): number {
  // What has landed meanwhile is found before the longest end is over, or it would be forgotten by then.
  let steps = swept(world, storage);
  passEnds(world);
  for (let run = 1; run <= 8 && world.violation === undefined; run++) {
    world.now += run < 3 ? 15 * minute : 2 * hour;
    steps += swept(world, storage);
  }
  for (const grant of world.rows.grants.values()) {
    const directory = world.rows.memberships.get(grant.membershipId)?.directory;
    if (grant.state === 'ended') continue;
    if (directory !== broken) violate(world, `L2: grant ${grant.id} is held up, though only ${broken} is out of order`);
    else if (grant.attempts < stuckAfter) violate(world, `L2: grant ${grant.id} was given up after ${grant.attempts} tries`);
    else count(world, 'a grant stayed stuck, and was tried on');
  }
  return steps;
}

/** L3: whoever may have a role gets it, now that nobody has it. */
function letsNextIn(world: World, storage: Storage): number {
  const { random, config, rows } = world;
  const role = config.roles.find((name) => ['viewer', 'two-groups', 'solo'].includes(name));
  const email = userNames[0];
  const reachable = config.churn === 0 && !blockedByMembers(world);
  if (role === undefined || !reachable || !random.chance(config.clockStep > 0 || world.restoredAt > 0 ? 1 : 0.2)) return 0;
  const before = rows.requests.size;
  let steps = 0;
  for (let tries = 1; tries <= 12 && world.rows.requests.size === before && world.violation === undefined; tries++) {
    if (tries > 1) {
      world.now += Math.max(20 * minute, 2 * (world.rows.clock - world.now));
      steps += swept(world, storage);
    }
    ask(world, storage, email, role);
    steps += finish(world);
  }
  const got = [...world.rows.grants.values()].filter((grant) => grant.state === 'active');
  if (got.length === 0) violate(world, `L3: ${email} may have ${role}, nobody has it, and does not get it`);
  else count(world, 'the next one got in');
  return steps;
}

/** An exclusive group with members of its own lets nobody in: that is told, and for an administrator to mend. */
const blockedByMembers = ({ standing, policy }: World): boolean =>
  [...standing].some(([key, userIds]) => {
    const [directory = '', groupId = ''] = key.split('/');
    return userIds.size > 0 && isExclusive(policy, directory, groupId.slice(2).split('.')[0] ?? '');
  });

/** Often the sleepers sleep on until all that they left has been ended: what they send then is for reconcile to find. */
function sweepBesideSleepers(world: World, storage: Storage): number {
  const asleep = sleepers(world);
  if (asleep.length === 0 || world.random.chance(0.3)) return 0;
  for (const process of asleep) process.wakesAt = Number.POSITIVE_INFINITY;
  let steps = finish(world);
  for (let run = 1; run <= 2; run++) {
    world.now += 5 * minute;
    sweep(world, storage);
    steps += finish(world);
  }
  return steps;
}

export function finish(world: World): number {
  const most = 5000;
  let steps = 0;
  while (steps < most && world.violation === undefined && step(world, 0.02)) steps++;
  if (steps === most) violate(world, 'the processes do not come to an end');
  return steps;
}

/** Not before everything on its way has landed: who came in after the reading would not be on the list. */
function recovers(world: World, storage: Storage): number {
  world.now += quietMs + callWithinMs;
  recover(world, storage);
  const steps = finish(world);
  if (world.lost) violate(world, 'the ledger was not recovered');
  return steps;
}
