/** No sweep, no grants: whoever gives access must know that it will be taken back. */

import { OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { clockSkewMs, factsWithinMs } from '../lifecycle/limits.ts';
import { formatDuration } from '../policy/duration.ts';
import { nameOf } from '../policy/iam-role.ts';
import type { Policy, Target } from '../policy/types.ts';
import { requireNotBehind } from './anchor.ts';
import type { Deps } from './deps.ts';
import { adoptCommand, isExclusive, ledgerClock } from './names.ts';
import type { SweepAge } from './types.ts';

/** The oldest heartbeat among `directories`, by name. */
export async function sweepAge(q: Queries, now: number, policy: Policy, directories: readonly string[]): Promise<SweepAge> {
  const rows = await q.directories();
  const beats = [...new Set(directories)].map((name) => ({ name, at: rows.find((row) => row.name === name)?.heartbeatAt }));
  const oldest = beats.sort((a, b) => (a.at ?? 0) - (b.at ?? 0))[0];
  if (!oldest) return { late: false };
  const late = oldest.at === undefined || now - oldest.at > policy.sweep.refuseWhenLateMs;
  return { directory: oldest.name, late, ...(oldest.at === undefined ? {} : { lastAt: oldest.at }) };
}

/** Throws where nothing may be granted on these targets now: the clock is off, the ledger has lost what it knew, or the sweep is late. */
export async function requireSweep(deps: Deps, q: Queries, now: number, targets: readonly Target[], override: boolean): Promise<void> {
  requireClock(deps, q);
  await requireNotBehind(deps, q, now);
  const age = await sweepAge(
    q,
    now,
    deps.policy,
    targets.map((target) => target.directory),
  );
  if (age.late && !override) {
    const since =
      age.lastAt === undefined
        ? `has never run for ${age.directory}`
        : `last ended its work on ${age.directory} ${formatDuration(now - age.lastAt)} ago`;
    throw new OncallError('sweep-late', `nothing is granted while the sweep is late: it ${since}`, {
      why: `what would take the access back is not running (refuseWhenLate is ${formatDuration(deps.policy.sweep.refuseWhenLateMs)})`,
      next: deps.throughBroker
        ? 'tell whoever runs the broker; it says in its log why it cannot sweep'
        : 'oncall sweep, and from cron as the README shows',
    });
  }
}

/** Throws where the world was asked so long ago that its answers no longer count. */
export function requireFresh(askedAt: number, now: number): void {
  if (Math.abs(now - askedAt) <= factsWithinMs) return;
  throw new OncallError('facts-old', 'too much time has passed since the policy was checked; nothing was granted', {
    why: 'meanwhile this process was suspended, or the clock of its host was set',
    next: 'ask again',
  });
}

/** Throws where an exclusive group was never read, or has members whom nothing explains. */
export async function requireAccounted(deps: Deps, q: Queries, directory: string, groupId: string, groupName: string): Promise<void> {
  if (!isExclusive(deps.policy, directory, groupName)) return;
  const group = await q.managedGroup(directory, groupId);
  const name = nameOf({ directory, group: groupName });
  if (!group) {
    throw new OncallError('group-unread', `${name} is exclusive, and no sweep has read its members yet`, {
      next: 'oncall sweep',
    });
  }
  if (group.cleanAt !== undefined) return;
  const names = (await q.strangers(directory, groupId)).map((stranger) => stranger.userName);
  if (names.length === 0) {
    throw new OncallError('group-unread', `${name} is exclusive, and no sweep has found since who its members are`, {
      next: 'oncall sweep',
    });
  }
  throw new OncallError('uncovered-members', `${name} is exclusive, but ${names.length} of its members did not come through oncall`, {
    why: names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : ''),
    next: `an admin takes them over: ${adoptCommand({ directory, group: groupName })}; or take them out in ${directory}, then oncall sweep`,
  });
}

export const clockFault = (deps: Pick<Deps, 'policy' | 'throughBroker'>, behindMs: number): string =>
  `${ledgerClock(deps)}'s clock is ${formatDuration(behindMs)} behind what the ledger has seen`;

/** Why nobody may go by the ledger's clock; `undefined`: they may. */
export function whyClockIsOff(deps: Deps, behindMs: number): string | undefined {
  if (behindMs > clockSkewMs) return clockFault(deps, behindMs);
  const skewMs = deps.clockSkew() ?? 0;
  return skewMs > clockSkewMs ? `${ledgerClock(deps)}'s clock is ${formatDuration(skewMs)} off a provider's` : undefined;
}

function requireClock(deps: Deps, q: Queries): void {
  const off = Math.max(q.clockBehindMs, deps.clockSkew() ?? 0);
  if (off <= clockSkewMs) return;
  const whose = ledgerClock(deps);
  throw new OncallError('clock-skew', `${whose}'s clock is off by ${formatDuration(off)}`, {
    why:
      q.clockBehindMs > clockSkewMs
        ? 'the ledger has already seen a later time'
        : "a provider's clock says otherwise, and access must end at the right moment",
    next:
      whose === 'this host'
        ? 'set the clock (timedatectl), then ask again'
        : `set the clock of ${whose === 'the database' ? "the database's host" : whose}, then ask again`,
  });
}
