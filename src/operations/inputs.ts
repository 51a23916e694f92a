/** The operations as a broker offers them: what each takes, in one sentence what it does, and whether it only reads. */

import * as z from 'zod/mini';
import { longestName } from '../policy/params.ts';
import type { Operations } from './types.ts';

const optional = z.exactOptional;

/** One line: no control characters, none of which belongs in a name, and nothing that is not text (a lone surrogate). */
const line = (most: number) =>
  z.string().check(z.minLength(1), z.maxLength(most), z.regex(/^[^\u0000-\u001f\u007f-\u009f]*$/u, 'has a control character'), wellFormed);
const wellFormed = z.refine<string>((text) => text.isWellFormed(), 'is not well-formed text');

const name = line(longestName);
/** People write these by hand, in several lines too. */
const reason = z
  .string()
  .check(z.maxLength(2000), z.regex(/^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$/u, 'has a control character'), wellFormed);
const digest = z.string().check(z.regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hex'));
const email = line(320);
const incident = line(500);
const flag = z.boolean();
const lines = (of: z.ZodMiniType<string>, most: number) => z.readonly(z.array(of).check(z.maxLength(most)));

/** The last instant that a date can be, epoch ms. */
const endOfTime = 8_640_000_000_000_000;
const whole = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most));

const asked = z.union([
  z.strictObject({ forMs: whole(1, endOfTime) }),
  z.strictObject({ untilMs: whole(0, endOfTime) }),
  z.strictObject({ until: z.enum(['shift', 'incident']) }),
  z.strictObject({ byDefault: z.literal(true) }),
]);

const nothing = z.strictObject({});
const one = z.strictObject({ id: name, reason: optional(reason) });
const instant = whole(0, endOfTime);
const wanted = { since: optional(instant), until: optional(instant), user: optional(email), role: optional(name) };
const ending = { reason: optional(reason), dryRun: optional(flag) };

type Entry = {
  readonly input: z.ZodMiniType;
  readonly summary: string;
  /** It changes nothing: it may be stopped at any point, and done twice. */
  readonly readsOnly: boolean;
  /** Its input may be as long as a group has members. */
  readonly isLong?: true;
};

export const inputs = {
  request: {
    input: z.strictObject({
      role: name,
      asked,
      reason: optional(reason),
      incident: optional(incident),
      despiteLateSweep: optional(flag),
      breakGlass: optional(flag),
      queue: optional(flag),
    }),
    summary: 'Asks for a role; what is held is kept or extended, what is pending is found again.',
    readsOnly: false,
  },
  status: {
    input: z.strictObject({ of: optional(name), mine: optional(flag) }),
    summary: 'Who holds what until when, and what is wrong.',
    readsOnly: true,
  },
  roles: { input: nothing, summary: 'The roles there are, and who gets them.', readsOnly: true },
  explain: {
    input: z.strictObject({ role: name, asked, incident: optional(incident), user: optional(email), soon: optional(flag) }),
    summary: 'What a request would be answered, rule by rule.',
    readsOnly: true,
  },
  release: { input: one, summary: 'Gives back what the caller holds, or withdraws what they asked for.', readsOnly: false },
  approve: {
    input: z.strictObject({ id: name, reason: optional(reason), seen: optional(digest) }),
    summary: "Says yes to somebody else's request; the last yes that it takes lets them in.",
    readsOnly: false,
  },
  waiting: { input: nothing, summary: "The requests that wait for the caller's yes.", readsOnly: true },
  follow: {
    input: z.strictObject({ id: name, version: optional(whole(0, Number.MAX_SAFE_INTEGER)), forMs: whole(0, 86_400_000) }),
    summary: 'Answers when something about a request has changed, or after some time.',
    readsOnly: true,
  },
  deny: {
    input: z.strictObject({ id: name, reason: optional(reason), dryRun: optional(flag) }),
    summary: "Says no to somebody else's request.",
    readsOnly: false,
  },
  revoke: {
    input: z.union([
      z.strictObject({ id: name, ...ending }),
      z.strictObject({ holder: email, ...ending }),
      z.strictObject({ role: name, ...ending }),
      z.strictObject({ all: z.literal(true), ...ending }),
    ]),
    summary: "Ends somebody else's access.",
    readsOnly: false,
  },
  sweep: { input: z.strictObject({ dryRun: optional(flag), accept: optional(name) }), summary: 'Ends what is due.', readsOnly: false },
  audit: {
    input: z.strictObject({
      ...wanted,
      of: optional(name),
      limit: optional(whole(1, 5_000)),
      before: optional(whole(1, Number.MAX_SAFE_INTEGER)),
    }),
    summary: 'What happened, oldest first, as far as the caller may read it.',
    readsOnly: true,
  },
  accesses: {
    input: z.strictObject({ ...wanted, limit: optional(whole(1, 20_000)), after: optional(whole(0, Number.MAX_SAFE_INTEGER)) }),
    summary: 'Each access with why, who said yes and how it ended, as far as the caller may read it.',
    readsOnly: true,
  },
  verify: { input: z.strictObject({ head: optional(line(200)) }), summary: 'Whether the audit trail is whole.', readsOnly: true },
  recover: {
    input: z.strictObject({
      called: optional(lines(email, 20_000)),
      decided: optional(z.strictObject({ end: lines(line(1000), 20_000), keep: lines(line(1000), 20_000) })),
    }),
    summary: 'Lists who is in without a grant after the ledger has lost something, and takes the decision about each.',
    readsOnly: false,
    isLong: true,
  },
  adopt: {
    input: z.strictObject({
      directory: name,
      group: line(2048),
      role: optional(name),
      end: optional(z.union([z.strictObject({ forMs: whole(1, endOfTime) }), z.strictObject({ untilMs: whole(0, endOfTime) })])),
      reason: optional(reason),
      called: optional(lines(email, 20_000)),
      decided: optional(z.strictObject({ standing: lines(line(3000), 20_000), ending: lines(line(3000), 20_000) })),
    }),
    summary: 'Lists who is in a group without a grant, and takes over those who were confirmed, as standing or with an end.',
    readsOnly: false,
    isLong: true,
  },
  doctor: { input: nothing, summary: 'Looks at everything this program rests on.', readsOnly: true },
} as const satisfies { readonly [Verb in keyof Operations]: Entry };

type Plain<T> = T extends readonly (infer Item)[]
  ? readonly Plain<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Plain<T[Key]> }
    : T;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Input<Verb extends keyof Operations> = Parameters<Operations[Verb]> extends readonly [infer Given] ? Given : Record<string, never>;
type Differing = {
  [Verb in keyof Operations]: Same<Plain<z.output<(typeof inputs)[Verb]['input']>>, Plain<Input<Verb>>> extends true ? never : Verb;
}[keyof Operations];
/** Does not compile where a schema and the type of what the operation takes say different things; the error names the verbs. @public */
export type Agreed = Nobody<Differing>;
type Nobody<Verbs extends never> = Verbs;
