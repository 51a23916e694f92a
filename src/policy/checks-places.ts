/** Places are counted by role: where a second role leads into the same group, more people could be in it at once than there are places. */

import { nameOf } from './iam-role.ts';
import type { Report } from './issue.ts';
import type { Role, Target } from './types.ts';

const writtenAs = ({ name, family }: Role): string => family?.name ?? name;

/** Folded, because IAM's names are the same whatever their case. */
const keyOf = (target: Target): string => nameOf(target).toLowerCase();

/** Told once for each role of the file, however many "params" makes of it. */
export function placesAreNotShared(roles: readonly Role[], report: Report): void {
  const leading = new Map<string, readonly Role[]>();
  for (const role of roles.filter(({ maxHolders }) => maxHolders !== undefined))
    for (const target of role.targets) leading.set(keyOf(target), []);
  for (const role of roles) {
    for (const key of new Set(role.targets.map(keyOf))) {
      const known = leading.get(key);
      // Two are enough to tell it; a family may have hundreds.
      if (known !== undefined && known.length < 2) leading.set(key, [...known, role]);
    }
  }
  const told = new Set<string>();
  for (const role of roles) {
    if (role.maxHolders === undefined || told.has(writtenAs(role))) continue;
    const shared = role.targets.find((target) => (leading.get(keyOf(target)) ?? []).length > 1);
    const other = shared && leading.get(keyOf(shared))?.find((one) => one !== role);
    if (shared === undefined || other === undefined) continue;
    told.add(writtenAs(role));
    report({ code: 'shared-places', ...textOf(role, other, nameOf(shared)), path: ['roles', writtenAs(role), 'maxHolders'] });
  }
}

function textOf(role: Role, other: Role, group: string): { readonly message: string; readonly hint: string } {
  const [own, others] = [writtenAs(role), writtenAs(other)];
  if (own === others) {
    return {
      message: `each of the roles that "params" makes of ${own} has places of its own, and several of them lead into ${group}`,
      hint: 'name every parameter in this group, or make it a role of its own',
    };
  }
  return {
    message: `${others} leads into ${group} too, and its people are counted by no place here`,
    hint: `let one role alone have this group: name another one in ${others}, or write who gets in by it into ${own} and take it out`,
  };
}
