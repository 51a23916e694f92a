/** Finds the person and the groups of a role, so that the intent can be pinned to ids. */

import type { FoundGroup } from '../directories/directory.ts';
import { isOncallError, isProviderError, nextStep, OncallError } from '../errors.ts';
import type { Pin } from '../lifecycle/types.ts';
import { iamRoleIn } from '../policy/iam-role.ts';
import type { Role, Target } from '../policy/types.ts';
import type { Deps } from './deps.ts';
import type { Lookups } from './lookups.ts';
import { nameIn, whereRenamed } from './names.ts';
import type { TargetFailure } from './types.ts';

export type PinnedTarget = { readonly target: Target; readonly pin: Pin } & Pick<FoundGroup, 'longestSessionMs'>;
export type Pins = {
  readonly pinned: readonly PinnedTarget[];
  readonly missing: readonly TargetFailure[] /** The first failure as an error. */;
  readonly fault?: OncallError;
};

/** Never throws for provider trouble: targets stand alone, and one that cannot be found is told beside the others. */
export async function pinTargets(deps: Deps, world: Lookups, role: Role, email: string): Promise<Pins> {
  const pinned: PinnedTarget[] = [];
  const missing: TargetFailure[] = [];
  let fault: OncallError | undefined;
  await Promise.all(
    role.targets.map(async (target) => {
      try {
        pinned.push({ target, ...(await pinTarget(deps, world, target, email)) });
      } catch (error) {
        if (!isOncallError(error) && !isProviderError(error)) throw error;
        const next = isProviderError(error) ? nextStep(error) : error.next;
        missing.push({ target, message: error.message, ...(next === undefined ? {} : { next }) });
        fault ??= isOncallError(error)
          ? error
          : new OncallError(`directory-${error.fault}`, error.message, {
              why: `${target.directory} was asked for "${target.group}"; nothing was changed`,
              next: nextStep(error),
              cause: error,
            });
      }
    }),
  );
  const order = (target: Target): number => role.targets.indexOf(target);
  pinned.sort((a, b) => order(a.target) - order(b.target));
  missing.sort((a, b) => order(a.target) - order(b.target));
  return { pinned, missing, ...(fault === undefined ? {} : { fault }) };
}

async function pinTarget(deps: Deps, world: Lookups, target: Target, email: string): Promise<Omit<PinnedTarget, 'target'>> {
  const { directory, group } = target;
  const [user, found] = await Promise.all([world.user(directory, email), world.group(directory, group, 'change')]);
  const name = nameIn(deps.policy, directory, email);
  if (!found) {
    const isRole = iamRoleIn(group) !== undefined;
    throw new OncallError('unknown-group', `${directory} has no ${isRole ? 'IAM role' : 'group'} "${group}"`, {
      why: 'the policy names it as a target',
      next: `ask who keeps the policy; oncall never makes ${isRole ? 'an IAM role' : 'a group'}`,
    });
  }
  if (!user) {
    throw new OncallError('unknown-user', `${directory} has no user "${name}"`, {
      why: name === email ? 'the e-mail is no user name there' : `the policy (people:) gives ${email} that name there`,
      next: whereRenamed(email),
    });
  }
  if (!user.active)
    throw new OncallError('inactive-user', `${user.userName} is not active in ${directory}`, { next: `ask who runs ${directory}` });
  const { longestSessionMs, ...pin } = found;
  return { pin: { ...pin, userId: user.userId, userName: user.userName }, ...(longestSessionMs === undefined ? {} : { longestSessionMs }) };
}
