/**
 * Where a directory keeps the end of a membership itself, it is told when that moves. The ledger's end comes first; until the directory has heard
 * of a later one, access ends there at the one that it knows. What it was told and answered is in the membership's row, so that any run can see what is left to tell.
 */

import { isProviderError, nextStep, ProviderError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { addWithinMs, callWithinMs, quietMs, rememberUnansweredMs } from '../lifecycle/limits.ts';
import type { Grant, Membership } from '../lifecycle/types.ts';
import { keepHead } from './anchor.ts';
import type { Deps } from './deps.ts';
import { endGrant, problem, targetOf } from './end.ts';
import { whyClockIsOff } from './gate.ts';
import { type Adding, fencesAfter, sendAdd, toProviderError } from './send-add.ts';
import type { RequestResult, SweepStep, TargetFailure } from './types.ts';

/** The latest end of the grants that are active on the membership, and of `also`. */
export async function latestEnd(q: Queries, membershipId: string, also?: string): Promise<number | undefined> {
  const standing = (await q.grantsOfMembership(membershipId)).filter(({ id, state }) => state === 'active' || id === also);
  const requests = await Promise.all(standing.map(({ requestId }) => q.request(requestId)));
  const ends = requests.flatMap((request) => request?.expiresAt ?? []);
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Memberships of these grants whose end the directory keeps. */
export async function withOwnEnd(q: Queries, grants: readonly Grant[]): Promise<readonly string[]> {
  const rows = await Promise.all(grants.map(({ membershipId }) => q.membership(membershipId)));
  return rows.flatMap((row) => (row?.toldUntil === undefined ? [] : [row.id]));
}

type Taken = { readonly before: Membership; readonly held: Membership; readonly until: number; readonly addBy: number };

/** `later`: another run is at it, or what it sent may still land. */
async function take(deps: Deps, q: Queries, now: number, membershipId: string): Promise<Taken | 'told' | 'later'> {
  const row = await q.membership(membershipId);
  if (row?.owned !== true || row.toldUntil === undefined) return 'told';
  const grants = await q.grantsOfMembership(row.id);
  const until = await latestEnd(q, row.id);
  // An activation tells the end by itself.
  const isActivating = grants.some(({ state }) => state === 'activating');
  if (!isActivating && (until === undefined || until === row.toldUntil || until <= now)) return 'told';
  // An earlier write that lands after this one would bring its own end back.
  if (isActivating || until === undefined || row.busyUntil > now || row.quietUntil > now) return 'later';
  if (whyClockIsOff(deps, q.clockBehindMs) !== undefined) return 'later';
  const addBy = Math.min(now + addWithinMs, until);
  const [first] = grants.filter(({ state }) => state === 'active');
  await q.record({
    type: 'membership.add',
    actor: 'oncall',
    ...(first && { grantId: first.id, requestId: first.requestId }),
    holder: row.holder,
    target: targetOf(row),
    data: { addBy, before: 'member', until },
  });
  const held = await q.changeMembership(row, {
    busyUntil: addBy + callWithinMs,
    addBy,
    quietUntil: addBy + quietMs,
    unansweredUntil: Math.max(row.unansweredUntil, addBy + rememberUnansweredMs),
    toldUntil: 0,
  });
  return { before: row, held, until, addBy };
}

/** `later` as above. `mayLetIn`: also who is not in any more, as they have just been allowed it anew. */
async function tell(deps: Deps, membershipId: string, mayLetIn: boolean): Promise<'told' | 'later' | ProviderError> {
  const ledger = await deps.ledger();
  const stays = mayLetIn ? true : await isToStay(deps, membershipId);
  if (stays !== true) return stays === false ? 'told' : stays;
  const taken = await ledger.write((q, now) => take(deps, q, now, membershipId));
  if (typeof taken === 'string') return taken;
  const { before, held, until, addBy } = taken;
  const sent = await send(deps, held, { until, addBy });
  const ending = await ledger.write(async (q, now) => {
    const row = await q.membership(held.id);
    // Suspended until somebody else took the row.
    if (row?.version !== held.version) return [];
    const lost = sent === 'seen' || (isProviderError(sent) && sent.applied === 'unknown');
    const told = sent === 'answered' ? { toldUntil: until } : lost ? {} : { toldUntil: before.toldUntil ?? 0 };
    await q.changeMembership(row, { busyUntil: now, ...fencesAfter(before, lost, now), ...told });
    return (await q.grantsOfMembership(row.id)).filter(({ state }) => state === 'revoking').map(({ id }) => id);
  });
  // Released or revoked while this was under way: its removal has waited.
  for (const id of ending) await endGrant(deps, id);
  return isProviderError(sent) ? sent : sent === 'seen' ? 'later' : 'told';
}

/** Who was taken out by hand stays out: only whoever is in, or was until the end that the directory knew, is kept in. */
async function isToStay(deps: Deps, membershipId: string): Promise<boolean | ProviderError> {
  const ledger = await deps.ledger();
  const row = await ledger.read((q) => q.membership(membershipId));
  if (row?.toldUntil === undefined) return false;
  if (row.toldUntil > 0 && row.toldUntil <= ledger.now()) return true;
  try {
    const directory = await deps.directory(row.directory);
    return (await directory.read(row, { signal: deps.signal })) === 'member';
  } catch (error) {
    return toProviderError(row.directory, error);
  }
}

async function send(deps: Deps, row: Membership, adding: Adding): Promise<'answered' | 'seen' | ProviderError> {
  const { fault } = await keepHead(deps);
  if (fault !== undefined) return new ProviderError(row.directory, 'refused', fault, { applied: 'no', next: 'oncall doctor' });
  try {
    return await sendAdd(deps, row, adding);
  } catch (error) {
    return toProviderError(row.directory, error);
  }
}

export function notMoved(failed: readonly (TargetFailure | undefined)[]): Pick<RequestResult, 'unmoved'> {
  const unmoved = failed.filter((failure) => failure !== undefined);
  return unmoved.length === 0 ? {} : { unmoved };
}

/** How long the one who asked for more waits for a run that is at it. */
const patienceMs = 10_000;
const pollMs = 250;

/** For who was given more just now. `undefined`: the directory knows of it. */
export async function moveEnd(deps: Deps, membershipId: string): Promise<TargetFailure | undefined> {
  const ledger = await deps.ledger();
  for (let waited = 0; ; waited += pollMs) {
    const told = await tell(deps, membershipId, true);
    if (told === 'told') return undefined;
    if (told === 'later' && waited < patienceMs && !deps.signal.aborted) {
      await deps.sleep(pollMs);
      continue;
    }
    const row = await ledger.read((q) => q.membership(membershipId));
    if (!row) return undefined;
    const target = targetOf(row);
    if (told !== 'later') return { target, message: problem(told), next: nextStep(told) };
    return { target, message: 'an earlier call may still land, or another run is at it', next: 'the next sweep tells it' };
  }
}

export type WhichEnds = { readonly of?: readonly string[]; readonly mayGoOn?: () => boolean };

/** What is left to tell: to whoever gave back the longest of several, and what nobody could tell so far. `of`: only where these grants stood. */
export async function moveEnds(deps: Deps, { of: grantIds, mayGoOn = () => true }: WhichEnds = {}): Promise<readonly SweepStep[]> {
  const steps: SweepStep[] = [];
  for (const row of await untold(deps, grantIds)) {
    if (!mayGoOn()) break;
    const outcome = await tell(deps, row.id, false);
    if (!isProviderError(outcome)) continue;
    const because = `its end there could not be moved: ${outcome.message}`;
    steps.push({ ...about(row), outcome: outcome.retryable ? 'later' : 'failed', because, next: nextStep(outcome) });
  }
  return steps;
}

/** What `moveEnds` would tell now. */
export const moveEndsPlan = async (deps: Deps): Promise<readonly SweepStep[]> =>
  (await untold(deps)).map((row) => ({ ...about(row), outcome: 'planned', because: 'its end there is not the one that holds' }));

async function untold(deps: Deps, grantIds?: readonly string[]): Promise<readonly Membership[]> {
  const ledger = await deps.ledger();
  return ledger.read(async (q) => {
    const ids = await q.untoldEnds();
    if (ids.length === 0) return [];
    const among = grantIds && new Set(await Promise.all(grantIds.map(async (id) => (await q.grant(id))?.membershipId)));
    const rows = await Promise.all(ids.filter((id) => among?.has(id) ?? true).map((id) => q.membership(id)));
    return rows.filter((row) => row !== undefined);
  });
}

const about = (row: Membership) => ({ action: 'move-end', holder: row.holder, target: targetOf(row) }) as const;
