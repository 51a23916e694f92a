/** Three-valued logic over conditions: what holds, what does not, and what nobody could tell. */

import { factKey, isFactCondition } from './conditions.ts';
import { isDuring } from './during.ts';
import type { Condition, Fact, Facts, IncidentCondition, Truth } from './types.ts';

/** Who it is about, the moment, and what the world said about both. `client`: they are that service account; to be said of everybody, so that none passes for a person. */
export type Subject = { readonly email: string; readonly client: string | undefined; readonly now: number; readonly facts: Facts };

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
      return incidentTruth(condition, factOf(condition, subject), reading);
    default:
      return factOf(condition, subject)?.holds ?? 'unknown';
  }
}

export function factOf(condition: Condition, { facts }: Subject): Fact | undefined {
  return isFactCondition(condition) ? facts.get(factKey(condition)) : undefined;
}

function incidentTruth({ selfMade }: IncidentCondition, fact: Fact | undefined, reading: Reading): Truth {
  if (fact === undefined) return 'unknown';
  if (fact.holds !== true || !reading.favours || selfMade === 'allow' || !isSelfMade(fact)) return fact.holds;
  return selfMade === 'ask' && reading.selfMade;
}

/** Without a list of incidents nobody can say that somebody else opened one. */
export function isSelfMade({ incidents = [] }: Fact): boolean {
  return incidents.every((incident) => incident.selfMade);
}

const not = (truth: Truth): Truth => (truth === 'unknown' ? 'unknown' : !truth);

function all(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes('unknown') ? 'unknown' : true;
}
