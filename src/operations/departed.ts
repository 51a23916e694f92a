/**
 * Ends everything of a person who is gone: whom a directory calls no longer active (suspended, deactivated), or whom the policy blocks.
 * One directory's word is enough for all of them: who has left the company has left the cloud as well. An unknown answer ends nothing.
 */

import { isOncallError, isProviderError } from '../errors.ts';
import type { GrantView } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import { beginEnd } from './end.ts';
import type { Lookups } from './lookups.ts';
import { inParallel } from './parallel.ts';
import type { SweepStep } from './types.ts';

/** Why each holder is gone, by the e-mail of the request. */
type Departed = ReadonlyMap<string, string>;

export async function endDeparted(deps: Deps, world: Lookups, mayGoOn: () => boolean): Promise<void> {
  const live = await standing(deps);
  const departed = await whoHasLeft(deps, world, live, mayGoOn);
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
export async function departedPlan(deps: Deps, world: Lookups): Promise<readonly SweepStep[]> {
  const live = await standing(deps);
  const departed = await whoHasLeft(deps, world, live, () => true);
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

async function whoHasLeft(deps: Deps, world: Lookups, live: readonly GrantView[], mayGoOn: () => boolean): Promise<Departed> {
  // A policy that could be read only in part may lack the name that the person has in a directory, and another's would be asked about.
  if (deps.policyFault !== undefined) return new Map();
  const departed = new Map<string, string>();
  const ledger = await deps.ledger();
  const accounts = new Map((await ledger.read((q) => q.directories())).map((row) => [row.name, row.account]));
  const holders = [...new Set(live.map(({ holder }) => holder))];
  for (const holder of holders) if (deps.policy.blocked.includes(holder)) departed.set(holder, 'blocked by the policy');
  if (holders.length === 0) return departed;

  await Promise.all(
    Object.keys(deps.policy.directories).map(async (name) => {
      let answers = true;
      const inactive: (readonly [holder: string, because: string])[] = [];
      await inParallel(holders, 8, async (holder) => {
        if (!answers || !mayGoOn() || departed.has(holder)) return;
        try {
          if (!(await deps.directory(name)).suspendsUsers) return void (answers = false);
          const user = await world.user(name, holder);
          if (user?.active === false) inactive.push([holder, `${user.userName} is no longer active in ${name}`]);
        } catch (error) {
          if (!isOncallError(error) && !isProviderError(error)) throw error;
          // Two users of one name are one person's trouble; anything else would be met again with the next.
          if (!isProviderError(error) || error.fault !== 'ambiguous') answers = false;
          deps.log(`${name}: could not ask whether ${holder} is active: ${error.message}`);
        }
      });
      if (inactive.length === 0 || !(await isKnownAccount(deps, world, name, accounts.get(name)))) return;
      for (const [holder, because] of inactive) departed.set(holder, because);
    }),
  );
  return departed;
}

/** Credentials that lead to another account find others there under the same names. Where nothing was ever granted, no account is known. */
async function isKnownAccount(deps: Deps, world: Lookups, name: string, account = ''): Promise<boolean> {
  if (account === '') return true;
  const targets = Object.values(deps.policy.roles).flatMap((role) => role.targets);
  const groups = new Set(targets.filter(({ directory }) => directory === name).map(({ group }) => group));
  for (const group of groups) {
    const pin = await world.group(name, group, 'read').catch(() => undefined);
    if (pin) return pin.account === account;
  }
  deps.log(`${name}: none of its groups could be found, so it is not known whether this is still ${account}`);
  return false;
}
