/** `oncall policy check`: which policy file counts, and every fault in it at once. */

import { count } from '../terminal/text.ts';
import type { Args, Command, Context, Outcome } from './command.ts';
import { labelled } from './request-outcome.ts';
import { courtesyNote } from './status.ts';

export const policyCheck: Command = {
  name: 'policy check',
  group: 'Policy',
  summary: 'which policy file counts, and every fault in it',
  examples: [
    ['oncall policy check', 'the policy that would be used here'],
    ['oncall policy check --policy ./oncall.yaml', 'this file'],
  ],
  run,
};

async function run(_: Args, context: Context): Promise<Outcome> {
  const { path, whyThisOne, issues, courtesy } = await context.checkPolicy();
  const errors = issues.filter(({ severity }) => severity === 'error').length;
  const warnings = issues.length - errors;
  const verdict = errors > 0 ? count(errors, 'fault') : 'no faults';
  const text = [
    `${path}: ${verdict}${warnings === 0 ? '' : `, ${count(warnings, 'warning')}`} (${whyThisOne})`,
    ...issues.flatMap(({ severity, code, message, hint, line, column }) => [
      `${path}:${line}:${column} ${severity} ${code} ${message}`,
      ...(hint === undefined ? [] : [`  hint: ${hint}`]),
    ]),
    ...(courtesy ? labelled('note', [courtesyNote], context) : []),
  ].join('\n');
  return { exit: errors > 0 ? 1 : 0, document: { path, whyThisOne, issues, courtesy }, text };
}
