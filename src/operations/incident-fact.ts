/** Whether somebody is assigned to a live incident that a condition counts, and which; for the one that was named, or for all of theirs. */

import { instant } from '../policy/end.ts';
import type { Evidence, Fact, IncidentCondition, OwnIncident } from '../policy/types.ts';
import type { Incident } from '../rosters/roster.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import { nameIn } from './names.ts';

export type AboutIncident = {
  readonly email: string;
  /** As it was named. */
  readonly incident?: string;
  /** Whether it may also speak against them: then all that are live are asked for, whichever was named. */
  readonly isAdverse: boolean;
  /** It does not matter who made it: somebody has said yes already, or the rule trusts everybody. */
  readonly whoever?: boolean;
};

export const mostEvidence = 5;
const mostText = 200;

/** What people wrote in a roster is kept with every decision. */
export const short = (text: string): string => (text.length <= mostText ? text : `${text.slice(0, mostText - 1)}…`);

export async function incidentFact(deps: Deps, world: Lookups, condition: IncidentCondition, asked: AboutIncident): Promise<Fact> {
  const { roster } = condition;
  const named = namedFor(deps, roster, asked.incident);
  const wantsAll = asked.incident === undefined || asked.isAdverse;
  const [one, all] = await Promise.all([
    named === undefined ? undefined : world.incidents(roster, named),
    wantsAll ? world.incidents(roster, undefined) : undefined,
  ]);
  const me = nameIn(deps.policy, roster, asked.email).toLowerCase();
  const found = one?.incidents[0];
  const mine = [found, ...(all?.incidents ?? []).filter(({ ref }) => ref !== found?.ref)].filter(
    (incident) => incident !== undefined && whyNot(condition, incident, me) === undefined,
  ) as readonly Incident[];
  const known = await Promise.all(mine.map(async (incident) => (asked.whoever ? incident : world.origin(roster, incident, me))));
  const answers = [one, all].filter((answer) => answer !== undefined);
  const about = {
    source: answers[0]?.title ?? roster,
    ...(answers.length === 0 ? {} : { fetchedAt: Math.min(...answers.map(({ fetchedAt }) => fetchedAt)) }),
  };
  const uncounted = asked.incident === undefined ? undefined : aboutNamed(condition, { ...asked, named, found, title: about.source, me });
  if (mine.length === 0) {
    const near = uncounted === undefined ? nearMiss(condition, all?.incidents ?? [], me) : undefined;
    const because = uncounted ?? 'assigned to no live incident that this rule counts';
    return { holds: false, because, ...(near === undefined ? {} : { detail: near }), ...about };
  }
  return {
    holds: true,
    because: `assigned to ${listed(mine)}`,
    ...about,
    incidents: known.map((incident) => toOwn(incident, me, incident.ref === found?.ref)),
    ...(uncounted === undefined ? {} : { uncounted }),
    evidence: known.slice(0, mostEvidence).map((incident) => toEvidence(incident, roster)),
  };
}

/** `pagerduty/4711` is asked of that roster alone; a bare reference of every one that the rules name. */
function namedFor({ policy }: Deps, roster: string, written: string | undefined): string | undefined {
  const slash = written?.indexOf('/') ?? -1;
  const prefix = written?.slice(0, slash) ?? '';
  if (written === undefined || slash === -1 || (prefix !== roster && !Object.hasOwn(policy.rosters, prefix))) return written;
  return prefix === roster ? written.slice(slash + 1) : undefined;
}

type Named = {
  readonly incident?: string;
  readonly named: string | undefined;
  readonly found: Incident | undefined;
  readonly title: string;
  readonly me: string;
};

function aboutNamed(condition: IncidentCondition, { incident, named, found, title, me }: Named): string | undefined {
  if (named === undefined) return `${incident} is an incident of another roster than ${condition.roster}`;
  if (found === undefined) return `${title} has no incident ${named}`;
  return whyNot(condition, found, me);
}

/** Undefined where it counts. The first thing that is in the way, for people. */
function whyNot({ services, severities, types }: IncidentCondition, incident: Incident, me: string): string | undefined {
  const { ref, live, assigned } = incident;
  if (!live) return `incident ${ref} is over${incident.endedAt === undefined ? '' : ` since ${instant(incident.endedAt)}`}`;
  if (!assigned.includes(me)) return `not assigned to incident ${ref}: ${assigned.slice(0, 3).join(', ') || 'nobody'} is`;
  const filters = [
    ['service', services, incident.services],
    ['severity', severities, incident.severities],
    ['type', types, incident.type === undefined ? [] : [incident.type]],
  ] as const;
  for (const [name, wanted, has] of filters) {
    if (wanted.length === 0 || has.some((value) => wanted.includes(value))) continue;
    const is = has.length === 0 ? `no ${name}` : `${name} ${has.slice(0, 3).map(short).join(', ')}`;
    return `incident ${ref} has ${is}, and this rule counts ${wanted.join(' or ')}`;
  }
  return undefined;
}

/** One of theirs that is live and that this rule does not count. */
function nearMiss(condition: IncidentCondition, all: readonly Incident[], me: string): string | undefined {
  const near = all.find(({ live, assigned }) => live && assigned.includes(me));
  return near && whyNot(condition, near, me);
}

const listed = (incidents: readonly Incident[]): string => {
  const refs = incidents.slice(0, mostEvidence).map(({ ref }) => ref);
  return refs.length < incidents.length ? `${refs.join(', ')} and ${incidents.length - refs.length} more` : refs.join(', ');
};

/** What is not known about it may have been their own doing. */
function toOwn({ ref, title, openedBy, assignedBy }: Incident, me: string, isNamed: boolean): OwnIncident {
  const own = openedBy === me || assignedBy === me;
  const untold = !own && (openedBy === undefined || assignedBy === undefined);
  return {
    ref,
    ...(title === undefined ? {} : { title: short(title) }),
    selfMade: own || untold,
    ...(untold ? { untold } : {}),
    ...(isNamed ? { named: true } : {}),
  };
}

function toEvidence({ ref, title, severities, openedAt, openedBy, assignedBy }: Incident, roster: string): Evidence {
  return {
    ...{ kind: 'incident', roster, ref: short(ref), severities: severities.slice(0, mostEvidence).map(short) },
    ...(title === undefined ? {} : { title: short(title) }),
    ...(openedAt === undefined ? {} : { openedAt }),
    ...(openedBy === undefined ? {} : { openedBy: short(openedBy) }),
    ...(assignedBy === undefined ? {} : { assignedBy: short(assignedBy) }),
  };
}
