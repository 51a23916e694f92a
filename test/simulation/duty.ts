/** Who is on duty in the simulated roster: shifts that begin and end, incidents that close, people who are put on them and taken off, and times when it does not answer. */

import { ProviderError } from '../../src/errors.ts';
import type { Incident, Roster, Shift } from '../../src/rosters/roster.ts';
import { deputies } from './approvers.ts';
import { bound, type Heard, hears } from './bound.ts';
import { userNames } from './company.ts';
import { type Config, hour, minute, type RoleName, start } from './config.ts';
import type { Random } from './random.ts';
import { answersRota, rota } from './rota.ts';
import { happens } from './scheduler.ts';
import { count, note, type Process, type World } from './world.ts';

/** What somebody can be let in for: being on call, or being on that incident; and what they may say yes for. */
export type Reason = 'on call' | 'deputy' | `INC-${number}`;
export const incidents = ['INC-1', 'INC-2'] as const satisfies readonly Reason[];

/** From then until before then; `null`: nobody has said yet. */
type Stint = { readonly from: number; readonly until: number | null };

export type Duty = {
  /** The last one of each person for each reason, by `reason email`. */
  readonly stints: Map<string, Stint>;
  readonly live: Set<Reason>;
  downUntil: number;
};

export function newDuty({ roles }: Config, random: Random): Duty {
  const stints = new Map<string, Stint>();
  for (const email of userNames) {
    stints.set(`on call ${email}`, { from: start, until: random.chance(0.5) ? null : start + random.between(0, 4 * hour) });
    for (const ref of incidents) if (random.chance(0.5)) stints.set(`${ref} ${email}`, { from: start, until: null });
  }
  if (roles.includes('two-keys'))
    for (const email of deputies.people)
      if (random.chance(0.6))
        stints.set(`deputy ${email}`, { from: start, until: random.chance(0.5) ? null : start + random.between(0, 4 * hour) });
  return { stints, live: new Set(incidents), downUntil: 0 };
}

const stintOf = ({ duty }: World, reason: Reason, email: string): Stint | undefined => duty.stints.get(`${reason} ${email}`);

const covers = ({ from, until }: Stint, at: number): boolean => from <= at && (until === null || at < until);

/** Since that instant, without a break. */
export function isOff(world: World, reason: Reason, email: string, since: number): boolean {
  const stint = stintOf(world, reason, email);
  return stint === undefined || (stint.until !== null && stint.until <= since);
}

/** From that instant until now, without a break. */
export function isOnSince(world: World, reason: Reason, email: string, since: number): boolean {
  const stint = stintOf(world, reason, email);
  return stint !== undefined && covers(stint, since) && covers(stint, world.now);
}

function on(world: World, reason: Reason, at: number): readonly string[] {
  return (reason === 'deputy' ? deputies.people : userNames).filter((email) => {
    const stint = stintOf(world, reason, email);
    return stint !== undefined && covers(stint, at);
  });
}

/** Who could be let in by that role now, and for which incident. */
export function onDuty(
  world: World,
  role: RoleName,
  emails: readonly string[],
): readonly { readonly email: string; readonly incident?: string }[] {
  const reasons: readonly Reason[] = [...(role === 'incident' ? [] : ['on call' as const]), ...(role === 'shift' ? [] : incidents)];
  return reasons.flatMap((reason) =>
    on(world, reason, world.now).flatMap((email) =>
      emails.includes(email) ? [{ email, ...(reason === 'on call' ? {} : { incident: reason }) }] : [],
    ),
  );
}

/** Each is told of what the world of the moment says; what it heard is kept, to be held against what it makes of it. */
export function rosterFor(world: World, process: Process): Roster {
  const asks = <T>(what: string, reason: Reason | undefined, answer: () => { readonly value: T; readonly heard: Heard }): Promise<T> =>
    happens(world, process, `asks ${what}`, world.config.callMs, () => {
      if (isSilent(world)) {
        if (reason !== undefined) hears(world, process, reason, 'nothing');
        throw new ProviderError('pager', 'timeout', 'no answer');
      }
      const { value, heard } = answer();
      if (reason !== undefined) hears(world, process, reason, heard);
      return value;
    });
  const asksShifts = (schedule: string, reason: Reason, at: number): Promise<Shift[]> =>
    asks('who is on call', reason, () => {
      const emails = on(world, reason, at);
      const ends = (email: string): number | null => stintOf(world, reason, email)?.until ?? null;
      return { value: emails.map((email) => ({ schedule, email, start: null, end: ends(email) })), heard: new Set(emails) };
    });
  const asksRota = (at: number): Promise<Shift[]> =>
    happens(world, process, 'asks who is on call', world.config.callMs, () => answersRota(world, process, at));
  return {
    title: 'Pager',
    onCall: ({ schedule }, at) => {
      if (schedule === rota.schedule) return asksRota(at);
      return schedule === deputies.schedule ? asksShifts(schedule, 'deputy', at) : asksShifts('primary', 'on call', at);
    },
    incident: (ref) =>
      asks(`about ${ref}`, ref as Reason, () => {
        const incident = toIncident(world, ref as Reason);
        return { value: incident, heard: new Set(incident.live ? incident.assigned : []) };
      }),
    incidents: () =>
      asks('for live incidents', undefined, () => ({
        value: incidents.filter((ref) => world.duty.live.has(ref)).map((ref) => toIncident(world, ref)),
        heard: new Set(),
      })),
  };
}

function toIncident(world: World, ref: Reason): Incident {
  const assigned = on(world, ref, world.now);
  return { ref, live: world.duty.live.has(ref), severities: [], services: [], assigned, openedBy: 'monitor', assignedBy: 'schedule' };
}

function isSilent(world: World): boolean {
  if (!world.faults) return false;
  if (world.now < world.duty.downUntil) {
    count(world, 'the roster was asked while it was down');
    return true;
  }
  return world.random.chance(world.config.readFault);
}

/** Somebody's duty begins or ends, or the roster goes down. */
export function changesDuty(world: World): void {
  const { random } = world;
  if (random.chance(world.config.rosterDown) && world.now >= world.duty.downUntil) {
    world.duty.downUntil = world.now + random.between(minute, random.pick([3, 20]) * minute);
    tell(world, 'the roster went down', 'goes down');
  }
  if (world.config.deputies > 0 && random.chance(world.config.deputies)) changesShift(world, 'deputy', random.pick(deputies.people));
  if (!random.chance(world.config.duty)) return;
  // Who has something by it loses it, and stays off for a while; whoever has nothing is put on.
  const held = bound(world);
  const { request, reasons } = held.length > 0 && random.chance(0.7) ? random.pick(held) : {};
  const email = request?.email ?? random.pick(userNames.slice(0, world.config.users));
  const reason = random.pick<Reason>(reasons ?? ['on call', ...incidents]);
  if (isOff(world, reason, email, world.now) !== (request === undefined) && random.chance(0.8)) return;
  if (reason === 'on call') changesShift(world, reason, email);
  else changesIncident(world, reason, email);
}

function changesShift(world: World, reason: 'on call' | 'deputy', email: string): void {
  const { random, now } = world;
  const shift = reason === 'on call' ? 'shift' : 'shift of a deputy';
  if (on(world, reason, now).includes(email)) {
    ends(world, reason, email);
    tell(world, `a ${shift} ended early`, `ends the ${shift}: ${email}`);
  } else {
    const until = random.chance(0.5) ? null : now + random.between(minute, hour);
    world.duty.stints.set(`${reason} ${email}`, { from: now, until });
    tell(world, `a ${shift} began`, `begins a ${shift}: ${email}`);
  }
}

function changesIncident(world: World, ref: Reason, email: string): void {
  const { duty, random, now } = world;
  if (!duty.live.has(ref)) {
    duty.live.add(ref);
    tell(world, 'an incident was opened again', `opens ${ref} again`);
  } else if (random.chance(0.4)) {
    duty.live.delete(ref);
    for (const one of on(world, ref, now)) ends(world, ref, one);
    tell(world, 'an incident closed', `closes ${ref}`);
  } else if (on(world, ref, now).includes(email)) {
    ends(world, ref, email);
    tell(world, 'somebody was taken off an incident', `takes ${email} off ${ref}`);
  } else {
    duty.stints.set(`${ref} ${email}`, { from: now, until: null });
    tell(world, 'somebody was put on an incident', `puts ${email} on ${ref}`);
  }
}

function ends({ duty, now }: World, reason: Reason, email: string): void {
  const { from = now } = duty.stints.get(`${reason} ${email}`) ?? {};
  duty.stints.set(`${reason} ${email}`, { from, until: now });
}

function tell(world: World, what: string, said: string): void {
  count(world, what);
  note(world, `the roster ${said}`);
}
