/** From a policy file to a policy that may be acted on: read once, judged, parsed (or remembered), refused with every fault. */

import { createHash } from 'node:crypto';
import { directoryKinds } from '../directories/index.ts';
import { OncallError } from '../errors.ts';
import { readJudged, type TrustFault } from '../file-trust.ts';
import { channelKinds } from '../notices/index.ts';
import type { Issue } from '../policy/issue.ts';
import type { IdentityKind } from '../policy/sources.ts';
import type { Policy } from '../policy/types.ts';
import { rosterKinds } from '../rosters/index.ts';
import type { OidcIdentity } from '../sign-in/settings.ts';
import type { Env, FoundPolicy } from './find-policy.ts';
import { throughSudo } from './identity.ts';
import { type ParsedPolicy, policyCache } from './policy-cache.ts';

const MAX_BYTES = 1024 * 1024;

export type PolicyFile = FoundPolicy & {
  readonly text: string;
  readonly digest: string;
  readonly faults: readonly TrustFault[];
};

export type Loaded = {
  readonly policy: Policy;
  /** Warnings, and in a salvaged policy the faults of what had to be left out. */
  readonly issues: readonly Issue[];
  /** One line about those faults; absent where the policy is whole. */
  readonly fault?: string;
};

export function readPolicyFile(found: FoundPolicy): PolicyFile {
  try {
    const { bytes, faults } = readJudged(found.path, MAX_BYTES);
    const digest = createHash('sha256').update(bytes).digest('hex');
    return { ...found, faults, digest, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    throw new OncallError('policy-unreadable', `the policy ${found.path} cannot be read`, {
      exit: 2,
      why: `${error instanceof Error ? error.message : error} (${found.why})`,
      next: 'check the file, its owner and its mode',
      cause: error,
    });
  }
}

/** The policy, or `OncallError` with every fault of it. `salvage`: a file with faults still gives what a sweep needs to end access, and its faults as issues. */
export async function loadPolicy(file: PolicyFile, env: Env, salvage = false): Promise<Loaded> {
  const cache = policyCache({ path: file.path, digest: file.digest, env });
  const known = cache.read();
  if (known !== undefined) return accept(file, known, env);
  const { policy, issues } = await parse(file);
  if (policy !== undefined && !hasErrors(issues)) {
    const parsed = { policy, embedded: isEmbedded(policy), issues };
    cache.write(parsed);
    return accept(file, parsed, env);
  }
  if (!salvage) throw faultsError(file, issues);
  return accept(file, await salvaged(file), env);
}

async function salvaged(file: PolicyFile): Promise<ParsedPolicy> {
  const { salvage } = await import('../policy/parse.ts');
  const kept = await salvage(file.text, { path: file.path, digest: file.digest, kinds: await allKinds() });
  if (kept.ledger === undefined) throw faultsError(file, kept.issues);
  const { ledger, sweep, directories, rosters, people, issues } = kept;
  const nobodyGetsIn = { identity: [], admins: [], blocked: [], roles: {} };
  const policy: Policy = { path: file.path, digest: file.digest, ledger, sweep, directories, rosters, people, ...nobodyGetsIn };
  return { policy, embedded: isEmbedded(policy), issues };
}

/** Everything there is to say about a file, for `policy check`; never throws for a fault of the file, never uses the cache. */
export async function checkFile(file: PolicyFile, now = Date.now()): Promise<readonly Issue[]> {
  const { policy, issues } = await parse(file, now);
  if (policy !== undefined && isEmbedded(policy)) return [...issues, ...trustWarnings(file)];
  const grave = [...trustWarnings(file), ...(file.fromWorkingFolder && policy !== undefined ? [workingFolderWarning] : [])];
  return [...issues, ...grave.map((issue): Issue => ({ ...issue, severity: 'error' }))];
}

type Parsing = { readonly policy?: Policy; readonly issues: readonly Issue[] };

/** `now`: not for what is kept until the file changes. */
async function parse(file: PolicyFile, now?: number): Promise<Parsing> {
  const { parsePolicy } = await import('../policy/parse.ts');
  const day = now === undefined ? {} : { now };
  return parsePolicy(file.text, { path: file.path, digest: file.digest, kinds: await allKinds(), ...day });
}

const hasErrors = (issues: readonly Issue[]): boolean => issues.some((issue) => issue.severity === 'error');

/** Nothing but the embedded pair and a file. Rosters, channels and the ledger count as well: they name hosts and commands just as a directory does. */
function isEmbedded({ ledger, directories, rosters, notify }: Policy): boolean {
  return (
    'sqlite' in ledger &&
    notify === undefined &&
    Object.values(directories).every((directory) => directory.kind === 'local') &&
    Object.values(rosters).every((roster) => roster.kind === 'file')
  );
}

/** Every kind there is, as the parser needs them. */
export async function allKinds() {
  return {
    directories: await loadEach(directoryKinds),
    rosters: await loadEach(rosterKinds),
    channels: await loadEach(channelKinds),
    oidc: await oidcKind(),
  };
}

async function oidcKind(): Promise<IdentityKind> {
  const { machineClashes, oidcIdentity, sharedDomains } = await import('../sign-in/settings.ts');
  return {
    settings: oidcIdentity,
    domains: (settings) => (settings as OidcIdentity).domains,
    sharedDomains: (settings) => sharedDomains(settings as readonly OidcIdentity[]),
    machines: (settings) => (settings as OidcIdentity).machines ?? {},
    machineClashes: (settings) => machineClashes(settings as readonly OidcIdentity[]),
  };
}

async function loadEach<K>(kinds: Readonly<Record<string, () => Promise<K>>>): Promise<Record<string, K>> {
  return Object.fromEntries(await Promise.all(Object.entries(kinds).map(async ([name, load]) => [name, await load()] as const)));
}

/** The trust check stands here, behind the cache and the salvage alike. */
function accept(file: PolicyFile, parsed: ParsedPolicy, env: Env): Loaded {
  // Behind sudo the policy is a control: what the caller could have written must not become root's.
  if (!parsed.embedded || throughSudo(env)) refuseUntrusted(file);
  const issues = [...parsed.issues, ...trustWarnings(file)];
  const errors = issues.filter((issue) => issue.severity === 'error');
  return errors.length === 0 ? { policy: parsed.policy, issues } : { policy: parsed.policy, issues, fault: summary(file, errors) };
}

/** Whatever it names. */
export function refuseUntrusted(file: PolicyFile): void {
  if (file.fromWorkingFolder) {
    throw new OncallError('policy-not-trusted', `${file.path} is not used: it was only found in the current folder`, {
      exit: 2,
      why: 'a cloned repository must not choose where a token is sent, nor whom root lets in',
      next: `if you trust it: oncall --policy ${file.path} …`,
    });
  }
  if (file.faults.length === 0) return;
  throw new OncallError('policy-not-trusted', `the policy ${file.path} is not used: somebody else could change it`, {
    exit: 2,
    why: file.faults.map((fault) => fault.because).join('; '),
    next: file.faults.map((fault) => fault.mend).join(' && '),
  });
}

const trustWarnings = (file: PolicyFile): Issue[] => file.faults.map((fault) => issueOf('not-trusted', fault.because, fault.mend));

const issueOf = (code: string, message: string, hint: string): Issue => ({
  severity: 'warning',
  code,
  message,
  hint,
  path: '',
  line: 1,
  column: 1,
});

const workingFolderWarning = issueOf(
  'working-folder',
  'a file that just lies in the current folder is not used where it names sources outside this machine',
  'name it with --policy',
);

export function faultsError(file: PolicyFile, issues: readonly Issue[]): OncallError {
  const faults = issues.filter((issue) => issue.severity === 'error');
  return new OncallError('policy-faults', summary(file, faults), {
    exit: 2,
    why: faults
      .map(
        (issue) =>
          `${file.path}:${issue.line}:${issue.column} ${issue.code} ${issue.message}${issue.hint === undefined ? '' : ` (${issue.hint})`}`,
      )
      .join('\n'),
    next: `mend it, then: oncall policy check --policy ${file.path}`,
  });
}

const summary = (file: PolicyFile, faults: readonly Issue[]): string =>
  `the policy ${file.path} has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}`;
