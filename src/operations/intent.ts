/** The commit before anything is sent: the request is approved, its grants are `activating`, its place is taken. */

import type { Queries } from '../ledger/ledger.ts';
import { addWithinMs, callWithinMs } from '../lifecycle/limits.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import type { Role } from '../policy/types.ts';
import { accountFault } from './accounts.ts';
import type { Deps } from './deps.ts';
import { requireAccounted } from './gate.ts';
import type { PinnedTarget } from './pins.ts';

/** Those who hold the places of the role, where none is free; else the number of a free one; `undefined` where none is needed. `own`: the asker's request, which keeps its place until it has ended. */
export async function freePlace(
  q: Queries,
  role: Role,
  own?: string,
): Promise<{ readonly place: number } | { readonly holders: readonly string[] } | undefined> {
  if (role.maxHolders === undefined) return undefined;
  // Those who came in before the role had a limit hold a place too, though no row of `slots` says so.
  const holders = (await q.openHolders(role.name)).filter((id) => id !== own);
  if (holders.length >= role.maxHolders) return { holders };
  const taken = await q.placesTaken(role.name);
  if (taken.some(({ requestId }) => requestId === own)) return undefined;
  const numbers = new Set(taken.map((slot) => slot.place));
  let place = 1;
  while (numbers.has(place)) place++;
  return { place };
}

/** Inserts the grants of an approved request for `pinned`; gives their ids. Throws, and so rolls all back, where a pin does not fit the ledger's. */
export async function insertGrants(
  deps: Deps,
  q: Queries,
  now: number,
  request: Request,
  pinned: readonly PinnedTarget[],
  actor: Actor,
): Promise<readonly string[]> {
  const known = await q.directories();
  const before = await q.countGrantsOfRequest(request.id);
  const ids: string[] = [];
  const rows = new Set<string>();
  for (const { target, pin } of pinned) {
    const fault = accountFault(known, target.directory, pin.account);
    if (fault) throw fault;
    await q.pinDirectory(target.directory, pin.account);
    await requireAccounted(deps, q, target.directory, pin.groupId, pin.groupName);
    const row =
      (await q.membershipAt(target.directory, pin)) ??
      (await q.insertMembership(randomId(deps, 12), target.directory, request.requester.email, pin));
    // Two spellings of one group in the policy.
    if (rows.has(row.id)) continue;
    rows.add(row.id);
    const id = `${request.id}.${before + ids.length + 1}`;
    ids.push(id);
    await q.insertGrant({
      id,
      requestId: request.id,
      membershipId: row.id,
      target,
      state: 'activating',
      attempts: 0,
      // Should this process die, the sweep looks at it when no call of ours can be under way any more.
      nextAttemptAt: now + addWithinMs + callWithinMs,
      createdAt: now,
      version: 1,
    });
    await q.record({
      type: 'grant.activating',
      actor,
      grantId: id,
      requestId: request.id,
      role: request.role,
      holder: request.requester.email,
      target,
    });
  }
  return ids;
}

/** Without look-alikes: no 0/o, 1/i/l. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';

export function randomId(deps: Pick<Deps, 'random'>, length: number): string {
  return Array.from({ length }, () => alphabet[Math.floor(deps.random() * alphabet.length)]).join('');
}

export async function freeRequestId(deps: Deps, q: Queries): Promise<string> {
  for (;;) {
    const id = randomId(deps, 6);
    if (!(await q.request(id))) return id;
  }
}
