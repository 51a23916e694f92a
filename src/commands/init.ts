/** `oncall init`: a first policy for a company's own directory, roster and sign-in, each of them tried before anything is written. */

import type { Command, Option } from './command.ts';
import { directories, type Question, rosters } from './init-kinds.ts';
import { questions } from './init-questions.ts';

const { directory, group, roster, onCall, output, ledger, schedule, ...others } = questions;
const settingsOf = (kinds: typeof directories) => Object.values(kinds).flatMap(({ settings }) => settings);
const listed: readonly (Option & Pick<Question, 'choices'>)[] = [
  ...[directory, ...settingsOf(directories), group],
  ...[roster, ...settingsOf(rosters), onCall],
  ...[...Object.values(others), schedule, ledger, output],
  { flags: '--unchecked', summary: 'write it although something could not be checked' },
];

export const init: Command = {
  name: 'init',
  group: 'Policy',
  leavesNothing: true,
  summary: 'write a first policy, each answer tried as it is given',
  // Several kinds may have a flag in common.
  options: listed
    .filter(({ flags }, index) => listed.findIndex((other) => other.flags === flags) === index)
    .map(({ choices, ...option }) => (choices === undefined ? option : { ...option, words: Object.keys(choices) })),
  examples: [
    ['oncall init', 'on a terminal: asks, tries each answer, writes ./oncall.yaml'],
    ['oncall init --directory okta --roster pagerduty', 'asks for what these leave open'],
  ],
  notes:
    'Off a terminal, all that is missing is named at once. Secrets are only named: a variable or a file. Directory and roster are only read. A file that is there is never written over, and nothing is written where an answer fails. docs/policy.md has a whole line for scripts.',
  run: async (args, context) => (await import('./init-run.ts')).run(args, context),
};
