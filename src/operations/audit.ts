/** `audit list`: the events as they were written, oldest first; with `limit` only the last ones. */

import type { Deps } from './deps.ts';
import type { EventView } from './types.ts';

export async function audit(deps: Deps, { limit }: { readonly limit?: number }): Promise<readonly EventView[]> {
  const ledger = await deps.ledger();
  const events = await ledger.read((q) => q.lastEvents(limit));
  return events.map(({ seq, at, type, actor, requestId, role, holder, target, reason, endReason, data, hash }) => ({
    seq,
    at,
    type,
    actor: typeof actor === 'string' ? actor : actor.email,
    ...(requestId === undefined ? {} : { requestId }),
    ...(role === undefined ? {} : { role }),
    ...(holder === undefined ? {} : { holder }),
    ...(target === undefined ? {} : { target: `${target.directory}/${target.group}` }),
    ...(reason === undefined ? {} : { reason }),
    ...(endReason === undefined ? {} : { endReason }),
    data: data ?? null,
    hash,
  }));
}
