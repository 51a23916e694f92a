/** What a role must not say about those who approve it: a number of people that there are not, a turn that never comes. */

import type { RoleCheck } from './checks.ts';
import { formatDuration } from './duration.ts';
import type { Path } from './issue.ts';
import type { Condition } from './types.ts';

export const approvalChecks: readonly ((check: RoleCheck) => void)[] = [quorumIsThere, turnsCome];

const where = ({ path, keys }: RoleCheck, key: string): Path => (keys.includes(key) ? [...path, key] : ['defaults', key]);

function quorumIsThere(check: RoleCheck): void {
  const { role, keys, path, report } = check;
  if (keys.includes('quorum') && role.approvers.length === 0) {
    report({ code: 'orphan-key', message: '"quorum" means nothing without "approvers"', path: [...path, 'quorum'], on: 'key' });
  }
  const people = new Set<string>();
  // A group or a shift may be of any size.
  if (role.quorum === undefined || role.approvers.length === 0) return;
  if (!role.approvers.every(({ condition }) => collect(condition, people)) || people.size >= role.quorum) return;
  const message = `${role.quorum} people would have to say yes to ${role.name}, and "approvers" names ${people.size}`;
  report({ code: 'quorum-too-large', message, hint: 'name more of them, or ask fewer', path: where(check, 'quorum') });
}

/** Whether the condition names its people one by one. */
function collect(condition: Condition, people: Set<string>): boolean {
  if (condition.kind === 'user') people.add(condition.email);
  if (condition.kind === 'any') return condition.conditions.every((one) => collect(one, people));
  return condition.kind === 'user';
}

function turnsCome(check: RoleCheck): void {
  const { role, keys, report } = check;
  const { escalateMs, withinMs, approvers } = role;
  if (escalateMs === undefined) return;
  if (keys.includes('escalate') && approvers.length < 2) {
    const message = '"escalate" goes from one item of "approvers" to the next, and there are not two';
    report({ severity: 'warning', code: 'escalate-unused', message, path: where(check, 'escalate'), on: 'key' });
  }
  const last = escalateMs * (approvers.length - 1);
  if (last < withinMs) return;
  const message = `the last approver's turn would come after ${formatDuration(last)}, when the request has waited its ${formatDuration(withinMs)}`;
  report({ code: 'escalate-too-slow', message, hint: 'make "escalate" shorter, or "within" longer', path: where(check, 'escalate') });
}
