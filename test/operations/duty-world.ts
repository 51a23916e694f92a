/** The company of `world.ts` with rosters that have incidents and count what they are asked. */

import type { Deps } from '../../src/operations/deps.ts';
import type { RequestInput } from '../../src/operations/types.ts';
import type { IncidentCondition, Role, Rule } from '../../src/policy/types.ts';
import type { Incident, Roster, Shift } from '../../src/rosters/roster.ts';
import { company, hour, minute, role, rule, type World } from './world.ts';

export const aboutIncident = (over: Partial<IncidentCondition> = {}): IncidentCondition => ({
  ...{ kind: 'incident', roster: 'pagerduty', services: [], severities: [], types: [], anyIncident: true, selfMade: 'ask' },
  ...over,
});
export const withIncident = (over: Partial<IncidentCondition> = {}, more: Partial<Rule> = {}): Rule =>
  rule(aboutIncident(over), { name: 'responder.allow[0]', until: 'incident', ...more });
export const responder = (over: Partial<Role> = {}): Role => role('responder', { allow: [withIncident()], ...over });

/** Live, of maria, opened by a monitor and assigned by a schedule. */
export const anIncident = (ref: string, over: Partial<Incident> = {}): Incident => ({
  ...{ ref, live: true, severities: ['major'], services: ['db'], assigned: ['maria@acme.dev'] },
  ...{ openedBy: 'Database monitor', assignedBy: 'Database Primary' },
  ...over,
});

export type Duty = {
  readonly world: World;
  /** By roster. */
  readonly incidents: Record<string, Incident[]>;
  /** `pagerduty onCall PDB`, `pagerduty incident 42`; emptied by whoever counts. */
  readonly asked: string[];
  /** What a roster throws in place of every answer. */
  readonly down: Map<string, Error>;
  readonly shifts: Shift[];
  readonly as: (name: string) => ReturnType<World['as']>;
  readonly deps: (name: string) => Deps;
  readonly request: (name: string, more?: Partial<RequestInput>) => ReturnType<ReturnType<World['as']>['request']>;
  readonly sweepAfter: World['sweepAfter'];
  /** Changes an incident, by its reference, in whichever roster has it. */
  readonly change: (ref: string, over: Partial<Incident>) => void;
};

export async function onDuty(roles: readonly Role[] = [responder()], names: readonly string[] = ['pagerduty']): Promise<Duty> {
  const world = await company({ roles });
  for (const name of names) Object.assign(world.policy.rosters, { [name]: { name, kind: 'file', settings: {} } });
  const incidents: Record<string, Incident[]> = Object.fromEntries(names.map((name) => [name, []]));
  const [asked, down, shifts]: [string[], Duty['down'], Shift[]] = [[], new Map(), []];
  const answer = async <T>(name: string, question: string, value: () => T): Promise<T> => {
    asked.push(`${name} ${question}`);
    const fault = down.get(name);
    if (fault) throw fault;
    return value();
  };
  const rosterOf = (name: string): Roster => ({
    title: name,
    onCall: (query, at) =>
      answer(name, `onCall ${query.schedule}`, () =>
        shifts.filter(
          ({ schedule, start, end }) => schedule === query.schedule && (start ?? 0) <= at && at < (end ?? Number.POSITIVE_INFINITY),
        ),
      ),
    shifts: (query, { from, to }) =>
      answer(name, `shifts ${query.schedule}`, () =>
        shifts.filter(
          ({ schedule, start, end }) => schedule === query.schedule && (start ?? 0) < to && from < (end ?? Number.POSITIVE_INFINITY),
        ),
      ),
    incident: (ref) => answer(name, `incident ${ref}`, () => incidents[name]?.find((one) => one.ref === ref || `#${one.ref}` === ref)),
    incidents: () => answer(name, 'incidents', () => (incidents[name] ?? []).filter(({ live }) => live)),
  });
  const over = { roster: async (name: string) => rosterOf(name) };
  const as = (name: string) => world.as(name, over);
  return {
    ...{ world, incidents, asked, down, shifts, as },
    deps: (name) => world.deps(name, over),
    request: (name, more = {}) => as(name).request({ role: roles[0]?.name ?? '', asked: { forMs: 4 * hour }, ...more }),
    sweepAfter: async (ms) => {
      world.now += ms;
      return as('cron').sweep({});
    },
    change: (ref, changes) => {
      for (const [name, all] of Object.entries(incidents))
        incidents[name] = all.map((one) => (one.ref === ref ? { ...one, ...changes } : one));
    },
  };
}

export const grace = 15 * minute;
