/** `policy test`: what the rules would answer in made-up cases, found out by the very code that a request goes through, over directories and rosters that exist in memory alone. */

import { usersOf } from '../policy/conditions.ts';
import { type Delegation, delegatedTo } from '../policy/delegation.ts';
import { judge } from '../policy/evaluate.ts';
import type { Case, Fixtures, Rehearsal, Tried } from '../policy/fixture-types.ts';
import { decideFor, incidentName } from '../policy/incidents.ts';
import type { Decision, Finding, Policy, Role } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { gatherFacts, gatherRoleFacts } from './facts.ts';
import { type Lookups, lookups } from './lookups.ts';
import { roleNamed } from './names.ts';
import { madeUp } from './rehearse-world.ts';

const rulesOf = ({ deny, allow, ask }: Role) => [...deny, ...allow, ...ask];

type Answer = Tried & { readonly held: readonly string[] };

export async function rehearse(policy: Policy, { cases, people }: Fixtures): Promise<Rehearsal> {
  const answers = await Promise.all(cases.map((one) => answerTo(policy, one, people)));
  const asked = new Set(cases.map(({ role }) => role));
  const held = new Set(answers.flatMap((one) => one.held));
  const roles = Object.values(policy.roles);
  const rules = roles.filter(({ name }) => asked.has(name)).flatMap((role) => [...rulesOf(role), ...role.approvers]);
  return {
    tried: answers.map(({ held: _, ...tried }) => tried),
    untried: {
      roles: roles.map(({ name }) => name).filter((name) => !asked.has(name)),
      rules: [...new Set(rules.map(({ name }) => name))].filter((name) => !held.has(name)),
    },
  };
}

async function answerTo(policy: Policy, one: Case, people: readonly string[]): Promise<Answer> {
  const role = roleNamed(policy, one.role);
  const deps = madeUp(policy, one);
  const world = lookups(deps);
  const { email, client, at, asked, incident } = one;
  const named = incident === undefined ? {} : { incident };
  const facts = await gatherRoleFacts(deps, world, role, { email, at, ...named });
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
    held: seen.filter(({ holds }) => holds === true).map(({ rule }) => rule),
  };
}

/** Nobody says yes to themselves, and who is blocked to nobody. */
function approvalsOf(deps: Deps, world: Lookups, role: Role, { email: requester, at }: Case, people: readonly string[]) {
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

function foundOf(role: Role, decision: Decision, approvers: readonly string[]): Tried['found'] {
  const { outcome, expiresAt, limitedBy = 'nothing', heldBy, findings } = decision;
  const denies = ({ effect, holds }: Finding): boolean => effect === 'deny' && holds !== false;
  const rules = outcome === 'deny' ? findings.filter(denies).map(({ rule }) => rule) : heldBy;
  return {
    outcome,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    limitedBy,
    rules: rules.map((rule) => shortName(role, rule)),
    approvers,
  };
}

/** `db-admin.ask[0] engineers` of the role db-admin: `ask[0] engineers`. */
const shortName = ({ name }: Role, rule: string): string => (rule.startsWith(`${name}.`) ? rule.slice(name.length + 1) : rule);

function differencesOf({ expected }: Case, found: Tried['found']): Tried['differences'] {
  const { outcome, expiresAt, limitedBy, rules, approvers } = expected;
  const differs = {
    outcome: outcome !== found.outcome,
    end: expiresAt !== undefined && expiresAt !== found.expiresAt,
    limitedBy: limitedBy !== undefined && limitedBy !== found.limitedBy,
    rule: rules !== undefined && !areRules(rules, found.rules),
    approvers: approvers !== undefined && approvers.toSorted().join() !== found.approvers.join(),
  };
  return (Object.keys(differs) as (keyof typeof differs)[]).filter((key) => differs[key]);
}

/** Exactly these; where a rule is a named condition, `allow[0]` or the condition's name will do. */
function areRules(expected: readonly string[], found: readonly string[]): boolean {
  const fits = (written: string, rule: string): boolean => written === rule || rule.split(' ').includes(written);
  return found.every((rule) => expected.some((one) => fits(one, rule))) && expected.every((one) => found.some((rule) => fits(one, rule)));
}
