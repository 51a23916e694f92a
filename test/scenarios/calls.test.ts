/** What one `request` asks of others: how many calls, none of them twice, and roster and directory at the same time. Counted, not timed. */

import { CreateGroupCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
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
  const withRule = (policy: string, rule: string): string => policy.replace(/allow: .*/, `allow: [ ${rule} ]`);

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
