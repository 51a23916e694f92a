/** Policies, facts and questions for the tests: each says only what it is about. */

import { factKey } from '../../src/policy/conditions.ts';
import { type DecideInput, decide } from '../../src/policy/decide.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import type { Fact, FactCondition, Policy, Role, Truth } from '../../src/policy/types.ts';
import { kinds } from './kinds.ts';

export const input = { path: '/etc/oncall/oncall.yaml', digest: 'd1', kinds };

/** A whole file around a role named `db`; `top` adds sections. */
export const fileWith = (role: string, top = ''): string => `version: 1
ledger: ./oncall.db
directories:
  local: { path: ./groups.json, exclusive: [db-admins] }
rosters:
  file: { path: ./schedule.yaml }
  paging: {}
${top}
roles:
  db:
    targets: { local: db-admins }
${role.replaceAll(/^/gm, '    ')}
`;

export function policyOf(text: string): Policy {
  const { policy, issues } = parsePolicy(text, input);
  if (policy === undefined)
    throw new Error(issues.map((issue) => `${issue.line}:${issue.column} ${issue.code} ${issue.message}`).join('\n'));
  return policy;
}

export function roleOf(role: string, top = ''): Role {
  const found = policyOf(fileWith(role, top)).roles.db;
  if (found === undefined) throw new Error('no role');
  return found;
}

export const at = (text: string): number => Date.parse(text);
export const now = at('2026-11-22T03:00:00Z');
export const hour = 3_600_000;
export const minute = 60_000;

export const onCall = (schedule: string): FactCondition => ({ kind: 'onCall', roster: 'file', schedule, levels: [] });
export const member = (group: string): FactCondition => ({ kind: 'member', directory: 'local', group });
export const incident: FactCondition = {
  kind: 'incident',
  roster: 'file',
  services: [],
  severities: [],
  types: [],
  anyIncident: true,
  selfMade: 'ask',
};

export const fact = (holds: Truth, more: Partial<Fact> = {}): Fact => ({
  holds,
  because: holds === 'unknown' ? 'no answer' : `it is ${holds}`,
  ...more,
});

export type Known = readonly (readonly [FactCondition, Fact])[];

export const factsOf = (known: Known) => new Map(known.map(([condition, one]) => [factKey(condition), one]));

export function ask(role: Role, known: Known, more: Partial<DecideInput> = {}) {
  const policy = { digest: 'd1', blocked: ['eve@acme.dev'] };
  return decide({
    role,
    policy,
    email: 'maria@acme.dev',
    client: undefined,
    asked: { byDefault: true },
    now,
    facts: factsOf(known),
    ...more,
  });
}
