/** The parts of conditions that facts answer, and conditions in words. */

import type { Condition, FactCondition, IncidentCondition, OnCallCondition, Rule, Weekday } from './types.ts';

/** Same question, same key. How a self-made incident counts is no part of the question. */
export function factKey(condition: FactCondition): string {
  if (condition.kind === 'member') return JSON.stringify(['member', condition.directory, condition.group]);
  if (condition.kind === 'onCall') {
    const { roster, schedule, escalationPolicy, levels } = condition;
    return JSON.stringify(['onCall', roster, schedule ?? null, escalationPolicy ?? null, levels]);
  }
  const { roster, services, severities, types } = condition;
  return JSON.stringify(['incident', roster, services, severities, types]);
}

export function factConditions(rules: readonly Rule[]): FactCondition[] {
  const unique = new Map<string, FactCondition>();
  for (const rule of rules) {
    for (const leaf of leavesOf(rule.condition)) {
      if (isFactCondition(leaf)) unique.set(factKey(leaf), leaf);
    }
  }
  return [...unique.values()];
}

/** Everybody whom the rules name. */
export function usersOf(rules: readonly Rule[]): readonly string[] {
  return rules.flatMap(({ condition }) => leavesOf(condition)).flatMap((leaf) => (leaf.kind === 'user' ? [leaf.email] : []));
}

export function isFactCondition(condition: Condition): condition is FactCondition {
  return condition.kind === 'member' || condition.kind === 'onCall' || condition.kind === 'incident';
}

function leavesOf(condition: Condition): readonly Condition[] {
  if (condition.kind === 'not') return leavesOf(condition.condition);
  if (condition.kind === 'all' || condition.kind === 'any') return condition.conditions.flatMap(leavesOf);
  return [condition];
}

/** What can make the condition hold, as opposed to what a `not` keeps out. */
export function positiveLeaves(condition: Condition): readonly Condition[] {
  if (condition.kind === 'not') return [];
  if (condition.kind === 'all' || condition.kind === 'any') return condition.conditions.flatMap(positiveLeaves);
  return [condition];
}

/** Each condition with whether it may speak against somebody: in a rule that keeps people out, or behind a `not` in one that lets them in. */
export function sidesOf(
  rules: readonly Rule[],
  against: readonly Rule[],
): readonly { readonly leaf: Condition; readonly isAdverse: boolean }[] {
  return rules.flatMap((rule) => sidesIn(rule.condition, against.includes(rule)));
}

function sidesIn(condition: Condition, isAdverse: boolean): ReturnType<typeof sidesOf> {
  if (condition.kind === 'not') return sidesIn(condition.condition, !isAdverse);
  if (condition.kind === 'all' || condition.kind === 'any') return condition.conditions.flatMap((one) => sidesIn(one, isAdverse));
  return [{ leaf: condition, isAdverse }];
}

/** `on call for pagerduty/PDB1234`: stands behind "whoever is" as well as behind "be". */
export function describeCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'user':
      return condition.email;
    case 'client':
      return `the service account ${condition.id}`;
    case 'member':
      return `member of ${condition.directory}/${condition.group}`;
    case 'onCall':
      return describeOnCall(condition);
    case 'incident':
      return describeIncident(condition);
    case 'during':
      return `asking ${describeDuring(condition)}`;
    case 'not':
      return `not ${inner(condition.condition)}`;
    case 'all':
      return condition.conditions.map(inner).join(' and ');
    case 'any':
      return condition.conditions.map(inner).join(' or ');
  }
}

function inner(condition: Condition): string {
  const text = describeCondition(condition);
  return condition.kind === 'all' || condition.kind === 'any' ? `(${text})` : text;
}

function describeOnCall({ roster, schedule, escalationPolicy, levels }: OnCallCondition): string {
  const level = levels.length === 0 ? '' : ` at level ${levels.join(' or ')}`;
  if (escalationPolicy !== undefined) return `on call${level} of escalation policy ${roster}/${escalationPolicy}`;
  return schedule === undefined ? `on call${level} anywhere in ${roster}` : `on call${level} for ${roster}/${schedule}`;
}

function describeIncident({ roster, services, severities, types }: IncidentCondition): string {
  const filters = [
    ['service', services],
    ['severity', severities],
    ['type', types],
  ] as const;
  const only = filters.flatMap(([name, values]) => (values.length === 0 ? [] : [`${name} ${values.join(' or ')}`])).join(', ');
  return `assigned to a live incident in ${roster}${only === '' ? '' : ` (${only})`}`;
}

export function describeDuring({
  days,
  from,
  to,
  zone,
}: {
  readonly days: readonly Weekday[];
  readonly from: number;
  readonly to: number;
  readonly zone: string;
}): string {
  const time = (minutes: number) => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const allDay = from === 0 && (to === 0 || to === 1_440);
  return [days.length === 7 ? '' : days.join(' '), allDay ? '' : `${time(from)}-${time(to)}`, zone].filter((part) => part !== '').join(' ');
}
