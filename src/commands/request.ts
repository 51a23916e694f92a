/** `oncall request`: asks for a role, and where a person must say yes, waits for them if told to. */

import { isOncallError } from '../errors.ts';
import type { Operations, Refusal, RequestInput, RequestResult } from '../operations/types.ts';
import type { Prompts } from '../terminal/prompt.ts';
import { cut } from '../terminal/text.ts';
import { askedFrom, askedOptions, durationFrom } from './asked.ts';
import { choose } from './choose.ts';
import { type Args, type Command, type Context, flag, named, type Outcome, text, usage } from './command.ts';
import { isRefusal, requestOutcome } from './request-outcome.ts';
import { waitForIt, waits } from './wait.ts';

export const request: Command = {
  name: 'request',
  group: 'Access',
  summary: 'get a role, with an end',
  argument: { syntax: '[role] [param=value...]', summary: 'left out on a terminal: choose from a list', words: 'roles' },
  options: [
    ...askedOptions,
    { flags: '--reason <text>', summary: 'why, for the approver and the audit' },
    { flags: '--incident <ref>', summary: 'the incident it is for, by its number or id; left out, yours is looked for' },
    { flags: '--queue', summary: 'where every place is taken: stand in line for one' },
    { flags: '--wait', summary: 'wait for the approver, or for your turn' },
    { flags: '--timeout <duration>', summary: 'with --wait: no longer than this; left out: 5m' },
    { flags: '--break-glass', summary: 'in an emergency: without roster or approver, to be reviewed; needs a reason' },
    { flags: '--despite-late-sweep', summary: 'admins: although the sweep is late; needs --reason' },
  ],
  examples: [
    ['oncall request db-admin --hours 12', 'be in for 12 hours, or as long as the policy allows'],
    ['oncall request db-admin --until shift', 'until your shift ends'],
    ['oncall request prod-read --reason "INC-42: replica lag" --wait', 'ask a person, and wait for the answer'],
    ['oncall request migration --queue --wait', 'wait for your turn, and take it'],
  ],
  notes: 'Safe to repeat: asked for again, what one has may end later; nothing ever shortens it.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const timeoutMs = durationFrom('--timeout', text(args, 'timeout') ?? '5m');
  if (text(args, 'timeout') !== undefined && !flag(args, 'wait')) throw usage('--timeout needs --wait', 'add --wait');
  const input = await inputFrom(args, context);
  if (input.breakGlass) await confirmEmergency(input.role, context);
  const result = await asking(input, context);
  if (isRefusal(result) || !waits(result.result) || !flag(args, 'wait')) return requestOutcome(result, context);
  return waitForIt(result, timeoutMs, context, () => asking(input, context));
}

async function inputFrom(args: Args, context: Context): Promise<RequestInput> {
  const asked = askedFrom(args);
  const [reason, incident] = [text(args, 'reason'), text(args, 'incident')];
  if (flag(args, 'despiteLateSweep') && !reason) throw usage('--despite-late-sweep needs --reason', 'add --reason "…"');
  const chosen = args.argument.length === 0 ? await choose({ asked, incident }, context) : { role: named(args), asked };
  return {
    ...chosen,
    ...(reason === undefined ? {} : { reason }),
    ...(incident === undefined ? {} : { incident }),
    ...(flag(args, 'breakGlass') ? { breakGlass: true } : {}),
    ...(flag(args, 'despiteLateSweep') ? { despiteLateSweep: true } : {}),
    ...(flag(args, 'queue') ? { queue: true } : {}),
  };
}

/** Typed out, so that nobody does it by a key too many; and said what it means before it is done. */
async function confirmEmergency(role: string, { globals, prompts, say }: Context): Promise<void> {
  if (globals.yes) return;
  if (prompts === undefined) {
    const why = 'no question can be asked: not a terminal, or --no-input or CI is set';
    throw usage(`breaking the glass of ${role} needs --yes here`, 'add --yes', why);
  }
  say('this skips the roster and the approvers; everybody concerned is told, and somebody else reviews it');
  await (await prompts()).input(`Type ${role} to break the glass:`, (typed) =>
    typed.trim() === role ? undefined : `type ${role}, or Ctrl-C`,
  );
}

/** Only the operation knows what is missing: that depends on what the rosters answer. On a terminal it is asked for, each thing once. */
async function asking(input: RequestInput, context: Context): Promise<RequestResult | Refusal> {
  const operations = await context.operations();
  try {
    return await operations.request(input);
  } catch (error) {
    if (!isOncallError(error) || context.prompts === undefined) throw error;
    const missing = await missingFor(error.code, input, { operations, prompts: context.prompts, screen: context.screen });
    if (missing === undefined) throw error;
    return asking({ ...input, ...missing }, context);
  }
}

type Asking = Pick<Context, 'screen'> & { readonly operations: Operations; readonly prompts: () => Promise<Prompts> };

async function missingFor(code: string, input: RequestInput, { operations, prompts, screen }: Asking) {
  if (code === 'reason-needed' && input.reason === undefined) {
    const reason = await (await prompts()).input('Why?', (typed) => (typed.trim() === '' ? 'a reason is needed' : undefined));
    return { reason: reason.trim() };
  }
  if (code !== 'which-incident' || input.incident !== undefined) return undefined;
  const { incidents = [] } = await operations.explain({ role: input.role, asked: input.asked });
  if (incidents.length === 0) return undefined;
  // The prompt is on stderr: stdout may be a file without a width. 4: the pointer, and one to spare, as a line that is full wraps.
  const width = Math.min(Number.isFinite(screen.width) ? screen.width : 80, 120) - 4;
  const choices = incidents.map(({ ref, title }) => ({
    ...{ value: ref, short: ref },
    name: title === undefined ? ref : cut(`${ref}  ${title}`, width),
  }));
  return { incident: await (await prompts()).select('Which incident is it for?', choices) };
}
