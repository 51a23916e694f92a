/** A request that waits never changes: who asks for it otherwise asks anew, so that an approver who has looked at an id cannot say yes to something else by it. */

import type { Queries } from '../ledger/ledger.ts';
import { isInLine } from '../lifecycle/line.ts';
import type { Request } from '../lifecycle/types.ts';
import type { Decided } from '../policy/incidents.ts';
import { turnsOf } from '../policy/turns.ts';
import type { Decision, Finding, Role } from '../policy/types.ts';
import { tendLine } from './line.ts';
import type { Asking } from './request.ts';

/** What they wait for already, where it is the same; else that is withdrawn, and they wait for nothing. `asking` has what was not said again as it was (`asWaitedFor`). */
export async function keepOrWithdraw(
  q: Queries,
  now: number,
  { input, actor, role }: Asking,
  { incident }: Decided,
  open: Request | undefined,
): Promise<Request | undefined> {
  if (open === undefined) return undefined;
  const isSame =
    JSON.stringify(input.asked) === JSON.stringify(open.asked) &&
    input.reason === open.reason &&
    (input.incident === undefined || incident === open.incident);
  if (isSame) return open;
  await q.changeRequest(open, { state: 'withdrawn' });
  await q.record({
    type: 'request.withdrawn',
    actor,
    requestId: open.id,
    role: open.role,
    holder: actor.email,
    data: { because: 'asked for otherwise' },
  });
  if (isInLine(open)) await tendLine(q, now, role);
  return undefined;
}

/** With whose turn it is when, where approvers are asked one after the other. `nobody`: the items of which nobody is there. */
export function inTurns(role: Role, decision: Decision, now: number, nobody: readonly Finding[]): Decision {
  if (role.escalateMs === undefined) return decision;
  const findings = [...decision.findings, ...nobody];
  const turns = turnsOf(role, decision.policyDigest, { requestedAt: now, decision: { findings, policyDigest: decision.policyDigest } });
  return { ...decision, findings, turns };
}
