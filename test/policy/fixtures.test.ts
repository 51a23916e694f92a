/** Files of tests for a policy: what is read from them, and every fault at its line and column. */

import { describe, expect, it } from 'vitest';
import { rehearse } from '../../src/operations/rehearse.ts';
import { parseFixtures } from '../../src/policy/fixtures.ts';
import { marked } from './marked.ts';
import { fileWith, policyOf } from './world.ts';

const role = `deny: [ { member: local/leavers } ]
allow:
  - { onCall: file/db, until: shift }
  - { incident: file, severities: [major] }
ask: [ engineers ]
approvers: [ { member: local/engineering-leads } ]`;
const policy = policyOf(
  fileWith(
    role,
    'conditions: { engineers: { member: local/engineering } }\npeople: { me@acme.dev: { file: moi } }\nblocked: [ eve@acme.dev ]',
  ),
);
const machines = { bot: 'bot@acme.dev' };
const at = 'at: 2026-11-22T03:00:00Z\n';
const me = 'user: me@acme.dev, role: db';

function check(faulty: string) {
  const { text, expected } = marked(faulty);
  const { fixtures, issues } = parseFixtures(text, { policy, machines });
  expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
  expect(fixtures === undefined).toBe(issues.some(({ severity }) => severity === 'error'));
  return issues;
}

async function found(one: string, top = '', by = policy) {
  const { fixtures, issues } = parseFixtures(`${at}${top}\ncases: [ { ${one} } ]`, { policy: by, machines });
  if (fixtures === undefined) throw new Error(JSON.stringify(issues));
  const [tried] = (await rehearse(by, fixtures)).tried;
  if (tried === undefined || !('several' in tried)) throw new Error('no case');
  return { ...tried.found, differences: tried.differences, several: tried.several, because: tried.findings.map(({ because }) => because) };
}

describe('a file of tests', () => {
  it.each([
    ['that is empty', '‹empty-file›'],
    ['that is no YAML', `${at}cases: [ ‹syntax›`],
    ['without cases', '‹missing-key›at: 2026-11-22T03:00:00Z'],
    ['whose list of cases is empty', `${at}cases: ‹empty-list›[]`],
    ['with a key nobody knows', `${at}‹unknown-key›case: 1\ncases: [ { ${me}, expect: deny } ]`],
    ['with a key of a case nobody knows', `${at}cases: [ { ${me}, expect: deny, ‹unknown-key›whom: x } ]`],
    ['with a key twice', `${at}cases: [ { ${me}, expect: deny, ‹duplicate-key›expect: deny } ]`],
    ['whose case expects nothing', `${at}cases: [ ‹missing-key›{ ${me} } ]`],
    ['whose case expects what there is not', `${at}cases: [ { ${me}, expect: ‹bad-value›yes } ]`],
    ['whose case is about nobody', `${at}cases: [ ‹missing-key›{ role: db, expect: deny } ]`],
    ['whose case is about two', `${at}cases: [ ‹missing-key›{ ${me}, client: bot, expect: deny } ]`],
    ['whose case has no moment', `cases: [ ‹missing-key›{ ${me}, expect: deny } ]`],
    ['whose moment has no offset', `at: ‹bad-instant›2026-11-22T03:00:00\ncases: [ { ${me}, expect: deny } ]`],
    ['with an end that is neither instant nor length', `${at}cases: [ { ${me}, expect: allow, end: ‹bad-duration›soon } ]`],
    ['that asks for a role that is not there', `${at}cases: [ { user: me@acme.dev, role: ‹undeclared-role›dba, expect: deny } ]`],
    ['about a service account that is not there', `${at}cases: [ { client: ‹undeclared-client›bob, role: db, expect: deny } ]`],
    ['with a directory that is not there', `${at}cases: [ { ${me}, member: ‹undeclared-directory›okta/x, expect: deny } ]`],
    ['with a roster that is not there', `${at}cases: [ { ${me}, onCall: ‹undeclared-roster›pd/x, expect: deny } ]`],
    [
      'with an incident of a roster that is not there',
      `${at}incidents: { pd/x: ‹undeclared-roster›{} }\ncases: [ { ${me}, expect: deny } ]`,
    ],
    ['with a source down that is not there', `${at}down: ‹undeclared-source›okta\ncases: [ { ${me}, expect: deny } ]`],
    ['with a group that has no name', `${at}cases: [ { ${me}, member: ‹bad-source›local, expect: deny } ]`],
    ['with a shift that is nowhere', `${at}cases: [ { ${me}, onCall: ‹missing-key›{ level: 1 }, expect: deny } ]`],
    ['with an incident that has no name', `${at}cases: [ { ${me}, incidents: { ‹bad-source›file: {} }, expect: deny } ]`],
    ['with a person who is no e-mail', `${at}people: { ‹bad-email›maria: { member: local/x } }\ncases: [ { ${me}, expect: deny } ]`],
    ['with approvers who are no e-mails', `${at}cases: [ { ${me}, expect: ask, approvers: [ ‹bad-email›nobody, a@acme.dev ] } ]`],
    ['that asks in two ways', `${at}cases: [ { ${me}, for: 1h, ‹orphan-key›until: shift, expect: allow } ]`],
    ['that expects an end of what is refused', `${at}cases: [ { ${me}, expect: deny, ‹orphan-key›end: 1h } ]`],
    ['that expects approvers where nobody is asked', `${at}cases: [ { ${me}, expect: allow, ‹orphan-key›approvers: nobody } ]`],
    ['that expects a number of yeses where nobody is asked', `${at}cases: [ { ${me}, expect: allow, ‹orphan-key›quorum: 2 } ]`],
    ['that expects what ends what is refused', `${at}cases: [ { ${me}, expect: deny, ‹orphan-key›endsWith: nothing } ]`],
    ['that expects a number of places of what is refused', `${at}cases: [ { ${me}, expect: deny, ‹orphan-key›maxHolders: 1 } ]`],
    ['that expects no places at all', `${at}cases: [ { ${me}, expect: allow, maxHolders: ‹bad-value›0 } ]`],
    ['that expects an end with what ends nothing', `${at}cases: [ { ${me}, expect: allow, endsWith: ‹bad-value›max } ]`],
    ['that expects nothing beside what ends it', `${at}cases: [ { ${me}, expect: allow, endsWith: [ ‹bad-value›nothing, shift ] } ]`],
    ['that expects nothing behind what ends it', `${at}cases: [ { ${me}, expect: allow, endsWith: [ shift, ‹bad-value›nothing ] } ]`],
    ['that asks for no emergency', `${at}cases: [ { ${me}, breakGlass: ‹bad-value›false, expect: deny } ]`],
    ['with a group that differs in a letter', `${at}cases: [ { ${me}, member: ‹not-asked›local/enginering, expect: deny } ]`],
    ['with a group that differs in case', `${at}cases: [ { ${me}, member: ‹not-asked›local/Engineering, expect: deny } ]`],
  ])('%s', (_, text) => {
    check(text);
  });

  it('may have groups and schedules that no rule asks for, to show that they let nobody in', () => {
    check(`${at}cases: [ { ${me}, member: local/sales, onCall: [ file/web, file/db1 ], expect: deny } ]`);
  });

  it('begins, where it is empty, with a copy of an example of its own kind', () => {
    expect(check('‹empty-file›')[0]?.hint).toBe('begin with a copy of examples/quickstart/oncall.test.yaml');
  });
});

describe('a case', () => {
  it('is refused where nothing is said in its favour', async () => {
    expect(await found(`${me}, expect: deny`)).toMatchObject({ outcome: 'deny', differences: [], rules: [] });
  });

  it('has what is so of the person in every case, and what is so in this one', async () => {
    const people = 'people: { me@acme.dev: { member: local/engineering } }';
    expect(await found(`${me}, expect: ask, rule: engineers`, people)).toMatchObject({ differences: [], rules: ['ask[0] engineers'] });
    expect(await found(`${me}, onCall: file/db, expect: allow, rule: 'allow[0]'`, people)).toMatchObject({ differences: [] });
  });

  it('counts lengths of time from its own moment', async () => {
    const one = `${me}, at: 2026-01-01T00:00:00Z, onCall: { schedule: file/db, until: 2h }, for: 9h`;
    expect(await found(`${one}, expect: allow, end: 2026-01-01T02:15:00Z, limitedBy: shift`)).toMatchObject({ differences: [] });
    expect(await found(`${one}, expect: allow, end: 2h15m`)).toMatchObject({ differences: [] });
    expect(await found(`${one}, expect: allow, end: 2h14m`)).toMatchObject({ differences: ['end'] });
  });

  it('has nobody on call whose shift is over', async () => {
    expect(await found(`${me}, onCall: { schedule: file/db, until: 2026-11-22T03:00:00Z }, expect: deny`)).toMatchObject({
      differences: [],
    });
  });

  it('knows people by their names elsewhere, as the policy maps them', async () => {
    const incident =
      'incidents: { file/INC-1: { severities: [major], assigned: me@acme.dev, openedBy: me@acme.dev, assignedBy: Datadog } }';
    // Opened by themselves: the names on both sides are those of the roster.
    expect(await found(`${me}, ${incident}, expect: ask`)).toMatchObject({ differences: [] });
  });

  it('takes an incident of its own in place of the common one of that name', async () => {
    const all = 'incidents: { file/INC-1: { severities: major, assigned: me@acme.dev, openedBy: x@acme.dev, assignedBy: x@acme.dev } }';
    expect(await found(`${me}, expect: allow`, all)).toMatchObject({ differences: [], rules: ['allow[1]'] });
    expect(await found(`${me}, incidents: { file/INC-1: { live: false, assigned: me@acme.dev } }, expect: deny`, all)).toMatchObject({
      differences: [],
    });
  });

  it('names an incident that was named with the request, or says that one has to be', async () => {
    const one = '{ severities: major, assigned: me@acme.dev, openedBy: Datadog, assignedBy: Datadog }';
    const all = `incidents: { file/INC-1: ${one}, file/INC-2: ${one} }`;
    expect(await found(`${me}, incident: INC-2, expect: allow`, all)).toMatchObject({ differences: [], several: [] });
    expect(await found(`${me}, expect: allow`, all)).toMatchObject({ outcome: 'deny', several: ['INC-1', 'INC-2'] });
    expect(await found(`${me}, incident: INC-3, expect: deny`, all)).toMatchObject({ differences: [] });
  });

  it('does not let in by an incident that was not named, even where a rule that keeps people out asks for all of theirs', async () => {
    const counted = 'incident: file, severities: [major]';
    const both = policyOf(fileWith(`deny: [ { ${counted}, user: eve@acme.dev } ]\nallow: [ { ${counted} } ]`));
    const mine = 'incidents: { file/INC-1: { severities: major, assigned: me@acme.dev, openedBy: Datadog, assignedBy: Datadog } }';
    expect(await found(`${me}, expect: allow`, mine, both)).toMatchObject({ differences: [] });
    expect(await found(`${me}, incident: INC-3, expect: deny`, mine, both)).toMatchObject({ differences: [] });
  });

  it('knows nothing of what a source that is down knows', async () => {
    const leads = 'people: { lea@acme.dev: { member: local/engineering-leads } }';
    expect(await found(`${me}, down: file, expect: ask, rule: none, approvers: lea@acme.dev`, leads)).toMatchObject({ differences: [] });
    expect(await found(`${me}, onCall: file/db, down: local, expect: deny, rule: 'deny[0]'`, leads)).toMatchObject({ differences: [] });
  });

  it('lets nobody who asks, and nobody who is blocked, be among the approvers', async () => {
    const leads =
      'people: { me@acme.dev: { member: [local/engineering, local/engineering-leads] }, eve@acme.dev: { member: local/engineering-leads } }';
    expect(await found(`${me}, expect: ask, approvers: nobody`, leads)).toMatchObject({ differences: [] });
  });

  it('may be about a service account, for which the rules for people do not count', async () => {
    expect(await found('client: bot, role: db, onCall: file/db, expect: deny')).toMatchObject({
      differences: [],
      because: ['not a member of local/leavers', ...Array.from({ length: 3 }, () => 'is a service account, and this rule is for people')],
    });
  });

  it('is compared in everything that it expects', async () => {
    const one = `${me}, onCall: { schedule: file/db, until: 1h }, for: 2h`;
    const twoWays = 'incidents: { file/INC-1: { severities: major, assigned: me@acme.dev, openedBy: Datadog, assignedBy: Datadog } }';
    expect((await found(`${one}, expect: allow, end: 2h, limitedBy: nothing, rule: 'allow[1]'`)).differences).toEqual([
      'end',
      'limitedBy',
      'rule',
    ]);
    expect((await found(`${one}, expect: allow, rule: ['allow[0]', 'allow[1]']`)).differences).toEqual(['rule']);
    expect((await found(`${one}, member: local/leavers, expect: deny, rule: none`)).differences).toEqual(['rule']);
    expect((await found(`${one}, ${twoWays}, expect: allow, rule: 'allow[0]'`)).differences).toEqual(['rule']);
    expect((await found(`${one}, expect: ask, approvers: lea@acme.dev`)).differences).toEqual(['outcome', 'approvers']);
  });
});

describe('what a policy says besides who gets in', () => {
  const strict = policyOf(
    fileWith(
      `maxHolders: 2
allow:
  - { onCall: file/db, until: shift }
  - { incident: file, severities: [major], until: incident }
  - { incident: file, severities: [minor] }
ask: [ { member: local/engineering } ]
approvers: [ { member: local/engineering-leads } ]
quorum: 3`,
    ),
  );
  const one = (severity: string) =>
    `incidents: { file/INC-1: { severities: ${severity}, assigned: me@acme.dev, openedBy: Datadog, assignedBy: Datadog } }`;
  const tried = async (written: string) => (await found(`${me}, ${written}`, '', strict)).differences;

  it('is how many have to say yes, and how many may be in', async () => {
    expect(await tried('member: local/engineering, expect: ask, quorum: 3, maxHolders: 2')).toEqual([]);
    expect(await tried('member: local/engineering, expect: ask, quorum: 2, maxHolders: 3')).toEqual(['quorum', 'maxHolders']);
    expect(await tried('onCall: file/db, expect: allow, maxHolders: 2')).toEqual([]);
    expect((await found(`${me}, member: local/engineering, expect: ask, quorum: 1`)).differences).toEqual([]);
    expect((await found(`${me}, onCall: file/db, expect: allow, maxHolders: 1`)).differences).toEqual(['maxHolders']);
  });

  it('is what access ends with', async () => {
    expect(await tried('onCall: file/db, expect: allow, endsWith: shift')).toEqual([]);
    expect(await tried(`${one('major')}, expect: allow, endsWith: incident`)).toEqual([]);
    expect(await tried(`${one('major')}, onCall: file/db, expect: allow, endsWith: [shift, incident]`)).toEqual([]);
    expect(await tried(`${one('major')}, onCall: file/db, expect: allow, endsWith: incident`)).toEqual(['endsWith']);
    expect(await tried(`${one('minor')}, expect: allow, endsWith: nothing`)).toEqual([]);
    expect(await tried(`${one('minor')}, expect: allow, endsWith: incident`)).toEqual(['endsWith']);
    expect(await tried(`${one('minor')}, until: incident, expect: allow, endsWith: incident`)).toEqual([]);
  });
});

describe('an emergency', () => {
  const glass = policyOf(
    fileWith(
      `deny: [ { member: local/leavers } ]
allow: [ { onCall: file/db } ]
breakGlass:
  when: [ { member: local/engineering } ]
  ttl: { default: 30m, max: 2h }
  review: { by: [ { user: boss@acme.dev } ] }`,
    ),
  );
  const tried = (written: string) => found(`${me}, breakGlass: true, ${written}`, '', glass);

  it('is for whom the policy names for it, while rosters are down, and has an end of its own', async () => {
    const engineer = 'down: file, member: local/engineering';
    expect(await tried(`${engineer}, expect: allow, end: 30m, rule: 'breakGlass.when[0]'`)).toMatchObject({ differences: [] });
    expect(await tried(`${engineer}, for: 3h, expect: allow, end: 2h, limitedBy: max`)).toMatchObject({ differences: [] });
    expect(await tried('onCall: file/db, expect: deny')).toMatchObject({ differences: [] });
    expect(await tried('down: local, expect: deny')).toMatchObject({ differences: [] });
    expect(await tried("member: [local/engineering, local/leavers], expect: deny, rule: 'deny[0]'")).toMatchObject({ differences: [] });
  });

  it('has nobody in a role that has none, and says so', async () => {
    expect(await found(`${me}, breakGlass: true, onCall: file/db, expect: allow`)).toMatchObject({
      outcome: 'deny',
      differences: ['outcome'],
      because: ['the policy gives it no way in for emergencies'],
    });
    expect(await found(`${me}, breakGlass: true, expect: deny, rule: breakGlass`)).toMatchObject({ differences: [] });
  });

  it('asks for groups of its own, which are no slip of others', () => {
    const near = policyOf(
      fileWith(
        'allow: [ { member: local/dba } ]\nbreakGlass: { when: [ { member: local/dbas } ], review: { by: [ { user: boss@acme.dev } ] } }',
      ),
    );
    const issuesOf = (group: string) =>
      parseFixtures(`${at}cases: [ { ${me}, member: local/${group}, expect: deny } ]`, { policy: near, machines: {} }).issues;
    expect([issuesOf('dbas'), issuesOf('dbass').map(({ code }) => code)]).toEqual([[], ['not-asked']]);
  });

  it('counts among the rules that no case has tried', async () => {
    const untried = async (one: string) => {
      const { fixtures } = parseFixtures(`${at}cases: [ { ${me}, member: local/engineering, ${one} } ]`, { policy: glass, machines: {} });
      return (await rehearse(glass, fixtures ?? { cases: [], people: [] })).untried.rules;
    };
    expect(await untried('expect: deny')).toEqual(['db.deny[0]', 'db.allow[0]', 'db.breakGlass.when[0]']);
    expect(await untried('breakGlass: true, expect: allow')).toEqual(['db.deny[0]', 'db.allow[0]']);
  });
});
