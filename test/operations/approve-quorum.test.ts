/** Several have to say yes: different people, each of whom still may when the last one does. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { approval, approvedBy, member } from './approval-world.ts';
import { minute, rule, user } from './world.ts';

const three = [user('sam'), user('ana'), user('boss')];
const two = { quorum: 2 };

describe('a quorum', () => {
  it('lets in at the last yes that it takes, and says how many there are until then', async () => {
    const world = await approval(three, two);
    const id = await world.ask();
    expect(await world.approve('sam', id)).toMatchObject({
      result: 'pending',
      request: { state: 'pending', approvals: [{ by: { email: 'sam@acme.dev' }, answer: 'yes' }] },
      yes: { by: ['sam@acme.dev'], of: 2, dropped: [] },
    });
    expect(world.isIn()).toBe(false);
    world.now += 5 * minute;
    expect(await world.approve('ana', id)).toMatchObject({
      result: 'granted',
      request: { startsAt: world.now, approvals: [{ by: { email: 'sam@acme.dev' } }, { by: { email: 'ana@acme.dev' } }] },
      yes: { by: ['sam@acme.dev', 'ana@acme.dev'], of: 2 },
    });
    expect(world.isIn()).toBe(true);
    const told = (await world.as('boss').audit({ of: id })).map(({ type, actor }) => `${type} ${actor}`);
    expect(told).toEqual(expect.arrayContaining(['request.approval sam@acme.dev', 'request.approved ana@acme.dev']));
  });

  it('of one is what there is without it', async () => {
    const world = await approval(three);
    expect((await world.approve('sam', await world.ask())).result).toBe('granted');
  });

  it('is not made up by a no: one no ends it', async () => {
    const world = await approval(three, two);
    const id = await world.ask();
    await world.approve('sam', id);
    expect((await world.as('ana').deny({ id })).request.state).toBe('denied');
    await expect(world.approve('boss', id)).rejects.toMatchObject({ code: 'not-pending' });
    expect(world.isIn()).toBe(false);
  });
});

describe('one person', () => {
  const sam = { issuer: 'local', subject: 'sam@acme.dev', email: 'sam@acme.dev' };

  it.each([
    ['under the same sign-in', 'sam', {}],
    ['by another issuer under the same e-mail', 'sam', { actor: { ...sam, issuer: 'elsewhere', subject: '42' } }],
    ['under another e-mail of the same subject', 'ana', { actor: { ...sam, email: 'ana@acme.dev' } }],
    ['under an e-mail in other letters', 'sam', { actor: { ...sam, issuer: 'elsewhere', subject: '42', email: 'SAM@acme.dev' } }],
    ['under an e-mail in letters of full width', 'sam', { actor: { ...sam, subject: '42', email: 'ｓam@acme.dev' } }],
  ])('does not count twice: %s', async (_, name, over) => {
    const world = await approval([...three, user('SAM@acme.dev'), user('ｓam@acme.dev')], two);
    const id = await world.ask();
    await world.approve('sam', id);
    await expect(world.approve(name, id, over)).rejects.toMatchObject({ code: 'said-yes-already', exit: 8 });
    expect(world.isIn()).toBe(false);
  });

  it('does not count twice by a second name under people, nor by one that is the same user in the directory', async () => {
    const world = await approval(three, two);
    world.change({ people: { 'ana@acme.dev': { pagerduty: 'PSAM' }, 'sam@acme.dev': { pagerduty: 'psam' } } });
    const id = await world.ask();
    await world.approve('sam', id);
    await expect(world.approve('ana', id)).rejects.toMatchObject({
      code: 'said-yes-already',
      exit: 8,
      why: expect.stringContaining('sam@acme.dev'),
    });
    world.change({ people: {} });
    const findUser: typeof world.okta.findUser = (name, call) => world.okta.findUser(name.replace('ana@', 'sam@'), call);
    const directory = async () => ({ ...world.okta, findUser });
    await expect(world.as('ana', { directory }).approve({ id })).rejects.toMatchObject({ code: 'said-yes-already' });
    expect(world.isIn()).toBe(false);
    expect((await world.approve('ana', id)).result).toBe('granted');
  });
});

describe('an earlier yes', () => {
  const afterFirst = async () => {
    const world = await approval(three, two);
    const id = await world.ask();
    await world.approve('sam', id);
    return { world, id };
  };

  it.each<[string, (world: Awaited<ReturnType<typeof approval>>) => void, RegExp]>([
    ['is blocked', (world) => world.change({ blocked: ['sam@acme.dev'] }), /blocked/],
    ['is no longer active in the directory', (world) => world.okta.deactivate('sam@acme.dev'), /not active in okta/],
    [
      'is no longer an approver',
      (world) => world.change({ roles: { 'db-admin': approvedBy([user('ana'), user('boss')], two) } }),
      /no longer an approver/,
    ],
  ])('of somebody who %s is dropped and said, and another one takes its place', async (_, change, because) => {
    const { world, id } = await afterFirst();
    change(world);
    const second = await world.approve('ana', id);
    expect(second).toMatchObject({ result: 'pending', yes: { by: ['ana@acme.dev'], of: 2 } });
    expect(second.yes?.dropped).toEqual([{ by: 'sam@acme.dev', because: expect.stringMatching(because) }]);
    expect(second.request.approvals.map(({ by }) => by.email)).toEqual(['ana@acme.dev']);
    expect(world.isIn()).toBe(false);
    expect((await world.approve('boss', id)).result).toBe('granted');
  });

  it('is dropped when the policy gives something else for the role by then', async () => {
    const both = [
      { directory: 'okta', group: 'db' },
      { directory: 'okta', group: 'web' },
    ];
    const world = await approval(three, { ...two, targets: both });
    const id = await world.ask();
    await world.approve('sam', id);
    world.change({ roles: { 'db-admin': approvedBy(three, two) } });
    expect((await world.approve('ana', id)).yes).toMatchObject({
      by: ['ana@acme.dev'],
      dropped: [{ because: 'what is asked is no longer what it was' }],
    });
    expect(world.isIn()).toBe(false);
  });
});

describe('what cannot be found out about an earlier yes', () => {
  it('is an error where it matters, and the yes that came with it is not taken down', async () => {
    const world = await approval([member('web'), user('ana'), user('boss')], two, { members: { web: ['sam@acme.dev'] } });
    const id = await world.ask();
    await world.approve('sam', id);
    const read: typeof world.okta.read = async (pin, call) => {
      if (pin.groupName === 'web' && pin.userName === 'sam@acme.dev')
        throw new ProviderError('okta', 'timeout', 'okta did not answer within 5 s');
      return world.okta.read(pin, call);
    };
    const directory = async () => ({ ...world.okta, read });
    await expect(world.as('ana', { directory }).approve({ id })).rejects.toMatchObject({
      code: 'undecided',
      exit: 1,
      message: `could not decide whether the yes of sam@acme.dev to ${id} still counts`,
      why: expect.stringContaining('okta did not answer within 5 s'),
    });
    expect((await world.as('boss').status({ of: id })).requests[0]?.approvals.map(({ by }) => by.email)).toEqual(['sam@acme.dev']);
    expect(world.isIn()).toBe(false);
    expect((await world.approve('ana', id)).result).toBe('granted');
  });

  it('is none where it is not the last one', async () => {
    const world = await approval([member('web'), user('ana'), user('boss')], { quorum: 3 }, { members: { web: ['sam@acme.dev'] } });
    const id = await world.ask();
    await world.approve('sam', id);
    world.okta.fail('read', new ProviderError('okta', 'timeout', 'no answer'), 'before', 2);
    expect(await world.approve('ana', id)).toMatchObject({ result: 'pending', yes: { by: ['sam@acme.dev', 'ana@acme.dev'], of: 3 } });
  });
});

it('the facts of the requester are gathered again at each yes', async () => {
  const world = await approval(three, { ...two, deny: [rule(member('web'))] });
  const id = await world.ask();
  await world.approve('sam', id);
  world.okta.put('maria@acme.dev', 'web');
  expect(await world.as('ana').approve({ id })).toMatchObject({ result: 'denied', exit: 3 });
  expect(world.isIn()).toBe(false);
});

it('a policy that asks for fewer by now lets nobody in by the yes of before: somebody has to say it', async () => {
  const world = await approval(three, two);
  const id = await world.ask();
  await world.approve('sam', id);
  world.change({ roles: { 'db-admin': approvedBy(three) } });
  expect(await world.as('maria').request({ role: 'db-admin', asked: { byDefault: true } })).toMatchObject({ result: 'pending' });
  expect(world.isIn()).toBe(false);
  expect((await world.approve('ana', id)).result).toBe('granted');
});
