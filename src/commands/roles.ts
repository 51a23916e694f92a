/** `oncall roles`: what can be asked for, and by whom. */

import type { RoleView } from '../operations/types.ts';
import { formatDuration } from '../policy/duration.ts';
import { wrap } from '../terminal/text.ts';
import type { Args, Command, Context, Outcome } from './command.ts';
import { labelled, nameOf } from './lines.ts';

export const roles: Command = {
  name: 'roles',
  leavesNothing: true,
  group: 'Access',
  summary: 'what can be asked for, and who gets it',
  examples: [['oncall roles', 'every role of the policy with its rules']],
  run,
};

async function run(_: Args, context: Context): Promise<Outcome> {
  const found = await (await context.operations()).roles();
  const text = found.length === 0 ? 'the policy has no roles' : found.map((role) => roleText(role, context)).join('\n\n');
  return { exit: 0, document: { roles: found }, text, brief: found.map(({ name }) => name).join('\n') };
}

function roleText({ name, description, targets, ttl, maxHolders, endsSessionsIn = [], rules }: RoleView, context: Context): string {
  const { width, paint } = context.screen;
  const length =
    ttl.defaultMs === ttl.maxMs ? formatDuration(ttl.maxMs) : `${formatDuration(ttl.defaultMs)}, at most ${formatDuration(ttl.maxMs)}`;
  const places = maxHolders === undefined ? '' : maxHolders === 1 ? ', one holder at a time' : `, ${maxHolders} holders at a time`;
  return [
    wrap(`${paint.bold(name)}${description === undefined ? '' : `  ${description}`}`, width, 2),
    ...labelled('in', [targets.map(nameOf).join(', ')], context),
    ...labelled('for', [length + places], context),
    ...(endsSessionsIn.length === 0 ? [] : labelled('then', [`signed out of ${endsSessionsIn.join(' and ')}, everywhere`], context)),
    ...labelled('who', rules, context),
  ].join('\n');
}
