/** Of approvers who are asked one after the other: the items of which nobody is there to be asked, so that no time is spent on waiting for them. */

import { isOncallError, isProviderError } from '../errors.ts';
import type { Actor } from '../lifecycle/types.ts';
import { decideFor } from '../policy/incidents.ts';
import { clientOf } from '../policy/machine.ts';
import type { Condition, FactCondition, Finding, Truth } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import { nameIn } from './names.ts';
import type { Asking } from './request.ts';

/** One finding for each of them, for the request to keep. Who is in a group is not asked, only whether there is one: groups can be large. */
export async function nobodyToAsk(deps: Deps, world: Lookups, asking: Omit<Asking, 'nobody'>, now: number): Promise<readonly Finding[]> {
  const { role, actor: requester } = asking;
  const { approvers, escalateMs } = role;
  if (escalateMs === undefined || approvers.length < 2 || !takesYes(deps, asking, now)) return [];
  const about: About = { deps, world, requester };
  const found = await Promise.all(approvers.map(async ({ name, condition }) => ({ name, ...(await anybody(condition, about)) })));
  return found.flatMap(({ name, holds, because, source }) =>
    holds === true
      ? []
      : [
          {
            rule: name,
            effect: 'approver' as const,
            holds,
            because: `${because}, so nobody waits for them`,
            ...(source === undefined ? {} : { source }),
          },
        ],
  );
}

/** Who is let in at once waits for no more answers. */
export function takesYes({ policy }: Deps, { role, actor, input, facts }: Omit<Asking, 'nobody'>, now: number): boolean {
  const who = { email: actor.email, client: clientOf(actor) };
  const named = input.incident === undefined ? {} : { named: input.incident };
  return decideFor({ role, policy, ...who, asked: input.asked, now, facts }, named).decision.outcome === 'ask';
}

type About = { readonly deps: Deps; readonly world: Lookups; readonly requester: Actor };
type Anybody = { readonly holds: Truth; readonly because: string; readonly source?: string };

const yes: Anybody = { holds: true, because: '' };

async function anybody(condition: Condition, about: About): Promise<Anybody> {
  switch (condition.kind) {
    case 'user':
      return isThere(condition.email, about) ? yes : { holds: false, because: `${condition.email} cannot say yes to this` };
    case 'all':
    case 'any': {
      const all = await Promise.all(condition.conditions.map((one) => anybody(one, about)));
      const lacking = all.find(({ holds }) => holds === false) ?? all.find(({ holds }) => holds === 'unknown');
      return (condition.kind === 'any' ? all.find(({ holds }) => holds === true) : undefined) ?? lacking ?? yes;
    }
    case 'member':
    case 'onCall':
    case 'incident':
      return answered(condition, about);
    default:
      return yes;
  }
}

const isThere = (email: string, { deps: { policy }, requester }: About): boolean =>
  email !== requester.email && !policy.blocked.includes(email);

async function answered(condition: FactCondition, about: About): Promise<Anybody> {
  const source = condition.kind === 'member' ? condition.directory : condition.roster;
  try {
    return await look(condition, about);
  } catch (error) {
    if (!isOncallError(error) && !isProviderError(error)) throw error;
    return { holds: 'unknown', because: error.message, source };
  }
}

async function look(condition: FactCondition, about: About): Promise<Anybody> {
  const { deps, world, requester } = about;
  if (condition.kind === 'member') {
    const group = await world.group(condition.directory, condition.group, 'read');
    return group ? yes : { holds: 'unknown', because: `there is no group "${condition.group}" in ${condition.directory}` };
  }
  const own = nameIn(deps.policy, condition.roster, requester.email).toLowerCase();
  if (condition.kind === 'incident') {
    const { title, incidents } = await world.incidents(condition.roster, undefined);
    return incidents.length > 0 ? yes : { holds: false, because: 'there is no live incident', source: title };
  }
  const { title, shifts } = await world.shifts(condition, deps.now());
  if (shifts.some(({ email }) => email !== own)) return yes;
  const because = shifts.length === 0 ? 'nobody is on call' : 'nobody but the requester is on call';
  return { holds: false, because, source: title };
}
