/** Whether IAM roles stand only where they can be given. */

import type { RoleCheck } from './checks.ts';
import { iamRoleIn, isIamArn, titleOf } from './iam-role.ts';
import type { Fault } from './issue.ts';
import type { GivesIamRole } from './sources.ts';

export function iamRolesCanBeGiven({ role, path, givesIamRole, report }: RoleCheck): void {
  for (const directory of new Set(role.targets.map((target) => target.directory))) {
    const groups = role.targets.filter((target) => target.directory === directory).map(({ group }) => group);
    const at = { path: [...path, 'targets', directory], on: 'key' as const };
    // What a parameter stands for may be no part of a name.
    for (const group of groups.filter((one) => isIamArn(one) && iamRoleIn(one) === undefined))
      report({ code: 'bad-value', message: `"${group}" is not the ARN of an IAM role`, path: at.path });
    for (const fault of iamRoleFaults(directory, groups, givesIamRole(directory))) report({ ...fault, ...at });
  }
}

/** Those among the groups of a directory that are IAM roles which it cannot give. */
export function iamRoleFaults(
  directory: string,
  groups: readonly string[],
  gives: GivesIamRole | undefined,
): readonly Omit<Fault, 'path'>[] {
  const roles = groups.filter((group) => iamRoleIn(group) !== undefined).map((group) => ({ group, can: gives?.(group) }));
  if (roles.some(({ can }) => can === false)) {
    const hint = 'only a directory of kind aws-iam can: name a group here';
    return [{ code: 'no-iam-role', message: `${directory} cannot give IAM roles`, hint }];
  }
  return roles.flatMap(({ group, can }) =>
    typeof can === 'string' ? [{ code: 'no-iam-role', message: `${directory} cannot give the ${titleOf(group)}: ${can}` }] : [],
  );
}
