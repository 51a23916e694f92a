/** For the sweep: when the turn of further approvers comes, that is an event, once, so that they can be told. Whoever approves is held to the same turns without it. */

import type { Queries } from '../ledger/ledger.ts';
import type { Request } from '../lifecycle/types.ts';
import { begun, type Turn, turnsOf } from '../policy/turns.ts';
import type { Deps } from './deps.ts';
import type { SweepStep } from './types.ts';

const topic = 'turn';

type Due = { readonly request: Request; readonly turns: readonly Turn[]; readonly count: number };

export async function escalate(deps: Deps): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  if (await ledger.read(async (q, now) => (await due(deps, q, now)).length === 0)) return [];
  return ledger.write(async (q, now) => {
    const steps: SweepStep[] = [];
    for (const { request, turns, count } of await due(deps, q, now)) {
      await q.tell({ topic, subject: request.id, what: String(count), at: now });
      await q.record({
        type: 'request.escalated',
        actor: 'sweep',
        requestId: request.id,
        role: request.role,
        holder: request.requester.email,
        policyDigest: deps.policy.digest,
        data: { turns: turns.map(({ rule, who }) => ({ rule, who })), pendingUntil: request.pendingUntil },
      });
      steps.push(stepOf(request, turns));
    }
    const pending = new Set((await q.pendingRequests()).map(({ id }) => id));
    for (const { subject } of await q.toldOf(topic)) if (!pending.has(subject)) await q.untell(topic, subject);
    return steps;
  });
}

/** What `escalate` would tell now. */
export async function escalatePlan(deps: Deps): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const found = await ledger.read((q, now) => due(deps, q, now));
  return found.map(({ request, turns }) => ({ ...stepOf(request, turns), outcome: 'planned' }));
}

/** Requests with turns that have come and were not told. Whose turn it was at first, the request itself told. */
async function due({ policy }: Deps, q: Queries, now: number): Promise<readonly Due[]> {
  const told = new Map((await q.toldOf(topic)).map(({ subject, what }) => [subject, Number(what)]));
  return (await q.pendingRequests()).flatMap((request) => {
    const role = Object.hasOwn(policy.roles, request.role) ? policy.roles[request.role] : undefined;
    if (role?.escalateMs === undefined || (request.pendingUntil ?? 0) <= now) return [];
    const turns = turnsOf(role, policy.digest, request);
    const count = begun(turns, now);
    const before = told.get(request.id) ?? begun(turns, turns[0]?.at ?? 0);
    return count > before ? [{ request, turns: turns.slice(before, count), count }] : [];
  });
}

const stepOf = ({ id, role, requester }: Request, turns: readonly Turn[]): SweepStep => ({
  ...{ action: 'escalate', outcome: 'done', requestId: id, role, holder: requester.email },
  because: `nobody has answered; also asked: ${turns.map(({ who }) => who).join(', and ')}`,
});
