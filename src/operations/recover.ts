/**
 * `ledger recover`: for a ledger that has lost what it knew. Reads every managed group whole, and lets an admin decide about each member on whom
 * no grant stands. Whoever is to leave is adopted and ended like any other; whoever stays is known from then on. Only then is the ledger believed again.
 */

import { OncallError } from '../errors.ts';
import type { Ledger, Queries } from '../ledger/ledger.ts';
import type { Actor } from '../lifecycle/types.ts';
import { adopt } from './adopt.ts';
import { keepHead, readNow, type Standing, standing, whyNotIn } from './anchor.ts';
import type { Deps } from './deps.ts';
import { endGrant } from './end.ts';
import { isExclusive } from './names.ts';
import { inParallel } from './parallel.ts';
import { type Found, readManagedGroups, uncoveredIn } from './recover-list.ts';
import { requireAdmin } from './rights.ts';
import type { RecoverInput, RecoverResult, Uncovered } from './types.ts';

export async function recover(deps: Deps, input: RecoverInput): Promise<RecoverResult> {
  const actor = await deps.actor();
  await requireAdmin(deps, actor, 'recover the ledger');
  const ledger = await deps.ledger();
  const anchor = readNow(deps.anchor);
  const { before, readAt } = await ledger.read(async (q, now) => ({ before: await standing(anchor, q, now), readAt: now }));
  const fault = before.fault === undefined ? {} : { fault: before.fault };
  const { readings, passedOver } = await readManagedGroups(deps);
  const { decided, called = [] } = input;
  const knowing = { policy: deps.policy, readings, kept: before.kept, called };
  if (decided === undefined) {
    const found = await ledger.read((q) => uncoveredIn(q, knowing));
    return { result: 'listed', ...fault, uncovered: found.map(({ told }) => told), passedOver, head: before.head };
  }
  const { head, found, ends } = await ledger.write((q, now) => settle(deps, q, now, { decided, actor, before, readAt, knowing }));
  // From here on it is believed as it is now. What dies before this is done again, and finds less to decide.
  await deps.anchor.keep(head);
  await requireKept(deps, ledger);
  await inParallel([...ends.values()], 8, async (id) => void (await endGrant(deps, id)));
  await keepHead(deps);
  const uncovered = await ledger.read((q) => Promise.all(found.map(({ told }) => withFate(q, told, ends.get(told.id)))));
  return { result: 'recovered', ...fault, uncovered, passedOver, head };
}

type Settling = {
  readonly decided: NonNullable<RecoverInput['decided']>;
  readonly actor: Actor;
  readonly before: Standing;
  /** Before the first group was read. */
  readonly readAt: number;
  readonly knowing: Parameters<typeof uncoveredIn>[1];
};

/** Everything in one transaction: nobody is accepted while somebody else is still to be decided about. */
async function settle(deps: Deps, q: Queries, now: number, { decided, actor, before, readAt, knowing }: Settling) {
  const found = await uncoveredIn(q, knowing);
  requireDecided(found, decided);
  const ends = new Map<string, string>();
  for (const one of found) {
    const { told, member, row, directory, group } = one;
    if (!decided.end.includes(told.id)) {
      await keep(deps, q, now, one);
      continue;
    }
    const because = 'nothing in the recovered ledger stands for this member';
    const holder = told.people.length === 1 ? told.people[0] : undefined;
    ends.set(told.id, await adopt(deps, q, now, { member, holder, row, name: directory, group, because, reason: 'revoked', actor }));
  }
  const names = (ended: boolean): readonly string[] => found.filter(({ told }) => ends.has(told.id) === ended).map(({ told }) => told.id);
  const { seq, hash } = before.head;
  const data = { lost: before.kept ?? null, readAt, found: { seq, hash }, ended: names(true), kept: names(false) };
  if (q.lost !== undefined && readAt > q.lost.at) await q.tellLost(undefined);
  await q.record({ type: 'ledger.recovered', actor, policyDigest: deps.policy.digest, data });
  return { head: { ...(await q.head()), at: now }, found, ends };
}

/** Known from now on, so that no sweep tells of them as new; and a group that is to be exclusive is not called so while they are in it. */
async function keep(deps: Deps, q: Queries, now: number, { member, directory, group, isStranger }: Found): Promise<void> {
  if (!isStranger) await q.addStranger({ ...member, directory, groupId: group.groupId, kind: 'baseline', seenAt: now });
  if (isExclusive(deps.policy, directory, group.groupName)) await q.markClean(directory, group.groupId, undefined);
}

/** Nobody is accepted whom the admin has not seen. */
function requireDecided(found: readonly Found[], { end, keep }: Settling['decided']): void {
  const fresh = found.filter(({ told }) => !end.includes(told.id) && !keep.includes(told.id));
  if (fresh.length === 0) return;
  throw new OncallError('changed-meanwhile', 'somebody is in about whom nothing was decided; nothing was changed', {
    why: fresh.map(({ told }) => told.id).join(', '),
    next: 'oncall ledger recover lists them anew',
  });
}

/** The next rollback must be seen as well; where nothing was ever kept, it was not before. */
async function requireKept(deps: Deps, ledger: Ledger): Promise<void> {
  const kept = await deps.anchor.read();
  const why = kept && (await ledger.read((q, now) => whyNotIn(q, now, kept)));
  if (why === undefined) return;
  throw new OncallError('anchor-not-kept', 'the ledger was recovered, but its head could not be kept, so the next loss would not be seen', {
    why,
    next: 'mend that (oncall doctor names the file), then once more: oncall ledger recover',
  });
}

async function withFate(q: Queries, told: Uncovered, grantId: string | undefined): Promise<Uncovered> {
  if (grantId === undefined) return { ...told, fate: 'kept' };
  return { ...told, fate: (await q.grant(grantId))?.state === 'ended' ? 'ended' : 'ending' };
}
