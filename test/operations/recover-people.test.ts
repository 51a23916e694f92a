/** `ledger recover` knows a person under every name that a directory has for them. */

import { describe, expect, it } from 'vitest';
import type { Deps } from '../../src/operations/deps.ts';
import type { Operations } from '../../src/operations/types.ts';
import type { Policy } from '../../src/policy/types.ts';
import { memoryDirectory } from '../fakes/memory-directory.ts';
import { company, granted, hour, role } from './world.ts';

const ask = { role: 'db-admin', asked: { forMs: hour } } as const;
const both = [
  { directory: 'okta', group: 'db' },
  { directory: 'aws', group: 'db' },
];

/** okta knows maria@acme.dev, aws maria; the ledger is a new one that knows neither. */
async function twoDirectories(people: Policy['people'] = {}, userName: 'email' | 'local-part' = 'local-part') {
  const world = await company({ roles: [role('db-admin', { targets: both })], members: { db: ['maria@acme.dev', 'sam@acme.dev'] } });
  const aws = memoryDirectory('aws', { users: ['maria', 'sam', 'm.silva', 'robot'], groups: { db: ['maria', 'robot'] } });
  const directories = { ...world.policy.directories, aws: { name: 'aws', kind: 'local', settings: {}, exclusive: [], userName } };
  const policy = { ...world.policy, directories, people };
  const directory = async (name: string) => (name === 'aws' ? aws : world.okta);
  const as = (name: string, over: Partial<Deps> = {}): Operations => world.as(name, { policy, directory, ...over });
  const listed = async (called: readonly string[] = []) =>
    (await as('boss').recover({ called })).uncovered.map(({ id, people: who }) => [id, who]);
  return { ...world, aws, as, listed };
}

describe('a member of a recovered group', () => {
  it('is known by e-mail where the directory has only what stands before the @, and listed person by person', async () => {
    const { listed } = await twoDirectories();
    expect(await listed()).toEqual([
      ['maria@aws/db', ['maria@acme.dev']],
      ['maria@acme.dev@okta/db', ['maria@acme.dev']],
      ['robot@aws/db', []],
      ['sam@acme.dev@okta/db', ['sam@acme.dev']],
    ]);
  });

  it('is known by e-mail where the policy says so', async () => {
    const { listed, aws } = await twoDirectories({ 'maria@acme.dev': { aws: 'M.Silva' } }, 'email');
    aws.put('m.silva', 'db');
    expect(await listed()).toContainEqual(['m.silva@aws/db', ['maria@acme.dev']]);
  });

  it('is known by an e-mail that nothing but the question has', async () => {
    const { listed, okta } = await twoDirectories();
    okta.take('maria@acme.dev', 'db');
    expect(await listed()).toContainEqual(['maria@aws/db', []]);
    expect(await listed(['Maria@acme.dev'])).toContainEqual(['maria@aws/db', ['maria@acme.dev']]);
  });

  it('is known by what the ledger remembers rather than by a name that fits', async () => {
    const { as, listed, aws, okta } = await twoDirectories();
    aws.take('maria', 'db');
    okta.take('maria@acme.dev', 'db');
    await as('cron').sweep({});
    granted(await as('maria').request(ask));
    await as('maria').release({ id: 'db-admin' });
    aws.put('maria', 'db');
    expect(await listed(['maria@elsewhere.dev'])).toContainEqual(['maria@aws/db', ['maria@acme.dev']]);
  });

  it('could be either of two, and both are told', async () => {
    const { listed } = await twoDirectories();
    expect(await listed(['maria@elsewhere.dev'])).toContainEqual(['maria@aws/db', ['maria@acme.dev', 'maria@elsewhere.dev']]);
  });

  it('is taken out under that e-mail, so that others find it again', async () => {
    const { as, aws } = await twoDirectories();
    const { uncovered } = await as('boss').recover({});
    const end = ['maria@aws/db'];
    await as('boss').recover({ decided: { end, keep: uncovered.map(({ id }) => id).filter((id) => !end.includes(id)) } });
    expect(aws.in('db')).toEqual(['robot']);
    const adopted = (await as('boss').audit({})).find(({ type }) => type === 'member.adopted');
    expect(adopted).toMatchObject({ holder: 'maria@acme.dev', target: 'aws/db' });
  });
});
