/** `status`: who holds what until when, and what is wrong. Reads the ledger only. */

import type { Queries } from '../ledger/ledger.ts';
import { clockSkewMs, stuckAfter } from '../lifecycle/limits.ts';
import type { GrantView, Request } from '../lifecycle/types.ts';
import { readNow, standing } from './anchor.ts';
import { isSame } from './approve.ts';
import type { Deps } from './deps.ts';
import { clockFault, sweepAge } from './gate.ts';
import { unknownRequest } from './names.ts';
import type { StatusInput, StatusResult, SweepAge } from './types.ts';

export async function status(deps: Deps, input: StatusInput): Promise<StatusResult> {
  const ledger = await deps.ledger();
  const actor = input.mine ? await deps.actor() : undefined;
  const anchor = readNow(deps.anchor);
  return ledger.read(async (q, now) => {
    const one = input.of === undefined ? undefined : await q.request(input.of);
    if (input.of !== undefined && !one && !Object.hasOwn(deps.policy.roles, input.of)) throw unknownRequest(input.of);
    const open = one ? [one] : await q.openRequests();
    const requests = open.filter(
      (request) => (actor ? isSame(actor, request.requester) : true) && (one || input.of === undefined || request.role === input.of),
    );
    const ids = new Set(requests.map((request) => request.id));
    const live = await q.liveGrants();
    const grants = one
      ? await q.grantsOfRequest(one.id)
      : await withEnded(
          q,
          requests,
          live.filter((grant) => ids.has(grant.requestId)),
        );
    const sweep = await sweepAge(q, now, deps.policy, Object.keys(deps.policy.directories));
    const { fault } = await standing(anchor, q, now);
    const lost = fault === undefined ? [] : [{ code: 'ledger-behind' as const, message: `${fault}; next: oncall ledger recover` }];
    const found = [...lost, ...(await faults(deps, q, now, live, sweep))];
    return { requests, grants, sweep, faults: found, courtesy: deps.courtesy, now };
  });
}

/** Of a role with several targets, the ended grants too, so that `1 of 2` can be told. */
async function withEnded(q: Queries, requests: readonly Request[], live: readonly GrantView[]): Promise<readonly GrantView[]> {
  const several = requests.filter((request) => request.targets.length > 1).map((request) => request.id);
  const whole = (await Promise.all(several.map((id) => q.grantsOfRequest(id)))).flat();
  return [...live.filter((grant) => !several.includes(grant.requestId)), ...whole];
}

async function faults(deps: Deps, q: Queries, now: number, live: readonly GrantView[], sweep: SweepAge): Promise<StatusResult['faults']> {
  const allowance = deps.policy.sweep.refuseWhenLateMs;
  const what = (grant: GrantView): string => `${grant.holder} in ${grant.target.directory}/${grant.target.group} (${grant.requestId})`;
  const past = live.filter((grant) => grant.expiresAt !== undefined && now > grant.expiresAt + allowance);
  const stuck = live.filter((grant) => grant.state === 'revoking' && grant.attempts >= stuckAfter);
  const exclusive = Object.entries(deps.policy.directories).flatMap(([name, source]) =>
    source.exclusive.map((group) => `${name}/${group}`),
  );
  const strangers = exclusive.length === 0 ? [] : await uncovered(q, exclusive);
  return [
    ...(q.clockBehindMs > clockSkewMs ? [{ code: 'clock' as const, message: clockFault(q.clockBehindMs) }] : []),
    ...(sweep.late
      ? [
          {
            code: 'late-sweep' as const,
            message:
              sweep.lastAt === undefined ? `the sweep has never run for ${sweep.directory}` : `the sweep is late for ${sweep.directory}`,
          },
        ]
      : []),
    ...past.map((grant) => ({ code: 'past-end' as const, message: `past its end: ${what(grant)}` })),
    ...stuck.map((grant) => ({
      code: 'stuck' as const,
      message: `stuck after ${grant.attempts} tries: ${what(grant)}: ${grant.lastError ?? ''}`,
    })),
    ...strangers.map((message) => ({ code: 'uncovered' as const, message })),
  ];
}

async function uncovered(q: Queries, exclusive: readonly string[]): Promise<readonly string[]> {
  const groups = await q.managedGroups();
  return (await q.strangers())
    .map((stranger) => ({
      stranger,
      group: groups.find((one) => one.directory === stranger.directory && one.groupId === stranger.groupId),
    }))
    .filter(({ group }) => group !== undefined && exclusive.includes(`${group.directory}/${group.groupName}`))
    .map(({ stranger, group }) => `${stranger.userName} is in ${group?.directory}/${group?.groupName}, which is exclusive, without oncall`);
}
