/** Ends access early when none of the rules that it ends with (a shift, an incident) holds any more, after their grace. An unknown answer ends nothing. */

import type { Request } from '../lifecycle/types.ts';
import { stillHolds } from '../policy/evaluate.ts';
import type { Deps } from './deps.ts';
import { beginEnd } from './end.ts';
import { gatherFacts } from './facts.ts';
import type { Lookups } from './lookups.ts';
import { inParallel } from './parallel.ts';

export async function recheck(deps: Deps, world: Lookups): Promise<void> {
  const ledger = await deps.ledger();
  const open = await ledger.read((q) => q.openRequests());
  const bound = open.filter((request) => request.state === 'approved' && request.decision.endsWith.length > 0);
  await inParallel(bound, 8, (request) => recheckOne(deps, world, request));
}

async function recheckOne(deps: Deps, world: Lookups, request: Request): Promise<void> {
  const ledger = await deps.ledger();
  const rules = request.decision.endsWith;
  const { email } = request.requester;
  const facts = await gatherFacts(deps, world, rules, {
    email,
    at: deps.now(),
    ...(request.incident === undefined ? {} : { incident: request.incident }),
  });
  const holds = stillHolds(rules, { email, now: deps.now(), facts });
  if (holds === 'unknown') return;
  if (holds) {
    if (request.unheldSince !== undefined) await ledger.write((q) => q.markUnheld(request.id, undefined));
    return;
  }
  const graceMs = Math.max(...rules.map((rule) => rule.graceMs));
  await ledger.write(async (q, now) => {
    const since = request.unheldSince ?? now;
    if (request.unheldSince === undefined) await q.markUnheld(request.id, now);
    if (now < since + graceMs) return;
    for (const view of await q.grantsOfRequest(request.id)) {
      const grant = await q.grant(view.id);
      if (grant?.state === 'active')
        await beginEnd(q, now, grant, {
          reason: 'expired',
          actor: 'sweep',
          because: `no longer so: ${request.decision.heldBy.join(', ')}`,
        });
    }
  });
}
