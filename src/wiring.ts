/** The composition root: from a policy file and the surroundings to `Operations`. The only importer of adapters. */

import type { SignIn } from './commands/command.ts';
import type { Meter } from './operations/deps.ts';
import { createOperations } from './operations/index.ts';
import type { Check, Operations } from './operations/types.ts';
import type { Issue } from './policy/issue.ts';
import type { Policy } from './policy/types.ts';
import { background } from './wiring/background.ts';
import { depsOf } from './wiring/deps.ts';
import { type Env, findPolicy } from './wiring/find-policy.ts';
import { isCourtesy } from './wiring/identity.ts';
import { checkFile, loadPolicy, readPolicyFile } from './wiring/load-policy.ts';
import { once } from './wiring/once.ts';
import { ledgerOf, type OnSuspend } from './wiring/open-ledger.ts';
import { actorOf, signInOf } from './wiring/sign-in.ts';

export type PolicyOptions = { readonly policyPath?: string; readonly env: Env; readonly cwd: string };

export type WireOptions = PolicyOptions & {
  readonly now?: () => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly progress: (line: string, more?: { readonly alsoOffTerminal: true }) => void;
  readonly onSuspend?: OnSuspend;
  readonly meter?: Meter;
  /** For the sweep: a policy with faults still gives the ledger and the sources that are sound, and no roles. */
  readonly salvage?: boolean;
  /** For the sweep: it upgrades the ledger where that is shared. */
  readonly mayMigrate?: boolean;
  readonly version?: string;
};

export type Wired = {
  readonly operations: Operations;
  readonly policy: Policy;
  /** Warnings; with `salvage` also the faults of what was left out, which the sweep reports and exits 1 for. */
  readonly issues: readonly Issue[];
  close(): Promise<void>;
};

export async function wire(options: WireOptions): Promise<Wired> {
  const { policy, issues, fault } = await loadPolicy(readPolicyFile(findPolicy(options)), options.env, options.salvage);
  for (const issue of issues.filter(({ code }) => code === 'not-trusted')) options.progress(`warning: ${issue.message}; ${issue.hint}`);
  const now = options.now ?? Date.now;
  const { signal, log, progress, meter, env } = options;
  const ledger = ledgerOf(policy, { ...options, now });
  const besides = background(signal);
  const deps = depsOf({
    policy,
    fault,
    ...ledger,
    actor: once(() => actorOf(policy, { ...options, now })),
    ...{ now, signal, log, progress, meter },
    background: besides.run,
    courtesy: isCourtesy(env),
  });
  return {
    operations: createOperations(deps),
    policy,
    issues,
    close: async () => {
      await besides.over();
      await ledger.ledger.opened()?.then((open) => open.close());
    },
  };
}

/** Needs the policy alone: signing in must not wait for a ledger. */
export async function signIn(options: WireOptions): Promise<SignIn> {
  const { policy } = await loadPolicy(readPolicyFile(findPolicy(options)), options.env);
  return signInOf(policy, { ...options, now: options.now ?? Date.now });
}

export type PolicyReport = {
  readonly path: string;
  /** Why this file and no other. */
  readonly whyThisOne: string;
  readonly issues: readonly Issue[];
  readonly courtesy: boolean;
};

export async function checkPolicy(options: PolicyOptions): Promise<PolicyReport> {
  const found = findPolicy(options);
  return { path: found.path, whyThisOne: found.why, issues: await checkFile(readPolicyFile(found)), courtesy: isCourtesy(options.env) };
}

/** The part of `doctor` that looks at files; the rest is an operation. */
export async function checkFiles(options: PolicyOptions): Promise<readonly Check[]> {
  return (await import('./wiring/doctor-files.ts')).doctorFiles(options);
}
