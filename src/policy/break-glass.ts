/** Break-glass: the way in for the night when nobody can be asked. Who may, for how long, and who looks at it afterwards. */

import type { RoleCheck } from './checks.ts';
import { factConditions } from './conditions.ts';
import type { Role, Rule } from './types.ts';

export type BreakGlass = {
  /** Whoever meets one of these may; none of them asks a roster. */
  readonly when: readonly Rule[];
  readonly ttl: { readonly defaultMs: number; readonly maxMs: number };
  readonly review: { readonly by: readonly Rule[]; readonly withinMs: number };
};

/** The role as it is for whoever breaks the glass: `when` in place of its other rules, nobody to ask, and an end of its own. What denies still denies. */
export function emergencyRole(role: Role, { when, ttl }: BreakGlass): Role {
  return { ...role, allow: when, ask: [], approvers: [], ttl, reason: 'required', whenUnknown: 'deny' };
}

const asksRoster = (rules: readonly Rule[]): boolean => factConditions(rules).some(({ kind }) => kind !== 'member');

export function breakGlassHolds({ role, path, report }: RoleCheck): void {
  if (role.breakGlass === undefined) return;
  const at = [...path, 'breakGlass'];
  if (asksRoster(role.breakGlass.when)) {
    const message = 'this asks a roster, and break-glass is for when rosters do not answer';
    report({ code: 'break-glass-roster', message, hint: 'name people, or members of a group', path: [...at, 'when'] });
  }
  if (asksRoster(role.deny)) {
    report({
      severity: 'warning',
      code: 'break-glass-roster',
      message: 'a "deny" of this role asks a roster: while that does not answer, nobody breaks the glass',
      hint: 'what denies is never skipped; deny by members of a group, or by name',
      path: [...path, 'deny'],
    });
  }
  if (role.breakGlass.ttl.defaultMs <= role.breakGlass.ttl.maxMs) return;
  report({ code: 'ttl-default-over-max', message: 'the default is longer than the maximum', path: [...at, 'ttl', 'default'] });
}
