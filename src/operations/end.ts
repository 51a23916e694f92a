/**
 * From access to none. `beginEnd` commits that it must end; `endGrant` takes the row, removes, reads back and only then calls it ended.
 * A membership is removed only when it is ours and no other grant stands on it.
 */

import { isProviderError, ProviderError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { nextTryAfterMs } from '../lifecycle/backoff.ts';
import { callWithinMs, quietMs, removeWithinMs } from '../lifecycle/limits.ts';
import type { Actor, EndReason, Grant, Membership } from '../lifecycle/types.ts';
import type { Target } from '../policy/types.ts';
import type { Deps } from './deps.ts';

export const targetOf = (row: Pick<Membership, 'directory' | 'groupName'>): Target => ({ directory: row.directory, group: row.groupName });

export const problem = (error: ProviderError): string => error.message.slice(0, 240);

export type Ending = { readonly reason: EndReason; readonly actor: Actor | 'oncall' | 'sweep'; readonly because?: string };

/** Commits `revoking`, and `ended` at once where the directory need not be asked: not ours, nothing ever sent, or another grant stands on the membership. */
export async function beginEnd(q: Queries, now: number, grant: Grant, ending: Ending): Promise<Grant> {
  const row = await q.membership(grant.membershipId);
  if (!row) throw new Error(`grant ${grant.id} has no membership`);
  const revoking = await q.changeGrant(grant, {
    state: 'revoking',
    endReason: ending.reason,
    attempts: 0,
    nextAttemptAt: now,
    ...(ending.because === undefined ? {} : { lastError: ending.because }),
  });
  await q.record({
    type: 'grant.revoking',
    actor: ending.actor,
    grantId: grant.id,
    requestId: grant.requestId,
    holder: row.holder,
    target: targetOf(row),
    endReason: ending.reason,
    ...(ending.because === undefined ? {} : { data: { because: ending.because } }),
  });
  return (await needsRemoval(q, row)) ? revoking : finish(q, now, revoking, row, false);
}

/** Ours, and no other grant stands on it. */
async function needsRemoval(q: Queries, row: Membership): Promise<boolean> {
  const standing = (await q.grantsOfMembership(row.id)).some((grant) => grant.state === 'activating' || grant.state === 'active');
  return row.owned === true && !standing;
}

async function finish(q: Queries, now: number, grant: Grant, row: Membership, removed: boolean): Promise<Grant> {
  const ended = await q.changeGrant(grant, { state: 'ended', endedAt: now });
  const { endReason } = ended;
  await q.record({
    type: 'grant.ended',
    actor: 'oncall',
    grantId: grant.id,
    requestId: grant.requestId,
    holder: row.holder,
    target: targetOf(row),
    ...(endReason === undefined ? {} : { endReason }),
    data: { removed },
  });
  await q.closeRequest(grant.requestId);
  return ended;
}

export type EndOutcome = {
  /** `ended`; `busy`: another process works on it; `quiet`: removed, but not called ended before the quiet time is over; `failed`: will be tried again. */
  readonly outcome: 'ended' | 'busy' | 'quiet' | 'failed';
  readonly error?: ProviderError;
  /** Whether the directory was asked to remove somebody, and did. */
  readonly removed?: boolean;
};

type Taken = { readonly held: Membership; readonly quietBefore: number; readonly removeBy: number };

/** One try to end a grant that is `revoking`; what does not succeed now is due again later. Provider trouble is an outcome, not an exception. */
export async function endGrant(deps: Deps, grantId: string): Promise<EndOutcome> {
  const ledger = await deps.ledger();
  const taken = await ledger.write<EndOutcome | Taken>(async (q, now) => {
    const grant = await q.grant(grantId);
    if (grant?.state !== 'revoking') return { outcome: 'ended' };
    const row = await q.membership(grant.membershipId);
    if (!row) throw new Error(`grant ${grant.id} has no membership`);
    if (!(await needsRemoval(q, row))) {
      // An earlier removal may still land. While this grant stays, the one that has come meanwhile waits before it adds.
      if (row.owned === true && now < row.quietUntil) {
        await q.changeGrant(grant, { nextAttemptAt: row.quietUntil });
        return { outcome: 'quiet' };
      }
      await finish(q, now, grant, row, false);
      return { outcome: 'ended' };
    }
    if (row.busyUntil > now) {
      await q.changeGrant(grant, { nextAttemptAt: row.busyUntil });
      return { outcome: 'busy' };
    }
    const removeBy = now + removeWithinMs;
    await q.record({
      type: 'membership.remove',
      actor: 'oncall',
      grantId,
      requestId: grant.requestId,
      holder: row.holder,
      target: targetOf(row),
      data: { removeBy },
    });
    const held = await q.changeMembership(row, {
      busyUntil: removeBy + callWithinMs,
      quietUntil: Math.max(row.quietUntil, removeBy + quietMs),
    });
    return { held, quietBefore: row.quietUntil, removeBy };
  });
  if ('outcome' in taken) return taken;

  const { held, quietBefore, removeBy } = taken;
  const tried = await removeAndReadBack(deps, held, removeBy);
  return ledger.write<EndOutcome>(async (q, now) => {
    const row = await q.membership(held.id);
    // Suspended until somebody else took the row: what we saw is old.
    if (row?.version !== held.version) return { outcome: 'busy' };
    if (tried.error || tried.still) {
      const lost = tried.error?.applied === 'unknown' && !tried.acknowledged;
      await q.changeMembership(row, { busyUntil: now, quietUntil: lost ? Math.max(quietBefore, now + quietMs) : quietBefore });
      const error =
        tried.error ?? new ProviderError(row.directory, 'refused', `${row.userName} is still in ${row.groupName} after the removal`);
      await later(deps, q, now, row, error);
      return { outcome: 'failed', error };
    }
    const free = { busyUntil: now, quietUntil: quietBefore };
    if (now < quietBefore) {
      await q.changeMembership(row, free);
      for (const grant of await revokingOn(q, row)) await q.changeGrant(grant, { nextAttemptAt: quietBefore });
      return { outcome: 'quiet', removed: tried.removed };
    }
    // Read back absent, and nothing of ours can land any more: confirmed. Grants that came meanwhile wait for the row and start from a clean one.
    for (const grant of await revokingOn(q, row)) await finish(q, now, grant, row, true);
    await q.changeMembership(row, { ...free, owned: null });
    return { outcome: 'ended', removed: tried.removed };
  });
}

/** How often a removal is read back before it is left to the next try. */
const looks = 3;

type Tried = { readonly acknowledged: boolean; readonly removed: boolean; readonly still?: boolean; readonly error?: ProviderError };

async function removeAndReadBack(deps: Deps, row: Membership, removeBy: number): Promise<Tried> {
  const ledger = await deps.ledger();
  const beforeWrite = (): void => {
    if (ledger.now() >= removeBy) throw new ProviderError(row.directory, 'too-late', 'the time to remove has passed', { applied: 'no' });
  };
  let acknowledged = false;
  let removed = false;
  try {
    const directory = await deps.directory(row.directory);
    removed = (await directory.remove(row, { beforeWrite })) === 'removed';
    acknowledged = true;
    // IAM's reads lag behind its writes; a second look is cheaper than another run of the sweep.
    for (let look = 1; ; look++) {
      const still = (await directory.read(row, {})) === 'member';
      if (!still || look === looks) return { acknowledged, removed, still };
      await deps.sleep(300 * 2 ** look);
    }
  } catch (error) {
    if (isProviderError(error)) return { acknowledged, removed, error };
    if (error instanceof Error && error.name === 'OncallError') {
      return { acknowledged, removed, error: new ProviderError(row.directory, 'refused', error.message, { applied: 'no', cause: error }) };
    }
    throw error;
  }
}

async function later(deps: Deps, q: Queries, now: number, row: Membership, error: ProviderError): Promise<void> {
  for (const grant of await revokingOn(q, row)) {
    const attempts = grant.attempts + 1;
    await q.changeGrant(grant, {
      attempts,
      lastError: problem(error),
      nextAttemptAt: now + nextTryAfterMs(attempts, deps.random(), error.retryAfterMs),
    });
    await q.record({
      type: 'membership.remove-failed',
      actor: 'oncall',
      grantId: grant.id,
      requestId: grant.requestId,
      holder: row.holder,
      target: targetOf(row),
      data: { attempts, error: problem(error), fault: error.fault },
    });
  }
}

const revokingOn = async (q: Queries, row: Membership): Promise<readonly Grant[]> =>
  (await q.grantsOfMembership(row.id)).filter((grant) => grant.state === 'revoking');
