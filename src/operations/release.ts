/** `release`: the holder gives back early, or withdraws what is still pending. `revoke`: somebody else ends it. */

import { OncallError } from '../errors.ts';
import type { Actor, EndReason, GrantView, Request } from '../lifecycle/types.ts';
import { isSame } from './approve.ts';
import type { Deps } from './deps.ts';
import { beginEnd, endGrant } from './end.ts';
import { requestNamed } from './names.ts';
import { inParallel } from './parallel.ts';
import { requireAdmin, requireRevoker } from './rights.ts';
import type { OneInput, OneResult, RevokeInput, RevokeResult } from './types.ts';

export async function release(deps: Deps, input: OneInput): Promise<OneResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const request = await requestNamed(ledger, actor, input.id);
  if (!isSame(actor, request.requester)) {
    throw new OncallError('not-yours', `request ${request.id} is ${request.requester.email}'s`, {
      exit: 3,
      next: `oncall revoke ${request.id}`,
    });
  }
  const { ended, left, grants } = await endRequests(deps, [request], {
    reason: 'released',
    actor,
    ...(input.reason === undefined ? {} : { because: input.reason }),
  });
  const after = await ledger.read((q) => q.request(request.id));
  return { request: after ?? request, grants, ended, left };
}

export async function revoke(deps: Deps, input: RevokeInput): Promise<RevokeResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const open =
    'id' in input ? [await requestNamed(ledger, actor, input.id)] : (await ledger.read((q) => q.openRequests())).filter(chosen(input));
  if ('id' in input || 'role' in input) {
    const role = 'role' in input ? input.role : (open[0]?.role ?? '');
    await requireRevoker(deps, actor, Object.hasOwn(deps.policy.roles, role) ? deps.policy.roles[role] : undefined, `revoke ${role}`);
  } else {
    await requireAdmin(deps, actor, 'revoke by holder or everything');
  }
  const { ended, left, grants } = await endRequests(deps, open, {
    reason: 'revoked',
    actor,
    ...(input.reason === undefined ? {} : { because: input.reason }),
  });
  const ids = open.map((request) => request.id);
  const after = await ledger.read((q) => Promise.all(ids.map((id) => q.request(id))));
  return { requests: after.filter((request) => request !== undefined), grants, ended, left };
}

const chosen =
  (input: RevokeInput) =>
  (request: Request): boolean =>
    'holder' in input ? request.requester.email === input.holder.toLowerCase() : 'role' in input ? request.role === input.role : true;

type Ending = { readonly reason: Extract<EndReason, 'released' | 'revoked'>; readonly actor: Actor; readonly because?: string };

/** Commits the end of everything first, then asks the directories: a crash in between leaves work for the sweep, not access. */
async function endRequests(
  deps: Deps,
  requests: readonly Request[],
  ending: Ending,
): Promise<{ readonly ended: number; readonly left: number; readonly grants: readonly GrantView[] }> {
  const ledger = await deps.ledger();
  const ids = await ledger.write(async (q, now) => {
    const due: string[] = [];
    for (const { id } of requests) {
      const request = await q.request(id);
      if (request?.state === 'pending') {
        const withdrawn = ending.reason === 'released';
        await q.changeRequest(request, { state: withdrawn ? 'withdrawn' : 'denied' });
        await q.record({
          type: withdrawn ? 'request.withdrawn' : 'request.denied',
          actor: ending.actor,
          requestId: id,
          role: request.role,
          holder: request.requester.email,
        });
      }
      if (request?.state === 'approved') await q.closeRequest(id);
      for (const grant of await q.grantsOfRequest(id)) {
        if (grant.state === 'ended') continue;
        due.push(grant.id);
        if (grant.state !== 'revoking') await beginEnd(q, now, grant, ending);
      }
    }
    return due;
  });
  await inParallel(ids, 8, async (id) => void (await endGrant(deps, id)));
  const grants = await ledger.read(async (q) => (await Promise.all(requests.map(({ id }) => q.grantsOfRequest(id)))).flat());
  const touched = grants.filter((grant) => ids.includes(grant.id));
  const left = touched.filter((grant) => grant.state !== 'ended').length;
  return { ended: touched.length - left, left, grants: touched };
}
