/** Help texts, made from the list of commands: examples first, 80 columns. */

import type { Command, Option } from './command.ts';
import { usage } from './command.ts';
import { commands } from './index.ts';

export const globalOptions: readonly Option[] = [
  { flags: '--policy <file>', summary: 'use this policy file', words: 'files' },
  { flags: '--json', summary: 'print one JSON document on stdout' },
  { flags: '-q, --quiet', summary: 'print ids, names or the table only; no notes' },
  { flags: '--verbose', summary: 'print what is done, and the stack of a fault' },
  { flags: '--no-input', summary: 'never ask; fail and name the flag' },
  { flags: '-y, --yes', summary: 'answer yes where it would ask' },
  { flags: '--no-color', summary: 'no colour (also: NO_COLOR)' },
  { flags: '--utc', summary: 'print times in UTC only' },
];

const answered: readonly Option[] = [
  { flags: '-h, --help', summary: 'print this' },
  { flags: '--version', summary: 'print the version' },
];

export const topics: Readonly<Record<string, { readonly summary: string; readonly text: string }>> = {
  'exit-codes': {
    summary: 'what the exit codes mean',
    text: `Exit codes

    0  done
    1  failed, or could not be decided
    2  usage or policy error
    3  denied by policy (also: you may not approve, revoke or read this)
    4  you are not signed in
    8  not yet: it waits for an approver, or the place is taken
  130  interrupted

doctor, policy check and test, status --check: 0 or 1, and 2 for a usage error.
audit verify: 0 whole, 1 broken, 2 could not be checked.
sweep: 1 only for what is stuck, late or misconfigured.
serve: 0 after SIGTERM, 2 where it may not start.
`,
  },
  environment: {
    summary: 'the variables that are read',
    text: `Environment

  ONCALL_POLICY        the policy file, where --policy is not given
  ONCALL_BROKER        which of the brokers that you are signed in to
  ONCALL_USER          who you are, where the policy says identity: local
  ONCALL_CLIENT_SECRET, ONCALL_CLIENT_SECRET_FILE
                       the secret of a service account (oncall login --client)
  ONCALL_CLIENT_ISSUER the only issuer that this secret may go to; needed where
                       a broker names the issuer
  NO_COLOR             not empty: no colour
  FORCE_COLOR          colour also off a terminal (0: none)
  TERM                 dumb: no colour, no questions
  CI                   not empty: no questions
  TZ                   the zone in which times are printed
  HOME                 your own folder, where the next three are not set
  XDG_CONFIG_HOME      your own policy, $XDG_CONFIG_HOME/oncall/oncall.yaml, and
                       your sign-in
  XDG_STATE_HOME       where the head of the ledger is kept (docs/audit.md)
  XDG_CACHE_HOME       where a parsed policy is kept for the next run
  HTTPS_PROXY          the proxy to every provider and issuer
  NO_PROXY             what is reached without it (docs/network.md)
  NODE_EXTRA_CA_CERTS  a file of certificates to trust as well, such as those of
                       a proxy that opens TLS
  AWS_PROFILE, AWS_ACCESS_KEY_ID and the like
                       credentials of AWS, where the policy names none

Nothing in a policy can be overridden by a variable. Where one says
{ env: NAME }, that variable holds a secret.
`,
  },
};

const width = 80;

export function overview(): string {
  const groups = [...new Set(commands.map(({ group }) => group))];
  const sections = groups.map((group) => {
    const lines = commands.filter((command) => command.group === group).map(({ name, summary }) => ({ left: name, right: summary }));
    return `${group}\n${columns(lines, 14)}`;
  });
  return `Access for the engineer on call: in within seconds, out again on time.

Usage: oncall <command> [options]

Examples
  oncall request db-admin --hours 12
  oncall status
  oncall release db-admin

${sections.join('\n')}
Everywhere, before or after the command
${optionLines([...globalOptions, ...answered])}
More: oncall help <command>, ${Object.keys(topics)
    .map((topic) => `oncall help ${topic}`)
    .join(', ')}
`;
}

export function commandHelp(command: Command): string {
  const { name, summary, argument, examples, notes } = command;
  const options = (command.options ?? []).filter(({ hidden }) => hidden === undefined);
  const own = [
    ...(argument === undefined ? [] : [{ left: argument.syntax.replace('...', '…'), right: argument.summary }]),
    ...options.map(({ flags, summary: right }) => ({ left: flags, right })),
  ];
  const syntax = ['Usage: oncall', name, argument?.syntax.replace('...', '…'), options.length > 0 ? '[options]' : undefined];
  return `${sentence(summary)}

${syntax.filter((part) => part !== undefined).join(' ')}

Examples
${examples.map(([typed, what]) => `  ${typed}\n      ${what}\n`).join('')}
${own.length === 0 ? '' : `Options\n${columns(own, 24)}\n`}${notes === undefined ? '' : `${fold(notes, 0)}\n\n`}Everywhere
${optionLines([...globalOptions, ...answered])}`;
}

/** What `oncall policy` alone could mean. */
export function groupHelp(prefix: string): string {
  const members = commands.filter(({ name }) => name.startsWith(`${prefix} `)).map(({ name, summary }) => ({ left: name, right: summary }));
  return `Usage: oncall ${prefix} <command> [options]\n\n${columns(members, 14)}\nMore: oncall help ${members[0]?.left ?? ''}\n`;
}

export function helpFor(words: readonly string[]): string {
  const name = words.join(' ');
  if (name === '') return overview();
  const topic = Object.hasOwn(topics, name) ? topics[name] : undefined;
  if (topic !== undefined) return topic.text;
  const command = commands.find((one) => one.name === name);
  if (command !== undefined) return commandHelp(command);
  if (commands.some((one) => one.name.startsWith(`${name} `))) return groupHelp(name);
  throw usage(`there is no help about "${name}"`, `oncall --help lists the commands; topics: ${Object.keys(topics).join(', ')}`);
}

function optionLines(options: readonly Option[]): string {
  return columns(
    options.map(({ flags, summary }) => ({ left: flags.startsWith('--') ? `    ${flags}` : flags, right: summary })),
    22,
  );
}

function columns(lines: readonly { left: string; right: string }[], least: number): string {
  const left = Math.max(least, ...lines.map((line) => line.left.length));
  return lines.map((line) => `  ${line.left.padEnd(left)}  ${fold(line.right, left + 4)}\n`).join('');
}

function fold(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}
