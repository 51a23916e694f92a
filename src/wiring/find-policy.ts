/** Which policy file counts: the first place in a fixed order that has one. */

import { lstatSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { OncallError } from '../errors.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export type FoundPolicy = {
  readonly path: string;
  /** For people: `named by --policy`. */
  readonly why: string;
  /** Found only because of the folder the command was typed in, which may be somebody else's repository. */
  readonly fromWorkingFolder: boolean;
};

const SYSTEM_PATH = '/etc/oncall/oncall.yaml';

export function findPolicy(
  from: { readonly policyPath?: string; readonly env: Env; readonly cwd: string },
  systemPath = SYSTEM_PATH,
): FoundPolicy {
  const named = from.policyPath ?? (from.env.ONCALL_POLICY || undefined);
  if (named !== undefined) {
    const how = from.policyPath === undefined ? 'named by ONCALL_POLICY' : 'named by --policy';
    return { path: mustExist(named, from.cwd, how), why: how, fromWorkingFolder: false };
  }
  const places: readonly FoundPolicy[] = [
    { path: systemPath, why: 'the system-wide policy', fromWorkingFolder: false },
    { path: join(userFolder(from.env, 'XDG_CONFIG_HOME', '.config'), 'oncall.yaml'), why: 'your own policy', fromWorkingFolder: false },
    { path: join(from.cwd, 'oncall.yaml'), why: 'in the current folder', fromWorkingFolder: true },
  ];
  const found = places.find((place) => exists(place.path));
  if (found !== undefined) return found;
  throw new OncallError('no-policy', 'no policy file was found', {
    exit: 2,
    why: `you are signed in to no broker; looked at --policy, ONCALL_POLICY, ${places.map((place) => place.path).join(', ')}`,
    next: 'oncall login https://BROKER, or name a file with --policy; to write a first one: oncall init; to try everything out without any account: npm run quickstart',
  });
}

/** The folder of this tool below one of the user's XDG folders; a relative value counts as unset, as that specification says. */
export function userFolder(env: Env, variable: string, fallback: string, systemHome = homedir): string {
  const set = env[variable];
  const base = set !== undefined && isAbsolute(set) ? set : join(env.HOME || homeOr(systemHome), fallback);
  return join(base, 'oncall');
}

/** An id without an entry in the password file (a container's) has no home; `/` is what login programs give it. */
function homeOr(systemHome: () => string): string {
  try {
    return systemHome();
  } catch {
    return '/';
  }
}

/**
 * Looked for as it is written: `oncall.yaml x/../mine.yaml` is nothing where there is no such folder, but resolves to a file that may be there.
 * A sudo rule with `--policy /etc/oncall/oncall.yaml *` lets such a path through.
 */
function mustExist(named: string, cwd: string, how: string): string {
  const written = isAbsolute(named) ? named : `${cwd}/${named}`;
  if (exists(written)) return resolve(written);
  throw new OncallError('no-policy', `the policy file ${written} does not exist`, {
    exit: 2,
    why: `it is ${how}, and no other place is tried then`,
    next: how.endsWith('ONCALL_POLICY') ? 'correct or unset ONCALL_POLICY' : 'correct --policy',
  });
}

/** Anything but plain absence counts as being there: a policy that cannot be read must not give way to another. */
function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}
