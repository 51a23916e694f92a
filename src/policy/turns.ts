/** Approvers who are asked one after the other (`escalate`): when the turn of each item of the list comes. Pure, so that whoever asks gets the same answer. */

import { describeCondition } from './conditions.ts';
import type { Decision, Role } from './types.ts';

export type Turn = {
  /** Name of the item. */
  readonly rule: string;
  /** For people: `on call for pagerduty/PMGR567`. */
  readonly who: string;
  /** From then on, epoch ms; those before it may still say yes. */
  readonly at: number;
  /** Nobody could be found by it when the request came: it takes no time of its own. */
  readonly skipped?: true;
};

type Asked = { readonly requestedAt: number; readonly decision: Pick<Decision, 'findings' | 'policyDigest' | 'turns'> };

/** `policyDigest`: of the policy that the role is of. What was found of the items of another policy says nothing about these. */
export function turnsOf(
  role: Pick<Role, 'approvers' | 'escalateMs'>,
  policyDigest: string,
  { requestedAt, decision }: Asked,
): readonly Turn[] {
  const found = decision.policyDigest === policyDigest ? decision.findings : [];
  const skipped = new Set(found.flatMap(({ effect, holds, rule }) => (effect === 'approver' && holds !== true ? [rule] : [])));
  // Who stood in line before it took a yes asked long ago.
  let at = decision.turns?.[0]?.at ?? requestedAt;
  return role.approvers.map(({ name, condition }) => {
    const turn = { rule: name, who: describeCondition(condition), at };
    if (skipped.has(name)) return { ...turn, skipped: true };
    at += role.escalateMs ?? 0;
    return turn;
  });
}

/** How many of them have had their turn begin by then. */
export const begun = (turns: readonly Turn[], now: number): number => turns.filter(({ at }) => at <= now).length;

/** The next moment at which somebody's turn begins. */
export const nextAt = (turns: readonly Turn[], now: number): number | undefined => turns.find(({ at }) => at > now)?.at;
