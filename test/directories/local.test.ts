import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Directory } from '../../src/directories/directory.ts';
import type { Pin } from '../../src/lifecycle/types.ts';
import { directoryContract } from '../contracts/directory.ts';
import { expectFault } from '../contracts/directory-world.ts';
import { localWorld, openLocal, readContent, temporaryFolder } from './local-world.ts';

directoryContract('local', localWorld, {
  user: 'maria@acme.dev',
  otherUser: 'sam@acme.dev',
  group: 'db-admins',
  namesAreIds: true,
  twins: true,
  tellsAlready: true,
});

describe('the local file', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let file: string;
  let directory: Directory;
  const pin = (user = 'maria@acme.dev', group = 'db-admins'): Pin => ({
    account: file,
    userId: user,
    userName: user,
    groupId: group,
    groupName: group,
  });

  beforeEach(async () => {
    folder = temporaryFolder();
    file = join(folder.path, 'groups.json');
    writeFileSync(
      file,
      JSON.stringify({ users: ['Maria@acme.dev', 'sam@acme.dev'], groups: { 'db-admins': [], deploy: ['sam@acme.dev'] } }),
    );
    directory = await openLocal(folder.path);
  });
  afterEach(() => folder.remove());

  it('stays one that a person can read, with its mode and what else is in it', async () => {
    writeFileSync(file, '{"note": {"by": "ops"}, "users": ["maria@acme.dev"], "groups": {"db-admins": []}, "__proto__": {"x": 1}}');
    chmodSync(file, 0o640);
    await directory.add(pin(), {});
    const expected = `{
  "note": {
    "by": "ops"
  },
  "users": [
    "maria@acme.dev"
  ],
  "groups": {
    "db-admins": [
      "maria@acme.dev"
    ]
  },
  "__proto__": {
    "x": 1
  }
}
`;
    expect(readFileSync(file, 'utf8')).toBe(expected);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder.path)).toEqual(['groups.json']);
  });

  it.runIf(process.getuid?.() === 0)("stays its owner's where root sweeps", async () => {
    chownSync(file, 65534, 65534);
    await directory.add(pin(), {});
    expect([statSync(file).uid, statSync(file).gid]).toEqual([65534, 65534]);
  });

  it('takes e-mails for the same whatever their case, and removes every spelling', async () => {
    expect(await directory.findUser('MARIA@ACME.DEV', {})).toEqual({ userId: 'maria@acme.dev', userName: 'Maria@acme.dev', active: true });
    writeFileSync(
      file,
      JSON.stringify({ users: ['maria@acme.dev'], groups: { 'db-admins': ['Maria@Acme.dev', 'maria@acme.dev', 'x@acme.dev'] } }),
    );
    expect(await directory.members(pin(), {})).toHaveLength(2);
    expect(await directory.remove(pin(), {})).toBe('removed');
    expect(readContent(file).groups['db-admins']).toEqual(['x@acme.dev']);
  });

  it('removes a member that the list of users no longer has: the group is what gives access', async () => {
    writeFileSync(file, JSON.stringify({ users: [], groups: { 'db-admins': ['maria@acme.dev'] } }));
    expect(await directory.read(pin(), {})).toBe('member');
    expect(await directory.remove(pin(), {})).toBe('removed');
    expect(await directory.read(pin(), {})).toBe('gone');
  });

  it('writes through a link to the file behind it', async () => {
    symlinkSync(file, join(folder.path, 'link.json'));
    const linked = await openLocal(folder.path, 'link.json');
    await linked.add({ ...pin(), account: join(folder.path, 'link.json') }, {});
    expect(readContent(file).groups['db-admins']).toEqual(['maria@acme.dev']);
    expect(readdirSync(folder.path).sort()).toEqual(['groups.json', 'link.json']);
  });

  it('says that the file is missing, and what to put there', async () => {
    const missing = await openLocal(folder.path, 'none.json');
    const error = await expectFault(missing.findUser('maria@acme.dev', {}), 'not-found');
    expect(error.message).toContain(join(folder.path, 'none.json'));
    expect(error.next).toContain('"users"');
    await expectFault(missing.add({ ...pin(), account: join(folder.path, 'none.json') }, {}), 'not-found', 'no');
    expect(existsSync(join(folder.path, 'none.json'))).toBe(false);
  });

  it.each([
    ['{\n  "users": ["a",],\n  "groups": {}\n}', ':2:17: value should stand here'],
    ['{ "users": [] "groups": {} }', ':1:15: , or end should stand here'],
    ['{ "users": [], "groups": {}', ':1:28: the file ends where , or end should stand'],
    ['', ':1:1: the file ends where value should stand'],
    ['{ "users": [\'a\'] }', ':1:13: value or ] should stand here'],
    ['{ "users": ["a\nb"] }', ':1:13: this text holds a line break, a control character or an unknown escape'],
    ['{ "users": [], "groups": {} } x', ':1:31: nothing more should stand here'],
    ['{ "users": [01], "groups": {} }', ':1:13: value or ] should stand here'],
    ['{ "users": [], "groups": { "a": [], "a": [] } }', ':1:37: "a" stands here a second time'],
    ['[]', ': the file should hold { "users": […], "groups": { … } }'],
    ['{ "users": {}, "groups": {} }', ': "users" should be a list of e-mail addresses'],
    ['{ "users": [], "groups": { "a": [1] } }', ': group "a" should be a list of e-mail addresses'],
  ])('names the place of what is wrong in %j and leaves it', async (text, place) => {
    writeFileSync(file, text);
    const error = await expectFault(directory.findUser('maria@acme.dev', {}), 'malformed');
    expect(error.message).toBe(`${file}${place}`);
    await expectFault(directory.add(pin(), {}), 'malformed', 'no');
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('keeps the old file, whole, where the disk takes no more', async () => {
    const filler = 'x'.repeat(3000);
    writeFileSync(file, JSON.stringify({ users: ['maria@acme.dev'], groups: { 'db-admins': [] }, filler }));
    const before = readFileSync(file, 'utf8');
    const worker = await bundleWorker(folder.path);
    const { code, out } = await run('/bin/sh', [
      '-c',
      'ulimit -f 1; exec "$0" "$@"',
      process.execPath,
      worker,
      folder.path,
      'maria@acme.dev',
    ]);
    expect([code, out]).toEqual([1, 'unavailable no']);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(readdirSync(folder.path).sort()).toEqual(['groups.json', 'worker.cjs']);
  });

  describe('between processes', () => {
    it('loses nothing where 40 write at once', { timeout: 60_000 }, async () => {
      const users = Array.from({ length: 40 }, (_, i) => `u${i}@acme.dev`);
      writeFileSync(file, JSON.stringify({ users, groups: { 'db-admins': [] } }));
      const worker = await bundleWorker(folder.path);
      const ended = await Promise.all(users.map((user) => run(process.execPath, [worker, folder.path, user])));
      expect(ended.map(({ out }) => out)).toEqual(users.map(() => 'added'));
      expect(readContent(file).groups['db-admins']?.sort()).toEqual(users.sort());
      expect(readdirSync(folder.path).sort()).toEqual(['groups.json', 'worker.cjs']);
    });

    it('loses nothing where one process writes many times at once', async () => {
      const users = Array.from({ length: 20 }, (_, i) => `u${i}@acme.dev`);
      writeFileSync(file, JSON.stringify({ users, groups: { 'db-admins': [] } }));
      await Promise.all(users.map((user) => directory.add(pin(user), {})));
      expect(readContent(file).groups['db-admins']?.sort()).toEqual(users.sort());
    });

    it('loses nothing where all of 12 find the lock of one that died', { timeout: 60_000 }, async () => {
      const users = Array.from({ length: 12 }, (_, i) => `u${i}@acme.dev`);
      writeFileSync(file, JSON.stringify({ users, groups: { 'db-admins': [] } }));
      const worker = await bundleWorker(folder.path);
      const { pid } = await run(process.execPath, ['-e', '']);
      writeFileSync(`${file}.lock`, JSON.stringify({ host: hostname(), pid, started: '1', token: 'dead' }));
      const ended = await Promise.all(users.map((user) => run(process.execPath, [worker, folder.path, user])));
      expect(ended.map(({ out }) => out)).toEqual(users.map(() => 'added'));
      expect(readContent(file).groups['db-admins']?.sort()).toEqual(users.sort());
      expect(readdirSync(folder.path).sort()).toEqual(['groups.json', 'worker.cjs']);
    });

    it.runIf(process.platform === 'linux')('knows a dead holder whose id another process has now', async () => {
      writeFileSync(`${file}.lock`, JSON.stringify({ host: hostname(), pid: process.pid, started: '1', token: 'dead' }));
      expect(await directory.add(pin(), {})).toBe('added');
    });

    it.runIf(process.platform === 'linux')('knows a dead holder that nobody has buried', async () => {
      const parent = spawn('/bin/sh', ['-c', '(exit 0) & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'inherit'] });
      const pid = await new Promise<number>((resolve) => parent.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString()))));
      writeFileSync(`${file}.lock`, JSON.stringify({ host: hostname(), pid, started: '', token: 'dead' }));
      expect(await directory.add(pin(), {})).toBe('added');
      parent.kill('SIGKILL');
    });

    it.each([
      ['lives', { host: hostname(), pid: process.pid, started: '', token: 'live' }],
      ['is on another host, whatever its id means here', { host: 'elsewhere', pid: 2 ** 22 + 1, started: '1', token: 'far' }],
    ])('waits for a holder that %s, and stops when it is told to', async (_, holder) => {
      writeFileSync(`${file}.lock`, JSON.stringify(holder));
      // However old: whoever sleeps and then writes what it had read would undo removals.
      utimesSync(`${file}.lock`, 1, 1);
      const stop = new AbortController();
      const added = directory.add(pin(), { signal: stop.signal });
      setTimeout(() => stop.abort(), 120);
      await expectFault(added, 'unavailable', 'no');
      expect(readContent(file).groups['db-admins']).toEqual([]);
      expect(readdirSync(folder.path).sort()).toEqual(['groups.json', 'groups.json.lock']);
    });
  });
});

/** One process that adds one user and says what came of it. */
async function bundleWorker(folder: string): Promise<string> {
  const outfile = join(folder, 'worker.cjs');
  const contents = `
    import local from './src/directories/local.ts';
    const [folder, user] = process.argv.slice(2);
    const pin = { account: folder + '/groups.json', userId: user, userName: user, groupId: 'db-admins', groupName: 'db-admins' };
    const context = { name: 'here', now: Date.now, log() {}, onServerDate() {}, baseDir: folder };
    local.open({ path: 'groups.json' }, context).then((directory) => directory.add(pin, {})).then(
      (answer) => process.stdout.write(answer),
      (error) => { process.stdout.write(error.fault + ' ' + error.applied); process.exitCode = 1; },
    );`;
  await build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

async function run(command: string, args: string[]): Promise<{ code: number | null; out: string; pid: number | undefined }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, pid: child.pid })));
}
