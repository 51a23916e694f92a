/** The main job, whole: from request to removal, on the embedded pair and on AWS IAM as moto plays it, through `main()` and through the built bundle. */

import { AddUserToGroupCommand, CreateGroupCommand, CreateUserCommand, GetGroupCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Moto, noMoto, startMoto } from '../fakes/moto.ts';
import { type Door, doors, type Stage, schedule, stage } from './stage.ts';

const people = ['maria', 'sam', 'ana', 'standing'];
const hourMs = 3_600_000;
/** Long enough for a loaded machine to get in before it is over. */
const brief = '3s';
const overMs = 3100;

const roles = (directory: string): string => `
roles:
  db-admin:
    targets: { ${directory}: db-admins }
    ttl: { default: 1h, max: 12h }
    allow: [ { onCall: file/db-primary, until: shift } ]
  helper:
    targets: { ${directory}: db-admins }
    allow: [ { user: maria@acme.dev } ]
  responder:
    targets: { ${directory}: db-admins }
    allow: [ { incident: file, severities: [major], until: incident } ]
  halves:
    targets: { ${directory}: [db-admins, no-such-group] }
    allow: [ { user: maria@acme.dev } ]
  guarded:
    targets: { ${directory}: db-admins }
    ask: [ { user: sam@acme.dev } ]
    approvers: [ { user: maria@acme.dev } ]
`;

type Company = { readonly stage: Stage; members(): Promise<readonly string[]>; put(name: string): Promise<void> };
type Kind = { readonly name: string; readonly skip?: string | undefined; open(door: Door): Promise<Company> };

const files = (settings: string, directory: string): Record<string, string> => ({
  'oncall.yaml': `version: 1\nledger: ./oncall.db\nidentity: [ { kind: local } ]\nadmins: [ { user: boss@acme.dev } ]\ndirectories:\n  ${directory}: ${settings}\nrosters:\n  file: { path: ./schedule.yaml }\n${roles(directory)}`,
  'schedule.yaml': schedule(),
});

const embedded: Kind = {
  name: 'the embedded pair',
  open: async (door) => {
    const groups = { users: people.map((name) => `${name}@acme.dev`), groups: { 'db-admins': [] as string[] } };
    const made = stage(door, { ...files('{ path: ./groups.json }', 'local'), 'groups.json': JSON.stringify(groups) });
    const read = (): typeof groups => JSON.parse(made.read('groups.json'));
    return {
      stage: made,
      members: async () => read().groups['db-admins'],
      put: async (name) => {
        const now = read();
        now.groups['db-admins'].push(`${name}@acme.dev`);
        made.write('groups.json', JSON.stringify(now));
      },
    };
  },
};

let moto: Moto | undefined;
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

const iam: Kind = {
  name: 'AWS IAM on moto',
  skip: noMoto,
  open: async (door) => {
    if (!moto) throw new Error('moto_server is not running');
    await moto.reset();
    const client = new IAMClient({ region: 'us-east-1', endpoint: moto.url, credentials });
    for (const name of people) await client.send(new CreateUserCommand({ UserName: name }));
    await client.send(new CreateGroupCommand({ GroupName: 'db-admins' }));
    const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    return {
      stage: stage(door, files(`{ kind: aws-iam, endpoint: ${moto.url}, userName: local-part }`, 'aws-prod'), env),
      members: async () => {
        const { Users = [] } = await client.send(new GetGroupCommand({ GroupName: 'db-admins' }));
        return Users.map((user) => `${user.UserName}@acme.dev`);
      },
      put: async (name) => void (await client.send(new AddUserToGroupCommand({ GroupName: 'db-admins', UserName: name }))),
    };
  },
};

beforeAll(async () => {
  moto = await startMoto();
}, 60_000);
afterAll(async () => moto?.stop());

for (const kind of [embedded, iam])
  for (const door of doors)
    describe.skipIf(kind.skip !== undefined)(
      `${kind.name}, through ${door}${kind.skip === undefined ? '' : ` (skipped: ${kind.skip})`}`,
      () => {
        const inCompany = async (play: (company: Company) => Promise<void>): Promise<void> => {
          const company = await kind.open(door);
          try {
            const first = await company.stage.run('cron', 'sweep');
            expect(first, first.err).toMatchObject({ exit: 0 });
            await play(company);
          } finally {
            company.stage.remove();
          }
        };

        it('lets the engineer on call in, shows it, and takes her out when the time is up', () =>
          inCompany(async ({ stage: s, members }) => {
            const asked = await s.run('maria', 'request', 'db-admin', '--for', brief);
            expect(asked, asked.err).toMatchObject({ exit: 0 });
            expect(asked.out).toMatch(/^[a-z2-9]{6} {2}db-admin until .*\n {2}why: {2}on call for "db-primary"/);
            expect(await members()).toEqual(['maria@acme.dev']);
            expect((await s.run('sam', 'status')).out).toContain('maria@acme.dev');
            await s.pass(overMs);
            const swept = await s.json('cron', 'sweep');
            expect(swept, JSON.stringify(swept.document)).toMatchObject({
              exit: 0,
              document: { schema: 1, ended: 1, failed: 0, remaining: 0 },
            });
            expect(await members()).toEqual([]);
            expect((await s.json('sam', 'status')).document).toMatchObject({ requests: [], grants: [] });
            expect(await s.run('cron', 'sweep')).toEqual({ exit: 0, out: '', err: '' });
          }));

        it('refuses who is not on call: why, and what next', () =>
          inCompany(async ({ stage: s, members }) => {
            const refused = await s.run('sam', 'request', 'db-admin');
            expect(refused.exit).toBe(3);
            expect(refused.out).toBe('');
            expect(refused.err).toMatch(/^error: .*not on call for "db-primary".*\n {2}why: .*\n {2}next: .*oncall explain db-admin\n$/);
            expect(await members()).toEqual([]);
          }));

        it('never removes a member who was there before', () =>
          inCompany(async ({ stage: s, members, put }) => {
            await put('maria');
            const asked = await s.json('maria', 'request', 'db-admin', '--for', brief);
            expect(asked).toMatchObject({ exit: 0, document: { grants: [{ state: 'active', owned: false }] } });
            expect((await s.run('maria', 'request', 'db-admin', '--for', brief)).out).toContain('before');
            await s.pass(overMs);
            expect((await s.run('cron', 'sweep')).exit).toBe(0);
            expect(await members()).toEqual(['maria@acme.dev']);
          }));

        it('keeps a group while a second role still gives it', () =>
          inCompany(async ({ stage: s, members }) => {
            expect((await s.run('maria', 'request', 'db-admin', '--for', brief)).exit).toBe(0);
            expect((await s.run('maria', 'request', 'helper', '--for', '1h')).exit).toBe(0);
            await s.pass(overMs);
            expect((await s.json('cron', 'sweep')).document).toMatchObject({ ended: 1 });
            expect(await members()).toEqual(['maria@acme.dev']);
            expect((await s.run('maria', 'release', 'helper')).exit).toBe(0);
            expect(await members()).toEqual([]);
          }));

        it('gives back on release; lets an admin revoke, and nobody else', () =>
          inCompany(async ({ stage: s, members }) => {
            const asked = await s.json('maria', 'request', 'db-admin');
            const id = (asked.document.request as { id: string }).id;
            expect((await s.run('sam', 'revoke', id)).exit).toBe(3);
            expect(await members()).toEqual(['maria@acme.dev']);
            expect((await s.run('boss', 'revoke', id)).exit).toBe(0);
            expect(await members()).toEqual([]);
            expect((await s.run('maria', 'request', 'db-admin')).exit).toBe(0);
            expect((await s.run('maria', 'release', 'db-admin')).exit).toBe(0);
            expect(await members()).toEqual([]);
          }));

        it('ends with the shift where that is sooner than the hours asked, and says so', () =>
          inCompany(async ({ stage: s }) => {
            s.write('schedule.yaml', schedule(hourMs));
            const asked = await s.run('maria', 'request', 'db-admin', '--hours', '12');
            expect(asked.exit).toBe(0);
            expect(asked.out).toMatch(/1 h 1[45] min, not the 12 h you asked: your shift ends .*, plus 15 min/);
          }));

        it('lets in who is assigned to a live incident, and takes them out when it is over', () =>
          inCompany(async ({ stage: s, members }) => {
            expect((await s.run('ana', 'request', 'responder')).exit).toBe(3);
            const asked = await s.run('sam', 'request', 'responder', '--incident', 'INC-42');
            expect(asked, asked.err).toMatchObject({ exit: 0 });
            expect(await members()).toEqual(['sam@acme.dev']);
          }));

        it('names the half of a role that failed, keeps the other, and exits 1', () =>
          inCompany(async ({ stage: s, members }) => {
            const asked = await s.run('maria', 'request', 'halves', '--for', brief);
            expect(asked.exit).toBe(1);
            expect(asked.out + asked.err).toContain('no-such-group');
            expect(await members()).toEqual(['maria@acme.dev']);
            expect((await s.run('maria', 'status')).out).toContain('1 of 2');
            await s.pass(overMs);
            await s.run('cron', 'sweep');
            expect(await members()).toEqual([]);
          }));

        it('waits for an approver, who lets in with one yes', () =>
          inCompany(async ({ stage: s, members }) => {
            const asked = await s.json('sam', 'request', 'guarded', '--reason', 'index rebuild');
            expect(asked).toMatchObject({ exit: 8, document: { request: { state: 'pending' }, grants: [] } });
            const id = (asked.document.request as { id: string }).id;
            expect((await s.run('sam', 'approve', id)).exit).toBe(3);
            expect((await s.run('maria', 'approve')).out).toContain(id);
            expect(await members()).toEqual([]);
            const approved = await s.run('maria', 'approve', id);
            expect(approved, approved.err).toMatchObject({ exit: 0 });
            expect(await members()).toEqual(['sam@acme.dev']);
          }));

        it('refuses everything while the sweep has never run', async () => {
          const { stage: s, members } = await kind.open(door);
          const refused = await s.run('maria', 'request', 'db-admin');
          expect(refused.exit).toBe(1);
          expect(refused.err).toMatch(/sweep.*never run[\s\S]*next: oncall sweep/);
          expect(await members()).toEqual([]);
          s.remove();
        });
      },
    );
