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
  const id = only(args);
  const operations = await context.operations();
  const reason = text(args, 'reason') ?? (await askWhy(context, async () => void (await operations.deny({ id, dryRun: true }))));
  const { request, grants } = await operations.deny({ id, ...(reason === undefined ? {} : { reason }) });
  const told = `${request.id}  ${request.role} for ${request.requester.email} denied`;
  return { exit: 0, document: { request, grants }, text: told, brief: request.id };
}

/** Whoever is told no at night should know what else to do; it may be left empty. */
async function askWhy({ prompts, globals }: Context, requireRight: () => Promise<void>): Promise<string | undefined> {
  if (prompts === undefined || globals.yes) return undefined;
  // Nobody writes a reason for what they may not do.
  await requireRight();
  const written = (await (await prompts()).input('Why not? (the requester reads it; may be empty)', () => undefined)).trim();
  return written === '' ? undefined : written;
}
