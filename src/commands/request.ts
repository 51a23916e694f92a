/** `oncall request`: asks for a role, and where a person must say yes, waits for them if told to. */

import { isOncallError } from '../errors.ts';
import type { RequestInput } from '../operations/types.ts';
import { askedFrom, askedOptions, durationFrom } from './asked.ts';
import { choose } from './choose.ts';
import { type Args, type Command, type Context, flag, type Outcome, text, usage } from './command.ts';
import { isRefusal, requestOutcome } from './request-outcome.ts';
import { waitForDecision } from './wait.ts';

export const request: Command = {
  name: 'request',
  group: 'Access',
  summary: 'get a role, with an end',
  argument: { syntax: '[role]', summary: 'left out on a terminal: choose from a list', words: 'roles' },
  options: [
    ...askedOptions,
    { flags: '--reason <text>', summary: 'why, for the approver and the audit' },
    { flags: '--incident <ref>', summary: 'the incident it is for, by its number or id; left out, yours is looked for' },
    { flags: '--wait', summary: 'where an approver is needed: wait for the answer' },
    { flags: '--timeout <duration>', summary: 'wait no longer than this (5m)' },
    { flags: '--despite-late-sweep', summary: 'admins: although the sweep is late; needs --reason' },
  ],
  examples: [
    ['oncall request db-admin --hours 12', 'be in for 12 hours, or as long as the policy allows'],
    ['oncall request db-admin --until shift', 'until your shift ends'],
    ['oncall request prod-read --reason "INC-42: replica lag" --wait', 'ask a person, and wait for the answer'],
  ],
  notes: 'Safe to repeat: with the role held, a later end moves the end; nothing ever shortens it.',
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const timeoutMs = durationFrom('--timeout', text(args, 'timeout') ?? '5m');
  if (text(args, 'timeout') !== undefined && !flag(args, 'wait')) throw usage('--timeout needs --wait', 'add --wait');
  const input = await inputFrom(args, context);
  const result = await withReason(input, context);
  if (isRefusal(result) || result.result !== 'pending' || !flag(args, 'wait')) return requestOutcome(result, context);
  return waitForDecision(result, timeoutMs, context);
}

async function inputFrom(args: Args, context: Context): Promise<RequestInput> {
  const asked = askedFrom(args);
  const [reason, incident] = [text(args, 'reason'), text(args, 'incident')];
  if (flag(args, 'despiteLateSweep') && !reason) throw usage('--despite-late-sweep needs --reason', 'add --reason "…"');
  const chosen = args.argument[0] === undefined ? await choose({ asked, incident }, context) : { role: args.argument[0], asked };
  return {
    ...chosen,
    ...(reason === undefined ? {} : { reason }),
    ...(incident === undefined ? {} : { incident }),
    ...(flag(args, 'despiteLateSweep') ? { despiteLateSweep: true } : {}),
  };
}

/** Only the operation knows whether a reason is needed: that can depend on what the roster answers. */
async function withReason(input: RequestInput, context: Context) {
  const operations = await context.operations();
  try {
    return await operations.request(input);
  } catch (error) {
    if (!isOncallError(error) || error.code !== 'reason-needed' || input.reason !== undefined || context.prompts === undefined) throw error;
    const prompts = await context.prompts();
    const reason = await prompts.input('Why?', (typed) => (typed.trim() === '' ? 'a reason is needed' : undefined));
    return operations.request({ ...input, reason: reason.trim() });
  }
}
