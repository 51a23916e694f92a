/** Nobody says yes to their own request, under whatever name; and only who is active says yes at all. */

import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../src/errors.ts';
import { approval, member } from './approval-world.ts';
import { user } from './world.ts';

const maria = { issuer: 'local', subject: 'maria@acme.dev', email: 'maria@acme.dev' };
const others = [
  'maria@acme.dev',
  'm.silva@acme.dev',
  'MARIA@acme.dev',
  'ｍaria@acme.dev',
  'maria@ACME.dev',
  'ma\u200bria@acme.dev',
  'ana@acme.dev',
];

describe('one’s own', () => {
  it.each([
    ['as oneself', maria],
    ['by another issuer', { ...maria, issuer: 'https://other', subject: '00u1' }],
    ['under a new e-mail of the same subject', { ...maria, email: 'ana@acme.dev' }],
    ['in capital letters', { ...maria, issuer: 'https://other', subject: '1', email: 'MARIA@acme.dev' }],
    ['in letters of full width', { ...maria, issuer: 'https://other', subject: '2', email: 'ｍaria@acme.dev' }],
    ['with a letter that nobody sees', { ...maria, issuer: 'https://other', subject: '3', email: 'ma\u200bria@acme.dev' }],
    ['under the name that people give them elsewhere', { ...maria, issuer: 'https://other', subject: '4', email: 'm.silva@acme.dev' }],
  ])('is not approved %s', async (_, actor) => {
    const world = await approval(others.map(user));
    world.change({ people: { 'maria@acme.dev': { pagerduty: 'PMARIA' }, 'm.silva@acme.dev': { pagerduty: 'pmaria' } } });
    const id = await world.ask();
    await expect(world.approve('maria', id, { actor })).rejects.toMatchObject({ code: 'own-request', exit: 3 });
    expect((await world.as('maria', { actor: async () => actor }).waiting()).requests).toEqual([]);
    expect(world.isIn()).toBe(false);
  });
});

it('is not approved by whoever is the same user where the access is, whatever they are called here', async () => {
  const world = await approval([user('ana')]);
  const id = await world.ask();
  const findUser: typeof world.okta.findUser = (name, call) => world.okta.findUser(name.replace('ana@', 'maria@'), call);
  const as = world.as('ana', { directory: async () => ({ ...world.okta, findUser }) });
  await expect(as.approve({ id })).rejects.toMatchObject({ code: 'own-request', exit: 3 });
  expect(world.isIn()).toBe(false);
});

describe('who is suspended or deactivated', () => {
  it('does not say yes: in a directory of the role, or in one that says who approves', async () => {
    const world = await approval([user('sam')]);
    world.okta.deactivate('sam@acme.dev');
    const id = await world.ask();
    await expect(world.approve('sam', id)).rejects.toMatchObject({
      code: 'forbidden',
      exit: 3,
      why: 'sam@acme.dev is not active in okta, and only who is active says yes',
    });
    expect(world.isIn()).toBe(false);
  });

  it('is asked about where a group of another directory names approvers, and an unknown answer lets nobody in', async () => {
    const world = await approval([user('sam'), { kind: 'member', directory: 'people', group: 'leads' }]);
    Object.assign(world.policy.directories, { people: { ...world.policy.directories.okta, name: 'people' } });
    const id = await world.ask();
    const people = {
      ...world.okta,
      findUser: async () => Promise.reject(new ProviderError('people', 'timeout', 'people did not answer within 5 s')),
    };
    const directory = async (name: string) => (name === 'people' ? people : world.okta);
    await expect(world.as('sam', { directory }).approve({ id })).rejects.toMatchObject({
      code: 'undecided',
      exit: 1,
      why: 'people did not answer within 5 s',
    });
    expect(world.isIn()).toBe(false);
    const gone = { ...world.okta, findUser: async (name: string) => ({ userId: 'p1', userName: name, active: false }) };
    const there = async (name: string) => (name === 'people' ? gone : world.okta);
    await expect(world.as('sam', { directory: there }).approve({ id })).rejects.toMatchObject({
      code: 'forbidden',
      why: expect.stringContaining('not active in people'),
    });
    expect((await world.approve('sam', id)).result).toBe('granted');
  });

  it('does not as a member of a group either', async () => {
    const world = await approval([member('web')], {}, { members: { web: ['sam@acme.dev'] } });
    const id = await world.ask();
    world.okta.deactivate('sam@acme.dev');
    await expect(world.approve('sam', id)).rejects.toMatchObject({ code: 'undecided' });
    expect(world.isIn()).toBe(false);
  });
});
