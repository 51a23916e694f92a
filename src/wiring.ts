/** The composition root: from a policy file and the surroundings to `Operations`. The only importer of adapters. */

import { randomInt, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SignIn } from './commands/command.ts';
import type { AdapterContext, Directory, DirectoryKind } from './directories/directory.ts';
import { directoryKinds } from './directories/index.ts';
import { OncallError } from './errors.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Deps, Meter } from './operations/deps.ts';
import { createOperations } from './operations/index.ts';
import type { Check, Operations } from './operations/types.ts';
import type { Issue } from './policy/issue.ts';
import type { Policy, Source } from './policy/types.ts';
import { rosterKinds } from './rosters/index.ts';
import type { Roster } from './rosters/roster.ts';
import { fileAnchor } from './wiring/anchor.ts';
import { type Env, findPolicy } from './wiring/find-policy.ts';
import { isCourtesy } from './wiring/identity.ts';
import { checkFile, loadPolicy, readPolicyFile } from './wiring/load-policy.ts';
import { actorOf, signInOf } from './wiring/sign-in.ts';

export type PolicyOptions = { readonly policyPath?: string; readonly env: Env; readonly cwd: string };

export type WireOptions = PolicyOptions & {
  readonly now?: () => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly progress: (line: string, more?: { readonly alsoOffTerminal: true }) => void;
  /** At each Ctrl-Z hands over how to stop; returns how to stop listening. */
  readonly onSuspend?: (listener: (stop: () => void) => void) => () => void;
  readonly meter?: Meter;
  /** For the sweep: a policy with faults still gives the ledger and the sources that are sound, and no roles. */
  readonly salvage?: boolean;
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
  let skew: number | undefined;
  const onServerDate = (ms: number): void => {
    skew = Math.max(skew ?? 0, Math.abs(ms - now()));
  };
  const context = (name: string): AdapterContext => ({ name, now, log: options.log, onServerDate, baseDir: dirname(policy.path) });
  const ledger = once(() => openLedgerOf(policy, now, options.onSuspend));
  const deps: Deps = {
    policy,
    ...(fault === undefined ? {} : { policyFault: fault }),
    ledger,
    ledgerExists: () => policy.ledger.sqlite === ':memory:' || existsSync(policy.ledger.sqlite),
    anchor: fileAnchor({ ledger: policy.ledger.sqlite, env: options.env, log: options.log }),
    directory: onceEach(async (name) => {
      await othersAreSent();
      return openSource<Directory>('directory', policy.directories, directoryKinds, context(name));
    }),
    roster: onceEach((name) => openSource<Roster>('roster', policy.rosters, rosterKinds, context(name))),
    actor: once(() => actorOf(policy, { ...options, now })),
    now,
    random: () => randomInt(2 ** 32) / 2 ** 32,
    sleep: (ms) => delay(ms, undefined, { signal: options.signal }),
    log: options.log,
    signal: options.signal,
    clockSkew: () => skew,
    progress: options.progress,
    ...(options.meter && { meter: options.meter }),
    courtesy: isCourtesy(options.env),
  };
  return {
    operations: createOperations(deps),
    policy,
    issues,
    close: async () => void (await ledger.opened()?.then((open) => open.close())),
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

/** Nothing is sent while an SDK is loaded, so what a roster was asked before goes out first: connected in one turn of the event loop, written in the next. */
async function othersAreSent(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function openLedgerOf(policy: Policy, now: () => number, onSuspend: WireOptions['onSuspend']): Promise<Ledger> {
  const { openSqlite } = await import('./ledger/sqlite.ts');
  const { openLedger } = await import('./ledger/ledger.ts');
  const database = await openSqlite(policy.ledger.sqlite);
  // Stopped in the middle of a transaction, it would keep every sweep from ending anything.
  const stopListening = onSuspend?.((stop) => void database.between(stop));
  const ledger = await openLedger(database, { now, id: randomUUID() });
  return {
    ...ledger,
    close: async () => {
      await ledger.close();
      stopListening?.();
    },
  };
}

type Kind<Port> = {
  readonly settings: DirectoryKind<unknown>['settings'];
  readonly isLocal: (settings: unknown) => boolean;
  readonly open: (settings: unknown, context: AdapterContext) => Promise<Port>;
};

async function openSource<Port>(
  what: 'directory' | 'roster',
  sources: Readonly<Record<string, Source>>,
  kinds: Readonly<Record<string, () => Promise<Kind<Port>>>>,
  context: AdapterContext,
): Promise<Port> {
  const source = Object.hasOwn(sources, context.name) ? sources[context.name] : undefined;
  const load = source === undefined ? undefined : kinds[source.kind];
  if (source === undefined || load === undefined) {
    throw new OncallError(`no-${what}`, `the policy has no ${what} "${context.name}"`, {
      exit: 2,
      why: 'it is named by the ledger or a rule, and was taken out of the policy or has a fault there',
      next: `put the ${what} back, or mend it: oncall policy check`,
    });
  }
  const kind = await load();
  // A proxy that is none is a fault of the surroundings, told as such before anybody blames the source.
  if (!kind.isLocal(source.settings)) (await import('./proxy.ts')).proxyIn();
  return kind.open(source.settings, context);
}

/** Opens on first use and never twice, whoever asks; a failure is remembered as well, because nothing changes within one command. */
function once<T>(open: () => Promise<T>): (() => Promise<T>) & { opened(): Promise<T> | undefined } {
  let opened: Promise<T> | undefined;
  return Object.assign(() => (opened ??= open()), { opened: () => opened });
}

function onceEach<T>(open: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const opened = new Map<string, Promise<T>>();
  return (name) => {
    const known = opened.get(name) ?? open(name);
    opened.set(name, known);
    return known;
  };
}
