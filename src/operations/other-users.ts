/** Whether somebody is in as the user to whom their name leads: `people` may have been corrected since, or the user made anew. */

import { isOncallError, isProviderError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import type { Grant, Membership, Request } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import type { Pins } from './pins.ts';

export type LedTo = {
  /** Ids of those grants that let another user in. */
  readonly others: readonly string[];
  /** Of some nobody can say, or the name leads to nobody: that ends nothing, and no end is moved on for it. */
  readonly isUnsure: boolean;
};

/** Of each active grant of a request, whether it lets in the user to whom the name of its holder leads now. */
export async function ofOtherUsers(
  deps: Deps,
  world: Lookups,
  { id: requestId, requester: { email } }: Pick<Request, 'id' | 'requester'>,
): Promise<LedTo> {
  const ledger = await deps.ledger();
  const held = await ledger.read(async (q) =>
    Promise.all(
      (await q.grantsOfRequest(requestId))
        .filter(({ state }) => state === 'active')
        .map(async ({ id, membershipId }) => ({ id, row: await q.membership(membershipId) })),
    ),
  );
  const asked = held.flatMap(({ id, row }) => (row && Object.hasOwn(deps.policy.directories, row.directory) ? [{ id, row }] : []));
  const found = await Promise.all(asked.map(async ({ id, row }) => ({ id, row, user: await userOf(world, row.directory, email) })));
  return {
    others: found.flatMap(({ id, row, user }) => (user !== undefined && user.userId !== row.userId ? [id] : [])),
    isUnsure: found.some(({ user }) => user === undefined),
  };
}

export const otherUserBecause = (email: string): string => `${email} is another user there now`;

async function userOf(world: Lookups, directory: string, email: string) {
  try {
    return await world.user(directory, email);
  } catch (error) {
    if (!isOncallError(error) && !isProviderError(error)) throw error;
    return undefined;
  }
}

type OfAnother = { readonly id: string; readonly row: Membership };

/** The same of what is asked for again, inside its transaction, by what the names were found to lead to just before. */
export async function amongOtherUsers(q: Queries, pinned: Pins['pinned'], standing: readonly Grant[]): Promise<readonly OfAnother[]> {
  const held = await Promise.all(standing.map(async ({ id, membershipId }) => ({ id, row: await q.membership(membershipId) })));
  return held.flatMap(({ id, row }) =>
    row && pinned.some(({ target, pin }) => target.directory === row.directory && pin.userId !== row.userId) ? [{ id, row }] : [],
  );
}
