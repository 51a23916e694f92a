/** `release`: the holder gives back early, or withdraws what is still pending. `revoke`: somebody else ends it. */

import { isOncallError, OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { isInLine } from '../lifecycle/line.ts';
import type { Actor, EndReason, GrantView, Request } from '../lifecycle/types.ts';
import { canonicalName } from '../policy/params.ts';
import type { Deps } from './deps.ts';
import { beginEnd, endGrant } from './end.ts';
import { tendLines } from './line.ts';
import { moveEnds } from './move-end.ts';
import { callsRole, isRole, requestNamed, unknownRole } from './names.ts';
import { inParallel } from './parallel.ts';
import { requireAdmin, requireRevoker } from './rights.ts';
import { isSame } from './same-person.ts';
import type { OneInput, ReleaseResult, RevokeInput, RevokeResult } from './types.ts';

export async function release(deps: Deps, input: OneInput): Promise<ReleaseResult> {
  const actor = await deps.actor();
  const ledger = await deps.ledger();
  const request = await requestNamed(ledger, actor, canonicalName(input.id)).catch((error: unknown) => {
    // Asked for, and so: of a role that there is, nobody has to have anything.
    if (isOncallError(error) && error.code === 'unknown-request' && isRole(deps.policy, input.id)) return undefined;
    throw error;
  });
  if (!request) {
    await requireNoneOf(deps, actor, input.id);
    return { grants: [], ended: 0, left: 0 };
  }
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

/** By the name of a family nobody can tell which of its roles is meant. */
async function requireNoneOf(deps: Deps, actor: Actor, typed: string): Promise<void> {
  const ledger = await deps.ledger();
  const isIt = callsRole(typed);
  const mine = (await ledger.read((q) => q.openRequests())).filter(({ role, requester }) => isIt(role) && isSame(actor, requester));
  if (mine.length === 0) return;
  throw new OncallError('which-role', `you have ${mine.map(({ role }) => role).join(' and ')}`, {
    exit: 2,
    why: `${typed} is the name of several roles`,
    next: `say which: oncall release ${mine[0]?.role}`,
  });
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
  if (result.requests.length === 0 && 'role' in input && !isRole(deps.policy, input.role)) throw unknownRole(deps.policy, input.role);
  return result;
}

/** Nobody but the holder has a request by the name of its role. */
const nextOf = ({ policy }: Deps, name: string): string =>
  isRole(policy, name) ? `everybody who has it: oncall revoke --role ${name}` : 'who has what: oncall status';

async function requireRight(deps: Deps, actor: Actor, input: RevokeInput): Promise<void> {
  if (!('role' in input))
    return requireAdmin(deps, actor, 'holder' in input ? `revoke everything that ${input.holder} has` : 'revoke everything (--all)');
  const isIt = callsRole(input.role);
  const called = Object.values(deps.policy.roles).filter(({ name }) => isIt(name));
  // All of a family have the same approvers, unless a parameter is part of them.
  const differing = new Map(called.map((role) => [JSON.stringify(role.approvers.map(({ condition }) => condition)), role]));
  for (const role of differing.size === 0 ? [undefined] : differing.values())
    await requireRevoker(deps, actor, role, `revoke ${input.role}`);
}

function chosenBy(input: RevokeInput): (request: Request) => boolean {
  if ('all' in input) return () => true;
  if ('holder' in input) return ({ requester }) => requester.email === input.holder.toLowerCase();
  const isIt = 'role' in input ? callsRole(input.role) : () => false;
  return ({ role }) => isIt(role);
}

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
  await tendLines(deps);
  await moveEnds(deps, { of: due });
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
  if (request?.state === 'pending' || isInLine(request)) {
    const withdrawn = ending.reason === 'released';
    await q.changeRequest(request, { state: withdrawn ? 'withdrawn' : 'denied' });
    await q.record({
      type: withdrawn ? 'request.withdrawn' : 'request.denied',
      actor: ending.actor,
      requestId: id,
      role: request.role,
      holder: request.requester.email,
      ...(ending.because === undefined ? {} : { reason: ending.because }),
    });
  }
  if (request?.state === 'approved') await q.closeRequest(id);
  const open = (await q.grantsOfRequest(id)).filter(({ state }) => state !== 'ended');
  // The policy says what it said before: without a word against it, the next sweep would give it again.
  if (request?.requester.issuer === 'policy' && open.length > 0) {
    const no = { by: ending.actor, at: now, answer: 'no' as const, ...(ending.because === undefined ? {} : { reason: ending.because }) };
    await q.changeRequest(request, { approvals: [...request.approvals, no] });
  }
  for (const grant of open) if (grant.state !== 'revoking') await beginEnd(q, now, grant, ending);
  return open.map((grant) => grant.id);
}
