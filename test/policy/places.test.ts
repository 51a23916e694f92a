/** `maxHolders` counts who has one role; so no other may lead into its groups. */

import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../src/policy/parse.ts';
import { marked } from './marked.ts';
import { fileWith, input } from './world.ts';

const allowed = 'allow: [ { user: a@acme.dev } ]';
const counted = `${allowed}\nmaxHolders: ‹shared-places›1`;

function check(written: string) {
  const { text, expected } = marked(written);
  const { issues } = parsePolicy(text, input);
  expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
  return issues;
}

/** The role `db`, and another one behind it. */
const beside = (role: string, other: string): string => `${fileWith(role)}  other:\n    ${other}\n`;

describe('a role with places', () => {
  it('shares its groups with no other role, for whose people it has no places', () => {
    const [issue] = check(beside(counted, `{ targets: { local: [db-readers, db-admins] }, ${allowed} }`));
    expect(issue).toMatchObject({
      severity: 'error',
      message: 'other leads into local/db-admins too, and its people are counted by no place here',
      hint: 'let one role alone have this group: name another one in other, or write who gets in by it into db and take it out',
    });
  });

  it.each([
    ['the policy gives', 'standing: { cto@acme.dev: why }, review: 2027-01-31'],
    ['a rotation gives', 'follows: file/web'],
    ['is for emergencies', 'breakGlass: { when: [ { user: b@acme.dev } ], review: { by: [ { user: c@acme.dev } ] } }'],
  ])('nor with one that %s', (_, way) => {
    check(beside(counted, `{ targets: { local: db-admins }, ${way} }`));
  });

  it('finds it by any case, as names in IAM are the same', () => {
    check(beside(counted, `{ targets: { local: DB-Admins }, ${allowed} }`));
  });

  it('is told of each of two with places, where both lead into one group', () => {
    check(beside(counted, `{ targets: { local: db-admins }, ${allowed}, maxHolders: ‹shared-places›2 }`));
  });

  it('may be beside roles that lead elsewhere, and those without places may share', () => {
    check(beside(counted.replace('‹shared-places›', ''), `{ targets: { local: db-readers }, ${allowed} }`));
    check(beside(allowed, `{ targets: { local: db-admins }, ${allowed} }`));
  });

  it('has a group for each choice of its parameters', () => {
    const family = (group: string) =>
      fileWith(`params: { customer: [acme, globex, initech] }\n${counted}`)
        .replace('targets: { local: db-admins }', `targets: { local: ["c-{customer}", ${group}] }`)
        .replace('[db-admins]', '[c-acme, c-globex, c-initech, all, all-acme, all-globex, all-initech]');
    expect(check(family('all'))[0]).toMatchObject({
      message: 'each of the roles that "params" makes of db has places of its own, and several of them lead into local/all',
      hint: 'name every parameter in this group, or make it a role of its own',
    });
    check(family('"all-{customer}"').replace('‹shared-places›', ''));
  });
});
