/** The commit before anything is sent: the request is approved, its grants are `activating`, its place is taken. */

import type { Queries } from '../ledger/ledger.ts';
import { addWithinMs, callWithinMs } from '../lifecycle/limits.ts';
import type { Actor, Request } from '../lifecycle/types.ts';
import type { Role } from '../policy/types.ts';
import { accountFault } from './accounts.ts';
import type { Deps } from './deps.ts';
import { requireAccounted } from './gate.ts';
import type { PinnedTarget } from './pins.ts';

/** Who wants a place, by the e-mail; `id`: their open request, which keeps the place that it has. */
export type PlaceFor = { readonly email: string; readonly id?: string | undefined };

/** Those who hold the places or are offered one, where none is free for the asker, and how many wait before them; else the number of a free one; `undefined` where none is needed. */
export async function freePlace(
  q: Queries,
  role: Role,
  asker: PlaceFor,
): Promise<{ readonly place: number } | { readonly holders: readonly string[]; readonly before: number } | undefined> {
  if (role.maxHolders === undefined) return undefined;
  // Those who came in before the role had a limit hold a place too, though no row of `slots` says so. Who has it in another way as well takes no second one.
  const holders = (await q.openHolders(role.name)).filter(({ id }) => id !== asker.id);
  const others = holders.filter(({ email }) => email !== asker.email);
  const line = await q.lineOf(role.name);
  const own = line.findIndex(({ id }) => id === asker.id);
  const before = (own < 0 ? line : line.slice(0, own)).filter(({ state }) => state === 'queued').length;
  const people = new Set(others.map(({ email }) => email)).size;
  if (people + before >= role.maxHolders) return { holders: others.map(({ id }) => id), before };
  const taken = await q.placesTaken(role.name);
  if (taken.some(({ requestId }) => requestId === asker.id) || holders.length > others.length) return undefined;
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
  actor: Actor | 'sweep',
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
