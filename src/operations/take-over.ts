/**
 * `adopt`: an admin takes over people who are in a group already, as standing or with an end. From then on they are there as if they had come through
 * oncall, and are taken out like anybody else. In no other way is anything ever removed that was not given: somebody said so, and it is on record.
 */

import type { Member } from '../directories/directory.ts';
import { isProviderError, nextStep, OncallError } from '../errors.ts';
import type { Queries } from '../ledger/ledger.ts';
import { isJustRemoved } from '../lifecycle/ownership.ts';
import { planReconcile } from '../lifecycle/reconcile.ts';
import { namedIn } from '../lifecycle/standing.ts';
import type { Actor, GroupPin } from '../lifecycle/types.ts';
import { nameOf } from '../policy/iam-role.ts';
import type { Role, Target } from '../policy/types.ts';
import { accountFault } from './accounts.ts';
import type { Deps } from './deps.ts';
import { requireFresh, requireSweep } from './gate.ts';
import { isExclusive, unknownRole } from './names.ts';
import { type Found, uncoveredIn } from './recover-list.ts';
import { requireAdmin } from './rights.ts';
import { takeOne } from './take-over-rows.ts';
import type { AdoptInput, AdoptMember, AdoptResult } from './take-over-types.ts';

type Reading = { readonly directory: string; readonly group: GroupPin; readonly members: readonly Member[]; readonly readAt: number };

/** Everything that it is about. */
export type TakingOver = {
  readonly input: AdoptInput;
  readonly actor: Actor;
  readonly role: Role;
  readonly target: Target;
  readonly reading: Reading;
  readonly askedAt: number;
};

export async function takeOver(deps: Deps, input: AdoptInput): Promise<AdoptResult> {
  const actor = await deps.actor();
  await requireAdmin(deps, actor, 'take over members');
  const { role, target } = chosenRole(deps, input);
  const ledger = await deps.ledger();
  if (input.end && 'untilMs' in input.end && input.end.untilMs <= ledger.now())
    throw new OncallError('end-over', 'the end that was asked for has passed already', { exit: 2, next: 'say a later one' });
  const askedAt = deps.now();
  const taking = { input, actor, role, target, reading: await read(deps, target, ledger.now()), askedAt };
  if (input.decided === undefined) return ledger.read((q, now) => listed(deps, q, now, taking));
  return ledger.write((q, now) => settle(deps, q, now, taking));
}

/** The role as which they are taken over: the group is the target of one, or it is none of this program's. */
function chosenRole({ policy }: Deps, { directory, group, role: named }: AdoptInput): { readonly role: Role; readonly target: Target } {
  const asked = { directory, group };
  const giving = Object.values(policy.roles).flatMap((role) => {
    const target = role.targets.find((one) => one.directory === directory && one.group.toLowerCase() === group.toLowerCase());
    return target === undefined ? [] : [{ role, target }];
  });
  const names = giving.map(({ role }) => role.name);
  if (named !== undefined && !Object.hasOwn(policy.roles, named)) throw unknownRole(policy, named);
  const [one, other] = named === undefined ? giving : giving.filter(({ role }) => role.name === named);
  if (giving.length === 0)
    throw new OncallError('not-managed', `no role of the policy gives ${nameOf(asked)}`, {
      exit: 2,
      why: Object.hasOwn(policy.directories, directory)
        ? 'only members of a group that a role gives can be taken over'
        : `there is no directory "${directory}"`,
      next: 'the roles, with their groups: oncall roles',
    });
  if (one === undefined)
    throw new OncallError('wrong-role', `${named} does not give ${nameOf(asked)}`, {
      exit: 2,
      next: `that is given by ${names.join(', ')}`,
    });
  if (other !== undefined)
    throw new OncallError('which-role', `several roles give ${nameOf(asked)}: ${names.join(', ')}`, {
      exit: 2,
      next: `say as which they are taken over: --role ${names[0]}`,
    });
  return one;
}

/** The whole group, as it is now. One whose members cannot be changed is refused: nobody could be taken out of it. */
async function read(deps: Deps, target: Target, readAt: number): Promise<Reading> {
  try {
    const directory = await deps.directory(target.directory);
    const group = await directory.findGroup(target.group, { signal: deps.signal });
    const members = group && (await directory.members(group, { signal: deps.signal }));
    if (group !== undefined && members !== undefined && members !== 'gone') return { directory: target.directory, group, members, readAt };
  } catch (error) {
    if (!isProviderError(error)) throw error;
    throw new OncallError(`directory-${error.fault}`, `${nameOf(target)} could not be read: ${error.message}`, {
      next: nextStep(error),
      cause: error,
    });
  }
  throw new OncallError('unknown-group', `${target.directory} has no group "${target.group}"`, { next: 'ask who keeps the policy' });
}

async function listed(deps: Deps, q: Queries, now: number, taking: TakingOver): Promise<AdoptResult> {
  const found = await uncovered(deps, q, taking);
  const members = found.map((one) => planned(deps, now, taking, one));
  return result(deps, taking, 'listed', members, []);
}

const uncovered = async (deps: Deps, q: Queries, { input, reading }: TakingOver): Promise<readonly Found[]> =>
  uncoveredIn(q, { policy: deps.policy, readings: [reading], kept: undefined, called: input.called ?? [] });

function result(
  deps: Deps,
  { role, target, reading }: TakingOver,
  what: AdoptResult['result'],
  members: readonly AdoptMember[],
  gone: readonly string[],
): AdoptResult {
  const exclusive = isExclusive(deps.policy, target.directory, target.group);
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { result: what, role: role.name, target, exclusive, members: sorted, covered: reading.members.length - members.length, gone };
}

/** What would become of a member. */
function planned(deps: Deps, now: number, { input: { end }, role, reading }: TakingOver, { told, row }: Found): AdoptMember {
  const { id, holder, people, because } = told;
  const about = { id, holder, people, because };
  const [email, other] = people;
  if (row !== undefined && (row.busyUntil > now || isJustRemoved(row, reading.readAt)))
    return { ...about, as: 'left', why: 'is being let in or taken out just now; the same again in two minutes' };
  if (email !== undefined && other === undefined && !deps.policy.blocked.includes(email)) {
    const named = namedIn(role, email, now);
    if (named !== undefined) return { ...about, as: 'standing', until: named.until };
  }
  if (end === undefined) return { ...about, as: 'left', why: `${role.name} does not name them under standing, and no end was said` };
  return { ...about, as: 'ending', until: 'forMs' in end ? now + end.forMs : end.untilMs };
}

/** All of them or nobody, and only as it was confirmed. Everything is looked at again, by a reading of a moment ago. */
async function settle(deps: Deps, q: Queries, now: number, taking: TakingOver): Promise<AdoptResult> {
  const { input, target, reading, askedAt } = taking;
  const decided = input.decided ?? { standing: [], ending: [] };
  const confirmed = new Map([
    ...decided.standing.map((id) => [id, 'standing'] as const),
    ...decided.ending.map((id) => [id, 'ending'] as const),
  ]);
  await requireSweep(deps, q, now, [target], false);
  requireFresh(askedAt, now);
  const fault = accountFault(await q.directories(), target.directory, reading.group.account);
  if (fault) throw fault;
  await q.pinDirectory(target.directory, reading.group.account);
  const found = await uncovered(deps, q, taking);
  const members: AdoptMember[] = [];
  for (const one of found) {
    const plan = planned(deps, now, taking, one);
    const wanted = confirmed.get(plan.id);
    if (wanted === undefined) members.push({ ...plan, as: 'left', why: plan.why ?? 'was not among those who were confirmed' });
    else if (plan.as === 'left') members.push(plan);
    else if (plan.as !== wanted) throw otherwise(plan, input);
    else members.push({ ...plan, requestId: await takeOne(deps, q, now, taking, one, plan) });
  }
  await noteIfClean(deps, q, now, taking);
  const there = new Set(found.map(({ told }) => told.id));
  return result(
    deps,
    taking,
    'adopted',
    members,
    [...confirmed.keys()].filter((id) => !there.has(id)),
  );
}

const otherwise = ({ id, as }: AdoptMember, { directory, group }: AdoptInput): OncallError =>
  new OncallError('changed-meanwhile', `${id} would be taken over otherwise than was confirmed; nothing was changed`, {
    why: as === 'standing' ? 'the policy names them under standing' : 'the policy does not name them under standing any more',
    next: `look at it again: oncall adopt ${directory}/${group} --dry-run`,
  });

/** Where nobody is left whom no grant explains, people are let in from here on, and not only after the next reading. */
async function noteIfClean(deps: Deps, q: Queries, now: number, { target, reading }: TakingOver): Promise<void> {
  const { group, members, readAt } = reading;
  if (!isExclusive(deps.policy, target.directory, group.groupName)) return;
  const known = await q.managedGroup(target.directory, group.groupId);
  if (known === undefined || known.cleanAt !== undefined) return;
  const rows = await q.membershipsOfGroup(target.directory, group.groupId);
  const { nobodyElse } = planReconcile({ members, readAt, rows, known: [], exclusive: true, first: false, clean: false, now });
  if (nobodyElse) await q.markClean(target.directory, group.groupId, now);
}
