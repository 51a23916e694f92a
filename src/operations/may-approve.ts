/** Lets through whoever may say yes to a request now, and tells everybody else why not. */

import { OncallError } from '../errors.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import { describeCondition } from '../policy/conditions.ts';
import { formatDuration } from '../policy/duration.ts';
import { nextAt, turnsOf } from '../policy/turns.ts';
import type { Policy, Role } from '../policy/types.ts';
import { type AboutRight, type ApproverRight, approverRight } from './approver.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import { byName } from './rights.ts';

export async function requireApprover(
  deps: Deps,
  world: Lookups,
  actor: Actor,
  role: Role,
  { request, ...about }: { readonly request: Request } & Omit<AboutRight, 'requester'>,
): Promise<ApproverRight> {
  const right = await approverRight(deps, world, actor, role, { ...about, requester: request.requester });
  if (right.may === true) return right;
  const people = byName(role.approvers);
  const next = `ask an approver of ${role.name}: ${people === '' ? `oncall explain ${role.name}` : people}`;
  if (right.may === 'unknown') {
    throw new OncallError('undecided', `could not decide whether you may approve ${request.id}`, { why: right.because, next });
  }
  const named = role.approvers.map(({ condition }) => describeCondition(condition)).join('; ');
  const why = right.isNamed ? right.because : named === '' ? 'the policy names nobody who may' : `none of these is you: ${named}`;
  throw new OncallError('forbidden', `you may not approve ${request.id}`, { exit: 3, why, next });
}

/** When the turn of an item comes by which they may; undefined: it has come. */
export function turnComesAt(
  policy: Policy,
  role: Role,
  request: Request,
  { items }: Pick<ApproverRight, 'items'>,
  now: number,
): number | undefined {
  const theirs = turnsOf(role, policy.digest, request).filter(({ rule }) => items.includes(rule));
  return theirs.some(({ at }) => at <= now) ? undefined : (nextAt(theirs, now) ?? Number.POSITIVE_INFINITY);
}

/** Inside the transaction, by its clock. */
export function requireTurn(policy: Policy, role: Role, request: Request, right: ApproverRight, now: number): void {
  const { inPlaceOf } = right;
  if (inPlaceOf !== undefined && inPlaceOf.endsAt <= now) {
    throw new OncallError('forbidden', `you may no longer stand in for ${inPlaceOf.from}`, {
      exit: 3,
      why: 'the policy lets you until a day that is over (delegate)',
      next: `ask ${inPlaceOf.from}, or another approver: oncall explain ${role.name}`,
    });
  }
  const at = turnComesAt(policy, role, request, right, now);
  if (at === undefined) return;
  const current = turnsOf(role, policy.digest, request).filter((turn) => turn.at <= now && !turn.skipped);
  throw new OncallError('not-your-turn', `it is not yet your turn to approve ${request.id}`, {
    exit: 3,
    why: `first it is for ${current.map(({ who }) => who).join(', or ')}; your turn comes in ${formatDuration(Math.max(1000, at - now))}`,
    next: `then: oncall approve ${request.id}; a no counts at any time: oncall deny ${request.id}`,
  });
}
