/** The rotation of the simulation: its shifts, what people do to them, what its roster answers, and what the program owes to who is on it. */

import { ProviderError } from '../../src/errors.ts';
import { longestRotationMs } from '../../src/lifecycle/rotation.ts';
import type { Shift } from '../../src/rosters/roster.ts';
import { boss, standing, userNames } from './company.ts';
import { type Config, hour, minute, start } from './config.ts';
import type { Random } from './random.ts';
import type { GrantRow, RequestRow, Rows } from './rows.ts';
import { count, note, type Process, violate, type World } from './world.ts';

export const rota = { role: 'rota', schedule: 'rota' } as const;

type RotaShift = { readonly email: string; readonly start: number; readonly end: number | null };
type Version = { readonly from: number; readonly shifts: readonly RotaShift[] };

export type Rota = {
  /** What the schedule has said, oldest first; as it is now comes last. */
  versions: readonly Version[];
  downUntil: number;
  /** When it last answered anybody. */
  answeredAt: number;
};

/** What one process was answered: `undefined`, where nothing came. */
export type RotaAnswer = readonly string[] | undefined;

const everybody = [...userNames, standing, boss];
const lastsMs = 13 * hour;
/** From the roster's answer to the commit that rests on it, with a clock that goes at half the pace. */
const slackMs = 6 * minute;

export function newRota(config: Config, random: Random): Rota {
  const shifts: RotaShift[] = [];
  if (config.roles.includes(rota.role)) {
    for (let at = start - hour; at < start + lastsMs; ) {
      const end = Math.min(at + random.between(20 * minute, 4 * hour), start + lastsMs);
      const people = new Set(Array.from({ length: random.pick([1, 1, 1, 2, 4]) }, () => random.pick(everybody)));
      if (!random.chance(0.15)) for (const email of people) shifts.push({ email, start: at, end });
      at = end;
    }
    if (random.chance(0.1)) shifts.push({ email: random.pick(everybody), start: start - hour, end: null });
  }
  return { versions: [{ from: 0, shifts }], downUntil: 0, answeredAt: 0 };
}

const latest = ({ rota: { versions } }: World): readonly RotaShift[] => versions.at(-1)?.shifts ?? [];
const isOn = ({ start: from, end }: RotaShift, at: number): boolean => from <= at && at < (end ?? Number.POSITIVE_INFINITY);

/** Somebody edits the schedule, or it is down for a while. */
export function troublesRota(world: World): void {
  const { random, config } = world;
  if (!config.roles.includes(rota.role)) return;
  if (random.chance(config.rotaOutage)) {
    world.rota.downUntil = world.now + random.between(minute, 3 * hour);
    told(world, 'the rotation’s roster went down');
  }
  if (!random.chance(config.rotaEdit)) return;
  const shifts = latest(world);
  const current = shifts.filter((shift) => isOn(shift, world.now));
  const one = current.length === 0 ? undefined : random.pick(current);
  const other = random.pick(everybody);
  const kind = random.pick(['emptied', 'as it was', 'override', 'override', 'end moved'] as const);
  const edited = (change: (shift: RotaShift) => readonly RotaShift[]): readonly RotaShift[] =>
    shifts.flatMap((shift) => (shift === one ? change(shift) : [shift]));
  const made: Readonly<Record<typeof kind, () => readonly RotaShift[]>> = {
    emptied: () => [],
    'as it was': () => world.rota.versions[0]?.shifts ?? [],
    override: () =>
      edited((shift) => [
        { ...shift, end: world.now },
        { ...shift, start: world.now, email: other },
      ]),
    'end moved': () => edited((shift) => [{ ...shift, end: world.now + random.between(1, 2 * hour) }]),
  };
  change(world, made[kind](), `the schedule of the rotation was changed: ${kind}`);
}

function change(world: World, shifts: readonly RotaShift[], what: string): void {
  world.rota.versions = [...world.rota.versions, { from: world.now, shifts }];
  told(world, what);
}

function told(world: World, what: string): void {
  count(world, what);
  note(world, what);
}

/** From now on it has the shifts that are on, each with an end, and nothing after them. */
export function endsRota(world: World): void {
  const shifts = latest(world).filter((shift) => isOn(shift, world.now));
  world.rota.downUntil = 0;
  change(
    world,
    shifts.map((shift) => ({ ...shift, end: shift.end ?? world.now + hour })),
    'the rotation comes to its end',
  );
}

/** When nobody is on call any more. By a host whose clock is off nobody is taken off, but held over. */
export function rotaEnds(world: World): number {
  const { overlapMs, holdOverMs, clockStep } = world.config;
  const heldOver = clockStep > 0 ? world.rota.answeredAt + holdOverMs : 0;
  return Math.max(heldOver, ...latest(world).map(({ end }) => (end ?? 0) + overlapMs));
}

/** Throws like any roster; an answer that is empty and ought not to be is nobody's fault here. */
export function answersRota(world: World, process: Process, at: number): Shift[] {
  const { random, config } = world;
  if (world.faults && (world.now < world.rota.downUntil || random.chance(config.readFault))) {
    process.rota.push(undefined);
    throw new ProviderError('pager', 'timeout', 'no answer');
  }
  const isLie = world.faults && random.chance(config.emptyAnswers);
  if (isLie) told(world, 'the rotation’s roster named nobody');
  const shifts = isLie ? [] : latest(world).filter((shift) => isOn(shift, at));
  process.rota.push(shifts.map(({ email }) => email));
  world.rota.answeredAt = world.now;
  return shifts.map((shift) => ({ schedule: rota.schedule, ...shift }));
}

export const isOfRota = ({ origin }: Pick<RequestRow, 'origin'>): boolean => origin === 'rotation';

const followsOf = ({ policy }: Process) => policy.roles[rota.role]?.follows ?? { overlapMs: 0, holdOverMs: 0 };

/** By whatever the schedule has said in that time: the latest end that somebody on call then may have. */
function onDutyUntil(world: World, process: Process, email: string, from: number, to: number): number | undefined {
  const { overlapMs } = followsOf(process);
  const ends = world.rota.versions.flatMap(({ from: since, shifts }, index) => {
    const until = world.rota.versions[index + 1]?.from ?? Number.POSITIVE_INFINITY;
    if (since > to || until < from) return [];
    const own = shifts.filter((shift) => shift.email === email && shift.start - overlapMs <= to && (shift.end ?? to) >= from);
    return own.map(({ end }) => Math.min((end ?? Number.POSITIVE_INFINITY) + overlapMs, to + longestRotationMs));
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

const saidUntil = ({ asked }: RequestRow): number => (JSON.parse(asked) as { untilMs?: number }).untilMs ?? 0;

/** R1 and R7: who is let in by the rotation is on call, until the shift ends, and has not given this shift back. */
export function checkRotaIn(world: World, process: Process, request: RequestRow): void {
  // A host that is less than a minute off is believed.
  const latestNow = world.now + (world.config.clockStep > 0 ? minute : 0);
  const until = onDutyUntil(world, process, request.email, world.now - slackMs, latestNow);
  if (!process.policy.roles[rota.role]?.follows) violate(world, `R1: ${request.id} is let in by a rotation that nothing follows`);
  else if (until === undefined) violate(world, `R1: ${request.email} is let in by the rotation (${request.id}), and is not on call`);
  else if ((request.expiresAt ?? 0) > until + minute) violate(world, `R2: ${request.id} is to be in for longer than the shift lasts`);
  const back = [...world.rows.requests.values()].find(
    (one) => one !== request && isOfRota(one) && one.email === request.email && isGivenBack(one) && saidUntil(one) > world.rows.clock,
  );
  if (back && back.id !== request.id)
    violate(world, `R7: ${request.email} is let in again by ${request.id}, and has given ${back.id} back`);
}

const isGivenBack = ({ approvals }: RequestRow): boolean =>
  (JSON.parse(approvals) as { answer: string }[]).some(({ answer }) => answer === 'no');

const moves = ['request.extended', 'rotation.changed', 'rotation.held-over'];

/** R2 to R4: an end that moves. Gives what the trail must say of it. */
export function checkRotaMoved(world: World, process: Process, before: RequestRow, after: RequestRow, { news }: Rows): string {
  const bodies = news.map(({ body }) => JSON.parse(body) as { type: string; requestId?: string });
  const type = bodies.find((body) => body.requestId === after.id && moves.includes(body.type))?.type ?? 'rotation.changed';
  count(world, `the end of a rotation grant: ${type}`);
  const [from, to] = [before.expiresAt ?? 0, after.expiresAt ?? 0];
  const { holdOverMs } = followsOf(process);
  if (type === 'request.extended') {
    checkRotaIn(world, process, after);
    if (to <= from) violate(world, `R2: ${after.id} is said to be extended, and ends sooner`);
  } else if (type === 'rotation.held-over') {
    if (to > world.rota.answeredAt + slackMs + holdOverMs)
      violate(world, `R2: ${after.id} is held over for longer than the roster's last answer allows`);
    if (saidUntil(after) !== saidUntil(before)) violate(world, `R2: ${after.id} is held over, and what the roster said of it is lost`);
  } else {
    if (to >= from) violate(world, `R2: ${after.id} is said to end sooner, and does not`);
    checkTakenOff(world, process, before);
  }
  return `${after.id} ${type}`;
}

/** R3, R5 and R6: somebody's time is cut short, or is up. */
export function checkRotaEnds(world: World, process: Process, grant: GrantRow, request: RequestRow): void {
  if (grant.endReason !== 'expired' || !process.policy.roles[rota.role]?.follows) return;
  const now = world.rows.clock;
  const expiresAt = request.expiresAt ?? 0;
  if (now < expiresAt) {
    checkTakenOff(world, process, request);
    return;
  }
  // Past that it is ended without a look.
  if (now - expiresAt >= process.policy.sweep.refuseWhenLateMs || world.config.ledgerFault + world.config.clockStep > 0) return;
  const asked = process.rota;
  // Another sweep has acted on an answer meanwhile.
  if (world.rows.answered >= process.startedAt) return;
  if (asked.length === 0) violate(world, `R6: ${request.id} is ended before anybody has asked whether the shift goes on`);
  const isSilent = asked.length > 0 && asked.every((answer) => answer === undefined);
  const until = world.rows.answered + followsOf(process).holdOverMs;
  if (isSilent && now + minute < until && world.rows.answered > 0)
    violate(world, `R5: ${request.id} is ended, though nobody can say who is on call`);
}

/** R8: a sweep ends it of whoever is in as another user than the one to whom the name leads, once they are in as that one, and not before. Gives whether it was for that. */
export function isEndOfAnother(world: World, grant: GrantRow, { id, email }: RequestRow): boolean {
  const { grants, memberships } = world.rows;
  const row = memberships.get(grant.membershipId);
  const users = row && world.accounts.get(row.directory)?.own.users;
  const leads = users && [...users].find(([, user]) => user.email === email)?.[0];
  if (row === undefined || leads === undefined || leads === row.userId) return false;
  const isIn = [...grants.values()].some((other) => {
    const place = memberships.get(other.membershipId);
    return other.requestId === id && other.state === 'active' && place?.groupId === row.groupId && place.userId !== row.userId;
  });
  if (isIn) count(world, 'somebody on the rotation was in as another user, and went once they were in as themselves');
  return isIn;
}

/** R3: nobody goes before the end that was known, where the roster named nobody at all. */
function checkTakenOff(world: World, process: Process, request: RequestRow): void {
  const { overlapMs } = followsOf(process);
  const isEmpty = process.rota.length > 0 && process.rota.every((answer) => answer?.length === 0);
  const isSurprise = world.rows.clock + minute < saidUntil(request) - overlapMs;
  if (isEmpty && isSurprise && !process.what.includes('accept'))
    violate(world, `R3: ${request.id} is taken off by an answer that names nobody`);
  if (process.rota.every((answer) => answer === undefined)) violate(world, `R3: ${request.id} is taken off, and nobody said so`);
}

/** R4, after a whole run in peace: whoever was on call all along is in, and nobody else but for the overlap. */
export function checkRotaSwept(world: World, process: Process): void {
  const { config, rows } = world;
  const follows = process.policy.roles[rota.role]?.follows;
  if (!follows || config.churn + config.clockStep + config.restore + config.policyChange > 0 || world.lost) return;
  const open = [...rows.requests.values()].filter((request) => isOfRota(request) && request.open === 1);
  const grantsOf = ({ id }: RequestRow): readonly GrantRow[] => [...rows.grants.values()].filter((grant) => grant.requestId === id);
  const inBy = (email: string) =>
    open.some((request) => request.email === email && grantsOf(request).some(({ state }) => state === 'active'));
  count(world, 'the rotation was looked at after a run');
  // A run that finds somebody far past their end leaves no heartbeat, and so lets nobody in.
  const isLate = [...rows.grants.values()].some(({ state, endedAt, requestId }) => {
    const end = rows.requests.get(requestId)?.expiresAt ?? world.now;
    return (state !== 'ended' || (endedAt ?? 0) >= process.startedAt) && world.now > end + process.policy.sweep.refuseWhenLateMs;
  });
  for (const email of everybody) {
    const own = [...rows.requests.values()].filter((request) => isOfRota(request) && request.email === email);
    const isAway = own.some((request) => isGivenBack(request) && saidUntil(request) > rows.clock);
    // Half-way in or out, or so when the run came to them.
    const isEnding = own.some((request) =>
      grantsOf(request).some(({ state, endedAt }) => ['revoking', 'activating'].includes(state) || (endedAt ?? 0) >= process.startedAt),
    );
    const throughout = latest(world).some((shift) => shift.email === email && isOn(shift, process.startedAt) && isOn(shift, world.now));
    const isOld = (world.rota.versions.at(-1)?.from ?? 0) < process.startedAt;
    if (throughout && isOld && !isLate && !isAway && !isEnding && !inBy(email))
      violate(world, `R4: ${email} is on call, and a sweep has not let them in`);
    const until = onDutyUntil(world, process, email, process.startedAt - minute, world.now);
    const late = open.find((request) => request.email === email && (request.expiresAt ?? 0) > world.now + follows.overlapMs + minute);
    if (until === undefined && late && grantsOf(late).some(({ state }) => state === 'active'))
      violate(world, `R4: ${email} is not on call, and a sweep has left them in`);
  }
}
