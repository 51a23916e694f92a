/** `init` by flags: what it writes for each directory and roster passes `policy check`, and what fails its check writes nothing. */

import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CreateGroupCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import type * as z from 'zod/mini';
import { init } from '../../src/commands/init.ts';
import { directories, rosters } from '../../src/commands/init-kinds.ts';
import { flow, policyText } from '../../src/commands/init-policy.ts';
import { sweepText } from '../../src/commands/init-sweep.ts';
import { directoryKinds } from '../../src/directories/index.ts';
import { rosterKinds } from '../../src/rosters/index.ts';
import { writeOnce } from '../../src/wiring/write-once.ts';
import { bareAwsEnv } from '../directories/iam-world.ts';
import { type FakeIdentityStore, startIdentityStore } from '../fakes/identity-store.ts';
import { startIncidentIo } from '../fakes/incident-io.ts';
import { type Issuer, startIssuer } from '../fakes/issuer.ts';
import { type Moto, motoAccount, noMoto, startMoto } from '../fakes/moto.ts';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
import { startOpsgenie } from '../fakes/opsgenie.ts';
import { startPagerDuty } from '../fakes/pagerduty.ts';
import { argvOf, beforehand, type Flags, type Folder, file, local, newFolder } from './init-world.ts';

let folder: Folder;
let okta: FakeOkta;
let pagerduty: Awaited<ReturnType<typeof startPagerDuty>>;
let issuer: Issuer;
const wrong = '00aCANARYwrongTokenOfNobodyAtAll000000000';

beforeAll(async () => {
  [okta, pagerduty, issuer] = await Promise.all([startOkta(), startPagerDuty(), startIssuer()]);
  for (const name of ['maria', 'sam', 'ana']) okta.addUser(`${name}@acme.dev`);
  for (const name of ['DB: Admins', 'Engineering', 'Leads']) okta.addGroup(name);
  pagerduty.shift({ schedule: 'Database Primary', user: 'maria@acme.dev', start: null, end: null });
});
afterAll(() => Promise.all([okta.stop(), pagerduty.stop(), issuer.stop()]));
beforeEach(() => {
  folder = newFolder();
  const env = { ...bareAwsEnv, OKTA_TOKEN: okta.token, PAGERDUTY_TOKEN: pagerduty.key, WRONG_TOKEN: wrong };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder.remove();
});

const atOkta = (): Flags => ({ admin: 'ana@acme.dev', directory: 'okta', 'okta-url': okta.url, group: 'DB: Admins', identity: 'local' });
const atPagerDuty = (): Flags => ({ roster: 'pagerduty', 'pagerduty-endpoint': pagerduty.url, 'on-call': 'Database Primary' });

/** It wrote a policy that passes `policy check`, as itself, without a secret. */
async function expectWritten({ exit, out, err }: Awaited<ReturnType<Folder['init']>>): Promise<string> {
  expect({ exit, err }).toEqual({ exit: 0, err: expect.not.stringContaining('error:') });
  const checked = await folder.check();
  expect([checked.exit, checked.out]).toEqual([0, expect.stringContaining('no faults')]);
  expect(out + err + folder.text()).not.toContain('CANARY');
  return folder.text();
}

describe('a policy for each directory', () => {
  it('okta, with the token in a variable, a roster and an issuer, each of them asked', async () => {
    const people = { approver: 'Leads', 'may-ask': 'Engineering', ttl: '4h', role: 'db-admin' };
    const signIn = {
      issuer: issuer.url,
      'client-id': '0oa1',
      audience: 'api://oncall',
      domains: 'acme.dev,acme.com',
      'redirect-port': '52700',
    };
    const { identity: _, ...flags } = atOkta();
    const done = await folder.init({ ...flags, ...atPagerDuty(), ...signIn, ...people });
    const text = await expectWritten(done);
    expect(parse(text)).toEqual({
      version: 1,
      ledger: './oncall.db',
      identity: [
        {
          kind: 'oidc',
          issuer: issuer.url,
          clientId: '0oa1',
          audience: 'api://oncall',
          domains: ['acme.dev', 'acme.com'],
          redirectPort: 52700,
        },
      ],
      admins: [{ user: 'ana@acme.dev' }],
      directories: { okta: { orgUrl: okta.url, token: { env: 'OKTA_TOKEN' } } },
      rosters: { pagerduty: { token: { env: 'PAGERDUTY_TOKEN' }, endpoint: pagerduty.url } },
      roles: {
        'db-admin': {
          targets: { okta: 'DB: Admins' },
          ttl: { default: '4h', max: '4h' },
          allow: [{ onCall: 'pagerduty/Database Primary', until: 'shift' }],
          ask: [{ member: 'okta/Engineering' }],
          approvers: [{ member: 'okta/Leads' }],
        },
      },
    });
    expect(done.err).toContain('ok: okta: 1 group found, 0 members of one read, users can be looked up; adding and removing was not tried');
    expect(done.err).toContain('ok: pagerduty: it answers: 1 person on call now');
    expect(done.err).toContain(`ok: ${issuer.url}: it answers, by that name`);
    expect(done.out).toContain(`oncall --policy ${folder.file} login`);
    expect(done.out).toContain('# OKTA_TOKEN=…');
    expect(okta.violations).toEqual([]);
  });

  it('okta, with the token in a file beside it', async () => {
    writeFileSync(join(folder.path, 'token'), okta.token, { mode: 0o600 });
    const text = await expectWritten(await folder.init({ ...atOkta(), ...file, 'okta-token': 'file:./token' }));
    expect(parse(text).directories.okta.token).toEqual({ file: './token' });
  });

  it.skipIf(noMoto)(`aws-iam, by names without a domain${noMoto ? ` (skipped: ${noMoto})` : ''}`, async () => {
    const moto = (await startMoto()) as Moto;
    const client = new IAMClient({ region: 'us-east-1', endpoint: moto.url });
    for (const name of ['maria', 'ana']) await client.send(new CreateUserCommand({ UserName: name }));
    await client.send(new CreateGroupCommand({ GroupName: 'db-admins' }));
    const aws = { directory: 'aws-iam', 'aws-endpoint': moto.url, 'aws-account': motoAccount, 'aws-user-name': 'local-part' };
    const done = await folder.init({ ...local, ...aws, ...file, identity: 'local' }).finally(moto.stop);
    expect(parse(await expectWritten(done)).directories).toEqual({
      'aws-iam': { account: motoAccount, userName: 'local-part', endpoint: moto.url },
    });
  });

  it('aws-identity-center', async () => {
    const fake: FakeIdentityStore = await startIdentityStore();
    const store = fake.store('d-1234567890');
    for (const name of ['maria', 'ana']) store.addUser(`${name}@acme.dev`);
    store.addGroup('db-admins');
    const aws = {
      directory: 'aws-identity-center',
      'identity-store': 'd-1234567890',
      'aws-region': 'eu-central-1',
      'aws-endpoint': fake.url,
    };
    const done = await folder.init({ ...local, ...aws, ...file, identity: 'local' }).finally(fake.stop);
    expect(parse(await expectWritten(done)).directories['aws-identity-center']).toMatchObject({
      region: 'eu-central-1',
      userName: 'email',
    });
  });
});

describe('a policy for each roster', () => {
  it.each([
    ['opsgenie', startOpsgenie, 'opsgenie-key'],
    ['incident-io', startIncidentIo, 'incident-io-key'],
  ] as const)('%s', async (roster, start, flag) => {
    const fake = await start();
    fake.shift({ schedule: 'db-primary', user: 'maria@acme.dev', start: '2026-01-01T00:00:00Z', end: '2099-01-01T00:00:00Z' });
    vi.stubEnv('ROSTER_KEY', fake.key);
    const flags = { roster, [flag]: 'env:ROSTER_KEY', [`${roster}-endpoint`]: fake.url, 'on-call': 'db-primary' };
    const done = await folder.init({ ...local, ...flags }).finally(fake.stop);
    expect(parse(await expectWritten(done)).rosters[roster].key).toEqual({ env: 'ROSTER_KEY' });
    expect(done.err).toContain(`ok: ${roster}: it answers: 1 person on call now`);
  });

  const program: Flags = { roster: 'command', 'roster-command': './roster.sh --all', 'on-call': 'db-primary' };

  it('command', async () => {
    const text = await expectWritten(await folder.init({ ...local, ...program }));
    expect(parse(text).rosters.command).toEqual({ run: ['./roster.sh', '--all'] });
  });

  it.each([
    ['file', { ...local, ...file }],
    ['command', { ...local, ...program }],
    ['pagerduty', { ...local, roster: 'pagerduty' }],
    ['opsgenie', { ...local, roster: 'opsgenie' }],
    ['incident-io', { ...local, roster: 'incident-io' }],
  ] as [string, Flags][])('%s lets in by one schedule alone: any of them would let in who is on call for anything', async (_, flags) => {
    const { 'on-call': __, ...others } = flags;
    for (const empty of [others, { ...others, 'on-call': '' }, { ...others, 'on-call': ' ' }] as Flags[]) {
      const { exit, err } = await folder.init(empty, '--unchecked');
      expect([exit, err]).toEqual([2, expect.stringContaining('error: --on-call is missing')]);
    }
    expect(folder.files()).toEqual(beforehand);
  });

  it('none: then there is no way in but an approver', async () => {
    const flags = { ...local, roster: 'none' };
    expect((await folder.init(flags)).err).toContain('error: --approver and --may-ask are missing');
    expect((await folder.init({ ...flags, 'may-ask': 'engineering' })).err).toContain('error: --approver is missing');
    expect((await folder.init({ ...flags, approver: 'leads' })).err).toContain('error: --may-ask is missing');
    const text = await expectWritten(await folder.init({ ...flags, approver: 'ana@acme.dev, kim@acme.dev', 'may-ask': 'engineering' }));
    expect(parse(text).roles['db-admins']).toMatchObject({
      ask: [{ member: 'local/engineering' }],
      approvers: [{ user: 'ana@acme.dev' }, { user: 'kim@acme.dev' }],
    });
  });

  it('file, beside a local directory: a request gets in and the sweep takes it out', async () => {
    await expectWritten(await folder.init({ ...local, ...file }));
    expect(statSync(folder.file).mode & 0o022).toBe(0);
    const members = () => parse(folder.textOf('groups.json')).groups['db-admins'];
    expect((await folder.run(['sweep'])).exit).toBe(0);
    expect((await folder.run(['request', 'db-admins'])).exit).toBe(0);
    expect(members()).toEqual(['maria@acme.dev']);
    writeFileSync(join(folder.path, 'schedule.yaml'), 'schedules: { db-primary: [ { user: sam@acme.dev } ] }');
    expect((await folder.run(['revoke', '--all', '--yes'], { user: 'ana' })).exit).toBe(0);
    expect((await folder.run(['sweep'])).exit).toBe(0);
    expect(members()).toEqual([]);
  });
});

describe('what fails its check', () => {
  const failing: readonly (readonly [string, () => Flags, string])[] = [
    ['a wrong key of the directory', () => ({ ...atOkta(), ...file, 'okta-token': 'env:WRONG_TOKEN' }), 'okta'],
    ['a wrong address of the directory', () => ({ ...atOkta(), ...file, 'okta-url': 'http://127.0.0.1:9' }), 'okta'],
    ['a key that is not there', () => ({ ...atOkta(), ...file, 'okta-token': 'env:NOT_SET_ANYWHERE' }), 'okta'],
    ['a group that is not there', () => ({ ...atOkta(), ...file, group: 'Nobodies' }), 'okta/Nobodies'],
    ['a wrong key of the roster', () => ({ ...local, ...atPagerDuty(), 'pagerduty-token': 'env:WRONG_TOKEN' }), 'pagerduty'],
    ['a schedule that is not there', () => ({ ...local, ...atPagerDuty(), 'on-call': 'Nothing' }), 'pagerduty'],
    ['an issuer that calls itself otherwise', () => ({ ...local, ...file, issuer: `${issuer.url}/`, 'client-id': 'x' }), 'http://127'],
    ['an issuer that is not there', () => ({ ...local, ...file, issuer: 'http://127.0.0.1:9', 'client-id': 'x' }), 'http://127'],
    ['approvers that are not there', () => ({ ...local, ...file, approver: 'nobodies', 'may-ask': 'engineering' }), 'local/nobodies'],
  ];

  it.each(failing)('is said in three lines, and nothing is written: %s', async (_, flags, what) => {
    const { exit, out, err } = await folder.init(flags());
    expect([exit, out, folder.files()]).toEqual([1, '', beforehand]);
    const lines = err.split('\n').slice(err.split('\n').findIndex((line) => line.startsWith('error:')));
    expect(lines.map((line) => line.slice(0, 8))).toEqual(['error: n', '  why:  ', '  next: ', '']);
    expect(lines[0]).toContain(`nothing was written: ${what}`);
    expect(err).not.toContain('CANARY');
  });

  it('is a file that is not there: then the command that makes one stands last, to be copied', async () => {
    const { exit, err } = await folder.init({ ...local, ...file, 'groups-file': "./Ana's.json" });
    const made = `printf '%s\\n' '{"users":["ana@acme.dev"],"groups":{"db-admins":[]}}' > '${join(folder.path, "Ana'\\''s.json")}'`;
    const next = `next: write it all the same: --unchecked; or make one to begin with: $ ${made}\n`;
    expect([exit, err]).toEqual([1, expect.stringContaining(next)]);
  });

  it('is written all the same with --unchecked, which says what was not verified', async () => {
    const flags = { ...atOkta(), ...atPagerDuty(), 'okta-token': 'env:WRONG_TOKEN' };
    const { exit, out } = await folder.init(flags, '--unchecked');
    expect([exit, out]).toEqual([0, expect.stringMatching(/\n {2}not verified: okta: /)]);
    expect((await folder.check()).exit).toBe(0);
    const missing = { ...local, ...file, group: 'nobodies', output: 'next.yaml' };
    const { document } = await json(missing, '--unchecked');
    expect(document.unverified).toMatchObject([{ area: 'directory', what: 'local/nobodies', outcome: 'fault' }]);
  });

  it('is no answer where somebody is on call whom the directory does not know: that is said, and it is written', async () => {
    writeFileSync(join(folder.path, 'schedule.yaml'), 'schedules: { db-primary: [ { user: kim@acme.dev } ] }');
    const { exit, err } = await folder.init({ ...local, ...file });
    expect([exit, err]).toEqual([0, expect.stringMatching(/\nwarning: kim@acme\.dev: local has no such user/)]);
  });

  const atStore: Flags = {
    ...{ admin: 'ana@acme.dev', directory: 'aws-identity-center', 'identity-store': 'd-1234567890', group: 'x' },
    ...{ 'aws-region': 'eu-central-1', 'aws-endpoint': 'http://127.0.0.1:9' },
  };
  const twoDomains = { issuer: 'http://127.0.0.1:9', 'client-id': 'x', domains: 'acme.dev,acme.com' };
  const unwritable: readonly (readonly [string, () => Flags, string])[] = [
    ['an address that may be read on the way', () => ({ ...atOkta(), ...file, 'okta-url': 'http://acme.okta.com' }), '--okta-url'],
    ['an identity that proves nothing', () => ({ ...atOkta(), ...file, 'okta-url': 'https://acme.invalid' }), 'identity'],
    ['an issuer that may be read on the way', () => ({ ...local, ...file, issuer: 'http://acme.okta.com', 'client-id': 'x' }), '--issuer'],
    ['a role whose name is too long', () => ({ ...local, ...file, role: 'x'.repeat(300) }), 'roles.xxx'],
    ['names that could be two people', () => ({ ...atStore, ...file, ...twoDomains, 'aws-user-name': 'local-part' }), 'local-part'],
  ];

  it.each(unwritable)('is never written where policy check would not pass it: %s', async (_, flags, what) => {
    const { exit, err } = await folder.init(flags(), '--unchecked');
    expect([exit, folder.files()]).toEqual([2, beforehand]);
    expect(err).toContain(what);
  });

  it('is a folder that others may write to, unless all of it is for trying out', async () => {
    chmodSync(folder.path, 0o777);
    const { exit, err } = await folder.init({ ...atOkta(), ...file });
    expect([exit, err]).toEqual([2, expect.stringContaining(`next: chmod go-w ${folder.path}`)]);
    expect(folder.files()).toEqual(beforehand);
    expect((await folder.init({ ...local, ...file })).exit).toBe(0);
  });
});

async function json(flags: Flags, ...more: readonly string[]) {
  const { exit, out } = await folder.init(flags, '--json', ...more);
  return { exit, document: JSON.parse(out) };
}

describe('a flag', () => {
  it.each(['admin', 'directory', 'okta-url', 'group', 'roster', 'on-call', 'issuer', 'client-id'])(
    '--%s is named where it is missing',
    async (name) => {
      const all: Flags = { ...atOkta(), ...atPagerDuty(), issuer: issuer.url, 'client-id': '0oa1' };
      const others = Object.fromEntries(Object.entries(all).filter(([flag]) => flag !== 'identity' && flag !== name));
      const { exit, err } = await folder.init(others);
      expect([exit, err]).toEqual([2, expect.stringContaining(`error: --${name} is missing\n`)]);
      const line = /next: oncall init (.*)\n/.exec(err)?.[1] ?? '';
      expect(line).toMatch(new RegExp(` --${name} <[^>]+>$`));
      for (const [flag, value] of Object.entries(others)) expect(line).toMatch(new RegExp(`--${flag} '?${value}`));
    },
  );

  const wholes: readonly (readonly [Flags, string, string])[] = [
    [
      {},
      '--admin, --directory, --group and --roster are',
      '--admin <email> --directory <okta|aws-iam|aws-identity-center|local> --group <name> --roster <pagerduty|opsgenie|incident-io|command|file|none>',
    ],
    [
      { directory: 'okta', roster: 'pagerduty' },
      '--admin, --okta-url, --group, --on-call, --issuer and --client-id are',
      '--directory okta --roster pagerduty --admin <email> --okta-url <url> --group <name> --on-call <schedule> --issuer <url> --client-id <id>',
    ],
    [
      { ...local, group: "Ana's DBs", roster: 'none', issuer: 'acme.okta.com', approver: '' },
      '--client-id, --approver and --may-ask are',
      "--admin ana@acme.dev --directory local --group 'Ana'\\''s DBs' --roster none --issuer acme.okta.com --client-id <id> --approver <who> --may-ask <who>",
    ],
  ];

  it.each(wholes)(
    'that is missing is named beside all the others that are, with the whole line to type: %j',
    async (flags, which, line) => {
      const { exit, out, err } = await folder.run(['--policy', 'next.yaml', 'init', ...argvOf(flags), '--unchecked']);
      const why = 'no question can be asked: not a terminal, or --no-input or CI is set';
      const next = `oncall --policy next.yaml init --unchecked ${line}`;
      expect([exit, out, err]).toEqual([2, '', `error: ${which} missing\n  why:  ${why}\n  next: ${next}\n`]);
      expect(folder.files()).toEqual(beforehand);
    },
  );

  it('of a form that is not right is told before anything is tried, with all the others and the form that is', async () => {
    const before = okta.requests.length;
    const { exit, err } = await folder.init({ ...atOkta(), ...file, issuer: 'http://acme.okta.com', 'redirect-port': '80' });
    expect([exit, err]).toEqual([2, expect.stringContaining('error: --issuer and --redirect-port are not right\n')]);
    expect(err).toContain(
      '--issuer: write an https:// address, such as https://acme.okta.com/oauth2/default; http:// only on this machine',
    );
    expect(err).toContain('--redirect-port: write a port from 1024 to 65535, such as 52700');
    expect(err).not.toContain('ok: okta');
    expect([okta.requests.length, folder.files()]).toEqual([before, beforehand]);
  });

  it('of which the meaning is plain is written in the right form', async () => {
    const text = await expectWritten(await folder.init({ ...atOkta(), ...file, 'okta-url': `${okta.url}/` }));
    expect(parse(text).directories.okta.orgUrl).toBe(okta.url);
  });

  it.each([
    ['okta-token', wrong],
    ['okta-token', `env:${wrong}`],
    ['okta-token', `file:${wrong}`],
    ['okta-token', `env:u_CANARY`.replace('u_', 'y_Nb')],
  ])('--%s with the secret itself is refused, and not repeated', async (name, value) => {
    const { exit, err } = await folder.init({ ...atOkta(), ...file, [name]: value });
    expect([exit, err]).toEqual([2, expect.stringContaining('never the secret itself')]);
    expect(err).not.toContain('CANARY');
  });

  it.each<[string, string, string]>([
    ['okta-client-id', wrong, 'error: --okta-client-id is not right'],
    ['ledger', 'postgres:CANARY@h/d', 'error: --ledger is not right'],
    ['roster-command', './roster.sh --token CANARY', ' --roster-command <program> '],
  ])('--%s with a secret in it is not repeated, not even in the line to type', async (name, value, said) => {
    for (const roster of ['command', 'none']) {
      const { exit, err } = await folder.init({ directory: 'okta', roster, [name]: value });
      expect([exit, err]).toEqual([2, expect.stringContaining(said)]);
      expect(err).not.toContain('CANARY');
    }
  });

  it('that no answer uses is refused', async () => {
    const { exit, err } = await folder.init({ ...local, ...file, 'okta-url': 'https://acme.okta.com', 'may-ask': 'engineering' });
    expect([exit, err]).toEqual([2, expect.stringContaining('--okta-url, --may-ask means nothing here')]);
    // Before anything is tried.
    expect(err).not.toContain('ok: ');
    expect(folder.files()).toEqual(beforehand);
  });

  it('of a choice, an e-mail, a role and a length is held against what it may be', async () => {
    for (const wrongly of [{ directory: 'ldap' }, { admin: 'ana' }, { role: 'DB Admin' }, { ttl: '90' }, { schedule: 'at' }] as Flags[]) {
      const { exit, err } = await folder.init({ ...local, ...file, ...wrongly });
      expect([exit, err]).toEqual([2, expect.stringContaining(`error: --${Object.keys(wrongly)[0]} is not right`)]);
    }
    expect(folder.files()).toEqual(beforehand);
  });
});

describe('the file', () => {
  it('is never written over, not even by one that came meanwhile', async () => {
    writeFileSync(folder.file, 'mine');
    const { exit, err } = await folder.init({ ...local, ...file });
    expect([exit, err, folder.text()]).toEqual([2, expect.stringContaining(`${folder.file} is there already`), 'mine']);
    expect(() => writeOnce(folder.file, 'theirs', (path) => new Error(`${path} is taken`))).toThrow('is taken');
    expect([folder.text(), folder.files()]).toEqual(['mine', [...beforehand, 'oncall.yaml'].sort()]);
  });

  it('goes where --output says, and needs its folder', async () => {
    const { exit, err } = await folder.init({ ...local, ...file, output: 'no/where.yaml' });
    expect([exit, err]).toEqual([2, expect.stringContaining(`there is no folder ${join(folder.path, 'no')}`)]);
    const { document } = await json({ ...local, ...file, output: 'next.yaml', schedule: 'none' });
    expect(document).toMatchObject({ schema: 1, policy: join(folder.path, 'next.yaml'), unverified: [], sweep: { by: 'none', text: '' } });
  });

  it('names an IAM role as one', () => {
    const arn = 'arn:aws:iam::111122223333:role/db-admin';
    const directory = { name: 'aws-iam', settings: {} };
    const role = { name: 'db-admin', group: arn, ttl: '1h', onCall: undefined, mayAsk: [], approvers: [] };
    const answers = { admin: 'a@b.c', ledger: './l.db', directory, roster: undefined, identity: { kind: 'local' }, role };
    const { roles } = parse(policyText(answers, { file: folder.file, schema: undefined, settings: [] }));
    expect(roles['db-admin'].targets).toEqual({ 'aws-iam': { assumeRole: arn } });
  });

  it('has what was answered as it was answered, whatever YAML might take it for', () => {
    const odd = [
      '',
      'yes',
      'null',
      '~',
      '12',
      '1e3',
      '0x1f',
      '12h',
      'a: b',
      'a #b',
      '# a',
      '- a',
      '*a',
      '&a',
      '!a',
      '{a',
      'a]',
      'a, b',
      '"a',
      "'a",
    ];
    const odder = [
      '.inf',
      '.nan',
      '-',
      '--- a',
      '?',
      '%a',
      '@a',
      '`a',
      'a\nb',
      'a\u2028b',
      '\u0007',
      ' a ',
      'ä Gruppe',
      'a:',
      'http://a:',
      '2026-01-01',
    ];
    for (const text of [...odd, ...odder]) expect(parse(`{ a: ${flow(text)}, b: [${flow(text)}] }`), text).toEqual({ a: text, b: [text] });
  });
});

describe('the sweep', () => {
  const draft = (path: string) => ({ path, program: { path: '/usr/bin/oncall', nodeFolder: '/opt/node/bin', user: 'ops' } });
  const text = (by: 'cron' | 'systemd', path: string, variables: readonly string[] = []) =>
    sweepText(by, draft(path) as never, variables).split('\n');

  it('by cron runs every 5 minutes, with the whole path of everything, as cron reads it', () => {
    const lines = text('cron', '/etc/on call/100%.yaml', ['OKTA_TOKEN']);
    expect(lines.at(-1)).toBe("*/5 * * * * /usr/bin/oncall --policy '/etc/on call/100\\%.yaml' sweep");
    expect(lines.at(-2)).toBe('PATH=/opt/node/bin:/usr/local/bin:/usr/bin:/bin');
    expect(lines.join()).toContain('OKTA_TOKEN=…');
  });

  it('by systemd runs as often, as the same user, with the variables that the policy names', () => {
    const lines = text('systemd', '/srv/$a/100%.yaml', ['OKTA_TOKEN']);
    expect(lines).toContain("ExecStart=/usr/bin/oncall --policy '/srv/$$a/100%%.yaml' sweep");
    expect(lines).toEqual(expect.arrayContaining(['User=ops', 'OnCalendar=*:0/5', 'EnvironmentFile=/etc/oncall/environment']));
  });
});

describe('the table of kinds', () => {
  it('has every directory and roster that there is, and no setting that one of them does not take', async () => {
    expect(Object.keys(directories).sort()).toEqual(Object.keys(directoryKinds).sort());
    expect(Object.keys(rosters).sort()).toEqual(Object.keys(rosterKinds).sort());
    const kinds: Readonly<Record<string, () => Promise<object>>> = { ...directoryKinds, ...rosterKinds };
    for (const [kind, { settings }] of Object.entries({ ...directories, ...rosters })) {
      const made = (await kinds[kind]?.()) as { settings: z.ZodMiniType } | undefined;
      const own = settings.filter(({ key }) => key !== 'userName').map(({ key }) => [key, 1]);
      const codes = made?.settings.safeParse(Object.fromEntries(own)).error?.issues.map(({ code }) => code);
      expect([kind, codes]).toEqual([kind, expect.arrayContaining(['invalid_type'])]);
      expect(codes).not.toContain('unrecognized_keys');
    }
  });
});

describe('docs/policy.md', () => {
  it('has a line for scripts of flags that there are', () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/policy.md'), 'utf8');
    const [, line = ''] = /```sh\n(oncall init [^`]*)```/.exec(page) ?? [];
    const named = [...line.matchAll(/ (--[a-z-]+)/g)].map((match) => match[1]);
    const known = init.options?.map(({ flags }) => flags.split(' ')[0]);
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((flag) => !known?.includes(flag))).toEqual([]);
  });
});
