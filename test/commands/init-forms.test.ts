/** What `init` takes as an answer the directory or roster takes as its setting, and what it refuses it says the right form of. */

import { describe, expect, it } from 'vitest';
import type * as z from 'zod/mini';
import { directories, type Question, rosters } from '../../src/commands/init-kinds.ts';
import { questions } from '../../src/commands/init-questions.ts';
import { directoryKinds } from '../../src/directories/index.ts';

const readOf = ({ read }: Question, typed: string) => read?.(typed) ?? { value: typed };
const setting = (kind: string, key: string): Question => {
  const found = directories[kind]?.settings.find((one) => one.key === key);
  if (found === undefined) throw new Error(`${kind} has no ${key}`);
  return found;
};

const beside: Readonly<Record<string, object>> = {
  okta: { token: { env: 'OKTA_TOKEN' } },
  'aws-iam': {},
  'aws-identity-center': { region: 'eu-central-1', identityStoreId: 'd-1234567890' },
};

describe('an answer', () => {
  it.each([
    ['okta', 'orgUrl', 'https://acme.okta.com', 'https://acme.okta.com'],
    ['okta', 'orgUrl', 'acme.okta.com', 'https://acme.okta.com'],
    ['okta', 'orgUrl', 'https://ACME.okta.com/', 'https://acme.okta.com'],
    ['okta', 'orgUrl', 'https://acme-admin.okta.com', 'https://acme.okta.com'],
    ['okta', 'orgUrl', 'http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['aws-iam', 'account', '111122223333', '111122223333'],
    ['aws-iam', 'account', '1111-2222-3333', '111122223333'],
    ['aws-identity-center', 'identityStoreId', 'd-1234567890', 'd-1234567890'],
    ['aws-identity-center', 'region', 'us-gov-west-1', 'us-gov-west-1'],
  ])('of %s for %s may be %s', async (kind, key, typed, written) => {
    expect(readOf(setting(kind, key), typed)).toEqual({ value: written });
    const { settings } = (await directoryKinds[kind as keyof typeof directoryKinds]()) as { settings: z.ZodMiniType };
    expect(settings.safeParse({ ...beside[kind], [key]: written })).toMatchObject({ success: true });
  });

  it.each([
    ['okta', 'orgUrl', ['acme', 'http://acme.okta.com', 'http://localhost.acme.dev', 'ftp://acme.okta.com'], 'https://acme.okta.com'],
    [
      'okta',
      'orgUrl',
      ['https://acme.okta.com/app', 'https://a@acme.okta.com', 'acme.okta.com?x', 'a b.okta.com'],
      'https://acme.okta.com',
    ],
    ['okta', 'clientId', ['0oa 1', '0oa', `00${'CANARY-_'.repeat(5)}`, `00${'a'.repeat(38)}`], '0oa1b2c3'],
    ['aws-iam', 'account', ['11112222333', 'acme'], '111122223333'],
    ['aws-identity-center', 'identityStoreId', ['1234567890', 'd-12345'], 'd-1234567890'],
    ['aws-identity-center', 'region', ['frankfurt', 'eu-central'], 'eu-central-1'],
  ])('of %s for %s is none of %j', (kind, key, wrongly, right) => {
    for (const typed of wrongly) {
      const read = readOf(setting(kind, key), typed);
      expect(read, typed).toEqual({ fault: expect.stringContaining(right) });
      expect(JSON.stringify(read)).not.toContain('CANARY');
    }
    expect(readOf(setting(kind, key), right)).toEqual({ value: right });
  });

  it.each([
    ['issuer', 'acme.okta.com/oauth2/default', 'https://acme.okta.com/oauth2/default'],
    // An issuer is compared letter by letter.
    ['issuer', 'https://Acme.okta.com/', 'https://Acme.okta.com/'],
    ['domains', '@acme.dev, acme.com', ['acme.dev', 'acme.com']],
    ['redirectPort', '52700', 52_700],
    ['ledger', '/var/lib/oncall.db', '/var/lib/oncall.db'],
    ['ledger', 'C:\\oncall\\oncall.db', 'C:\\oncall\\oncall.db'],
    ['ledger', './team:night.db', './team:night.db'],
  ] as const)('to %s may be %s', (question, typed, value) => {
    expect(readOf(questions[question], typed)).toEqual({ value });
  });

  it.each([
    ['issuer', ['acme', 'http://acme.okta.com', 'https://acme.okta.com/?a', 'https://acme.okta.com#a', 'https://u:p@acme.dev']],
    ['clientId', ['0oa 1', 'ä']],
    ['audience', ['api oncall']],
    ['domains', [',', '*.acme.dev', 'ana@acme.dev', 'acme..dev']],
    ['redirectPort', ['80', '0999', '65536', 'any']],
    [
      'ledger',
      [
        'postgres://oncall:CANARY@db/oncall',
        'postgres:CANARY@db/oncall',
        'PostgreSQL:CANARY@db',
        'pg+ssl:CANARY',
        'jdbc:postgresql:CANARY',
      ],
    ],
  ] as const)('to %s is none of %j', (question, wrongly) => {
    for (const typed of wrongly) {
      const read = readOf(questions[question], typed);
      expect(read, typed).toEqual({ fault: expect.stringMatching(/^write /) });
      expect(JSON.stringify(read)).not.toContain('CANARY');
    }
  });

  it('that names an emulator is held against its form as well', () => {
    const endpoints = [...Object.values(directories), ...Object.values(rosters)].flatMap(({ settings }) =>
      settings.filter(({ key }) => key === 'endpoint'),
    );
    expect(endpoints.length).toBeGreaterThan(4);
    for (const one of endpoints) expect(readOf(one, 'http://emulator.acme.dev')).toHaveProperty('fault');
  });
});
