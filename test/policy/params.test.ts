/** Roles with parameters: one role for each choice of values, and every name for it. */

import { describe, expect, it } from 'vitest';
import { canonicalName } from '../../src/policy/params.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { marked } from './marked.ts';
import { input, policyOf } from './world.ts';

const fileOf = (role: string): string => `version: 1
ledger: ./oncall.db
directories:
  local: { path: ./groups.json }
  own: { kind: local, path: ./own.json, exclusive: [g x] }
rosters:
  file: { path: ./schedule.yaml }
roles:
${role.replaceAll(/^/gm, '  ')}
`;

const support = `support:
  description: "{customer}'s account in {region}"
  params: { customer: [acme, globex], region: [eu, us] }
  targets: { local: "Customer {customer} {region}" }
  allow: [ { member: "local/Support {region}" } ]
  ask: [ { incident: file, services: ["{customer}"] } ]
  approvers: [ { user: boss@acme.dev } ]`;

describe('a role with parameters', () => {
  it('is a role of its own for each choice of values', () => {
    const { roles } = policyOf(fileOf(support));
    expect(Object.keys(roles)).toEqual([
      'support customer=acme region=eu',
      'support customer=acme region=us',
      'support customer=globex region=eu',
      'support customer=globex region=us',
    ]);
    expect(roles['support customer=globex region=us']).toMatchObject({
      family: { name: 'support', values: { customer: 'globex', region: 'us' } },
      description: "globex's account in us",
      targets: [{ directory: 'local', group: 'Customer globex us' }],
    });
  });

  it('is called the same whatever the order of the keys in the file', () => {
    const turned = support.replace('customer: [acme, globex], region: [eu, us]', 'region: [eu, us], customer: [acme, globex]');
    expect(Object.keys(policyOf(fileOf(turned)).roles).sort()).toEqual(Object.keys(policyOf(fileOf(support)).roles).sort());
  });

  it('has its values in its conditions too, and its rules are called as they stand in the file', () => {
    const role = policyOf(fileOf(support)).roles['support customer=globex region=us'];
    expect(role?.allow[0]).toMatchObject({ name: 'support.allow[0]', condition: { kind: 'member', group: 'Support us' } });
    expect(role?.ask[0]?.condition).toMatchObject({ services: ['globex'] });
  });

  it('gives each value once, and leaves braces alone where there are no parameters', () => {
    const { roles } = policyOf(
      fileOf(`a:
  params: { n: [x, x] }
  targets: { local: "g {n}" }
  allow: [ { user: a@acme.dev } ]
b: { targets: { local: "{n}" }, allow: [ { user: a@acme.dev } ] }`),
    );
    expect(Object.keys(roles)).toEqual(['a n=x', 'b']);
    expect(roles.b?.targets[0]?.group).toBe('{n}');
  });

  it.each<[string, string]>([
    ['that no target depends on', 'a:\n  params: { ‹unused-param›n: [x] }\n  targets: { local: g }\n  allow: [ { user: a@acme.dev } ]'],
    [
      'that is spelled otherwise in a target',
      'a:\n  params: { ‹unused-param›name: [x] }\n  targets: { local: ‹undeclared-param›"g {nmae}" }\n  allow: [ { user: a@acme.dev } ]',
    ],
    ['without values', 'a:\n  params: { n: ‹empty-list›[] }\n  targets: { local: g }\n  allow: [ { user: a@acme.dev } ]'],
    [
      'with a value that no shell takes as one word',
      'a:\n  params: { n: [ok, ‹bad-value›"two words"] }\n  targets: { local: "g {n}" }\n  allow: [ { user: a@acme.dev } ]',
    ],
    [
      'that is spelled otherwise in a condition',
      'a:\n  params: { n: [x] }\n  targets: { local: "g {n}" }\n  allow: [ { all: [ { member: ‹undeclared-param›"local/Owners of {nn}" } ] } ]',
    ],
    [
      'in a key, where nothing is replaced',
      'a:\n  params: { n: [x] }\n  targets: { own: "g {n}" }\n  standing: { ‹undeclared-param›"lead-{n}@acme.dev": why }\n  review: 2027-01-31',
    ],
    [
      'with names that a broker would refuse',
      `‹bad-name›a:\n  params: { n: [x, ${'v'.repeat(100)}], m: [${'w'.repeat(100)}] }\n  targets: { local: "g {n} {m}" }\n  allow: [ { user: a@acme.dev } ]`,
    ],
    [
      'with too many values',
      `a:\n  params: ‹too-many-roles›{ n: [${Array.from({ length: 30 }, (_, n) => `v${n}`)}], m: [${Array.from({ length: 30 }, (_, n) => `v${n}`)}] }\n  targets: { local: "g {n} {m}" }\n  allow: [ { user: a@acme.dev } ]`,
    ],
  ])('is refused with a parameter %s', (_, roles) => {
    const { text, expected } = marked(fileOf(roles));
    const { policy, issues } = parsePolicy(text, input);
    expect(policy).toBeUndefined();
    expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
  });

  it('that is written where there are none is a warning, as in the defaults and in a named condition', () => {
    const { text, expected } = marked(
      fileOf('a:\n  targets: { local: ‹undeclared-param›"g {n}" }\n  allow: [ of-n ]').replace(
        'roles:',
        'defaults: { approvers: [ { member: ‹undeclared-param›"local/Leads of {n}" } ] }\nconditions: { of-n: { member: ‹undeclared-param›"local/{n}" } }\nroles:',
      ),
    );
    const { policy, issues } = parsePolicy(text, input);
    expect(policy).toBeDefined();
    expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
    expect(new Set(issues.map(({ severity }) => severity))).toEqual(new Set(['warning']));
  });

  it('says a fault in it once, however many values it has', () => {
    const { text, expected } = marked(fileOf(support.replace('local: "Customer', '‹undeclared-directory›lcal: "Customer')));
    expect(parsePolicy(text, input).issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
  });
});

describe('the name of a role', () => {
  it.each([
    ['support customer=acme region=eu', 'support customer=acme region=eu'],
    ['support region=eu customer=acme', 'support customer=acme region=eu'],
    ['  support   region=eu  customer=acme ', 'support customer=acme region=eu'],
    ['support customer=acme', 'support customer=acme'],
    ['support', 'support'],
    ['support customer=ACME region=eu', 'support customer=ACME region=eu'],
    ['other customer=acme region=eu', 'other customer=acme region=eu'],
  ])('%s leads to "%s"', (typed, name) => {
    expect(canonicalName(typed)).toBe(name);
  });
});
