/** Cases of `policy test` about who is in without asking: by a rotation, and by a list. */

import { describe, expect, it } from 'vitest';
import { rehearse } from '../../src/operations/rehearse.ts';
import { parseFixtures } from '../../src/policy/fixtures.ts';
import { marked } from './marked.ts';
import { fileWith, policyOf } from './world.ts';

const rotating = `follows: file/db
overlap: 30m
deny: [ { member: local/leavers } ]
ask: [ { member: local/engineering } ]
approvers: [ { onCall: file/db } ]`;
const listed = `standing: { cto@acme.dev: owns it, eve@acme.dev: was here }
review: 2026-12-01
ifMissed: end
deny: [ { member: local/leavers } ]`;
const top = 'people: { ana@acme.dev: { file: a.silva } }\nblocked: [ eve@acme.dev ]';

const at = 'at: 2026-11-22T09:00:00Z\n';
/** A week each, and one short shift in between. */
const weeks = `people:
  maria@acme.dev: { onCall: { schedule: file/db, from: 2026-11-16T09:00:00Z, until: 2026-11-23T09:00:00Z } }
  ana@acme.dev: { onCall: { schedule: file/db, from: 2026-11-23T09:00:00Z, until: 2026-11-30T09:00:00Z } }
  short@acme.dev: { onCall: { schedule: file/db, from: 2026-11-25T12:05:00Z, until: 2026-11-25T12:10:00Z } }
  web@acme.dev: { onCall: file/web }
`;

async function tried(one: string, { role = rotating, people = weeks } = {}) {
  const policy = policyOf(fileWith(role, top));
  const { fixtures, issues } = parseFixtures(`${at}${people}cases: [ { role: db, ${one} } ]`, { policy, machines: {} });
  if (fixtures === undefined) throw new Error(JSON.stringify(issues));
  const { tried: answers, untried } = await rehearse(policy, fixtures);
  const [answer] = answers;
  if (answer === undefined || 'several' in answer) throw new Error('no case about who is in');
  return { in: answer.found.in, differences: answer.differences, findings: answer.findings, untried };
}

describe('who is in by a rotation', () => {
  it.each([
    ['before the overlap', '2026-11-23T08:29:59Z', ['maria']],
    ['from the overlap on', '2026-11-23T08:30:00Z', ['ana', 'maria']],
    ['at the change', '2026-11-23T09:00:00Z', ['ana', 'maria']],
    ['until the overlap is over', '2026-11-23T09:29:59Z', ['ana', 'maria']],
    ['after the overlap', '2026-11-23T09:30:00Z', ['ana']],
    ['ahead of a shift that is shorter than the overlap', '2026-11-25T11:36:00Z', ['ana', 'short']],
    ['in a shift that is shorter than the overlap', '2026-11-25T12:07:00Z', ['ana', 'short']],
    ['after such a shift', '2026-11-25T12:20:00Z', ['ana', 'short']],
    ['after such a shift, until the overlap is over', '2026-11-25T12:39:59Z', ['ana', 'short']],
    ['when such a shift is long over', '2026-11-25T12:40:00Z', ['ana']],
    ['before everybody', '2026-11-16T08:00:00Z', []],
  ])('is found %s', async (_, moment, names) => {
    const people = names.map((name) => `${name}@acme.dev`);
    const expected = people.length === 0 ? 'nobody' : `[${people.join(', ')}]`;
    expect(await tried(`at: ${moment}, in: ${expected}`)).toMatchObject({ in: people, differences: [] });
    expect(await tried(`at: ${moment}, in: kim@acme.dev`)).toMatchObject({ differences: ['in'] });
  });

  it('has no overlap where the role has none', async () => {
    const role = rotating.replace('overlap: 30m\n', '');
    expect(await tried('at: 2026-11-23T08:59:59Z, in: maria@acme.dev', { role })).toMatchObject({ differences: [] });
    expect(await tried('at: 2026-11-23T09:00:00Z, in: ana@acme.dev', { role })).toMatchObject({ differences: [] });
  });

  it('may be said in the case itself, by lengths of time from its moment', async () => {
    const one = (from: string) => `people: { kim@acme.dev: { onCall: { schedule: file/db, from: ${from}, until: 8h } } }`;
    expect(await tried(`${one('30m')}, in: [kim@acme.dev, maria@acme.dev]`)).toMatchObject({ differences: [] });
    expect(await tried(`${one('31m')}, in: maria@acme.dev`)).toMatchObject({ differences: [] });
  });

  it('is not whom deny keeps out, or may, nor who is blocked', async () => {
    const member = 'people: { maria@acme.dev: { member: local/leavers } }';
    expect(await tried(`${member}, in: nobody`)).toMatchObject({ in: [], differences: [] });
    expect(await tried('people: { eve@acme.dev: { onCall: file/db } }, in: maria@acme.dev')).toMatchObject({ differences: [] });
  });

  it('says of everybody why they are in, or are not', async () => {
    const said = async (one: string) => (await tried(one)).findings.map(({ because }) => because);
    expect(await said('at: 2026-11-23T09:15:00Z, in: nobody')).toEqual([
      'maria@acme.dev was on call for "db", and stays for the overlap',
      'ana@acme.dev is on call for "db"',
    ]);
    expect(await said('at: 2026-11-25T11:36:00Z, in: nobody')).toContain('short@acme.dev is on call for "db" from 2026-11-25T12:05:00Z');
    const { findings } = await tried('at: 2026-11-23T08:45:00Z, people: { maria@acme.dev: { member: local/leavers } }, in: nobody');
    expect(findings).toEqual([
      {
        rule: 'db.deny[0]',
        effect: 'deny',
        holds: true,
        because: 'maria@acme.dev is on call for "db", but a member of local/leavers',
      },
      { rule: 'db.follows', effect: 'allow', holds: true, because: 'ana@acme.dev is on call for "db" from 2026-11-23T09:00:00Z' },
    ]);
  });
});

describe('who is in by a list', () => {
  it('is whom it names, and whom nothing keeps out, until a missed review ends it', async () => {
    const world = { role: listed, people: '' };
    expect(await tried('in: cto@acme.dev', world)).toMatchObject({ differences: [] });
    expect(await tried('people: { cto@acme.dev: { member: local/leavers } }, in: nobody', world)).toMatchObject({ differences: [] });
    expect(await tried('at: 2026-12-01T23:59:59Z, in: cto@acme.dev', world)).toMatchObject({ differences: [] });
    expect(await tried('at: 2026-12-02T00:00:00Z, in: nobody', world)).toMatchObject({ differences: [] });
  });

  it('may be in by a rotation as well', async () => {
    const role = `${rotating}\nstanding: { cto@acme.dev: owns it, maria@acme.dev: too }\nreview: 2026-12-01`;
    expect(await tried('in: [CTO@acme.dev, maria@acme.dev]', { role })).toMatchObject({ differences: [] });
  });
});

it('a rotation and a list that no case has shown to let anybody in are told', async () => {
  const rules = ['db.deny[0]', 'db.ask[0]', 'db.approvers[0]'];
  expect((await tried('at: 2026-11-16T08:00:00Z, in: nobody')).untried).toEqual({ roles: [], rules: [...rules, 'db.follows'] });
  expect((await tried('in: maria@acme.dev')).untried).toEqual({ roles: [], rules });
  expect(
    (await tried('in: nobody', { role: listed.replace('cto', 'eve2'), people: 'people: { eve2@acme.dev: { member: local/leavers } }\n' }))
      .untried.rules,
  ).toEqual(['db.standing']);
});

it.each([
  ['beside who asks', 'user: a@acme.dev'],
  ['beside what is expected of a request', 'expect: deny'],
  ['beside what is so of who asks', 'member: local/engineering'],
  ['beside how long is asked for', 'for: 2h'],
  ['beside the rule that it rests on', 'rule: follows'],
  ['beside an emergency', 'breakGlass: true'],
  ['beside what it ends with', 'endsWith: shift'],
  ['beside how many have to say yes', 'quorum: 2'],
  ['beside how many may have it', 'maxHolders: 2'],
])('who is in cannot be asked %s', (_, other) => {
  check(`cases: [ { role: db, in: nobody, ‹orphan-key›${other} } ]`);
});

it('who is in is asked where somebody is in without asking, and where it can be told', () => {
  check('cases: [ { role: db, ‹orphan-key›in: nobody } ]', 'allow: [ { user: a@acme.dev } ]');
  check('cases: [ { role: db, down: file, ‹orphan-key›in: nobody } ]');
  check('down: file\ncases: [ { role: db, ‹orphan-key›in: nobody } ]');
  // Whom "deny" may keep out is not let in, and stays who is in.
  check('cases: [ { role: db, down: [local, paging], ‹orphan-key›in: nobody } ]');
  check('down: local\ncases: [ { role: db, ‹orphan-key›in: nobody } ]', listed);
  check(
    'cases: [ { role: db, down: local, ‹orphan-key›in: nobody } ]',
    listed.replace('member: local/leavers', 'not: { member: local/engineering }'),
  );
  check('cases: [ { role: db, down: paging, in: nobody } ]');
  check('cases: [ { role: db, down: local, in: nobody } ]', rotating.replace(/^deny.*$/m, ''));
  check('cases: [ { role: db, in: [ ‹bad-email›nobody, a@acme.dev ] } ]');
  check('cases: [ ‹missing-key›{ role: db, in: nobody } ]', rotating, '');
  check('people: { a@acme.dev: { onCall: ‹not-asked›file/DB } }\ncases: [ { role: db, in: nobody } ]');
  check(
    `cases: [ { role: db, people: { a@acme.dev: { onCall: [ { schedule: file/db, from: 2h, until: ‹bad-instant›1h } ] } }, in: nobody } ]`,
  );
});

function check(written: string, role = rotating, moment = at): void {
  const { text, expected } = marked(`${moment}${written}`);
  const { issues } = parseFixtures(text, { policy: policyOf(fileWith(role, top)), machines: {} });
  expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
}
