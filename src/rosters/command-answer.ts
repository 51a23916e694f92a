/** What the program of a `command` roster is asked, and what it may answer (docs/rosters.md): other keys are passed over, one that is missing or odd spoils the whole answer. */

import * as z from 'zod/mini';
import { ProviderError } from '../errors.ts';
import { malformed, type Program, plain } from '../program-run.ts';
import { instant } from './interval.ts';
import type { Incident, Shift } from './roster.ts';

export type Question =
  | {
      readonly ask: 'onCall';
      readonly schedule: string | null;
      readonly escalationPolicy: string | null;
      readonly levels: readonly number[];
      readonly at: string;
    }
  | {
      readonly ask: 'shifts';
      readonly schedule: string | null;
      readonly escalationPolicy: string | null;
      readonly levels: readonly number[];
      readonly from: string;
      readonly to: string;
    }
  | { readonly ask: 'incident'; readonly ref: string }
  | { readonly ask: 'incidents' };

const text = z.string().check(z.minLength(1));
const email = z.pipe(
  text,
  z.transform((address) => address.toLowerCase()),
);
const schema = z.literal(1);

const shift = z
  .object({
    user: email,
    schedule: text,
    // Both have to be there, if only as `null`: an end that got lost must not count as "never ends".
    start: z.nullable(instant),
    end: z.nullable(instant),
    level: z.nullish(z.int().check(z.positive())),
  })
  .check(z.refine(({ start, end }) => start === null || end === null || start < end, { path: ['end'] }));

const incident = z.object({
  ref: text,
  live: z.boolean(),
  severities: z.array(text),
  services: z.array(text),
  assigned: z.array(email),
  title: z.nullish(text),
  type: z.nullish(text),
  openedBy: z.nullish(email),
  assignedBy: z.nullish(email),
  openedAt: z.nullish(instant),
  endedAt: z.nullish(instant),
});

const shiftsAnswer = z.object({ schema, shifts: z.array(shift) });
const incidentAnswer = z.object({ schema, incident: z.nullable(incident) });
const incidentsAnswer = z.object({ schema, incidents: z.array(incident) });

const codes = ['not-found', 'ambiguous', 'credentials', 'forbidden', 'rate-limited', 'unavailable', 'refused'] as const;
const errorAnswer = z.object({ schema, error: z.object({ code: z.enum(codes), message: text, next: z.nullish(text) }) });

/** Always with both bounds. */
type Bounded = Shift & { readonly start: number | null; readonly end: number | null };

/** Levels that were asked for are held against each shift, so each must have one. */
export function readShifts(answer: Buffer, program: Program, levels: readonly number[]): readonly Bounded[] {
  const { shifts } = read(answer, program, shiftsAnswer);
  return shifts.map(({ user, schedule, start, end, level }, index) => {
    if (typeof level !== 'number' && levels.length > 0) throw otherShape(program, ['shifts', index, 'level']);
    return { schedule, email: user, start, end, ...(typeof level === 'number' ? { level } : {}) };
  });
}

export function readIncident(answer: Buffer, program: Program): Incident | undefined {
  const found = read(answer, program, incidentAnswer).incident;
  return found === null ? undefined : toIncident(found);
}

export const readIncidents = (answer: Buffer, program: Program): readonly Incident[] =>
  read(answer, program, incidentsAnswer).incidents.map(toIncident);

function toIncident({ ref, live, severities, services, assigned, ...more }: z.output<typeof incident>): Incident {
  const known = Object.entries(more).filter(([, value]) => value !== null && value !== undefined);
  return { ref, live, severities, services, assigned: [...new Set(assigned)], ...Object.fromEntries(known) };
}

function read<T>(answer: Buffer, program: Program, shape: z.ZodMiniType<T>): T {
  const document = parse(answer, program);
  const isError = typeof document === 'object' && document !== null && 'error' in document && document.error !== null;
  if (isError) throw told(shaped(document, errorAnswer, program).error, program);
  return shaped(document, shape, program);
}

function parse(answer: Buffer, program: Program): unknown {
  if (answer.length === 0) throw malformed(program, 'ended without an answer');
  const text = decoded(answer);
  if (text === undefined) throw malformed(program, 'printed something else than UTF-8');
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(program, 'printed something else than one JSON document');
  }
}

function decoded(answer: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(answer);
  } catch {
    return undefined;
  }
}

function shaped<T>(document: unknown, shape: z.ZodMiniType<T>, program: Program): T {
  const result = z.safeParse(shape, document);
  if (result.success) return result.data;
  throw otherShape(program, result.error.issues[0]?.path ?? []);
}

const otherShape = (program: Program, where: readonly PropertyKey[]): ProviderError =>
  malformed(program, `answered in another shape than documented${where.length === 0 ? '' : `, at ${where.map(String).join('.')}`}`);

function told({ code, message, next }: z.output<typeof errorAnswer>['error'], program: Program): ProviderError {
  return new ProviderError(program.title, code, `${program.title} says: ${plain(message, program)}`, {
    applied: 'no',
    ...(next ? { next: plain(next, program) } : {}),
  });
}
