/** The program as it is installed: the bundles in dist/, run as real processes. Each bundle has its own copy of what it imports, which the sources alone do not show. */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const bin = join(root, 'bin/oncall.js');
const hour = 3_600_000;
let folder: string;

const policy = `version: 1
ledger: ./oncall.db
directories: { local: { path: ./groups.json } }
rosters: { file: { path: ./schedule.yaml } }
roles:
  db-admin:
    targets: { local: db-admins }
    allow: [ { onCall: file/db-primary, until: shift } ]
    ask: [ { user: kim@acme.dev } ]
    approvers: [ { user: ana@acme.dev } ]
`;

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'scripts/setup.mjs')], { stdio: 'inherit' });
  folder = mkdtempSync(join(tmpdir(), 'oncall-build-'));
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  writeFileSync(join(folder, 'oncall.yaml'), policy);
  writeFileSync(join(folder, 'broken.yaml'), policy.replace('allow:', 'alow:'));
  writeFileSync(
    join(folder, 'groups.json'),
    JSON.stringify({ users: ['maria@acme.dev', 'sam@acme.dev', 'kim@acme.dev'], groups: { 'db-admins': [] } }),
  );
  writeFileSync(
    join(folder, 'schedule.yaml'),
    `schedules:\n  db-primary:\n    - { user: maria@acme.dev, start: ${at(-hour)}, end: ${at(hour)} }\n`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const envOf = (user: string) => ({
  PATH: process.env.PATH,
  HOME: folder,
  TZ: 'UTC',
  ONCALL_USER: user,
  ONCALL_POLICY: join(folder, 'oncall.yaml'),
});

function oncall(args: string[], user = 'maria@acme.dev') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd: folder, env: envOf(user), encoding: 'utf8' });
  return { exit: status, out: stdout, err: stderr };
}
const members = () => JSON.parse(readFileSync(join(folder, 'groups.json'), 'utf8')).groups['db-admins'];

describe('the built program', () => {
  it('prints its version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(oncall(['--version'])).toEqual({ exit: 0, out: `${version}\n`, err: '' });
  });

  it('has no bundle that fails to load', () => {
    const names = readdirSync(join(root, 'dist'));
    const load = 'for (const name of process.argv.slice(1)) require(name)';
    execFileSync(process.execPath, ['-e', load, ...names.map((name) => join(root, 'dist', name))]);
    expect(names).toContain('cli.cjs');
    expect(names.length).toBeGreaterThan(10);
  });

  it('keeps what is heavy out of the entry', () => {
    expect(statSync(join(root, 'dist/cli.cjs')).size).toBeLessThan(20_000);
    const text = readFileSync(join(root, 'dist/cli.cjs'), 'utf8');
    expect(text).not.toMatch(/\bimport\(/);
  });

  it('has the tunnel through a proxy in a file of its own, which is loaded only where one is named', () => {
    const holds = (name: string) => readFileSync(join(root, 'dist', name), 'utf8').includes('method:"CONNECT"');
    expect(readdirSync(join(root, 'dist')).filter(holds)).toEqual(['proxy-agent.cjs']);
  });

  it("has each of AWS's services in a file of its own, and of its commands only those in use", () => {
    const text = (name: string) => readFileSync(join(root, 'dist', name), 'utf8');
    const holding = (word: string) => readdirSync(join(root, 'dist')).filter((name) => text(name).includes(word));
    expect(holding('AWSIdentityStore')).toEqual(['directories-aws-identity-center-groups.cjs']);
    expect(text('directories-aws-identity-center-groups.cjs')).toContain('CreateGroupMembershipCommand');
    expect(text('directories-aws-identity-center-groups.cjs')).not.toMatch(/(CreateUser|DescribeGroupMembership)Command/);
    expect(statSync(join(root, 'dist/directories-aws-identity-center-groups.cjs')).size).toBeLessThan(650_000);
  });

  it('names every fault of a policy with its place', () => {
    const { exit, out } = oncall(['policy', 'check', '--json', '--policy', 'broken.yaml']);
    const { path, issues } = JSON.parse(out);
    expect([exit, path]).toEqual([1, join(folder, 'broken.yaml')]);
    expect(issues).toContainEqual(expect.objectContaining({ code: 'unknown-key', severity: 'error', line: 8, column: 5 }));
  });

  it('refuses to work with that policy, in three lines', () => {
    const { exit, out, err } = oncall(['status', '--policy', 'broken.yaml']);
    expect([exit, out]).toEqual([2, '']);
    expect(err).toMatch(/^error: the policy .*broken\.yaml has [\s\S]*\n {2}why: {2}[\s\S]*unknown-key[\s\S]*\n {2}next: /);
  });

  it('lets the one on call in, and nobody else', () => {
    expect(oncall(['sweep'])).toEqual({ exit: 0, out: '', err: '' });
    const refused = oncall(['request', 'db-admin', '--json'], 'sam@acme.dev');
    expect([refused.exit, JSON.parse(refused.out).decision.outcome]).toEqual([3, 'deny']);
    expect(refused.err).toMatch(/^error: /);
    const given = oncall(['request', 'db-admin', '--hours', '12']);
    expect([given.exit, given.err]).toEqual([0, '']);
    expect(members()).toEqual(['maria@acme.dev']);
    expect(oncall(['release', 'db-admin']).exit).toBe(0);
    expect(members()).toEqual([]);
  });

  it('knows an error of another bundle for what it is', () => {
    const text = readFileSync(join(folder, 'groups.json'), 'utf8');
    try {
      writeFileSync(join(folder, 'groups.json'), '{ not json');
      const { exit, err } = oncall(['request', 'db-admin']);
      expect(exit).toBe(1);
      expect(err).not.toContain('a fault in oncall itself');
      expect(err).toMatch(/groups\.json/);
    } finally {
      writeFileSync(join(folder, 'groups.json'), text);
    }
  });

  it('survives a reader that goes away', async () => {
    const child = spawn('/bin/sh', ['-c', '"$0" "$1" roles | true', process.execPath, bin], { cwd: folder, env: envOf('maria@acme.dev') });
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    const exit = await new Promise((done) => child.on('close', done));
    expect([exit, err]).toEqual([0, '']);
  });

  it('exits 130 at Ctrl-C while it waits, and the request stays', async () => {
    expect(oncall(['sweep']).exit).toBe(0);
    const child = spawn(process.execPath, [bin, 'request', 'db-admin', '--reason', 'x', '--wait', '--json'], {
      cwd: folder,
      env: envOf('kim@acme.dev'),
    });
    let [out, err, isStopped] = ['', '', false];
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
      // Once: the second one would leave at once, without a document.
      if (!isStopped && err.includes('Ctrl-C stops the waiting')) isStopped = child.kill('SIGINT');
    });
    const exit = await new Promise((done) => child.on('close', done));
    expect(exit).toBe(130);
    expect(JSON.parse(out).error).toMatchObject({ code: 'interrupted', message: expect.stringContaining('still pending') });
    expect(JSON.parse(oncall(['status', '--json'], 'kim@acme.dev').out).requests).toMatchObject([{ state: 'pending' }]);
  });
});
