/** The policy file as it is written, key by key. Names are resolved and defaults filled in later, by `resolve`. */

import * as z from 'zod/mini';
import {
  callsPerSecond,
  day,
  duration,
  email,
  field,
  filled,
  grace,
  listOf,
  oneOrMany,
  text,
  timeOfDay,
  timeZone,
  wholeNumber,
} from './fields.ts';
import type { WrittenFollows } from './follows.ts';
import { isIamArn, writtenRoleArn } from './iam-role.ts';
import { channel } from './notices.ts';
import { secretRef } from './secret-ref.ts';
import type { Weekday } from './types.ts';

const optional = z.exactOptional;

export type WrittenDuring = { readonly days?: readonly Weekday[]; readonly from?: number; readonly to?: number; readonly zone: string };

/** A name, a list (any of them), or a map (all of its keys). */
export type WrittenCondition = string | readonly WrittenCondition[] | WrittenConditionMap;

export type WrittenConditionMap = {
  readonly user?: readonly string[];
  readonly client?: readonly string[];
  readonly member?: readonly string[];
  readonly onCall?: readonly string[];
  readonly escalationPolicy?: readonly string[];
  readonly levels?: readonly number[];
  readonly incident?: string;
  readonly services?: readonly string[];
  readonly severities?: readonly string[];
  readonly types?: readonly string[];
  readonly anyIncident?: true;
  readonly selfMade?: 'ask' | 'deny' | 'allow';
  readonly during?: WrittenDuring;
  readonly not?: WrittenCondition;
  readonly all?: readonly WrittenCondition[];
  readonly until?: 'shift' | 'incident';
  readonly grace?: number;
};

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const conditionMap = z.strictObject({
  user: optional(oneOrMany(email)),
  client: optional(oneOrMany(text)),
  member: optional(oneOrMany(text)),
  onCall: optional(oneOrMany(text)),
  escalationPolicy: optional(oneOrMany(text)),
  levels: optional(listOf(wholeNumber)),
  incident: optional(text),
  services: optional(listOf(text)),
  severities: optional(listOf(text)),
  types: optional(listOf(text)),
  anyIncident: optional(z.literal(true)),
  selfMade: optional(z.enum(['ask', 'deny', 'allow'])),
  during: optional(
    z.strictObject({ days: optional(listOf(z.enum(weekdays))), from: optional(timeOfDay), to: optional(timeOfDay), zone: timeZone }),
  ),
  not: optional(z.lazy(() => condition)),
  all: optional(listOf(z.lazy(() => condition))),
  until: optional(z.enum(['shift', 'incident'])),
  grace: optional(grace),
});

export const condition: z.ZodMiniType<WrittenCondition> = z.union([
  text,
  listOf(z.lazy(() => condition)),
  conditionMap,
]) as unknown as z.ZodMiniType<WrittenCondition>;

const conditions = listOf(condition);

const groupName = text.check(
  z.refine((written: string) => !isIamArn(written), {
    error: 'is an IAM role, not the name of a group',
    params: { code: 'bare-role', hint: 'write { assumeRole: arn:aws:iam::… }' },
  }),
);

export const iamRole = z.strictObject({
  assumeRole: z
    .string()
    .check(z.regex(writtenRoleArn, 'must be the ARN of an IAM role, for example arn:aws:iam::111122223333:role/db-admin')),
});

/** What stands in a group's place is its name, or an IAM role, which is a group by the name of its ARN from here on. */
const group = z.pipe(
  z.union([groupName, iamRole], 'must be the name of a group, or { assumeRole: arn:aws:iam::… }'),
  z.transform((written) => (typeof written === 'string' ? written : written.assumeRole)),
) as unknown as z.ZodMiniType<string>;

const ttl = z.strictObject(
  { default: optional(duration), max: optional(duration) },
  'must be { default: 1h, max: 12h }, or one of the two',
);

const roleDefaults = {
  ttl: optional(ttl),
  deny: optional(conditions),
  approvers: optional(conditions),
  within: optional(duration),
  quorum: optional(wholeNumber),
  escalate: optional(duration),
  grace: optional(grace),
  reason: optional(z.enum(['required', 'optional'])),
  whenUnknown: optional(z.enum(['ask', 'deny'])),
  notify: optional(listOf(text)),
};

const breakGlass = z.strictObject({
  when: conditions,
  ttl: optional(ttl),
  review: z.strictObject({ by: conditions, within: optional(duration) }),
});

/** It becomes part of the role's name, which is typed in a shell. */
const paramValue = z.string().check(z.regex(/^[\w.@+:/-]{1,100}$/, 'must be letters, digits, or one of . _ - @ + : /, without spaces'));

const follows = z.union([
  text,
  listOf(text),
  z.strictObject({ onCall: optional(oneOrMany(text)), escalationPolicy: optional(oneOrMany(text)), levels: optional(listOf(wholeNumber)) }),
]) as unknown as z.ZodMiniType<WrittenFollows>;

const role = z.strictObject({
  description: optional(text),
  targets: optional(filled(z.record(z.string(), oneOrMany(group)))),
  ...roleDefaults,
  allow: optional(conditions),
  ask: optional(conditions),
  maxHolders: optional(wholeNumber),
  offerFor: optional(duration),
  breakGlass: optional(breakGlass),
  follows: optional(follows),
  overlap: optional(grace),
  holdOver: optional(grace),
  standing: optional(filled(z.record(z.string(), text))),
  review: optional(day),
  ifMissed: optional(z.enum(['alert', 'end'])),
  params: optional(filled(z.record(z.string(), oneOrMany(paramValue)))),
  onEnd: optional(z.strictObject({ endSessions: z.boolean() })),
});

const defaults = z.strictObject(roleDefaults);

/** `postgres://…`, and what else a database's address may begin with; no path of a file does. */
const looksLikeAddress = (written: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(written);

const sqlitePath = text.check(
  z.refine((written: string) => !looksLikeAddress(written), {
    error: 'the address of a database, which may hold its password, is only named here',
    params: { code: 'wrong-type', hint: 'put it into a file: ledger: { postgres: { file: /etc/oncall/database-url } }' },
  }),
);

export const ledger = z.union(
  [sqlitePath, z.strictObject({ postgres: secretRef })],
  'must be the path of a SQLite file, for example ./oncall.db, or { postgres: { file: /etc/oncall/database-url } }',
);

const identity = z.looseObject({ kind: optional(text) });

export const sweep = z.strictObject({ refuseWhenLate: optional(duration), reconcile: optional(duration), deadline: optional(duration) });
export const directory = z.looseObject({
  kind: optional(text),
  exclusive: optional(listOf(group)),
  userName: optional(z.enum(['email', 'local-part'])),
  callsPerSecond: optional(callsPerSecond),
});
export const roster = z.looseObject({ kind: optional(text) });
export const person = filled(z.record(z.string(), text));

export const version = field((written) =>
  written === 1 ? { value: 1 } : { code: 'bad-version', message: 'this program reads policies of version 1', hint: 'write version: 1' },
);

/** Under the e-mail of who is away. */
const delegation = z.strictObject({ to: oneOrMany(email), from: optional(day), until: day });

/** Missing keys are looked for by the checks, so that one of them does not keep the rest of the file from being checked. */
export const file = z.strictObject({
  version: optional(version),
  ledger: optional(ledger),
  identity: optional(listOf(identity)),
  admins: optional(conditions),
  sweep: optional(sweep),
  directories: optional(filled(z.record(z.string(), directory))),
  rosters: optional(filled(z.record(z.string(), roster))),
  notify: optional(filled(z.record(z.string(), channel))),
  people: optional(filled(z.record(z.string(), person))),
  blocked: optional(listOf(email)),
  delegate: optional(filled(z.record(z.string(), delegation))),
  conditions: optional(filled(z.record(z.string(), condition))),
  defaults: optional(defaults),
  roles: optional(filled(z.record(z.string(), role))),
});

export type WrittenLedger = z.infer<typeof ledger>;
export type WrittenFile = z.infer<typeof file>;
export type WrittenRole = z.infer<typeof role>;
export type WrittenDefaults = z.infer<typeof defaults>;
export type WrittenDelegation = z.infer<typeof delegation>;
export type WrittenSweep = z.infer<typeof sweep>;
export type WrittenDirectory = z.infer<typeof directory>;
export type WrittenRoster = z.infer<typeof roster>;
