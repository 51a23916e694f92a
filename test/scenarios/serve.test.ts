/** The broker as it is run: a real process on real files, over real sockets, with its signals and its crashes. */

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import Libsql from 'libsql';
import { afterEach, describe, expect, it } from 'vitest';
import { lock } from '../../src/lock.ts';
import { type BrokerOptions, type BrokerProcess, startBrokerProcess, until } from '../fakes/broker.ts';
import { makeCertificate } from '../fakes/certificate.ts';
import { audience, clientId, startIssuer } from '../fakes/issuer.ts';
import { schedule, spawnCli } from './stage.ts';

const policy = (more = '', identity = '{ kind: local }'): string => `version: 1
ledger: ./oncall.db
identity: [ ${identity} ]
admins: [ { user: boss@acme.dev } ]
directories:
  local: { path: ./groups.json, exclusive: [solo] }
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { local: db-admins }
    ttl: { default: 1h, max: 12h }
    allow: [ { onCall: file/db-primary } ]
  one-only:
    targets: { local: solo }
    maxHolders: 1
    allow: [ { user: maria@acme.dev }, { user: sam@acme.dev }, { user: ana@acme.dev } ]
${more}`;

const maria = 'Local maria@acme.dev';
const boss = 'Local boss@acme.dev';
const anHour = { role: 'db-admin', asked: { forMs: 3_600_000 } };

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

function company(text = policy()) {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-serve-'));
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, content: string): void => {
    writeFileSync(join(folder, `${name}.new`), content, { mode: 0o600 });
    renameSync(join(folder, `${name}.new`), join(folder, name));
  };
  write('oncall.yaml', text);
  write('schedule.yaml', schedule());
  write(
    'groups.json',
    JSON.stringify({ users: ['maria', 'sam', 'ana', 'boss'].map((name) => `${name}@acme.dev`), groups: { 'db-admins': [], solo: [] } }),
  );
  const members = (group = 'db-admins'): string[] => JSON.parse(readFileSync(join(folder, 'groups.json'), 'utf8')).groups[group];
  const start = async (options: Omit<BrokerOptions, 'folder'> = {}): Promise<BrokerProcess> => {
    const broker = await startBrokerProcess({ folder, ...options });
    cleanUp.push(async () => {
      broker.signal('SIGKILL');
      await broker.ended;
    });
    return broker;
  };
  const env = { PATH: process.env.PATH ?? '', HOME: folder, TZ: 'UTC', ONCALL_USER: 'boss@acme.dev' };
  const cli = (...args: string[]) => spawnCli(['--policy', join(folder, 'oncall.yaml'), ...args], env, folder);
  const refused = async (args: readonly string[], more: { readonly env?: Record<string, string>; readonly named?: boolean } = {}) => {
    const all = [...(more.named === false ? [] : ['--policy', join(folder, 'oncall.yaml')]), 'serve', ...args];
    const { exit, out, err } = await spawnCli(all, { ...env, ...more.env }, folder);
    expect([exit, out], err).toEqual([2, '']);
    expect(err).toMatch(/^error: .+\n {2}why: {2}.+\n(?: .+\n)* {2}next: .+\n/);
    return err;
  };
  return { folder, write, members, start, cli, refused, path: (name: string) => join(folder, name) };
}

const swept = (broker: BrokerProcess) =>
  until('a sweep', async () => ((await broker.get('/metrics')).text.includes('oncall_sweep_late{directory="local"} 0') ? true : undefined));

const types = async (broker: BrokerProcess): Promise<string[]> =>
  (await broker.call(boss, 'audit', { limit: 200 })).body.result.map(({ type }: { type: string }) => type);

describe('a broker does not start', () => {
  it('off this machine in plain, or where people are taken at their word', async () => {
    const { folder, refused } = company();
    expect(await refused(['--listen', '0.0.0.0:0', '--url', 'https://oncall.acme.dev'])).toContain('without TLS');
    const { cert, key } = makeCertificate(['localhost']);
    writeFileSync(join(folder, 'cert.pem'), cert);
    writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
    const tls = ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem'];
    expect(await refused(['--listen', '0.0.0.0:0', '--url', 'https://oncall.acme.dev', ...tls])).toContain('at their word');
    expect(await refused(['--url', 'https://oncall.acme.dev', '--behind-proxy', '127.0.0.1'])).toContain('at their word');
    chmodSync(join(folder, 'key.pem'), 0o644);
    expect(await refused(tls)).toContain('chmod o=');
  });

  it('with a policy that others may write, in a folder that they may, or one that was only found where it was typed', async () => {
    const { folder, path, refused } = company();
    chmodSync(path('oncall.yaml'), 0o622);
    expect(await refused([])).toContain('chmod go-w');
    chmodSync(path('oncall.yaml'), 0o600);
    chmodSync(folder, 0o777);
    expect(await refused([])).toContain(`others may write to ${folder}`);
    chmodSync(folder, 0o700);
    if (statSync('/etc/oncall/oncall.yaml', { throwIfNoEntry: false }) === undefined)
      expect(await refused([], { named: false })).toContain('only found in the current folder');
  });

  it('with a policy that has faults, without a ledger, or sweeping too seldom', async () => {
    const { write, refused } = company(policy('    ttll: 1h\n'));
    expect(await refused([])).toContain('unknown-key');
    write('oncall.yaml', policy().replace('./oncall.db', './missing/oncall.db'));
    expect(await refused([])).toContain('ledger');
    write('oncall.yaml', policy());
    expect(await refused(['--sweep-every', '1h'])).toContain('refuseWhenLate');
  });

  it('where something listens already, or without a place for what it keeps', async () => {
    const { refused, path } = company();
    const other = createServer();
    await new Promise<void>((ready) => other.listen(0, '127.0.0.1', ready));
    cleanUp.push(() => other.close());
    const { port } = other.address() as { port: number };
    expect(await refused(['--listen', `127.0.0.1:${port}`])).toContain('something listens there already');
    mkdirSync(path('loose'));
    mkdirSync(path('loose/oncall'), { mode: 0o755 });
    expect(await refused([], { env: { XDG_STATE_HOME: path('loose') } })).toContain('chmod 700');
  });
});

describe('a broker', () => {
  it('says how it runs, lets in over TLS whom a real token proves, and takes them out again', async () => {
    const issuer = await startIssuer();
    cleanUp.push(() => issuer.stop());
    const oidc = `{ kind: oidc, issuer: '${issuer.url}', clientId: ${clientId}, audience: '${audience}', domains: [acme.dev] }`;
    const { start, members, write, path } = company(policy('', oidc));
    const first = makeCertificate(['localhost']);
    write('cert.pem', first.cert);
    write('key.pem', first.key);
    const args = ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem'];
    const broker = await start({ args, origin: 'https://localhost:8300', ca: first.cert });
    expect(broker.log()).toMatch(
      /Z oncall \S+ serves https:\/\/localhost:8300\n {2}listens: +127\.0\.0\.1:\d+ \(TLS, certificate valid until/,
    );
    expect(broker.log()).toContain(`policy:      ${path('oncall.yaml')} (SHA-256 `);
    expect(broker.log()).toMatch(
      /people: +acme\.dev by http:\/\/127\.0\.0\.1:\d+\/oauth2\/default\n {2}directories: local\n {2}rosters: +file\n {2}sweeps: +every 1 s\n/,
    );
    await swept(broker);
    const seconds = Math.floor(Date.now() / 1000);
    const token = await issuer.mint({
      ...{ iss: issuer.url, aud: audience, iat: seconds, exp: seconds + 600, cid: clientId, uid: '00u1maria', scp: ['openid'] },
      ...{ sub: 'maria@acme.dev', canary: 'CANARY' },
    });
    const asked = await broker.call(`Bearer ${token}`, 'request', anHour);
    expect(asked.body).toMatchObject({ result: { result: 'granted', request: { requester: { subject: '00u1maria' } } } });
    expect(members()).toEqual(['maria@acme.dev']);
    expect((await broker.call(`Bearer ${token}`, 'status')).body.result.grants).toMatchObject([{ state: 'active' }]);
    expect((await broker.call(maria, 'release', { id: 'db-admin' })).status).toBe(401);
    expect((await broker.call(`Bearer ${token}`, 'release', { id: 'db-admin' })).body).toMatchObject({ result: { ended: 1 } });
    expect(members()).toEqual([]);

    const second = makeCertificate(['localhost']);
    write('key.pem', second.key);
    broker.signal('SIGHUP');
    await broker.logged(/error: the certificate is not replaced, .* is not the key of/);
    expect(await certificateAt(broker.port)).toBe(first.cert);
    write('cert.pem', second.cert);
    broker.signal('SIGHUP');
    await broker.logged(/the certificate is in use for connections from now on/);
    expect(await certificateAt(broker.port)).toBe(second.cert);
    expect(broker.log()).not.toContain('CANARY');
  });

  it('ends what is due by itself', async () => {
    const { start, members } = company();
    const broker = await start();
    await swept(broker);
    expect((await broker.call(maria, 'request', { role: 'db-admin', asked: { forMs: 1_500 } })).body.result.result).toBe('granted');
    expect(members()).toEqual(['maria@acme.dev']);
    await broker.logged(/Z ended: maria@acme\.dev in local\/db-admins \([a-z2-9]{6} db-admin\): its time is up\n/);
    expect(members()).toEqual([]);
  });

  it('goes on with the policy that it has while the file has a fault, and takes the mended one; all of it is in the audit', async () => {
    const { start, write, members } = company();
    const broker = await start();
    await swept(broker);
    write('oncall.yaml', policy('    ttll: 1h\n'));
    broker.signal('SIGHUP');
    await broker.logged(/error: the policy file is not used, the policy before it stays in force: .*unknown-key/);
    await until('a metric of it', async () => (await broker.get('/metrics')).text.includes('oncall_policy_rejected 1') || undefined);
    expect((await broker.call(maria, 'request', anHour)).body.result.result).toBe('granted');
    expect(members()).toEqual(['maria@acme.dev']);
    write('oncall.yaml', policy('blocked: [ maria@acme.dev ]\n'));
    await broker.logged(/the policy \S+ is in force, SHA-256 [0-9a-f]{64}\n/);
    expect((await broker.call(maria, 'status')).status).toBe(403);
    await until('that the sweep has put out who is blocked', () => (members().length === 0 ? true : undefined));
    const all = (await broker.call(boss, 'audit', { limit: 200 })).body.result as { type: string; actor: string; data: object }[];
    const about = all.filter(({ type }) => type.startsWith('policy.'));
    expect(about.map(({ type, actor }) => `${type} ${actor}`)).toEqual([
      'policy.loaded oncall',
      'policy.rejected oncall',
      'policy.loaded oncall',
    ]);
    expect(about[1]?.data).toMatchObject({ faults: [{ code: 'unknown-key' }] });
  });

  it('forgets the answers that nobody asks for again', async () => {
    const { start, path } = company();
    const answers = (): unknown => new Libsql(path('oncall.db')).prepare('SELECT count(*) AS count FROM answers').all([]);
    const broker = await start();
    await swept(broker);
    await broker.call(maria, 'request', anHour, { 'idempotency-key': 'a-key-of-a-test-0001' });
    expect(answers()).toEqual([{ count: 1 }]);
    broker.signal('SIGTERM');
    await broker.ended;
    await start({ aheadMs: 25 * 3_600_000 });
    await until('that it is forgotten', () => (JSON.stringify(answers()) === '[{"count":0}]' ? true : undefined));
  });

  it('writes its log as a document a line with --json', async () => {
    const { start } = company();
    const broker = await start({ args: ['--json'] });
    await swept(broker);
    broker.signal('SIGTERM');
    expect(await broker.ended).toBe(0);
    const lines = broker.log().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(['started', 'stopping', 'stopped']);
    expect(JSON.parse(broker.out())).toEqual({ schema: 1, stoppedBy: 'SIGTERM' });
  });

  it('says loudly that its ledger has lost what it knew, serves, and grants nothing', async () => {
    const { start, path, members } = company();
    const before = await start();
    await swept(before);
    expect((await before.call(maria, 'request', anHour)).body.result.result).toBe('granted');
    before.signal('SIGTERM');
    await before.ended;
    for (const name of ['oncall.db', 'oncall.db-wal', 'oncall.db-shm']) rmSync(path(name), { force: true });
    const after = await start();
    expect(after.log()).toMatch(/error: the ledger has lost what it knew, and nothing is granted: .*\n {2}next: oncall ledger recover\n/);
    expect((await after.call(maria, 'status')).body.result.faults).toMatchObject([{ code: 'ledger-behind' }]);
    expect((await after.call(maria, 'request', anHour)).body).toMatchObject({ error: { code: 'ledger-behind' } });
    expect(members()).toEqual(['maria@acme.dev']);
  });
});

/** As PEM. */
function certificateAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false }, () => {
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      resolve(
        `-----BEGIN CERTIFICATE-----\n${raw
          .toString('base64')
          .match(/.{1,64}/g)
          ?.join('\n')}\n-----END CERTIFICATE-----\n`,
      );
    });
    socket.once('error', reject);
  });
}

describe('a broker that is stopped', () => {
  /** A request that waits before the directory, until it is let go. */
  async function slowly() {
    const { start, members, path, ...rest } = company();
    const broker = await start();
    await swept(broker);
    const held = await lock(path('groups.json.lock'), { ms: 5_000 });
    const asked = broker.call(maria, 'request', anHour);
    asked.catch(() => undefined);
    await until('a grant that is activated', async () => {
      const { grants } = (await broker.call(boss, 'status')).body.result;
      return grants[0]?.state === 'activating' ? true : undefined;
    });
    return { ...rest, start, members, broker, asked, letGo: async () => held?.release() };
  }

  it('by SIGTERM lets what runs end, and takes nothing new', async () => {
    const { broker, asked, letGo, members } = await slowly();
    broker.signal('SIGTERM');
    await broker.logged(/Z stopping: what runs may end within 30 s/);
    await until('that nobody gets in any more', () =>
      broker.get('/healthz').then(
        () => undefined,
        () => true,
      ),
    );
    await letGo();
    expect((await asked).body).toMatchObject({ result: { result: 'granted' } });
    expect(await broker.ended).toBe(0);
    expect(members()).toEqual(['maria@acme.dev']);
    expect(broker.log()).toMatch(/Z stopped\n$/);
  });

  it('twice leaves at once, and by Ctrl-C with 130', async () => {
    const { broker, letGo } = await slowly();
    broker.signal('SIGTERM');
    await broker.logged(/Z stopping/);
    broker.signal('SIGTERM');
    expect(await broker.ended).toBe(130);
    await letGo();
    const { start } = company();
    const other = await start();
    other.signal('SIGINT');
    expect(await other.ended).toBe(130);
  });

  it('by kill -9 in the middle of a request leaves nothing behind that the next one does not put right', async () => {
    const { broker, asked, letGo, start, members, cli } = await slowly();
    broker.signal('SIGKILL');
    expect(await broker.ended).toBe('SIGKILL');
    await expect(asked).rejects.toThrow();
    await letGo();
    const next = await start({ aheadMs: 5 * 60_000 });
    await next.logged(/Z undone: maria@acme\.dev in local\/db-admins/);
    expect(members()).toEqual([]);
    expect((await next.call(boss, 'status')).body.result).toMatchObject({ requests: [], grants: [], faults: [] });
    expect(await cli('audit', 'verify')).toMatchObject({ exit: 0 });
  });
});

it('two brokers on one ledger give one place to one person, and both sweep', async () => {
  const { start, members, cli } = company();
  const [a, b] = [await start(), await start()];
  await Promise.all([swept(a), swept(b)]);
  const ask = { role: 'one-only', asked: { forMs: 2_000 } };
  const names = ['maria', 'sam', 'ana'];
  const answers = await Promise.all(names.flatMap((name) => [a, b].map((broker) => broker.call(`Local ${name}@acme.dev`, 'request', ask))));
  const granted = answers.filter(({ body }) => body.result?.result === 'granted').length;
  expect(granted, answers.map(({ text }) => text.slice(0, 200)).join('\n')).toBeGreaterThanOrEqual(1);
  expect(members('solo')).toHaveLength(1);
  await until('its end', () => (members('solo').length === 0 ? true : undefined));
  const started = (await types(a)).filter((type) => type === 'grant.activating');
  expect(started).toHaveLength(1);
  for (const broker of [a, b]) broker.signal('SIGTERM');
  expect(await Promise.all([a.ended, b.ended])).toEqual([0, 0]);
  expect(await cli('audit', 'verify')).toMatchObject({ exit: 0 });
});
