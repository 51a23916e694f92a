/** `doctor` against Okta: whatever is wrong there has its own line with what to do, and costs no other. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeOkta, oktaError } from '../fakes/okta.ts';
import { type Company, oktaSignedIn } from './companies.ts';

type Check = { readonly area: string; readonly what: string; readonly outcome: string; readonly because: string; readonly next?: string };

const surroundings = oktaSignedIn();
let okta: FakeOkta;
let proxy: FaultProxy;
let company: Company;

beforeAll(async () => {
  await surroundings.start();
  okta = surroundings.okta();
  proxy = await startFaultProxy(okta.url);
}, 60_000);
afterAll(async () => {
  await proxy.stop();
  await surroundings.stop();
});
beforeEach(async () => {
  company = await surroundings.openAt('main()', proxy.url);
  const { stage: s } = company;
  // The role whose second group does not exist.
  s.write('oncall.yaml', s.read('oncall.yaml').replace(/\n {2}halves:[\s\S]*?(?=\n {2}guarded:)/, ''));
  expect((await s.run('cron', 'sweep')).exit).toBe(0);
});
afterEach(() => {
  proxy.clear();
  proxy.draw(() => undefined);
  company.stage.remove();
  expect(okta.violations).toEqual([]);
});

const examine = async (): Promise<{ readonly exit: number; readonly faults: readonly Check[]; readonly checks: readonly Check[] }> => {
  const { exit, document } = await company.stage.json('maria', 'doctor');
  const checks = document['checks'] as readonly Check[];
  return { exit, checks, faults: checks.filter(({ outcome }) => outcome === 'fault') };
};

const noRight = oktaError(403, 'E0000006', 'You do not have permission to perform the requested action');
const forbidding = (part: string) => (): void => proxy.draw(({ path }) => (path.startsWith(`/api/v1/${part}`) ? noRight : undefined));
const removeGroup = (): void => void okta.groups.delete(okta.named('db-admins').id);
const replaceGroup = (): void => {
  removeGroup();
  okta.addGroup('db-admins', 'APP_GROUP');
};

describe('doctor on Okta', () => {
  it('finds nothing wrong where nothing is, and writes nothing', async () => {
    await company.put('standing');
    proxy.clear();
    const { exit, checks, faults } = await examine();
    expect([exit, faults]).toEqual([0, []]);
    const text = '1 group found, 1 member of one read, users can be looked up; adding and removing was not tried';
    expect(checks).toContainEqual({ area: 'directory', what: 'okta', outcome: 'ok', because: text });
    expect(proxy.seen.filter(({ action }) => !action.startsWith('GET '))).toEqual([]);
  });

  it('says for a role with onEnd that nobody tried to sign people out, and which right it takes; without it, the end is a fault', async () => {
    const { stage: s } = company;
    const target = 'targets: { okta: db-admins }\n';
    s.write(
      'oncall.yaml',
      s.read('oncall.yaml').replace(`helper:\n    ${target}`, `helper:\n    ${target}    onEnd: { endSessions: true }\n`),
    );
    const because = expect.stringMatching(
      /^ending sessions was not tried; onEnd of helper wants it, and it needs .*okta\.users\.lifecycle\.clearSessions$/,
    );
    expect((await examine()).checks).toContainEqual({ area: 'directory', what: 'okta', outcome: 'skipped', because });
    expect((await s.run('maria', 'request', 'helper')).exit).toBe(0);
    proxy.draw(({ path }) => (path.endsWith('/sessions') || path.includes('/sessions?') ? noRight : undefined));
    const back = await s.run('maria', 'release', 'helper');
    expect([back.exit, back.err]).toEqual([
      1,
      expect.stringContaining('error: out of every group, but not signed out of okta yet: maria@acme.dev\n'),
    ]);
    expect(back.err).toMatch(/next: grant the app .*okta\.users\.lifecycle\.clearSessions/);
    const { exit, faults } = await examine();
    expect([exit, faults]).toMatchObject([1, [{ area: 'grants', what: 'not ended', next: expect.stringContaining('clearSessions') }]]);
    const checked = await s.run('maria', 'status', '--check');
    expect([checked.exit, checked.out.match(/still signed in/g)]).toEqual([1, ['still signed in']]);
  });

  it.each<[string, () => void, string, string]>([
    [
      'a token that Okta does not know',
      () => company.stage.write('token', '00aAnotherToken'),
      'does not accept the credentials (401',
      'renew the API token',
    ],
    [
      'a token that is not there',
      () => company.stage.write('token', ''),
      'the token of directories.okta cannot be read',
      'put the secret there',
    ],
    ['no right to read users', forbidding('users'), 'does not let these credentials read users', 'okta.users.read'],
    ['no right to read groups', forbidding('groups?'), 'does not let these credentials read groups', 'okta.groups.read'],
    ['no right to read members', forbidding('groups/00g'), 'does not let these credentials read groups', 'okta.groups.read'],
    [
      'no right to read rules',
      forbidding('groups/rules'),
      'does not let these credentials read group rules',
      'the right to see group rules',
    ],
    [
      'a rule over the group',
      () => void okta.addRule('all DBAs', 'db-admins'),
      'filled by the group rule "all DBAs"',
      'deactivate the rule',
    ],
    ['a group that an app brought', replaceGroup, 'cannot be changed through Okta', 'use a group of type OKTA_GROUP'],
    ['a group that is missing', removeGroup, 'there is no such group', 'oncall never makes one'],
    ['two groups of one name', () => void okta.addGroup('db-admins'), 'has 2 groups named db-admins', 'name the group by its id'],
    ['nobody there', () => proxy.draw(() => 'drop'), 'cannot be reached at', 'doctor again in a minute'],
  ])('has one line for %s', async (_, arrange, because, next) => {
    arrange();
    const { exit, checks, faults } = await examine();
    expect(exit).toBe(1);
    expect(faults, JSON.stringify(faults)).toHaveLength(1);
    expect(faults[0]).toMatchObject({ area: 'directory', because: expect.stringContaining(because), next: expect.stringContaining(next) });
    expect(checks).toContainEqual(expect.objectContaining({ area: 'roster', outcome: 'ok' }));
    expect(JSON.stringify(checks)).not.toContain(okta.token);
  });

  it.each([
    ['whom Okta does not have', () => okta.removeUser('maria@acme.dev'), 'okta has no such user'],
    ['who is suspended', () => void (okta.known('maria@acme.dev').status = 'SUSPENDED'), 'not active in okta'],
  ])('names an engineer on call %s', async (_, arrange, because) => {
    arrange();
    const { faults } = await examine();
    expect(faults).toMatchObject([{ area: 'identity', what: 'maria@acme.dev', because: expect.stringContaining(because) }]);
  });
});
