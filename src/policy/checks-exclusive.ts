/** What rests on everybody in a group having come through this tool needs the group to be listed as exclusive in its directory. */

import type { RoleCheck } from './checks.ts';
import { iamRoleIn, nameOf } from './iam-role.ts';

/** `why`: what others who may add people make impossible. */
export function notExclusive({ role, path, exclusive, report }: RoleCheck, key: string, why: string): void {
  for (const { directory, group } of role.targets) {
    const listed = exclusive(directory);
    if (listed === undefined || listed.includes(group)) continue;
    const entry = iamRoleIn(group) === undefined ? group : `{ assumeRole: ${group} }`;
    const hint = `list it: directories.${directory}.exclusive: [${entry}]`;
    const message = `${why} in ${nameOf({ directory, group })}, because others may add people to it`;
    report({ code: 'not-exclusive', message, hint, path: [...path, key] });
  }
}
