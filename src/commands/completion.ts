/** `oncall completion`: prints what makes a shell complete commands, flags, roles and requests; and looks up for it what the policy and the ledger have. */

import type { Request } from '../lifecycle/types.ts';
import { type Args, type Command, type Context, type LookedUp, type Outcome, text, usage } from './command.ts';

const shells = ['bash', 'zsh', 'fish'];

export const completion: Command = {
  name: 'completion',
  group: 'Operating',
  summary: 'let the shell complete commands, roles and requests',
  argument: { syntax: '[shell]', summary: shells.join(', '), words: shells },
  options: [{ flags: '--words <what>', summary: 'what can stand in a place; asked by the script itself', hidden: true }],
  examples: [
    ['oncall completion bash', 'in ~/.bashrc: eval "$(oncall completion bash)"'],
    ['oncall completion zsh', 'in ~/.zshrc, after compinit: eval "$(oncall completion zsh)"'],
    ['oncall completion fish', 'once, with > ~/.config/fish/completions/oncall.fish'],
  ],
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const asked = text(args, 'words');
  if (asked !== undefined) return words(asked, context);
  const [shell] = args.argument;
  if (shell === undefined) throw usage('which shell is missing', 'oncall completion bash, zsh or fish');
  // Not before it is needed: it reads the list of commands, in which this one stands.
  const { completionScript } = await import('./completion-script.ts');
  const script = completionScript(shell);
  if (script === undefined) throw usage(`there is no completion for "${shell}"`, 'oncall completion bash, zsh or fish');
  return { exit: 0, document: { shell, script }, text: script };
}

type Word = { readonly word: string; readonly about: string };

const lookUps: Record<LookedUp, (context: Context) => Promise<readonly Word[]>> = {
  roles: async (context) =>
    (await (await context.operations()).roles()).map(({ name, description }) => ({ word: name, about: description ?? 'role' })),
  open: async (context) => (await open(context)).map(asWord),
  waiting: async (context) => (await open(context)).filter(({ state }) => state === 'pending').map(asWord),
  mine: async (context) => {
    const mine = await open(context, true);
    return [...mine.map(({ role, id }) => ({ word: role, about: id })), ...mine.map(asWord)];
  },
  'roles-and-open': async (context) => [...(await lookUps.roles(context)), ...(await lookUps.open(context))],
};

async function open(context: Context, mine = false): Promise<readonly Request[]> {
  return (await (await context.operations()).status(mine ? { mine } : {})).requests;
}

const asWord = ({ id, role, requester }: Request): Word => ({ word: id, about: `${role}, ${requester.email}` });

/** Somebody is in the middle of typing: whatever is wrong, there is just nothing to offer. */
async function words(asked: string, context: Context): Promise<Outcome> {
  const found = Object.hasOwn(lookUps, asked) ? await lookUps[asked as LookedUp](context).catch(() => []) : [];
  // They become words of a command line.
  const safe = found.filter(({ word }) => /^[\w.@-]+$/.test(word));
  return { exit: 0, document: { words: safe }, text: safe.map(({ word, about }) => `${word}\t${about}`).join('\n') };
}
