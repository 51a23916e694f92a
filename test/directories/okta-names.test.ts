import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import kind from '../../src/directories/okta.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { type FakeOkta, startOkta } from '../fakes/okta.ts';
import { type Opened, openOkta, secretFile } from './okta-world.ts';

let okta: FakeOkta;
let opened: Opened;
let directory: Directory;

beforeAll(async () => {
  okta = await startOkta();
});
afterAll(() => okta.stop());
beforeEach(async () => {
  okta.reset();
  opened = await openOkta({ orgUrl: okta.url, token: secretFile('token', okta.token) });
  directory = opened.directory;
});
afterEach(() => expect(okta.violations).toEqual([]));

const asked = (action: string): number => okta.requests.filter((request) => request.action === action).length;
const writes = () => okta.requests.filter(({ action }) => !action.startsWith('GET '));

function pinned(): Pin {
  const user = okta.addUser('maria@acme.dev');
  const group = okta.addGroup('db-admins');
  return { account: okta.org.id, userId: user.id, userName: user.login, groupId: group.id, groupName: group.name };
}

describe('a user of okta', () => {
  it('is found by the whole login, whatever its case', async () => {
    const { id } = okta.addUser('Maria.Silva@acme.dev');
    expect(await directory.findUser('maria.silva@ACME.dev', {})).toEqual({ userId: id, userName: 'Maria.Silva@acme.dev', active: true });
  });

  it('is not found by what else Okta would take: a login without its domain, an id, or "me"', async () => {
    const { id } = okta.addUser('maria@acme.dev');
    for (const other of ['maria', id, 'me', '..', '.', 'a/../maria@acme.dev'])
      expect(await directory.findUser(other, {}), other).toBeUndefined();
  });

  it.each(['STAGED', 'PROVISIONED', 'RECOVERY', 'PASSWORD_EXPIRED', 'LOCKED_OUT', 'SUSPENDED', 'DEPROVISIONED'])(
    'is not active while %s',
    async (status) => {
      okta.addUser('maria@acme.dev', status);
      expect(await directory.findUser('maria@acme.dev', {})).toMatchObject({ active: false });
      // A wrong password typed by somebody else, or one that has expired, must not end the night's work.
      const group = await directory.findGroup(okta.addGroup('Night').name, {});
      const pin = { ...group, userId: okta.known('maria@acme.dev').id, userName: 'maria@acme.dev' } as Pin;
      expect(await directory.hasLeft?.(pin, {})).toBe(status === 'SUSPENDED' || status === 'DEPROVISIONED');
      await expect(directory.hasLeft?.({ ...pin, account: 'another' }, {})).rejects.toMatchObject({ fault: 'wrong-account' });
    },
  );

  it('is asked for anew each time, as yesterday she may have been active', async () => {
    const user = okta.addUser('maria@acme.dev');
    expect(await directory.findUser('maria@acme.dev', {})).toMatchObject({ active: true });
    user.status = 'SUSPENDED';
    expect(await directory.findUser('maria@acme.dev', {})).toMatchObject({ active: false });
  });

  it('who was there a moment ago is gone all the same', async () => {
    const pin = pinned();
    await directory.findUser('maria@acme.dev', {});
    okta.removeUser('maria@acme.dev');
    expect(await directory.read(pin, {})).toBe('gone');
  });

  it('who is deprovisioned is a member as long as the group has them, and then gone', async () => {
    const pin = pinned();
    okta.groups.get(pin.groupId)?.members.add(pin.userId);
    okta.known('maria@acme.dev').status = 'DEPROVISIONED';
    expect(await directory.read(pin, {})).toBe('member');
    expect(await directory.remove(pin, {})).toBe('removed');
    expect(await directory.read(pin, {})).toBe('gone');
    await expectFault(directory.add(pin, {}), 'not-found', 'no');
  });
});

describe('a group of okta', () => {
  it('is not taken for another of the same name that comes from an app', async () => {
    okta.addGroup('db-admins', 'APP_GROUP');
    const { id } = okta.addGroup('db-admins');
    expect(await directory.findGroup('db-admins', {})).toMatchObject({ groupId: id });
  });

  it.each([
    ['APP_GROUP', 'in the app'],
    ['BUILT_IN', 'BUILT_IN'],
  ])('is refused where it is %s, by name and by id', async (type, why) => {
    const { id } = okta.addGroup('Everyone', type);
    // A condition may name it all the same: nothing is changed there.
    expect(await directory.findGroup(id, { toRead: true })).toMatchObject({ groupId: id });
    for (const name of ['Everyone', id]) expect((await expectFault(directory.findGroup(name, {}), 'refused', 'no')).message).toContain(why);
  });

  it('is named by its case, too', async () => {
    okta.addGroup('DB-Admins');
    expect(await directory.findGroup('db-admins', {})).toBeUndefined();
  });

  it('is refused where two have the name, and the ids to choose from are named', async () => {
    const ids = [okta.addGroup('db-admins').id, okta.addGroup('db-admins').id];
    const error = await expectFault(directory.findGroup('db-admins', {}), 'ambiguous', 'no');
    expect(error.next).toContain(ids.join(' or '));
    expect(await directory.findGroup(ids[1] ?? '', {})).toMatchObject({ groupId: ids[1] });
  });

  it('is found as soon as it is made, though the search lags behind', async () => {
    okta.freezeSearch();
    const { id } = okta.addGroup('db-admins');
    expect(await directory.findGroup('db-admins', {})).toMatchObject({ groupId: id });
  });

  it('is found among more names that begin like it than Okta gives at once', async () => {
    for (let i = 0; i < 301; i++) okta.addGroup(`team "a\\b" ${i}`);
    const { id } = okta.addGroup('team "a\\b" ');
    okta.addGroup('TEAM "A\\B" ');
    expect(await directory.findGroup('team "a\\b" ', {})).toMatchObject({ groupId: id });
  });

  it('may have the shape of an id as its name', async () => {
    const { id } = okta.addGroup('00gLooksLikeAnIdIsNo');
    expect(await directory.findGroup('00gLooksLikeAnIdIsNo', {})).toMatchObject({ groupId: id });
  });
});

describe('a group that a rule fills', () => {
  const rulesAsked = () => asked('GET /api/v1/groups/rules');

  it('is refused when it is named, and the rule is named, too, on whatever page it stands', async () => {
    okta.addGroup('other');
    for (let i = 0; i < 7; i++) okta.addRule(`rule ${i}`, 'other');
    pinned();
    okta.addRule('All of Platform', 'db-admins');
    const error = await expectFault(directory.findGroup('db-admins', {}), 'refused', 'no');
    expect(error.message).toContain('filled by the group rule "All of Platform"');
    expect(error.message).toContain('exclusion list');
    expect(error.next).toContain('no rule assigns to');
    // To read its members, as a condition does, the rules are not even asked for.
    const before = rulesAsked();
    expect(await directory.findGroup('db-admins', { toRead: true })).toMatchObject({ groupName: 'db-admins' });
    expect(rulesAsked()).toEqual(before);
  });

  it.each(['INACTIVE', 'INVALID'])('is not refused where the rule is %s', async (status) => {
    const pin = pinned();
    okta.addRule('All of Platform', 'db-admins', status);
    expect(await directory.findGroup('db-admins', {})).toMatchObject({ groupId: pin.groupId });
  });

  it('is looked at before each removal, which then takes nobody out', async () => {
    const pin = pinned();
    await directory.findGroup('db-admins', {});
    await directory.add(pin, {});
    const rule = okta.addRule('All of Platform', 'db-admins');
    opened.passTime();
    const error = await expectFault(directory.remove(pin, {}), 'refused', 'no');
    expect(error.message).toContain('All of Platform');
    expect(rule.excluded.size).toBe(0);
    expect(await directory.read(pin, {})).toBe('member');
    rule.status = 'INACTIVE';
    opened.passTime();
    expect(await directory.remove(pin, {})).toBe('removed');
  });

  it('is looked at before an add, as nobody could be taken out again', async () => {
    const pin = pinned();
    okta.addRule('All of Platform', 'db-admins');
    await expectFault(directory.add(pin, {}), 'refused', 'no');
    expect(writes()).toEqual([]);
  });

  it('keeps nothing from ending where there is nothing left to remove', async () => {
    const pin = pinned();
    okta.addRule('All of Platform', 'db-admins');
    expect(await directory.remove(pin, {})).toBe('already');
    expect(writes()).toEqual([]);
  });

  it('is not asked for more than once a minute', async () => {
    const pin = pinned();
    await directory.findGroup('db-admins', {});
    await directory.add(pin, {});
    opened.passTime(59_000);
    await directory.remove(pin, {});
    expect(rulesAsked()).toBe(1);
    opened.passTime(2_000);
    await directory.remove(pin, {});
    expect(rulesAsked()).toBe(2);
  });
});

describe('sessions', () => {
  it('are ended with their tokens, and the devices are not forgotten', async () => {
    const pin = pinned();
    await directory.endSessions?.(pin, {});
    expect(writes().map(({ action, query }) => [action, query.toString()])).toEqual([
      [`DELETE /api/v1/users/${pin.userId}/sessions`, 'oauthTokens=true&forgetDevices=false'],
    ]);
  });

  it('are promised only with what Okta wants for that', () => {
    const can = (settings: object) => kind.endsSessions?.(kind.settings.parse({ orgUrl: 'https://acme.okta.com', ...settings }));
    const app = { clientId: '0oa1b2c3d4', privateKey: { env: 'KEY' } };
    expect(can({ token: { env: 'TOKEN' } })).toBe(true);
    expect(can(app)).toContain('okta.users.manage');
    expect(can({ ...app, scopes: ['okta.groups.manage', 'okta.users.manage'] })).toBe(true);
  });

  it('are ended where the user is gone', async () => {
    const pin = pinned();
    okta.removeUser('maria@acme.dev');
    await expect(directory.endSessions?.(pin, {})).resolves.toBeUndefined();
  });

  it('are left alone in another org, without the right, or when it is too late', async () => {
    const pin = pinned();
    await expectFault(directory.endSessions?.({ ...pin, account: '00oAnother' }, {}) as Promise<void>, 'wrong-account', 'no');
    const late = new Error('too late');
    const tooLate = {
      beforeWrite: () => {
        throw late;
      },
    };
    expect(await directory.endSessions?.(pin, tooLate).catch((error: unknown) => error)).toBe(late);
    expect(writes()).toEqual([]);
    okta.state.readOnly = true;
    const error = await expectFault(directory.endSessions?.(pin, {}) as Promise<void>, 'forbidden', 'no');
    expect(error.next).toContain('okta.users.manage');
  });
});

it('spends the calls that docs/okta.md says', async () => {
  pinned();
  const [user, group] = await Promise.all([directory.findUser('maria@acme.dev', {}), directory.findGroup('db-admins', {})]);
  if (!user || !group) throw new Error('the world is not as arranged');
  const pin = { ...group, userId: user.userId, userName: user.userName };
  await directory.read(pin, {});
  await directory.add(pin, {});
  await directory.read(pin, {});
  expect(okta.requests).toHaveLength(7);
  const later = await openOkta({ orgUrl: okta.url, token: secretFile('token', okta.token) });
  await later.directory.remove(pin, {});
  await later.directory.read(pin, {});
  expect(okta.requests).toHaveLength(7 + 6);
});
