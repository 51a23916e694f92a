/** `oncall deny`: says no to a request that waits. */

import { type Args, type Command, type Context, type Outcome, only, text } from './command.ts';

export const deny: Command = {
  name: 'deny',
  group: 'Approving',
  summary: 'say no to a request',
  argument: { syntax: '<id>', summary: 'the request, as oncall approve lists it', words: 'waiting' },
  options: [{ flags: '--reason <text>', summary: 'for the requester and the audit' }],
  examples: [['oncall deny k7m2xq --reason "use the read replica"', 'say no, and why']],
  run,
};

async function run(args: Args, context: Context): Promise<Outcome> {
  const reason = text(args, 'reason');
  const { request, grants } = await (await context.operations()).deny({ id: only(args), ...(reason === undefined ? {} : { reason }) });
  const told = `${request.id}  ${request.role} for ${request.requester.email} denied`;
  return { exit: 0, document: { request, grants }, text: told, brief: request.id };
}
