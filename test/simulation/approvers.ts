/** Who says yes in the simulation, under which sign-ins, and what the policy has of them: a list of approvers in turns, and a way in for emergencies. */

import type { Actor } from '../../src/lifecycle/types.ts';
import type { BreakGlass } from '../../src/policy/break-glass.ts';
import type { Delegation } from '../../src/policy/delegation.ts';
import { memberName } from '../../src/policy/params.ts';
import type { Condition, Policy, Role, Rule } from '../../src/policy/types.ts';
import { type Config, minute } from './config.ts';

const at = (name: string): string => `${name}@acme.dev`;
const [ana, bo, cy, boss] = [at('ana'), at('bo'), at('cy'), at('boss')];
/** Fay leads, and gil and cy only stand in for di. */
const [di, ed, fay, gil] = [at('di'), at('ed'), at('fay'), at('gil')];
export const approvers: readonly string[] = [di, ed, fay, gil];

/** By its members the policy knows some of those who say yes. */
export const leads = { directory: 'okta', group: 'leads' } as const;
export const firstLead = fay;

/** By a name that the policy has for both under `people`. */
const anaAdmin = at('ana.admin');
/** By a second login of the same user in each directory. */
const boElse = at('bo.b');
/** By the subject: the e-mail has changed. */
const edNew = at('ed.new');
export const logins: Readonly<Record<string, string>> = { [boElse]: bo };
const otherNames: Readonly<Record<string, string>> = { [anaAdmin]: ana, [boElse]: bo, [edNew]: ed };

/** Who it is, whatever they call themselves. */
export const personOf = (email: string): string => otherNames[email] ?? email;

const actor = (email: string, subject = email, issuer = 'simulation'): Actor => ({ issuer, subject, email });
export const signIns: readonly Actor[] = [
  ...[di, ed, fay, gil, boss, ana, bo, cy, anaAdmin, boElse].map((email) => actor(email)),
  actor(edNew, ed),
  actor(di, '42', 'elsewhere'),
];

const user = (email: string): Condition => ({ kind: 'user', email });
const anyOf = (...emails: readonly string[]): Condition => ({ kind: 'any', conditions: emails.map(user) });
const rule = (name: string, condition: Condition): Rule => ({ name, condition, graceMs: 0 });

/** The roster names those among them who are on call to say yes. Bo asks as well. */
export const deputies = { schedule: 'deputies', people: [di, ed, gil, bo] } as const;
const isDeputy: Condition = { kind: 'onCall', roster: 'pager', schedule: deputies.schedule, levels: [] };

/** What an edit of the policy changes about them. */
export const yesEdits = ['no-di', 'one-yes', 'di-away', 'ed-blocked', 'web-alone', 'bo-may-not', 'bo-denied', 'fewer-emergencies'] as const;
/** And about the roles with a line. */
export const lineEdits = ['two-places', 'one-value', 'no-deputies', 'all-at-once'] as const;
type Has = (edit: (typeof yesEdits | typeof lineEdits)[number]) => boolean;

const web = { directory: 'okta', group: 'web' } as const;
const dbs = { directory: 'aws', group: 'dbs' } as const;

export const fourEyes = (has: Has): Partial<Role> => ({
  targets: has('web-alone') ? [web] : [web, dbs],
  allow: [],
  ask: [rule('four-eyes.ask[0]', anyOf(ana, cy, at('standing'), ...(has('bo-may-not') ? [] : [bo])))],
  approvers: [
    anyOf(ed, edNew, anaAdmin, boElse, ...(has('no-di') ? [] : [di])),
    { kind: 'member' as const, ...leads },
    anyOf(boss, ana, bo),
  ].map((condition, index) => rule(`four-eyes.approvers[${index}]`, condition)),
  withinMs: 40 * minute,
  escalateMs: 10 * minute,
  ...(has('one-yes') ? {} : { quorum: 2 }),
});

const others: Condition = { kind: 'any', conditions: [anyOf(boss, anaAdmin), { kind: 'member', ...leads }] };

/** Whoever is on call says yes first, and two must; one at a time has it. */
export const twoKeys = (has: Has): Partial<Role> => ({
  targets: [dbs],
  allow: [],
  ask: [rule('two-keys.ask[0]', anyOf(ana, cy, at('standing'), ...(has('bo-may-not') ? [] : [bo])))],
  approvers: [...(has('no-deputies') ? [] : [isDeputy]), others].map((condition, index) => rule(`two-keys.approvers[${index}]`, condition)),
  withinMs: 40 * minute,
  ...(has('all-at-once') ? {} : { escalateMs: 10 * minute }),
  ...(has('one-yes') ? {} : { quorum: 2 }),
  maxHolders: has('two-places') ? 2 : 1,
  offerForMs: 30 * minute,
});

/** By the value of its parameter, the group that it gives. */
const saysYesFor = { web: [di, gil], prod: [ed, edNew, fay] } as const;
type Value = keyof typeof saysYesFor;
const values: readonly Value[] = ['web', 'prod'];
const familyName = 'access';
const nameFor = (group: Value): string => memberName({ name: familyName, values: { group } });
export const accessNames: readonly string[] = values.map(nameFor);
export const familyOf = (role: string): string | undefined => (role.startsWith(`${familyName} `) ? familyName : undefined);

/** A role for each value: each has its own approvers, its own place and its own line. */
export const access = (has: Has): readonly (Partial<Role> & Pick<Role, 'name'>)[] =>
  values.slice(0, has('one-value') ? 1 : undefined).map((group) => ({
    name: nameFor(group),
    family: { name: familyName, values: { group } },
    targets: [{ directory: 'okta', group }],
    allow: [],
    ask: [rule(`${nameFor(group)}.ask[0]`, anyOf(ana, bo, cy))],
    approvers: [rule(`${nameFor(group)}.approvers[0]`, anyOf(...saysYesFor[group], ...(has('no-di') ? [] : [boss])))],
    maxHolders: 1,
    offerForMs: 30 * minute,
  }));

const breakGlass = (config: Config, has: Has): BreakGlass => ({
  when: [rule('emergency.breakGlass.when[0]', has('fewer-emergencies') ? anyOf(bo, cy) : anyOf(ana, bo, cy))],
  ttl: { defaultMs: Math.ceil(config.longestMs / 8), maxMs: Math.ceil(config.longestMs / 3) },
  review: { by: [rule('emergency.breakGlass.review.by[0]', anyOf(boss, ana, anaAdmin, boElse))], withinMs: 20 * minute },
});

/** Whoever is on call has it, one at a time; cy never. */
export const emergency = (config: Config, has: Has): Partial<Role> => ({
  targets: [{ directory: 'okta', group: 'prod' }],
  deny: [rule('emergency.deny[0]', has('bo-denied') ? anyOf(bo, cy) : user(cy))],
  maxHolders: 1,
  breakGlass: breakGlass(config, has),
});

/** Of a policy that has one of these roles. */
export function peopleOf(config: Config, has: Has): Pick<Policy, 'people' | 'blocked' | 'delegations'> {
  const delegations: readonly Delegation[] = has('di-away') ? [{ from: di, to: [gil, cy], endsAt: config.awayUntil }] : [];
  return {
    people: { [ana]: { chat: 'ana' }, [anaAdmin]: { chat: 'ana' } },
    blocked: has('ed-blocked') ? [ed] : [],
    delegations,
  };
}
