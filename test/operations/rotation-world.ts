/** The company of `world.ts` with a role that follows a schedule, which answers for whatever instant it is asked about. */

import { ProviderError } from '../../src/errors.ts';
import type { Deps } from '../../src/operations/deps.ts';
import type { Operations, SweepInput, SweepResult } from '../../src/operations/types.ts';
import type { Role } from '../../src/policy/types.ts';
import type { Roster, Shift } from '../../src/rosters/roster.ts';
import { company, hour, minute, role, rule, type World } from './world.ts';

export const support = (over: Partial<Role> = {}, overlapMs = 0): Role =>
  role('support', {
    targets: [{ directory: 'okta', group: 'web' }],
    allow: [],
    follows: {
      rule: rule({ kind: 'onCall', roster: 'pagerduty', schedule: 'PSUP', levels: [] }, { name: 'support.follows', graceMs: 0 }),
      overlapMs,
      holdOverMs: 24 * hour,
    },
    ...over,
  });

export type Rota = {
  readonly world: World;
  /** Hours from the beginning; without an end: `null`. */
  readonly shift: (name: string, from: number | null, to: number | null, over?: Partial<Shift>) => Shift;
  readonly shifts: Shift[];
  /** What the roster throws in place of every answer. */
  down: Error | undefined;
  readonly deps: (name: string, over?: Partial<Deps>) => Deps;
  readonly as: (name: string, over?: Partial<Deps>) => Operations;
  /** Moves the clock to so many hours from the beginning, sweeping every five minutes on the way. */
  readonly until: (hours: number) => Promise<void>;
  readonly sweep: (input?: SweepInput) => Promise<SweepResult>;
  /** Who is in by the rotation, as the directory has it: first names. */
  readonly in: () => readonly string[];
  /** Everybody's who has been in, sweep by sweep. */
  readonly ever: Set<string>[];
};

export const unavailable = new ProviderError('PagerDuty', 'unavailable', 'PagerDuty did not answer within 5 s');

export async function rotation(roles: readonly Role[] = [support()], options: Parameters<typeof company>[0] = {}): Promise<Rota> {
  const world = await company({ roles, exclusive: ['web'], ...options });
  const start = world.now;
  const shifts: Shift[] = [];
  const roster: Roster = {
    title: 'PagerDuty',
    onCall: async (query, at) => {
      if (rota.down) throw rota.down;
      return shifts.filter(
        ({ schedule, start: from, end }) => schedule === query.schedule && (from ?? 0) <= at && at < (end ?? Number.POSITIVE_INFINITY),
      );
    },
  };
  const at = (hours: number | null): number | null => (hours === null ? null : start + hours * hour);
  const deps: Rota['deps'] = (name, over) => world.deps(name, { roster: async () => roster, ...over });
  const rota: Rota = {
    world,
    shifts,
    down: undefined,
    ever: [],
    shift: (name, from, to, over) => {
      const made = { schedule: 'PSUP', email: `${name}@acme.dev`, start: at(from), end: at(to), ...over };
      shifts.push(made);
      return made;
    },
    deps,
    as: (name, over) => world.as(name, { roster: async () => roster, ...over }),
    until: async (hours) => {
      const end = start + hours * hour;
      while (world.now < end) {
        world.now = Math.min(end, world.now + 5 * minute);
        await rota.sweep();
        rota.ever.push(new Set(rota.in()));
      }
    },
    sweep: (input = {}) => rota.as(input.accept === undefined ? 'cron' : 'boss').sweep(input),
    in: () => world.okta.in('web').map((email) => email.slice(0, email.indexOf('@'))),
  };
  return rota;
}
