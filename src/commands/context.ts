/** What a command is given, made from the flags and the surroundings. */

import type { Check, Operations } from '../operations/types.ts';
import type { Issue } from '../policy/issue.ts';
import { canPrompt, colorLevel, type Env, type Interrupt, type Io, makePaint } from '../terminal/io.ts';
import { makeMeter } from '../terminal/meter.ts';
import { clean, cleanDeep, wrap } from '../terminal/text.ts';
import { type Clock, isUnknownZone, localInstants } from '../terminal/time.ts';
import type { Context, CopyInput, Draft, Globals, LedgerCopy, LogEntry, PolicyReport, PolicyTest, ServeInput, SignIn } from './command.ts';
import { namingPolicy } from './next-step.ts';

export type PolicyOptions = { readonly policyPath?: string; readonly env: Env; readonly cwd: string };

export type WireOptions = PolicyOptions & {
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly progress: (line: string, more?: { readonly alsoOffTerminal: true }) => void;
  readonly onSuspend: Io['onSuspend'];
  readonly meter?: { readonly show: (done: number, total: number) => void; readonly over: () => void };
  readonly salvage?: boolean;
  readonly mayMigrate?: boolean;
};

export type ServeOptions = PolicyOptions &
  Pick<WireOptions, 'now' | 'signal' | 'onSuspend'> & {
    readonly input: ServeInput;
    readonly tell: (entry: LogEntry) => void;
    readonly onReload: Io['onReload'];
  };

type Wired = {
  readonly operations: Operations;
  readonly policy: { readonly path: string };
  readonly issues: readonly Issue[];
  close(): Promise<void>;
  /** Where what came from elsewhere may have caused a fault of this program: whom to tell of it. */
  readonly causeOf?: (fault: unknown) => unknown;
};

/** The way to the operations. Handed in, because commands must not know the composition root; a test hands in operations of its own. */
export type Wiring = {
  readonly wire: (options: WireOptions) => Promise<Wired>;
  readonly checkPolicy: (options: PolicyOptions) => Promise<PolicyReport>;
  readonly testPolicy: (options: PolicyOptions, file: string | undefined) => Promise<PolicyTest>;
  readonly checkFiles: (options: PolicyOptions) => Promise<readonly Check[]>;
  readonly signIn: (options: WireOptions) => Promise<SignIn>;
  readonly serve: (options: ServeOptions) => Promise<void>;
  readonly copyLedger: (options: WireOptions, input: CopyInput) => Promise<LedgerCopy>;
  readonly draft: (options: WireOptions, path: string) => Promise<Draft>;
};

export type Surroundings = {
  readonly env: Env;
  readonly io: Io;
  readonly wiring: Wiring;
  readonly signal: AbortSignal;
  readonly tellsItsStop: () => void;
};

type Made = { readonly context: Context; readonly close: () => Promise<void>; readonly causeOf: (fault: unknown) => unknown };

export async function makeContext(globals: Globals, around: Surroundings): Promise<Made> {
  const { env, io, wiring, signal } = around;
  const opened: Wired[] = [];
  const options = wireOptions(globals, around);
  const open = async (salvage: boolean, more: { readonly mayMigrate?: boolean } = {}) => {
    const wired = await wiring.wire({ ...options, ...more, salvage });
    opened.push(wired);
    return {
      operations: globals.json ? wired.operations : readable(wired.operations, { now: io.now(), utc: globals.utc }),
      issues: cleanDeep(wired.issues),
      policyPath: clean(wired.policy.path),
    };
  };
  let whole: Promise<Operations> | undefined;
  const errColor = colorLevel(io.stderr, env, globals.color);
  const context: Context = {
    globals,
    operations: () => (whole ??= open(false).then(({ operations }) => operations)),
    salvaged: (more) => open(true, more),
    checkPolicy: async () => {
      const report = await wiring.checkPolicy(options);
      return globals.json ? report : cleanDeep(report);
    },
    testPolicy: async (file) => {
      const test = await wiring.testPolicy(options, file);
      return globals.json ? test : cleanDeep(test);
    },
    signIn: () => wiring.signIn(options),
    copyLedger: async (input) => {
      const copy = await wiring.copyLedger(options, input);
      return globals.json ? copy : cleanDeep(copy);
    },
    serve: async (input, show) => {
      let by: Interrupt = 'SIGTERM';
      const stopListening = io.onInterrupt((signal) => {
        by = signal;
      });
      const tell = (entry: LogEntry): void => {
        const line = show(entry);
        if (line !== undefined) globals.json ? io.stderr.write(line) : writeLines(io, line);
      };
      await wiring.serve({ ...options, input, tell, onReload: io.onReload }).finally(stopListening);
      return by;
    },
    checkFiles: async () => {
      const checks = await wiring.checkFiles(options);
      return globals.json ? checks : cleanDeep(checks);
    },
    draft: async (path) => {
      const draft = await wiring.draft(options, path);
      const shown = async (checks: Promise<readonly Check[]>) => (globals.json ? checks : cleanDeep(await checks));
      return { ...draft, check: (part) => shown(draft.check(part)), checkWhole: (text, admin) => shown(draft.checkWhole(text, admin)) };
    },
    prompts: canPrompt(io, env, globals.input) ? () => io.prompts(errColor > 0) : undefined,
    note: globals.quiet ? () => undefined : (text) => writeLines(io, text),
    say: (text) => writeLines(io, text),
    tellsItsStop: around.tellsItsStop,
    clock: clockOf(globals, around),
    sleep: (ms, until) => io.sleep(ms, until === undefined ? signal : AbortSignal.any([signal, until])),
    signal,
    screen: {
      width: io.stdout.width,
      paint: await makePaint(globals.json ? 0 : colorLevel(io.stdout, env, globals.color)),
      toCopy: namingPolicy(globals.policy, env),
    },
  };
  return {
    context,
    close: async () => void (await Promise.allSettled(opened.map((wired) => wired.close()))),
    causeOf: (fault) => opened.reduce((found, wired) => wired.causeOf?.(found) ?? found, fault),
  };
}

/** Times would come out in UTC without a word; said once, and only where times are shown to a person. */
function clockOf({ utc, json, quiet }: Globals, { env, io }: Surroundings): () => Clock {
  let isLookedAt = utc || json || quiet;
  return () => {
    if (!isLookedAt && isUnknownZone(env.TZ)) writeLines(io, `warning: TZ=${env.TZ} is no zone that is known here; times are in UTC`);
    isLookedAt = true;
    return { now: io.now(), utc };
  };
}

function wireOptions(globals: Globals, { env, io, signal }: Surroundings): WireOptions {
  const { json, quiet, verbose } = globals;
  const hasMeter = io.stderr.isTty && !json && !quiet && !verbose && !env.CI && env.TERM !== 'dumb';
  const meter = hasMeter ? makeMeter(io.stderr, io.now, signal) : undefined;
  const local = (line: string) => localInstants(line, { now: io.now(), utc: globals.utc });
  const above = (show: () => void) => (meter ? meter.above(show) : show());
  const write = (line: string) => above(() => writeLines(io, local(line)));
  const silent = () => undefined;
  return {
    ...(globals.policy === undefined ? {} : { policyPath: globals.policy }),
    env,
    cwd: io.cwd,
    now: io.now,
    signal,
    onSuspend: io.onSuspend,
    log: verbose ? write : silent,
    // Off a terminal silence is the rule: cron mails whatever a sweep prints.
    progress: (line, more) => (verbose || (!quiet && (io.stderr.isTty || more?.alsoOffTerminal)) ? write(line) : undefined),
    ...(meter && { meter }),
  };
}

/** Clean text and local times, at once for every operation there is, so that no command can forget it. Documents carry the text as it is, escaped. */
function readable(operations: Operations, clock: Clock): Operations {
  const local = (text: string) => localInstants(text, clock);
  const wrapped = Object.entries(operations).map(([verb, run]) => [verb, async (input: never) => cleanDeep(await run(input), local)]);
  return Object.fromEntries(wrapped) as Operations;
}

/** Below its own first word, so that what was indented stays so. A word that is too long, such as an address, stays whole. */
function writeLines(io: Io, text: string): void {
  const lines = text.split('\n').map((line) => wrap(clean(line), io.stderr.width, line.search(/\S|$/) + 2));
  io.stderr.write(`${lines.join('\n')}\n`);
}
