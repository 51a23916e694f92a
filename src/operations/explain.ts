/** `explain`: the decision that `request` would make now, with every finding; grants nothing and records nothing. `roles`: what there is to ask for. */

import { isOncallError } from '../errors.ts';
import { describeCondition } from '../policy/conditions.ts';
import { decide } from '../policy/decide.ts';
import type { Decision, Role, Rule } from '../policy/types.ts';
import { readNow } from './anchor.ts';
import { isSame } from './approve.ts';
import type { Deps } from './deps.ts';
import { gatherFacts } from './facts.ts';
import { requireSweep } from './gate.ts';
import { freePlace } from './intent.ts';
import { lookups } from './lookups.ts';
import { roleNamed, unknownRole } from './names.ts';
import { taken } from './refusal.ts';
import { rulesOf } from './request.ts';
import { requireRevoker } from './rights.ts';
import type { ExplainInput, ExplainResult, Refusal, RoleView } from './types.ts';

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
  const told = { role: role.name, requester: actor.email, decision, targets: role.targets };
  const exit = exitOf(decision);
  const refused = exit === 0 ? await refusedAllTheSame(deps, role, actor.email, decision) : undefined;
  return refused ? { ...told, refusal: refused.error, exit: refused.exit } : { ...told, exit };
}

/** The rules let the person in; the sweep may be late, or the places taken. */
async function refusedAllTheSame(
  deps: Deps,
  role: Role,
  email: string,
  decision: Decision,
): Promise<Pick<Refusal, 'error' | 'exit'> | undefined> {
  const ledger = await deps.ledger();
  const still = { ...deps, anchor: readNow(deps.anchor) };
  return ledger.read(async (q, now) => {
    try {
      await requireSweep(still, q, now, role.targets, false);
    } catch (error) {
      if (!isOncallError(error)) throw error;
      const { code, message, why = '', next = '' } = error;
      return { error: { code, message, why, next }, exit: 1 };
    }
    const place = await freePlace(q, role);
    return place && 'holders' in place ? taken(q, now, role, email, decision, place.holders) : undefined;
  });
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
    rules: [...lines('deny', role.deny), ...lines('allow', role.allow), ...lines('ask', role.ask), ...lines('approver', role.approvers)],
  }));
}

const lines = (effect: string, rules: readonly Rule[]): readonly string[] =>
  rules.map((rule) => `${effect}: ${describeCondition(rule.condition)}${rule.until === undefined ? '' : ` (until ${rule.until})`}`);
