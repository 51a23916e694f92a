/** What a policy must not say about the line for a place. */

import type { RoleCheck } from './checks.ts';

export const lineChecks: readonly ((check: RoleCheck) => void)[] = [offersHavePlaces];

function offersHavePlaces({ role, path, report }: RoleCheck): void {
  if (role.offerForMs === undefined || role.maxHolders !== undefined) return;
  const message = 'nobody waits for a place of a role that has no limit';
  report({ code: 'offer-without-places', message, hint: 'set maxHolders, or take offerFor out', path: [...path, 'offerFor'], on: 'key' });
}
