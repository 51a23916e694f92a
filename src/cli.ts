/** The command line: from argv to an exit code. The only place that catches everything, and the only one that prints results. */

import { version } from '../package.json';
import type { Outcome } from './commands/command.ts';
import type { PolicyOptions, Wiring } from './commands/context.ts';
import { type ExitCode, isOncallError, OncallError } from './errors.ts';
import { colorLevel, type Env, type Io, makePaint, noPaint, type Paint } from './terminal/io.ts';
import { processIo } from './terminal/process-io.ts';

/** The broker that commands go to, where there is one: then nothing of what works by a policy here is loaded. */
async function throughBroker(options: PolicyOptions) {
  // Where a file is named, nothing of a broker is loaded to find out that none counts.
  if (options.policyPath !== undefined || options.env.ONCALL_POLICY) return undefined;
  const broker = (await import('./wiring/broker.ts')).chosenBroker(options);
  return broker && { broker, ...(await import('./wiring/broker-wire.ts')) };
}

// Certificates are checked whatever the environment says, in every SDK too; an authority of one's own is named in NODE_EXTRA_CA_CERTS.
delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;

const realWiring: Wiring = {
  wire: async (options) => {
    const at = await throughBroker(options);
    return at ? at.wireBroker(at.broker, { ...options, version }) : (await import('./wiring.ts')).wire({ ...options, version });
  },
  signIn: async (options) => {
    const { signInAnywhere } = await import('./wiring/broker-sign-in.ts');
    return signInAnywhere({ ...options, version }, async () => (await import('./wiring.ts')).signIn(options));
  },
  checkPolicy: async (options) => {
    const at = await throughBroker(options);
    if (at) throw at.policyAtBroker(at.broker);
    return (await import('./wiring.ts')).checkPolicy(options);
  },
  testPolicy: async (options, file) => {
    const at = await throughBroker(options);
    if (at) throw at.policyAtBroker(at.broker);
    return (await import('./wiring/test-policy.ts')).testPolicy(options, file);
  },
  checkFiles: async (options) => {
    const at = await throughBroker(options);
    return at ? at.brokerInUse(at.broker) : (await import('./wiring.ts')).checkFiles(options);
  },
  copyLedger: async (options, input) => (await import('./wiring/copy-ledger.ts')).copyLedger({ ...options, version }, input),
  draft: async (options, path) => (await import('./wiring/draft.ts')).draft(options, path),
  serve: async (options) => (await import('./wiring/serve.ts')).serve({ ...options, version }),
};

type Screen = {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly paint: Paint;
  readonly toCopy?: (text: string) => string;
};

export async function main(argv: readonly string[], env: Env, io: Io = processIo(), wiring: Wiring = realWiring): Promise<ExitCode> {
  const asked = argv.length === 1 ? argv[0] : undefined;
  // Answered before anything is loaded: these two are what scripts and people without a policy call.
  if (asked === '--version') return print(`${version}\n`, io);
  if (asked === '--help' || asked === '-h' || asked === 'help') return print((await import('./commands/help.ts')).overview(), io);
  // Help, as people expect of a bare name; and no success, as a script that lost its words did nothing.
  if (argv.length === 0) {
    io.stderr.write((await import('./commands/help.ts')).overview());
    return 2;
  }
  const stop = new AbortController();
  let leavesNothing = false;
  let tellsItsStop = false;
  const stopListening = io.onInterrupt(() => interrupt(stop, { leavesNothing, tellsItsStop }, io));
  let screen: Screen = { json: argv.includes('--json'), quiet: false, verbose: argv.includes('--verbose'), paint: noPaint };
  try {
    const { parse } = await import('./commands/parse.ts');
    const parsed = await parse(argv, version);
    if (parsed.kind === 'print') {
      return print(screen.json ? (await import('./terminal/json.ts')).toDocument({ text: parsed.text }) : parsed.text, io);
    }
    const { command, args, globals } = parsed;
    leavesNothing = command.leavesNothing ?? false;
    tellsItsStop = command.tellsItsStop ?? false;
    screen = { ...globals, paint: await makePaint(colorLevel(io.stderr, env, globals.color)) };
    const { makeContext } = await import('./commands/context.ts');
    const onStopTold = () => {
      tellsItsStop = true;
    };
    const made = await makeContext(globals, { env, io, wiring, signal: stop.signal, tellsItsStop: onStopTold });
    const { context, close, causeOf } = made;
    screen = { ...screen, toCopy: context.screen.toCopy };
    try {
      return await finish(await command.run(args, context), screen, io);
    } catch (error) {
      throw error instanceof Error && ['ExitPromptError', 'ProviderError'].includes(error.name) ? error : causeOf(error);
    } finally {
      await close();
    }
  } catch (error) {
    return await fail(error, { ...screen, interrupted: stop.signal.aborted, leavesNothing }, io);
  } finally {
    stopListening();
  }
}

function print(text: string, io: Io): ExitCode {
  io.stdout.write(text);
  return 0;
}

/** The first time, what is under way may come to a safe end; the second time, the sweep has to finish it. */
function interrupt(
  stop: AbortController,
  { leavesNothing, tellsItsStop }: Record<'leavesNothing' | 'tellsItsStop', boolean>,
  io: Io,
): void {
  if (stop.signal.aborted) io.leaveAtOnce(130);
  stop.abort();
  if (tellsItsStop) return;
  const then = leavesNothing ? '' : ': what is under way is finished or left to the sweep';
  io.stderr.write(`stopping${then} (again: at once)\n`);
}

async function finish(outcome: Outcome, { json, quiet, paint, toCopy = (next) => next }: Screen, io: Io): Promise<ExitCode> {
  const { exit, document, error } = outcome;
  const text = quiet ? (outcome.brief ?? outcome.text) : outcome.text;
  if (json) io.stdout.write((await import('./terminal/json.ts')).toDocument(document));
  else if (text !== '') io.stdout.write(`${text}\n`);
  if (error !== undefined && !(json && quiet)) {
    const { errorLines } = await import('./terminal/report-error.ts');
    const shown = { ...error, next: toCopy(error.next) };
    io.stderr.write(`${errorLines(shown, { width: io.stderr.width, paint })}\n`);
  }
  return exit;
}

async function fail(thrown: unknown, screen: Screen & { interrupted: boolean; leavesNothing: boolean }, io: Io): Promise<ExitCode> {
  const { describeError } = await import('./terminal/report-error.ts');
  const promptLeft = thrown instanceof Error && thrown.name === 'ExitPromptError';
  const error = screen.interrupted || promptLeft ? asInterrupted(thrown, screen.leavesNothing) : thrown;
  const { exit, isBug, ...parts } = describeError(error);
  const outcome = { exit, document: { error: parts }, text: '', ...(promptLeft ? {} : { error: parts }) };
  await finish(outcome, screen, io);
  if (screen.verbose) await showCauses(thrown, isBug, io);
  return exit;
}

/** Whatever an aborted call made of it, the reason is that somebody pressed Ctrl-C. */
function asInterrupted(error: unknown, leavesNothing: boolean): OncallError {
  if (isOncallError(error) && error.exit === 130) return error;
  return new OncallError('interrupted', 'interrupted', {
    exit: 130,
    ...(leavesNothing
      ? { why: 'stopped by Ctrl-C or a signal', next: 'the same command again' }
      : {
          why: 'stopped by Ctrl-C or a signal; what was under way is finished, or the sweep undoes it',
          next: 'oncall status shows what holds now',
        }),
    cause: error,
  });
}

async function showCauses(error: unknown, isBug: boolean, io: Io): Promise<void> {
  const { clean } = await import('./terminal/text.ts');
  const write = (text: string) => io.stderr.write(`${text.split('\n').map(clean).join('\n')}\n`);
  if (isBug) return write(error instanceof Error ? (error.stack ?? error.message) : String(error));
  for (let cause = error instanceof Error ? error.cause : undefined; cause instanceof Error; cause = cause.cause) {
    write(`  from: ${cause.name}: ${cause.message}`);
  }
}
