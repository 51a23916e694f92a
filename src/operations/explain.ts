/** `explain`: the decision that `request` would make now, with every finding; grants nothing and records nothing. `roles`: what there is to ask for. */

import { describeCondition } from '../policy/conditions.ts';
import { decide } from '../policy/decide.ts';
import type { Rule } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { gatherFacts } from './facts.ts';
import { lookups } from './lookups.ts';
import { roleNamed } from './names.ts';
import { rulesOf } from './request.ts';
import type { ExplainInput, ExplainResult, RoleView } from './types.ts';

export async function explain(deps: Deps, input: ExplainInput): Promise<ExplainResult> {
  const role = roleNamed(deps.policy, input.role);
  const actor = await deps.actor();
  const about = { email: actor.email, at: deps.now(), ...(input.incident === undefined ? {} : { incident: input.incident }) };
  const facts = await gatherFacts(deps, lookups(deps), rulesOf(role), about);
  const decision = decide({ role, policy: deps.policy, email: actor.email, asked: input.asked, now: deps.now(), facts });
  const denying = decision.findings.some((finding) => finding.effect === 'deny' && finding.holds === true);
  const exit = decision.outcome === 'allow' ? 0 : decision.outcome === 'ask' ? 8 : decision.undecided && !denying ? 1 : 3;
  return { role: role.name, requester: actor.email, decision, targets: role.targets, exit };
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
