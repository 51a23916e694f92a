/** IAM Identity Center when things go wrong: what is known of a write, what counts as AWS's answer, and what it says in more than one way. */

import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { type Answer, type Fault, type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { deniedStore, type FakeIdentityStore, type FakeStore, startIdentityStore, storeError } from '../fakes/identity-store.ts';
import { bareAwsEnv } from './iam-world.ts';
import { type Opened, openIdentityCenter, otherStoreId, storeId } from './identity-center-world.ts';

const html = (status: number): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><body>Sign in to the network</body></html>',
});
const throttled = (more?: object, headers?: Record<string, string>): Answer =>
  storeError('ThrottlingException', 'Rate exceeded', more, headers);
const overloaded = storeError('InternalServerException', 'internal');
const conflict = (Reason?: string): Answer => storeError('ConflictException', 'conflict', Reason === undefined ? {} : { Reason });
const notFound = (ResourceType?: string): Answer =>
  storeError('ResourceNotFoundException', 'not found', ResourceType === undefined ? {} : { ResourceType });

let fake: FakeIdentityStore;
let proxy: FaultProxy;
let store: FakeStore;
let opened: Opened;
let directory: Directory;
let pin: Pin;

beforeAll(async () => {
  for (const [key, value] of Object.entries(bareAwsEnv)) vi.stubEnv(key, value);
  fake = await startIdentityStore();
  proxy = await startFaultProxy(fake.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy?.stop();
  await fake?.stop();
});
beforeEach(async () => {
  fake.reset();
  proxy.clear();
  store = fake.store(storeId);
  const [user, group] = [store.addUser('maria@acme.dev'), store.addGroup('db-admins')];
  pin = { account: storeId, userId: user.id, userName: user.name, groupId: group.id, groupName: group.name };
  opened = await openIdentityCenter({ endpoint: proxy.url, timeout: '1s' });
  directory = opened.directory;
  await directory.read(pin, {});
  proxy.clear();
});
afterEach(() => expect(fake.violations).toEqual([]));

const sent = (action: string): number => proxy.seen.filter((request) => request.action === action).length;
const isMember = (): boolean => store.between(pin.userId, pin.groupId) !== undefined;
const join = () => store.join(pin.userId, pin.groupId);

describe('a write is sent once', () => {
  it.each<[string, Fault, 'timeout' | 'unavailable', boolean]>([
    ['whose answer is lost', 'lose-answer', 'unavailable', true],
    ['that is cut off on its way', 'drop', 'unavailable', false],
    ['that is never answered', 'silence', 'timeout', true],
    ['that is answered by half', 'stall', 'timeout', true],
    ['that meets an overloaded AWS', overloaded, 'unavailable', false],
    ['that meets a gateway which fails', html(503), 'unavailable', false],
    ['that arrives late', { delayMs: 1_300 }, 'timeout', true],
  ])('and a write %s is not known to be applied, nor to be not', async (_, fault, expected, applied) => {
    proxy.fail('CreateGroupMembership', fault);
    await expectFault(directory.add(pin, {}), expected, 'unknown');
    expect(sent('CreateGroupMembership')).toBe(1);
    await vi.waitFor(() => expect(isMember()).toBe(applied), { timeout: 3_000 });
  });

  it('and a lost removal is told as such, though a second try would look like success', async () => {
    join();
    proxy.fail('DeleteGroupMembership', 'lose-answer');
    await expectFault(directory.remove(pin, {}), 'unavailable', 'unknown');
    expect(sent('DeleteGroupMembership')).toBe(1);
    expect(await directory.remove(pin, {})).toBe('already');
  });

  it.each<[string, Answer]>([
    ['in the header', throttled({}, { 'retry-after': '7' })],
    ['in the answer', throttled({ RetryAfterSeconds: 7 })],
  ])('and one that is throttled was not applied, and says %s when to try again', async (_, answer) => {
    proxy.fail('CreateGroupMembership', answer);
    const error = await expectFault(directory.add(pin, {}), 'rate-limited', 'no');
    expect(error.retryAfterMs).toBe(7_000);
    expect(sent('CreateGroupMembership')).toBe(1);
  });

  it('and a full identity store is explained, not waited for', async () => {
    proxy.fail('CreateGroupMembership', storeError('ServiceQuotaExceededException', 'too many'));
    const error = await expectFault(directory.add(pin, {}), 'quota', 'no');
    expect(error.next).toContain('quota raised');
    expect(error.retryable).toBe(false);
  });

  it('and a stop while it is under way leaves open whether it was applied', async () => {
    const stop = new AbortController();
    proxy.fail('CreateGroupMembership', 'silence');
    const added = directory.add(pin, { signal: stop.signal });
    await vi.waitFor(() => expect(sent('CreateGroupMembership')).toBe(1));
    stop.abort();
    await expectFault(added, 'unavailable', 'unknown');
  });
});

describe('a conflict', () => {
  it.each<[string, Answer]>([
    ['that says so', conflict('UNIQUENESS_CONSTRAINT_VIOLATION')],
    ['that does not say which it is', conflict()],
  ])('%s means that the membership is there, where it is', async (_, answer) => {
    join();
    proxy.fail('CreateGroupMembership', answer);
    expect(await directory.add(pin, {})).toBe('already');
    expect(sent('CreateGroupMembership')).toBe(1);
  });

  it.each<[string, Answer]>([
    ['of two who change the group at once', conflict('CONCURRENT_MODIFICATION')],
    ['that does not say which it is, over a membership that is not there', conflict()],
  ])('%s was not applied, and passes', async (_, answer) => {
    proxy.fail('CreateGroupMembership', answer);
    const error = await expectFault(directory.add(pin, {}), 'unavailable', 'no');
    expect(error.retryable).toBe(true);
    expect(isMember()).toBe(false);
  });

  it('at a removal was not applied, and passes', async () => {
    join();
    proxy.fail('DeleteGroupMembership', conflict('CONCURRENT_MODIFICATION'));
    await expectFault(directory.remove(pin, {}), 'unavailable', 'no');
    expect(await directory.remove(pin, {})).toBe('removed');
  });

  it('is believed where it says that the membership is there, though reads lag', async () => {
    fake.freeze(store);
    expect(await directory.add(pin, {})).toBe('added');
    expect(await directory.read(pin, {})).toBe('absent');
    expect(await directory.add(pin, {})).toBe('already');
  });
});

describe('"not found"', () => {
  it('of the whole identity store is a wrong account, and nobody is gone by it', async () => {
    const elsewhere = await openIdentityCenter({ endpoint: proxy.url, identityStoreId: otherStoreId });
    const error = await expectFault(elsewhere.directory.findUser('maria@acme.dev', {}), 'wrong-account', 'no');
    expect(error.next).toContain('identityStoreId and region');
    proxy.fail('GetGroupMembershipId', notFound('IDENTITY_STORE'));
    await expectFault(directory.read(pin, {}), 'wrong-account', 'no');
  });

  it('of the key that the identity store is encrypted with is told as such, and nobody is gone by it', async () => {
    proxy.fail('GetGroupMembershipId', storeError('ResourceNotFoundException', 'no key', { Reason: 'KMS_KEY_NOT_FOUND' }));
    const error = await expectFault(directory.read(pin, {}), 'refused', 'no');
    expect(error.next).toContain('KMS key');
    proxy.fail('DescribeUser', storeError('AccessDeniedException', 'no right', { Reason: 'KMS_ACCESS_DENIED' }));
    const denied = await expectFault(directory.hasLeft?.(pin, {}) ?? Promise.resolve(), 'forbidden', 'no');
    expect(denied.next).toContain('kms:Decrypt');
  });

  it.each([[undefined], ['GROUP'], ['RESOURCE_POLICY']])(
    'of a user who is asked for by id counts only of the user, not of %s',
    async (type) => {
      opened.passTime();
      proxy.fail('DescribeUser', notFound(type));
      await expectFault(directory.read(pin, {}), 'not-found', 'no');
    },
  );

  it.each([[undefined], ['USER'], ['GROUP_MEMBERSHIP']])(
    'of a group whose members are read counts only of the group, not of %s',
    async (type) => {
      proxy.fail('ListGroupMemberships', notFound(type));
      await expectFault(directory.members(pin, {}), 'not-found', 'no');
    },
  );

  it('of a membership, whatever it says is missing, is looked into', async () => {
    for (const type of [undefined, 'USER', 'GROUP', 'GROUP_MEMBERSHIP']) {
      opened.passTime();
      proxy.fail('GetGroupMembershipId', notFound(type));
      expect(await directory.read(pin, {}), type).toBe('absent');
    }
  });

  it('at an add is a reason to try later where both exist, and final where one does not', async () => {
    proxy.fail('CreateGroupMembership', notFound('USER'));
    await expectFault(directory.add(pin, {}), 'unavailable', 'no');
    store.removeUser(pin.userId);
    await directory.read(pin, {}).catch(() => undefined);
    proxy.clear();
    const error = await expectFault(directory.add(pin, {}), 'not-found', 'no');
    expect(error.message).toContain('user maria@acme.dev no longer exists');
  });

  it('at a removal means that it is done only where the membership is gone', async () => {
    join();
    proxy.fail('DeleteGroupMembership', notFound('GROUP_MEMBERSHIP'));
    await expectFault(directory.remove(pin, {}), 'unavailable', 'no');
    proxy.fail('DeleteGroupMembership', { instead: notFound('GROUP_MEMBERSHIP') });
    expect(await directory.remove(pin, {})).toBe('already');
  });

  it('of a group in whose empty list nobody is, is asked for', async () => {
    const empty = { instead: { ...storeError('', ''), status: 200, body: '{"GroupMemberships":[]}' } };
    proxy.fail('ListGroupMemberships', empty, 2);
    expect(await directory.members(pin, {})).toEqual([]);
    store.removeGroup(pin.groupId);
    expect(await directory.members(pin, {})).toBe('gone');
  });
});

describe('a read', () => {
  it.each<[string, Fault]>([
    ['a lost answer', 'lose-answer'],
    ['throttling', throttled()],
    ['a failing gateway', html(503)],
    ['an overloaded AWS', overloaded],
  ])('is tried again after %s', async (_, fault) => {
    proxy.fail('GetGroupMembershipId', fault, 2);
    expect(await directory.read(pin, {})).toBe('absent');
    expect(sent('GetGroupMembershipId')).toBe(3);
  });

  it.each<[string, Answer]>([
    ['in its header', throttled({}, { 'retry-after': '60' })],
    ['in its answer', throttled({ RetryAfterSeconds: 60 })],
  ])('is not tried again where AWS asks for a long pause %s: that is passed on', async (_, answer) => {
    proxy.fail('GetGroupMembershipId', answer, 9);
    const error = await expectFault(directory.read(pin, {}), 'rate-limited', 'no');
    expect(error.retryAfterMs).toBe(60_000);
    expect(sent('GetGroupMembershipId')).toBe(1);
  });

  it('ends in time where nobody answers', async () => {
    proxy.fail('GetGroupMembershipId', 'silence', 9);
    await expectFault(directory.read(pin, {}), 'timeout', 'no');
  });

  it('of a list whose second page fails says nothing of anybody', async () => {
    for (let i = 0; i < 8; i++) store.join(store.addUser(`u${i}`).id, pin.groupId);
    proxy.fail('ListGroupMemberships', { delayMs: 0 });
    proxy.fail('ListGroupMemberships', deniedStore('ListGroupMemberships'));
    await expectFault(directory.members(pin, {}), 'forbidden', 'no');
    expect(await directory.members(pin, {})).toHaveLength(8);
  });

  it('names the right that is missing', async () => {
    proxy.fail('GetGroupMembershipId', deniedStore('GetGroupMembershipId'));
    const error = await expectFault(directory.read(pin, {}), 'forbidden', 'no');
    expect(error.next).toContain('identitystore:GetGroupMembershipId');
  });

  it.each([['UnrecognizedClientException'], ['InvalidSignatureException'], ['ExpiredTokenException']])(
    'is a matter of credentials at %s',
    async (type) => {
      proxy.fail('GetGroupMembershipId', storeError(type, 'no'));
      await expectFault(directory.read(pin, {}), 'credentials', 'no');
    },
  );
});

it('keeps what was signed out of the error', async () => {
  proxy.fail('GetGroupMembershipId', deniedStore('GetGroupMembershipId'));
  const error = await expectFault(directory.read(pin, {}), 'forbidden');
  expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toMatch(/Signature=|AKIA|authorization:/);
});

it('tells what the clock of AWS said, of refusals too', async () => {
  opened.dates.length = 0;
  const said = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  proxy.fail('GetGroupMembershipId', storeError('AccessDeniedException', 'no', {}, { date: new Date(said).toUTCString() }));
  await expectFault(directory.read(pin, {}), 'forbidden');
  expect(opened.dates).toEqual([said]);
});
