import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { expectFault } from '../contracts/directory-world.ts';
import type { Answer, Fault, FaultProxy } from '../fakes/fault-proxy.ts';
import { iamError, type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { type Admin, administrator, bareAwsEnv, type Opened, openIam, pagedProxy } from './iam-world.ts';

const html = (status: number): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><body>Sign in to the network</body></html>',
});
const brokenHtml = (status: number): Answer => ({ status, headers: { 'content-type': 'text/html' }, body: '<html><body>Oops<br></body>' });
const throttled = (headers?: Record<string, string>): Answer => iamError(400, 'Throttling', 'Rate exceeded', headers);

describe.skipIf(noMoto)(`aws-iam when things go wrong${noMoto ? ` (skipped: ${noMoto})` : ''}`, () => {
  let moto: Moto;
  let proxy: FaultProxy;
  let admin: Admin;
  let opened: Opened;
  let directory: Directory;
  let pin: Pin;

  beforeAll(async () => {
    for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
    moto = (await startMoto()) as Moto;
    proxy = await pagedProxy(moto);
    admin = administrator(moto.url);
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy?.stop();
    await moto?.stop();
  });
  beforeEach(async () => {
    await moto.reset();
    proxy.clear();
    await admin.addUser('maria');
    await admin.addGroup('db-admins');
    opened = await openIam({ endpoint: proxy.url, timeout: '1s' });
    directory = opened.directory;
    const [user, group] = [await directory.findUser('maria', {}), await directory.findGroup('db-admins', {})];
    if (!user || !group) throw new Error('moto is not as arranged');
    pin = { ...group, userId: user.userId, userName: user.userName };
    await directory.read(pin, {});
    proxy.clear();
  });
  const sent = (action: string): number => proxy.seen.filter((request) => request.action === action).length;

  describe('a write is sent once', () => {
    it.each<[string, Fault, 'timeout' | 'unavailable', boolean]>([
      ['whose answer is lost', 'lose-answer', 'unavailable', true],
      ['that is cut off on its way', 'drop', 'unavailable', false],
      ['that is never answered', 'silence', 'timeout', true],
      ['that is answered by half', 'stall', 'timeout', true],
      ['that meets an overloaded IAM', iamError(500, 'ServiceFailure', 'internal'), 'unavailable', false],
      ['that meets a gateway which fails', brokenHtml(503), 'unavailable', false],
      ['that arrives late', { delayMs: 1_300 }, 'timeout', true],
    ])('and a write %s is not known to be applied, nor to be not', async (_, fault, expected, applied) => {
      proxy.fail('AddUserToGroup', fault);
      await expectFault(directory.add(pin, {}), expected, 'unknown');
      expect(sent('AddUserToGroup')).toBe(1);
      await vi.waitFor(async () => expect(await admin.isMember('maria', 'db-admins')).toBe(applied), { timeout: 3_000 });
    });

    it('and a lost removal is told as such, though a second try would look like success', async () => {
      await admin.join('maria', 'db-admins');
      proxy.fail('RemoveUserFromGroup', 'lose-answer');
      await expectFault(directory.remove(pin, {}), 'unavailable', 'unknown');
      expect(sent('RemoveUserFromGroup')).toBe(1);
      expect(await directory.remove(pin, {})).toBe('already');
    });

    it('and one that is throttled was not applied', async () => {
      proxy.fail('AddUserToGroup', throttled({ 'retry-after': '7' }));
      const error = await expectFault(directory.add(pin, {}), 'rate-limited', 'no');
      expect(error.retryAfterMs).toBe(7_000);
      expect(sent('AddUserToGroup')).toBe(1);
    });

    it('and the quota is explained, not waited for', async () => {
      proxy.fail('AddUserToGroup', iamError(409, 'LimitExceeded', 'Cannot exceed quota for GroupsPerUser: 10'));
      const error = await expectFault(directory.add(pin, {}), 'quota', 'no');
      expect(error.message).toContain('GroupsPerUser: 10');
      expect(error.next).toContain('take the user out of a group');
      expect(error.retryable).toBe(false);
      expect(sent('AddUserToGroup')).toBe(1);
    });

    it('and a stop while it is under way leaves open whether it was applied', async () => {
      const stop = new AbortController();
      proxy.fail('AddUserToGroup', 'silence');
      const added = directory.add(pin, { signal: stop.signal });
      await vi.waitFor(() => expect(sent('AddUserToGroup')).toBe(1));
      stop.abort();
      await expectFault(added, 'unavailable', 'unknown');
    });

    it('and where nothing listens, none was sent', async () => {
      const gone = await pagedProxy(moto);
      const other = await openIam({ endpoint: gone.url, timeout: '1s' });
      await other.directory.read(pin, {});
      await gone.stop();
      // The connection that was kept open notices only now.
      await other.directory.read(pin, {}).catch(() => undefined);
      await expectFault(other.directory.add(pin, {}), 'unavailable', 'no');
    });
  });

  describe('no page that is not from AWS counts as its answer', () => {
    it.each<[string, Answer]>([
      ['a sign-in page with status 200', html(200)],
      ['a broken page with status 200', brokenHtml(200)],
      ['nothing with status 200', { status: 200, body: '' }],
      ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' }],
      ['a page with status 403', html(403)],
      ['a page with status 404', html(404)],
    ])('%s', async (_, answer) => {
      await admin.join('maria', 'db-admins');
      proxy.fail('RemoveUserFromGroup', answer);
      await expectFault(directory.remove(pin, {}), 'malformed', 'unknown');
      proxy.fail('ListGroupsForUser', answer);
      await expectFault(directory.read(pin, {}), 'malformed', 'no');
      proxy.fail('GetUser', answer);
      await expectFault(directory.findUser('nobody', {}), 'malformed', 'no');
    });

    it('a list without its items, or one that goes on nowhere', async () => {
      const list = (inner: string): Answer => ({
        ...iamError(200, '', ''),
        body: `<ListGroupsForUserResponse><ListGroupsForUserResult>${inner}</ListGroupsForUserResult></ListGroupsForUserResponse>`,
      });
      proxy.fail('ListGroupsForUser', list('<IsTruncated>false</IsTruncated>'));
      await expectFault(directory.read(pin, {}), 'malformed');
      proxy.fail('ListGroupsForUser', list('<Groups></Groups><IsTruncated>true</IsTruncated>'));
      await expectFault(directory.read(pin, {}), 'malformed');
      proxy.fail('ListGroupsForUser', list('<Groups></Groups><IsTruncated>true</IsTruncated><Marker>m</Marker>'), 2);
      await expectFault(directory.read(pin, {}), 'malformed');
    });

    it('a user by another name than was asked for', async () => {
      await admin.addUser('sam');
      const answer = iamError(200, '', '');
      const body = `<GetUserResponse><GetUserResult><User><UserName>sam</UserName><UserId>AIDAEXAMPLE</UserId><Arn>arn:aws:iam::123456789012:user/sam</Arn></User></GetUserResult></GetUserResponse>`;
      proxy.fail('GetUser', { ...answer, body });
      await expectFault(directory.findUser('maria', {}), 'malformed');
    });
  });

  describe('a read', () => {
    it.each<[string, Fault]>([
      ['a lost answer', 'lose-answer'],
      ['throttling', throttled()],
      ['a failing gateway', brokenHtml(503)],
      ['an overloaded IAM', iamError(503, 'ServiceUnavailable', 'busy')],
    ])('is tried again after %s', async (_, fault) => {
      proxy.fail('ListGroupsForUser', fault, 2);
      expect(await directory.read(pin, {})).toBe('absent');
      expect(sent('ListGroupsForUser')).toBe(3);
    });

    it.each<[string, Fault, 'rate-limited' | 'unavailable']>([
      ['throttling', throttled(), 'rate-limited'],
      ['an overloaded IAM', iamError(500, 'ServiceFailure', 'internal'), 'unavailable'],
      ['cut connections', 'drop', 'unavailable'],
    ])('is given up after three times of %s', async (_, fault, expected) => {
      proxy.fail('ListGroupsForUser', fault, 9);
      const error = await expectFault(directory.read(pin, {}), expected, 'no');
      expect(error.retryable).toBe(true);
      expect(sent('ListGroupsForUser')).toBe(3);
    });

    it('is not tried again where IAM asks for a long pause: that is passed on', async () => {
      proxy.fail('ListGroupsForUser', throttled({ 'retry-after': '60' }), 9);
      const error = await expectFault(directory.read(pin, {}), 'rate-limited', 'no');
      expect(error.retryAfterMs).toBe(60_000);
      expect(sent('ListGroupsForUser')).toBe(1);
    });

    it('ends in time where nobody answers', async () => {
      proxy.fail('ListGroupsForUser', 'silence', 9);
      await expectFault(directory.read(pin, {}), 'timeout', 'no');
      proxy.clear();
      proxy.fail('ListGroupsForUser', 'stall', 9);
      await expectFault(directory.read(pin, {}), 'timeout', 'no');
    });

    it('of a list whose second page fails says nothing of anybody', async () => {
      for (let i = 0; i < 8; i++) {
        await admin.addUser(`u${i}`);
        await admin.join(`u${i}`, 'db-admins');
      }
      proxy.fail('GetGroup', { delayMs: 0 });
      proxy.fail('GetGroup', iamError(403, 'AccessDenied', 'not authorized'));
      await expectFault(directory.members(pin, {}), 'forbidden', 'no');
      expect(sent('GetGroup')).toBe(2);
      expect(await directory.members(pin, {})).toHaveLength(8);
    });
  });

  describe('IAM that contradicts itself', () => {
    it('takes "no such entity" for a removal only where the member is gone', async () => {
      await admin.join('maria', 'db-admins');
      proxy.fail('RemoveUserFromGroup', iamError(404, 'NoSuchEntity', 'The user with name maria cannot be found.'));
      const error = await expectFault(directory.remove(pin, {}), 'unavailable', 'no');
      expect(error.retryable).toBe(true);
      expect(await directory.remove(pin, {})).toBe('removed');
    });

    it('takes "no such entity" for an add as a reason to try later where both exist', async () => {
      proxy.fail('AddUserToGroup', iamError(404, 'NoSuchEntity', 'The group with name db-admins cannot be found.'));
      await expectFault(directory.add(pin, {}), 'unavailable', 'no');
      expect(await directory.add(pin, {})).toBe('added');
    });

    it('does not believe that a user is gone who was deleted while we wrote, before it has looked', async () => {
      await admin.removeUser('maria');
      expect(await directory.remove(pin, {})).toBe('already');
      expect(sent('RemoveUserFromGroup')).toBe(1);
      expect(sent('ListUsers')).toBeGreaterThan(0);
    });

    it('asks again where the group was renamed while we wrote', async () => {
      await admin.join('maria', 'db-admins');
      await admin.renameGroup('db-admins', 'admins-db');
      await expectFault(directory.remove(pin, {}), 'unavailable', 'no');
      expect(await directory.remove(pin, {})).toBe('removed');
      expect(await admin.isMember('maria', 'admins-db')).toBe(false);
    });
  });

  it('keeps what was signed out of the error', async () => {
    proxy.fail('ListGroupsForUser', iamError(403, 'AccessDenied', 'no'));
    const error = await expectFault(directory.read(pin, {}), 'forbidden');
    expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toMatch(/Signature=|AKIA|authorization:/);
  });

  it('tells what the clock of AWS said, of refusals too', async () => {
    opened.dates.length = 0;
    // Near enough that the SDK does not take the refusal for a matter of clocks.
    const said = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    proxy.fail('GetUser', iamError(403, 'AccessDenied', 'no', { date: new Date(said).toUTCString() }));
    await expectFault(directory.findUser('maria', {}), 'forbidden');
    expect(opened.dates).toEqual([said]);
  });

  describe('round trips', () => {
    it('are not spent twice on what was verified a moment ago', async () => {
      await directory.add(pin, {});
      await directory.read(pin, {});
      expect(proxy.seen.map(({ action }) => action)).toEqual(['AddUserToGroup', 'ListGroupsForUser']);
    });

    it('are spent again where nobody has that name any more', async () => {
      await admin.renameUser('maria', 'maria.silva');
      expect(await directory.read(pin, {})).toBe('absent');
      await admin.removeUser('maria.silva');
      expect(await directory.read(pin, {})).toBe('gone');
    });

    it('go out together where nothing is known yet', async () => {
      opened.passTime();
      let open = () => {};
      const allSent = new Promise<void>((resolve) => {
        open = resolve;
      });
      for (const action of ['GetUser', 'GetGroup', 'ListGroupsForUser']) proxy.fail(action, { until: allSent });
      const read = directory.read(pin, {});
      await vi.waitFor(() => expect(proxy.seen).toHaveLength(3), { timeout: 900 });
      open();
      expect(await read).toBe('absent');
      expect(proxy.seen).toHaveLength(3);
    });

    it('never make a user or a group', async () => {
      await directory.add(pin, {});
      await directory.members(pin, {});
      await directory.remove(pin, {});
      await directory.findUser('nobody', {});
      await directory.findGroup('nothing', {});
      expect(proxy.seen.filter(({ action }) => /^(Create|Delete|Update|Put|Attach)/.test(action))).toEqual([]);
    });
  });
});
