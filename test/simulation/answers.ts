/** What those do who are asked: look at what waits for them, say yes or no, and look at what was done in an emergency. */

import type { Actor } from '../../src/lifecycle/types.ts';
import type { Condition } from '../../src/policy/types.ts';
import { deputies, signIns } from './approvers.ts';
import { boss } from './company.ts';
import { actorOf, launch, type Storage } from './process.ts';
import type { RequestRow } from './rows.ts';
import type { World } from './world.ts';
import { exactly, takesYes } from './yes.ts';

/** Under any of their sign-ins, and by what they were shown or by the id alone. */
export function approves(world: World, storage: Storage, request: RequestRow): void {
  const { random } = world;
  const { id, email } = request;
  const actor = takesYes(request) ? signInFor(world, request) : actorOf(random.chance(0.1) ? email : boss);
  const shown = takesYes(request) && random.chance(0.5) ? world.yes.shown.get(id) : undefined;
  const who = { what: `approve ${id}`, email: actor.email, actor, ...(shown === undefined ? {} : { seen: shown.what }) };
  launch(world, storage, who, (operations) => operations.approve({ id, ...(shown === undefined ? {} : { seen: shown.digest }) }));
}

/** Any of them; where there is a line most often one whom the policy names, or it would be short. */
function signInFor({ policy, random }: World, { role }: RequestRow): Actor {
  const { approvers = [], maxHolders } = policy.roles[role] ?? {};
  const may = signIns.filter(({ email }) => approvers.some(({ condition }) => couldBe(condition, email)));
  return random.pick(maxHolders !== undefined && may.length > 0 && random.chance(0.7) ? may : signIns);
}

function couldBe(condition: Condition, email: string): boolean {
  if (condition.kind === 'any') return condition.conditions.some((one) => couldBe(one, email));
  if (condition.kind === 'onCall') return deputies.people.some((one) => one === email);
  return condition.kind === 'user' && condition.email === email;
}

export function looks(world: World, storage: Storage): void {
  const { policy, random } = world;
  const actor = random.pick(signIns);
  launch(world, storage, { what: 'look', email: actor.email, actor }, async (operations) => {
    const found = await operations.waiting();
    for (const { id, role, requester, asked, targets, digest } of found.requests) {
      const what = exactly(policy, { role, email: requester.email, asked: JSON.stringify(asked), targets: JSON.stringify(targets) });
      world.yes.shown.set(id, { digest, what });
    }
    return found;
  });
}

export function reviews(world: World, storage: Storage, id: string): void {
  const actor = world.random.pick(signIns);
  launch(world, storage, { what: `review ${id}`, email: actor.email, actor }, (operations) =>
    operations.approve({ id, reason: 'all in order' }),
  );
}
