/** A pipeline that signs in by itself and gets the role that is for it, and no role of people; and a person who does not get the pipeline's. */

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startBrokerProcess, until } from '../fakes/broker.ts';
import { audience, clientId, type Issuer, machine, startIssuer } from '../fakes/issuer.ts';
import { newPerson } from '../fakes/person.ts';
import { type Door, doors, type Stage, spawnCli, stage } from './stage.ts';

const groups = JSON.stringify({
  users: ['maria@acme.dev', 'ana@acme.dev', 'deploy-bot@acme.dev'],
  groups: { 'db-admins': [], migrators: [], engineering: ['maria@acme.dev', 'deploy-bot@acme.dev'] },
});

const policy = (issuer: Issuer): string => `version: 1
ledger: ./oncall.db
identity:
  - { kind: oidc, issuer: ${issuer.url}, clientId: ${clientId}, audience: '${audience}', domains: [acme.dev], machines: { ${machine.id}: ${machine.name} } }
directories:
  people: { kind: local, path: ./groups.json }
roles:
  db-admin:
    targets: { people: db-admins }
    allow: [ { member: people/engineering }, { user: ${machine.name} } ]
  migration:
    targets: { people: migrators }
    ttl: { default: 30m, max: 1h }
    allow: [ { client: ${machine.id} } ]
`;

let issuer: Issuer;
beforeAll(async () => {
  issuer = await startIssuer();
}, 60_000);
afterAll(async () => issuer.stop());

const open = (door: Door, env: Readonly<Record<string, string>> = {}): Stage =>
  stage(door, { 'oncall.yaml': policy(issuer), 'groups.json': groups }, env);
const members = (s: Stage, group: string): unknown => JSON.parse(s.read('groups.json')).groups[group];

for (const door of doors)
  describe(`a pipeline, through ${door}`, () => {
    let s: Stage;
    beforeEach(() => {
      s = open(door, { ONCALL_CLIENT_SECRET: machine.secret });
      return () => {
        delete process.env.ONCALL_CLIENT_SECRET;
        s.remove();
      };
    });

    it('gets the role that is for it and no role of people, and is taken out; its secret is nowhere', async () => {
      const login = await s.run('nobody', 'login', '--client', machine.id);
      expect(login, login.err).toMatchObject({ exit: 0 });
      expect(login.out).toContain(`signed in as ${machine.name}, the service account ${machine.id}`);
      const who = await s.json('nobody', 'whoami');
      expect(who.document).toMatchObject({ person: { email: machine.name, client: machine.id, proof: 'issuer' } });

      const runs = [login, await s.run('cron', 'sweep')];
      const refused = await s.run('nobody', 'request', 'db-admin', '--reason', 'a trick');
      expect(refused).toMatchObject({ exit: 3 });
      expect(refused.err).toContain('is a service account');
      expect(members(s, 'db-admins')).toEqual([]);
      const explained = await s.run('nobody', 'explain', 'migration');
      expect(explained.out).toContain(`is the service account ${machine.id}`);

      const asked = await s.run('nobody', 'request', 'migration', '--for', '5s');
      expect(asked, asked.err).toMatchObject({ exit: 0 });
      expect(members(s, 'migrators')).toEqual([machine.name]);
      expect((await s.json('nobody', 'status')).document).toMatchObject({
        requests: [{ requester: { issuer: issuer.url, subject: `client:${machine.id}`, email: machine.name } }],
      });
      await s.pass(5100);
      const swept = await s.run('cron', 'sweep');
      expect(swept, swept.err).toMatchObject({ exit: 0 });
      expect(members(s, 'migrators')).toEqual([]);
      runs.push(refused, explained, asked, swept, await s.run('nobody', 'audit', 'list', '--json'));
      for (const { out, err } of runs) expect(out + err).not.toContain('CANARY');
      expect(s.read('oncall.db')).not.toContain('CANARY');
    }, 60_000);

    it('takes its secret from a file that it names, and from no file that everybody may read', async () => {
      const kept = join(mkdtempSync(join(tmpdir(), 'oncall-machine-')), 'secret');
      writeFileSync(kept, `${machine.secret}\n`, { mode: 0o600 });
      const files = open(door, { ONCALL_CLIENT_SECRET: '', ONCALL_CLIENT_SECRET_FILE: kept });
      try {
        expect(await files.run('nobody', 'login', '--client', machine.id)).toMatchObject({ exit: 0 });
        chmodSync(kept, 0o644);
        const exposed = await files.run('nobody', 'login', '--client', machine.id);
        expect(exposed.exit).not.toBe(0);
        expect(exposed.err).toContain('open to every user');
      } finally {
        files.remove();
        rmSync(dirname(kept), { recursive: true });
        delete process.env.ONCALL_CLIENT_SECRET_FILE;
      }
    }, 60_000);

    it('does not sign in without its secret, or as what the policy does not name, or on a device', async () => {
      const bare = open(door, { ONCALL_CLIENT_SECRET: '' });
      try {
        const none = await bare.run('nobody', 'login', '--client', machine.id);
        expect(none).toMatchObject({ exit: 4 });
        expect(none.err).toContain('ONCALL_CLIENT_SECRET_FILE');
      } finally {
        bare.remove();
      }
      expect(await s.run('nobody', 'login', '--client', 'another')).toMatchObject({ exit: 2 });
      expect(await s.run('nobody', 'login', '--client', machine.id, '--device')).toMatchObject({ exit: 2 });
      expect(await s.run('nobody', 'whoami')).toMatchObject({ exit: 4 });
    }, 60_000);

    it('keeps its role from people', async () => {
      issuer.knobs.interval = 1;
      const login = await s.runWatched('nobody', ['login', '--device'], async (shown) => {
        const page = /https?:\/\/\S+/.exec(shown)?.[0];
        const code = /\b[A-Z]{4}-[A-Z]{4}\b/.exec(shown)?.[0];
        if (page === undefined || code === undefined) return false;
        await newPerson().enterCode(page.replace(/[.,]$/, ''), code, { login: 'maria@acme.dev' });
        return true;
      });
      expect(login, login.err).toMatchObject({ exit: 0 });
      await s.run('cron', 'sweep');
      const asked = await s.run('maria', 'request', 'migration');
      expect(asked).toMatchObject({ exit: 3 });
      expect(asked.err).toContain(`is not the service account ${machine.id}`);
      expect(members(s, 'migrators')).toEqual([]);
      expect(await s.run('maria', 'request', 'db-admin')).toMatchObject({ exit: 0 });
    }, 60_000);
  });

describe('a pipeline that has a login and no keys', () => {
  it('signs in to a broker, gets its role there, and gives it back', async () => {
    const [folder, home] = [mkdtempSync(join(tmpdir(), 'oncall-machine-')), mkdtempSync(join(tmpdir(), 'oncall-ci-'))];
    writeFileSync(join(folder, 'oncall.yaml'), policy(issuer), { mode: 0o600 });
    writeFileSync(join(folder, 'groups.json'), groups, { mode: 0o600 });
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const broker = await startBrokerProcess({ folder, origin, args: ['--listen', `127.0.0.1:${port}`] });
    const env = { PATH: process.env.PATH ?? '', HOME: home, TZ: 'UTC', ONCALL_CLIENT_SECRET: machine.secret };
    const ci = (...args: string[]) => spawnCli(args, env, home);
    const inGroup = (): unknown => JSON.parse(readFileSync(join(folder, 'groups.json'), 'utf8')).groups.migrators;
    try {
      await until('a sweep', async () => ((await broker.get('/readyz')).status === 200 ? true : undefined));
      const runs = [await ci('login', origin, '--client', machine.id, '--issuer', issuer.url), await ci('whoami')];
      expect(runs[0], runs[0]?.err).toMatchObject({ exit: 0 });
      expect(runs[1]?.out).toContain(`the service account ${machine.id}`);
      runs.push(await ci('request', 'db-admin', '--reason', 'a trick'), await ci('request', 'migration'));
      expect(runs.slice(2).map(({ exit }) => exit)).toEqual([3, 0]);
      expect(inGroup()).toEqual([machine.name]);
      runs.push(await ci('release', 'migration'));
      expect(inGroup()).toEqual([]);
      for (const { out, err } of runs) expect(out + err).not.toContain('CANARY');
      const kept = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      expect(kept.length).toBeGreaterThan(0);
      for (const { parentPath, name } of kept) expect(readFileSync(join(parentPath, name), 'utf8')).not.toContain(machine.secret);
    } finally {
      broker.signal('SIGKILL');
      await broker.ended;
      for (const path of [folder, home]) rmSync(path, { recursive: true, force: true });
    }
  }, 60_000);
});

/** The origin has to be known before the broker listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}
