/** A policy that is not written yet: what it names is asked live, by what `doctor` asks with, and what would not pass `policy check` never becomes a file. */

import { createHash } from 'node:crypto';
import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Draft, DraftPart } from '../commands/command.ts';
import { OncallError } from '../errors.ts';
import { folderFaults, quoted } from '../file-trust.ts';
import type { Deps } from '../operations/deps.ts';
import { doctor } from '../operations/doctor.ts';
import { check, fault } from '../operations/doctor-check.ts';
import type { Check } from '../operations/types.ts';
import { parsePolicy } from '../policy/parse.ts';
import { resolveSweep } from '../policy/resolve.ts';
import { readDirectory, readIdentities, readRoster } from '../policy/sources.ts';
import type { Policy } from '../policy/types.ts';
import type { SignInContext } from '../sign-in/context.ts';
import type { OidcIdentity } from '../sign-in/settings.ts';
import { depsOf } from './deps.ts';
import type { Env } from './find-policy.ts';
import { allKinds, checkFile } from './load-policy.ts';
import { writeOnce } from './write-once.ts';

export type DraftOptions = Pick<Deps, 'now' | 'signal' | 'log' | 'progress'> & { readonly env: Env; readonly cwd: string };
type Source = NonNullable<DraftPart['directory'] | DraftPart['roster']>;
type Fault = { readonly message: string; readonly hint?: string; readonly path: readonly (string | number)[] };

export async function draft(options: DraftOptions, written: string): Promise<Draft> {
  const path = resolve(options.cwd, written);
  requireRoom(path);
  const program = resolve(process.argv[1] ?? 'oncall');
  const schema = join(dirname(existsSync(program) ? realpathSync(program) : program), '../schema/oncall.schema.json');
  return {
    path,
    ...(existsSync(schema) ? { schema } : {}),
    program: { path: program, nodeFolder: dirname(process.execPath), user: userName() },
    check: (part) => checkPart(part, path, options),
    checkWhole: (text, admin) => checkWhole(text, { path, admin }, options),
    write: async (text) => writeOnce(path, text, taken),
  };
}

function requireRoom(path: string): void {
  const folder = dirname(path);
  // The path is written into the policy's comments and into the crontab, where another line is another key or job.
  if (/\p{Cc}/u.test(path)) {
    throw new OncallError('bad-path', 'the path of the policy holds a line break or another control character', {
      exit: 2,
      next: 'name another file with --output',
    });
  }
  if (!existsSync(folder)) {
    throw new OncallError('no-folder', `there is no folder ${folder} to write the policy into`, {
      exit: 2,
      next: `mkdir -m 700 ${quoted(folder)}, or name another file with --output`,
    });
  }
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw taken(path);
}

const taken = (path: string): OncallError =>
  new OncallError('policy-exists', `${path} is there already`, {
    exit: 2,
    why: 'a file that is there is never written over, and nothing was written',
    next: 'name another file with --output, or move that one away',
  });

const unknownUser = 'oncall';

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's arbitrary uid has no entry in the password file.
    return unknownUser;
  }
}

async function checkPart({ directory, roster, identity }: DraftPart, path: string, options: DraftOptions): Promise<readonly Check[]> {
  const kinds = await allKinds();
  if (identity !== undefined) {
    const read = readIdentities([identity], kinds.oidc);
    return read.faults.length > 0 ? read.faults.map(ofText) : checkIssuers(read.identity, options);
  }
  const [at, on] = [directory && sourceOf(directory), roster && sourceOf(roster)];
  const directories = at && readDirectory(at.name, at.settings, ['directories', at.name], kinds.directories);
  const rosters = on && readRoster(on.name, on.settings, ['rosters', on.name], kinds.rosters);
  const faults = [...(directories?.faults ?? []), ...(rosters?.faults ?? [])].filter(({ severity }) => severity === undefined);
  const open = directory === undefined || directory.name === 'local' ? [] : folderFaults(dirname(path));
  // Else it would be told only after the last question.
  const told = [...faults.map(ofText), ...open.map(({ path: where, because, mend }) => check('policy', where, 'fault', because, mend))];
  if (told.length > 0) return told;
  const policy: Policy = {
    ...{ ...nothing, path, ledger: { sqlite: join(dirname(path), 'oncall.db') }, sweep: resolveSweep(undefined) },
    // Of a group that is exclusive `doctor` asks without any role, and of what a rule names without knowing what that one is for.
    directories: directories?.source && directory ? { [directory.name]: { ...directories.source, exclusive: [directory.group] } } : {},
    rosters: rosters?.source && roster ? { [roster.name]: rosters.source } : {},
    admins: roster ? [{ name: 'on call', graceMs: 0, condition: onCallOf(roster) }] : [],
  };
  const checks = await ask(policy, directory?.admin, options);
  const begin = starterIn(path, directory ?? roster);
  return checks.map((one) => (begin !== undefined && one.outcome === 'fault' ? { ...one, next: begin } : one));
}

/** The command that makes the file of a directory or a roster, where there is none. */
function starterIn(policy: string, source: Source | undefined): string | undefined {
  if (source?.starter === undefined) return undefined;
  const file = resolve(dirname(policy), String(source.settings['path']));
  if (existsSync(file)) return undefined;
  // Not echo, to which a backslash is something else in some shells. JSON is YAML too.
  return `make one to begin with: $ printf '%s\\n' ${quoted(JSON.stringify(source.starter))} > ${quoted(file)}`;
}

const nothing = { digest: '', identity: [], people: {}, blocked: [], roles: {} } as const;

const sourceOf = ({ name, settings }: Source) => ({ name, settings });

const onCallOf = ({ name, schedule }: NonNullable<DraftPart['roster']>) =>
  ({ kind: 'onCall', roster: name, schedule, levels: [] }) as const;

const ofText = ({ message, hint, path }: Fault): Check => check('policy', path.join('.'), 'fault', message, hint);

/** The same discovery as `login` begins with. */
async function checkIssuers(identity: Policy['identity'], { now, signal, log }: DraftOptions): Promise<readonly Check[]> {
  const issuers = identity.flatMap((one) => (one.kind === 'oidc' ? [one.settings as OidcIdentity] : []));
  if (issuers.length === 0) return [];
  const { openClient } = await import('../sign-in/issuer-client.ts');
  // Nothing is kept by a discovery.
  const context: SignInContext = { folder: '', origin: 'direct', now, signal, log };
  return Promise.all(
    issuers.map(async (one) => {
      try {
        await openClient(one, context);
        return check('sign-in', one.issuer, 'ok', 'it answers, by that name; its client is tried by the first oncall login');
      } catch (error) {
        return fault('sign-in', one.issuer, error);
      }
    }),
  );
}

async function checkWhole(
  text: string,
  { path, admin }: { path: string; admin: string },
  options: DraftOptions,
): Promise<readonly Check[]> {
  const digest = createHash('sha256').update(text).digest('hex');
  // The file will be this user's, and only this user may write to it.
  const file = { path, text, digest, faults: folderFaults(dirname(path)), why: 'named by --policy', fromWorkingFolder: false };
  const issues = await checkFile(file, options.now());
  const told = issues.map(({ severity, path: at, message, hint }) =>
    check('policy', at === '' ? path : at, severity === 'error' ? 'fault' : 'warning', message, hint),
  );
  const { policy } = parsePolicy(text, { path, digest, kinds: await allKinds() });
  if (policy === undefined || told.some(({ outcome }) => outcome === 'fault')) return told;
  return [...told, ...(await ask(policy, admin, options))];
}

/** What `doctor` finds at the sources; there is no ledger yet, and nobody is signed in. */
async function ask(policy: Policy, admin: string | undefined, options: DraftOptions): Promise<readonly Check[]> {
  const nobody = new OncallError('no-ledger', 'there is no ledger yet', { next: 'oncall sweep' });
  const { now, signal, log, progress } = options;
  const deps = depsOf({
    ...{ policy, now, signal, log, progress, courtesy: false },
    ledger: () => Promise.reject(nobody),
    ledgerExists: () => false,
    anchor: { read: async () => undefined, keep: async () => undefined },
    actor: async () => {
      if (admin === undefined) throw nobody;
      return { issuer: '', subject: admin, email: admin };
    },
  });
  const { checks } = await doctor(deps);
  return checks.filter(({ area, outcome }) => ['directory', 'roster', 'identity'].includes(area) && outcome !== 'skipped');
}
