/**
 * What a rotation's answer means for those who are in by it; pure. The roster is asked who is on call now and who will be one overlap later;
 * no shift is ever worked out here. Whoever is on the answer is let in until their shift ends, whoever is off it goes.
 */

import type { Follows } from '../policy/follows.ts';

/** Somebody on call now, or within the overlap. */
export type Duty = {
  readonly email: string;
  /** When their shift ends, epoch ms; `null`: never; left out: the roster does not say. */
  readonly end?: number | null;
};

/** Who is in by the rotation. */
export type Holder = {
  readonly email: string;
  readonly requestId: string;
  readonly startsAt: number;
  readonly expiresAt: number;
  /** The end that the roster's answers gave last; `expiresAt` is later only while they are held over. */
  readonly saidUntil: number;
};

export type RotationNow = {
  readonly follows: Pick<Follows, 'overlapMs' | 'holdOverMs'>;
  /** Left out: nobody could say. */
  readonly answer?: readonly Duty[];
  /** When an answer was last acted on as a whole; 0: never. */
  readonly answeredAt: number;
  readonly holders: readonly Holder[];
  /** Who gave it back, or was taken out of it by somebody, and for this shift stays out. */
  readonly away: readonly string[];
  /** Of whom an admin said that they may go with nobody in their place. */
  readonly accepted?: readonly string[] | undefined;
  /** Those who were to be let in have been: who is not in by now is nobody's successor. */
  readonly isTried: boolean;
  readonly now: number;
};

export type EndMove = { readonly holder: Holder; readonly until: number };

/** Too many would go with nobody in their place, or all of them: nobody is taken out before an admin has said so. */
export type GoesRefused = { readonly goes: readonly string[]; readonly of: number; readonly isEmpty: boolean };

/** What is kept of a role's rotation. */
export type Rotation = {
  readonly role: string;
  /** When an answer was last acted on as a whole; 0: never. */
  readonly answeredAt: number;
  /** Since when nobody could say who is on call, and why. */
  readonly unanswered?: { readonly since: number; readonly because: string };
  readonly refused?: GoesRefused & { readonly since: number };
};

export type RotationPlan = {
  readonly enter: readonly { readonly email: string; readonly until: number }[];
  /** Still on call, and for longer. */
  readonly later: readonly EndMove[];
  /** Still on call, and for less. */
  readonly sooner: readonly EndMove[];
  /** No longer on call: until then, which may be now. Who goes at an end that was known is not among them. */
  readonly off: readonly EndMove[];
  /** Whose time is up, and who stays all the same, because nobody could say who is on call. */
  readonly held: readonly EndMove[];
  readonly refused?: GoesRefused;
};

const dayMs = 86_400_000;

/** However long a shift is: what nobody renews ends within a week, and within a day where the roster does not say how long it is. */
export const longestRotationMs = 7 * dayMs;

/** So many may always go at once with nobody in their place, and this share of all who are in. */
const fewGo = 2;
const shareGoes = 0.3;

export function planRotation(rotation: RotationNow): RotationPlan {
  const { answer, holders, away, isTried, now } = rotation;
  if (answer === undefined) return { ...nothing, held: heldOver(rotation, holders) };
  const onDuty = new Map(answer.map((duty) => [duty.email, endOf(duty, rotation)]));
  const isIn = new Set(holders.map(({ email }) => email));
  const enter = [...onDuty].flatMap(([email, { until }]) =>
    isIn.has(email) || away.includes(email) || until <= now ? [] : [{ email, until }],
  );
  const moves = holders.flatMap((holder) => {
    const end = onDuty.get(holder.email);
    const until = end && movedTo(holder, end, now);
    return until === undefined ? [] : [{ holder, until }];
  });
  const gone = holders.filter(({ email }) => !onDuty.has(email));
  const successors = holders.filter(({ email, startsAt }) => onDuty.has(email) && startsAt >= rotation.answeredAt).length;
  const refused = refusal(rotation, gone, successors + (isTried ? 0 : enter.length));
  const stay = { ...nothing, enter, later: moves.filter(isLater), sooner: moves.filter((move) => !isLater(move)) };
  if (refused) return { ...stay, held: heldOver(rotation, gone), refused };
  return { ...stay, off: gone.flatMap((holder) => offDuty(holder, rotation)) };
}

const nothing: RotationPlan = { enter: [], later: [], sooner: [], off: [], held: [] };

const isLater = ({ holder, until }: EndMove): boolean => until > holder.expiresAt;

/** `isExact`: it is the end of the shift, and not only as far as anybody looks ahead. */
type End = { readonly until: number; readonly isExact: boolean; readonly reachMs: number };

function endOf({ end }: Duty, { follows, now }: Pick<RotationNow, 'follows' | 'now'>): End {
  const reachMs = end === undefined ? dayMs : longestRotationMs;
  const until = typeof end === 'number' ? end + follows.overlapMs : Number.POSITIVE_INFINITY;
  return { until: Math.min(until, now + reachMs), isExact: until <= now + reachMs, reachMs };
}

/** A roster that reckons an end anew each time comes out a little otherwise. */
const sameMs = 60_000;

/** `undefined`: it stays where it is. An end that is only as far as anybody looks is moved when half of that is over, not at every run. */
function movedTo({ expiresAt, saidUntil }: Holder, { until, isExact, reachMs }: End, now: number): number | undefined {
  if (isExact) return expiresAt === saidUntil && expiresAt > now && Math.abs(until - expiresAt) < sameMs ? undefined : until;
  return expiresAt - now < reachMs / 2 ? until : undefined;
}

/** Whose shift was to last longer, by what was said before. Who is off at an end that was known needs no successor. */
const isSurprise = ({ saidUntil }: Holder, { follows, now }: RotationNow): boolean => now < saidUntil - follows.overlapMs;

function refusal(rotation: RotationNow, gone: readonly Holder[], successors: number): GoesRefused | undefined {
  const { answer = [], accepted = [], holders } = rotation;
  const goes = gone.filter((holder) => isSurprise(holder, rotation)).map(({ email }) => email);
  const isEmpty = answer.length === 0;
  const isTooMany = goes.length - successors > Math.max(fewGo, shareGoes * holders.length);
  if (goes.length === 0 || !(isEmpty || isTooMany) || goes.every((email) => accepted.includes(email))) return undefined;
  return { goes: goes.sort(), of: holders.length, isEmpty };
}

/** From the moment that it is noticed they have the overlap to hand over, and never more than they had. */
function offDuty(holder: Holder, { follows, now }: RotationNow): readonly EndMove[] {
  const until = now + follows.overlapMs;
  return until < holder.expiresAt ? [{ holder, until }] : [];
}

/** Counted from the last answer, so that it ends however often nobody can say. */
function heldOver({ follows, answeredAt, now }: RotationNow, holders: readonly Holder[]): readonly EndMove[] {
  const until = answeredAt + follows.holdOverMs;
  return until <= now ? [] : holders.filter(({ expiresAt }) => expiresAt <= now && expiresAt < until).map((holder) => ({ holder, until }));
}
