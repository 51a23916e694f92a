/** `follow`: looks at one request until something about it changes, or for so long; for whoever waits for an answer. Reads the ledger only. */

import type { Queries } from '../ledger/ledger.ts';
import type { GrantView, Request } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import { unknownRequest } from './names.ts';
import { requireRevoker } from './rights.ts';
import { isSame } from './same-person.ts';
import type { FollowInput, FollowResult } from './types.ts';

const lookEveryMs = 1_000;
/** Below what proxies between a broker and its clients wait for an answer. */
const longestMs = 25_000;

/** Whoever asked for it, and whom it concerns besides: a look that lasts takes a place at the broker, so it is not everybody's. */
export async function follow(deps: Deps, { id, version, forMs }: FollowInput): Promise<FollowResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const first = await ledger.read((q) => look(q, id));
  const { request } = first;
  if (!isSame(actor, request.requester)) {
    const role = Object.hasOwn(deps.policy.roles, request.role) ? deps.policy.roles[request.role] : undefined;
    await requireRevoker(deps, actor, role, `follow request ${id}`, `see how it stands: oncall status ${id}`);
  }
  let seen = first;
  for (let leftMs = Math.min(forMs, longestMs); seen.version === version && leftMs > 0; leftMs -= lookEveryMs) {
    // Rejects at an interrupt.
    await deps.sleep(Math.min(lookEveryMs, leftMs));
    seen = await ledger.read((q) => look(q, id));
  }
  return seen;
}

async function look(q: Queries, id: string): Promise<FollowResult> {
  const request = await q.request(id);
  if (request === undefined) throw unknownRequest(id);
  const grants = await q.grantsOfRequest(id);
  return { request, grants, version: versionOf(request, grants) };
}

/** Each of them only ever grows, and grants are never taken from a request. */
const versionOf = (request: Request, grants: readonly GrantView[]): number =>
  grants.reduce((sum, grant) => sum + grant.version, request.version);
