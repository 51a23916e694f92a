/** The mistakes by which policies of this sort let the wrong person in: each is refused or warned of by `policy check`, or shows in `policy test` where the file cannot say what was meant. */

import { describe, expect, it } from 'vitest';
import { rehearse } from '../../src/operations/rehearse.ts';
import { parseFixtures } from '../../src/policy/fixtures.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { marked } from './marked.ts';
import { fileWith, input, policyOf } from './world.ts';

const approved = 'approvers: [ { user: boss@acme.dev } ]';

/** A mark stands where the fault is told. */
const checked: [string, string, 'error' | 'warning'][] = [
  ['any schedule, as none is named', 'allow: [ { onCall: ‹any-schedule›file } ]', 'warning'],
  ['any schedule at a level', 'allow: [ { onCall: ‹any-schedule›file, levels: [1] } ]', 'warning'],
  ['any schedule, as its name was left out', 'allow: [ { onCall: ‹bad-source›file/ } ]', 'error'],
  ['any schedule, as the list of them is empty', 'allow: [ { onCall: ‹empty-list›[] } ]', 'error'],
  ['any escalation policy', 'allow: [ { escalationPolicy: ‹bad-source›paging } ]', 'error'],
  ['any level, as the list of them is empty', 'allow: [ { onCall: file/db, levels: ‹empty-list›[] } ]', 'error'],
  ['any incident, as nothing filters them', 'allow: [ { incident: ‹unfiltered-incident›file } ]', 'error'],
  ['any incident, as the filter is empty', 'allow: [ { incident: file, severities: ‹empty-list›[] } ]', 'error'],
  ['any incident beside a filter', 'allow: [ { incident: file, services: [db], ‹any-incident-filtered›anyIncident: true } ]', 'error'],
  ['an incident that people open themselves', `allow: [ { incident: file, services: [db], selfMade: ‹self-made›allow } ]`, 'warning'],
  ['the same by a named condition', 'allow: [ ‹self-made›own ]', 'warning'],
  ['incidents of a roster that has none', 'allow: [ { incident: ‹no-incidents›paging, services: [db] } ]', 'error'],
  ['everybody but some', 'allow: [ ‹everybody›{ not: { member: local/contractors } } ]', 'warning'],
  ['everybody in office hours', `ask: [ ‹everybody›{ during: { days: [mon], zone: UTC } } ]\n${approved}`, 'warning'],
  ['everybody by one of several ways', 'allow: [ ‹everybody›[ { user: a@acme.dev }, { not: { user: b@acme.dev } } ] ]', 'warning'],
  ['approvers who are everybody', `ask: [ { onCall: file/db } ]\napprovers: [ ‹everybody›{ not: { user: a@acme.dev } } ]`, 'warning'],
  ['a list of people that is empty', 'allow: [ { user: ‹empty-list›[] } ]', 'error'],
  ['a rule without a condition', 'allow: [ ‹empty-condition›{ until: shift } ]', 'error'],
  ['a restriction that is misspelt', 'allow: [ { onCall: file/db, ‹unknown-key›level: [1] } ]', 'error'],
  ['a refusal that is misspelt', `allow: [ { onCall: file/db } ]\n‹unknown-key›denies: [ { user: eve@acme.dev } ]`, 'error'],
  [
    'a key twice, of which the second would count',
    `allow: [ { onCall: file/db } ]\n‹duplicate-key›allow: [ { user: eve@acme.dev } ]`,
    'error',
  ],
  ['a way in where a source is down', `allow: [ { onCall: file/db } ]\nwhenUnknown: ‹bad-value›allow`, 'error'],
  ['a question to nobody where a source is down', `allow: [ { onCall: file/db } ]\nwhenUnknown: ‹ask-without-approvers›ask`, 'error'],
  ['a length of time without its unit', `allow: [ { onCall: file/db } ]\nttl: { max: ‹bad-duration›12 }`, 'error'],
  [
    'an emergency that is longer than what somebody says yes to',
    `allow: [ { onCall: file/db } ]\nttl: { max: 4h }\nbreakGlass: { when: [ { user: a@acme.dev } ], ttl: { max: ‹break-glass-long›5h }, review: { by: [ { user: b@acme.dev } ] } }`,
    'warning',
  ],
  [
    'the same, where nothing is said of how long it is',
    `allow: [ { onCall: file/db } ]\nttl: { max: 1h }\n‹break-glass-long›breakGlass: { when: [ { user: a@acme.dev } ], review: { by: [ { user: b@acme.dev } ] } }`,
    'warning',
  ],
  ['an end with a shift that nobody has', 'allow: [ { user: a@acme.dev, until: ‹until-without-shift›shift } ]', 'error'],
];

describe('policy check', () => {
  it.each(checked)('catches %s', (_, role, severity) => {
    const named = 'conditions: { own: { incident: file, anyIncident: true, selfMade: allow } }';
    const { text, expected } = marked(fileWith(role, named));
    const { issues } = parsePolicy(text, input);
    expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
    expect(issues.map((issue) => issue.severity)).toEqual([severity]);
  });

  it.each([
    ['deny', 'allow: [ { user: a@acme.dev } ]\ndeny: [ { onCall: ‹any-schedule›file } ]'],
    [
      'ask, approvers',
      `ask: [ { onCall: ‹any-schedule›file } ]\napprovers: [ { user: b@acme.dev }, { onCall: [ file/db, ‹any-schedule›file ] } ]`,
    ],
    ['approvers that whenUnknown asks', 'allow: [ { onCall: file/db } ]\nwhenUnknown: ask\napprovers: [ { onCall: ‹any-schedule›file } ]'],
    ['not, all', 'allow: [ { user: a@acme.dev, not: { onCall: ‹any-schedule›file } }, { all: [ { onCall: ‹any-schedule›file } ] } ]'],
    ['a list', 'allow: [ [ { user: a@acme.dev }, { onCall: ‹any-schedule›file } ] ]'],
    ['follows', 'follows: ‹any-schedule›file'],
    ['a list of follows', 'follows: [ file/db, ‹any-schedule›file ]'],
    ['a condition of follows', 'follows: { onCall: ‹any-schedule›file, levels: [1] }'],
    [
      'the emergency, which no roster may speak for, and its review',
      'breakGlass:\n  when: ‹break-glass-roster›[ { onCall: ‹any-schedule›file } ]\n  review: { by: [ { onCall: ‹any-schedule›file } ] }',
    ],
    ['every role, admins and names', 'allow: [ any ]', 'defaults', 'admins', 'conditions'],
  ])('says that any schedule is counted, wherever a condition may stand: %s', (_, role, ...above) => {
    const tops: Readonly<Record<string, string>> = {
      defaults: 'defaults: { deny: [ { onCall: ‹any-schedule›file } ], approvers: [ { onCall: ‹any-schedule›file } ] }',
      admins: 'admins: [ { onCall: ‹any-schedule›file } ]',
      conditions: 'conditions: { any: { onCall: ‹any-schedule›file } }',
    };
    const { text, expected } = marked(fileWith(role, above.map((top) => tops[top]).join('\n')));
    const { issues } = parsePolicy(text, input);
    expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
  });

  it('finds nothing wrong with an emergency that is as long as what somebody says yes to, and tells of a family of roles once', () => {
    const role = (max: string) =>
      `params: { customer: [x, y] }\nallow: [ { onCall: file/db } ]\nttl: { max: 4h }\nbreakGlass: { when: [ { user: a@acme.dev } ], ttl: { max: ${max} }, review: { by: [ { user: b@acme.dev } ] } }`;
    const codes = (max: string) =>
      parsePolicy(fileWith(role(max)).replace('{ local: db-admins }', "{ local: 'db-{customer}' }"), input).issues.map(({ code }) => code);
    expect([codes('4h'), codes('4h1s')]).toEqual([[], ['break-glass-long']]);
  });

  it('finds nothing wrong with a rule that names somebody and then takes away', () => {
    const rules = [
      '{ member: local/engineering, not: { member: local/contractors } }',
      '{ all: [ { during: { days: [mon], zone: UTC } }, { onCall: file/db } ] }',
      '[ { user: a@acme.dev }, { member: local/engineering } ]',
      '{ incident: file, anyIncident: true }',
    ];
    const { issues } = parsePolicy(fileWith(`allow: [ ${rules.join(', ')} ]\ndeny: [ { not: { user: a@acme.dev } } ]`), input);
    expect(issues).toEqual([]);
  });
});

/** The file cannot know that it was not meant; a case that says what was does. */
const tried: [string, { readonly role: string; readonly right: string; readonly one: string }][] = [
  [
    'any schedule, where one was meant',
    { role: 'allow: [ { onCall: file } ]', right: 'allow: [ { onCall: file/db } ]', one: 'onCall: file/web, expect: deny' },
  ],
  [
    'any level, where the first was meant',
    {
      role: 'allow: [ { onCall: file/db } ]',
      right: 'allow: [ { onCall: file/db, levels: [1] } ]',
      one: 'onCall: { schedule: file/db, level: 2 }, expect: deny',
    },
  ],
  [
    'any level of an escalation policy',
    {
      role: 'allow: [ { escalationPolicy: paging/db, levels: [1, 2, 3] } ]',
      right: 'allow: [ { escalationPolicy: paging/db } ]',
      one: 'onCall: { escalationPolicy: paging/db, level: 3 }, expect: deny',
    },
  ],
  [
    'any incident, where grave ones were meant',
    {
      role: 'allow: [ { incident: file, anyIncident: true } ]',
      right: 'allow: [ { incident: file, severities: [major] } ]',
      one: 'incidents: { file/INC-1: { severities: minor, assigned: me@acme.dev, openedBy: monitor, assignedBy: monitor } }, expect: deny',
    },
  ],
  [
    'an incident that its opener gets in by',
    {
      role: `allow: [ { incident: file, severities: [major], selfMade: allow } ]\n${approved}`,
      right: `allow: [ { incident: file, severities: [major] } ]\n${approved}`,
      one: 'incidents: { file/INC-1: { severities: major, assigned: me@acme.dev, openedBy: me@acme.dev } }, expect: ask, approvers: boss@acme.dev',
    },
  ],
  [
    'a refusal that a source which is down does not take back',
    {
      role: 'allow: [ { user: me@acme.dev } ]',
      right: 'allow: [ { user: me@acme.dev } ]\ndeny: [ { member: local/leavers } ]',
      one: "down: local, expect: deny, rule: 'deny[0]'",
    },
  ],
  [
    'a question where a source is down, instead of a refusal',
    {
      role: `allow: [ { onCall: file/db } ]\n${approved}`,
      right: `allow: [ { onCall: file/db } ]\nwhenUnknown: deny`,
      one: 'down: file, expect: deny',
    },
  ],
  [
    'access that outlives the shift',
    {
      role: 'allow: [ { onCall: file/db } ]',
      right: 'allow: [ { onCall: file/db, until: shift } ]',
      one: 'for: 12h, onCall: { schedule: file/db, until: 1h }, expect: allow, end: 1h15m, limitedBy: shift',
    },
  ],
  [
    'a longest time that is too long',
    {
      role: 'allow: [ { user: me@acme.dev } ]\nttl: { max: 7d }',
      right: 'allow: [ { user: me@acme.dev } ]\nttl: { max: 24h }',
      one: 'for: 7d, expect: allow, end: 24h, limitedBy: max',
    },
  ],
  [
    'approvers of the wrong group',
    {
      role: `ask: [ { user: me@acme.dev } ]\napprovers: [ { member: local/engineering } ]`,
      right: `ask: [ { user: me@acme.dev } ]\napprovers: [ { member: local/leads } ]`,
      one: 'expect: ask, approvers: lea@acme.dev',
    },
  ],
  [
    'a refusal of its own that takes the place of the common one',
    {
      role: 'allow: [ { user: me@acme.dev } ]\ndeny: [ { user: eve@acme.dev } ]',
      right: 'allow: [ { user: me@acme.dev } ]',
      one: 'member: local/leavers, expect: deny',
    },
  ],
];

describe('policy test', () => {
  it.each(tried)('shows %s', async (what, { role, right, one }) => {
    const defaults = 'defaults: { deny: [ { member: local/leavers } ] }';
    const tests = `at: 2026-11-22T03:00:00Z
people:
  lea@acme.dev: { member: [local/leads, local/engineering] }
  kim@acme.dev: { member: local/engineering }
cases: [ { user: me@acme.dev, role: db, ${one} } ]`;
    const passes = async (text: string): Promise<boolean> => {
      const policy = policyOf(fileWith(text, what.includes('common') ? defaults : ''));
      const { fixtures, issues } = parseFixtures(tests, { policy, machines: {} });
      if (fixtures === undefined) throw new Error(JSON.stringify(issues));
      return (await rehearse(policy, fixtures)).tried.every(({ differences }) => differences.length === 0);
    };
    expect([await passes(right), await passes(role)]).toEqual([true, false]);
  });
});
