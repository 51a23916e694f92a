/** `release`: the holder gives back early, or withdraws what is still pending. `revoke`: somebody else ends it. */

import { isOncallError, OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Actor, EndReason, GrantView, Request } from '../lifecycle/types.ts';
import { isSame } from './approve.ts';
import type { Deps } from './deps.ts';
import { beginEnd, endGrant } from './end.ts';
import { requestNamed, roleNamed } from './names.ts';
import { inParallel } from './parallel.ts';
import { requireAdmin, requireRevoker } from './rights.ts';
import type { OneInput, ReleaseResult, RevokeInput, RevokeResult } from './types.ts';

export async function release(deps: Deps, input: OneInput): Promise<ReleaseResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const request = await requestNamed(ledger, actor, input.id).catch((error: unknown) => {
    // Asked for, and so: of a role that there is, nobody has to have anything.
    if (isOncallError(error) && error.code === 'unknown-request' && Object.hasOwn(deps.policy.roles, input.id)) return undefined;
    throw error;
  });
  if (!request) return { grants: [], ended: 0, left: 0 };
  if (!isSame(actor, request.requester)) {
    throw new OncallError('not-yours', `request ${request.id} is ${request.requester.email}'s`, {
      exit: 3,
      why: 'only they give it back; an admin, or whoever approves the role, takes it away',
      next: `ask ${request.requester.email}, or an admin: oncall revoke ${request.id}`,
    });
  }
  const { requests, ...rest } = await endRequests(deps, async () => [request], {
    reason: 'released',
    actor,
    ...(input.reason === undefined ? {} : { because: input.reason }),
  });
  return { request: requests[0] ?? request, ...rest };
}

export async function revoke(deps: Deps, input: RevokeInput): Promise<RevokeResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const one = 'id' in input ? await requestNamed(ledger, actor, input.id, nextOf(deps, input.id)) : undefined;
  await requireRight(deps, actor, one === undefined ? input : { role: one.role });
  const choose = async (q: Queries): Promise<readonly Request[]> => (one ? [one] : (await q.openRequests()).filter(chosenBy(input)));

  if (input.dryRun) {
    return ledger.read(async (q) => {
      const requests = await choose(q);
      const grants = (await grantsOf(q, requests)).filter(({ state }) => state !== 'ended');
      return { requests, grants, ended: 0, left: grants.length };
    });
  }
  const result = await endRequests(deps, choose, {
    reason: 'revoked',
    actor,
    ...(input.reason === undefined ? {} : { because: input.reason }),
  });
  if (result.requests.length === 0 && 'role' in input) roleNamed(deps.policy, input.role);
  return result;
}

/** Nobody but the holder has a request by the name of its role. */
const nextOf = ({ policy }: Deps, name: string): string =>
  Object.hasOwn(policy.roles, name) ? `everybody who has it: oncall revoke --role ${name}` : 'who has what: oncall status';

async function requireRight(deps: Deps, actor: Actor, input: RevokeInput): Promise<void> {
  if (!('role' in input))
    return requireAdmin(deps, actor, 'holder' in input ? `revoke everything that ${input.holder} has` : 'revoke everything (--all)');
  const role = Object.hasOwn(deps.policy.roles, input.role) ? deps.policy.roles[input.role] : undefined;
  return requireRevoker(deps, actor, role, `revoke ${input.role}`);
}

const chosenBy =
  (input: RevokeInput) =>
  ({ requester, role }: Request): boolean =>
    'all' in input || ('holder' in input && requester.email === input.holder.toLowerCase()) || ('role' in input && role === input.role);

type Ending = { readonly reason: Extract<EndReason, 'released' | 'revoked'>; readonly actor: Actor; readonly because?: string };

const grantsOf = async (q: Queries, requests: readonly Request[]): Promise<readonly GrantView[]> =>
  (await Promise.all(requests.map(({ id }) => q.grantsOfRequest(id)))).flat();

/** Chooses and commits the end of everything in one transaction, then asks the directories: a crash in between leaves work for the sweep, not access. */
async function endRequests(deps: Deps, choose: (q: Queries) => Promise<readonly Request[]>, ending: Ending): Promise<RevokeResult> {
  const ledger = await deps.ledger();
  const { requests, due } = await ledger.write(async (q, now) => {
    const chosen = await choose(q);
    const begun: string[] = [];
    for (const { id } of chosen) begun.push(...(await beginEndOf(q, now, id, ending)));
    return { requests: chosen, due: begun };
  });
  await inParallel(due, 8, async (id) => void (await endGrant(deps, id)));
  return ledger.read(async (q) => {
    const after = await Promise.all(requests.map(async (request) => (await q.request(request.id)) ?? request));
    const grants = (await grantsOf(q, requests)).filter((grant) => due.includes(grant.id));
    const left = grants.filter(({ state }) => state !== 'ended').length;
    return { requests: after, grants, ended: grants.length - left, left };
  });
}

/** Gives the ids of the grants that are not ended. */
async function beginEndOf(q: Queries, now: number, id: string, ending: Ending): Promise<readonly string[]> {
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
  const open = (await q.grantsOfRequest(id)).filter(({ state }) => state !== 'ended');
  for (const grant of open) if (grant.state !== 'revoking') await beginEnd(q, now, grant, ending);
  return open.map((grant) => grant.id);
}
