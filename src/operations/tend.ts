/** Reads every directory once: for its heartbeat, and every so often whole groups, to find members that no grant explains. */

import type { Directory, Member } from '../directories/directory.ts';
import { isOncallError, isProviderError, nextStep } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { planReconcile } from '../lifecycle/reconcile.ts';
import type { GroupPin } from '../lifecycle/types.ts';
import { accountFault } from './accounts.ts';
import { adopt } from './adopt.ts';
import { standing } from './anchor.ts';
import type { Deps } from './deps.ts';
import { whyClockIsOff } from './gate.ts';
import { leftIn, noteLeftIn } from './left-in.ts';
import { foldedGroup, groupsGiven, isExclusive } from './names.ts';
import { isOverdue } from './sweep.ts';
import type { SweepStep } from './types.ts';

export async function tend(deps: Deps): Promise<readonly SweepStep[]> {
  const names = deps.policyFault === undefined ? Object.keys(deps.policy.directories) : [];
  const ledger = await deps.ledger();
  const { inUse, behindMs, beats, now } = await ledger.read(async (q, at) => ({
    inUse: await q.groupsInUse(at),
    behindMs: q.clockBehindMs,
    beats: await q.directories(),
    now: at,
  }));
  await forgetClean(deps, inUse);
  const all = [...new Set([...names, ...inUse.map((group) => group.directory)])];
  const steps = await Promise.all(
    all.map(async (name): Promise<readonly SweepStep[]> => {
      try {
        return await tendOne(
          deps,
          name,
          inUse.filter((group) => group.directory === name),
          names.includes(name),
        );
      } catch (error) {
        if (!isOncallError(error) && !isProviderError(error)) throw error;
        const lastAt = beats.find((row) => row.name === name)?.heartbeatAt;
        const passes = isProviderError(error) && error.retryable && now - (lastAt ?? 0) <= deps.policy.sweep.refuseWhenLateMs;
        const next = isProviderError(error) ? nextStep(error) : error.next;
        return [
          {
            action: 'heartbeat',
            // An outage of a minute wakes nobody; one for which grants are refused does.
            outcome: passes ? 'later' : 'failed',
            because: error.message.startsWith(`${name} `) ? error.message : `${name}: ${error.message}`,
            ...(next === undefined ? {} : { next }),
          },
        ];
      }
    }),
  );
  // Ends come late while the clock is off; nobody may take the sweep's word that all is well.
  const because = whyClockIsOff(deps, behindMs);
  const left = await leftIn(deps);
  return [
    ...steps.flat(),
    ...left,
    ...(because === undefined ? [] : [{ action: 'heartbeat' as const, outcome: 'failed' as const, because }]),
  ];
}

type ManagedGroup = Awaited<ReturnType<Queries['managedGroups']>>[number];

/** A group that is not read now, or not as an exclusive one: that it was clean once must not count when it is read as such again, with whoever came meanwhile. */
async function forgetClean(deps: Deps, inUse: readonly (GroupPin & { readonly directory: string })[]): Promise<void> {
  if (deps.policyFault !== undefined) return;
  const given = groupsGiven(deps.policy);
  const isRead = ({ directory, groupId, groupName }: ManagedGroup): boolean =>
    given.has(foldedGroup(directory, groupName)) || inUse.some((group) => group.directory === directory && group.groupId === groupId);
  const stale = (groups: readonly ManagedGroup[]) =>
    groups.filter((one) => one.cleanAt !== undefined && !(isExclusive(deps.policy, one.directory, one.groupName) && isRead(one)));
  const ledger = await deps.ledger();
  if (await ledger.read(async (q) => stale(await q.managedGroups()).length === 0)) return;
  await ledger.write(async (q) => {
    for (const { directory, groupId } of stale(await q.managedGroups())) await q.markClean(directory, groupId, undefined);
  });
}

async function tendOne(deps: Deps, name: string, inUse: readonly GroupPin[], beats: boolean): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const directory = await deps.directory(name);
  const { account, due, overdue } = await ledger.read(async (q, now) => {
    const row = (await q.directories()).find((one) => one.name === name);
    const live = (await q.liveGrants()).filter((grant) => grant.target.directory === name);
    const unanswered = (await q.groupsInUse(now)).some((group) => group.directory === name && group.unanswered);
    const interval = deps.policy.sweep.reconcileMs;
    return {
      account: row?.account ?? '',
      due: row?.reconciledAt === undefined || now - row.reconciledAt >= interval || unanswered,
      overdue: live.some((grant) => isOverdue(grant, now, deps.policy.sweep.refuseWhenLateMs)),
    };
  });

  const steps: SweepStep[] = [];
  const groups = await groupsOf(deps, directory, name, inUse, due);
  const elsewhere = account === '' ? undefined : groups.find((group) => group.account !== account);
  if (elsewhere) throw accountFault([{ name, account }], name, elsewhere.account);
  if (due) for (const group of groups) steps.push(...(await reconcile(deps, directory, name, group)));
  if (beats && !overdue) {
    await ledger.write(async (q, now) => {
      // Here, where it is written: the clock may have been set since, and a provider's is known once it has answered.
      if (whyClockIsOff(deps, q.clockBehindMs) !== undefined) return;
      // A ledger that has lost what it knew must grant to nobody, also to those who keep no head of it.
      if ((await standing(deps.anchor, q, now)).fault === undefined) await q.beat(name, now, due);
    });
  }
  return steps;
}

/** `named`: the policy's name leads to it now. One that grants stand on may have been renamed since, and what the policy says of that name is said of another. */
type Managed = GroupPin & { readonly named: boolean };

/** The policy's groups of this directory by name, and those that grants stand on by id. Without `all` one is enough to show that it can be read. */
async function groupsOf(
  deps: Deps,
  directory: Directory,
  name: string,
  inUse: readonly GroupPin[],
  all: boolean,
): Promise<readonly Managed[]> {
  const targets = Object.values(deps.policy.roles).flatMap((role) => role.targets);
  const exclusive = inUse.map(({ groupName }) => groupName).filter((group) => isExclusive(deps.policy, name, group));
  const names = [...new Set([...targets.filter((target) => target.directory === name).map((target) => target.group), ...exclusive])];
  const asked = all ? names : names.slice(0, 1);
  const found = (await Promise.all(asked.map((group) => directory.findGroup(group, { toRead: true })))).filter((pin) => pin !== undefined);
  const both = [...inUse.map((pin) => ({ ...pin, named: false })), ...found.map((pin) => ({ ...pin, named: true }))];
  return [...new Map(both.map((pin) => [pin.groupId, pin])).values()];
}

async function reconcile(deps: Deps, directory: Directory, name: string, group: Managed): Promise<readonly SweepStep[]> {
  const ledger = await deps.ledger();
  const readAt = ledger.now();
  const members = await directory.members(group, {});
  if (members === 'gone') return [];
  return ledger.write((q, now) => settleReading(deps, q, now, { name, group, members, readAt }));
}

type GroupReading = { readonly name: string; readonly group: Managed; readonly members: readonly Member[]; readonly readAt: number };

async function settleReading(
  deps: Deps,
  q: Queries,
  now: number,
  { name, group, members, readAt }: GroupReading,
): Promise<readonly SweepStep[]> {
  const known = await q.managedGroup(name, group.groupId);
  const strangers = await q.strangers(name, group.groupId);
  const exclusive = group.named && isExclusive(deps.policy, name, group.groupName);
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
  if (known && group.named && known.groupName !== group.groupName) await q.renameManagedGroup(name, group.groupId, group.groupName);
  if (!known) await q.insertManagedGroup({ directory: name, groupId: group.groupId, groupName: group.groupName, firstReadAt: now });
  if (!exclusive || plan.tooMany) await q.markClean(name, group.groupId, undefined);
  else if (plan.nobodyElse && (await standing(deps.anchor, q, now)).fault === undefined) await q.markClean(name, group.groupId, now);
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
    steps.push({ action: 'drift', outcome: 'done', holder: member.userName, target, because: leftAlone(plan.tooMany) });
  }
  await noteLeftIn(q, now, { directory: name, groupId: group.groupId }, { members: members.length, exclusive, isLeft: plan.tooMany });
  for (const { member, row, because } of plan.adopt) {
    await adopt(deps, q, now, { member, row, name, group, because, reason: 'failed', actor: 'sweep' });
    steps.push({ action: 'adopt', outcome: 'done', holder: member.userName, target, because });
  }
  return steps;
}

const leftAlone = (tooMany: boolean): string =>
  tooMany
    ? 'in an exclusive group without oncall, and too many others are as well to take them out unasked; left alone'
    : 'came in without oncall; left alone';
