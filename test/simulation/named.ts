/** Standing access in the simulation, and members whom an admin takes over: what the program owes to who is named, and to who was in before. */

import { standingMs } from '../../src/lifecycle/standing.ts';
import type { SweepResult } from '../../src/operations/types.ts';
import { boss, groupIdOf, keyOf, named, userIdOf } from './company.ts';
import { minute } from './config.ts';
import { launch, type Storage } from './process.ts';
import type { GrantRow, RequestRow } from './rows.ts';
import { count, type Process, violate, type World } from './world.ts';

export const isStanding = ({ origin }: Pick<RequestRow, 'origin'>): boolean => origin === 'standing';

const isNamed = ({ policy }: Process, { role, email }: Pick<RequestRow, 'role' | 'email'>): boolean =>
  policy.roles[role]?.standing?.people.some((one) => one.email === email) ?? false;

const isGivenBack = ({ approvals }: RequestRow): boolean =>
  (JSON.parse(approvals) as { answer: string }[]).some(({ answer }) => answer === 'no');

/** S1 and S2: as standing comes in, and stays, whom the policy of who decided names; never far into the future, and not once it was given back. */
export function checkNamedIn(world: World, process: Process, request: RequestRow, isNew: boolean): void {
  if (isNew) count(world, 'somebody who is named was let in');
  if (!isNamed(process, request)) violate(world, `S1: ${request.email} is standing by ${request.id}, and nobody names them`);
  if ((request.expiresAt ?? 0) > world.rows.clock + standingMs + minute) violate(world, `S1: ${request.id} ends later than a week ahead`);
  const before = [...world.rows.requests.values()].find(
    (one) => one.id !== request.id && isStanding(one) && one.email === request.email && isGivenBack(one),
  );
  // One was given back, and the policy says what it said then.
  if (isNew && before && !process.what.startsWith('adopt'))
    violate(world, `S2: ${request.id} is given again, and ${before.id} was given back`);
}

/** S3: a sweep ends it for whom the policy does not name, or in a group that the role no longer has. Gives whether it was for that. */
export function isEndOfNamed(world: World, process: Process, { membershipId }: GrantRow, request: RequestRow): boolean {
  if (!isStanding(request)) return false;
  const row = world.rows.memberships.get(membershipId);
  const targets = process.policy.roles[request.role]?.targets ?? [];
  const users = row && world.accounts.get(row.directory)?.own.users;
  // Made anew, and another user now.
  const leads = users && [...users].find(([, user]) => user.email === request.email)?.[0];
  if (leads !== undefined && leads !== row?.userId) return true;
  const isTarget = targets.some(({ directory, group }) => row?.groupId.split('.')[0] === groupIdOf(group) && directory === row.directory);
  if (isNamed(process, request) && isTarget) return false;
  count(world, 'what was standing ended as the policy no longer says so');
  return true;
}

/** S4: who was in before us and was taken over is ours from here on, and nobody else is. */
export function takenOver(world: World, process: Process, { id, membershipId }: GrantRow): void {
  const row = world.rows.memberships.get(membershipId);
  if (!row || !process.what.startsWith('adopt')) {
    violate(world, `S4: grant ${id} stands for somebody whom nobody let in, and nobody took over`);
    return;
  }
  const key = keyOf(row.directory, row.groupId);
  world.standing.get(key)?.delete(row.userId);
  world.takenOver.add(`${key} ${row.userId}`);
}

/** S5: after a run of its own nobody is standing whom the policy does not name, and who is named is in where nothing is in the way. */
export function checkNamedSwept(world: World, process: Process, { steps }: Pick<SweepResult, 'steps'>): void {
  const { grants, requests } = world.rows;
  for (const grant of grants.values()) {
    const request = requests.get(grant.requestId);
    if (grant.state !== 'active' || request === undefined || !isStanding(request) || isNamed(process, request)) continue;
    violate(world, `S5: ${request.email} is no longer named, and a sweep has left grant ${grant.id}`);
  }
  const { churn, calm, adminRemove } = world.config;
  const key = keyOf(named.directory, groupIdOf(named.group));
  const role = process.policy.roles[named.role];
  if (!calm || churn + adminRemove > 0 || role?.standing === undefined || !world.rows.clean.has(key)) return;
  for (const { email } of role.standing.people) {
    const own = [...requests.values()].filter((one) => isStanding(one) && one.email === email);
    const told = steps.some(({ action, holder, outcome }) => action === 'give' && holder === email && outcome !== 'done');
    if (told || own.some(isGivenBack)) continue;
    count(world, 'somebody who is named was looked for');
    if (!world.members.get(key)?.has(userIdOf(email))) violate(world, `S5: ${email} is named, and a sweep has not let them in`);
  }
}

/** An admin takes over who is in a group of some role without a grant: all of them, or the first. */
export function adopts(world: World, storage: Storage): void {
  const { random, policy, config } = world;
  // Nobody is in the group of the role with one place but through the tool; and who is taken over takes no place.
  const roles = Object.values(policy.roles).filter(({ maxHolders, targets }) => maxHolders === undefined && targets.length > 0);
  if (roles.length === 0) return;
  const role = random.pick(roles);
  const target = random.pick(role.targets);
  const input = { ...target, role: role.name, end: { forMs: random.between(minute, config.longestMs) } };
  const all = random.chance(0.6);
  launch(world, storage, { what: `adopt ${target.directory}/${target.group} as ${role.name}`, email: boss }, async (operations) => {
    const { members } = await operations.adopt(input);
    const chosen = all ? members : members.slice(0, 1);
    const ids = (as: string): readonly string[] => chosen.filter((member) => member.as === as).map(({ id }) => id);
    return operations.adopt({ ...input, decided: { standing: ids('standing'), ending: ids('ending') } });
  });
}
