import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeOkta, oktaError, startOkta } from '../fakes/okta.ts';
import { type Opened, openOkta, secretFile } from './okta-world.ts';

const busy = oktaError(503, 'E0000009', 'Internal Server Error');

describe('okta whose answers do not agree', () => {
  let okta: FakeOkta;
  let proxy: FaultProxy;
  let opened: Opened;
  let directory: Directory;
  let pin: Pin;
  let list: string;
  let write: string;

  beforeAll(async () => {
    okta = await startOkta();
    proxy = await startFaultProxy(okta.url);
  });
  afterAll(async () => {
    await proxy.stop();
    await okta.stop();
  });
  beforeEach(async () => {
    okta.reset();
    proxy.clear();
    proxy.rewrite((_, answer) => answer);
    const user = okta.addUser('maria@acme.dev');
    const group = okta.addGroup('db-admins');
    opened = await openOkta({ orgUrl: proxy.url, token: secretFile('token', okta.token), timeout: '1s' });
    directory = opened.directory;
    pin = { account: okta.org.id, userId: user.id, userName: user.login, groupId: group.id, groupName: group.name };
    list = `GET /api/v1/users/${user.id}/groups`;
    write = `/api/v1/groups/${group.id}/users/${user.id}`;
    await directory.read(pin, {});
    await directory.add(pin, {});
    await directory.remove(pin, {});
    proxy.clear();
    opened.dates.length = 0;
  });
  afterEach(() => expect(okta.violations).toEqual([]));

  const sent = (action: string): number => proxy.seen.filter((request) => request.action === action).length;
  const isMember = (): boolean => okta.groups.get(pin.groupId)?.members.has(pin.userId) ?? false;
  const join = (): void => void okta.groups.get(pin.groupId)?.members.add(pin.userId);

  describe('the pages of a list', () => {
    const names = Array.from({ length: 12 }, (_, i) => `m${i}@acme.dev`);
    let next: string;

    beforeEach(() => {
      for (const name of names) okta.groups.get(pin.groupId)?.members.add(okta.addUser(name).id);
      next = `GET /api/v1/groups/${pin.groupId}/users`;
    });
    const linked = (link: string): void =>
      proxy.rewrite(({ action }, answer) => (action === next ? { ...answer, headers: { ...answer.headers, link } } : answer));

    it('are all read, and an empty one is not the end', async () => {
      okta.state.emptyPages = true;
      const members = await directory.members(pin, {});
      expect(members === 'gone' ? [] : members.map(({ userName }) => userName)).toEqual(names);
      expect(sent(next)).toBe(5);
    });

    it('say nothing of anybody where one of them fails', async () => {
      proxy.fail(next, { delayMs: 0 });
      proxy.fail(next, oktaError(403, 'E0000006', 'no'));
      await expectFault(directory.members(pin, {}), 'forbidden', 'no');
      expect(sent(next)).toBe(2);
    });

    it('never take the token to another host, nor to another list', async () => {
      const caught: string[] = [];
      const thief = createServer((request, response) => {
        caught.push(String(request.headers.authorization));
        response.end('[]');
      });
      await new Promise<void>((ready) => thief.listen(0, '127.0.0.1', ready));
      const { port } = thief.address() as AddressInfo;
      try {
        const path = `/api/v1/groups/${pin.groupId}/users?after=5`;
        for (const link of [
          `<http://127.0.0.1:${port}${path}>; rel="next"`,
          `<http://localhost:${port}${path}>; rel=next`,
          `<//127.0.0.1:${port}${path}>; rel="next"`,
          `<${proxy.url}/api/v1/groups/00gAnother/users?after=5>; rel="next"`,
        ]) {
          linked(link);
          const error = await expectFault(directory.members(pin, {}), 'malformed', 'no');
          expect(error.message).toContain('says that a list goes on');
        }
        expect(caught).toEqual([]);
        expect(sent(next)).toBe(4);
      } finally {
        await new Promise((done) => thief.close(done));
      }
    });

    it.each([
      ['<', 'in a way that cannot be understood'],
      ['<http://[>; rel="next"', 'in a way that cannot be understood'],
      ['page 2: next', 'in a way that cannot be understood'],
      ['</a>; rel="next", </b>; rel="next"', 'in a way that cannot be understood'],
      [`<?limit=200>; rel="next"`, 'without an end'],
    ])('are not believed to be the last where the header says %s', async (link, why) => {
      linked(link);
      const error = await expectFault(directory.members(pin, {}), 'malformed', 'no');
      expect(error.message).toContain(why);
    });
  });

  describe('Okta that contradicts itself', () => {
    it('takes "not found" for a removal only where the membership is gone', async () => {
      join();
      proxy.fail(`DELETE ${write}`, oktaError(404, 'E0000007', 'Not found: Resource not found: 00u (User)'));
      const error = await expectFault(directory.remove(pin, {}), 'unavailable', 'no');
      expect(error.retryable).toBe(true);
      expect(await directory.remove(pin, {})).toBe('removed');
    });

    it('takes "not found" for an add as a reason to try later where both exist', async () => {
      proxy.fail(`PUT ${write}`, oktaError(404, 'E0000007', 'Not found'));
      await expectFault(directory.add(pin, {}), 'unavailable', 'no');
      expect(await directory.add(pin, {})).toBe('added');
    });

    it('does not take a user for gone whom the credentials may no longer see', async () => {
      join();
      okta.state.hiddenUsers = true;
      opened.passTime();
      const error = await expectFault(directory.read(pin, {}), 'unavailable', 'no');
      expect(error.message).toContain('may not see all users');
      await expectFault(directory.remove(pin, {}), 'unavailable', 'no');
    });

    it('looks again where the user was deleted while we wrote', async () => {
      join();
      proxy.fail(`GET /api/v1/groups/rules`, { delayMs: 0 });
      let deleted = false;
      proxy.rewrite(({ action }, answer) => {
        if (action !== list || deleted) return answer;
        deleted = true;
        okta.removeUser('maria@acme.dev');
        return answer;
      });
      expect(await directory.remove(pin, {})).toBe('already');
      expect(sent(`DELETE ${write}`)).toBe(1);
    });
  });

  describe('rules that cannot be read', () => {
    const rules = 'GET /api/v1/groups/rules';
    const denied = oktaError(403, 'E0000006', 'You do not have permission');

    it('keep a group from being used', async () => {
      opened.passTime();
      proxy.fail(rules, denied);
      const error = await expectFault(directory.findGroup('db-admins', {}), 'forbidden', 'no');
      expect(error.message).toContain('read group rules');
    });

    it('keep nobody in for want of a right, and that is logged', async () => {
      join();
      opened.passTime();
      proxy.fail(rules, denied);
      expect(await directory.remove(pin, {})).toBe('removed');
      expect(opened.logged.join()).toContain('without knowing its rules');
    });

    it('keep a removal waiting while Okta is not available', async () => {
      join();
      opened.passTime();
      proxy.fail(rules, busy, 3);
      await expectFault(directory.remove(pin, {}), 'unavailable', 'no');
      expect(isMember()).toBe(true);
      expect(await directory.remove(pin, {})).toBe('removed');
    });
  });
});
