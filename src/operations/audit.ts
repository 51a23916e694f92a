/** `audit list`: the events as they were written, oldest first; with `of` only those of one request, with `limit` only the last ones. */

import { OncallError } from '../errors.ts';
import type { Deps } from './deps.ts';
import type { AuditInput, EventView } from './types.ts';

export async function audit(deps: Deps, { of, limit }: AuditInput): Promise<readonly EventView[]> {
  const ledger = await deps.ledger();
  const found = await ledger.read((q) => q.lastEvents(of === undefined ? limit : undefined));
  const events = of === undefined ? found : found.filter(({ requestId }) => requestId === of).slice(limit === undefined ? 0 : -limit);
  if (of !== undefined && events.length === 0) {
    throw new OncallError('unknown-request', `there is no request "${of}"`, { exit: 2, next: 'oncall audit list shows every id there is' });
  }
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
