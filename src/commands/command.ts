/** A command as data, and what its action is given. The next command is one file like its neighbours and one line in `index.ts`. */

import { type ExitCode, OncallError } from '../errors.ts';
import type { Check, Operations, SweepStep } from '../operations/types.ts';
import type { Rehearsal } from '../policy/fixture-types.ts';
import type { Issue } from '../policy/issue.ts';
import type { Paint } from '../terminal/io.ts';
import type { Prompts } from '../terminal/prompt.ts';
import type { Clock } from '../terminal/time.ts';

export type Command = {
  /** As it is typed: `request`, `policy check`. */
  readonly name: string;
  readonly group: 'Access' | 'Approving' | 'Operating' | 'Policy';
  /** One line without a full stop. */
  readonly summary: string;
  readonly argument?: {
    /** `<id>`, `[role]`, `[id...]` or `<role> [param=value...]`, as commander reads it. */
    readonly syntax: string;
    readonly summary: string;
    readonly words?: Words;
  };
  readonly options?: readonly Option[];
  readonly examples: readonly (readonly [command: string, what: string])[];
  readonly notes?: string;
  /** Stopped half-way it leaves no access in between, so Ctrl-C need not speak of the sweep. */
  readonly leavesNothing?: true;
  /** Says itself that it stops. */
  readonly tellsItsStop?: true;
  readonly run: (args: Args, context: Context) => Promise<Outcome>;
};

export type Option = {
  readonly flags: string;
  readonly summary: string;
  readonly words?: Words;
  /** For programs: not in the help. */
  readonly hidden?: true;
};

/** What can stand in a place, for the completion of the shell: fixed words, files, or what `oncall completion --words` looks up. */
export type Words = readonly string[] | 'files' | LookedUp;
/** `open`, `waiting` and `mine` are requests by id; `mine` also the roles one has. */
export type LookedUp = 'roles' | 'open' | 'waiting' | 'mine' | 'roles-and-open';

/** Options by their camel-cased name, the argument under `argument`. */
export type Args = { readonly argument: readonly string[]; readonly options: Readonly<Record<string, unknown>> };

export type Globals = {
  readonly policy?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly yes: boolean;
  readonly input: boolean;
  readonly color: boolean;
  readonly utc: boolean;
};

export type PolicyReport = {
  readonly path: string;
  readonly whyThisOne: string;
  readonly issues: readonly Issue[];
  readonly courtesy: boolean;
};

/** `issues`: warnings about the file of tests. */
export type PolicyTest = Rehearsal & { readonly policy: string; readonly tests: string; readonly issues: readonly Issue[] };

/** Somebody, and what proves it: their word, or an issuer until `expiresAt` (epoch ms). */
export type Person = {
  readonly email: string;
  readonly issuer: string;
  readonly subject: string;
  /** Of a service account. */
  readonly client?: string;
  /** Where commands go with it; absent: nowhere, they do it here. */
  readonly broker?: string;
  /** What names another place, which counts before that broker. */
  readonly overriddenBy?: '--policy' | 'ONCALL_POLICY' | 'ONCALL_BROKER';
  readonly proof: 'word' | 'issuer';
  readonly expiresAt?: number;
  readonly renewable?: boolean;
};

export type SignIn = {
  login(how: {
    readonly device: boolean;
    readonly client?: string;
    /** Whom alone the secret of a service account may go to. */
    readonly issuer?: string;
    readonly domain?: string;
    /** Its address, as it was typed. */
    readonly broker?: string;
    /** Nobody is there to open a browser or to enter a code. */
    readonly unattended?: boolean;
    readonly say: (line: string) => void;
  }): Promise<Person>;
  logout(how: {
    readonly say: (line: string) => void;
  }): Promise<readonly { readonly issuer: string; readonly outcome: 'revoked' | 'no-endpoint' | 'not-reached' | 'nothing-to-revoke' }[]>;
  whoami(): Promise<Person>;
};

/** How `serve` runs, as it was typed. */
export type ServeInput = {
  readonly listen: { readonly host: string; readonly port: number };
  readonly url?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Addresses or networks. */
  readonly behindProxy?: readonly string[];
  /** Left out: cron sweeps. */
  readonly sweepEveryMs?: number;
};

/** One thing that happened in a server. */
export type LogEntry = {
  readonly level: 'debug' | 'info' | 'warning' | 'error';
  /** Stable, for whoever collects the log: `policy.rejected`. */
  readonly event: string;
  /** One line for people. */
  readonly message: string;
  /** What a sweep did: put into words like those of `oncall sweep`. */
  readonly step?: SweepStep;
  /** For people lines of their own, for programs fields. */
  readonly details?: Readonly<Record<string, string>>;
};

/** `to`: the policy file that names the other ledger. */
export type CopyInput = { readonly to: string; readonly dryRun: boolean };
export type LedgerCopy = {
  readonly result: 'copied' | 'already-copied' | 'would-copy';
  /** What people call the two places; no password in them. */
  readonly from: string;
  readonly to: string;
  /** The other policy's path. */
  readonly policy: string;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  /** Grants whose add may be under way. */
  readonly activating: number;
  readonly head: { readonly ledger: string; readonly seq: number; readonly hash: string };
};

/** A policy that is being written, and is looked at before it is. */
export type Draft = {
  /** Absolute. */
  readonly path: string;
  /** Of the JSON Schema, where the package has it. */
  readonly schema?: string;
  /** As cron has to start it. */
  readonly program: { readonly path: string; readonly nodeFolder: string; readonly user: string };
  /** Asks what that part names, live. A fault of area `policy` is one of what was written. */
  readonly check: (part: DraftPart) => Promise<readonly Check[]>;
  /** Likewise all of it, and everything that `policy check` would say. */
  readonly checkWhole: (text: string, admin: string) => Promise<readonly Check[]>;
  /** All of it or nothing, and never in the place of another file. */
  readonly write: (text: string) => Promise<void>;
};
type DraftSource = {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of a file at `path`: what would do in it, where there is none yet. */
  readonly starter?: Readonly<Record<string, unknown>> | undefined;
};
export type DraftPart = {
  readonly directory?: DraftSource & { readonly group: string; readonly admin: string };
  readonly roster?: DraftSource & { readonly schedule: string };
  readonly identity?: Readonly<Record<string, unknown>>;
};

export type Context = {
  readonly globals: Globals;
  /** Opened on first use; strings in what it answers are safe for a terminal, unless the answer goes into a JSON document. */
  readonly operations: () => Promise<Operations>;
  /** For the sweep: works with what is sound in a policy that has faults, and says which. */
  readonly salvaged: (more?: {
    /** It may upgrade the ledger. */
    readonly mayMigrate: boolean;
  }) => Promise<{ readonly operations: Operations; readonly issues: readonly Issue[]; readonly policyPath: string }>;
  readonly checkPolicy: () => Promise<PolicyReport>;
  /** `file`: of the tests; left out: the one beside the policy. */
  readonly testPolicy: (file: string | undefined) => Promise<PolicyTest>;
  readonly checkFiles: () => Promise<readonly Check[]>;
  /** Of the policy that is to be at that path. */
  readonly draft: (path: string) => Promise<Draft>;
  readonly signIn: () => Promise<SignIn>;
  /** From the ledger in use to the one that another policy names. */
  readonly copyLedger: (input: CopyInput) => Promise<LedgerCopy>;
  /** Until a signal stops it: which. `show` gives the line for the log, or nothing. */
  readonly serve: (input: ServeInput, show: (entry: LogEntry) => string | undefined) => Promise<'SIGINT' | 'SIGTERM'>;
  /** `undefined` where no question may be asked; then a usage error names the flag. */
  readonly prompts: (() => Promise<Prompts>) | undefined;
  /** Something about work under way, on stderr at once. */
  readonly note: (line: string) => void;
  /** Likewise, under `--quiet` too: what a person has to do before it goes on. */
  readonly say: (line: string) => void;
  /** From now on the command says itself what an interrupt leaves. */
  readonly tellsItsStop: () => void;
  readonly clock: () => Clock;
  /** Ends early at an interrupt, and when `until` is aborted. */
  readonly sleep: (ms: number, until?: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly screen: {
    readonly width: number;
    readonly paint: Paint;
    /** For a text with commands that somebody may copy. `labelled` does it where its label is one of those. */
    readonly toCopy: (text: string) => string;
  };
};

/** What a command leaves: either the document or the text is printed, never both. */
export type Outcome = {
  readonly exit: ExitCode;
  readonly document: Readonly<Record<string, unknown>>;
  /** For stdout; empty prints nothing. */
  readonly text: string;
  /** What `--quiet` prints in its place: ids, names or the table alone. */
  readonly brief?: string;
  /** A refusal or what failed, as three lines on stderr. */
  readonly error?: { readonly message: string; readonly why: string; readonly next: string };
};

export function usage(message: string, next: string, why?: string): OncallError {
  return new OncallError('usage', message, { exit: 2, next, ...(why === undefined ? {} : { why }) });
}

export function text(args: Args, name: string): string | undefined {
  const value = args.options[name];
  return typeof value === 'string' ? value : undefined;
}

export function flag(args: Args, name: string): boolean {
  return args.options[name] === true;
}

/** The argument of a command that requires one. */
export function only(args: Args): string {
  return args.argument[0] ?? '';
}

/** A role with its parameters, typed as several words; or an id. Empty where nothing was typed. */
export function named(args: Args): string {
  return args.argument.join(' ');
}
