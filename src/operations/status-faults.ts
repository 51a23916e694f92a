/** What is wrong, and what is worth a look, as far as the ledger knows: for `status --check` and `doctor`. */

import type { Queries } from '../ledger/ledger.ts';
import { clockSkewMs, stuckAfter } from '../lifecycle/limits.ts';
import type { GrantView } from '../lifecycle/types.ts';
import { reviewCommand } from '../policy/break-glass.ts';
import { formatDuration } from '../policy/duration.ts';
import { nameOf } from '../policy/iam-role.ts';
import type { Policy, Target } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import { clockFault } from './gate.ts';
import { adoptCommand, hostNamed, isExclusive } from './names.ts';
import { rotationFaults } from './rotation-status.ts';
import type { StatusFault, StatusResult } from './types.ts';

export async function faultsIn(
  deps: Pick<Deps, 'policy' | 'throughBroker'>,
  q: Queries,
  now: number,
  live: readonly GrantView[],
  strangers: readonly Known[],
): Promise<readonly StatusFault[]> {
  const { policy } = deps;
  const allowance = policy.sweep.refuseWhenLateMs;
  const past = live.filter((grant) => grant.expiresAt !== undefined && now > grant.expiresAt + allowance);
  return [
    ...closed(deps, q),
    ...(q.clockBehindMs > clockSkewMs ? [{ code: 'clock' as const, message: clockFault(deps, q.clockBehindMs) }] : []),
    ...(await lateSweeps(policy, q, now)),
    ...past.map((grant) => ({ code: 'past-end' as const, message: `past its end: ${whatOf(grant)}`, grantId: grant.id })),
    ...live.flatMap(notEnding),
    ...uncovered(policy, strangers),
    ...(await overdueReviews(q, now)),
    ...(await rotationFaults(deps, q, now)),
    ...(await notTold(policy, q, now)),
  ];
}

async function overdueReviews(q: Queries, now: number): Promise<readonly StatusFault[]> {
  const overdue = (await q.openReviews()).filter(({ dueAt }) => dueAt < now);
  return overdue.map(({ requestId, role, holder, dueAt }) => ({
    code: 'review-overdue',
    message: `${holder} broke the glass of ${role}, and the review has been due for ${formatDuration(now - dueAt)}`,
    next: `a reviewer runs: ${reviewCommand(requestId)}`,
  }));
}

/** What is told then is as it was when it was left. */
function closed(deps: Pick<Deps, 'throughBroker'>, q: Queries): readonly StatusFault[] {
  if (q.closed === undefined) return [];
  const next = `name the ledger that is in use under \`ledger\` in the policy of ${hostNamed(deps)}`;
  return [{ code: 'ledger-moved', message: `nothing is written to this ledger: ${q.closed}`, next }];
}

/** A removal that was confirmed leaves nothing of ours; what is left to end then are the sessions. */
const isOut = ({ state, owned }: GrantView): boolean => state === 'revoking' && owned === undefined;

function whatOf(grant: GrantView): string {
  const { holder, target, requestId } = grant;
  return isOut(grant) ? `${holder}, not signed out (${requestId})` : `${holder} in ${nameOf(target)} (${requestId})`;
}

/** Tried too often, or waiting for somebody to change something: the sweep calls both a failure. */
function notEnding(grant: GrantView): readonly StatusFault[] {
  const { id, state, attempts, lastError = '', next } = grant;
  if (state !== 'revoking' || (attempts < stuckAfter && next === undefined)) return [];
  const told = { grantId: id, ...(next === undefined ? {} : { next }) };
  if (attempts >= stuckAfter) return [{ code: 'stuck', message: `stuck after ${attempts} tries: ${whatOf(grant)}: ${lastError}`, ...told }];
  const what = isOut(grant) ? `not signed out: ${grant.holder} (${grant.requestId})` : `still in: ${whatOf(grant)}`;
  return [{ code: 'action-needed', message: `${what}: ${lastError}`, ...told }];
}

/** One line for all directories: the cure is one. */
async function lateSweeps(policy: Policy, q: Queries, now: number): Promise<readonly StatusFault[]> {
  const rows = await q.directories();
  const beats = Object.keys(policy.directories).map((name) => ({ name, at: rows.find((row) => row.name === name)?.heartbeatAt }));
  const never = beats.filter(({ at }) => at === undefined).map(({ name }) => name);
  const late = beats.flatMap(({ name, at }) =>
    at !== undefined && now - at > policy.sweep.refuseWhenLateMs ? [`${name} ${formatDuration(now - at)} ago`] : [],
  );
  const parts = [
    ...(late.length === 0 ? [] : [`the sweep is late: ${late.join(', ')}`]),
    ...(never.length === 0 ? [] : [`never swept: ${never.join(', ')}`]),
  ];
  if (parts.length === 0) return [];
  return [{ code: 'late-sweep', message: `${parts.join('; ')}; nobody is let in there until it runs`, next: 'oncall sweep' }];
}

/** So long that somebody has to look, and nobody is told. */
const silentMs = 3_600_000;

async function notTold({ notify }: Policy, q: Queries, now: number): Promise<readonly StatusFault[]> {
  if (notify === undefined) return [];
  return (await q.channels()).flatMap(({ channel, failingSince, lastError, next }): readonly StatusFault[] => {
    if (!Object.hasOwn(notify, channel) || failingSince === null || now - failingSince < silentMs) return [];
    const message = `nobody is told by ${channel}, for ${formatDuration(now - failingSince)}: ${lastError}`;
    return [{ code: 'not-told', message, ...(next === null ? {} : { next }) }];
  });
}

type Stranger = Awaited<ReturnType<Queries['strangers']>>[number];

/** A member whom no grant explains, and where. */
type Known = { readonly stranger: Stranger; readonly target: Target };

export async function strangersIn(q: Queries): Promise<readonly Known[]> {
  const strangers = await q.strangers();
  if (strangers.length === 0) return [];
  const groups = await q.managedGroups();
  return strangers.flatMap((stranger) => {
    const group = groups.find((one) => one.directory === stranger.directory && one.groupId === stranger.groupId);
    return group === undefined ? [] : [{ stranger, target: { directory: group.directory, group: group.groupName } }];
  });
}

function uncovered(policy: Policy, strangers: readonly Known[]): readonly StatusFault[] {
  return strangers
    .filter(({ target }) => isExclusive(policy, target.directory, target.group))
    .map(({ stranger, target }, index, all) => ({
      code: 'uncovered',
      message: `${stranger.userName} is in ${nameOf(target)}, which is exclusive, without oncall`,
      // The cure is one for all of a group.
      ...(all[index + 1]?.stranger.groupId === stranger.groupId
        ? {}
        : { next: `an admin takes them over: ${adoptCommand(target)}; or take them out in ${target.directory}` }),
    }));
}

/** Known members of groups that are not ours alone: told, and no fault, because somebody may want them there. */
export function driftIn(policy: Policy, strangers: readonly Known[]): StatusResult['drift'] {
  const found = strangers.filter(
    ({ stranger, target }) => stranger.kind === 'drift' && !isExclusive(policy, target.directory, target.group),
  );
  const byGroup = new Map<string, { readonly target: Target; readonly userNames: readonly string[] }>();
  for (const { stranger, target } of found) {
    const key = JSON.stringify(target);
    byGroup.set(key, { target, userNames: [...(byGroup.get(key)?.userNames ?? []), stranger.userName] });
  }
  return [...byGroup.values()];
}
