/** The file of `oncall policy test` as it is written, key by key: what is so, and what the policy has to answer then. */

import * as z from 'zod/mini';
import { parseDuration, parseInstant } from './duration.ts';
import { duration, email, field, filled, listOf, oneOrMany, text, wholeNumber } from './fields.ts';

const optional = z.exactOptional;

/** An instant, or a length of time counted from the moment of the case. */
export type When = { readonly at: number } | { readonly afterMs: number };

export const momentOf = (when: When, at: number): number => ('at' in when ? when.at : at + when.afterMs);

const readInstant = (written: unknown) => {
  const parsed = typeof written === 'string' ? parseInstant(written) : { fault: 'must be an instant, for example 2026-11-22T03:00:00Z' };
  return 'ms' in parsed ? { value: parsed.ms } : { code: 'bad-instant', message: parsed.fault };
};

export const instant = field<number>(readInstant);

export const when = field<When>((written) => {
  const length = parseDuration(String(written));
  if ('ms' in length) return { value: { afterMs: length.ms } };
  const at = typeof written === 'string' && /^\d{4}-/.test(written) ? parseInstant(written) : undefined;
  if (at !== undefined && 'ms' in at) return { value: { at: at.ms } };
  return {
    code: at === undefined ? 'bad-duration' : 'bad-instant',
    message: at === undefined ? length.fault : at.fault,
    hint: 'write an instant, 2026-11-22T05:45:00Z, or how long after the moment of the case, 2h45m',
  };
});

export const untilAsked = field<number | 'shift' | 'incident'>((written) =>
  written === 'shift' || written === 'incident' ? { value: written } : readInstant(written),
);

const duty = z.union([
  text,
  z.strictObject({
    schedule: optional(text),
    escalationPolicy: optional(text),
    level: optional(wholeNumber),
    from: optional(when),
    until: optional(when),
  }),
]);

const names = oneOrMany(text);
const people = oneOrMany(email);
const folded = z.pipe(
  text,
  z.transform((written: string) => written.toLowerCase()),
);

const aboutPerson = { member: optional(names), onCall: optional(oneOrMany(duty)) };

const incident = z.strictObject({
  live: optional(z.boolean()),
  severities: optional(names),
  services: optional(names),
  type: optional(text),
  assigned: optional(people),
  openedBy: optional(folded),
  assignedBy: optional(folded),
});

const world = {
  people: optional(filled(z.record(z.string(), z.strictObject(aboutPerson)))),
  incidents: optional(filled(z.record(z.string(), incident))),
  down: optional(names),
};

const expected = {
  expect: optional(z.enum(['allow', 'ask', 'deny'])),
  end: optional(when),
  limitedBy: optional(z.enum(['max', 'shift', 'incident', 'nothing'])),
  endsWith: optional(oneOrMany(z.enum(['shift', 'incident', 'nothing']))),
  rule: optional(names),
  approvers: optional(names),
  quorum: optional(wholeNumber),
  maxHolders: optional(wholeNumber),
  in: optional(names),
};

const one = z.strictObject({
  name: optional(text),
  user: optional(email),
  client: optional(text),
  role: text,
  at: optional(instant),
  ...aboutPerson,
  ...world,
  incident: optional(text),
  for: optional(duration),
  until: optional(untilAsked),
  breakGlass: optional(z.literal(true)),
  ...expected,
});

export const fixtureFile = z.strictObject({
  at: optional(instant),
  ...world,
  cases: listOf(one),
});

export type WrittenFixtures = z.infer<typeof fixtureFile>;
export type WrittenCase = z.infer<typeof one>;
export type WrittenDuty = z.infer<typeof duty>;
export type WrittenWorld = Pick<WrittenFixtures, 'people' | 'incidents' | 'down'>;
export type WrittenIncident = z.infer<typeof incident>;
