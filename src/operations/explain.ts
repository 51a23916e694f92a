/** `explain`: the decision that `request` would make now, with every finding; grants nothing and records nothing. `roles`: what there is to ask for. */

import { describeCondition } from '../policy/conditions.ts';
import { decide } from '../policy/decide.ts';
import type { Decision, Rule } from '../policy/types.ts';
import { isSame } from './approve.ts';
import type { Deps } from './deps.ts';
import { gatherFacts } from './facts.ts';
import { lookups } from './lookups.ts';
import { roleNamed, unknownRole } from './names.ts';
import { rulesOf } from './request.ts';
import { requireRevoker } from './rights.ts';
import type { ExplainInput, ExplainResult, RoleView } from './types.ts';

export async function explain(deps: Deps, input: ExplainInput): Promise<ExplainResult> {
  return Object.hasOwn(deps.policy.roles, input.role) ? explainNow(deps, input) : explainThen(deps, input.role);
}

/** A request by its id: the findings it was decided with. For its requester, and for who may revoke it. */
async function explainThen(deps: Deps, id: string): Promise<ExplainResult> {
  const ledger = await deps.ledger();
  const request = await ledger.read((q) => q.request(id));
  // Neither a role nor a request: said as for any unknown role, with a guess.
  if (!request) throw unknownRole(deps.policy, id);
  const { role, requester, decision, targets } = request;
  const actor = await deps.actor();
  if (!isSame(actor, requester)) await requireRevoker(deps, actor, deps.policy.roles[role], `see the findings of ${id}`);
  return { role, requester: requester.email, decision, targets, exit: exitOf(decision) };
}

async function explainNow(deps: Deps, input: ExplainInput): Promise<ExplainResult> {
  const role = roleNamed(deps.policy, input.role);
  const actor = await deps.actor();
  const about = { email: actor.email, at: deps.now(), ...(input.incident === undefined ? {} : { incident: input.incident }) };
  const facts = await gatherFacts(deps, lookups(deps), rulesOf(role), about);
  const decision = decide({ role, policy: deps.policy, email: actor.email, asked: input.asked, now: deps.now(), facts });
  return { role: role.name, requester: actor.email, decision, targets: role.targets, exit: exitOf(decision) };
}

function exitOf({ outcome, undecided, findings }: Decision): ExplainResult['exit'] {
  if (outcome !== 'deny') return outcome === 'allow' ? 0 : 8;
  return undecided && !findings.some((finding) => finding.effect === 'deny' && finding.holds === true) ? 1 : 3;
}

export async function roles(deps: Deps): Promise<readonly RoleView[]> {
  return Object.values(deps.policy.roles).map((role) => ({
    name: role.name,
    ...(role.description === undefined ? {} : { description: role.description }),
    targets: role.targets,
    ttl: role.ttl,
    ...(role.maxHolders === undefined ? {} : { maxHolders: role.maxHolders }),
    rules: [...lines('deny', role.deny), ...lines('allow', role.allow), ...lines('ask', role.ask)],
  }));
}

const lines = (effect: string, rules: readonly Rule[]): readonly string[] =>
  rules.map((rule) => `${effect}: ${describeCondition(rule.condition)}${rule.until === undefined ? '' : ` (until ${rule.until})`}`);
