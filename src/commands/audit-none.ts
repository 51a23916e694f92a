/** What `audit list` says where nothing is left of the trail: a name that was mistyped must not read like "nobody had access". */

import { isOncallError } from '../errors.ts';
import type { RoleView } from '../operations/types.ts';
import { nearest } from '../policy/nearest.ts';
import { canonicalName } from '../policy/params.ts';
import type { Filter } from './audit-filter.ts';
import type { Context } from './command.ts';

const mostNames = 10;

/** Nothing where no name was given. */
export async function noneOf(
  what: 'access' | 'event',
  { role, user, since, until }: Filter,
  context: Context,
): Promise<string | undefined> {
  if (role === undefined && user === undefined) return undefined;
  const of = [...(role === undefined ? [] : [`of role ${role}`]), ...(user === undefined ? [] : [`about ${user.toLowerCase()}`])].join(' ');
  const when = since === undefined && until === undefined ? '' : ', of that time';
  const found = `no ${what} ${of} is in what you may read of the trail${when}`;
  return role === undefined ? found : `${found}${await otherRoles(role, context)}`;
}

async function otherRoles(typed: string, context: Context): Promise<string> {
  const roles = await (await context.operations()).roles().catch((error: unknown): readonly RoleView[] => {
    // What was asked for has been answered.
    if (isOncallError(error)) return [];
    throw error;
  });
  const names = [...new Set(roles.flatMap(({ name, family }) => [name, ...(family === undefined ? [] : [family.name])]))];
  const name = canonicalName(typed);
  if (names.length === 0 || names.includes(name)) return '';
  const guess = nearest(name, names);
  const more = names.length > mostNames ? `, … (${names.length})` : '';
  const known = guess === undefined ? `its roles: ${names.slice(0, mostNames).join(', ')}${more}` : `did you mean "${guess}"?`;
  return `; the policy has no such role, ${known}`;
}
