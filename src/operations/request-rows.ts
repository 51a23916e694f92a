/** How a request is written down: as one that waits for an approver, or in line for a place, or as approved. */

import type { Queries } from '../ledger/ledger.ts';
import type { Origin, Request } from '../lifecycle/types.ts';
import type { Decided } from '../policy/incidents.ts';
import type { Deps } from './deps.ts';
import { freeRequestId } from './intent.ts';
import { joinLine, tendLine } from './line.ts';
import type { Asking } from './request.ts';
import type { RequestInput } from './types.ts';

/** What is asked for, and what was found: nobody has said yes to it yet. */
const wish = ({ input, role }: Asking, decided: Decided) => ({
  targets: role.targets,
  ...about(input, decided),
  asked: input.asked,
  decision: decided.decision,
  approvals: [],
});

const anew = async (deps: Deps, q: Queries, now: number, { input, role, actor }: Asking) => ({
  ...{ id: await freeRequestId(deps, q), requester: actor, origin: originOf(input), role: role.name },
  ...{ requestedAt: now, version: 1 },
});

/** `open`: where they stood in line for it, and it takes a yes by now. That place goes to the next, and after the yes they are the last. */
export async function waitForYes(
  deps: Deps,
  q: Queries,
  now: number,
  asking: Asking,
  decided: Decided,
  open: Request | undefined,
): Promise<string> {
  const { input, role, actor } = asking;
  const waiting = { ...wish(asking, decided), state: 'pending', pendingUntil: now + role.withinMs } as const;
  const request = { ...(open ?? (await anew(deps, q, now, asking))), ...waiting };
  if (open) await q.changeRequest(open, waiting);
  else await q.insertRequest(request);
  const { decision } = decided;
  await q.record({
    type: 'request.pending',
    actor,
    requestId: request.id,
    role: role.name,
    holder: actor.email,
    ...about(input, decided),
    policyDigest: deps.policy.digest,
    data: { findings: decision.findings, ...(Object.keys(asking.onCall ?? {}).length === 0 ? {} : { onCall: asking.onCall }) },
  });
  if (open) await tendLine(q, now, role);
  return request.id;
}

/** In line. `open`: their request that waited for a yes, which it no longer takes. */
export async function insertQueued(
  deps: Deps,
  q: Queries,
  now: number,
  asking: Asking,
  decided: Decided,
  open: Request | undefined,
): Promise<string> {
  const { actor } = asking;
  const request = { ...(open ?? (await anew(deps, q, now, asking))), ...wish(asking, decided), state: 'queued' } as const;
  await joinLine(q, now, { request, isNew: open === undefined, actor, policyDigest: deps.policy.digest });
  return request.id;
}

/**
 * Under its own id: a pending request whose requester has come on call meanwhile, and one that is being taken back, as its id and its place stay
 * until that is confirmed. Of the latter nothing else counts any more: neither its end nor who said yes to it.
 */
export async function approveNow(
  deps: Deps,
  q: Queries,
  now: number,
  asking: Asking,
  decided: Decided,
  open: Request | undefined,
): Promise<Request> {
  const { input, role, actor } = asking;
  const { decision } = decided;
  const times = { startsAt: now, expiresAt: decision.expiresAt ?? now };
  const given = { ...wish(asking, decided), state: 'approved', ...times } as const;
  let approved: Request;
  if (open) {
    const { reason: _reason, incident: _incident, ...bare } = open;
    const approvals = asking.yes ? open.approvals : [];
    approved = await q.changeRequest(open.state === 'approved' ? bare : open, { ...given, approvals });
    await q.markUnheld(open.id, undefined);
  } else {
    approved = { ...(await anew(deps, q, now, asking)), ...given };
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
    data: { ...times, by: decision.outcome === 'ask' ? 'approver' : 'policy', findings: decision.findings },
  });
  return approved;
}

export const about = ({ reason }: RequestInput, { incident }: Decided) => ({
  ...(reason === undefined ? {} : { reason }),
  ...(incident === undefined ? {} : { incident }),
});

export const originOf = ({ breakGlass }: RequestInput): Origin => (breakGlass ? 'break-glass' : 'asked');
