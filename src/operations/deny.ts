/** `deny`: an approver says no; final. */

import { OncallError } from '../errors.ts';
import { isSame, requirePending } from './approve.ts';
import type { Deps } from './deps.ts';
import { requestNamed } from './names.ts';
import { requireRevoker } from './rights.ts';
import type { OneInput, OneResult } from './types.ts';

export async function deny(deps: Deps, input: OneInput): Promise<OneResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const pending = await requestNamed(ledger, actor, input.id, 'what waits for you: oncall approve');
  requirePending(pending, ledger.now());
  if (isSame(actor, pending.requester)) {
    throw new OncallError('own-request', 'this request is yours', { exit: 2, next: `withdraw it: oncall release ${pending.id}` });
  }
  await requireRevoker(deps, actor, deps.policy.roles[pending.role], `deny ${pending.id}`);
  const denied = await ledger.write(async (q, now) => {
    const request = await q.request(pending.id);
    requirePending(request, now);
    const reason = input.reason === undefined ? {} : { reason: input.reason };
    await q.record({
      type: 'request.denied',
      actor,
      requestId: request.id,
      role: request.role,
      holder: request.requester.email,
      ...reason,
    });
    return q.changeRequest(request, {
      state: 'denied',
      approvals: [...request.approvals, { by: actor, at: now, answer: 'no', ...reason }],
    });
  });
  return { request: denied, grants: [], ended: 0, left: 0 };
}
