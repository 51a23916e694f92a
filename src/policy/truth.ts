/** Three-valued logic over conditions: what holds, what does not, and what nobody could tell. */

import { factKey, isFactCondition, positiveLeaves } from './conditions.ts';
import { isDuring } from './during.ts';
import type { Condition, Fact, Facts, IncidentCondition, IncidentRef, OwnIncident, Rule, Truth } from './types.ts';

/** Who it is about, the moment, and what the world said about both. `client`: they are that service account; to be said of everybody, so that none passes for a person. */
export type Subject = {
  readonly email: string;
  readonly client: string | undefined;
  readonly now: number;
  readonly facts: Facts;
  /** The only incidents that may speak for them; left out: any. What an incident speaks against needs no choice: there all count. */
  readonly incidents?: readonly IncidentRef[];
};

export type Reading = {
  /** Whether it is to somebody's advantage that the condition holds; turned round by `not`. What they can bring about themselves then counts against them. */
  readonly favours: boolean;
  /** Whether an incident counts that the person opened and that a person is to judge (`selfMade: ask`). */
  readonly selfMade: boolean;
};

export function truthOf(condition: Condition, subject: Subject, reading: Reading): Truth {
  switch (condition.kind) {
    case 'not':
      return not(truthOf(condition.condition, subject, { ...reading, favours: !reading.favours }));
    case 'all':
      return all(condition.conditions.map((one) => truthOf(one, subject, reading)));
    case 'any':
      return not(all(condition.conditions.map((one) => not(truthOf(one, subject, reading)))));
    case 'user':
      return condition.email === subject.email.toLowerCase();
    case 'client':
      return condition.id === subject.client;
    case 'during':
      return isDuring(condition, subject.now);
    case 'incident':
      return incidentTruth(condition, subject, reading);
    default:
      return factOf(condition, subject)?.holds ?? 'unknown';
  }
}

export function factOf(condition: Condition, { facts }: Subject): Fact | undefined {
  return isFactCondition(condition) ? facts.get(factKey(condition)) : undefined;
}

function incidentTruth(condition: IncidentCondition, subject: Subject, reading: Reading): Truth {
  const fact = factOf(condition, subject);
  if (fact === undefined) return 'unknown';
  if (fact.holds !== true || !reading.favours) return fact.holds;
  const counted = countedOf(condition, fact, subject);
  if (subject.incidents !== undefined && counted.length === 0) return false;
  if (condition.selfMade === 'allow' || !isSelfMade(counted)) return true;
  return condition.selfMade === 'ask' && reading.selfMade;
}

/** Those incidents of the fact that may speak for the person. */
export function countedOf(condition: IncidentCondition, { incidents = [] }: Fact, subject: Subject): readonly OwnIncident[] {
  const chosen = subject.incidents;
  if (chosen === undefined) return incidents;
  return incidents.filter(({ ref }) => chosen.some((one) => one.roster === condition.roster && one.ref === ref));
}

/** The incidents that a rule which lets somebody in rests on. */
export function incidentsBehind({ condition }: Pick<Rule, 'condition'>, subject: Subject): readonly OwnIncident[] {
  return positiveLeaves(condition).flatMap((leaf) => {
    const fact = leaf.kind === 'incident' ? factOf(leaf, subject) : undefined;
    return leaf.kind === 'incident' && fact?.holds === true ? countedOf(leaf, fact, subject) : [];
  });
}

/** Without a list of incidents nobody can say that somebody else opened one. */
export const isSelfMade = (incidents: readonly OwnIncident[]): boolean => incidents.every((incident) => incident.selfMade);

const not = (truth: Truth): Truth => (truth === 'unknown' ? 'unknown' : !truth);

function all(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes('unknown') ? 'unknown' : true;
}
