/** Break-glass: the way in for the night when nobody can be asked. Who may, for how long, and who looks at it afterwards. */

import type { RoleCheck } from './checks.ts';
import { factConditions } from './conditions.ts';
import { formatDuration } from './duration.ts';
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

/** For whoever looks at it; not without what they found. */
export const reviewCommand = (id: string): string => `oncall approve ${id} --reason "…"`;

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
  const { defaultMs, maxMs } = role.breakGlass.ttl;
  if (defaultMs > maxMs)
    report({ code: 'ttl-default-over-max', message: 'the default is longer than the maximum', path: [...at, 'ttl', 'default'] });
  if (maxMs <= role.ttl.maxMs) return;
  const [emergency, usual] = [formatDuration(maxMs), formatDuration(role.ttl.maxMs)];
  report({
    severity: 'warning',
    code: 'break-glass-long',
    message: `an emergency, to which nobody says yes, may last ${emergency}, and what somebody is given ${usual} at most`,
    hint: 'write a shorter "max" under "ttl" of "breakGlass"; whoever needs longer asks somebody',
    path: [...at, 'ttl', 'max'],
  });
}
