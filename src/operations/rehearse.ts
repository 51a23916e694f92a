/** `policy test`: what the rules would answer in made-up cases, found out by the very code that a request goes through, over directories and rosters that exist in memory alone. */

import { emergencyRole } from '../policy/break-glass.ts';
import { usersOf } from '../policy/conditions.ts';
import { type Delegation, delegatedTo } from '../policy/delegation.ts';
import { judge } from '../policy/evaluate.ts';
import type { Asking, Fixtures, Rehearsal, TriedAsking } from '../policy/fixture-types.ts';
import { decideFor, incidentName } from '../policy/incidents.ts';
import type { Decision, Finding, Policy, Role } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { gatherFacts, gatherRoleFacts } from './facts.ts';
import { type Lookups, lookups } from './lookups.ts';
import { roleNamed } from './names.ts';
import { standingRuleOf, whoIsIn } from './rehearse-in.ts';
import { madeUp } from './rehearse-world.ts';

const rulesOf = ({ deny, allow, ask, breakGlass }: Role) => [...deny, ...allow, ...ask, ...(breakGlass?.when ?? [])];

/** With the rules that held of what was looked at besides. */
type Answer = TriedAsking & { readonly held: readonly string[] };

/** What lets in without asking. */
const waysIn = (role: Role): readonly string[] => [
  ...(role.follows === undefined ? [] : [role.follows.rule.name]),
  ...(role.standing === undefined ? [] : [standingRuleOf(role)]),
];

export async function rehearse(policy: Policy, { cases, people }: Fixtures): Promise<Rehearsal> {
  const answers = await Promise.all(cases.map((one) => ('email' in one ? answerTo(policy, one, people) : whoIsIn(policy, one))));
  const asked = new Set(cases.map(({ role }) => role));
  const held = new Set(answers.flatMap((one) => ('held' in one ? one.held : holding(one.findings))));
  const roles = Object.values(policy.roles);
  const tried = roles.filter(({ name }) => asked.has(name));
  const rules = tried.flatMap((role) => [...[...rulesOf(role), ...role.approvers].map(({ name }) => name), ...waysIn(role)]);
  return {
    tried: answers.map((one) => ('held' in one ? withoutHeld(one) : one)),
    untried: {
      roles: roles.map(({ name }) => name).filter((name) => !asked.has(name)),
      rules: [...new Set(rules)].filter((name) => !held.has(name)),
    },
  };
}

const withoutHeld = ({ held: _, ...tried }: Answer): TriedAsking => tried;

const holding = (findings: readonly Finding[]): readonly string[] => findings.filter(({ holds }) => holds === true).map(({ rule }) => rule);

async function answerTo(policy: Policy, one: Asking, people: readonly string[]): Promise<Answer> {
  const named = roleNamed(policy, one.role);
  if (one.breakGlass && named.breakGlass === undefined) return withoutEmergency(named, one);
  const role = one.breakGlass && named.breakGlass ? emergencyRole(named, named.breakGlass) : named;
  const deps = madeUp(policy, one);
  const world = lookups(deps);
  const { email, client, at, asked, incident } = one;
  const facts = await gatherRoleFacts(deps, world, role, { email, at, ...(incident === undefined ? {} : { incident }) });
  const about = { role, policy, email, client, asked, now: at, facts };
  const { decision, several = [] } = decideFor(about, incident === undefined ? {} : { named: incident });

  const approvals = decision.outcome === 'ask' ? await approvalsOf(deps, world, role, one, people) : [];
  const approvers = approvals.filter(({ findings }) => findings.some(({ holds }) => holds === true)).map((approval) => approval.email);
  const found = foundOf(role, decision, approvers.sort());
  const seen = [...decision.findings, ...approvals.flatMap(({ findings }) => findings)];
  return {
    case: one,
    found,
    differences: differencesOf(one, found),
    findings: decision.findings.map(timeless),
    several: several.map((candidate) => incidentName(role, candidate)),
    held: holding(seen),
  };
}

/** `request` refuses it before it asks anything. */
function withoutEmergency(role: Role, one: Asking): Answer {
  const because = 'the policy gives it no way in for emergencies';
  const findings: readonly Finding[] = [{ rule: `${role.name}.breakGlass`, effect: 'deny', holds: true, because }];
  const found = foundOf(role, { outcome: 'deny', findings, heldBy: [], endsWith: [] }, []);
  return { case: one, found, differences: differencesOf(one, found), findings, several: [], held: [] };
}

/** Nobody says yes to themselves, and who is blocked to nobody. */
function approvalsOf(deps: Deps, world: Lookups, role: Role, { email: requester, at }: Asking, people: readonly string[]) {
  const delegations = deps.policy.delegations ?? [];
  const all = [...new Set([...people, ...usersOf(role.approvers), ...delegations.flatMap(({ to }) => to)])];
  const others = all.filter((email) => email !== requester && !deps.policy.blocked.includes(email));
  const judged = async (email: string): Promise<readonly Finding[]> => {
    const facts = await gatherFacts(deps, world, role.approvers, { email, at });
    return judge(role.approvers, 'approver', { email, client: undefined, now: at, facts });
  };
  const mayStandIn = ({ from }: Delegation): boolean => from !== requester && !deps.policy.blocked.includes(from);
  return Promise.all(
    others.map(async (email) => {
      const inPlaceOf = delegatedTo(email, delegations, at).filter(mayStandIn);
      const findings = await Promise.all([email, ...inPlaceOf.map(({ from }) => from)].map(judged));
      return { email, findings: findings.flat() };
    }),
  );
}

/** Nothing was fetched, and certainly not so long ago. */
const timeless = ({ fetchedAt: _, ...finding }: Finding): Finding => finding;

type Decided = Pick<Decision, 'outcome' | 'expiresAt' | 'limitedBy' | 'heldBy' | 'endsWith' | 'quorum' | 'findings'>;

function foundOf(role: Role, decision: Decided, approvers: readonly string[]): TriedAsking['found'] {
  const { outcome, expiresAt, limitedBy = 'nothing', heldBy, endsWith, quorum = 1, findings } = decision;
  const denies = ({ effect, holds }: Finding): boolean => effect === 'deny' && holds !== false;
  const rules = outcome === 'deny' ? findings.filter(denies).map(({ rule }) => rule) : heldBy;
  return {
    outcome,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    limitedBy,
    // What no rule ends, an incident does that was asked for.
    endsWith: [...new Set(endsWith.map(({ until = 'incident' }) => until))].sort(),
    rules: rules.map((rule) => shortName(role, rule)),
    approvers,
    ...(outcome === 'ask' ? { quorum } : {}),
    ...(role.maxHolders === undefined ? {} : { maxHolders: role.maxHolders }),
  };
}

/** `db-admin.ask[0] engineers` of the role db-admin: `ask[0] engineers`. */
const shortName = ({ name }: Role, rule: string): string => (rule.startsWith(`${name}.`) ? rule.slice(name.length + 1) : rule);

function differencesOf({ expected }: Asking, found: TriedAsking['found']): TriedAsking['differences'] {
  const { outcome, expiresAt, limitedBy, endsWith, rules, approvers, quorum, maxHolders } = expected;
  const differs = {
    outcome: outcome !== found.outcome,
    end: expiresAt !== undefined && expiresAt !== found.expiresAt,
    limitedBy: limitedBy !== undefined && limitedBy !== found.limitedBy,
    endsWith: endsWith !== undefined && endsWith.toSorted().join() !== found.endsWith.join(),
    rule: rules !== undefined && !areRules(rules, found.rules),
    approvers: approvers !== undefined && approvers.toSorted().join() !== found.approvers.join(),
    quorum: quorum !== undefined && quorum !== found.quorum,
    maxHolders: maxHolders !== undefined && maxHolders !== found.maxHolders,
  };
  return (Object.keys(differs) as (keyof typeof differs)[]).filter((key) => differs[key]);
}

/** Exactly these; where a rule is a named condition, `allow[0]` or the condition's name will do. */
function areRules(expected: readonly string[], found: readonly string[]): boolean {
  const fits = (written: string, rule: string): boolean => written === rule || rule.split(' ').includes(written);
  return found.every((rule) => expected.some((one) => fits(one, rule))) && expected.every((one) => found.some((rule) => fits(one, rule)));
}
