/** argv → which command with which arguments, by commander; or a text to print; or a usage error. */

import { Command as Commander, type CommanderError, InvalidArgumentError } from 'commander';
import { type Args, type Command, type Globals, usage } from './command.ts';
import { commandHelp, globalOptions, groupHelp, helpFor, overview } from './help.ts';
import { commands } from './index.ts';

export type Parsed =
  | { readonly kind: 'command'; readonly command: Command; readonly args: Args; readonly globals: Globals }
  | { readonly kind: 'print'; readonly text: string };

/** Building every command costs two milliseconds at each start; those whose word is among `argv` are enough, unless something is wrong with it. */
export async function parse(argv: readonly string[], version: string): Promise<Parsed> {
  const meant = commands.filter(({ name }) => argv.includes(name.split(' ')[0] ?? ''));
  if (meant.length === 0) return parseAmong(commands, argv, version);
  try {
    return await parseAmong(meant, argv, version);
  } catch {
    // What may have been meant instead is known only beside all the others.
    return parseAmong(commands, argv, version);
  }
}

async function parseAmong(among: readonly Command[], argv: readonly string[], version: string): Promise<Parsed> {
  let parsed: Parsed | undefined;
  let printed = '';
  const onParsed = (found: Parsed) => {
    parsed = found;
  };
  const onPrint = (text: string) => {
    printed += text;
  };
  try {
    await buildProgram(among, version, onParsed, onPrint).parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!isCommanderError(error)) throw error;
    const { exitCode, code, message } = error;
    if (exitCode === 0) return { kind: 'print', text: printed };
    throw usageError(code, message, argv);
  }
  if (parsed === undefined) throw new Error('no command ran');
  return parsed;
}

/** Its `name` is that of its class, which a bundler may change. */
function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

function buildProgram(
  among: readonly Command[],
  version: string,
  onParsed: (parsed: Parsed) => void,
  onPrint: (text: string) => void,
): Commander {
  const program = new Commander('oncall').exitOverride().version(version, '--version').helpCommand(false);
  // Before any command is added: commands copy these settings when they are made.
  program.configureOutput({ writeOut: onPrint, writeErr: () => undefined });
  program.configureHelp({ formatHelp: (at) => helpAt(at, program) });
  for (const { flags, summary } of globalOptions) {
    if (flags.includes('<')) program.option(flags, summary, once);
    else program.option(flags, summary);
  }
  for (const command of among) {
    const at = place(program, command);
    if (command.argument !== undefined) at.arguments(command.argument.syntax);
    for (const { flags, summary } of command.options ?? []) at.option(flags, summary);
    at.action(() => onParsed({ kind: 'command', command, args: { argument: at.args, options: at.opts() }, globals: globalsOf(program) }));
  }
  program
    .command('help')
    .argument('[words...]')
    .action((words: string[]) => onParsed({ kind: 'print', text: helpFor(words) }));
  return program;
}

/** A second value does not win in silence: behind a sudo rule that fixes `--policy`, it would be the caller's. */
function once(value: string, before?: string): string {
  if (before === undefined) return value;
  throw new InvalidArgumentError('It is given twice.');
}

/** `policy check` is a command `check` below `policy`. */
function place(program: Commander, { name }: Command): Commander {
  const [first = '', second] = name.split(' ');
  if (second === undefined) return program.command(first);
  const group = program.commands.find((one) => one.name() === first) ?? program.command(first).helpCommand(false);
  return group.command(second);
}

function helpAt(at: Commander, program: Commander): string {
  if (at === program) return overview();
  const name = at.parent === program || at.parent === null ? at.name() : `${at.parent.name()} ${at.name()}`;
  const command = commands.find((one) => one.name === name);
  return command === undefined ? (name === 'help' ? overview() : groupHelp(name)) : commandHelp(command);
}

function globalsOf(program: Commander): Globals {
  const { policy, json = false, quiet = false, verbose = false, yes = false, input, color, utc = false } = program.opts();
  return { json, quiet, verbose, yes, input, color, utc, ...(policy === undefined ? {} : { policy }) };
}

function usageError(code: string, message: string, argv: readonly string[]) {
  // A command that only groups others, or none at all: commander would print the help instead.
  if (code === 'commander.help') {
    const group = commands.map(({ name }) => name.split(' ')).find(([first, second]) => second !== undefined && argv.includes(first ?? ''));
    if (group === undefined) return usage('a command is missing', 'oncall --help lists the commands');
    return usage(`oncall ${group[0]} needs a command of its own`, `oncall help ${group[0]}`);
  }
  if (/^(version|-v|-V)$/.test(argv[0] ?? '')) return usage(`there is no "${argv[0]}"`, 'oncall --version');
  const [first = '', ...rest] = message.replace(/^error: /, '').split('\n');
  const hint = /\(Did you mean (.*)\?\)/.exec(rest.join(' '))?.[1];
  const known = commands.find(({ name }) => argv.join(' ').startsWith(name));
  const help = known === undefined ? 'oncall --help' : `oncall help ${known.name}`;
  const said = first.replace(/^unknown command/, 'there is no command').replaceAll("'", '"');
  return usage(said, hint === undefined ? help : `did you mean ${hint}? See ${help}`);
}
