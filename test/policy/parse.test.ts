import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/policy/parse.ts';
import { fileWith, hour, input, minute, policyOf, roleOf } from './world.ts';

const allowed = 'allow: [ { onCall: file/db } ]';

describe('what keeps a sweep in bounds', () => {
  it('is the provider’s limit, with or without a fraction, and the time of a run', () => {
    const text = `sweep: { deadline: 90s }\n${fileWith(allowed).replace(', exclusive', ', callsPerSecond: 2.5, exclusive')}`;
    const policy = policyOf(text);
    expect(policy.directories.local).toMatchObject({ callsPerSecond: 2.5, settings: { path: './groups.json' } });
    expect(policy.sweep.deadlineMs).toBe(90_000);
  });
});

describe('what the file leaves out', () => {
  it('is filled in', () => {
    expect(policyOf(fileWith(allowed))).toEqual({
      path: '/etc/oncall/oncall.yaml',
      digest: 'd1',
      ledger: { sqlite: '/etc/oncall/oncall.db' },
      identity: [{ kind: 'local' }],
      admins: [],
      sweep: { refuseWhenLateMs: 15 * minute, reconcileMs: 15 * minute, deadlineMs: 4.5 * minute },
      directories: {
        local: { name: 'local', kind: 'local', settings: { path: './groups.json' }, exclusive: ['db-admins'], userName: 'email' },
      },
      rosters: {
        file: { name: 'file', kind: 'file', settings: { path: './schedule.yaml' } },
        paging: { name: 'paging', kind: 'paging', settings: {} },
      },
      people: {},
      blocked: [],
      roles: {
        db: {
          name: 'db',
          targets: [{ directory: 'local', group: 'db-admins' }],
          ttl: { defaultMs: hour, maxMs: 12 * hour },
          deny: [],
          allow: [{ name: 'db.allow[0]', condition: { kind: 'onCall', roster: 'file', schedule: 'db', levels: [] }, graceMs: 15 * minute }],
          ask: [],
          approvers: [],
          withinMs: hour,
          reason: 'when-asked',
          whenUnknown: 'deny',
        },
      },
    });
  });

  it.each([
    ['nothing', '', { defaultMs: hour, maxMs: 12 * hour }],
    ['an empty ttl', 'ttl: {}', { defaultMs: hour, maxMs: 12 * hour }],
    ['only a maximum', 'ttl: { max: 4h }', { defaultMs: hour, maxMs: 4 * hour }],
    ['only a short maximum', 'ttl: { max: 30m }', { defaultMs: 30 * minute, maxMs: 30 * minute }],
    ['only a default', 'ttl: { default: 3h }', { defaultMs: 3 * hour, maxMs: 3 * hour }],
    ['both', 'ttl: { default: 3h, max: 24h }', { defaultMs: 3 * hour, maxMs: 24 * hour }],
  ])('of a ttl with %s', (_, ttl, expected) => {
    expect(roleOf(`${allowed}\n${ttl}`).ttl).toEqual(expected);
  });

  it.each([
    ['approvers', 'approvers: [ { user: a@acme.dev } ]', 'ask'],
    ['no approvers', '', 'deny'],
    ['approvers, and it says deny', 'ask: [ { user: b@acme.dev } ]\napprovers: [ { user: a@acme.dev } ]\nwhenUnknown: deny', 'deny'],
  ])('when something is unknown and there are %s', (_, role, expected) => {
    expect(roleOf(`${allowed}\n${role}`).whenUnknown).toBe(expected);
  });
});

describe('defaults', () => {
  const defaults =
    'defaults: { ttl: { default: 2h, max: 8h }, within: 5m, grace: 1m, reason: required, approvers: [ { user: a@acme.dev } ], deny: [ { user: eve@acme.dev } ] }';

  it('hold for a role that does not say otherwise', () => {
    const role = roleOf(allowed, defaults);
    expect(role).toMatchObject({
      ttl: { defaultMs: 2 * hour, maxMs: 8 * hour },
      withinMs: 5 * minute,
      reason: 'required',
      whenUnknown: 'ask',
    });
    expect(role.approvers.map(({ name }) => name)).toEqual(['defaults.approvers[0]']);
    expect(role.deny.map(({ name }) => name)).toEqual(['defaults.deny[0]']);
    expect(role.allow[0]?.graceMs).toBe(minute);
  });

  it('are overridden key by key', () => {
    const role = roleOf(`${allowed}\nttl: { max: 4h }\nreason: optional\ngrace: 0s\ndeny: [ { user: x@acme.dev } ]`, defaults);
    expect(role).toMatchObject({ ttl: { defaultMs: 2 * hour, maxMs: 4 * hour }, reason: 'optional', withinMs: 5 * minute });
    expect(role.deny.map(({ name }) => name)).toEqual(['db.deny[0]']);
    expect(role.allow[0]?.graceMs).toBe(0);
  });

  it('of a length give way to a shorter maximum of the role', () => {
    expect(roleOf(`${allowed}\nttl: { max: 30m }`, defaults).ttl).toEqual({ defaultMs: 30 * minute, maxMs: 30 * minute });
  });
});

describe('a condition', () => {
  const conditionOf = (written: string, top = '') => roleOf(`allow: [ ${written} ]`, top).allow[0]?.condition;
  const db = { kind: 'onCall', roster: 'file', schedule: 'db', levels: [] };
  const eng = { kind: 'member', directory: 'local', group: 'Eng Managers' };

  it.each<[string, string, unknown]>([
    ['all of its keys', '{ member: local/Eng Managers, onCall: file/db }', { kind: 'all', conditions: [eng, db] }],
    ['any of a list', '[ { member: local/Eng Managers }, { onCall: file/db } ]', { kind: 'any', conditions: [eng, db] }],
    [
      'any of several people',
      '{ user: [ A@acme.dev, b@acme.dev ] }',
      {
        kind: 'any',
        conditions: [
          { kind: 'user', email: 'a@acme.dev' },
          { kind: 'user', email: 'b@acme.dev' },
        ],
      },
    ],
    [
      'none of a list',
      '{ not: [ { onCall: file/db }, { member: local/Eng Managers } ] }',
      { kind: 'not', condition: { kind: 'any', conditions: [db, eng] } },
    ],
    ['all of a list', '{ all: [ { onCall: file/db }, { member: local/Eng Managers } ] }', { kind: 'all', conditions: [db, eng] }],
    ['a group whose name has slashes', '{ member: local/a/b }', { kind: 'member', directory: 'local', group: 'a/b' }],
    ['levels of a schedule', '{ onCall: file/db, levels: [1, 2] }', { ...db, levels: [1, 2] }],
    [
      'the first level of an escalation policy',
      '{ escalationPolicy: file/P1 }',
      { kind: 'onCall', roster: 'file', escalationPolicy: 'P1', levels: [1] },
    ],
    [
      'the same, written apart',
      '{ onCall: file, escalationPolicy: P1, levels: [2] }',
      { kind: 'onCall', roster: 'file', escalationPolicy: 'P1', levels: [2] },
    ],
    [
      'some incidents',
      '{ incident: file, severities: [major] }',
      { kind: 'incident', roster: 'file', services: [], severities: ['major'], types: [], anyIncident: false, selfMade: 'ask' },
    ],
    [
      'hours',
      '{ during: { days: [mon], from: 22:00, to: 06:30, zone: Europe/Berlin } }',
      { kind: 'during', days: ['mon'], from: 1_320, to: 390, zone: 'Europe/Berlin' },
    ],
  ])('is %s', (_, written, expected) => expect(conditionOf(written)).toEqual(expected));

  it('with a name stands where the name stands, and the rule is called after it', () => {
    const role = roleOf(
      'ask: [ engineers ]\napprovers: [ { user: a@acme.dev } ]',
      'conditions: { engineers: { member: local/Eng Managers } }',
    );
    expect(role.ask).toMatchObject([{ name: 'db.ask[0] engineers', condition: eng }]);
  });

  it('with a name may be named by another and be given an end', () => {
    const top = 'conditions: { dba: primary, primary: { onCall: file/db } }';
    expect(roleOf('allow: [ { all: [ dba ], until: shift } ]', top).allow).toMatchObject([
      { condition: db, until: 'shift', graceMs: 15 * minute },
    ]);
  });

  it('carries the grace of its own rule before that of the role', () => {
    const role = roleOf('grace: 5m\nallow: [ { onCall: file/db, until: shift, grace: 1m }, { onCall: file/x, until: shift } ]');
    expect(role.allow.map(({ graceMs }) => graceMs)).toEqual([minute, 5 * minute]);
  });
});

describe('names', () => {
  it('of people are case-folded', () => {
    const policy = policyOf(fileWith(allowed, 'people: { Maria@ACME.dev: { local: Maria.S } }\nblocked: [ Eve@ACME.dev ]'));
    expect(policy.people).toEqual({ 'maria@acme.dev': { local: 'Maria.S' } });
    expect(policy.blocked).toEqual(['eve@acme.dev']);
  });

  it('find nothing but what the file says', () => {
    const policy = policyOf(fileWith(allowed));
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(policy.roles[name]).toBeUndefined();
      expect(policy.directories[name]).toBeUndefined();
      expect(policy.people[name]).toBeUndefined();
    }
  });

  it('survive being kept as JSON, with everything else', () => {
    const policy = policyOf(fileWith(`${allowed}\nmaxHolders: 2`, 'people: { a@acme.dev: { local: a } }'));
    expect(JSON.parse(JSON.stringify(policy))).toEqual(policy);
  });
});

it('keeps a place for as long as the policy says, and says nothing where it does not', () => {
  const offer = (text: string) => policyOf(fileWith(`${allowed}\nmaxHolders: 1${text}`)).roles['db']?.offerForMs;
  expect([offer('\nofferFor: 3m'), offer('')]).toEqual([3 * 60_000, undefined]);
});

it('keeps an absolute path of the ledger', () => {
  expect(policyOf(fileWith(allowed).replace('./oncall.db', '/var/lib/oncall.db')).ledger).toEqual({ sqlite: '/var/lib/oncall.db' });
});

it.each([{ env: 'ONCALL_DATABASE' }, { file: 'database-url' }, { command: ['vault', 'read', 'oncall/db'] }])(
  'keeps of a PostgreSQL ledger where its address is: %j',
  (postgres) => {
    expect(policyOf(fileWith(allowed).replace('./oncall.db', JSON.stringify({ postgres }))).ledger).toEqual({ postgres });
  },
);

it('takes warnings for what they are', () => {
  const { policy, issues } = parsePolicy(fileWith('allow: [ { onCall: file } ]'), input);
  expect(issues.map(({ severity, code }) => `${severity} ${code}`)).toEqual(['warning any-schedule']);
  expect(policy?.roles.db?.allow[0]?.condition).toEqual({ kind: 'onCall', roster: 'file', levels: [] });
});

describe('whatever the text', () => {
  const words = [
    'roles:',
    'db:',
    '  ',
    '\n',
    '- ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '*a',
    '&a ',
    '!!x ',
    '"',
    '__proto__:',
    'constructor:',
    'prototype:',
    'allow:',
    'onCall: file',
    'until: shift',
    'version: 1',
    '? ',
    '|',
    '>',
    '---\n',
    '%YAML 1.1\n',
    '12',
    '1h',
    '~',
    ': ',
    '<<: ',
  ];
  const yamlLike = fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join(''));
  const spliced = fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 20 }), yamlLike).map(([from, cut, text]) => {
    const whole = fileWith(allowed);
    return whole.slice(0, from) + text + whole.slice(from + cut);
  });

  it('answers with a policy or with a place in the text, and leaves every other object alone', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), yamlLike, spliced), (text) => {
        const { policy, issues } = parsePolicy(text, input);
        expect(policy === undefined).toBe(issues.some(({ severity }) => severity === 'error'));
        const lines = text.split(/\r\n|\n|\r/);
        for (const { line, column } of issues) {
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(Math.min(line, column)).toBeGreaterThanOrEqual(1);
        }
        expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
      }),
      { numRuns: 700 },
    );
  });
});
