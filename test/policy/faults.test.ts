/** Every code, at its line and column, and nothing besides it. */

import { describe, expect, it } from 'vitest';
import { parsePolicy, salvage } from '../../src/policy/parse.ts';
import { marked } from './marked.ts';
import { fileWith, input } from './world.ts';

function check(faulty: string) {
  const { text, expected } = marked(faulty);
  const { policy, issues } = parsePolicy(text, input);
  expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual(expected);
  expect(policy === undefined).toBe(issues.some(({ severity }) => severity === 'error'));
  return issues;
}

const allowed = 'allow: [ { onCall: file/db } ]';

describe('a role', () => {
  it.each<[string, string]>([
    ['with a key nobody knows', `${allowed}\n‹unknown-key›aprovers: [ { user: a@acme.dev } ]`],
    ['with a key twice', `${allowed}\n‹duplicate-key›allow: [ { user: a@acme.dev } ]`],
    ['whose list is empty: allow', 'allow: ‹empty-list›[]'],
    ['whose list is empty: ask', `${allowed}\nask: ‹empty-list›[]\napprovers: [ { user: a@acme.dev } ]`],
    ['whose list is empty: deny', `${allowed}\ndeny: ‹empty-list›[]`],
    ['whose list is empty: approvers', `${allowed}\nask: [ { user: a@acme.dev } ]\napprovers: ‹empty-list›[]`],
    ['whose list is empty: levels', 'allow: [ { onCall: file/db, levels: ‹empty-list›[] } ]'],
    ['whose list is empty: services', 'allow: [ { incident: file, services: ‹empty-list›[] } ]'],
    ['whose list is empty: an item', `allow: [ ‹empty-list›[], { onCall: file/db } ]`],
    ['whose list is empty: all', 'allow: [ { all: ‹empty-list›[] } ]'],
    ['whose list is empty: member', 'allow: [ { member: ‹empty-list›[] } ]'],
    ['with nothing after a key', 'allow:‹wrong-type›'],
    ['with nothing in a condition', 'allow: [ ‹empty-condition›{} ]'],
    ['with only an end in a condition', 'allow: [ ‹empty-condition›{ until: shift } ]'],
    ['whose length of time has no unit', `${allowed}\nttl: { max: ‹bad-duration›12 }`],
    ['whose length of time is a fraction', `${allowed}\nwithin: ‹bad-duration›1.5h`],
    ['whose default is over its maximum', `${allowed}\nttl: { default: ‹ttl-default-over-max›13h, max: 12h }`],
    ['with a word that is no choice', `${allowed}\nreason: ‹bad-value›sometimes`],
    ['with no whole number of places', `${allowed}\nmaxHolders: ‹bad-value›1.5`],
    ['that asks, and nobody could say yes', `‹ask-without-approvers›ask: [ { user: a@acme.dev } ]`],
    ['that asks when unknown, and nobody could say yes', `${allowed}\nwhenUnknown: ‹ask-without-approvers›ask`],
    ['whose approvers are never asked', `allow: [ { user: a@acme.dev } ]\n‹approvers-unused›approvers: [ { user: b@acme.dev } ]`],
    ['whose approvers are switched off', `${allowed}\nwhenUnknown: deny\n‹approvers-unused›approvers: [ { user: b@acme.dev } ]`],
    ['with an item that is a number', `allow: [ ‹wrong-type›7 ]`],
    ['whose one length of time is both', `${allowed}\nttl: ‹wrong-type›12h`],
    ['that names a channel that is not there', `${allowed}\nnotify: [‹undeclared-channel›slack]`],
  ])('%s', (_, role) => {
    check(fileWith(role));
  });

  it('ends sessions only where one of its directories can, and all that could have what it takes', () => {
    const clouds = ['a', 'b']
      .map((name, index) => `  ${name}: { kind: cloud, account: "${'10'[index]}00000000000", endpoint: http://127.0.0.1 }\n`)
      .join('');
    const file = (targets: string, sessions: string): string =>
      fileWith(`${allowed}\nonEnd: { endSessions: ${sessions} }`)
        .replace('directories:\n', `directories:\n${clouds}`)
        .replace('{ local: db-admins }', targets);
    check(file('{ a: x }', 'true'));
    check(file('{ local: db-admins, a: x }', 'true'));
    check(file('{ local: db-admins }', 'false'));
    expect(check(file('{ local: db-admins }', '‹no-sessions›true'))[0]?.message).toBe('none of its directories can end sessions: local');
    expect(check(file('{ a: x, b: [y, z] }', '‹no-sessions›true'))[0]?.hint).toBe('give it the right to');
    check(file('{ ‹undeclared-directory›c: x }', 'true'));
    check(fileWith(`${allowed}\n‹missing-key›onEnd: {}`));
  });

  it('that nobody can get is shown at its name', () => {
    check(fileWith('deny: [ { user: eve@acme.dev } ]').replace('  db:', '  ‹nobody-can-get›db:'));
  });

  it('without targets is shown at its name', () => {
    check(fileWith(allowed).replace('  db:\n    targets: { local: db-admins }', '  ‹missing-key›db:'));
  });

  it.each([
    ['a directory that is not declared', '{ ‹undeclared-directory›locl: db-admins }'],
    ['the same group twice', '{ local: ‹same-target›[db-admins, db-admins] }'],
    ['no group', '{ local: ‹empty-list›[] }'],
    ['nothing', '‹empty-list›{}'],
    ['an IAM role where there is none', '{ ‹no-iam-role›local: { assumeRole: arn:aws:iam::111122223333:role/x } }'],
    ['no ARN of an IAM role', '{ local: { assumeRole: ‹bad-value›arn:aws:iam::1:role/x } }'],
    ['the ARN of a user', '{ local: { assumeRole: ‹bad-value›arn:aws:iam::111122223333:user/x } }'],
    ['an IAM role with more to it', '{ ‹no-iam-role›local: { assumeRole: arn:aws:iam::111122223333:role/x, ‹unknown-key›externalId: y } }'],
    ['an IAM role by its bare ARN', '{ local: ‹bare-role›arn:aws:iam::111122223333:role/x }'],
    ['an IAM role by its bare ARN, in a list', '{ local: [dba, ‹bare-role›arn:aws:iam::111122223333:role/x] }'],
    ['a number', '{ local: ‹wrong-type›12 }'],
  ])('whose target is %s', (_, targets) => {
    check(fileWith(allowed).replace('{ local: db-admins }', targets));
  });

  it('gives IAM roles only where its directory can', () => {
    const role = (account: string): string => `{ assumeRole: 'arn:aws:iam::${account}:role/ops/db-admin' }`;
    const file = (targets: string, more = ''): string =>
      fileWith(allowed)
        .replace('directories:\n', `directories:\n  a: { kind: cloud, account: "111122223333", endpoint: http://127.0.0.1${more} }\n`)
        .replace('{ local: db-admins }', targets);
    check(file(`{ a: ${role('111122223333')} }`));
    check(file(`{ a: [x, ${role('111122223333')}] }`));
    check(file(`{ a: ${role('111122223333')} }`, `, exclusive: [${role('111122223333')}]`));
    check(file(`{ a: ‹same-target›[${role('111122223333')}, ${role('111122223333')}] }`));
    const elsewhere = check(file(`{ ‹no-iam-role›a: [x, ${role('444455556666')}] }`));
    expect(elsewhere[0]?.message).toBe('a cannot give the IAM role db-admin: it is in another account');
    const family = (value: string) => `${allowed}\n    params: { team: [${value}, web] }`;
    const any = "{ assumeRole: 'arn:aws:iam::111122223333:role/{team}-admin' }";
    check(file(`{ a: ${any} }`).replace(allowed, family('db')));
    check(file(`{ a: ‹bad-value›${any} }`).replace(allowed, family('d:b')));
    check(file('{ a: x }', `, exclusive: ‹no-iam-role›[${role('444455556666')}]`));
    check(file('{ a: x }', ", exclusive: [‹bare-role›'arn:aws:iam::111122223333:role/x']"));
    expect(check(file(`{ ‹no-iam-role›local: ${role('111122223333')} }`))[0]?.message).toBe('local cannot give IAM roles');
    const places = check(file(`{ a: ${role('111122223333')} }`).replace(allowed, `${allowed}\n    maxHolders: ‹not-exclusive›1`));
    expect(places[0]).toMatchObject({
      message: 'places cannot be counted in a/IAM role db-admin, because others may add people to it',
      hint: 'list it: directories.a.exclusive: [{ assumeRole: arn:aws:iam::111122223333:role/ops/db-admin }]',
    });
  });

  it('has places only where everybody comes through this tool', () => {
    check(fileWith(`${allowed}\nmaxHolders: 1`));
    check(fileWith(`${allowed}\nmaxHolders: ‹not-exclusive›1`).replace(', exclusive: [db-admins]', ''));
    check(
      fileWith(`${allowed}\nmaxHolders: ‹not-exclusive›1`).replace('targets: { local: db-admins }', 'targets: { local: [db-admins, dba] }'),
    );
  });

  it('offers places only where there are any to wait for', () => {
    check(fileWith(`${allowed}\nmaxHolders: 1\nofferFor: 5m`));
    check(fileWith(`${allowed}\n‹offer-without-places›offerFor: 5m`));
    check(fileWith(`${allowed}\nmaxHolders: 1\nofferFor: ‹bad-duration›5`));
  });
});

describe('a condition', () => {
  it.each<[string, string]>([
    ['whose directory is not declared', '{ member: ‹undeclared-directory›okta/Eng }'],
    ['whose roster is not declared', '{ onCall: ‹undeclared-roster›pager/P1 }'],
    ['whose second roster is not declared', '{ onCall: [ file/db, ‹undeclared-roster›pager/P1 ] }'],
    ['that is no name', '‹undeclared-condition›engineers'],
    ['that is an e-mail where a name belongs', '‹undeclared-condition›maria@acme.dev'],
    ['that names no group', '{ member: ‹bad-source›local }'],
    ['that names an IAM role', '{ member: ‹bad-source›local/arn:aws:iam::111122223333:role/x }'],
    ['that names no schedule', '{ onCall: ‹bad-source›file/ }'],
    ['that counts any schedule', '{ onCall: ‹any-schedule›file }'],
    ['that names no escalation policy', '{ escalationPolicy: ‹bad-source›file }'],
    ['that mixes a schedule and an escalation policy', '{ onCall: file/db, ‹bad-source›escalationPolicy: P1 }'],
    ['that is no e-mail', '{ user: ‹bad-email›maria }'],
    ['that counts every incident', '{ incident: ‹unfiltered-incident›file }'],
    ['that counts every incident and some', '{ incident: file, ‹any-incident-filtered›anyIncident: true, services: [db] }'],
    ['that does not count any incident', '{ incident: file, anyIncident: ‹bad-value›false }'],
    ['whose roster knows no incidents', '{ incident: ‹no-incidents›paging, services: [db] }'],
    ['whose severities belong to nothing', '{ onCall: file/db, ‹orphan-key›severities: [major] }'],
    ['whose levels belong to nothing', '{ user: a@acme.dev, ‹orphan-key›levels: [1] }'],
    ['whose level is none', '{ onCall: file/db, levels: [ ‹bad-value›0 ] }'],
    ['that ends with a shift it has not', '{ member: local/eng, until: ‹until-without-shift›shift }'],
    ['that ends with a shift it must not have', '{ member: local/eng, not: { onCall: file/db }, until: ‹until-without-shift›shift }'],
    ['that ends with an incident it has not', '{ onCall: file/db, until: ‹until-without-incident›incident }'],
    ['that ends inside another', '{ all: [ { onCall: file/db, ‹until-misplaced›until: shift } ] }'],
    ['that ends inside a not', '{ user: a@acme.dev, not: { onCall: file/db, ‹until-misplaced›until: shift } }'],
    ['whose grace follows nothing', '{ onCall: file/db, ‹orphan-key›grace: 5m }'],
    ['whose hours have no zone', '{ user: a@acme.dev, ‹missing-key›during: { from: "09:00", to: "17:00" } }'],
    ['whose zone is not one', '{ user: a@acme.dev, during: { days: [mon], zone: ‹bad-zone›Europe/Berlim } }'],
    ['whose zone is an offset', '{ user: a@acme.dev, during: { days: [mon], zone: ‹bad-zone›"+01:00" } }'],
    ['whose time is not one', '{ user: a@acme.dev, during: { from: ‹bad-time›"25:00", to: "17:00", zone: UTC } }'],
    ['whose hours are half open', '{ user: a@acme.dev, during: ‹half-open›{ from: "09:00", zone: UTC } }'],
    ['that is during always', '{ user: a@acme.dev, during: ‹empty-condition›{ zone: UTC } }'],
    ['for a service account', '{ user: a@acme.dev, client: ‹undeclared-client›ci }'],
    ['with a key nobody knows, deep inside', '{ user: a@acme.dev, not: { all: [ { ‹unknown-key›usr: b@acme.dev } ] } }'],
  ])('%s', (_, condition) => {
    check(fileWith(`allow: [ ${condition} ]`));
  });

  it.each<[string, string]>([
    ['an escalation policy', '{ escalationPolicy: ‹unanswerable›plain/P1, levels: [1] }'],
    ['one in the other form', '{ onCall: plain, escalationPolicy: ‹unanswerable›P1 }'],
    ['levels', '{ onCall: [ file/db, plain/db ], levels: ‹unanswerable›[1] }'],
    ['types', '{ incident: plain, types: ‹unanswerable›[outage] }'],
    ['services where it does not say which they are', '{ incident: plain, severities: [P1], services: ‹unanswerable›[db] }'],
    ['what keeps nobody out, as it never holds', '{ user: a@acme.dev, not: { incident: plain, services: ‹unanswerable›[db] } }'],
  ])('cannot ask a roster for what it never tells: %s', (_, condition) => {
    const file = fileWith(`allow: [ ${condition} ]`);
    check(file.replace('paging: {}', 'paging: {}\n  plain: {}'));
    const told = file.replace('paging: {}', 'paging: {}\n  plain: { services: here }');
    check(condition.includes('services') ? told.replace('‹unanswerable›', '') : told);
  });

  it('of deny, approvers and admins has no end', () => {
    check(fileWith(`${allowed}\ndeny: [ { onCall: file/x, ‹until-misplaced›until: shift } ]`));
    check(fileWith('ask: [ { user: a@acme.dev } ]\napprovers: [ { onCall: file/x, ‹until-misplaced›until: shift } ]'));
    check(fileWith(allowed, 'admins: [ { onCall: file/x, ‹until-misplaced›grace: 1m } ]'));
  });

  it('with a name cannot lead back to itself', () => {
    check(fileWith('allow: [ a ]', 'conditions:\n  a: { all: [ b, { user: a@acme.dev } ] }\n  b: [ ‹circular-condition›a ]'));
    check(fileWith('allow: [ a ]', 'conditions:\n  a: ‹circular-condition›a'));
  });

  it('with a name is checked although nobody uses it, and once although many do', () => {
    const conditions = 'conditions:\n  a: { member: ‹undeclared-directory›okta/Eng }';
    check(fileWith(allowed, conditions));
    check(fileWith('allow: [ a, { all: [ a ] } ]\ndeny: [ a ]', conditions));
  });

  it('with a name has no end of its own', () => {
    check(fileWith('allow: [ a ]', 'conditions:\n  a: { onCall: file/db, ‹until-misplaced›until: shift }'));
  });

  it('grows no further by names than can be evaluated', () => {
    const lines = Array.from({ length: 20 }, (_, i) => `  c${i + 1}: { all: [ c${i}, c${i} ] }`);
    const conditions = ['conditions:', '  c0: { user: a@acme.dev }', ...lines].join('\n').replace('c8: {', 'c8: ‹too-many-conditions›{');
    check(fileWith('allow: [ c20 ]', conditions));
  });

  it('leads no further from name to name than can be followed', () => {
    const chain = Array.from({ length: 9_000 }, (_, i) => `  c${i}: c${i + 1}`);
    const conditions = ['conditions:', ...chain, '  c9000: { user: a@acme.dev }'].join('\n');
    const { issues } = parsePolicy(fileWith('allow: [ c0 ]', conditions), input);
    expect(issues[0]).toMatchObject({ code: 'too-many-conditions', path: 'conditions.c31' });
  });
});

describe('the file', () => {
  it.each([
    ['a key nobody knows', '‹unknown-key›rols: {}'],
    ['an issuer without its domains', 'identity: [ ‹missing-key›{ kind: oidc, issuer: https://x.dev } ]'],
    ['an identity of an unknown kind', 'identity: [ { kind: ‹bad-value›saml } ]'],
    [
      'a domain of two issuers',
      'identity: ‹shared-domain›[ { kind: oidc, issuer: https://x.dev, domains: [a.dev] }, { kind: oidc, issuer: https://y.dev, domains: [a.dev] } ]',
    ],
    [
      'one who proves beside one who does not',
      'identity: ‹identity-mixed›[ { kind: local }, { kind: oidc, issuer: https://x.dev, domains: [a.dev] } ]',
    ],
    ['two people of one name', 'people: { maria@acme.dev: { local: m }, sam@acme.dev: { local: ‹shared-name›M } }'],
    [
      'a name that is the e-mail of somebody else, who has no other there',
      'people: { sam@acme.dev: { local: ‹shared-name›Maria@acme.dev } }\nadmins: [ { user: maria@acme.dev } ]',
    ],
    [
      'a name that is the e-mail of somebody else under people',
      'people: { maria@acme.dev: { paging: m }, sam@acme.dev: { local: ‹shared-name›maria@acme.dev } }',
    ],
    ['an identity of no kind', 'identity: [ ‹missing-key›{} ]'],
    ['no identity at all', 'identity: ‹empty-list›[]'],
    ['an admin from nowhere', 'admins: [ { member: ‹undeclared-directory›okta/Sec } ]'],
    ['no admins although it says so', 'admins: ‹empty-list›[]'],
    ['a blocked person who is nobody', 'blocked: [ ‹bad-email›eve ]'],
    ['a person who is nobody', 'people: { ‹bad-email›eve: { local: eve } }'],
    ['a person twice', 'people: { eve@acme.dev: { local: eve }, ‹duplicate-key›Eve@acme.dev: { local: eva } }'],
    ['a person in a directory that is not declared', 'people: { eve@acme.dev: { ‹undeclared-source›locl: eve } }'],
    ['a person who is no member of Slack', 'people: { eve@acme.dev: { slack: ‹bad-value›eve } }'],
    ['channels of an unknown kind', 'notify: { ‹unknown-kind›mail: { to: x } }'],
    ['a channel with a secret written out', 'notify: { slack: { url: ‹wrong-type›https://hooks.slack.com/services/CANARY } }'],
    ['a channel for people that is to take the trail', 'notify: { slack: { url: { env: S }, events: ‹bad-value›all } }'],
    ['a trail about something', 'notify: { h: { kind: hook, url: u, secret: { env: S }, events: all, ‹orphan-key›about: [stuck] } }'],
    ['a kind of notice that there is not', 'notify: { slack: { url: { env: S }, about: [‹bad-value›stucked] } }'],
    ['a channel with a bad name', 'notify: { ‹bad-name›Slack: { kind: slack, url: { env: S } } }'],
    ['defaults that name a channel that is not there', 'defaults: { notify: [‹undeclared-channel›slack] }'],
    ['a person without names', 'people: { eve@acme.dev: ‹empty-list›{} }'],
    ['a sweep that never counts as late', 'sweep: { refuseWhenLate: ‹bad-duration›0s }'],
    ['a condition whose name is not one', 'conditions: { ‹bad-name›On_Call: { user: a@acme.dev } }'],
    ['defaults nobody knows', 'defaults: { ‹unknown-key›targets: { local: x } }'],
    ['a faulty default', 'defaults: { approvers: [ { member: ‹undeclared-directory›okta/M } ] }'],
  ])('with %s', (_, top) => {
    check(fileWith(allowed, top));
  });

  it.each([
    ['another version', /version: 1/, 'version: ‹bad-version›2'],
    ['its version in quotes', /version: 1/, 'version: ‹bad-version›"1"'],
    ['a ledger that is a list', /ledger: .*/, 'ledger: ‹wrong-type›[]'],
    ['a ledger without a name', /ledger: .*/, 'ledger: ‹bad-value›"  "'],
    ['a ledger of another kind', /ledger: .*/, '‹missing-key›ledger: { ‹unknown-key›postgresql: { file: /x } }'],
    ['more than one ledger', /ledger: .*/, 'ledger: { postgres: { file: /x }, ‹unknown-key›sqlite: x.db }'],
    ['a database of which only the name is written', /ledger: .*/, 'ledger: { postgres: ‹wrong-type›oncall }'],
    ['a database in two places', /ledger: .*/, 'ledger: { postgres: ‹wrong-type›{ file: /x, env: X } }'],
    ['a role whose name is not one', /\bdb:/, '‹bad-name›DB_admin:'],
    ['a directory of no kind', /local: \{ path/, '‹unknown-kind›disk: { path', /local: db-admins/, 'disk: db-admins'],
    ['a directory of an unknown kind', /\{ path: .\/groups.json/, '{ kind: ‹unknown-kind›locale, path: ./groups.json'],
    ['a roster of no kind', /paging: \{\}/, '‹unknown-kind›pagerduty: {}'],
    ['a roster that is called like a directory', /paging: \{\}/, '‹same-name›local: { kind: paging }'],
    ['settings their kind does not know', /paging: \{\}/, 'paging: { ‹unknown-key›tokn: { env: T } }'],
    ['settings of the wrong type', /paging: \{\}/, 'paging: { token: ‹wrong-type›s3cr3t }'],
    ['settings their kind refuses', /paging: \{\}/, 'paging: { endpoint: ‹bad-value›nowhere }'],
    ['settings that lack something', /\{ path: .\/schedule.yaml \}/, '{}', /file:/, '‹missing-key›file:'],
    ['a user name that is no choice', /, exclusive/, ', userName: ‹bad-value›mail, exclusive'],
    ['a rate that is none', /, exclusive/, ', callsPerSecond: ‹bad-value›0, exclusive'],
    ['a rate with a unit', /, exclusive/, ', callsPerSecond: ‹bad-value›20/s, exclusive'],
    ['an empty list of exclusive groups', /\[db-admins\]/, '‹empty-list›[]'],
  ] as const)('with %s', (_, ...changes) => {
    let text = fileWith(allowed);
    for (let i = 0; i < changes.length; i += 2) text = text.replace(changes[i] ?? '', String(changes[i + 1]));
    check(text);
  });

  it('passes on how a kind words its faults', () => {
    for (const token of ['s3cr3t', '{ envv: TOKEN }', '[]']) {
      const { issues } = parsePolicy(fileWith(allowed).replace('paging: {}', `paging: { token: ${token} }`), input);
      expect(issues).toMatchObject([{ code: 'wrong-type', message: 'must name a secret', path: 'rosters.paging.token' }]);
    }
  });

  it('says what it lacks', () => {
    check('‹missing-key›‹missing-key›‹missing-key›version: 1\n');
    check('‹missing-key›ledger: x\ndirectories: ‹empty-list›{}\nroles: ‹empty-list›{}\n');
  });

  it('says how to write both lengths of a ttl', () => {
    expect(check(fileWith(`${allowed}\nttl: ‹wrong-type›12h`))[0]?.message).toBe('must be { default: 1h, max: 12h }, or one of the two');
  });

  it('warns of people whom no issuer speaks for, where issuers do', () => {
    const oidc = 'identity: [ { kind: oidc, issuer: https://x.dev, domains: [acme.dev] } ]';
    const foreign = 'allow: [ { user: [maria@acme.dev, ‹foreign-domain›maria@acme.dv] } ]';
    expect(check(fileWith(foreign, oidc))[0]).toMatchObject({ severity: 'warning', hint: 'did you mean "acme.dev"?' });
    check(fileWith(`standing: { ‹foreign-domain›cto@other.dev: why }\nreview: 2027-01-31`, oidc));
    check(fileWith(foreign.replace('‹foreign-domain›', '')));
  });

  it('refuses two directories that are one place, and keeps both of them for what has to end', () => {
    const twice = (path: string, mark = '') =>
      fileWith(allowed)
        .replace('directories:', `${mark}directories:`)
        .replace('rosters:', `  other: { kind: local, path: ${path} }\nrosters:`);
    const [issue] = check(twice('./groups.json', '‹same-place›'));
    expect(issue?.message).toContain('local and other lead to the same place');
    expect(Object.keys(salvage(twice('./groups.json'), input).directories)).toEqual(['local', 'other']);
    check(twice('./other.json'));
  });

  it('that leaves this machine must prove who asks', () => {
    const cloud = '  cloud: { account: "111122223333" }\nrosters:';
    check(fileWith(allowed, 'identity: ‹identity-not-local›[ { kind: local } ]').replace('rosters:', cloud));
    check(`‹identity-missing›${fileWith(allowed).replace('rosters:', cloud)}`);
  });

  it('gives nobody the name that somebody else has by default', () => {
    const local = (people: string, blocked = 'maria@acme.dev') =>
      fileWith(allowed, `people: { ${people} }\nblocked: [ ${blocked} ]`).replace(', exclusive', ', userName: local-part, exclusive');
    const [issue] = check(local('sam@acme.dev: { local: ‹shared-name›Maria, file: maria }'));
    expect(issue?.message).toBe('maria@acme.dev has the name "Maria" in local already');
    check(local('sam@acme.dev: { local: maria@acme.dev, file: ‹shared-name›maria@acme.dev }'));
    check(local('sam@acme.dev: { local: maria }, maria@acme.dev: { local: m.silva }'));
    check(local('maria@acme.dev: { local: Maria }'));
    check(local('sam@acme.dev: { local: maria }', 'eve@acme.dev'));
  });

  it('of more than one domain has no directory in which the part before the @ is the name', () => {
    const oidc = (name: string, ...domains: string[]) => `{ kind: oidc, issuer: https://${name}.dev, domains: [${domains}] }`;
    const identity = (list: string, userName = 'local-part') =>
      fileWith(allowed, `identity: ${list}`).replace(', exclusive', `, userName: ${userName}, exclusive`);
    const [issue] = check(identity(`‹shared-local-part›[ ${oidc('x', 'acme.dev')}, ${oidc('y', 'contractor.dev')} ]`));
    expect(issue).toMatchObject({ message: expect.stringContaining('would be one user in local'), hint: expect.any(String) });
    check(identity(`‹shared-local-part›[ ${oidc('x', 'acme.dev', 'contractor.dev')} ]`));
    check(identity(`[ ${oidc('x', 'acme.dev', 'contractor.dev')} ]`, 'email'));
    check(identity(`[ ${oidc('x', 'acme.dev')} ]`));
    check(identity('[ { kind: local } ]'));
  });

  it('may stay on loopback with nobody proved', () => {
    const emulator = '  cloud: { account: "111122223333", endpoint: "http://127.0.0.1:5000" }\nrosters:';
    check(fileWith(allowed).replace('rosters:', emulator));
    check(fileWith(allowed, 'identity: [ { kind: local } ]').replace('rosters:', emulator));
  });

  it('with many faults tells all of them, in order', () => {
    check(
      fileWith(
        [
          'ttl: { default: ‹bad-duration›12, max: 12h }',
          '‹unknown-key›alow: [ { user: a@acme.dev } ]',
          'allow: [ { onCall: ‹undeclared-roster›pagr/db }, { incident: ‹unfiltered-incident›file }, { ‹unknown-key›usr: x } ]',
          '‹ask-without-approvers›ask: [ ‹undeclared-condition›nobody ]',
        ].join('\n'),
        'sweep: { reconcile: ‹bad-duration›15 }\nadmins: [ { user: ‹bad-email›root } ]',
      ),
    );
  });
});

describe('YAML', () => {
  it.each([
    ['an alias', 'admins: &a [ { user: a@acme.dev } ]\nblocked: ‹alias›*a'],
    ['a tag', 'blocked: [ !!str ‹tag›eve@acme.dev ]'],
    ['a forbidden key', '‹forbidden-key›__proto__: { admin: true }'],
    ['a forbidden key further in', 'people: { eve@acme.dev: { ‹forbidden-key›constructor: x, local: eve } }'],
    ['a merge key', 'sweep: { ‹unknown-key›<<: { reconcile: 15m } }'],
  ])('with %s', (_, top) => {
    check(fileWith(allowed, top));
  });

  it('is version 1.2, whatever the file says', () => {
    check(`‹yaml-version›%YAML 1.1\n---\n${fileWith(allowed)}`);
  });

  it('is one document', () => {
    check(`${fileWith(allowed)}‹several-documents›---\nversion: 1\n`);
  });

  it.each(['', '\n# nothing\n', '---\n', 'null'])('says something: %j', (text) => {
    expect(parsePolicy(text, input).issues).toMatchObject([{ code: 'empty-file', severity: 'error' }]);
  });

  it.each(['hello', '- a', '12'])('is a map: %j', (text) => {
    check(`‹wrong-type›${text}`);
  });

  it('with a syntax error says where, and nothing that follows from it', () => {
    const { text, expected } = marked(fileWith('allow: [ { onCall: file/db }\n‹syntax›reason: required', 'rolse: 1'));
    const { issues } = parsePolicy(text, input);
    expect(issues.every(({ code }) => code === 'syntax')).toBe(true);
    expect(issues.map(({ line, column, code }) => `${line}:${column} ${code}`)).toContain(expected[0]);
  });

  it('that refers to itself over and over is refused at once', () => {
    const levels = Array.from({ length: 30 }, (_, i) => `c${i + 1}: &c${i + 1} [ *c${i}, *c${i}, *c${i}, *c${i} ]`);
    const { issues } = parsePolicy(['c0: &c0 x', ...levels].join('\n'), input);
    expect(issues.filter(({ code }) => code === 'alias')).toHaveLength(120);
  });

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['braces', '{a: '.repeat(100_000)],
    ['dashes', '- '.repeat(100_000)],
    ['closed brackets', `version: ${'['.repeat(90)}${']'.repeat(90)}`],
  ])('nested without end is refused: %s', (_, text) => {
    const { issues } = parsePolicy(text, input);
    expect(issues.some(({ code }) => code === 'syntax' || code === 'too-deep')).toBe(true);
  });

  it('of nothing but faults is told in full, in one pass over it', () => {
    const roles = Array.from({ length: 15_000 }, (_, i) => `  r${i}: { x: 1 }`);
    const { issues } = parsePolicy(['roles:', ...roles].join('\n'), input);
    expect(issues.filter(({ code }) => code === 'unknown-key')).toHaveLength(15_000);
    expect(issues.filter(({ code }) => code === 'nobody-can-get')).toHaveLength(15_000);
  });

  it('is refused unread over 512 KiB', () => {
    expect(parsePolicy('#'.repeat(600_000), input).issues).toMatchObject([{ code: 'too-large', line: 1, column: 1 }]);
  });

  it('is never quoted in a message, because a secret may stand where its reference belongs', () => {
    const secret = 's3cr3t-9f8e7d';
    const slips = [
      `token: ${secret}`,
      `token: "${secret}`,
      `token: *${secret}`,
      `token: !${secret}`,
      `token: [${secret}`,
      `endpoint: ${secret}`,
      `token: { env: [${secret}] }`,
    ];
    for (const slip of slips) {
      const { issues } = parsePolicy(fileWith(allowed).replace('paging: {}', `paging: { ${slip} }`), input);
      expect(issues).not.toEqual([]);
      expect(JSON.stringify(issues)).not.toContain(secret);
    }
  });
});

it.each(
  ['', 'POSTGRES', 'postgresql', 'mysql', 'file'].map((scheme) => `${scheme || 'postgres'}://oncall:s3cr3t-9f8e7d@db.acme.dev/oncall`),
)('the address of a database that stands in the file is refused, unquoted, with the place where it belongs: %s', (address) => {
  for (const ledger of [address, `{ postgres: "${address}" }`, `{ postgres: { url: "${address}" } }`]) {
    const { issues } = parsePolicy(fileWith(allowed).replace('./oncall.db', ledger), input);
    expect(issues).toMatchObject([{ code: 'wrong-type', path: expect.stringMatching(/^ledger/) }]);
    expect(JSON.stringify(issues)).toContain('only named here');
    expect(JSON.stringify(issues)).not.toContain('s3cr3t');
  }
});

describe('a hint', () => {
  it.each([
    ['allow: [ { onCal: file/db } ]', 'did you mean "onCall"?'],
    ['allow: [ { onCall: fil/db } ]', 'did you mean "file"?'],
    ['alow: [ { onCall: file/db } ]', 'did you mean "allow"?'],
    ['allow: [ enginers ]', 'did you mean "engineers"?'],
    ['allow: [ maria@acme.dev ]', 'write { user: maria@acme.dev }'],
    ['allow: [ local/eng ]', 'write { member: local/eng } or { onCall: local/eng }'],
    ['allow: [ { user: a@acme.dev } ]\nreason: requird', 'did you mean "required"?'],
    ['allow: [ { user: a@acme.dev } ]\ndescription: 12', 'put it in quotes'],
  ])('helps with %j', (role, hint) => {
    const { issues } = parsePolicy(fileWith(role, 'conditions: { engineers: { member: local/eng } }'), input);
    expect(issues.map((issue) => issue.hint)).toContain(hint);
  });

  it('names the path in full', () => {
    const { issues } = parsePolicy(
      fileWith('allow: [ { user: a@acme.dev }, { onCall: pagr/x } ]', 'people: { a.b@acme.dev: { nope: x } }'),
      input,
    );
    expect(issues.map((issue) => issue.path)).toEqual(['people["a.b@acme.dev"].nope', 'roles.db.allow[1].onCall']);
  });
});
