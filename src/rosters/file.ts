/** A roster in one YAML file that a person keeps by hand: schedules with their shifts, and incidents. Read anew at each question, so an edit counts at once. */

import { basename, resolve } from 'node:path';
import * as z from 'zod/mini';
import { ProviderError } from '../errors.ts';
import { covers } from './interval.ts';
import { defineRoster, type Incident, type Roster, type Shift } from './roster.ts';
import { readScheduleFile, type ScheduleFile } from './schedule-file.ts';

const settings = z.strictObject({ path: z.string().check(z.minLength(1)) });

const noEscalations = (path: string) => ({
  message: `${basename(path)} has no escalation policies`,
  next: 'name one of its schedules in the policy, with levels where they matter',
});

export default defineRoster({
  settings,
  isLocal: () => true,
  knowsIncidents: true,
  lacks: ({ path }) => ({ escalationPolicy: noEscalations(path) }),
  open: async ({ path: written }, { baseDir }) => {
    const path = resolve(baseDir, written);
    const title = basename(path);
    return {
      title,
      onCall: async (query, at) => (await shiftsFor(path, title, query)).filter((shift) => covers(shift, at)),
      shifts: async (query, { from, to }) =>
        (await shiftsFor(path, title, query)).filter(({ start, end }) => (start === null || start < to) && (end === null || from < end)),
      incident: async (ref) => {
        const { incidents = {} } = await readScheduleFile(path);
        const written = spelled(Object.keys(incidents), ref);
        const found = written === undefined ? undefined : incidents[written];
        return written === undefined || found === undefined ? undefined : toIncident(written, found);
      },
      incidents: async () => {
        const { incidents = {} } = await readScheduleFile(path);
        return Object.entries(incidents)
          .map(([ref, incident]) => toIncident(ref, incident))
          .filter(({ live }) => live);
      },
    };
  },
});

/** People type `inc-42`; where two differ in that alone, only the exact one is meant. */
function spelled(refs: readonly string[], typed: string): string | undefined {
  if (refs.includes(typed)) return typed;
  const alike = refs.filter((ref) => ref.toLowerCase() === typed.toLowerCase());
  return alike.length === 1 ? alike[0] : undefined;
}

async function shiftsFor(path: string, title: string, query: Parameters<Roster['onCall']>[0]) {
  if (query.escalationPolicy !== undefined) {
    const { message, next } = noEscalations(path);
    throw new ProviderError(title, 'refused', message, { applied: 'no', next });
  }
  const { schedules = {} } = await readScheduleFile(path);
  const names = query.schedule === undefined ? Object.keys(schedules) : [known(schedules, query.schedule, title)];
  return names
    .flatMap((name) => (schedules[name] ?? []).map((entry) => toShift(name, entry)))
    .filter(({ level }) => query.levels.length === 0 || (level !== undefined && query.levels.includes(level)));
}

type Entry = NonNullable<ScheduleFile['schedules']>[string][number];

function known(schedules: object, name: string, title: string): string {
  if (Object.hasOwn(schedules, name)) return name;
  const names = Object.keys(schedules);
  const some = `${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}`;
  throw new ProviderError(title, 'not-found', `${title} has no schedule "${name}"`, {
    applied: 'no',
    next: names.length === 0 ? `put a schedule into ${title}` : `it has: ${some}`,
  });
}

function toShift(schedule: string, { user, start, end, level }: Entry) {
  return { schedule, email: user, start: start ?? null, end: end ?? null, ...(level === undefined ? {} : { level }) } satisfies Shift;
}

function toIncident(ref: string, written: NonNullable<ScheduleFile['incidents']>[string]): Incident {
  const { status, services = [], assigned = [], title, severity, type, openedBy, assignedBy, openedAt, endedAt } = written;
  return {
    ref,
    live: status === 'live',
    services,
    assigned,
    severities: severity === undefined ? [] : [severity],
    ...(title === undefined ? {} : { title }),
    ...(type === undefined ? {} : { type }),
    ...(openedBy === undefined ? {} : { openedBy }),
    ...(assignedBy === undefined ? {} : { assignedBy }),
    ...(openedAt === undefined ? {} : { openedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
  };
}
