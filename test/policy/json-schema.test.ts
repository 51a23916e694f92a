/** The JSON Schemas in schema/ are what the source makes of itself, take what the parser takes, and refuse the slips that an editor should underline. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { allKinds } from '../../src/wiring/load-policy.ts';
import { policySchema, testsSchema } from './json-schema.ts';
import { wordsOf } from './words.ts';

type Validate = ((data: unknown) => boolean) & { errors?: unknown };
const { Ajv2020 } = createRequire(createRequire(__filename).resolve('openapi-backend'))('ajv/dist/2020.js') as {
  Ajv2020: new (options: object) => { compile(schema: object): Validate };
};

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const files = { policy: 'schema/oncall.schema.json', tests: 'schema/oncall.test.schema.json' };
const page = read('docs/policy.md');
const yamlOf = (markdown: string): string[] => [...markdown.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
const policies = ['docs/policy.md', 'docs/operations.md', 'README.md'].flatMap((path) =>
  yamlOf(read(path)).filter((text) => text.startsWith('version:')),
);
const examples = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' });

const made: Record<keyof typeof files, string> = { policy: '', tests: '' };
let isPolicy: Validate;
let areTests: Validate;
beforeAll(async () => {
  const words = wordsOf(page);
  made.policy = `${JSON.stringify(await policySchema(await allKinds(), words), undefined, 2)}\n`;
  made.tests = `${JSON.stringify(testsSchema(words), undefined, 2)}\n`;
  if (process.env['UPDATE_SCHEMA'])
    for (const [name, path] of Object.entries(files)) writeFileSync(join(root, path), made[name as keyof typeof files]);
  const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
  isPolicy = ajv.compile(JSON.parse(made.policy));
  areTests = ajv.compile(JSON.parse(made.tests));
});

const accepts = (validate: Validate, data: unknown): unknown => (validate(data) ? [] : validate.errors);

describe('schema/', () => {
  it.each(['policy', 'tests'] as const)(
    'has the schema of the %s as the source makes it (else: UPDATE_SCHEMA=1 npx vitest run test/policy/json-schema && npx biome check --write schema)',
    (name) => {
      // Not byte by byte: the formatter has its own lines.
      expect(JSON.parse(read(files[name]))).toEqual(JSON.parse(made[name]));
    },
  );

  it('describes every key in a sentence or two without the marks of markdown', () => {
    const texts: string[] = [];
    const walk = (json: unknown): void => {
      if (typeof json !== 'object' || json === null) return;
      // What `if` holds something against, and entries that are called like their kind, are no keys of their own.
      const {
        if: _,
        properties = {},
        ...rest
      } = json as { if?: unknown; properties?: Record<string, { description?: string; if?: unknown }> };
      for (const [key, one] of Object.entries(properties)) if (one.if === undefined) texts.push(one.description ?? `nothing about ${key}`);
      for (const inner of [...Object.values(properties), ...Object.values(rest)]) walk(inner);
    };
    for (const schema of Object.values(made)) walk(JSON.parse(schema));
    expect(texts.length).toBeGreaterThan(100);
    expect(
      texts.filter((text) => /^nothing about|`|\]\(|undefined|\bbelow\b/.test(text) || text.length > 260 || !text.endsWith('.')),
    ).toEqual([]);
  });
});

describe('the schema of the policy', () => {
  it.each(policies.map((text, index) => [index + 1, text] as const))('takes policy %i of the documents', (_, text) => {
    expect(accepts(isPolicy, parse(text))).toEqual([]);
  });

  it.each(examples.filter((path) => path.endsWith('oncall.yaml')))('takes the example %s, whose first line names it', (path) => {
    const text = read(join('examples', path));
    expect(accepts(isPolicy, parse(text))).toEqual([]);
    const named = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? '';
    expect(join('examples', path, '..', named)).toBe(files.policy);
  });

  const base = { version: 1, ledger: './oncall.db', directories: { local: { path: './g.json' } }, rosters: { file: { path: './s.yaml' } } };
  const role = { targets: { local: 'db' }, allow: [{ onCall: 'file/db', until: 'shift' }] };
  const withRole = (more: object) => ({ ...base, roles: { db: { ...role, ...more } } });
  const allowing = (condition: unknown) => withRole({ allow: [condition] });

  it('takes what these slips are slips of', () => {
    expect(accepts(isPolicy, withRole({}))).toEqual([]);
    expect(accepts(isPolicy, allowing({ incident: 'file', services: ['db'], selfMade: 'deny' }))).toEqual([]);
    expect(accepts(isPolicy, { ...withRole({}), directories: { mine: { kind: 'local', path: './g.json', exclusive: ['db'] } } })).toEqual(
      [],
    );
  });

  it.each<[string, unknown]>([
    ['another version', { ...withRole({}), version: 2 }],
    ['no version', { ...withRole({}), version: undefined }],
    ['a key nobody knows', { ...withRole({}), role: {} }],
    ['a key of a role nobody knows', withRole({ aprovers: [{ user: 'a@acme.dev' }] })],
    ['a role without targets', withRole({ targets: undefined })],
    ['a role that nobody can get', withRole({ allow: undefined })],
    ['an empty list', withRole({ allow: [] })],
    ['an empty map', { ...base, roles: {} }],
    ['an empty condition', allowing({})],
    ['a condition nobody knows', allowing({ oncall: 'file/db' })],
    ['a list of schedules that is empty', allowing({ onCall: [] })],
    ['levels of nothing', allowing({ user: 'a@acme.dev', levels: [1] })],
    ['a level that is none', allowing({ onCall: 'file/db', levels: [0] })],
    ['an incident that nothing filters', allowing({ incident: 'file' })],
    ['a filter of no incident', allowing({ user: 'a@acme.dev', severities: ['major'] })],
    ['a grace of nothing', allowing({ onCall: 'file/db', grace: '5m' })],
    ['an e-mail that is none', allowing({ user: 'maria' })],
    ['a length of time without its unit', withRole({ ttl: { max: 12 } })],
    ['a length of time that is a fraction', withRole({ ttl: { max: '1.5h' } })],
    ['a length of time that is empty', withRole({ within: '' })],
    ['a time of day that is none', allowing({ during: { from: '9:00', to: '17:00', zone: 'UTC' } })],
    ['hours without a zone', allowing({ during: { from: '09:00', to: '17:00' } })],
    ['a choice that is none', withRole({ whenUnknown: 'allow' })],
    ['a directory of no kind', { ...withRole({}), directories: { mine: { path: './g.json' } } }],
    ['a directory of a kind nobody knows', { ...withRole({}), directories: { mine: { kind: 'ldap' } } }],
    ['a setting of another kind', { ...withRole({}), directories: { local: { path: './g.json', orgUrl: 'https://acme.okta.com' } } }],
    ['a setting that is missing', { ...withRole({}), directories: { local: {} } }],
    ['a setting of a directory for a roster', { ...withRole({}), rosters: { file: { path: './s.yaml', exclusive: ['db'] } } }],
    ['a name with a capital', { ...base, roles: { DB: role } }],
    ['a secret that is written out', { ...withRole({}), rosters: { pagerduty: { token: 'CANARY' } } }],
    ['an identity of no kind', { ...withRole({}), identity: [{ issuer: 'https://acme.okta.com' }] }],
    ['an identity without what it needs', { ...withRole({}), identity: [{ kind: 'oidc', issuer: 'https://acme.okta.com' }] }],
    ['settings of an identity that has none', { ...withRole({}), identity: [{ kind: 'local', issuer: 'https://acme.okta.com' }] }],
  ])('refuses %s', (_, policy) => {
    expect(isPolicy(JSON.parse(JSON.stringify(policy)))).toBe(false);
  });
});

describe('the schema of the tests', () => {
  const documented = yamlOf(page).find((text) => text.startsWith('at:')) ?? '';

  it('takes the tests of the documents', () => expect(accepts(areTests, parse(documented))).toEqual([]));

  it.each(examples.filter((path) => path.endsWith('oncall.test.yaml')))('takes the example %s, whose first line names it', (path) => {
    const text = read(join('examples', path));
    expect(accepts(areTests, parse(text))).toEqual([]);
    const named = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? '';
    expect(join('examples', path, '..', named)).toBe(files.tests);
  });

  const one = { user: 'a@acme.dev', role: 'db', expect: 'deny' };
  it.each<[string, object]>([
    ['a key nobody knows', { ...one, whom: 'x' }],
    ['nobody who asks', { ...one, user: undefined }],
    ['two who ask', { ...one, client: 'bot' }],
    ['nothing that is expected', { ...one, expect: undefined }],
    ['what there is not to expect', { ...one, expect: 'yes' }],
    ['who is in beside who asks', { ...one, in: 'nobody' }],
    ['who is in beside what is expected of a request', { role: 'db', in: 'nobody', expect: 'deny' }],
    ['a moment without an offset', { ...one, at: '2026-11-22T03:00:00' }],
    ['an end that is none', { ...one, end: 'soon' }],
    ['an end with what ends nothing', { ...one, endsWith: 'max' }],
    ['an emergency that is none', { ...one, breakGlass: false }],
    ['no places at all', { ...one, maxHolders: 0 }],
    ['a shift of a level that is none', { ...one, onCall: { schedule: 'file/db', level: 0 } }],
    ['an incident with a key nobody knows', { ...one, incidents: { 'file/x': { severity: 'major' } } }],
  ])('refuses %s', (_, faulty) => {
    const tests = (written: object) => JSON.parse(JSON.stringify({ at: '2026-11-22T03:00:00Z', cases: [written] }));
    expect([areTests(tests(one)), areTests(tests(faulty))]).toEqual([true, false]);
  });
});
