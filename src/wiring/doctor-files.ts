/** `doctor` on files: which policy and ledger count and why, whether others could change them, whether this user can use them. */

import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isOncallError } from '../errors.ts';
import { folderFaults, quoted } from '../file-trust.ts';
import type { Check } from '../operations/types.ts';
import type { Issue } from '../policy/issue.ts';
import type { Policy } from '../policy/types.ts';
import { anchorFile } from './anchor.ts';
import { type Env, findPolicy } from './find-policy.ts';
import { ledgerPlace } from './ledger-place.ts';
import { checkFile, loadPolicy, type PolicyFile, readPolicyFile } from './load-policy.ts';

/** Never throws for what it finds. */
export async function doctorFiles(from: {
  readonly policyPath?: string;
  readonly env: Env;
  readonly cwd: string;
}): Promise<readonly Check[]> {
  let file: PolicyFile;
  try {
    file = readPolicyFile(findPolicy(from));
  } catch (error) {
    return [fault('policy', 'the file', error)];
  }
  const issues = await checkFile(file);
  const aboutTrust = issues.filter(({ code }) => code === 'not-trusted' || code === 'working-folder');
  // A policy with faults still says where the ledger is; one that others may change is not believed.
  const loaded = await loadPolicy(file, from.env, true).catch((error: unknown) => ({ error }));
  const isRefused = 'error' in loaded && isOncallError(loaded.error) && loaded.error.code === 'policy-not-trusted';
  const trust = aboutTrust.map(
    ({ severity, message, hint }): Check =>
      line('files', file.path, isRefused || severity === 'error' ? 'fault' : 'warning', message, hint),
  );
  const own = issues.filter((issue) => !aboutTrust.includes(issue));
  const found = [policyLine(file, own, isRefused), ...trust];
  if ('error' in loaded) {
    const isTold = isRefused ? trust.length > 0 : found.some(({ outcome }) => outcome === 'fault');
    return isTold ? found : [...found, fault(isRefused ? 'files' : 'policy', file.path, loaded.error)];
  }
  const { policy } = loaded;
  return [...found, ...ledgerLines(policy), ...(await anchorLines(policy, from.env)), ...sourceLines(policy)];
}

function line(area: Check['area'], what: string, outcome: Check['outcome'], because: string, next?: string): Check {
  return { area, what, outcome, because, ...(next === undefined ? {} : { next }) };
}

function fault(area: Check['area'], what: string, error: unknown): Check {
  const why = isOncallError(error) && error.why !== undefined ? `: ${error.why}` : '';
  return line(
    area,
    what,
    'fault',
    `${error instanceof Error ? error.message : error}${why}`,
    isOncallError(error) ? error.next : undefined,
  );
}

function policyLine({ path, why }: PolicyFile, issues: readonly Issue[], isRefused: boolean): Check {
  const used = isRefused ? `not used, although it is ${why}` : `in use because it is ${why}`;
  const errors = issues.filter(({ severity }) => severity === 'error').length;
  const first = issues.find(({ severity }) => errors === 0 || severity === 'error');
  if (first === undefined) return line('policy', path, isRefused ? 'skipped' : 'ok', `${used}; no faults`);
  const count = errors > 0 ? `${errors} fault${errors === 1 ? '' : 's'}` : `${issues.length} warning${issues.length === 1 ? '' : 's'}`;
  const because = `${used}; ${count}, the first in line ${first.line}: ${first.message}`;
  return line('policy', path, errors > 0 ? 'fault' : 'warning', because, 'oncall policy check');
}

function ledgerLines({ ledger, path: policy }: Policy): readonly Check[] {
  if ('sqlite' in ledger) return fileLines(ledger.sqlite);
  // Whoever can write there decides which ledger is believed.
  return 'file' in ledger.postgres ? trusted(resolve(dirname(policy), ledger.postgres.file), 'fault') : [];
}

function fileLines(path: string): readonly Check[] {
  const folder = dirname(path);
  const used = 'in use because the policy names it';
  const state = at(path);
  if (state === undefined) {
    if (at(folder) === undefined)
      return [line('files', path, 'fault', `${used}, but its folder does not exist`, `mkdir -m 700 ${quoted(folder)}`)];
    return usable(path, folder, `${used}; not there yet`);
  }
  if (!state.isFile()) return [line('files', path, 'fault', `${used}, but it is not a regular file`, 'name another in the policy')];
  const open = state.mode & 0o077;
  const mode = (state.mode & 0o777).toString(8).padStart(4, '0');
  return [
    ...usable(path, path, `${used}; mode ${mode}`),
    ...(open === 0
      ? []
      : [line('files', path, 'warning', `mode ${mode}: it names people and their access to others`, `chmod 600 ${quoted(path)}`)]),
    ...trusted(path, 'fault'),
  ];
}

/** SQLite writes beside the file as well. */
function usable(path: string, written: string, because: string): readonly Check[] {
  try {
    for (const one of new Set([written, dirname(path)])) accessSync(one, constants.R_OK | constants.W_OK);
    return [line('files', path, 'ok', because)];
  } catch {
    const problem = `${because}; this user may not write to it or to its folder`;
    return [line('files', path, 'fault', problem, 'run oncall as the user of the sweep, or give this user the right')];
  }
}

/** That it is sound is told with the ledger; here only where it is, and whether it can be. */
async function anchorLines(policy: Policy, env: Env): Promise<readonly Check[]> {
  // That its address cannot be read is told by whoever opens it.
  const place = await ledgerPlace(policy, { env }).catch(() => undefined);
  if (place === undefined || place.name === ':memory:') return [];
  const { folder, name } = anchorFile({ ledger: place.name, env });
  const path = join(folder, name);
  try {
    const there = nearestExisting(folder);
    accessSync(there, constants.W_OK);
    if (at(there)?.isDirectory()) return [line('files', path, 'ok', 'keeps the head of the ledger outside it')];
  } catch {
    // Told below.
  }
  const problem = 'this user cannot write there, so it is not noticed when the ledger is deleted or put back from a copy';
  return [line('files', path, 'warning', problem, 'set HOME or XDG_STATE_HOME to a folder of this user')];
}

/** Three levels are made where they are missing; a home is not. */
function nearestExisting(folder: string): string {
  return [folder, dirname(folder), dirname(dirname(folder))].find((one) => at(one) !== undefined) ?? dirname(dirname(dirname(folder)));
}

/** The files of the embedded pair: whoever can write to them decides who is in a group or on call. */
function sourceLines({ path, directories, rosters }: Policy): readonly Check[] {
  const embedded = [
    ...Object.values(directories).filter(({ kind }) => kind === 'local'),
    ...Object.values(rosters).filter(({ kind }) => kind === 'file'),
  ];
  return embedded.flatMap(({ settings }) => {
    const named = (settings as { readonly path?: unknown }).path;
    return typeof named === 'string' ? trusted(resolve(dirname(path), named), 'warning') : [];
  });
}

function trusted(path: string, outcome: 'warning' | 'fault'): readonly Check[] {
  try {
    return folderFaults(path).map(({ path: where, because, mend }) => line('files', where, outcome, because, mend));
  } catch {
    // That it is not there is told by whoever needs it.
    return [];
  }
}

function at(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
