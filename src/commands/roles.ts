/** `oncall roles`: what can be asked for, and by whom. */

import type { RoleView } from '../operations/types.ts';
import { ttlText } from '../policy/duration.ts';
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
  const text =
    found.length === 0
      ? 'the policy has no roles'
      : families(found)
          .map((those) => roleText(those, context))
          .join('\n\n');
  return { exit: 0, document: { roles: found }, text, brief: found.map(({ name }) => name).join('\n') };
}

type Family = readonly [first: RoleView, ...others: RoleView[]];

/** Those that differ in their values only are shown once, by the first of them. */
function families(roles: readonly RoleView[]): readonly Family[] {
  const found = new Map<string, [RoleView, ...RoleView[]]>();
  for (const role of roles) {
    const key = role.family === undefined ? `role ${role.name}` : `family ${role.family.name}`;
    const those = found.get(key);
    if (those === undefined) found.set(key, [role]);
    else those.push(role);
  }
  return [...found.values()];
}

function roleText([role, ...others]: Family, context: Context): string {
  const { name, description, targets, ttl, endsSessionsIn = [], rules } = role;
  const { width, paint } = context.screen;
  return [
    wrap(`${paint.bold(name)}${description === undefined ? '' : `  ${description}`}`, width, 2),
    ...labelled('in', [targets.map(nameOf).join(', ')], context),
    ...labelled('for', [ttlText(ttl) + placesOf(role)], context),
    ...labelled('with', needsOf(role), context),
    ...(endsSessionsIn.length === 0 ? [] : labelled('then', [`signed out of ${endsSessionsIn.join(' and ')}, everywhere`], context)),
    ...labelled('who', rules, context),
    ...(others.length === 0 ? [] : labelled('also', [others.map((other) => other.name).join(', ')], context)),
  ].join('\n');
}

function placesOf({ maxHolders }: RoleView): string {
  if (maxHolders === undefined) return '';
  return `, ${maxHolders === 1 ? 'one holder' : `${maxHolders} holders`} at a time, and a line for it (--queue)`;
}

const needsOf = ({ reason, quorum }: RoleView): readonly string[] => [
  ...(reason === undefined ? [] : [reason === 'required' ? 'a reason' : 'a reason, where a person decides']),
  ...(quorum === undefined ? [] : [`the yes of ${quorum} people, where a person decides`]),
];
