/** P1 to P3: of a family of roles each gives what its own value stands for, and whoever asks for one, or ends it, means no other. */

import { familyOf } from './approvers.ts';
import { groupIdOf } from './company.ts';
import type { GrantRow, RequestRow } from './rows.ts';
import { count, type Process, violate, type World } from './world.ts';

/** P1: by what it is called, whatever the policy makes of that. */
export function checkValue(world: World, { id, requestId, membershipId }: GrantRow): void {
  const role = world.rows.requests.get(requestId)?.role ?? '';
  if (familyOf(role) === undefined) return;
  const groupId = world.rows.memberships.get(membershipId)?.groupId ?? '';
  count(world, `let in by ${role}`);
  // Of another account, or made anew, it is another group of the same name.
  if (groupId.replace(/^X|\..*/g, '') !== groupIdOf(role.slice(role.indexOf('=') + 1)))
    violate(world, `P1: grant ${id} gives ${groupId}, and was asked for as ${role}`);
}

/** P2: who asks for a role changes nothing of another. */
export function checkAsksFor(world: World, { what }: Process, { id, role }: RequestRow): void {
  if (what.startsWith('request ') && !`${what} `.startsWith(`request ${role} `))
    violate(world, `P2: ${what} has changed ${id}, which is for ${role}`);
}

type Revoked = { readonly id?: string; readonly holder?: string; readonly role?: string; readonly all?: true };

/** P3: who takes access away takes what they have named, a role or a whole family of them. */
export function checkRevokes(world: World, { what }: Process, { id, email, role }: RequestRow): void {
  if (!what.startsWith('revoke {')) return;
  const named = JSON.parse(what.slice('revoke '.length)) as Revoked;
  const isNamed = named.all || named.id === id || named.holder === email || named.role === role || named.role === familyOf(role);
  if (!isNamed) violate(world, `P3: ${what} has ended ${id} of ${email}, which is for ${role}`);
}
