/** What one `request` asks of others: how many calls, none of them twice, and roster and directory at the same time. Counted, not timed. */

import { CreateGroupCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeIdentityStore, startIdentityStore } from '../fakes/identity-store.ts';
import { type FakeIncidentIo, startIncidentIo } from '../fakes/incident-io.ts';
import { type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
import { type FakeOpsgenie, startOpsgenie } from '../fakes/opsgenie.ts';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';
import { type Stage, stage } from './stage.ts';

let pagerduty: FakePagerDuty;
let roster: FaultProxy;
beforeAll(async () => {
  pagerduty = await startPagerDuty();
  roster = await startFaultProxy(pagerduty.url);
});
afterAll(async () => {
  await Promise.all([roster.stop(), pagerduty.stop()]);
});

/** maria is on call, the sweep has run, and nothing of that counts. */
async function night(
  name: string,
  directory: string,
  secrets: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
): Promise<Stage> {
  pagerduty.reset();
  pagerduty.user('Maria', 'maria@acme.dev');
  const schedule = pagerduty.schedule('Database Primary');
  pagerduty.shift({ schedule: 'Database Primary', user: 'Maria', start: null, end: null, level: 1 });
  const policy = `version: 1
ledger: ./oncall.db
identity: [ { kind: local } ]
directories:
  ${name}: ${directory}
rosters:
  pagerduty: { token: { env: PAGERDUTY_TOKEN }, endpoint: ${roster.url} }
roles:
  db-admin:
    targets: { ${name}: db-admins }
    allow: [ { onCall: pagerduty/${schedule} } ]
`;
  const made = stage('main()', { ...files, 'oncall.yaml': policy }, { ...secrets, PAGERDUTY_TOKEN: pagerduty.key });
  onTestFinished(made.remove);
  expect(await made.run('cron', 'sweep')).toMatchObject({ exit: 0 });
  roster.clear();
  return made;
}

const withRule = (policy: string, rule: string): string => policy.replace(/allow: .*/, `allow: [ ${rule} ]`);

const actions = (proxy: FaultProxy): string[] => proxy.seen.map(({ action }) => action).sort();

describe.skipIf(noMoto)(`a request on AWS IAM${noMoto === undefined ? '' : ` (skipped: ${noMoto})`}`, () => {
  let moto: Moto;
  let iam: FaultProxy;
  beforeAll(async () => {
    moto = (await startMoto()) as Moto;
    iam = await startFaultProxy(moto.url);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([iam?.stop(), moto?.stop()]);
  });

  const arranged = async (): Promise<Stage> => {
    await moto.reset();
    const admin = new IAMClient({ region: 'us-east-1', endpoint: moto.url, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
    await admin.send(new CreateUserCommand({ UserName: 'maria' }));
    await admin.send(new CreateGroupCommand({ GroupName: 'db-admins' }));
    const made = await night('aws-prod', `{ kind: aws-iam, endpoint: ${iam.url}, userName: local-part }`, {
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    });
    iam.clear();
    return made;
  };

  it('asks IAM four times and PagerDuty once', async () => {
    const s = await arranged();
    expect(await s.run('maria', 'request', 'db-admin')).toMatchObject({ exit: 0 });
    expect(actions(iam)).toEqual(['AddUserToGroup', 'GetGroup', 'GetUser', 'ListGroupsForUser']);
    expect(actions(roster)).toEqual(['GET /oncalls']);
  });

  it.each([
    ['PagerDuty', 'IAM'],
    ['IAM', 'PagerDuty'],
  ])('does not wait for %s before it asks %s', async (held) => {
    const s = await arranged();
    const [slow, action, other] = held === 'IAM' ? [iam, 'GetUser', roster] : [roster, 'GET /oncalls', iam];
    // Answered only once the other was asked: who waits for this answer first waits in vain.
    const asked = async (): Promise<void> => {
      for (let tries = 0; other.seen.length === 0 && tries < 4_000; tries++) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    slow.fail(action, { until: asked() });
    expect(await s.run('maria', 'request', 'db-admin')).toMatchObject({ exit: 0 });
  });
});

describe('a request for an incident of PagerDuty', () => {
  /** maria is on one incident of three, put there by its escalation policy. */
  const arranged = async (selfMade = 'ask') => {
    const groups = JSON.stringify({ users: ['maria@acme.dev'], groups: { 'db-admins': [] } });
    const made = await night('local', '{ path: ./groups.json }', {}, { 'groups.json': groups });
    const [mine, other] = [
      pagerduty.incidents.open({ title: 'Replica lag', priority: 'P1' }),
      pagerduty.incidents.open({ priority: 'P1' }),
    ];
    pagerduty.incidents.assign(mine, ['Maria']);
    pagerduty.incidents.assign(other, ['Sam']);
    made.write(
      'oncall.yaml',
      withRule(made.read('oncall.yaml'), `{ incident: pagerduty, severities: [P1], selfMade: ${selfMade}, until: incident }`),
    );
    expect(await made.run('cron', 'sweep')).toMatchObject({ exit: 0 });
    roster.clear();
    return { made, mine: String(mine), id: pagerduty.incidents.idOf(mine) };
  };
  it('asks for the live ones once, and for who made the one that is theirs', async () => {
    const { made, mine, id } = await arranged();
    const asked = await made.json('maria', 'request', 'db-admin');
    expect(asked).toMatchObject({ exit: 0, document: { request: { incident: mine } } });
    expect(actions(roster)).toEqual(['GET /incidents', `GET /incidents/${id}/log_entries`]);
    roster.clear();
    expect(await made.run('cron', 'sweep')).toMatchObject({ exit: 0 });
    expect(actions(roster)).toEqual([`GET /incidents/${mine}`]);
  });

  it('asks for that one alone where it is named, and for nothing more where the rule trusts everybody', async () => {
    const { made, mine, id } = await arranged('allow');
    expect(await made.run('maria', 'request', 'db-admin', '--incident', id)).toMatchObject({ exit: 0 });
    expect(actions(roster)).toEqual([`GET /incidents/${id}`]);
    expect((await made.json('maria', 'status')).document).toMatchObject({ requests: [{ incident: mine }] });
  });
});

describe('a request that three rosters decide', () => {
  let others: readonly [FakeOpsgenie, FaultProxy, FakeIncidentIo, FaultProxy];
  beforeAll(async () => {
    const [opsgenie, incidentIo] = await Promise.all([startOpsgenie(), startIncidentIo()]);
    others = [opsgenie, await startFaultProxy(opsgenie.url), incidentIo, await startFaultProxy(incidentIo.url)];
  });
  afterAll(() => Promise.all(others.map(({ stop }) => stop())));

  /** maria is on call everywhere, and on an incident of Opsgenie and of incident.io. */
  const arranged = async () => {
    const [opsgenie, ofOpsgenie, incidentIo, ofIncidentIo] = others;
    const groups = JSON.stringify({ users: ['maria@acme.dev'], groups: { 'db-admins': [] } });
    const secrets = { OPSGENIE_KEY: opsgenie.key, INCIDENT_IO_KEY: incidentIo.key };
    const made = await night('local', '{ path: ./groups.json }', secrets, { 'groups.json': groups });
    opsgenie.reset();
    incidentIo.reset();
    const [start, end] = [-6, 6].map((hours) => new Date(Date.now() + hours * 3_600_000).toISOString()) as [string, string];
    opsgenie.shift({ schedule: 'primary', user: 'maria@acme.dev', start, end });
    incidentIo.shift({ schedule: 'primary', user: 'maria@acme.dev', start, end });
    opsgenie.incident({ message: 'Disk full', priority: 'P1', users: ['maria@acme.dev'] });
    incidentIo.incident({ number: 7, severity: 'Major', roles: [{ type: 'lead', user: 'maria@acme.dev' }] });
    const policy = made.read('oncall.yaml').replace(
      'rosters:',
      `rosters:
  opsgenie: { key: { env: OPSGENIE_KEY }, endpoint: ${ofOpsgenie.url} }
  incident-io: { key: { env: INCIDENT_IO_KEY }, endpoint: ${ofIncidentIo.url} }`,
    );
    const id = incidentIo.schedule('primary');
    const schedules = [/onCall: (pagerduty[^ ]*)/.exec(policy)?.[1], 'opsgenie/primary', `incident-io/${id}`];
    const incidents = ['opsgenie, severities: [P1]', 'incident-io, severities: [Major]'];
    const needed = [...schedules.map((one) => `{ onCall: ${one} }`), ...incidents.map((one) => `{ incident: ${one}, selfMade: allow }`)];
    // All of them: one that is not answered in time is unknown, and then nobody gets in.
    made.write('oncall.yaml', withRule(policy, `{ all: [ ${needed.join(', ')} ] }`));
    for (const proxy of [roster, ofOpsgenie, ofIncidentIo]) proxy.clear();
    return { made, id, ofOpsgenie, ofIncidentIo };
  };

  it('asks each of them what the rules need, and nothing twice', async () => {
    const { made, id, ofOpsgenie, ofIncidentIo } = await arranged();
    const asked = await made.run('maria', 'request', 'db-admin');
    expect(asked, asked.err).toMatchObject({ exit: 0 });
    expect(actions(roster)).toEqual(['GET /oncalls']);
    expect(actions(ofOpsgenie).map((action) => action.replace(/users\/.*/, 'users/…'))).toEqual([
      'GET /v1/incidents/',
      'GET /v2/schedules/primary/on-calls',
      'GET /v2/schedules/primary/timeline',
      'GET /v2/users/…',
    ]);
    expect(actions(ofIncidentIo)).toEqual(['GET /v2/incidents', 'GET /v2/schedule_entries', `GET /v2/schedules/${id}`]);
  });

  it.each(['PagerDuty', 'Opsgenie', 'incident.io'])(
    'asks all of them at once: the others are asked while %s has not answered',
    async (name) => {
      const { made, ofOpsgenie, ofIncidentIo } = await arranged();
      const all = { PagerDuty: roster, Opsgenie: ofOpsgenie, 'incident.io': ofIncidentIo };
      const slow = all[name as keyof typeof all];
      const rest = Object.values(all).filter((proxy) => proxy !== slow);
      // Answered only once the others were asked: who waits for this answer first waits in vain.
      const asked = async (): Promise<void> => {
        for (let tries = 0; rest.some(({ seen }) => seen.length === 0) && tries < 4_000; tries++)
          await new Promise((resolve) => setTimeout(resolve, 5));
      };
      slow.fail('*', { until: asked() });
      expect(await made.run('maria', 'request', 'db-admin')).toMatchObject({ exit: 0 });
    },
  );
});

describe('a request on Okta', () => {
  let okta: FakeOkta;
  beforeAll(async () => {
    okta = await startOkta();
  });
  afterAll(() => okta.stop());

  it('asks Okta six times and PagerDuty once', async () => {
    const [user, group] = [okta.addUser('maria@acme.dev'), okta.addGroup('db-admins')];
    const s = await night('okta', `{ orgUrl: ${okta.url}, token: { env: OKTA_TOKEN } }`, { OKTA_TOKEN: okta.token });
    okta.requests.length = 0;
    const asked = await s.run('maria', 'request', 'db-admin');
    expect(asked, asked.err).toMatchObject({ exit: 0 });
    const expected = [
      'GET /.well-known/okta-organization',
      'GET /api/v1/groups',
      'GET /api/v1/groups/rules',
      `GET /api/v1/users/${encodeURIComponent('maria@acme.dev')}`,
      `GET /api/v1/users/${user.id}/groups`,
      `PUT /api/v1/groups/${group.id}/users/${user.id}`,
    ];
    expect(okta.requests.map(({ action }) => action).sort()).toEqual(expected.sort());
    expect(actions(roster)).toEqual(['GET /oncalls']);
  });
});

describe('a request on AWS IAM Identity Center', () => {
  let fake: FakeIdentityStore;
  beforeAll(async () => {
    fake = await startIdentityStore();
  });
  afterAll(() => fake.stop());

  it('asks AWS seven times and PagerDuty once, and its end asks three times', async () => {
    fake.reset();
    const store = fake.store('d-1234567890');
    const [user, group] = [store.addUser('maria@acme.dev'), store.addGroup('db-admins')];
    const settings = `{ kind: aws-identity-center, identityStoreId: d-1234567890, region: eu-central-1, endpoint: ${fake.url} }`;
    const s = await night('aws-sso', settings, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
    const asked = (): string[] =>
      fake.exchanges
        .splice(0)
        .map(({ action }) => action)
        .sort();
    asked();
    expect(await s.run('maria', 'request', 'db-admin')).toMatchObject({ exit: 0 });
    const names = ['DescribeGroup', 'DescribeUser', 'GetGroupId', 'GetUserId', 'GetUserId'];
    expect(asked()).toEqual([...names, 'GetGroupMembershipId', 'CreateGroupMembership'].sort());
    expect(actions(roster)).toEqual(['GET /oncalls']);
    expect(store.between(user.id, group.id)).toBeDefined();
    expect(await s.run('maria', 'release', 'db-admin')).toMatchObject({ exit: 0 });
    expect(asked()).toEqual(['DeleteGroupMembership', 'GetGroupMembershipId', 'GetGroupMembershipId']);
    expect(store.between(user.id, group.id)).toBeUndefined();
  });
});
