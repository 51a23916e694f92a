/** Reads every directory once: for its heartbeat, and every so often whole groups, to find members that no grant explains. */

import type { Directory, Member } from '../directories/directory.ts';
import { isOncallError, isProviderError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { clockSkewMs } from '../lifecycle/limits.ts';
import { planReconcile } from '../lifecycle/reconcile.ts';
import type { GroupPin, Membership } from '../lifecycle/types.ts';
import type { Deps } from './deps.ts';
import { clockFault } from './gate.ts';
import { freeRequestId, randomId } from './intent.ts';
import { isExclusive } from './names.ts';
import { isOverdue } from './sweep.ts';
import type { SweepStep } from './types.ts';

export async function tend(deps: Deps): Promise<readonly SweepStep[]> {
  const names = deps.policyFault === undefined ? Object.keys(deps.policy.directories) : [];
  const ledger = await deps.ledger();
  const { inUse, behindMs } = await ledger.read(async (q, now) => ({ inUse: await q.groupsInUse(now), behindMs: q.clockBehindMs }));
  const clockIsOff = behindMs > clockSkewMs;
  const all = [...new Set([...names, ...inUse.map((group) => group.directory)])];
  const steps = await Promise.all(
    all.map(async (name): Promise<readonly SweepStep[]> => {
      try {
        return await tendOne(
          deps,
          name,
          inUse.filter((group) => group.directory === name),
          names.includes(name) && !clockIsOff,
        );
      } catch (error) {
        if (!isOncallError(error) && !isProviderError(error)) throw error;
        return [{ action: 'heartbeat', outcome: 'failed', because: `${name}: ${error.message}` }];
      }
    }),
  );
  // Ends come late while the clock is off; nobody may take the sweep's word that all is well.
  return [
    ...steps.flat(),
    ...(clockIsOff ? [{ action: 'heartbeat' as const, outcome: 'failed' as const, because: clockFault(behindMs) }] : []),
  ];
}

async function tendOne(deps: Deps, name: string, inUse: readonly GroupPin[], beats: boolean): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const directory = await deps.directory(name);
  const { due, overdue } = await ledger.read(async (q, now) => {
    const row = (await q.directories()).find((one) => one.name === name);
    const live = (await q.liveGrants()).filter((grant) => grant.target.directory === name);
    const unanswered = (await q.groupsInUse(now)).some((group) => group.directory === name && group.unanswered);
    const interval = deps.policy.sweep.reconcileMs;
    return {
      due: row?.reconciledAt === undefined || now - row.reconciledAt >= interval || unanswered,
      overdue: live.some((grant) => isOverdue(grant, now, deps.policy.sweep.refuseWhenLateMs)),
    };
  });

  const steps: SweepStep[] = [];
  const groups = await groupsOf(deps, directory, name, inUse, due);
  if (due) for (const group of groups) steps.push(...(await reconcile(deps, directory, name, group)));
  if (beats && !overdue) await ledger.write((q, now) => q.beat(name, now, due));
  return steps;
}

/** The policy's groups of this directory by name, and those that grants stand on by id. Without `all` one is enough to show that it can be read. */
async function groupsOf(
  deps: Deps,
  directory: Directory,
  name: string,
  inUse: readonly GroupPin[],
  all: boolean,
): Promise<readonly GroupPin[]> {
  const targets = Object.values(deps.policy.roles).flatMap((role) => role.targets);
  const named = [...new Set(targets.filter((target) => target.directory === name).map((target) => target.group))];
  const asked = all ? named : named.slice(0, 1);
  const found = (await Promise.all(asked.map((group) => directory.findGroup(group, { toRead: true })))).filter((pin) => pin !== undefined);
  const byId = new Map([...inUse, ...found].map((pin) => [pin.groupId, pin]));
  return [...byId.values()];
}

async function reconcile(deps: Deps, directory: Directory, name: string, group: GroupPin): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const readAt = ledger.now();
  const members = await directory.members(group, {});
  if (members === 'gone') return [];
  return ledger.write((q, now) => settleReading(deps, q, now, { name, group, members, readAt }));
}

type GroupReading = { readonly name: string; readonly group: GroupPin; readonly members: readonly Member[]; readonly readAt: number };

async function settleReading(
  deps: Deps,
  q: Queries,
  now: number,
  { name, group, members, readAt }: GroupReading,
): Promise<readonly SweepStep[]> {
  const known = await q.managedGroup(name, group.groupId);
  const strangers = await q.strangers(name, group.groupId);
  const exclusive = isExclusive(deps.policy, name, group.groupName);
  const plan = planReconcile({
    members,
    readAt,
    rows: await q.membershipsOfGroup(name, group.groupId),
    known: strangers.map((stranger) => stranger.userId),
    exclusive,
    first: known === undefined,
    clean: known?.cleanAt !== undefined,
    now,
  });
  const target = { directory: name, group: group.groupName };
  if (!known) await q.insertManagedGroup({ directory: name, groupId: group.groupId, groupName: group.groupName, firstReadAt: now });
  if (!exclusive) await q.markClean(name, group.groupId, undefined);
  else if (plan.nobodyElse) await q.markClean(name, group.groupId, now);
  for (const userId of plan.forget) await q.removeStranger(name, group.groupId, userId);

  const steps: SweepStep[] = [];
  for (const member of plan.baseline)
    await q.addStranger({ ...member, directory: name, groupId: group.groupId, kind: 'baseline', seenAt: now });
  if (plan.baseline.length > 0) {
    await q.record({ type: 'member.baseline', actor: 'sweep', target, data: { members: plan.baseline.map((member) => member.userName) } });
    steps.push({
      action: 'baseline',
      outcome: 'done',
      target,
      because: `first reading: ${plan.baseline.length} member${plan.baseline.length === 1 ? '' : 's'} who did not come through oncall`,
    });
  }
  for (const member of plan.drift) {
    await q.addStranger({ ...member, directory: name, groupId: group.groupId, kind: 'drift', seenAt: now });
    await q.record({ type: 'member.drift', actor: 'sweep', target, holder: member.userName });
    steps.push({ action: 'drift', outcome: 'done', holder: member.userName, target, because: 'came in without oncall; left alone' });
  }
  for (const { member, row, because } of plan.adopt) {
    await adopt(deps, q, now, {
      member,
      row: row ?? (await q.membershipAt(name, { ...group, userId: member.userId })),
      name,
      group,
      because,
    });
    steps.push({ action: 'adopt', outcome: 'done', holder: member.userName, target, because });
  }
  return steps;
}

type Adoption = {
  readonly member: Member;
  readonly row: Membership | undefined;
  readonly name: string;
  readonly group: GroupPin;
  readonly because: string;
};

/** Makes the membership ours and due, under the request that last stood on it, or one of its own. */
async function adopt(deps: Deps, q: Queries, now: number, { member, row, name, group, because }: Adoption): Promise<void> {
  const target = { directory: name, group: group.groupName };
  const pin = { account: group.account, groupId: group.groupId, groupName: group.groupName, ...member };
  const membership = row ?? (await q.insertMembership(randomId(deps, 12), name, member.userName, pin));
  await q.changeMembership(membership, { owned: true });
  let request = await q.lastRequestOfMembership(membership.id);
  if (request) {
    await q.reopenRequest(request);
  } else {
    request = {
      id: await freeRequestId(deps, q),
      requester: { issuer: 'oncall', subject: `sweep:${membership.id}`, email: member.userName },
      role: 'adopted',
      targets: [target],
      reason: because,
      asked: { byDefault: true },
      state: 'approved',
      requestedAt: now,
      startsAt: now,
      expiresAt: now,
      decision: {
        outcome: 'deny',
        heldBy: [],
        endsWith: [],
        undecided: false,
        approvers: [],
        findings: [],
        policyDigest: deps.policy.digest,
      },
      approvals: [],
      version: 1,
    };
    await q.insertRequest(request);
  }
  const id = `${request.id}.${(await q.countGrantsOfRequest(request.id)) + 1}`;
  await q.insertGrant({
    id,
    requestId: request.id,
    membershipId: membership.id,
    target,
    state: 'revoking',
    endReason: 'failed',
    attempts: 0,
    nextAttemptAt: now,
    lastError: because,
    createdAt: now,
    version: 1,
  });
  await q.record({
    type: 'member.adopted',
    actor: 'sweep',
    grantId: id,
    requestId: request.id,
    holder: member.userName,
    target,
    data: { because },
  });
}
