/** `doctor` on one roster: can it be asked, does it have the schedules, is anybody on call, and who will be. */

import { describeCondition, factConditions, factKey } from '../policy/conditions.ts';
import type { OnCallCondition } from '../policy/types.ts';
import type { Shift } from '../rosters/roster.ts';
import type { Deps } from './deps.ts';
import { attempt, check, counted, each, everyRule, faults, valuesOf, within } from './doctor-check.ts';
import { daysAhead, type Lookups, lookups } from './lookups.ts';
import type { Check } from './types.ts';

export type RosterReport = {
  readonly checks: readonly Check[];
  /** By the key of the condition; only what was answered. */
  readonly onCall: ReadonlyMap<string, readonly Shift[]>;
  /** Likewise the shifts of the days to come, of rosters that can tell. */
  readonly upcoming: ReadonlyMap<string, readonly Shift[]>;
};

export async function checkRoster(deps: Deps, name: string, deadline: AbortSignal): Promise<RosterReport> {
  const signal = AbortSignal.any([deps.signal, deadline]);
  const asked = await attempt('', () => within(signal, askRoster(deps, lookups({ ...deps, signal }), name)));
  return 'value' in asked ? asked.value : { checks: faults('roster', name, [asked]), onCall: new Map(), upcoming: new Map() };
}

async function askRoster(deps: Deps, world: Lookups, name: string): Promise<RosterReport> {
  const conditions = factConditions(everyRule(deps.policy));
  const named = conditions.filter((condition) => condition.kind === 'onCall' && condition.roster === name) as readonly OnCallCondition[];
  const usesIncidents = conditions.some((condition) => condition.kind === 'incident' && condition.roster === name);
  // Without a rule that asks it, anything harmless shows whether it answers.
  const questions = named.length > 0 || usesIncidents ? named : [{ kind: 'onCall', roster: name, levels: [] } as const];
  const [answers, incidents, coming] = await Promise.all([
    each(questions, (condition) =>
      attempt(`who is ${describeCondition(condition)}`, async () => ({ condition, ...(await world.shifts(condition, deps.now())) })),
    ),
    usesIncidents ? attempt('listing the live incidents', () => world.incidents(name, undefined)) : undefined,
    each(named, (condition) =>
      attempt(`who will be ${describeCondition(condition)} in the next ${daysAhead} days`, async () => ({
        condition,
        shifts: await world.upcoming(condition, deps.now()),
      })),
    ),
  ]);
  const told = valuesOf(answers);
  const failed = faults('roster', name, [...answers, ...(incidents === undefined ? [] : [incidents]), ...coming]);
  const isBlind = valuesOf(coming).some(({ shifts }) => shifts === undefined);
  const ahead = valuesOf(coming).flatMap(({ condition, shifts }) => (shifts === undefined ? [] : [{ condition, shifts }]));
  const parts = [
    ...(questions.length === 0
      ? []
      : [`${counted(new Set(told.flatMap(({ shifts }) => shifts.map(({ email }) => email))).size, 'person')} on call now`]),
    ...(incidents !== undefined && 'value' in incidents ? [counted(incidents.value.incidents.length, 'live incident')] : []),
  ];
  const nobody = told.filter(({ condition, shifts }) => named.includes(condition as OnCallCondition) && shifts.length === 0);
  return {
    onCall: new Map(told.map(({ condition, shifts }) => [factKey(condition), shifts])),
    upcoming: new Map(ahead.map(({ condition, shifts }) => [factKey(condition), shifts])),
    checks: [
      ...(failed.length === 0 ? [check('roster', name, 'ok', `it answers: ${parts.join(', ')}`)] : []),
      ...failed,
      ...(isBlind
        ? [check('roster', name, 'skipped', 'it does not tell who will be on call: only those who are now were looked for')]
        : []),
      ...nobody.map(({ condition }) =>
        check(
          'roster',
          name,
          'warning',
          `nobody is ${describeCondition(condition)} now`,
          'fill the shift, or name another schedule in the policy',
        ),
      ),
    ],
  };
}
