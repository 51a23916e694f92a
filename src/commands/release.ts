/** `oncall release`: gives a role back early, or takes a pending request back. */

import type { ReleaseResult } from '../operations/types.ts';
import { type Args, type Command, type Context, named, type Outcome, text } from './command.ts';
import { endedOutcome } from './ended-outcome.ts';

export const release: Command = {
  name: 'release',
  group: 'Access',
  summary: 'give a role back early, or take a pending request back',
  argument: { syntax: '<id|role> [param=value...]', summary: 'your request, or the role you have', words: 'mine' },
  options: [{ flags: '--reason <text>', summary: 'for the audit' }],
  examples: [
    ['oncall release db-admin', 'done early: out of the groups now'],
    ['oncall release k7m2xq', 'take back what still waits for an approver'],
  ],
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const reason = text(args, 'reason');
  const id = named(args);
  const result = await (await context.operations()).release({ id, ...(reason === undefined ? {} : { reason }) });
  if (result.request === undefined) return nothingHeld(id, result);
  return endedOutcome({ ...result, requests: [result.request] }, 'given back', context);
}

/** A script that gives back what it may have does not fail where it has nothing. */
function nothingHeld(role: string, { grants, ended, left }: ReleaseResult): Outcome {
  return { exit: 0, document: { request: null, grants, ended, left }, text: `you do not have ${role} now`, brief: '' };
}
