/** Whatever a provider answers: the adapter gives what its port promises or a `ProviderError`, and believes no half answer. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import { isProviderError } from '../../src/errors.ts';
import pagerduty from '../../src/rosters/pagerduty.ts';
import { bareAwsEnv, openIam } from '../directories/iam-world.ts';
import { openOkta, secretFile } from '../directories/okta-world.ts';
import { type Answer, type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { startOkta } from '../fakes/okta.ts';
import { startPagerDuty } from '../fakes/pagerduty.ts';
import { cases, damaged, damagedJson, expectNoPollution, word } from './hostile.ts';

const long = 60 * 60_000;
const at = Date.parse('2026-11-15T12:00:00Z');
const november = { start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };

/** What is done to one answer. Statuses after which the adapter would ask again, and wait, have tables of their own. */
type Harm = { readonly nth: number; readonly status: number | undefined; readonly salt: number };
const harm: fc.Arbitrary<Harm> = fc.record({
  nth: fc.nat(3),
  status: fc.option(fc.constantFrom(200, 201, 204, 206, 301, 302, 304, 400, 401, 403, 404, 409, 418), { nil: undefined, freq: 4 }),
  salt: fc.nat(),
});

/** Text that is JSON is damaged as a value half of the time, anything else as text. */
function damage(text: string, salt: number): string {
  const sound = salt % 2 === 0 ? json(text) : undefined;
  const [changed] =
    sound === undefined
      ? fc.sample(damaged([text === '' ? ' ' : text]), { seed: salt, numRuns: 1 })
      : fc.sample(damagedJson(sound), { seed: salt, numRuns: 1 }).map((value) => JSON.stringify(value) ?? '');
  return changed ?? '';
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function apply(proxy: FaultProxy, { nth, status, salt }: Harm): void {
  let seen = 0;
  proxy.clear();
  proxy.rewrite((_, answer): Answer => {
    if (seen++ !== nth) return answer;
    return { ...answer, status: status ?? answer.status, body: damage(answer.body, salt) };
  });
}

/** The port's promise: an answer, or a `ProviderError` with something to say. */
async function kept<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!isProviderError(error)) throw error;
    expect(error.message.length).toBeGreaterThan(5);
    return undefined;
  } finally {
    expectNoPollution();
  }
}

async function askDirectory(directory: Directory, user: string, group: string): Promise<void> {
  const foundUser = await kept(directory.findUser(user, {}));
  if (foundUser) expect([typeof foundUser.userId, foundUser.userId !== '', typeof foundUser.active]).toEqual(['string', true, 'boolean']);
  const foundGroup = await kept(directory.findGroup(group, {}));
  if (foundGroup)
    expect([typeof foundGroup.groupId, foundGroup.groupId !== '', typeof foundGroup.account]).toEqual(['string', true, 'string']);
  if (!foundGroup) return;
  const members = await kept(directory.members(foundGroup, {}));
  if (members !== undefined && members !== 'gone') {
    for (const { userId, userName } of members) expect([typeof userId, userId !== '', typeof userName]).toEqual(['string', true, 'string']);
  }
  if (!foundUser) return;
  const read = await kept(directory.read({ ...foundGroup, userId: foundUser.userId, userName: foundUser.userName }, {}));
  if (read !== undefined) expect(['member', 'absent', 'gone']).toContain(read);
}

describe('Okta', () => {
  let okta: Awaited<ReturnType<typeof startOkta>>;
  let proxy: FaultProxy;
  beforeAll(async () => {
    okta = await startOkta({ pageSize: 2 });
    proxy = await startFaultProxy(okta.url);
    const group = okta.addGroup('db-admins');
    for (const name of ['maria', 'sam', 'ana']) group.members.add(okta.addUser(`${name}@acme.dev`).id);
    okta.addGroup('web');
    okta.addRule('everybody', 'web', 'INACTIVE');
  });
  afterAll(async () => {
    await Promise.all([proxy.stop(), okta.stop()]);
  });

  it(
    'may answer anything',
    async () => {
      await fc.assert(
        fc.asyncProperty(harm, async (chosen) => {
          const { directory } = await openOkta({ orgUrl: proxy.url, token: secretFile('token', okta.token) });
          apply(proxy, chosen);
          await askDirectory(directory, 'maria@acme.dev', 'db-admins');
        }),
        cases(150, 0.5),
      );
      expect(okta.violations.filter((line) => line.startsWith('response'))).toEqual([]);
    },
    long,
  );
});

describe('AWS IAM', () => {
  const user = (name: string) =>
    `<UserName>${name}</UserName><UserId>AIDA${name.toUpperCase()}</UserId><Arn>arn:aws:iam::123456789012:user/${name}</Arn><Path>/</Path><CreateDate>2026-01-01T00:00:00Z</CreateDate>`;
  const group =
    '<GroupName>db-admins</GroupName><GroupId>AGPAGROUP</GroupId><Arn>arn:aws:iam::123456789012:group/db-admins</Arn><Path>/</Path><CreateDate>2026-01-01T00:00:00Z</CreateDate>';
  const wrapped = (action: string, inner: string): string =>
    `<${action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><${action}Result>${inner}</${action}Result><ResponseMetadata><RequestId>r1</RequestId></ResponseMetadata></${action}Response>`;
  const answers: Readonly<Record<string, string>> = {
    GetUser: `<User>${user('maria')}</User>`,
    GetGroup: `<Group>${group}</Group><Users><member>${user('maria')}</member><member>${user('sam')}</member></Users><IsTruncated>false</IsTruncated>`,
    ListGroupsForUser: `<Groups><member>${group}</member></Groups><IsTruncated>false</IsTruncated>`,
    ListUsers: `<Users><member>${user('maria')}</member></Users><IsTruncated>false</IsTruncated>`,
    ListGroups: `<Groups><member>${group}</member></Groups><IsTruncated>false</IsTruncated>`,
  };
  let proxy: FaultProxy;
  beforeAll(async () => {
    Object.assign(process.env, Object.fromEntries(Object.entries(bareAwsEnv).filter(([, value]) => value !== undefined)));
    // Nothing stands behind it: each answer is written here.
    proxy = await startFaultProxy('http://127.0.0.1:9');
  });
  afterAll(() => proxy.stop());

  it(
    'may answer anything',
    async () => {
      const play = async (change: (body: string, call: number) => Answer): Promise<Directory> => {
        let call = 0;
        proxy.clear();
        proxy.rewrite(({ action }) => change(wrapped(action, answers[action] ?? ''), call++));
        return (await openIam({ endpoint: proxy.url })).directory;
      };
      const healthy = await play((body) => ({ status: 200, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': 'r1' }, body }));
      expect(await healthy.findUser('maria', {})).toMatchObject({ userId: 'AIDAMARIA', active: true });
      expect(await healthy.findGroup('db-admins', {})).toMatchObject({ groupId: 'AGPAGROUP', account: '123456789012' });
      await fc.assert(
        fc.asyncProperty(harm, word, async ({ nth, status, salt }, type) => {
          const directory = await play((body, call) => ({
            status: call === nth ? (status ?? 200) : 200,
            headers: { 'x-amzn-requestid': 'r1', 'content-type': /^[\x20-\x7e]+$/.test(type) ? type : 'text/xml' },
            body: call === nth ? damage(body, salt | 1) : body,
          }));
          await askDirectory(directory, 'maria', 'db-admins');
        }),
        cases(150, 0.5),
      );
    },
    long,
  );
});

describe('PagerDuty', () => {
  let fake: Awaited<ReturnType<typeof startPagerDuty>>;
  let proxy: FaultProxy;
  beforeAll(async () => {
    fake = await startPagerDuty();
    proxy = await startFaultProxy(fake.url);
    process.env['ONCALL_TEST_PROPERTIES_KEY'] = fake.key;
    fake.schedule('PDB1234');
    for (const user of ['maria@acme.dev', 'sam@acme.dev']) fake.shift({ schedule: 'PDB1234', user, ...november, level: 1 });
  });
  afterAll(async () => {
    delete process.env['ONCALL_TEST_PROPERTIES_KEY'];
    await Promise.all([proxy.stop(), fake.stop()]);
  });

  it(
    'may answer anything, and nobody is on call by it whom it did not name',
    async () => {
      await fc.assert(
        fc.asyncProperty(harm, async (chosen) => {
          const settings = pagerduty.settings as { parse?: (value: unknown) => unknown };
          const context = { name: 'pagerduty', now: () => at, log: () => undefined, onServerDate: () => undefined, baseDir: '/' };
          const roster = await pagerduty.open(
            (settings.parse as (value: unknown) => unknown)({ token: { env: 'ONCALL_TEST_PROPERTIES_KEY' }, endpoint: proxy.url }),
            context,
          );
          apply(proxy, chosen);
          const shifts = await kept(roster.onCall({ schedule: 'PDB1234', levels: [] }, at, {}));
          for (const { email, start, end } of shifts ?? []) {
            expect(typeof email).toBe('string');
            // An end that is no time would be access without one.
            for (const time of [start, end]) expect(time === null || Number.isFinite(time)).toBe(true);
          }
        }),
        cases(150, 0.5),
      );
    },
    long,
  );
});
