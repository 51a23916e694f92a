/** A program of the user's that the policy names: its settings, and what has to be right before it is run. */

import { resolve } from 'node:path';
import * as z from 'zod/mini';
import { isOncallError, ProviderError } from './errors.ts';
import { judged } from './file-trust.ts';
import type { SecretRef } from './policy/types.ts';
import type { Program } from './program-run.ts';
import { resolveSecret, secretRef } from './secrets.ts';

const form = 'needs the path of a program and its arguments, like [/usr/local/bin/our-program, --json]';
const isPath = (run: readonly string[]): boolean => run[0]?.includes('/') === true && run.every((part) => !part.includes('\0'));

export const programSettings = z.strictObject({
  run: z
    .array(z.string(form), form)
    .check(z.minLength(1, form), z.refine(isPath, 'needs a path, with a slash in it: no folder is searched')),
  env: z.optional(z.record(z.string().check(z.regex(/^[A-Za-z_]\w*$/, 'is no name of a variable')), secretRef)),
  timeout: z.optional(z.string().check(z.regex(/^([1-9]|[1-5]\d|60)s$/, 'needs seconds from 1s to 60s'))),
});
export type ProgramSettings = z.output<typeof programSettings>;

export type ProgramContext = {
  /** What the policy calls it. */
  readonly name: string;
  /** Where it stands there: `rosters.ours`. */
  readonly path: string;
  /** The page that says what it is asked and what it prints. */
  readonly page: string;
  readonly baseDir: string;
};

/** Judged and supplied anew each time: it is the file of now that is run. */
export async function prepared(
  { run: [path = '', ...args], env = {}, timeout = '5s' }: ProgramSettings,
  context: ProgramContext,
  signal: AbortSignal | undefined,
): Promise<Program> {
  const { name: title, page, baseDir } = context;
  const program = resolve(baseDir, path);
  const faults = [program, ...args.filter((arg) => !arg.startsWith('-')).map((arg) => resolve(baseDir, arg))].flatMap((file) =>
    faultsOf(file, file === program, context),
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
    ...{ title, page, path: program, args, cwd: baseDir, timeoutMs: Number.parseInt(timeout, 10) * 1000 },
    env: { ...surroundings(), ...Object.fromEntries(variables) },
    secrets: variables.map(([, value]) => value),
  };
}

/** Who can change it acts for this program. Files among its arguments too: where the program is an interpreter, they are what is run. */
function faultsOf(file: string, isProgram: boolean, context: ProgramContext) {
  try {
    const { stats, faults } = judged(file);
    if (isProgram && !stats.isFile()) throw notThere(context, `is no file: ${file}`);
    return isProgram || stats.isFile() ? faults : [];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (isProgram) throw code === undefined ? error : notThere(context, `cannot be found (${code}): ${file}`);
    return [];
  }
}

const notThere = ({ name, path }: ProgramContext, what: string): ProviderError =>
  new ProviderError(name, 'not-found', `the program of ${name} ${what}`, {
    applied: 'no',
    next: `correct ${path}.run in the policy, or put the program there; a path without a leading slash counts from the policy's folder`,
  });

async function secret(
  ref: SecretRef,
  key: string,
  { name, path, baseDir }: ProgramContext,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    return await resolveSecret(ref, `the variable ${key} of ${path}`, { baseDir, signal });
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
