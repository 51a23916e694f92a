/** The company of the simulation: two directories, a roster, and roles that overlap, ask, exclude one another or span two groups. */

import type { Condition, Policy, Role, Rule } from '../../src/policy/types.ts';
import { type Config, minute, type RoleName } from './config.ts';

export const boss = 'boss@acme.dev';
export const userNames = ['ana@acme.dev', 'bo@acme.dev', 'cy@acme.dev'] as const;
/** In some groups from the beginning, beside whoever comes and goes. */
export const standing = 'standing@acme.dev';

export const groupsOf: Readonly<Record<string, readonly string[]>> = { okta: ['prod', 'web', 'console'], aws: ['dbs'] };
/** Nobody is in it but through the tool, and administrators keep their hands off. */
export const exclusiveGroup = { directory: 'okta', group: 'console' } as const;

export const userIdOf = (email: string): string => `U-${email.slice(0, email.indexOf('@'))}`;
export const emailOf = (userId: string): string => `${userId.slice(2)}@acme.dev`;
export const groupIdOf = (group: string): string => `G-${group}`;
export const keyOf = (directory: string, groupId: string): string => `${directory}/${groupId}`;

const user = (email: string): Condition => ({ kind: 'user', email });
const onCall: Condition = { kind: 'onCall', roster: 'pager', schedule: 'primary', levels: [] };
const anybody: Condition = { kind: 'any', conditions: [...userNames, standing].map(user) };
const rule = (name: string, condition: Condition, until?: 'shift'): Rule => ({
  name,
  condition,
  graceMs: minute,
  ...(until === undefined ? {} : { until }),
});

const prod = { directory: 'okta', group: 'prod' } as const;
const dbs = { directory: 'aws', group: 'dbs' } as const;

const given: Readonly<Record<RoleName, Partial<Role>>> = {
  viewer: { targets: [prod] },
  operator: { targets: [prod], allow: [rule('operator.allow[0]', onCall)] },
  'two-groups': { targets: [prod, dbs] },
  solo: { targets: [exclusiveGroup], maxHolders: 1 },
  asked: { targets: [{ directory: 'okta', group: 'web' }], allow: [], ask: [rule('asked.ask[0]', anybody)] },
  shift: { targets: [dbs], allow: [rule('shift.allow[0]', onCall, 'shift')] },
};

export function policyOf(config: Config): Policy {
  const role = (name: RoleName): Role => ({
    name,
    targets: [],
    ttl: { defaultMs: config.longestMs / 2, maxMs: config.longestMs },
    deny: [],
    allow: [rule(`${name}.allow[0]`, anybody)],
    ask: [],
    approvers: [rule(`${name}.approvers[0]`, { kind: 'any', conditions: [anybody, user(boss)] })],
    withinMs: 30 * minute,
    reason: 'optional',
    whenUnknown: 'deny',
    ...given[name],
  });
  const directory = (name: string) => ({ name, kind: 'simulated', settings: {}, userName: 'email' as const });
  return {
    path: '/oncall.yaml',
    digest: 'd'.repeat(64),
    ledger: { sqlite: ':memory:' },
    identity: [{ kind: 'local' }],
    admins: [rule('admins[0]', user(boss))],
    sweep: { refuseWhenLateMs: config.refuseWhenLateMs, reconcileMs: config.reconcileMs },
    directories: { okta: { ...directory('okta'), exclusive: [exclusiveGroup.group] }, aws: { ...directory('aws'), exclusive: [] } },
    rosters: { pager: { name: 'pager', kind: 'simulated', settings: {} } },
    people: {},
    blocked: [],
    roles: Object.fromEntries(config.roles.map((name) => [name, role(name)])),
  };
}
