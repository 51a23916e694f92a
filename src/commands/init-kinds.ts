/** Which directories and rosters `init` can set up, and what it asks about each. The next kind goes here: one entry. */

import type { Option } from './command.ts';
import { accountId, address, like, oktaClientId, oktaOrg, type Read, secretPlace } from './init-forms.ts';

export type Question = Option & {
  /** On a terminal; left out: told by its flag alone. */
  readonly ask?: string;
  /** What Enter takes, and what counts where nothing is asked. */
  readonly start?: string;
  readonly optional?: true;
  /** It may hold a secret, so that nothing repeats it. */
  readonly unsaid?: true;
  readonly choices?: Readonly<Record<string, string>>;
  readonly read?: (typed: string) => Read;
};

export type Setting = Question & {
  /** In the policy. */
  readonly key: string;
  /** Left out: always. */
  readonly when?: (settings: Readonly<Record<string, unknown>>) => boolean;
  /** Beside it in the policy. */
  readonly comment?: string;
};

export type Kind = {
  readonly title: string;
  readonly settings: readonly Setting[];
  /** Of a file at `path`: what would do in it to begin with. */
  readonly starter?: (user: string, thing: string) => Readonly<Record<string, unknown>>;
  /** It may be one for trying out, where nobody has to prove who they are. */
  readonly embedded?: true;
};

function secret(key: string, flag: string, what: string, start: string): Setting {
  return {
    ...{ key, flags: `${flag} <where>`, summary: `where ${what} is: env:NAME or file:/path`, start: `env:${start}`, read: secretPlace },
    ask: `Where is ${what}? (env:NAME or file:/path, never the secret itself)`,
    comment: 'where it is, never the secret itself',
  };
}

const endpoint = (flag: string): Setting => ({
  key: 'endpoint',
  flags: `${flag} <url>`,
  summary: 'of an emulator',
  read: address('https://emulator.acme.dev'),
  optional: true,
  hidden: true,
});

const region = (flag: string): Setting => ({
  ...{ key: 'region', flags: `${flag} <region>`, summary: 'us or eu (us)', ask: 'In which region is the account?', start: 'us' },
  choices: { us: 'us', eu: 'eu' },
  // Where an endpoint is named, there is no region beside it.
  when: (settings) => settings['endpoint'] === undefined,
});

const profile: Setting = {
  ...{
    key: 'credentials',
    flags: '--aws-profile <name>',
    summary: "a profile of AWS; left out: the host's own credentials",
    optional: true,
  },
  ask: 'By which profile of AWS? (empty: environment, container or instance)',
  read: (name) => ({ value: { profile: name } }),
};

const awsUserName: Setting = {
  ...{
    key: 'userName',
    flags: '--aws-user-name <form>',
    summary: 'how people are called there: email or local-part (email)',
    start: 'email',
  },
  ask: 'How are people called there?',
  choices: { email: 'by their e-mail: maria@acme.dev', 'local-part': 'by what stands before the @: maria' },
};

export const directories: Readonly<Record<string, Kind>> = {
  okta: {
    title: 'Okta',
    settings: [
      {
        ...{ key: 'orgUrl', flags: '--okta-url <url>', summary: "the org's address, https://acme.okta.com" },
        ask: "What is the org's address? (https://acme.okta.com)",
        read: oktaOrg,
      },
      {
        ...{ key: 'clientId', flags: '--okta-client-id <id>', summary: 'of an API service app, in the place of a token', optional: true },
        ask: 'Which API service app? (its client id; empty: an API token)',
        read: oktaClientId,
      },
      { ...secret('token', '--okta-token', 'the API token', 'OKTA_TOKEN'), when: ({ clientId }) => clientId === undefined },
      { ...secret('privateKey', '--okta-key', "the app's private key", 'OKTA_KEY'), when: ({ clientId }) => clientId !== undefined },
    ],
  },
  'aws-iam': {
    title: 'AWS IAM',
    settings: [
      {
        ...{ key: 'account', flags: '--aws-account <digits>', summary: 'its 12 digits' },
        ask: 'Which account? (12 digits)',
        read: accountId,
        comment: 'credentials of another one are refused',
      },
      profile,
      awsUserName,
      endpoint('--aws-endpoint'),
    ],
  },
  'aws-identity-center': {
    title: 'AWS IAM Identity Center',
    settings: [
      {
        ...{ key: 'identityStoreId', flags: '--identity-store <id>', summary: 'such as d-1234567890' },
        ask: 'What is the id of the identity store? (d-1234567890)',
        read: like(/^(?:d-[0-9a-f]{10}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/, 'the id of the store, such as d-1234567890'),
      },
      {
        ...{ key: 'region', flags: '--aws-region <region>', summary: 'such as eu-central-1', ask: 'In which region? (eu-central-1)' },
        read: like(/^[a-z]{2,}(?:-[a-z]+)+-\d$/, 'a region such as eu-central-1'),
      },
      profile,
      awsUserName,
      endpoint('--aws-endpoint'),
    ],
  },
  local: {
    title: 'a JSON file, for trying out',
    embedded: true,
    starter: (user, group) => ({ users: [user], groups: { [group]: [] } }),
    settings: [
      {
        ...{
          key: 'path',
          flags: '--groups-file <path>',
          summary: 'users and groups (./groups.json)',
          start: './groups.json',
          words: 'files',
        },
        ask: 'In which file are users and groups?',
      },
    ],
  },
};

export const rosters: Readonly<Record<string, Kind>> = {
  pagerduty: {
    title: 'PagerDuty',
    settings: [
      secret('token', '--pagerduty-token', 'the API key', 'PAGERDUTY_TOKEN'),
      endpoint('--pagerduty-endpoint'),
      region('--pagerduty-region'),
    ],
  },
  opsgenie: {
    title: 'Opsgenie',
    settings: [
      secret('key', '--opsgenie-key', 'the API key', 'OPSGENIE_KEY'),
      endpoint('--opsgenie-endpoint'),
      region('--opsgenie-region'),
    ],
  },
  'incident-io': {
    title: 'incident.io',
    settings: [secret('key', '--incident-io-key', 'the API key', 'INCIDENT_IO_KEY'), endpoint('--incident-io-endpoint')],
  },
  command: {
    title: 'a program of your own (docs/rosters.md)',
    settings: [
      {
        ...{ key: 'run', flags: '--roster-command <program>', summary: 'a program that tells who is on call', words: 'files' },
        unsaid: true,
        ask: 'Which program, with its arguments?',
        read: (typed) => ({ value: typed.split(/\s+/) }),
      },
    ],
  },
  file: {
    title: 'a YAML file that you keep by hand',
    starter: (user, schedule) => ({ schedules: { [schedule]: [{ user }] } }),
    settings: [
      {
        ...{ key: 'path', flags: '--schedule-file <path>', summary: 'shifts (./schedule.yaml)', start: './schedule.yaml', words: 'files' },
        ask: 'In which file are the shifts?',
      },
    ],
  },
};
