/**
 * From a committed intent to access. The add *is* the access, so nothing here closes a row because of an error:
 * a grant that could not be activated goes to `revoking` and is taken out like any other.
 */

import { isProviderError, nextStep, ProviderError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { addWithinMs, callWithinMs, quietMs, rememberUnansweredMs } from '../lifecycle/limits.ts';
import { endsSessions, isJustRemoved, isUnanswered } from '../lifecycle/ownership.ts';
import type { Membership } from '../lifecycle/types.ts';
import { nameOf, titleOf } from '../policy/iam-role.ts';
import { keepHead } from './anchor.ts';
import type { Deps } from './deps.ts';
import { beginEnd, endGrant, problem, targetOf } from './end.ts';
import { latestEnd } from './move-end.ts';
import { fencesAfter, sendAdd, toProviderError, tries } from './send-add.ts';
import type { TargetFailure } from './types.ts';

const pollMs = 200;

type Taken = { readonly row: Membership; readonly addBy: number };

/** Brings one grant from `activating` to `active`, or begins its end. Provider trouble is given back, not thrown. */
export async function activate(deps: Deps, grantId: string): Promise<TargetFailure | undefined> {
  const taken = await takeRow(deps, grantId);
  return taken && 'row' in taken ? activateTaken(deps, grantId, taken) : taken;
}

/** Waits for the row while another process works on this membership, or a write of an earlier one may still land. `undefined`: the grant is no longer activating. */
async function takeRow(deps: Deps, grantId: string): Promise<Taken | TargetFailure | undefined> {
  const ledger = await deps.ledger();
  const said = new Set<string>();
  for (;;) {
    const step = await ledger.write((q, now) => tryToTake(q, now, grantId));
    if (step === 'over') return undefined;
    if (!('waiting' in step)) return step;
    // Off a terminal too: nobody takes two silent minutes for anything but a fault.
    if (!said.has(step.waiting)) deps.progress(step.text, { alsoOffTerminal: true });
    said.add(step.waiting);
    await deps.sleep(pollMs);
  }
}

type Waiting = { readonly waiting: 'run' | 'write'; readonly text: string };

async function tryToTake(q: Queries, now: number, grantId: string): Promise<Taken | TargetFailure | Waiting | 'over'> {
  const grant = await q.grant(grantId);
  if (grant?.state !== 'activating') return 'over';
  const request = await q.request(grant.requestId);
  const row = await q.membership(grant.membershipId);
  if (!request || !row) return 'over';
  const addBy = Math.min(grant.createdAt + addWithinMs, request.expiresAt ?? 0);
  const target = targetOf(row);
  const tooLate = async (because: string, next: string): Promise<TargetFailure> => {
    await beginEnd(q, now, grant, { reason: 'failed', actor: 'oncall', because });
    return { target, message: because, next };
  };
  const again = `oncall request ${request.role}`;
  if (now >= addBy) return tooLate('the membership was being changed by another run until it was too late', again);
  if (row.busyUntil > now) return { waiting: 'run', text: 'another run is changing this membership; waiting for it …' };
  // A removal that was never answered may still land, and would undo our add.
  const removing = (await q.grantsOfMembership(row.id)).some((other) => other.state === 'revoking');
  if (removing && row.quietUntil > now) {
    const [until, what] = [instant(row.quietUntil), unansweredOn(row)];
    // While this grant stands nothing ends that wait sooner.
    if (row.quietUntil >= addBy) return tooLate(`${what} was never answered and may still land until ${until}`, `after that: ${again}`);
    const wait = `${Math.ceil((row.quietUntil - now) / 1000)} s`;
    const text = `${what} was never answered and may still land; ${row.holder} is let in at ${until}, in ${wait} (Ctrl-C gives up)`;
    return { waiting: 'write', text };
  }
  return { row: await q.changeMembership(row, { busyUntil: addBy + callWithinMs }), addBy };
}

/** In texts instants are RFC 3339; the terminal shows them as local. */
const instant = (at: number): string => new Date(at).toISOString();

/** What the quiet time is for: a removal set it that far after itself, or else it is an add's. */
function unansweredOn(row: Membership): string {
  const target = nameOf(targetOf(row));
  return row.quietUntil === row.removeBy + quietMs
    ? `the removal from ${target} at ${instant(row.removeBy)}`
    : `an earlier call about ${target}`;
}

const unanchored = (row: Membership, fault: string): ProviderError =>
  new ProviderError(row.directory, 'refused', fault, { applied: 'no', next: 'oncall doctor names the file, and what is wrong with it' });

async function activateTaken(deps: Deps, grantId: string, { row, addBy }: Taken): Promise<TargetFailure | undefined> {
  const ledger = await deps.ledger();
  const directory = await deps.directory(row.directory).catch((error: unknown) => toProviderError(row.directory, error));
  if (isProviderError(directory)) return giveUp(deps, grantId, row, directory);

  const before = await withTries(deps, addBy, () => directory.read(row, { signal: deps.signal }));
  if (isProviderError(before)) return giveUp(deps, grantId, row, before);
  if (before === 'gone') {
    const gone = new ProviderError(
      row.directory,
      'not-found',
      `${row.userName} or ${titleOf(row.groupName)} has just been deleted in ${row.directory}`,
      { applied: 'no' },
    );
    return giveUp(deps, grantId, row, gone);
  }

  const claim = await claimOwnership(deps, grantId, row, { before, addBy, keepsEnd: directory.keepsEnd?.(row) ?? false });
  if (claim === undefined) return undefined;
  const { claimed, until, mayBeUndone } = claim;

  // First where no copy of the ledger brings it back: whoever is let in must not be forgotten with the ledger.
  const { fault } = await keepHead(deps);
  if (fault !== undefined) return giveUp(deps, grantId, claimed, unanchored(row, fault), { before: row, lost: false });
  // From here on an add may be in the directory, whatever happens.
  const sent = await sendAdd(deps, claimed, { addBy, until });
  if (isProviderError(sent)) return giveUp(deps, grantId, claimed, sent, { before: row, lost: sent.applied === 'unknown' });

  const over = await ledger.write(async (q, now) => {
    const grant = await q.grant(grantId);
    const held = await q.membership(row.id);
    if (!grant || held?.version !== claimed.version) return undefined;
    // A try that was never answered may still land: its quiet time, and the memory of it, stay.
    const answered = sent === 'answered';
    const told = answered && !mayBeUndone && held.toldUntil !== undefined ? { toldUntil: until } : {};
    await q.changeMembership(held, { busyUntil: now, ...fencesAfter(row, !answered, now), ...told });
    if (grant.state !== 'activating') return grant;
    const target = targetOf(held);
    const request = await q.request(grant.requestId);
    await q.changeGrant(grant, { state: 'active', activatedAt: now, nextAttemptAt: request?.expiresAt ?? now });
    await q.record({
      type: 'grant.active',
      actor: 'oncall',
      grantId,
      requestId: grant.requestId,
      holder: held.holder,
      target,
      data: { owned: true },
    });
    return undefined;
  });
  // Released or revoked while the add was under way: what was just added goes out again.
  if (over?.state === 'revoking') await endGrant(deps, grantId);
  return undefined;
}

type Claiming = { readonly before: 'member' | 'absent'; readonly addBy: number; readonly keepsEnd: boolean };

/** `mayBeUndone`: an earlier write, with another end, may still land after this one. */
type Claim = { readonly claimed: Membership; readonly until: number; readonly mayBeUndone: boolean };

/** Commits whether the membership is ours, before anything is sent. `undefined`: it is not, or the grant or the row is no longer ours to act on. */
async function claimOwnership(
  deps: Deps,
  grantId: string,
  row: Membership,
  { before, addBy, keepsEnd }: Claiming,
): Promise<Claim | undefined> {
  const ledger = await deps.ledger();
  return ledger.write(async (q, now) => {
    const grant = await q.grant(grantId);
    const held = await q.membership(row.id);
    if (held?.version !== row.version) return undefined;
    if (grant?.state !== 'activating') {
      await q.changeMembership(held, { busyUntil: now });
      return undefined;
    }
    const target = targetOf(held);
    const about = { actor: 'oncall', grantId, requestId: grant.requestId, holder: held.holder, target } as const;
    // Ours: absent now, or our earlier add has no confirmed removal, or what we see may be an add that was never answered, or what we have just removed.
    const owned = before === 'absent' || held.owned === true || isUnanswered(held, now) || isJustRemoved(held, now);
    const request = await q.request(grant.requestId);
    if (!owned) {
      // In for other reasons than ours, so signed in for them too.
      await q.changeMembership(held, { owned: false, endSessions: false, busyUntil: now });
      await q.changeGrant(grant, { state: 'active', activatedAt: now, nextAttemptAt: request?.expiresAt ?? now });
      await q.record({ type: 'grant.active', ...about, data: { owned: false } });
      return undefined;
    }
    const until = (await latestEnd(q, held.id, grantId)) ?? addBy;
    await q.record({ type: 'membership.add', ...about, data: { addBy, before, ...(keepsEnd ? { until } : {}) } });
    const claimed = await q.changeMembership(held, {
      owned: true,
      // Stays until sessions were ended after a removal: another role on the same group is no way around it.
      endSessions: held.endSessions || endsSessions(request, held.directory),
      addBy,
      quietUntil: Math.max(held.quietUntil, addBy + quietMs),
      unansweredUntil: Math.max(held.unansweredUntil, addBy + rememberUnansweredMs),
      ...(keepsEnd ? { toldUntil: 0 } : {}),
    });
    return { claimed, until, mayBeUndone: now < row.quietUntil };
  });
}

async function withTries<T>(deps: Deps, until: number, work: () => Promise<T>): Promise<T | ProviderError> {
  const ledger = await deps.ledger();
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const fault = toProviderError('', error);
      const wait = fault.retryAfterMs ?? 250 * 2 ** attempt * (0.5 + deps.random());
      if (!fault.retryable || attempt >= tries || deps.signal.aborted || ledger.now() + wait >= until) return fault;
      await deps.sleep(wait);
    }
  }
}

/**
 * Begins the end of a grant that could not be activated, and takes out at once what may have been added.
 * `sent`: where an add was tried: the row as it was before the claim, and whether an answer was lost.
 */
async function giveUp(
  deps: Deps,
  grantId: string,
  row: Membership,
  error: ProviderError,
  sent?: { readonly before: Membership; readonly lost: boolean },
): Promise<TargetFailure> {
  const ledger = await deps.ledger();
  const state = await ledger.write(async (q, now) => {
    const held = await q.membership(row.id);
    if (held?.version === row.version) {
      await q.changeMembership(held, { busyUntil: now, ...(sent ? fencesAfter(sent.before, sent.lost, now) : {}) });
    }
    const grant = await q.grant(grantId);
    if (grant?.state !== 'activating') return grant?.state;
    return (await beginEnd(q, now, grant, { reason: 'failed', actor: 'oncall', because: problem(error) })).state;
  });
  if (state === 'revoking') await endGrant(deps, grantId);
  // Of the add: by now the row may tell of a removal that failed as well.
  return { target: targetOf(row), message: problem(error), next: nextStep(error) };
}
