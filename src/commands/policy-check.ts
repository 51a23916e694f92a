/** `oncall policy check`: which policy file counts, and every fault in it at once. */

import { count } from '../terminal/text.ts';
import { type Args, type Command, type Context, flag, type Outcome } from './command.ts';
import { labelled } from './lines.ts';

export const policyCheck: Command = {
  name: 'policy check',
  group: 'Policy',
  summary: 'which policy file counts, and every fault in it',
  options: [{ flags: '--strict', summary: 'fail at warnings as well, for a build server' }],
  examples: [
    ['oncall policy check', 'the policy that would be used here'],
    ['oncall policy check --policy ./oncall.yaml', 'this file'],
    ['oncall policy check --policy ./oncall.yaml --strict', 'this file, before it is merged'],
  ],
  run,
};

/** The file does not say which of the two it is for. */
const courtesyNote =
  'where people use this policy by themselves, it is a courtesy, not a control: they can also read the credentials it names; it is a control where a broker serves it (oncall serve)';

async function run(args: Args, context: Context): Promise<Outcome> {
  const { path, whyThisOne, issues, courtesy } = await context.checkPolicy();
  const errors = issues.filter(({ severity }) => severity === 'error').length;
  const warnings = issues.length - errors;
  const fails = errors > 0 || (warnings > 0 && flag(args, 'strict'));
  const verdict = errors > 0 ? count(errors, 'fault') : 'no faults';
  const warned = warnings === 0 ? '' : `, ${count(warnings, 'warning')}${fails && errors === 0 ? ', which --strict does not pass' : ''}`;
  const placed = (issue: (typeof issues)[number]) =>
    `${path}:${issue.line}:${issue.column} ${issue.severity} ${issue.code} ${issue.message}`;
  const text = [
    `${path}: ${verdict}${warned} (${whyThisOne})`,
    ...issues.flatMap((issue) => [placed(issue), ...(issue.hint === undefined ? [] : [`  hint: ${issue.hint}`])]),
    ...(courtesy ? labelled('note', [courtesyNote], context) : []),
  ].join('\n');
  const brief = issues.map(placed).join('\n');
  return { exit: fails ? 1 : 0, document: { path, whyThisOne, issues, courtesy }, text, brief };
}
