/**
 * From access to none. `beginEnd` commits that it must end; `endGrant` takes the row, removes, reads back and only then calls it ended.
 * A membership is removed only when it is ours and no other grant stands on it. Where a grant wanted so, its holder's sessions are ended after that.
 */

import { isOncallError, isProviderError, nextStep, ProviderError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { nextTryAfterMs } from '../lifecycle/backoff.ts';
import { callWithinMs, quietMs, removeWithinMs, stuckAfter } from '../lifecycle/limits.ts';
import { endsSessions } from '../lifecycle/ownership.ts';
import type { Actor, EndReason, Grant, Membership } from '../lifecycle/types.ts';
import { titleOf } from '../policy/iam-role.ts';
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
    ...(ending.because === undefined ? {} : { lastError: ending.because, next: null }),
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
  return (await leftToDo(q, row)) ? revoking : finish(q, now, revoking, row, false);
}

type Task = 'removal' | 'sessions';

/** What the directory has still to be asked for. Nothing where another grant stands on the membership: what its holder is signed in to is theirs again. */
async function leftToDo(q: Queries, row: Membership): Promise<Task | undefined> {
  const standing = (await q.grantsOfMembership(row.id)).some((grant) => grant.state === 'activating' || grant.state === 'active');
  if (standing) return undefined;
  return row.owned === true ? 'removal' : row.endSessions ? 'sessions' : undefined;
}

const about = (grant: Grant, row: Membership) =>
  ({ actor: 'oncall', grantId: grant.id, requestId: grant.requestId, holder: row.holder, target: targetOf(row) }) as const;

async function finish(q: Queries, now: number, grant: Grant, row: Membership, removed: boolean): Promise<Grant> {
  const ended = await q.changeGrant(grant, { state: 'ended', endedAt: now });
  const { endReason } = ended;
  // The last one of its request: from here on its holder has none of it.
  const last = (await q.closeRequest(grant.requestId)) ? { last: true } : {};
  const how = endReason === undefined ? {} : { endReason };
  await q.record({ ...about(grant, row), type: 'grant.ended', ...how, data: { removed, ...last } });
  return ended;
}

export type EndOutcome = {
  /** `ended`; `busy`: another process works on it; `quiet`: removed, but not called ended before the quiet time is over; `failed`: will be tried again. */
  readonly outcome: 'ended' | 'busy' | 'quiet' | 'failed';
  readonly error?: ProviderError;
  /** Whether the directory was asked to remove somebody, and did. */
  readonly removed?: boolean;
};

type Taken = {
  readonly task: Task;
  readonly held: Membership;
  readonly quietBefore: number;
  readonly takenAt: number;
  readonly sendBy: number;
};

/** One try to end a grant that is `revoking`; what does not succeed now is due again later. Provider trouble is an outcome, not an exception. */
export async function endGrant(deps: Deps, grantId: string): Promise<EndOutcome> {
  const ledger = await deps.ledger();
  const taken = await ledger.write((q, now) => take(q, now, grantId));
  if ('outcome' in taken) return taken;
  if (taken.task === 'sessions') return endSessions(deps, taken);
  const { removed, ...end } = await remove(deps, taken);
  // Out for good: what is left is to be tried at once, and by itself again if it fails.
  const whole = end.outcome === 'sessions' ? await endGrant(deps, grantId) : { ...end, outcome: end.outcome };
  return removed === undefined ? whole : { ...whole, removed };
}

async function take(q: Queries, now: number, grantId: string): Promise<EndOutcome | Taken> {
  const grant = await q.grant(grantId);
  if (grant?.state !== 'revoking') return { outcome: 'ended' };
  const row = await q.membership(grant.membershipId);
  if (!row) throw new Error(`grant ${grant.id} has no membership`);
  const task = await leftToDo(q, row);
  if (task === undefined) {
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
  const sendBy = now + removeWithinMs;
  const busyUntil = sendBy + callWithinMs;
  const removing = task === 'removal';
  await q.record({
    ...about(grant, row),
    type: removing ? 'membership.remove' : 'sessions.end',
    data: { [removing ? 'removeBy' : 'sendBy']: sendBy },
  });
  const held = await q.changeMembership(row, {
    busyUntil,
    endSessions: row.endSessions || endsSessions(await q.request(grant.requestId), row.directory),
    // Sessions ended late cost a new grant one more sign-in, so nobody waits for that.
    ...(removing ? { quietUntil: Math.max(row.quietUntil, sendBy + quietMs), removeBy: sendBy } : {}),
  });
  return { task, held, quietBefore: row.quietUntil, takenAt: now, sendBy };
}

type Removal = { readonly outcome: EndOutcome['outcome'] | 'sessions'; readonly error?: ProviderError; readonly removed?: boolean };

async function remove(deps: Deps, { held, quietBefore, takenAt, sendBy }: Taken): Promise<Removal> {
  const ledger = await deps.ledger();
  const tried = await removeAndReadBack(deps, held, sendBy);
  return ledger.write<Removal>(async (q, now) => {
    const row = await q.membership(held.id);
    // Suspended until somebody else took the row: what we saw is old.
    if (row?.version !== held.version) return { outcome: 'busy' };
    if (tried.error || tried.still) {
      const lost = tried.error?.applied === 'unknown' && !tried.acknowledged;
      const quietUntil = lost ? Math.max(quietBefore, now + quietMs) : quietBefore;
      await q.changeMembership(row, { busyUntil: now, removeBy: now, quietUntil });
      const error =
        tried.error ??
        new ProviderError(row.directory, 'refused', `${row.userName} is still in ${titleOf(row.groupName)} after the removal`);
      await later(deps, q, now, { row, error, type: 'membership.remove-failed' });
      return { outcome: 'failed', error };
    }
    const free = { busyUntil: now, removeBy: now, quietUntil: quietBefore };
    // What was read before this process slept shows nobody who was put in since, and whom a sweep has left to this grant.
    if (now >= row.busyUntil) {
      await q.changeMembership(row, free);
      const error = new ProviderError(
        row.directory,
        'timeout',
        `taking ${row.userName} out of ${titleOf(row.groupName)} took too long to be sure of it`,
      );
      await later(deps, q, now, { row, error, type: 'membership.remove-failed' });
      return { outcome: 'failed', error, removed: tried.removed };
    }
    // An add may have landed behind this removal, and a read that lags would not show it.
    if (takenAt < quietBefore) {
      await q.changeMembership(row, free);
      for (const grant of await revokingOn(q, row)) await q.changeGrant(grant, { nextAttemptAt: quietBefore, next: null });
      return { outcome: 'quiet', removed: tried.removed };
    }
    // Read back absent, and nothing of ours can land any more: confirmed. Grants that came meanwhile wait for the row and start from a clean one.
    const out = await q.changeMembership(row, { ...free, owned: null, toldUntil: null });
    const left = await leftToDo(q, out);
    for (const grant of await revokingOn(q, row)) {
      if (left === undefined) await finish(q, now, grant, row, true);
      else await q.changeGrant(grant, { attempts: 0, nextAttemptAt: now, next: null });
    }
    return { outcome: left === undefined ? 'ended' : 'sessions', removed: tried.removed };
  });
}

/** The holder is out of the group; that they are signed in still is told, and tried again, like a removal that failed. */
async function endSessions(deps: Deps, { held, sendBy }: Taken): Promise<EndOutcome> {
  const ledger = await deps.ledger();
  const error = await tryEndSessions(deps, held, sendBy);
  return ledger.write<EndOutcome>(async (q, now) => {
    const row = await q.membership(held.id);
    if (row?.version !== held.version) return { outcome: 'busy' };
    await q.changeMembership(row, { busyUntil: now, endSessions: error !== undefined });
    if (error) {
      await later(deps, q, now, { row, error, type: 'sessions.end-failed' });
      return { outcome: 'failed', error };
    }
    for (const grant of await revokingOn(q, row)) {
      await q.record({ ...about(grant, row), type: 'sessions.ended' });
      await finish(q, now, grant, row, true);
    }
    return { outcome: 'ended' };
  });
}

async function tryEndSessions(deps: Deps, row: Membership, sendBy: number): Promise<ProviderError | undefined> {
  const stillOpen = ({ fault, message, applied, retryAfterMs, next }: ProviderError): ProviderError =>
    new ProviderError(row.directory, fault, `${row.userName} is out of ${titleOf(row.groupName)}, but still signed in: ${message}`, {
      applied,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(next === undefined ? {} : { next }),
    });
  try {
    const directory = await deps.directory(row.directory);
    if (!directory.endSessions) return stillOpen(new ProviderError(row.directory, 'refused', `${row.directory} cannot end sessions`));
    await directory.endSessions(row, { beforeWrite: await notAfter(deps, row, sendBy) });
    return undefined;
  } catch (error) {
    return stillOpen(toProviderError(row, error));
  }
}

/** How often a removal is read back before it is left to the next try. */
const looks = 3;

type Tried = { readonly acknowledged: boolean; readonly removed: boolean; readonly still?: boolean; readonly error?: ProviderError };

async function removeAndReadBack(deps: Deps, row: Membership, sendBy: number): Promise<Tried> {
  const beforeWrite = await notAfter(deps, row, sendBy);
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
    return { acknowledged, removed, error: toProviderError(row, error) };
  }
}

async function notAfter(deps: Deps, row: Membership, sendBy: number): Promise<() => void> {
  const ledger = await deps.ledger();
  return () => {
    if (ledger.now() >= sendBy) throw new ProviderError(row.directory, 'too-late', 'the time to send it has passed', { applied: 'no' });
  };
}

function toProviderError(row: Membership, error: unknown): ProviderError {
  if (isProviderError(error)) return error;
  if (isOncallError(error)) {
    const next = error.next === undefined ? {} : { next: error.next };
    return new ProviderError(row.directory, 'refused', error.message, { applied: 'no', cause: error, ...next });
  }
  throw error;
}

type Failure = {
  readonly row: Membership;
  readonly error: ProviderError;
  readonly type: 'membership.remove-failed' | 'sessions.end-failed';
};

async function later(deps: Deps, q: Queries, now: number, { row, error, type }: Failure): Promise<void> {
  for (const grant of await revokingOn(q, row)) {
    const attempts = grant.attempts + 1;
    await q.changeGrant(grant, {
      attempts,
      lastError: problem(error),
      next: error.retryable ? null : nextStep(error),
      nextAttemptAt: now + nextTryAfterMs(attempts, deps.random(), error.retryAfterMs),
    });
    await q.record({ ...about(grant, row), type, data: { attempts, error: problem(error), fault: error.fault } });
    if (attempts === stuckAfter) await q.record({ ...about(grant, row), type: 'grant.stuck', data: { attempts, error: problem(error) } });
  }
}

const revokingOn = async (q: Queries, row: Membership): Promise<readonly Grant[]> =>
  (await q.grantsOfMembership(row.id)).filter((grant) => grant.state === 'revoking');
