/** A roster that a program of the user's answers for: the door to every system that has no adapter here (docs/rosters.md has what it is asked and what it prints). */

import { isProviderError, type ProviderFault } from '../errors.ts';
import { prepared, programSettings } from '../program.ts';
import { type Program, run } from '../program-run.ts';
import { type Question, readIncident, readIncidents, readShifts } from './command-answer.ts';
import { covers } from './interval.ts';
import { defineRoster, type RosterCall, type Shift } from './roster.ts';

export default defineRoster({
  settings: programSettings,
  // It may ask anything anywhere.
  isLocal: () => false,
  knowsIncidents: true,
  open: async (chosen, context) => {
    const around = { ...context, path: `rosters.${context.name}`, page: 'docs/rosters.md' };
    const ask = async <T>(question: Question, { signal }: RosterCall, read: (answer: Buffer, program: Program) => T): Promise<T> => {
      const program = await prepared(chosen, around, signal);
      return read(await run(program, `${JSON.stringify({ schema: 1, ...question })}\n`, signal), program);
    };
    return {
      title: context.name,
      onCall: async ({ schedule = null, escalationPolicy = null, levels }, at, call) => {
        const question = { ask: 'onCall', schedule, escalationPolicy, levels, at: new Date(at).toISOString() } as const;
        const shifts = await ask(question, call, (answer, program) => readShifts(answer, program, levels));
        // Held against the question once more: a program may print a whole week.
        return shifts.filter((one) => covers(one, at) && isAt(levels, one));
      },
      shifts: async ({ schedule = null, escalationPolicy = null, levels }, { from, to }, call) => {
        const span = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
        const question = { ask: 'shifts', schedule, escalationPolicy, levels, ...span } as const;
        const shifts = await ask(question, call, (answer, program) => readShifts(answer, program, levels)).catch((error: unknown) => {
          if (!isProviderError(error) || !doesNotKnow.includes(error.fault)) throw error;
          context.log(`${context.name} does not tell who will be on call: ${error.message}`);
          return undefined;
        });
        return shifts?.filter((one) => (one.start === null || one.start < to) && (one.end === null || from < one.end) && isAt(levels, one));
      },
      incident: (ref, call) => ask({ ask: 'incident', ref }, call, readIncident),
      incidents: async (call) => (await ask({ ask: 'incidents' }, call, readIncidents)).filter(({ live }) => live),
    };
  },
});

/** What a program does that was written before there was this question. */
const doesNotKnow: readonly ProviderFault[] = ['refused', 'unavailable', 'malformed'];

const isAt = (levels: readonly number[], { level }: Shift): boolean =>
  levels.length === 0 || (level !== undefined && levels.includes(level));
