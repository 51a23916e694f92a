/** The company of the simulation: two directories, a roster, and roles that overlap, ask, exclude one another or span two groups. */

import type { Condition, Policy, Role, Rule } from '../../src/policy/types.ts';
import { access, approvers, emergency, firstLead, fourEyes, leads, lineEdits, peopleOf, twoKeys, yesEdits } from './approvers.ts';
import { type Config, graceMs, lineRoles, minute, type RoleName, yesRoles } from './config.ts';
import type { Random } from './random.ts';

export const boss = 'boss@acme.dev';
export const userNames = ['ana@acme.dev', 'bo@acme.dev', 'cy@acme.dev'] as const;
/** In some groups from the beginning, beside whoever comes and goes. */
export const standing = 'standing@acme.dev';

export const groupsOf: Readonly<Record<string, readonly string[]>> = {
  okta: ['prod', 'web', 'console', 'rota', 'desk', leads.group],
  aws: ['dbs'],
};
/** Nobody is in it but through the tool, and administrators keep their hands off. */
export const exclusiveGroup = { directory: 'okta', group: 'console' } as const;

export const people: readonly string[] = [...userNames, standing, boss];
/** Of those who have some of these roles: who there is. */
export const everybodyOf = (config: Pick<Config, 'roles'>): readonly string[] => (hasYes(config) ? [...people, ...approvers] : people);
const hasYes = ({ roles }: Pick<Config, 'roles'>): boolean => [...yesRoles, ...lineRoles].some((role) => roles.includes(role));
const hasLine = ({ roles }: Pick<Config, 'roles'>): boolean => lineRoles.some((role) => roles.includes(role));

/** Who is in which group from the beginning, and stays. */
export const staysIn: Readonly<Record<string, string>> = { prod: standing, web: standing, [leads.group]: firstLead };

/** As they were made first; what is made anew gets a number behind it. */
export const userIdOf = (email: string): string => `U-${email.slice(0, email.indexOf('@'))}`;
export const groupIdOf = (group: string): string => `G-${group}`;
export const keyOf = (directory: string, groupId: string): string => `${directory}/${groupId}`;

const user = (email: string): Condition => ({ kind: 'user', email });
const onCall: Condition = { kind: 'onCall', roster: 'pager', schedule: 'primary', levels: [] };
const anybody: Condition = { kind: 'any', conditions: [...userNames, standing].map(user) };
const onIncident: Condition = {
  ...{ kind: 'incident', roster: 'pager', services: [], severities: [], types: [] },
  ...{ anyIncident: true, selfMade: 'ask' },
};
const rule = (name: string, condition: Condition, until?: 'shift' | 'incident'): Rule => ({
  name,
  condition,
  graceMs,
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
  incident: { targets: [dbs], allow: [rule('incident.allow[0]', onIncident, 'incident')] },
  responder: {
    targets: [{ directory: 'okta', group: 'web' }],
    allow: [rule('responder.allow[0]', onCall, 'shift'), rule('responder.allow[1]', onIncident, 'incident')],
  },
  rota: {},
  named: {},
  'four-eyes': {},
  emergency: {},
  'two-keys': {},
  access: {},
};

/** Whoever is on call there is in by themselves; anybody may ask. */
const followed = ({ overlapMs, holdOverMs }: Config): Partial<Role> => ({
  targets: [{ directory: 'okta', group: 'rota' }],
  follows: { rule: rule('rota.follows', { kind: 'onCall', roster: 'pager', schedule: 'rota', levels: [] }), overlapMs, holdOverMs },
});

/** What an edit of the policy file can change; each is off at first. */
const edits = [
  'no-operator',
  'shorter',
  'viewer-in-web',
  'asked-in-dbs',
  'one-group-less',
  'web-exclusive',
  'dbs-exclusive',
  'no-rota',
  'fewer-named',
  'nobody-named',
  'named-in-web',
] as const;
export type Variant = readonly (typeof edits | typeof yesEdits | typeof lineEdits)[number][];

/** Those that change what the policy says about who says yes. */
const answerEdits = (config: Config): Variant => (hasLine(config) ? [...yesEdits, ...lineEdits] : yesEdits);

/** Of what the policy says about those who say yes, some is otherwise from the beginning. */
export const firstVariant = (random: Random, config: Config): Variant =>
  hasYes(config) ? answerEdits(config).filter(() => random.chance(0.15)) : [];

export function nextVariant(random: Random, config: Config, variant: Variant): Variant {
  const edit = random.pick<Variant[number]>(hasYes(config) && random.chance(0.7) ? answerEdits(config) : edits);
  return variant.includes(edit) ? variant.filter((one) => one !== edit) : [...variant, edit];
}

export const named = { role: 'named', directory: 'okta', group: 'desk' } as const;

/** In a group of its own, and sometimes in one that people are added to by hand as well. */
const namedRole = (has: (edit: Variant[number]) => boolean): Partial<Role> => ({
  targets: [{ directory: named.directory, group: named.group }, ...(has('named-in-web') ? [{ directory: 'okta', group: 'web' }] : [])],
  ...(has('nobody-named') ? {} : { standing: standingOf(has('fewer-named') ? userNames.slice(0, 1) : userNames.slice(0, 2)) }),
});

const standingOf = (emails: readonly string[]): NonNullable<Role['standing']> => ({
  people: emails.map((email) => ({ email, why: 'named' })),
  reviewAt: Date.UTC(2027, 0, 1),
  ifMissed: 'alert',
});

const web = { directory: 'okta', group: 'web' } as const;

export function policyOf(config: Config, variant: Variant = []): Policy {
  const has = (edit: Variant[number]): boolean => variant.includes(edit);
  const maxMs = has('shorter') ? config.longestMs / 4 : config.longestMs;
  const edited: Readonly<Partial<Record<RoleName, Partial<Role>>>> = {
    ...(has('viewer-in-web') ? { viewer: { targets: [prod, web] } } : {}),
    ...(has('asked-in-dbs') ? { asked: { ...given.asked, targets: [web, dbs] } } : {}),
    ...(has('one-group-less') ? { 'two-groups': { targets: [prod] } } : {}),
  };
  const role = (name: RoleName): Role => ({
    name,
    targets: [],
    ttl: { defaultMs: maxMs / 2, maxMs },
    deny: [],
    allow: [rule(`${name}.allow[0]`, anybody)],
    ask: [],
    approvers: [rule(`${name}.approvers[0]`, { kind: 'any', conditions: [anybody, user(boss)] })],
    withinMs: 30 * minute,
    reason: 'optional',
    whenUnknown: 'deny',
    ...given[name],
    ...(name === 'rota' ? followed(config) : {}),
    ...(name === 'named' ? namedRole(has) : {}),
    ...(name === 'four-eyes' ? fourEyes(has) : {}),
    ...(name === 'two-keys' ? twoKeys(has) : {}),
    ...(name === 'emergency' ? { allow: [rule('emergency.allow[0]', onCall)], ...emergency(config, has) } : {}),
    ...edited[name],
  });
  const directory = (name: string) => ({ name, kind: 'simulated', settings: {}, userName: 'email' as const });
  return {
    path: '/oncall.yaml',
    digest: variant.join('-').padEnd(64, 'd'),
    ledger: { sqlite: ':memory:' },
    identity: [{ kind: 'local' }],
    admins: [rule('admins[0]', user(boss))],
    sweep: { refuseWhenLateMs: config.refuseWhenLateMs, reconcileMs: config.reconcileMs, deadlineMs: 4.5 * minute },
    directories: {
      okta: { ...directory('okta'), exclusive: [exclusiveGroup.group, 'rota', 'desk', ...(has('web-exclusive') ? ['web'] : [])] },
      aws: { ...directory('aws'), exclusive: has('dbs-exclusive') ? ['dbs'] : [] },
    },
    rosters: { pager: { name: 'pager', kind: 'simulated', settings: {} } },
    people: {},
    blocked: [],
    ...(hasYes(config) ? peopleOf(config, has) : {}),
    roles: Object.fromEntries(
      config.roles
        .filter((name) => (name !== 'operator' || !has('no-operator')) && (name !== 'rota' || !has('no-rota')))
        .flatMap((name) => (name === 'access' ? access(has).map((one) => ({ ...role(name), ...one })) : [role(name)]))
        .map((one) => [one.name, one]),
    ),
  };
}
