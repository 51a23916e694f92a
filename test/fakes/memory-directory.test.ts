import { ProviderError } from '../../src/errors.ts';
import { directoryContract } from '../contracts/directory.ts';
import type { DirectoryWorld } from '../contracts/directory-world.ts';
import { memoryDirectory } from './memory-directory.ts';

async function memoryWorld(): Promise<DirectoryWorld> {
  let now = Date.parse('2026-11-22T03:00:00Z');
  const arrange = (account: string) => {
    const directory = memoryDirectory('memory', { users: [], groups: {}, account, now: () => now });
    return {
      directory,
      addUser: async (user: string) => directory.addUser(user),
      addGroup: async (group: string) => directory.addGroup(group),
      join: async (user: string, group: string) => directory.put(user, group),
      isMember: async (user: string, group: string) => directory.in(group).includes(user),
    };
  };
  const here = arrange('here');
  const { directory } = here;
  return {
    ...here,
    elsewhere: arrange('elsewhere'),
    now: () => now,
    passTime: () => {
      now += 60_000;
    },
    writes: async () => directory.writes(),
    denyWrites: async () => {
      const forbidden = new ProviderError('memory', 'forbidden', 'no right to do that', { applied: 'no' });
      for (const verb of ['add', 'remove'] as const) directory.fail(verb, forbidden, 'before', Number.POSITIVE_INFINITY);
    },
    close: async () => undefined,
    leave: async (user, group) => directory.take(user, group),
    removeUser: async (user) => directory.deleteUser(user),
    removeGroup: async (group) => directory.deleteGroup(group),
    renameUser: async (from, to) => directory.renameUser(from, to),
    renameGroup: async (from, to) => directory.renameGroup(from, to),
    twin: async (user) => directory.addUser(user),
  };
}

const traits = { user: 'maria@acme.dev', otherUser: 'sam@acme.dev', namesAreIds: false, twins: true, tellsAlready: true };

directoryContract('the directory in memory', memoryWorld, { ...traits, group: 'db-admins' });
directoryContract('the directory in memory, for an IAM role,', memoryWorld, {
  ...traits,
  group: 'arn:aws:iam::111122223333:role/db-admin',
  isIamRole: true,
});
