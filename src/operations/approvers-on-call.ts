/** Who of a role's approvers is on call when a request comes, so that notices can mention them. Nothing rests on it. */

import { isOncallError, isProviderError } from '../errors.ts';
import { positiveLeaves } from '../policy/conditions.ts';
import type { OnCallCondition } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import { peopleKnownAs } from './names.ts';
import { takesYes } from './nobody-to-ask.ts';
import type { Asking } from './request.ts';

/** By the name of the rule: e-mails. */
export type ApproversOnCall = Readonly<Record<string, readonly string[]>>;

/** A schedule that many are on at once calls nobody in particular. */
const most = 5;

/** Members of groups are not asked for: a group can be large, and a mention of everybody calls nobody. */
export async function approversOnCall(deps: Deps, world: Lookups, asking: Omit<Asking, 'nobody'>, now: number): Promise<ApproversOnCall> {
  if (deps.policy.notify === undefined || !takesYes(deps, asking, now)) return {};
  const found = await Promise.all(
    asking.role.approvers.map(async ({ name, condition }) => {
      const leaves = positiveLeaves(condition).filter((leaf) => leaf.kind === 'onCall');
      return [name, [...new Set((await Promise.all(leaves.map((leaf) => onCallFor(deps, world, leaf)))).flat())]] as const;
    }),
  );
  return Object.fromEntries(found.filter(([, emails]) => emails.length > 0 && emails.length <= most));
}

async function onCallFor(deps: Deps, world: Lookups, leaf: OnCallCondition): Promise<readonly string[]> {
  try {
    const { shifts } = await world.shifts(leaf, deps.now());
    const people = shifts.flatMap(({ email }) => peopleKnownAs(deps.policy, leaf.roster, email));
    return people.filter((email) => !deps.policy.blocked.includes(email));
  } catch (error) {
    if (isOncallError(error) || isProviderError(error)) return [];
    throw error;
  }
}
