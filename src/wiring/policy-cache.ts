/**
 * A parsed policy, kept so that the next run need not load the parser (about a third of a command's time).
 * A policy decides who gets access, so an entry counts only for exactly these bytes at this path read by this build,
 * and only where nobody but root and the running user could have written it. Everything else just means parsing.
 */

import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { folderFaults, readJudged } from '../file-trust.ts';
import type { Issue } from '../policy/issue.ts';
import type { Policy } from '../policy/types.ts';
import { type Env, userFolder } from './find-policy.ts';

export type ParsedPolicy = {
  readonly policy: Policy;
  /** Every source is the embedded pair: the policy can name no host and run no command. */
  readonly embedded: boolean;
  readonly issues: readonly Issue[];
};

/** Inlined by the build; absent when run from source, where nothing is cached because the code changes under it. */
declare const ONCALL_BUILD: string | undefined;
const runningBuild = typeof ONCALL_BUILD === 'string' ? ONCALL_BUILD : undefined;

const MAX_BYTES = 16 * 1024 * 1024;

export type PolicyCache = {
  read(): ParsedPolicy | undefined;
  write(parsed: ParsedPolicy): void;
};

const none: PolicyCache = { read: () => undefined, write: () => undefined };

export function policyCache(of: { readonly path: string; readonly digest: string; readonly env: Env }, build = runningBuild): PolicyCache {
  if (build === undefined) return none;
  // One file per policy path, so that old versions do not pile up.
  const file = join(userFolder(of.env, 'XDG_CACHE_HOME', '.cache'), `policy-${sha256(of.path).slice(0, 32)}.json`);
  const key = sha256(JSON.stringify([build, of.path, of.digest]));
  return {
    read: () => quietly(() => readEntry(file, key)),
    write: (parsed) => void quietly(() => writeEntry(file, key, parsed)),
  };
}

function readEntry(file: string, key: string): ParsedPolicy | undefined {
  const { bytes, faults } = readJudged(file, MAX_BYTES);
  if (faults.length > 0) return undefined;
  const { key: found, parsed } = JSON.parse(bytes.toString('utf8')) as { key?: unknown; parsed?: ParsedPolicy };
  return found !== key || parsed === undefined ? undefined : { ...parsed, policy: withBareRecords(parsed.policy) };
}

/** As the parser makes them: what people named is looked up in these, and `constructor` must not be found there. */
function withBareRecords(policy: Policy): Policy {
  const people = Object.entries(policy.people).map(([email, names]) => [email, bare(names)] as const);
  return {
    ...policy,
    directories: bare(policy.directories),
    rosters: bare(policy.rosters),
    roles: bare(policy.roles),
    ...(policy.notify === undefined ? {} : { notify: bare(policy.notify) }),
    people: bare(Object.fromEntries(people)),
  };
}

const bare = <T extends object>(record: T): T => Object.assign(Object.create(null), record);

function writeEntry(file: string, key: string, parsed: ParsedPolicy): void {
  const folder = dirname(file);
  // Asked before anything is made: root must not write below a home that belongs to somebody else.
  if (folderFaults(nearestExisting(folder)).length > 0) return;
  // Not recursive: a home that does not exist is not to be made.
  for (const missing of [dirname(folder), folder]) makeFolder(missing);
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, JSON.stringify({ key, parsed }), { mode: 0o600, flag: 'wx' });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function makeFolder(folder: string): void {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) mkdirSync(folder, { mode: 0o700 });
}

function nearestExisting(folder: string): string {
  try {
    folderFaults(folder);
    return folder;
  } catch {
    return nearestExisting(dirname(folder));
  }
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
