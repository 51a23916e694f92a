/** Whether somebody is in as the user to whom their name leads: `people` may have been corrected since, or the user made anew. */

import { isOncallError, isProviderError } from '../errors.ts';
import type { Request } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';

/** Ids of those grants of a request that let another user in. Who cannot be found out is none. */
export async function ofOtherUsers(
  deps: Deps,
  world: Lookups,
  { id: requestId, requester: { email } }: Pick<Request, 'id' | 'requester'>,
): Promise<readonly string[]> {
  const ledger = await deps.ledger();
  const held = await ledger.read(async (q) =>
    Promise.all(
      (await q.grantsOfRequest(requestId))
        .filter(({ state }) => state === 'active')
        .map(async ({ id, membershipId }) => ({ id, row: await q.membership(membershipId) })),
    ),
  );
  const others = await Promise.all(
    held.map(async ({ id, row }) => {
      const user = row && Object.hasOwn(deps.policy.directories, row.directory) ? await userOf(world, row.directory, email) : undefined;
      return user !== undefined && row !== undefined && user.userId !== row.userId ? [id] : [];
    }),
  );
  return others.flat();
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
