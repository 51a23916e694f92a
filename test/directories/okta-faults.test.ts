import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { type Answer, type Fault, type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type FakeOkta, oktaError, startOkta } from '../fakes/okta.ts';
import { type Opened, openOkta, secretFile } from './okta-world.ts';

const html = (status: number): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><body>Sign in to the network</body></html>',
});
const json = (status: number, body: string): Answer => ({ status, headers: { 'content-type': 'application/json' }, body });
const date = (seconds: number): string => new Date(seconds * 1000).toUTCString();
const noon = 1_790_000_000;
/** `Date` is Okta's, far from this host's. */
const limited = (reset: string | undefined): Answer =>
  oktaError(429, 'E0000047', 'API call exceeded rate limit due to too many requests.', {
    date: date(noon),
    ...(reset === undefined ? {} : { 'x-rate-limit-reset': reset }),
  });
const busy = oktaError(503, 'E0000009', 'Internal Server Error');

describe('okta when things go wrong', () => {
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

  describe('a write is sent once', () => {
    it.each<[string, Fault, 'timeout' | 'unavailable' | 'malformed', boolean]>([
      ['whose answer is lost', 'lose-answer', 'unavailable', true],
      ['that is cut off on its way', 'drop', 'unavailable', false],
      ['that is never answered', 'silence', 'timeout', true],
      ['that meets an overloaded Okta', busy, 'unavailable', false],
      ['that meets a gateway which fails', html(502), 'unavailable', false],
      ['that arrives late', { delayMs: 1_300 }, 'timeout', true],
      ['that is answered by a sign-in page', html(200), 'malformed', false],
      ['that is sent elsewhere', { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' }, 'malformed', false],
      ['that is refused by somebody before Okta', html(403), 'malformed', false],
      ['that is acknowledged with another status', json(200, '{}'), 'malformed', false],
    ])('and a write %s is not known to be applied, nor to be not', async (_, fault, expected, applied) => {
      proxy.fail(`PUT ${write}`, fault);
      await expectFault(directory.add(pin, {}), expected, 'unknown');
      expect(sent(`PUT ${write}`)).toBe(1);
      await vi.waitFor(() => expect(isMember()).toBe(applied), { timeout: 3_000 });
    });

    it('and a lost removal is told as such, though a second try would look like success', async () => {
      join();
      proxy.fail(`DELETE ${write}`, 'lose-answer');
      await expectFault(directory.remove(pin, {}), 'unavailable', 'unknown');
      expect(sent(`DELETE ${write}`)).toBe(1);
      expect(await directory.remove(pin, {})).toBe('already');
    });

    it('and one over the rate limit was not applied, and is not sent again, however short the pause', async () => {
      proxy.fail(`PUT ${write}`, limited(String(noon + 1)));
      const error = await expectFault(directory.add(pin, {}), 'rate-limited', 'no');
      expect(error.retryAfterMs).toBe(1_000);
      expect(sent(`PUT ${write}`)).toBe(1);
    });

    it('and a stop while it is under way leaves open whether it was applied', async () => {
      const stop = new AbortController();
      proxy.fail(`PUT ${write}`, 'silence');
      const added = directory.add(pin, { signal: stop.signal });
      await vi.waitFor(() => expect(sent(`PUT ${write}`)).toBe(1));
      stop.abort();
      await expectFault(added, 'unavailable', 'unknown');
    });

    it('and where nothing listens, none was sent', async () => {
      const gone = await startFaultProxy(okta.url);
      const other = await openOkta({ orgUrl: gone.url, token: secretFile('token', okta.token), timeout: '1s' });
      await other.directory.findGroup('db-admins', {});
      await other.directory.read(pin, {});
      await gone.stop();
      await other.directory.read(pin, {}).catch(() => undefined);
      await expectFault(other.directory.add(pin, {}), 'unavailable', 'no');
    });

    it('and the list that lags behind an add of a moment ago keeps no removal from being sent', async () => {
      join();
      proxy.fail(list, json(200, '[]'));
      expect(await directory.remove(pin, {})).toBe('already');
      expect(isMember()).toBe(false);
    });
  });

  describe('no answer that is not from Okta counts as its answer', () => {
    it.each<[string, Answer]>([
      ['a sign-in page with status 200', html(200)],
      ['nothing with status 200', { status: 200, body: '' }],
      ['nothing that is JSON', json(200, '{"a":')],
      ['an object', json(200, '{}')],
      ['a text', json(200, '"00g"')],
      ['null', json(200, 'null')],
      ['a list of nothing', json(200, '[null]')],
      ['a list without ids', json(200, '[{"profile":{"name":"x"},"type":"OKTA_GROUP"}]')],
      ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' }],
      ['a page with status 403', html(403)],
      ['a page with status 404', html(404)],
    ])('%s', async (_, answer) => {
      join();
      proxy.fail(list, answer);
      await expectFault(directory.read(pin, {}), 'malformed', 'no');
      proxy.fail(list, answer);
      await expectFault(directory.remove(pin, {}), 'malformed', 'no');
      expect(isMember()).toBe(true);
    });

    it('another user or group than the one asked for by id', async () => {
      const other = okta.addUser('sam@acme.dev');
      opened.passTime();
      proxy.fail(
        `GET /api/v1/users/${pin.userId}`,
        json(200, JSON.stringify({ id: other.id, status: 'ACTIVE', profile: { login: 'sam@acme.dev' } })),
      );
      expect(await directory.read(pin, {})).toBe('gone');
      opened.passTime();
      proxy.fail(`GET /api/v1/groups/${pin.groupId}`, json(200, '{"id":"00gOther","type":"OKTA_GROUP","profile":{"name":"db-admins"}}'));
      await expectFault(directory.read(pin, {}), 'malformed', 'no');
    });
  });

  describe('a read', () => {
    it.each<[string, Fault]>([
      ['a lost answer', 'lose-answer'],
      ['a failing gateway', html(503)],
      ['an overloaded Okta', busy],
    ])('is tried again after %s', async (_, fault) => {
      proxy.fail(list, fault, 2);
      expect(await directory.read(pin, {})).toBe('absent');
      expect(sent(list)).toBe(3);
    });

    it('waits for the reset that the rate limit names, by the clock of Okta', async () => {
      proxy.fail(list, limited(String(noon + 1)));
      expect(await directory.read(pin, {})).toBe('absent');
      expect(sent(list)).toBe(2);
      expect(opened.logged.join()).toContain('asking again in 1000 ms');
    });

    it('is not tried again where the reset is far off: that is passed on', async () => {
      proxy.fail(list, limited(String(noon + 42)), 9);
      const error = await expectFault(directory.read(pin, {}), 'rate-limited', 'no');
      expect(error.retryAfterMs).toBe(42_000);
      const patient = await openOkta({ orgUrl: proxy.url, token: secretFile('token', okta.token), timeout: '20s' });
      proxy.clear();
      proxy.fail(list, limited(String(noon + 3)));
      expect((await expectFault(patient.directory.read(pin, {}), 'rate-limited', 'no')).retryAfterMs).toBe(3_000);
      expect(sent(list)).toBe(1);
    });

    it.each([['garbage'], [String(noon - 7)], [`${noon + 1}, ${noon + 1}`], ['99999999999'], ['0'], [undefined]])(
      'waits a second where the reset is %s',
      async (reset) => {
        proxy.fail(list, limited(reset), 9);
        const error = await expectFault(directory.read(pin, {}), 'rate-limited', 'no');
        expect(error.retryAfterMs).toBe(1_000);
        expect(sent(list)).toBe(2);
      },
    );

    it('is given up after three times of an overloaded Okta', async () => {
      proxy.fail(list, busy, 9);
      const error = await expectFault(directory.read(pin, {}), 'unavailable', 'no');
      expect(error.retryable).toBe(true);
      expect(sent(list)).toBe(3);
    });

    it.each<[Fault]>([['silence'], ['stall']])('ends in time where the answer is %s', async (fault) => {
      proxy.fail(list, fault, 9);
      await expectFault(directory.read(pin, {}), 'timeout', 'no');
    });

    it('tells what the clock of Okta said, of refusals too', async () => {
      proxy.fail(list, oktaError(403, 'E0000006', 'no', { date: date(noon) }));
      await expectFault(directory.read(pin, {}), 'forbidden', 'no');
      expect(opened.dates).toEqual([noon * 1000]);
    });
  });

  describe('refusals', () => {
    it('say what is missing', async () => {
      proxy.fail(`PUT ${write}`, oktaError(403, 'E0000006', 'You do not have permission to perform the requested action'));
      const forbidden = await expectFault(directory.add(pin, {}), 'forbidden', 'no');
      expect(forbidden.message).toContain('change the members of groups (403 E0000006, "You do not have permission');
      expect(forbidden.next).toContain('okta.groups.manage');
      proxy.fail(list, oktaError(401, 'E0000011', 'Invalid token provided'));
      const credentials = await expectFault(directory.read(pin, {}), 'credentials', 'no');
      expect(credentials.next).toContain('renew the API token');
      proxy.fail(`PUT ${write}`, oktaError(400, 'E0000001', 'Api validation failed'));
      await expectFault(directory.add(pin, {}), 'refused', 'no');
    });

    it('hold nothing of the token, whoever repeats it, and neither does the log', async () => {
      const canary = '00canary-Never-to-be-seen-4f9c2b7a11';
      const told: unknown[] = [];
      const echo = (status: number): Answer => oktaError(status, 'E0000011', `who is SSWS ${canary}?`);
      for (const fault of [
        echo(401),
        echo(403),
        echo(404),
        echo(500),
        echo(429),
        html(200),
        json(200, `"${canary}"`),
        'drop',
        'silence',
      ] as Fault[]) {
        const other = await openOkta({ orgUrl: proxy.url, token: secretFile('canary', canary), timeout: '1s' });
        for (const act of [() => other.directory.read(pin, {}), () => other.directory.findUser('maria@acme.dev', {})]) {
          proxy.clear();
          proxy.fail('*', fault, 20);
          told.push(await act().catch((error: unknown) => error), other.logged);
        }
      }
      const broken = await openOkta({ orgUrl: proxy.url, token: secretFile('canary', `${canary}\n${canary}`), timeout: '1s' });
      const error = await expectFault(broken.directory.findUser('maria@acme.dev', {}), 'credentials', 'no');
      expect(error.message).toContain('cannot be sent');
      const all = inspect([told, error], { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: Number.POSITIVE_INFINITY });
      expect(told.filter((one) => one instanceof Error)).toHaveLength(18);
      expect(all).not.toContain('canary');
    });
  });

  describe('round trips', () => {
    it('are not spent twice on what was seen a moment ago', async () => {
      await directory.add(pin, {});
      await directory.read(pin, {});
      expect(proxy.seen.map(({ action }) => action)).toEqual([`PUT ${write}`, list]);
    });

    it('never make or change a user or a group, and touch no other membership', async () => {
      await directory.findUser('nobody@acme.dev', {});
      await directory.findGroup('nothing', {});
      await directory.add(pin, {});
      await directory.members(pin, {});
      await directory.remove(pin, {});
      const writes = proxy.seen.map(({ action }) => action).filter((action) => !action.startsWith('GET '));
      expect(writes).toEqual([`PUT ${write}`, `DELETE ${write}`]);
    });
  });
});
