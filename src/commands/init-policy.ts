/** The text of a first policy, from the answers to `init`, with a comment to whatever somebody may want to change. */

import type { Setting } from './init-kinds.ts';

export type Source = {
  /** Its kind too, so that the file need not say it. */
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
};

/** Never without a schedule: any of them would let in whoever is on call for anything. */
export type Duty = Source & { readonly schedule: string };

export type Who = { readonly user: string } | { readonly group: string };

export type Answers = {
  readonly admin: string;
  readonly ledger: string;
  readonly directory: Source;
  readonly roster: Duty | undefined;
  readonly identity: Readonly<Record<string, unknown>>;
  readonly role: {
    readonly name: string;
    readonly group: string;
    readonly ttl: string;
    readonly mayAsk: readonly Who[];
    readonly approvers: readonly Who[];
  };
};

/** `file`, `schema`: their absolute paths. */
export type Place = { readonly file: string; readonly schema: string | undefined; readonly settings: readonly Setting[] };

export function policyText({ admin, ledger, directory, roster, identity, role }: Answers, { file, schema, settings }: Place): string {
  const comments = Object.fromEntries(settings.map(({ key, comment }) => [key, comment]));
  const lines = [
    ...(schema === undefined ? [] : [`# yaml-language-server: $schema=${schema}`]),
    '# Who gets in, and until when. Every key: docs/policy.md. After a change:',
    `#   oncall policy check --policy ${file}`,
    '# Who can write to this file, or to a folder above it, decides who gets in.',
    '# Secrets are only named here.',
    'version: 1',
    `ledger: ${flow(ledger)} # who asked, who got in, until when; the first sweep makes it`,
    '',
    ...identityLines(identity),
    'admins:',
    `  - ${flow({ user: admin })} # may end any access (oncall revoke) and read the whole audit`,
    '',
    'directories: # where access lives',
    ...sourceLines(directory, comments),
    ...(roster === undefined ? [] : ['rosters: # who is on call', ...sourceLines(roster, comments)]),
    '',
    'roles:',
    `  ${role.name}: # what people ask for: oncall request ${role.name}`,
    `    targets: ${flow({ [directory.name]: targetOf(role.group) })} # who is in there has the access`,
    `    ttl: ${flow({ default: role.ttl, max: role.ttl })} # whoever asks for less gets less`,
    ...allowLines(roster),
    ...peopleLines('ask', 'they may ask …', role.mayAsk, directory),
    ...peopleLines(
      'approvers',
      role.mayAsk.length > 0 ? '… one of these' : 'asked where the roster does not answer',
      role.approvers,
      directory,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

const iamRole = /^arn:[a-z-]+:iam::\d{12}:role\//;
const targetOf = (group: string): unknown => (iamRole.test(group) ? { assumeRole: group } : group);

function identityLines({ kind, ...rest }: Answers['identity']): readonly string[] {
  if (kind === 'local') return ['identity: [{ kind: local }] # people are taken at their word: for trying out', ''];
  return [
    'identity: # who people are is what this issuer says of them (oncall login)',
    `  - kind: ${flow(kind)}`,
    ...settingLines(rest, { domains: 'whose e-mails it may vouch for' }, '    '),
    '',
  ];
}

const sourceLines = ({ name, settings }: Source, comments: Comments): readonly string[] => [
  `  ${name}:`,
  ...settingLines(settings, comments, '    '),
];

type Comments = Readonly<Record<string, string | undefined>>;

const settingLines = (settings: Readonly<Record<string, unknown>>, comments: Comments, indent: string): readonly string[] =>
  Object.entries(settings).map(
    ([key, value]) => `${indent}${key}: ${flow(value)}${comments[key] === undefined ? '' : ` # ${comments[key]}`}`,
  );

function allowLines(roster: Duty | undefined): readonly string[] {
  if (roster === undefined) return [];
  const onCall = `${roster.name}/${roster.schedule}`;
  return ['    allow:', `      - ${flow({ onCall, until: 'shift' })} # at once, until 15m after the shift`];
}

function peopleLines(key: string, comment: string, people: readonly Who[], { name }: Source): readonly string[] {
  if (people.length === 0) return [];
  const conditions = people.map((one) => ('user' in one ? one : { member: `${name}/${one.group}` }));
  return [`    ${key}: # ${comment}`, ...conditions.map((one) => `      - ${flow(one)}`)];
}

/** YAML in one line. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, one]) => `${key}: ${flow(one)}`)
      .join(', ')} }`;
  }
  if (typeof value !== 'string') return String(value);
  return isPlain(value) ? value : JSON.stringify(value);
}

/** What YAML takes for a text without quotes; of anything else nobody has to be sure. */
function isPlain(text: string): boolean {
  const word = /^(?:\d+[smhd]|[A-Za-z][\w@/+-]*(?:[ .][\w@/+-]+)*|\.{1,2}\/[\w./+-]+|\/[\w./+-]+|https?:\/\/[\w./:-]*[\w/])$/;
  return word.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
}
