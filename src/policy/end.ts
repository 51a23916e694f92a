/** When access ends: the latest end of the rules that hold, then the least of that, of what was asked, and of the role's maximum. */

import { positiveLeaves } from './conditions.ts';
import { formatDuration } from './duration.ts';
import { factOf, incidentsBehind, type Subject, truthOf } from './truth.ts';
import type { Asked, Condition, Decision, Role, Rule } from './types.ts';

/** Epoch ms; `none`: ends only with what was asked and the maximum; `unknown`: it should end with a shift whose end nobody told. */
export type Bound = number | 'none' | 'unknown';

/** Where the rule itself ends, grace included. */
export function boundOf(rule: Rule, subject: Subject): Bound {
  return rule.until === 'shift' ? withGrace(shiftEnd(rule.condition, subject), rule.graceMs) : 'none';
}

const withGrace = (end: Bound, graceMs: number): Bound => (typeof end === 'number' ? end + graceMs : end);

/** The end of the shifts that make the condition hold: all of them must last, of several ways the longest counts. */
function shiftEnd(condition: Condition, subject: Subject): Bound {
  if (condition.kind === 'onCall') {
    const end = factOf(condition, subject)?.endsAt;
    return end === undefined ? 'unknown' : (end ?? 'none');
  }
  if (condition.kind !== 'all' && condition.kind !== 'any') return 'none';
  const holding = condition.conditions.filter((one) => truthOf(one, subject, { favours: true, selfMade: true }) === true);
  const ends = holding.map((one) => shiftEnd(one, subject));
  return condition.kind === 'all' ? earliest(ends) : latest(ends);
}

function earliest(ends: readonly Bound[]): Bound {
  if (ends.includes('unknown')) return 'unknown';
  const known = ends.filter((end) => typeof end === 'number');
  return known.length === 0 ? 'none' : Math.min(...known);
}

export function latest(ends: readonly Bound[]): Bound {
  if (ends.includes('none') || ends.length === 0) return 'none';
  const known = ends.filter((end) => typeof end === 'number');
  return known.length === 0 ? 'unknown' : Math.max(...known);
}

export type End = Pick<Decision, 'limitedBy' | 'limitedBecause'> & { readonly expiresAt: number };

type Asking = {
  readonly role: Role;
  readonly asked: Asked;
  readonly subject: Subject;
  readonly startedAt: number | undefined;
  readonly rules: readonly Rule[];
};

/** `rules` are those that hold and that access rests on. */
export function endOf({ role, asked, subject, startedAt, rules }: Asking): End {
  const { now } = subject;
  const limit = limitOf(rules, subject);
  const max = (startedAt ?? now) + role.ttl.maxMs;
  const without = endsWithNothing(asked, subject, rules);
  const wanted = without ? now + role.ttl.defaultMs : wantedEnd(role, asked, subject, rules);
  const expiresAt = Math.min(wanted, limit.at, max);
  if (without && expiresAt >= wanted) {
    return { expiresAt, limitedBy: without, limitedBecause: `it rests on no ${without}, so it is as long as usual` };
  }
  if (expiresAt >= wanted) return { expiresAt };
  if (max <= limit.at) return { expiresAt, limitedBy: 'max', limitedBecause: maxBecause(role, startedAt) };
  const grace = limit.graceMs === 0 ? '' : `, plus ${formatDuration(limit.graceMs)}`;
  return { expiresAt, limitedBy: 'shift', limitedBecause: `your shift ends ${instant(limit.at - limit.graceMs)}${grace}` };
}

function maxBecause(role: Role, startedAt: number | undefined): string {
  const counted = startedAt === undefined ? '' : ', counted from its first start';
  return `${formatDuration(role.ttl.maxMs)} is the most that ${role.name} is given for${counted}`;
}

/** With the grace of the rule that ends last, so that it can be told apart from the shift. */
function limitOf(rules: readonly Rule[], subject: Subject): { at: number; graceMs: number } {
  const bounds = rules.map((rule) => ({ at: toTime(boundOf(rule, subject)), graceMs: rule.graceMs }));
  return bounds.reduce((last, one) => (one.at > last.at ? one : last), bounds[0] ?? { at: Number.POSITIVE_INFINITY, graceMs: 0 });
}

const toTime = (bound: Bound): number => (typeof bound === 'number' ? bound : Number.POSITIVE_INFINITY);

/** Asked for until the end of what access does not rest on: nothing would end it before the maximum. */
function endsWithNothing(asked: Asked, subject: Subject, rules: readonly Rule[]): 'shift' | 'incident' | undefined {
  if (!('until' in asked)) return undefined;
  const isOnShift = ({ condition }: Rule): boolean =>
    positiveLeaves(condition).some((leaf) => leaf.kind === 'onCall' && factOf(leaf, subject)?.holds === true);
  const rests = (rule: Rule): boolean => (asked.until === 'incident' ? incidentsBehind(rule, subject).length > 0 : isOnShift(rule));
  return rules.some(rests) ? undefined : asked.until;
}

function wantedEnd(role: Role, asked: Asked, subject: Subject, rules: readonly Rule[]): number {
  if ('forMs' in asked) return subject.now + asked.forMs;
  if ('untilMs' in asked) return asked.untilMs;
  if ('byDefault' in asked) return subject.now + role.ttl.defaultMs;
  if (asked.until === 'incident') return Number.POSITIVE_INFINITY;
  // Asked for by the person, a shift ends access even where the rule does not insist on it.
  const shifts = rules.map((rule) => withGrace(shiftEnd(rule.condition, subject), rule.graceMs)).filter((end) => typeof end === 'number');
  return shifts.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...shifts);
}

/** RFC 3339, UTC: a decision is read in more than one place, and whoever shows it turns instants into the reader's own time. */
export const instant = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

/** What a decision says of a shift is said to whoever has it; to others it is theirs. */
export const toldTo = (isRequester: boolean, text: string): string =>
  isRequester ? text : text.replace(/\byour (?=(next )?shift\b)/g, 'their ');
