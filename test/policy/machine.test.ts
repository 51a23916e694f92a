/** Service accounts in the policy: rules of their own, and none of those of people. */

import { describe, expect, it } from 'vitest';
import { describeCondition } from '../../src/policy/conditions.ts';
import { judge, stillHolds } from '../../src/policy/evaluate.ts';
import { clientOf, machineSubject } from '../../src/policy/machine.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import type { Truth } from '../../src/policy/types.ts';
import { ask, fact, factsOf, fileWith, input, type Known, member, now, onCall, roleOf } from './world.ts';

const identity = `identity:
  - { kind: oidc, issuer: https://acme.okta.com, domains: [acme.dev], machines: { ci: deploy-bot@acme.dev, nightly: nightly@acme.dev } }`;
const roleWith = (rules: string) => roleOf(rules, identity);
const bot = { email: 'deploy-bot@acme.dev', client: 'ci' };
const maria = { email: 'maria@acme.dev', client: undefined };
const everything = (holds: Truth = true): Known => [
  [member('eng'), fact(holds)],
  [onCall('db'), fact(holds, { endsAt: null })],
];
const codes = (rules: string, top = identity) => parsePolicy(fileWith(rules, top), input).issues.map(({ code, path }) => `${code} ${path}`);

/** Each of them holds for whoever is a member and on call: for the service account `ci` only where it must be that one. */
const forPeople = [
  '{ user: deploy-bot@acme.dev }',
  '{ member: local/eng }',
  '{ onCall: file/db }',
  '{ not: { user: maria@acme.dev } }',
  '{ not: { client: nightly } }',
  '{ not: { not: { client: ci } } }',
  '{ during: { from: "00:00", to: "24:00", zone: UTC } }',
  '[ { client: ci }, { member: local/eng } ]',
  '{ member: local/eng, not: { client: nightly } }',
  '{ all: [ [ { client: ci }, { onCall: file/db } ], { member: local/eng } ] }',
];
const forMachine = [
  '{ client: ci }',
  '{ client: [ nightly, ci ] }',
  '{ client: ci, member: local/eng }',
  '{ all: [ { client: ci }, { onCall: file/db } ] }',
  '[ { client: ci, member: local/eng }, { client: nightly } ]',
];

describe('a rule', () => {
  it.each(forPeople)('that a person could meet never lets a service account in: %s', (rule) => {
    for (const list of ['allow', 'ask']) {
      const role = roleWith(`${list}: [ ${rule} ]\napprovers: [ { user: ana@acme.dev } ]`);
      for (const holds of [true, 'unknown', false] as const) {
        expect(ask(role, everything(holds), bot)).toMatchObject({ outcome: 'deny', undecided: false });
      }
      const [finding] = ask(role, everything(), bot).findings;
      expect(finding).toMatchObject({ holds: false, because: 'is a service account, and this rule is for people' });
    }
    const [right] = judge(roleWith(`allow: [ ${rule} ]`).allow, 'admin', { ...bot, now, facts: factsOf(everything()) });
    expect(right?.holds).toBe(false);
    expect(stillHolds(roleWith(`allow: [ ${rule} ]`).allow, { ...bot, now, facts: factsOf(everything()) })).toBe(false);
  });

  it.each(forMachine)('for a service account lets that one in, and no person and no other: %s', (rule) => {
    const role = roleWith(`allow: [ ${rule} ]`);
    expect(ask(role, everything(), bot)).toMatchObject({ outcome: 'allow', heldBy: ['db.allow[0]'] });
    expect(ask(role, everything(), maria).outcome).toBe('deny');
    expect(ask(role, everything(), { ...bot, client: undefined }).outcome).toBe('deny');
    expect(ask(role, everything(), { ...bot, client: 'ci2' }).outcome).toBe('deny');
    expect(stillHolds(role.allow, { ...bot, now, facts: factsOf(everything()) })).toBe(true);
  });

  it('of deny counts for everybody, be it about people or about service accounts', () => {
    const allow = 'allow: [ { client: ci }, { member: local/eng } ]';
    const on = (deny: string, who: typeof bot | typeof maria, holds: Truth = true) =>
      ask(
        roleWith(`${allow}\ndeny: [ ${deny} ]`),
        [
          [member('eng'), fact(true)],
          [onCall('db'), fact(holds)],
        ],
        who,
      ).outcome;
    expect(on('{ onCall: file/db }', bot)).toBe('deny');
    expect(on('{ onCall: file/db }', bot, 'unknown')).toBe('deny');
    expect(on('{ user: deploy-bot@acme.dev }', bot)).toBe('deny');
    expect([on('{ client: ci }', bot), on('{ client: ci }', maria)]).toEqual(['deny', 'allow']);
    expect([on('{ not: { client: ci } }', bot), on('{ not: { client: ci } }', maria)]).toEqual(['allow', 'deny']);
  });
});

describe('a service account', () => {
  it('is blocked by its name', () => {
    const role = roleWith('allow: [ { client: ci } ]');
    expect(ask(role, [], { ...bot, policy: { digest: 'd1', blocked: [bot.email] } }).outcome).toBe('deny');
  });

  it('approves only where the rule names it', () => {
    const may = (approvers: string) =>
      judge(roleWith(`ask: [ { user: a@acme.dev } ]\napprovers: [ ${approvers} ]`).approvers, 'approver', {
        ...{ ...bot, now, facts: factsOf(everything()) },
      }).some(({ holds }) => holds === true);
    expect([may('{ member: local/eng }'), may('{ client: ci }'), may('{ client: nightly }')]).toEqual([false, true, false]);
  });

  it('is told in words', () => {
    const role = roleWith('allow: [ { client: ci, member: local/eng } ]');
    const [rule] = role.allow;
    expect(rule && describeCondition(rule.condition)).toBe('the service account ci and member of local/eng');
    expect(ask(role, everything(), bot).findings[0]?.because).toBe('is the service account ci; it is true');
    expect(ask(role, everything(), maria).findings[0]).toMatchObject({
      because: 'is not the service account ci',
      change: 'be the service account ci',
    });
    expect(ask(roleWith('allow: [ { member: local/eng } ]'), [], bot).findings[0]?.change).toContain('client: ci');
  });

  it('is known by its subject alone, and never where people are taken at their word', () => {
    const subject = machineSubject('ci');
    expect(clientOf({ issuer: 'https://acme.okta.com', subject })).toBe('ci');
    expect(clientOf({ issuer: 'https://acme.okta.com', subject: 'ci' })).toBeUndefined();
    expect(clientOf({ issuer: 'local', subject: 'client:ci@acme.dev' })).toBeUndefined();
  });
});

describe('the policy', () => {
  it('refuses a service account that no identity has, wherever it stands', () => {
    expect(codes('allow: [ { client: cii } ]')).toEqual(['undeclared-client roles.db.allow[0].client']);
    expect(codes('allow: [ { user: a@acme.dev } ]\ndeny: [ { not: { client: x } } ]')).toEqual([
      'undeclared-client roles.db.deny[0].not.client',
    ]);
    expect(codes('allow: [ { client: ci } ]', '')).toEqual(['undeclared-client roles.db.allow[0].client']);
    expect(parsePolicy(fileWith('allow: [ { client: nihgtly } ]', identity), input).issues[0]?.hint).toContain('nightly');
  });

  it('says nothing about service accounts of an identity that has a fault', () => {
    const faulty = identity.replace('domains: [acme.dev], ', '');
    expect(codes('allow: [ { client: ci } ]', faulty)).toEqual(['missing-key identity[0].domains']);
  });

  it('refuses service accounts that another entry of their issuer makes somebody else', () => {
    const two = `${identity}\n  - { kind: oidc, issuer: https://b.example, domains: [b.example], machines: { x: x@b.example } }`;
    expect(codes('allow: [ { client: ci } ]', two)).toEqual(['shared-machine identity']);
  });

  it('refuses a person who has the name of a service account in a directory', () => {
    const people = `${identity}\npeople:\n  maria@acme.dev: { local: deploy-bot@acme.dev }`;
    expect(codes('allow: [ { client: ci } ]', people)).toEqual(['shared-name people["maria@acme.dev"].local']);
    // Its own name elsewhere is said like anybody's.
    expect(codes('allow: [ { client: ci } ]', `${identity}\npeople:\n  deploy-bot@acme.dev: { local: deploy-bot }`)).toEqual([]);
  });
});
