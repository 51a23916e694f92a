/** IAM Identity Center when things go wrong: what is known of a write, what counts as AWS's answer, and what it says in more than one way. */

import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { expectFault } from '../contracts/directory-world.ts';
import type { Answer, Fault } from '../fakes/fault-proxy.ts';
import { deniedStore, storeError } from '../fakes/identity-store.ts';
import { openIdentityCenter, otherStoreId, storeInTrouble } from './identity-center-world.ts';

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

const here = storeInTrouble();

const sent = (action: string): number => here.proxy.seen.filter((request) => request.action === action).length;
const isMember = (): boolean => here.store.between(here.pin.userId, here.pin.groupId) !== undefined;
const join = () => here.store.join(here.pin.userId, here.pin.groupId);

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
    here.proxy.fail('CreateGroupMembership', fault);
    await expectFault(here.directory.add(here.pin, {}), expected, 'unknown');
    expect(sent('CreateGroupMembership')).toBe(1);
    await vi.waitFor(() => expect(isMember()).toBe(applied), { timeout: 3_000 });
  });

  it('and a lost removal is told as such, though a second try would look like success', async () => {
    join();
    here.proxy.fail('DeleteGroupMembership', 'lose-answer');
    await expectFault(here.directory.remove(here.pin, {}), 'unavailable', 'unknown');
    expect(sent('DeleteGroupMembership')).toBe(1);
    expect(await here.directory.remove(here.pin, {})).toBe('already');
  });

  it.each<[string, Answer]>([
    ['in the header', throttled({}, { 'retry-after': '7' })],
    ['in the answer', throttled({ RetryAfterSeconds: 7 })],
  ])('and one that is throttled was not applied, and says %s when to try again', async (_, answer) => {
    here.proxy.fail('CreateGroupMembership', answer);
    const error = await expectFault(here.directory.add(here.pin, {}), 'rate-limited', 'no');
    expect(error.retryAfterMs).toBe(7_000);
    expect(sent('CreateGroupMembership')).toBe(1);
  });

  it('and a full identity store is explained, not waited for', async () => {
    here.proxy.fail('CreateGroupMembership', storeError('ServiceQuotaExceededException', 'too many'));
    const error = await expectFault(here.directory.add(here.pin, {}), 'quota', 'no');
    expect(error.next).toContain('quota raised');
    expect(error.retryable).toBe(false);
  });

  it('and a stop while it is under way leaves open whether it was applied', async () => {
    const stop = new AbortController();
    here.proxy.fail('CreateGroupMembership', 'silence');
    const added = here.directory.add(here.pin, { signal: stop.signal });
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
    here.proxy.fail('CreateGroupMembership', answer);
    expect(await here.directory.add(here.pin, {})).toBe('already');
    expect(sent('CreateGroupMembership')).toBe(1);
  });

  it.each<[string, Answer]>([
    ['of two who change the group at once', conflict('CONCURRENT_MODIFICATION')],
    ['that does not say which it is, over a membership that is not there', conflict()],
  ])('%s was not applied, and passes', async (_, answer) => {
    here.proxy.fail('CreateGroupMembership', answer);
    const error = await expectFault(here.directory.add(here.pin, {}), 'unavailable', 'no');
    expect(error.retryable).toBe(true);
    expect(isMember()).toBe(false);
  });

  it('at a removal was not applied, and passes', async () => {
    join();
    here.proxy.fail('DeleteGroupMembership', conflict('CONCURRENT_MODIFICATION'));
    await expectFault(here.directory.remove(here.pin, {}), 'unavailable', 'no');
    expect(await here.directory.remove(here.pin, {})).toBe('removed');
  });

  it('is believed where it says that the membership is there, though reads lag', async () => {
    here.fake.freeze(here.store);
    expect(await here.directory.add(here.pin, {})).toBe('added');
    expect(await here.directory.read(here.pin, {})).toBe('absent');
    expect(await here.directory.add(here.pin, {})).toBe('already');
  });
});

describe('"not found"', () => {
  it('of the whole identity store is a wrong account, and nobody is gone by it', async () => {
    const elsewhere = await openIdentityCenter({ endpoint: here.proxy.url, identityStoreId: otherStoreId });
    const error = await expectFault(elsewhere.directory.findUser('maria@acme.dev', {}), 'wrong-account', 'no');
    expect(error.next).toContain('identityStoreId and region');
    here.proxy.fail('GetGroupMembershipId', notFound('IDENTITY_STORE'));
    await expectFault(here.directory.read(here.pin, {}), 'wrong-account', 'no');
  });

  it('of the key that the identity store is encrypted with is told as such, and nobody is gone by it', async () => {
    here.proxy.fail('GetGroupMembershipId', storeError('ResourceNotFoundException', 'no key', { Reason: 'KMS_KEY_NOT_FOUND' }));
    const error = await expectFault(here.directory.read(here.pin, {}), 'refused', 'no');
    expect(error.next).toContain('KMS key');
    here.proxy.fail('DescribeUser', storeError('AccessDeniedException', 'no right', { Reason: 'KMS_ACCESS_DENIED' }));
    const denied = await expectFault(here.directory.hasLeft?.(here.pin, {}) ?? Promise.resolve(), 'forbidden', 'no');
    expect(denied.next).toContain('kms:Decrypt');
  });

  it.each([[undefined], ['GROUP'], ['RESOURCE_POLICY']])(
    'of a user who is asked for by id counts only of the user, not of %s',
    async (type) => {
      here.opened.passTime();
      here.proxy.fail('DescribeUser', notFound(type));
      await expectFault(here.directory.read(here.pin, {}), 'not-found', 'no');
    },
  );

  it.each([[undefined], ['USER'], ['GROUP_MEMBERSHIP']])(
    'of a group whose members are read counts only of the group, not of %s',
    async (type) => {
      here.proxy.fail('ListGroupMemberships', notFound(type));
      await expectFault(here.directory.members(here.pin, {}), 'not-found', 'no');
    },
  );

  it('of a membership, whatever it says is missing, is looked into', async () => {
    for (const type of [undefined, 'USER', 'GROUP', 'GROUP_MEMBERSHIP']) {
      here.opened.passTime();
      here.proxy.fail('GetGroupMembershipId', notFound(type));
      expect(await here.directory.read(here.pin, {}), type).toBe('absent');
    }
  });

  it('at an add is a reason to try later where both exist, and final where one does not', async () => {
    here.proxy.fail('CreateGroupMembership', notFound('USER'));
    await expectFault(here.directory.add(here.pin, {}), 'unavailable', 'no');
    here.store.removeUser(here.pin.userId);
    await here.directory.read(here.pin, {}).catch(() => undefined);
    here.proxy.clear();
    const error = await expectFault(here.directory.add(here.pin, {}), 'not-found', 'no');
    expect(error.message).toContain('user maria@acme.dev no longer exists');
  });

  it('at a removal means that it is done only where the membership is gone', async () => {
    join();
    here.proxy.fail('DeleteGroupMembership', notFound('GROUP_MEMBERSHIP'));
    await expectFault(here.directory.remove(here.pin, {}), 'unavailable', 'no');
    here.proxy.fail('DeleteGroupMembership', { instead: notFound('GROUP_MEMBERSHIP') });
    expect(await here.directory.remove(here.pin, {})).toBe('already');
  });

  it('of a group in whose empty list nobody is, is asked for', async () => {
    const empty = { instead: { ...storeError('', ''), status: 200, body: '{"GroupMemberships":[]}' } };
    here.proxy.fail('ListGroupMemberships', empty, 2);
    expect(await here.directory.members(here.pin, {})).toEqual([]);
    here.store.removeGroup(here.pin.groupId);
    expect(await here.directory.members(here.pin, {})).toBe('gone');
  });
});

describe('a read', () => {
  it.each<[string, Fault]>([
    ['a lost answer', 'lose-answer'],
    ['throttling', throttled()],
    ['a failing gateway', html(503)],
    ['an overloaded AWS', overloaded],
  ])('is tried again after %s', async (_, fault) => {
    here.proxy.fail('GetGroupMembershipId', fault, 2);
    expect(await here.directory.read(here.pin, {})).toBe('absent');
    expect(sent('GetGroupMembershipId')).toBe(3);
  });

  it.each<[string, Answer]>([
    ['in its header', throttled({}, { 'retry-after': '60' })],
    ['in its answer', throttled({ RetryAfterSeconds: 60 })],
  ])('is not tried again where AWS asks for a long pause %s: that is passed on', async (_, answer) => {
    here.proxy.fail('GetGroupMembershipId', answer, 9);
    const error = await expectFault(here.directory.read(here.pin, {}), 'rate-limited', 'no');
    expect(error.retryAfterMs).toBe(60_000);
    expect(sent('GetGroupMembershipId')).toBe(1);
  });

  it('ends in time where nobody answers', async () => {
    here.proxy.fail('GetGroupMembershipId', 'silence', 9);
    await expectFault(here.directory.read(here.pin, {}), 'timeout', 'no');
  });

  it('of a list whose second page fails says nothing of anybody', async () => {
    for (let i = 0; i < 8; i++) here.store.join(here.store.addUser(`u${i}`).id, here.pin.groupId);
    here.proxy.fail('ListGroupMemberships', { delayMs: 0 });
    here.proxy.fail('ListGroupMemberships', deniedStore('ListGroupMemberships'));
    await expectFault(here.directory.members(here.pin, {}), 'forbidden', 'no');
    expect(await here.directory.members(here.pin, {})).toHaveLength(8);
  });

  it('names the right that is missing', async () => {
    here.proxy.fail('GetGroupMembershipId', deniedStore('GetGroupMembershipId'));
    const error = await expectFault(here.directory.read(here.pin, {}), 'forbidden', 'no');
    expect(error.next).toContain('identitystore:GetGroupMembershipId');
  });

  it.each([['UnrecognizedClientException'], ['InvalidSignatureException'], ['ExpiredTokenException']])(
    'is a matter of credentials at %s',
    async (type) => {
      here.proxy.fail('GetGroupMembershipId', storeError(type, 'no'));
      await expectFault(here.directory.read(here.pin, {}), 'credentials', 'no');
    },
  );
});

it('keeps what was signed out of the error', async () => {
  here.proxy.fail('GetGroupMembershipId', deniedStore('GetGroupMembershipId'));
  const error = await expectFault(here.directory.read(here.pin, {}), 'forbidden');
  expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toMatch(/Signature=|AKIA|authorization:/);
});

it('tells what the clock of AWS said, of refusals too', async () => {
  here.opened.dates.length = 0;
  const said = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  here.proxy.fail('GetGroupMembershipId', storeError('AccessDeniedException', 'no', {}, { date: new Date(said).toUTCString() }));
  await expectFault(here.directory.read(here.pin, {}), 'forbidden');
  expect(here.opened.dates).toEqual([said]);
});
