/** What one history is made of, drawn from its seed: which deeds and faults exist at all, and how often (swarm testing). */

import { callWithinMs, quietMs } from '../../src/lifecycle/limits.ts';
import type { Random } from './random.ts';

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;

/** When every history begins. */
export const start = Date.UTC(2026, 0, 5, 3);

/** Of each rule that access ends with. */
export const graceMs = 60 * second;

/** What a process can be started to do. */
export const deeds = [
  'request',
  'queue',
  'take',
  'repeat',
  'release',
  'approve',
  'approve-twice',
  'look',
  'deny',
  'break-glass',
  'review',
  'revoke',
  'sweep',
  'sweep-twice',
  'accept',
  'adopt',
] as const;
export type Deed = (typeof deeds)[number];

/** `late`: the client gives up, and the write lands afterwards. */
export const writeFaults = ['time-out-before', 'time-out-after', 'late', 'refused', 'rate-limited', '5xx-before', '5xx-after'] as const;
export type WriteFault = (typeof writeFaults)[number];

/** How far a read may lag behind a write. */
export const longestLagMs = 10 * second;

export const roleNames = ['viewer', 'operator', 'two-groups', 'solo', 'asked', 'shift', 'incident', 'responder', 'rota', 'named'] as const;
/** Two people say yes to the one, nobody to the other: its glass is broken. */
export const yesRoles = ['four-eyes', 'emergency'] as const;
/** A place behind the yes of others, and a line for it: of two, the first of whom a roster names; and one for each value of a parameter. */
export const lineRoles = ['two-keys', 'access'] as const;
export type RoleName = (typeof roleNames | typeof yesRoles | typeof lineRoles)[number];
/** Access to which ends with a shift or an incident. */
export const dutyRoles = ['shift', 'incident', 'responder'] as const satisfies readonly RoleName[];

export type Config = {
  /** Nothing goes wrong and nothing is slow: then nothing may fail either. */
  readonly calm: boolean;
  readonly users: number;
  readonly roles: readonly RoleName[];
  /** How many processes at most run at once. */
  readonly atOnce: number;
  readonly started: number;
  readonly steps: number;
  readonly weights: Readonly<Record<Deed, number>>;
  readonly faults: Readonly<Record<WriteFault, number>>;
  readonly readFault: number;
  /** A client gives up on a call after this. */
  readonly callMs: number;
  /** A write lands at most this long after it was sent, or never. */
  readonly landMs: number;
  /** Per step, as long as another process runs. */
  readonly eager: number;
  /** Per step. */
  readonly crash: number;
  readonly suspend: number;
  readonly adminAdd: number;
  readonly adminRemove: number;
  /** Users and groups deleted, renamed, made anew. */
  readonly churn: number;
  readonly outage: number;
  /** A shift or incident begins or ends, somebody is put on one or taken off; the roster goes down. */
  readonly duty: number;
  readonly rosterDown: number;
  /** Per read of who is a member: it lags behind. */
  readonly staleReads: number;
  readonly lagMs: number;
  /** Per removal: acknowledged, and not done. */
  readonly hollow: number;
  /** Per transaction: refused, or done and not acknowledged. */
  readonly ledgerFault: number;
  /** Per step: the host's clock is set, by up to an hour. */
  readonly clockStep: number;
  readonly policyChange: number;
  /** An administrator puts back an older copy of the ledger, or deletes it. */
  readonly restore: number;
  /** At the end of the chaos one directory refuses everything, for long. */
  readonly stuck: boolean;
  readonly jump: number;
  /** How late a process that is not suspended may wake from a sleep or get to its next transaction. */
  readonly scheduledMs: number;
  readonly refuseWhenLateMs: number;
  readonly reconcileMs: number;
  readonly longestMs: number;
  readonly overlapMs: number;
  readonly holdOverMs: number;
  /** Per step: the schedule of the rotation is edited, and its roster goes down. */
  readonly rotaEdit: number;
  readonly rotaOutage: number;
  /** Per answer of its roster: it names nobody, whoever is on call. */
  readonly emptyAnswers: number;
  /** Per step: somebody comes into the group of those who may say yes, or goes. */
  readonly leads: number;
  /** Per step: the roster names another one who may say yes, or one less. */
  readonly deputies: number;
  /** Until when somebody else says yes in the place of who is away. */
  readonly awayUntil: number;
};

export function drawConfig(random: Random): Config {
  const rate = (share: number, most: number): number => (random.chance(share) ? random.next() * most : 0);
  const some = <T>(items: readonly T[], share: number): readonly T[] => {
    const chosen = items.filter(() => random.chance(share));
    return chosen.length === 0 ? [random.pick(items)] : chosen;
  };
  const calm = random.chance(0.1);
  const callMs = calm ? 2 * second : random.between(2 * second, callWithinMs);
  const weights = Object.fromEntries(deeds.map((deed) => [deed, random.chance(0.7) ? random.between(1, 4) : 0])) as Config['weights'];
  const rare = drawRare(random, calm);
  return {
    calm,
    users: random.pick([1, 1, 2, 3]),
    roles: [...some(roleNames, 0.35), ...yesRoles.filter(() => random.chance(0.1))],
    atOnce: random.between(2, 8),
    started: random.between(8, 40),
    steps: random.between(150, 400),
    // Without a request nothing happens, and without a sweep no request is heard.
    weights: { ...weights, request: random.between(3, 6), sweep: random.between(1, 2), approve: random.between(1, 6) },
    ...drawFaults(random, calm),
    callMs,
    landMs: random.between(callMs, quietMs - 1),
    eager: random.pick([0.05, 0.1, 0.3]),
    crash: calm ? 0 : rate(0.6, 0.03),
    // One host, one clock: it does not sleep and jump at once.
    suspend: calm || rare.clockStep > 0 ? 0 : rate(0.35, 0.03),
    adminAdd: rate(0.4, 0.03),
    adminRemove: rate(0.25, 0.02),
    outage: calm ? 0 : rate(0.2, 0.01),
    duty: rate(0.1, 0.02),
    rosterDown: calm ? 0 : rate(0.1, 0.01),
    ...rare,
    jump: random.next() * 0.3,
    scheduledMs: calm ? 100 : random.pick([100, second, 15 * second]),
    refuseWhenLateMs: random.pick([15 * minute, 24 * hour, 24 * hour]),
    reconcileMs: random.pick([minute, 15 * minute]),
    longestMs: random.pick([10 * minute, hour, 4 * hour]),
    overlapMs: random.pick([0, 0, 10 * minute, 30 * minute]),
    holdOverMs: random.pick([30 * minute, 4 * hour]),
    rotaEdit: rate(0.5, 0.03),
    rotaOutage: calm ? 0 : rate(0.3, 0.01),
    emptyAnswers: calm ? 0 : rate(0.3, 0.3),
    leads: rate(0.5, 0.02),
    deputies: 0,
    awayUntil: start + random.between(0, 6 * hour),
    ...(random.chance(0.2) ? drawDuty(random, calm) : random.chance(0.3) ? drawYes(random, calm) : {}),
  };
}

/** What would end access before its shift or incident does, or keep a sweep from asking. */
const undisturbed: Partial<Config> = {
  ...{ faults: Object.fromEntries(writeFaults.map((fault) => [fault, 0])) as Config['faults'], crash: 0.002, suspend: 0.002 },
  ...{ outage: 0, adminRemove: 0, hollow: 0, ledgerFault: 0, clockStep: 0, restore: 0, churn: 0, policyChange: 0, stuck: false },
};

const none = Object.fromEntries(deeds.map((deed) => [deed, 0])) as Config['weights'];

/** Few at once and little else that ends access, for an early end takes two sweeps and the time between them. */
export const duty = {
  ...{ atOnce: 2, started: 40, steps: 400, eager: 0.03 },
  weights: { ...none, request: 3, repeat: 1, release: 1, approve: 1, sweep: 4 },
} as const satisfies Partial<Config>;

/** Access that ends with a shift or an incident. */
function drawDuty(random: Random, calm: boolean): Partial<Config> {
  const some = dutyRoles.filter(() => random.chance(0.6));
  const others = random.chance(0.3) ? [random.pick(roleNames)] : [];
  return {
    ...duty,
    roles: [...new Set([random.pick(dutyRoles), ...some, ...others])],
    duty: 0.02 + random.next() * 0.04,
    rosterDown: calm || random.chance(0.5) ? 0 : random.next() * 0.02,
    longestMs: random.pick([hour, 4 * hour]),
    ...(!calm && random.chance(0.7) ? undisturbed : {}),
  };
}

/** Much is asked, and answered by many at once, while the policy changes. */
export const saysYes = {
  ...{ atOnce: 3, started: 40, steps: 400, eager: 0.1 },
  weights: {
    ...{ ...none, request: 3, repeat: 1, release: 1, sweep: 2 },
    ...{ approve: 8, 'approve-twice': 3, look: 1, 'break-glass': 4, review: 2 },
  },
} as const satisfies Partial<Config>;

/** Access that others say yes to, before or afterwards. */
function drawYes(random: Random, calm: boolean): Partial<Config> {
  const others = random.chance(0.3) ? [random.pick(roleNames)] : [];
  const roles = random.pick<readonly RoleName[]>([yesRoles, ['four-eyes'], ['emergency'], lineRoles, ['two-keys'], ['access']]);
  return {
    ...saysYes,
    users: random.pick([2, 3]),
    roles: [...roles, ...others],
    weights: { ...saysYes.weights, deny: random.pick([0, 1]) },
    ...(random.chance(0.7) ? { policyChange: 0.01 + random.next() * 0.03, restore: 0 } : {}),
    ...(roles.includes('two-keys') || roles.includes('access') ? drawLine(random, calm) : {}),
  };
}

/** Few places, many who wait for one, and a roster that says who gives them. */
export const inLine = {
  weights: { ...saysYes.weights, 'approve-twice': 2, take: 20, release: 2, repeat: 0 },
} as const satisfies Partial<Config>;

const drawLine = (random: Random, calm: boolean): Partial<Config> => ({
  weights: { ...inLine.weights, deny: random.pick([0, 1]) },
  deputies: random.next() * 0.04,
  rosterDown: calm || random.chance(0.5) ? 0 : random.next() * 0.01,
});

/** Nothing goes wrong, everything does now and then, or one thing does all the time: each finds what the others hide. */
function drawFaults(random: Random, calm: boolean): Pick<Config, 'faults' | 'readFault'> {
  const kind = calm ? 'none' : random.pick(['none', 'mixed', 'mixed', 'few', 'few', 'few']);
  const few = [random.pick(writeFaults), random.pick(writeFaults)];
  const rateOf = (fault: WriteFault): number => {
    if (kind === 'mixed') return random.chance(0.6) ? random.next() * 0.2 : 0;
    return kind === 'few' && few.includes(fault) ? 0.2 + random.next() * 0.5 : 0;
  };
  const faults = Object.fromEntries(writeFaults.map((fault) => [fault, rateOf(fault)])) as Config['faults'];
  return { faults, readFault: kind === 'none' || random.chance(0.5) ? 0 : random.next() * 0.2 };
}

/** What would hide one another, or what nobody promises anything about: never in one history. */
function drawRare(random: Random, calm: boolean) {
  const most = (on: boolean, rate: number): number => (on && !calm ? random.next() * rate : 0);
  const kind = random.pick(['lag', 'lag', 'lag', 'hollow', 'clock', 'restore', 'churn', 'churn', 'ledger', 'none'] as const);
  return {
    // A read that shows what was before the add would confirm a removal that was never done.
    staleReads: most(kind === 'lag', 1),
    lagMs: random.between(1, longestLagMs),
    hollow: most(kind === 'hollow', 0.5),
    ledgerFault: most(kind === 'ledger', 0.05),
    clockStep: most(kind === 'clock', 0.03),
    restore: most(kind === 'restore', 0.015),
    churn: most(kind === 'churn', 0.02),
    // A group that the policy no longer names, and the ledger has forgotten, nobody can look at.
    policyChange: kind !== 'restore' && random.chance(0.3) ? random.next() * 0.02 : 0,
    stuck: !calm && random.chance(0.05),
  };
}
