/** `deny`: an approver says no; final. Whose turn it is, and how many have said yes, is no matter: a no takes nothing from anybody that they have. */

import { OncallError } from '../errors.ts';
import type { Request } from '../lifecycle/types.ts';
import { reviewCommand } from '../policy/break-glass.ts';
import type { DenyInput } from './approval-types.ts';
import { requirePending } from './approve.ts';
import { approverRight } from './approver.ts';
import type { Deps } from './deps.ts';
import { lookups } from './lookups.ts';
import { requestNamed } from './names.ts';
import { requireRevoker } from './rights.ts';
import { isSame } from './same-person.ts';
import type { OneResult } from './types.ts';

export async function deny(deps: Deps, input: DenyInput): Promise<OneResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const pending = await requestNamed(ledger, actor, input.id, 'what waits for you: oncall approve');
  if (pending.origin === 'break-glass' && pending.state === 'approved') throw cannotUndo(pending);
  requirePending(pending, ledger.now());
  const { requester } = pending;
  if (isSame(actor, requester)) {
    throw new OncallError('own-request', 'this request is yours', { exit: 2, next: `withdraw it: oncall release ${pending.id}` });
  }
  const role = Object.hasOwn(deps.policy.roles, pending.role) ? deps.policy.roles[pending.role] : undefined;
  const right = role && (await approverRight(deps, lookups(deps), actor, role, { requester, at: ledger.now() }));
  if (right?.may !== true) await requireRevoker(deps, actor, role, `deny ${pending.id}`);
  if (input.dryRun) return { request: pending, grants: [], ended: 0, left: 0 };
  const denied = await ledger.write(async (q, now) => {
    const request = await q.request(pending.id);
    requirePending(request, now);
    const reason = input.reason === undefined ? {} : { reason: input.reason };
    const inPlaceOf = right?.inPlaceOf === undefined ? {} : { inPlaceOf: right.inPlaceOf.from };
    await q.record({
      type: 'request.denied',
      actor,
      requestId: request.id,
      role: request.role,
      holder: request.requester.email,
      ...reason,
      ...(right?.inPlaceOf === undefined ? {} : { data: inPlaceOf }),
    });
    return q.changeRequest(request, {
      state: 'denied',
      approvals: [...request.approvals, { by: actor, at: now, answer: 'no', ...reason, ...inPlaceOf }],
    });
  });
  return { request: denied, grants: [], ended: 0, left: 0 };
}

/** A review says that somebody has looked, and in its reason what they found. */
function cannotUndo({ id, role, requester }: Request): OncallError {
  return new OncallError('not-pending', `${id} was an emergency: nobody was asked then, and nobody can say no to it now`, {
    why: `${requester.email} broke the glass of ${role}`,
    next: `end what is left of it: oncall revoke ${id}; say that you have looked, and what you found: ${reviewCommand(id)}`,
  });
}
