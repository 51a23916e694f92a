/**
 * Ends everything of a person who is gone: whom a directory in which they hold something calls suspended or deactivated, or whom the policy blocks.
 * One directory's word is enough for all of them: who has left the company has left the cloud as well. An unknown answer ends nothing.
 */

import { isOncallError, isProviderError } from '../errors.ts';
import type { GrantView } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import { beginEnd } from './end.ts';
import { inParallel } from './parallel.ts';
import type { SweepStep } from './types.ts';

/** Why each holder is gone, by the e-mail of the request. */
type Departed = ReadonlyMap<string, string>;

export async function endDeparted(deps: Deps, mayGoOn: () => boolean): Promise<void> {
  const live = await standing(deps);
  const departed = await whoHasLeft(deps, live, mayGoOn);
  if (departed.size === 0) return;
  const ledger = await deps.ledger();
  for (const { id, holder } of live) {
    const because = departed.get(holder);
    if (because === undefined) continue;
    await ledger.write(async (q, now) => {
      const grant = await q.grant(id);
      if (grant && isStanding(grant)) await beginEnd(q, now, grant, { reason: 'revoked', actor: 'sweep', because });
    });
  }
}

/** What `endDeparted` would end now. */
export async function departedPlan(deps: Deps): Promise<readonly SweepStep[]> {
  const live = await standing(deps);
  const departed = await whoHasLeft(deps, live, () => true);
  return live.flatMap(({ requestId, role, holder, target }): SweepStep[] => {
    const because = departed.get(holder);
    return because === undefined ? [] : [{ action: 'end', outcome: 'planned', requestId, role, holder, target, because }];
  });
}

const isStanding = ({ state }: Pick<GrantView, 'state'>): boolean => state === 'activating' || state === 'active';

/** With the requester as the holder: two e-mails may lead to one user, and the membership keeps the first. */
async function standing(deps: Deps): Promise<readonly GrantView[]> {
  const ledger = await deps.ledger();
  const { live, open } = await ledger.read(async (q) => ({ live: await q.liveGrants(), open: await q.openRequests() }));
  const requesters = new Map(open.map(({ id, requester }) => [id, requester.email]));
  return live.filter(isStanding).map((grant) => ({ ...grant, holder: requesters.get(grant.requestId) ?? grant.holder }));
}

async function whoHasLeft(deps: Deps, live: readonly GrantView[], mayGoOn: () => boolean): Promise<Departed> {
  const departed = new Map<string, string>();
  for (const { holder } of live) if (deps.policy.blocked.includes(holder)) departed.set(holder, 'blocked by the policy');
  const directories = [...new Set(live.map(({ target }) => target.directory))];
  await Promise.all(
    directories.map(async (name) => {
      const here = live.filter(({ target }) => target.directory === name);
      try {
        await askIn(deps, name, here, mayGoOn, departed);
      } catch (error) {
        if (!isOncallError(error) && !isProviderError(error)) throw error;
        // What one question met, the next would meet as well.
        deps.log(`${name}: could not ask who has left: ${error.message}`);
      }
    }),
  );
  return departed;
}

/** By the ids that the grants are pinned to, never by name: a namesake is somebody else. */
async function askIn(
  deps: Deps,
  name: string,
  live: readonly GrantView[],
  mayGoOn: () => boolean,
  departed: Map<string, string>,
): Promise<void> {
  const directory = await deps.directory(name);
  if (!directory.hasLeft) return;
  const ledger = await deps.ledger();
  const rows = await ledger.read((q) =>
    Promise.all(live.map(async ({ holder, membershipId }) => ({ holder, row: await q.membership(membershipId) }))),
  );
  const users = new Map(rows.flatMap(({ holder, row }) => (row ? [[`${row.userId} ${holder}`, { holder, row }]] : [])));
  await inParallel([...users.values()], 8, async ({ holder, row }) => {
    if (!mayGoOn() || departed.has(holder)) return;
    if (await directory.hasLeft?.(row, { signal: deps.signal })) departed.set(holder, `${row.userName} is no longer active in ${name}`);
  });
}
