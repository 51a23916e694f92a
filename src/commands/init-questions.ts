/** What `init` asks besides the settings of a directory and a roster. */

import { parseDuration } from '../policy/duration.ts';
import { address, domains, email, ledgerPath, people, port, word } from './init-forms.ts';
import { directories, type Question, rosters } from './init-kinds.ts';

const titles = (kinds: typeof directories) => Object.fromEntries(Object.entries(kinds).map(([kind, { title }]) => [kind, title]));

export const questions = {
  directory: {
    ...{ flags: '--directory <kind>', summary: 'where access lives' },
    ...{ ask: 'Where does access live?', choices: titles(directories) },
  },
  group: {
    ...{ flags: '--group <name>', summary: 'the group in which somebody has the access; on AWS also the ARN of an IAM role' },
    ask: 'Which group there gives the access? (its name, as it is spelled there)',
  },
  roster: {
    ...{ flags: '--roster <kind>', summary: 'who knows who is on call; or none' },
    ...{ ask: 'Who knows who is on call?', choices: { ...titles(rosters), none: 'nobody: a person says yes each time' } },
  },
  onCall: {
    ...{ flags: '--on-call <schedule>', summary: 'the schedule that lets people in: its name or id there' },
    ask: 'Which schedule lets people in? (its name or id there)',
  },
  identity: {
    ...{ flags: '--identity <kind>', summary: 'how people prove who they are: oidc, or local' },
    ask: 'How do people prove who they are?',
    choices: { oidc: 'they sign in at an OIDC issuer', local: 'not at all: they are taken at their word, for trying out' },
  },
  issuer: {
    ...{ flags: '--issuer <url>', summary: 'where they sign in, as the issuer spells it' },
    ask: 'What is the issuer? (https://acme.okta.com/oauth2/default)',
    read: address('https://acme.okta.com/oauth2/default'),
  },
  clientId: {
    flags: '--client-id <id>',
    summary: 'of a native client, without a secret',
    ask: 'What is the id of the client, a native one?',
    read: word,
  },
  audience: {
    ...{ flags: '--audience <text>', summary: 'of its access tokens; left out: ID tokens are used', optional: true },
    ask: 'What is the audience of its access tokens? (empty: ID tokens are used)',
    read: word,
  },
  domains: {
    ...{ flags: '--domains <list>', summary: 'whose e-mails it may vouch for (that of --admin)' },
    ask: 'For which domains does it speak?',
    read: domains,
  },
  redirectPort: {
    ...{ flags: '--redirect-port <port>', summary: 'for issuers that compare it, as Okta does', optional: true },
    ask: 'On which port does a browser come back? (Okta compares it; empty: any)',
    read: port,
  },
  admin: {
    ...{ flags: '--admin <email>', summary: "may end anybody's access and read the whole audit" },
    ask: "Who may end anybody's access, and read the whole audit? (your e-mail)",
    read: email,
  },
  role: {
    ...{ flags: '--role <name>', summary: 'what people ask for (from the name of the group)' },
    ask: 'What do people call it when they ask for it?',
    read: (typed) =>
      /^[a-z0-9][a-z0-9-]*$/.test(typed) ? { value: typed } : { fault: 'write small letters, digits and hyphens, such as db-admin' },
  },
  ttl: {
    ...{ flags: '--ttl <duration>', summary: 'for how long at most (12h)', ask: 'For how long at most?', start: '12h' },
    read: (typed) => {
      const length = parseDuration(typed);
      return 'fault' in length ? length : { value: typed };
    },
  },
  approver: {
    ...{ flags: '--approver <who>', summary: 'who may say yes: a group there, or e-mails', optional: true, read: people },
    ask: 'Who may say yes to others? (a group there, or e-mails; empty: nobody)',
  },
  mayAsk: {
    ...{ flags: '--may-ask <who>', summary: 'who may ask them: a group there, or e-mails', optional: true, read: people },
    ask: 'Who may ask them? (a group there, or e-mails; empty: nobody)',
  },
  output: { flags: '--output <file>', summary: 'the policy (./oncall.yaml)', start: './oncall.yaml', words: 'files' },
  ledger: {
    ...{ flags: '--ledger <file>', summary: 'the record, a file (./oncall.db beside the policy)', start: './oncall.db', words: 'files' },
    read: ledgerPath,
  },
  schedule: {
    ...{ flags: '--schedule <by>', summary: 'what runs the sweep: cron, systemd or none (cron)', start: 'cron' },
    ask: 'What runs the sweep, which takes people out again?',
    choices: { cron: 'cron', systemd: 'systemd', none: 'nothing: a broker, or something else' },
  },
} as const satisfies Readonly<Record<string, Question>>;
