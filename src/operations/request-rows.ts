/** How a request is written down: as one that waits for an approver, or as approved. */

import type { Queries } from '../ledger/ledger.ts';
import type { Request } from '../lifecycle/types.ts';
import type { Decided } from '../policy/incidents.ts';
import type { Deps } from './deps.ts';
import { freeRequestId } from './intent.ts';
import type { Asking } from './request.ts';
import type { RequestInput } from './types.ts';

export async function insertPending(
  deps: Deps,
  q: Queries,
  now: number,
  { input, role, actor }: Asking,
  decided: Decided,
): Promise<string> {
  const { decision } = decided;
  const id = await freeRequestId(deps, q);
  await q.insertRequest({
    id,
    requester: actor,
    origin: 'asked',
    role: role.name,
    targets: role.targets,
    ...about(input, decided),
    asked: input.asked,
    state: 'pending',
    requestedAt: now,
    pendingUntil: now + role.withinMs,
    decision,
    approvals: [],
    version: 1,
  });
  await q.record({
    type: 'request.pending',
    actor,
    requestId: id,
    role: role.name,
    holder: actor.email,
    ...about(input, decided),
    policyDigest: deps.policy.digest,
    data: { findings: decision.findings },
  });
  return id;
}

/**
 * Under its own id: a pending request whose requester has come on call meanwhile, and one that is being taken back, as its id and its place stay
 * until that is confirmed. Of the latter nothing else counts any more: neither its end nor who said yes to it.
 */
export async function approveNow(
  deps: Deps,
  q: Queries,
  now: number,
  { input, role, actor }: Asking,
  decided: Decided,
  open: Request | undefined,
): Promise<Request> {
  const { decision } = decided;
  const times = { startsAt: now, expiresAt: decision.expiresAt ?? now };
  let approved: Request;
  if (open) {
    const { reason: _reason, incident: _incident, ...bare } = open;
    const anew = {
      state: 'approved',
      targets: role.targets,
      asked: input.asked,
      ...about(input, decided),
      ...times,
      decision,
      approvals: [],
    } as const;
    approved = await q.changeRequest(open.state === 'approved' ? bare : open, anew);
    await q.markUnheld(open.id, undefined);
  } else {
    approved = {
      id: await freeRequestId(deps, q),
      requester: actor,
      origin: 'asked',
      role: role.name,
      targets: role.targets,
      ...about(input, decided),
      asked: input.asked,
      state: 'approved',
      requestedAt: now,
      ...times,
      decision,
      approvals: [],
      version: 1,
    };
    await q.insertRequest(approved);
  }
  await q.record({
    type: 'request.approved',
    actor,
    requestId: approved.id,
    role: role.name,
    holder: actor.email,
    ...about(input, decided),
    policyDigest: deps.policy.digest,
    data: { ...times, by: 'policy', findings: decision.findings },
  });
  return approved;
}

export const about = ({ reason }: RequestInput, { incident }: Decided) => ({
  ...(reason === undefined ? {} : { reason }),
  ...(incident === undefined ? {} : { incident }),
});
