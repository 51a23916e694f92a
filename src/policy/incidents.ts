/** Which incident access is for: the one that was named, the only one that is the person's, or a question back. Pure: the facts say which are theirs. */

import { factKey, positiveLeaves } from './conditions.ts';
import { type DecideInput, decide } from './decide.ts';
import type { Decision, Facts, IncidentCondition, IncidentRef, Role, Rule } from './types.ts';

export type Candidate = IncidentRef & { readonly title?: string };

export type Decided = {
  readonly decision: Decision;
  /** What to record as the incident it is for: in its roster's own spelling where it was found. */
  readonly incident?: string;
  /** Which of these it is for has to be said: without that, it would come out worse than with any of them. */
  readonly several?: readonly Candidate[];
};

/** More than anybody can have in hand; each is decided on its own. */
const mostCandidates = 50;

/**
 * `named`: as it was typed; the facts have been asked about it. `before`: the incident of what is held or pending, which goes on to count where
 * there are several.
 */
export function decideFor(
  input: Omit<DecideInput, 'incidents'>,
  wish: { readonly named?: string; readonly before?: string } = {},
): Decided {
  const { decision, several } = choose(input, wish);
  const { role, facts } = input;
  const found = wish.named === undefined ? [] : candidatesOf([...role.allow, ...role.ask], facts, true);
  const meant = decision.incident ?? (found.length === 1 ? found[0] : undefined);
  const incident = meant === undefined ? wish.named : incidentName(role, meant);
  return { decision, ...(incident === undefined ? {} : { incident }), ...(several === undefined ? {} : { several }) };
}

type Choice = Pick<Decided, 'decision' | 'several'>;

function choose(input: Omit<DecideInput, 'incidents'>, { named, before }: { readonly named?: string; readonly before?: string }): Choice {
  const { role, facts, asked } = input;
  const candidates = candidatesOf([...role.allow, ...role.ask], facts, named !== undefined);
  // No condition asks for an incident, or nobody has one: nothing to choose. What was named must count, or nothing does.
  if (candidates.length === 0) return { decision: decide(named === undefined ? input : { ...input, incidents: [] }) };

  const without = decide({ ...input, incidents: [] });
  const each = candidates
    .map((incident) => ({ incident, decision: decide({ ...input, incidents: [refOf(incident)] }) }))
    .filter(({ decision }) => decision.incident !== undefined && isBetter(decision, without));
  const best = each.filter(({ decision }) => each.every((other) => rank[other.decision.outcome] <= rank[decision.outcome]));
  const [first, second] = best;
  // Two conditions of one rule may be met by two incidents, or one that is the person's may count for nothing.
  if (first === undefined) return { decision: decide(named === undefined ? input : { ...input, incidents: candidates.map(refOf) }) };
  if (second === undefined) return { decision: first.decision };
  const held = best.find(({ incident }) => incidentName(role, incident) === before);
  if (held) return { decision: held.decision };
  const isNeeded = rank[first.decision.outcome] > rank[without.outcome] || ('until' in asked && asked.until === 'incident');
  return { decision: without, ...(isNeeded ? { several: best.map(({ incident }) => incident) } : {}) };
}

const rank = { deny: 0, ask: 1, allow: 2 } as const;

const isBetter = (one: Decision, other: Decision): boolean =>
  rank[one.outcome] > rank[other.outcome] || (one.outcome === other.outcome && one.heldBy.join('\n') !== other.heldBy.join('\n'));

const refOf = ({ roster, ref }: Candidate): IncidentRef => ({ roster, ref });

function candidatesOf(rules: readonly Rule[], facts: Facts, named: boolean): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  for (const leaf of incidentsIn(rules)) {
    for (const incident of facts.get(factKey(leaf))?.incidents ?? []) {
      if (named && !incident.named) continue;
      const { ref, title } = incident;
      found.set(JSON.stringify([leaf.roster, ref]), { roster: leaf.roster, ref, ...(title === undefined ? {} : { title }) });
    }
  }
  return [...found.values()].slice(0, mostCandidates);
}

/** The incidents that were named and are the person's: what a grant that ends with one is asked about again. */
export const namedIn = (rules: readonly Rule[], facts: Facts): readonly IncidentRef[] => candidatesOf(rules, facts, true).map(refOf);

/** Those of the person that are recorded by this name. */
export const incidentsCalled = (name: string, role: Role, rules: readonly Rule[], facts: Facts): readonly IncidentRef[] =>
  candidatesOf(rules, facts, false)
    .filter((one) => one.ref === name || incidentName(role, one) === name)
    .map(refOf);

const incidentsIn = (rules: readonly Rule[]): readonly IncidentCondition[] =>
  rules.flatMap(({ condition }) => positiveLeaves(condition)).filter((leaf) => leaf.kind === 'incident');

/** How a person names it, and how it is recorded: with its roster where the role counts the incidents of several. */
export function incidentName({ allow, ask }: Pick<Role, 'allow' | 'ask'>, { roster, ref }: IncidentRef): string {
  const rosters = new Set(incidentsIn([...allow, ...ask]).map((leaf) => leaf.roster));
  return rosters.size > 1 ? `${roster}/${ref}` : ref;
}
