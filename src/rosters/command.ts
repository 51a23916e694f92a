/** A roster that a program of the user's answers for: the door to every system that has no adapter here (docs/rosters.md has what it is asked and what it prints). */

import { resolve } from 'node:path';
import * as z from 'zod/mini';
import { isOncallError, ProviderError } from '../errors.ts';
import { judged } from '../file-trust.ts';
import type { SecretRef } from '../policy/types.ts';
import { resolveSecret, secretRef } from '../secrets.ts';
import { type Question, readIncident, readIncidents, readShifts } from './command-answer.ts';
import { type Program, run } from './command-run.ts';
import { covers } from './interval.ts';
import { defineRoster, type RosterCall, type RosterContext } from './roster.ts';

const form = 'needs the path of a program and its arguments, like [/usr/local/bin/our-roster, --json]';
const isPath = (run: readonly string[]): boolean => run[0]?.includes('/') === true && run.every((part) => !part.includes('\0'));

const settings = z.strictObject({
  run: z
    .array(z.string(form), form)
    .check(z.minLength(1, form), z.refine(isPath, 'needs a path, with a slash in it: no folder is searched')),
  env: z.optional(z.record(z.string().check(z.regex(/^[A-Za-z_]\w*$/, 'is no name of a variable')), secretRef)),
  timeout: z.optional(z.string().check(z.regex(/^([1-9]|[1-5]\d|60)s$/, 'needs seconds from 1s to 60s'))),
});
type Settings = z.output<typeof settings>;

export default defineRoster({
  settings,
  // It may ask anything anywhere.
  isLocal: () => false,
  knowsIncidents: true,
  open: async (chosen, context) => {
    const ask = async <T>(question: Question, { signal }: RosterCall, read: (answer: Buffer, program: Program) => T): Promise<T> => {
      const program = await prepared(chosen, context, signal);
      return read(await run(program, `${JSON.stringify({ schema: 1, ...question })}\n`, signal), program);
    };
    return {
      title: context.name,
      onCall: async ({ schedule = null, escalationPolicy = null, levels }, at, call) => {
        const question = { ask: 'onCall', schedule, escalationPolicy, levels, at: new Date(at).toISOString() } as const;
        const shifts = await ask(question, call, (answer, program) => readShifts(answer, program, levels));
        // Held against the question once more: a program may print a whole week.
        return shifts.filter((one) => covers(one, at) && (levels.length === 0 || (one.level !== undefined && levels.includes(one.level))));
      },
      incident: (ref, call) => ask({ ask: 'incident', ref }, call, readIncident),
      incidents: async (call) => (await ask({ ask: 'incidents' }, call, readIncidents)).filter(({ live }) => live),
    };
  },
});

/** Judged and supplied anew each time: it is the file of now that is run. */
async function prepared(
  { run: [path = '', ...args], env = {}, timeout = '5s' }: Settings,
  context: RosterContext,
  signal: AbortSignal | undefined,
): Promise<Program> {
  const { name: title, baseDir } = context;
  const program = resolve(baseDir, path);
  const faults = [program, ...args.filter((arg) => !arg.startsWith('-')).map((arg) => resolve(baseDir, arg))].flatMap((file) =>
    faultsOf(file, file === program, title),
  );
  if (faults.length > 0) {
    throw new ProviderError(title, 'refused', `the program of ${title} is not run: ${faults.map(({ because }) => because).join('; ')}`, {
      applied: 'no',
      next: faults.map(({ mend }) => mend).join(' && '),
    });
  }
  const variables = await Promise.all(
    Object.entries(env).map(async ([key, ref]) => [key, await secret(ref, key, context, signal)] as const),
  );
  return {
    ...{ title, path: program, args, cwd: baseDir, timeoutMs: Number.parseInt(timeout, 10) * 1000 },
    env: { ...surroundings(), ...Object.fromEntries(variables) },
    secrets: variables.map(([, value]) => value),
  };
}

/** Who can change it says who gets in. Files among its arguments too: where the program is an interpreter, they are what is run. */
function faultsOf(file: string, isProgram: boolean, title: string) {
  try {
    const { stats, faults } = judged(file);
    if (isProgram && !stats.isFile()) throw notThere(title, `is no file: ${file}`);
    return isProgram || stats.isFile() ? faults : [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (isProgram) throw code === undefined ? error : notThere(title, `cannot be found (${code}): ${file}`);
    return [];
  }
}

const notThere = (title: string, what: string): ProviderError =>
  new ProviderError(title, 'not-found', `the program of ${title} ${what}`, {
    applied: 'no',
    next: `correct rosters.${title}.run in the policy, or put the program there; a path without a leading slash counts from the policy's folder`,
  });

async function secret(ref: SecretRef, key: string, { name, baseDir }: RosterContext, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await resolveSecret(ref, `the variable ${key} of rosters.${name}`, { baseDir, signal });
  } catch (error) {
    if (!isOncallError(error)) throw error;
    throw new ProviderError(name, 'credentials', `${error.message}: ${error.why}`, {
      applied: 'no',
      cause: error,
      ...(error.next === undefined ? {} : { next: error.next }),
    });
  }
}

/** Of what surrounds this process, it gets what any program needs, and no secret. */
function surroundings(): Record<string, string> {
  return Object.fromEntries(
    ['PATH', 'HOME', 'LANG', 'TZ'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
