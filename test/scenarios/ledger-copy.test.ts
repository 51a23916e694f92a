/** A team moves to another ledger in the middle of its work: to PostgreSQL and back, with what can go wrong on the way. */

import { spawn } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Libsql from 'libsql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../fakes/certificate.ts';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';
import { type Json, type Run, type Stage, stage } from './stage.ts';

const hour = 3_600_000;

const policyWith = (ledger: string): string => `version: 1
ledger: ${ledger}
admins: [{ user: boss@acme.dev }]
directories:
  local: { path: ./groups.json }
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { local: db-admins }
    ttl: { default: 1h, max: 12h }
    allow: [{ user: maria@acme.dev }, { user: sam@acme.dev }, { user: ana@acme.dev }]
  guarded:
    targets: { local: others }
    ask: [{ user: ana@acme.dev }]
    approvers: [{ user: boss@acme.dev }]
`;
const people = ['maria', 'sam', 'ana', 'boss', 'old'].map((name) => `${name}@acme.dev`);

let postgres: Postgres | undefined;
let s: Stage;
/** Where the next ledger is: `next.yaml` names it. */
let database: string;

/** maria has an hour, sam had one and gave it back, ana waits for a yes. */
async function team(next: (url: string) => string = (url) => url, door: Parameters<typeof stage>[0] = 'main()'): Promise<Stage> {
  database = (await postgres?.createDatabase()) ?? '';
  s = stage(door, {
    'oncall.yaml': policyWith('./oncall.db'),
    'next.yaml': policyWith('{ postgres: { file: ./database-url } }'),
    'other.yaml': policyWith('./other.db'),
    'database-url': `${next(postgres?.url(database) ?? '')}\n`,
    'groups.json': JSON.stringify({ users: people, groups: { 'db-admins': ['old@acme.dev'], others: [] } }),
    'schedule.yaml': 'schedules: {}\n',
  });
  for (const [user, ...args] of [
    ['cron', 'sweep'],
    ['sam', 'request', 'db-admin'],
    ['sam', 'release', 'db-admin'],
    ['maria', 'request', 'db-admin', '--reason', 'é\u0000\ud800 “page”'],
  ] as const)
    expect(await s.run(user, ...args)).toMatchObject({ exit: 0 });
  expect((await s.run('ana', 'request', 'guarded', '--reason', 'x', '--no-input')).exit).toBe(8);
  return s;
}
afterEach(() => s?.remove());

const members = (): string[] => (JSON.parse(s.read('groups.json')) as { groups: Record<string, string[]> }).groups['db-admins'] ?? [];
const errorOf = (document: Json) => document.error as { code: string; message: string; why: string; next: string } | undefined;
const copy = (user = 'boss', to = 'next.yaml', ...more: readonly string[]) =>
  s.json(user, 'ledger', 'copy', '--to', join(s.folder, to), ...more);
const under =
  (policy: string) =>
  (user: string, ...args: readonly string[]) =>
    s.json(user, ...args, '--policy', join(s.folder, policy));
const next = (user: string, ...args: readonly string[]) => under('next.yaml')(user, ...args);

/** What people see, without the time at which they looked. */
async function seen(ask: typeof next) {
  const [status, audit] = [await ask('boss', 'status'), await ask('boss', 'audit', 'list')];
  const { requests, grants, sweep, faults, drift } = status.document;
  const events = (audit.document.events as readonly { type: string; hash: string }[]).filter(({ type }) => type !== 'ledger.copied');
  return { requests, grants, sweep, faults, drift, events };
}

const tablesOf = (document: Json): Record<string, number> =>
  Object.fromEntries((document.tables as { name: string; rows: number }[]).map(({ name, rows }) => [name, rows]));

const sqlite = (path: string, sql: string): Record<string, unknown>[] => {
  const open = new Libsql(join(s.folder, path));
  try {
    return open.prepare(sql).all() as Record<string, unknown>[];
  } finally {
    open.close();
  }
};

describe('from one file to another', () => {
  it('copies every table, with the same ids, hashes and head, and every row in it', async () => {
    await team();
    const before = await seen(s.json);
    const { exit, document } = await copy('boss', 'other.yaml');
    expect([exit, document.result]).toEqual([0, 'copied']);
    const listed = tablesOf(document);
    const tables = sqlite('other.db', "SELECT name FROM sqlite_master WHERE type = 'table'").map(({ name }) => String(name));
    // The other two are about the database that they are in.
    expect(tables.filter((name) => !['ledger', 'upgrades', 'commits'].includes(name)).sort()).toEqual(Object.keys(listed).sort());
    for (const [name, rows] of Object.entries(listed)) {
      const all = (path: string): string[] =>
        sqlite(path, `SELECT * FROM ${name}`)
          .map((row) => JSON.stringify(row))
          .sort();
      expect([name, all('other.db')]).toEqual([name, all('oncall.db')]);
      expect(all('other.db')).toHaveLength(rows);
    }
    expect(sqlite('other.db', 'SELECT id FROM ledger')).toEqual(sqlite('oncall.db', 'SELECT id FROM ledger'));
    expect(await seen(under('other.yaml'))).toEqual(before);
    const verified = await under('other.yaml')('boss', 'audit', 'verify');
    expect(verified).toMatchObject({ exit: 0, document: { whole: true, head: document.head, kept: { seq: listed.events } } });
  });

  it.each(['', '--dry-run'])('copies nothing where a directory would be another one under the same name %s', async (option) => {
    const dryRun = option === '' ? [] : [option];
    await team();
    s.write('elsewhere.json', JSON.stringify({ users: people, groups: { 'db-admins': [], others: [] } }));
    s.write('other.yaml', policyWith('./other.db').replace('./groups.json', './elsewhere.json'));
    const { exit, document } = await copy('boss', 'other.yaml', ...dryRun);
    expect([exit, errorOf(document)]).toEqual([
      1,
      expect.objectContaining({ code: 'wrong-account', message: expect.stringContaining('but this ledger knows it as') }),
    ]);
    expect(readdirSync(s.folder)).not.toContain('other.db');
    s.write(
      'other.yaml',
      policyWith('./other.db').replaceAll('local:', 'elsewhere:').replace('{ path: ./groups', '{ kind: local, path: ./groups'),
    );
    expect(errorOf((await copy('boss', 'other.yaml', ...dryRun)).document)?.code).toBe('same-account');
    // It may be away for now: it is said, and is no reason to stay.
    s.write('other.yaml', policyWith('./other.db').replace('./groups.json', './away.json'));
    expect(await s.run('boss', 'ledger', 'copy', '--to', join(s.folder, 'other.yaml'), '--dry-run')).toMatchObject({
      exit: 0,
      err: expect.stringContaining('local did not tell whether'),
    });
  });

  it('writes nothing to the one of before any more, whoever tries: a request, a release, a sweep from an old crontab', async () => {
    await team();
    expect((await copy('boss', 'other.yaml')).exit).toBe(0);
    for (const [user, ...args] of [
      ['ana', 'request', 'db-admin'],
      ['maria', 'release', 'db-admin'],
      ['boss', 'revoke', '--all', '--yes'],
      ['boss', 'ledger', 'recover', '--keep-all', '--yes'],
    ] as const) {
      const { exit, document } = await s.json(user, ...args);
      expect([args[0], exit, errorOf(document)?.code]).toEqual([args[0], 1, 'ledger-moved']);
    }
    const { exit, out, err } = await s.run('cron', 'sweep');
    expect([exit, out]).toEqual([1, '']);
    expect(err).toContain(join(s.folder, 'other.db'));
    expect(members()).toEqual(['old@acme.dev', 'maria@acme.dev']);
    expect(await s.json('ana', 'status', '--check')).toMatchObject({ exit: 1, document: { faults: [{ code: 'ledger-moved' }] } });
    expect((await s.run('ana', 'status')).out).toContain(
      `nothing is written to this ledger: it was copied to ${join(s.folder, 'other.db')}`,
    );
    expect((await s.run('boss', 'doctor')).out.replaceAll(/\s+/g, ' ')).toContain(
      `it was copied to ${join(s.folder, 'other.db')}; nothing`,
    );
  });

  it('goes on in the other one: what was held ends there, and who waited is answered', async () => {
    await team();
    expect((await copy('boss', 'other.yaml')).exit).toBe(0);
    const ask = under('other.yaml');
    const waiting = (await ask('boss', 'status')).document.requests as { id: string; state: string }[];
    expect((await ask('boss', 'approve', waiting.find(({ state }) => state === 'pending')?.id ?? '')).exit).toBe(0);
    await s.pass(2 * hour);
    expect((await ask('cron', 'sweep')).document).toMatchObject({ ended: 2, failed: 0 });
    expect(members()).toEqual(['old@acme.dev']);
  });

  it('can be gone back from, into the file of before, which takes writes again from then on', async () => {
    await team();
    expect((await copy('boss', 'other.yaml')).exit).toBe(0);
    const ask = under('other.yaml');
    await ask('cron', 'sweep');
    expect((await ask('ana', 'request', 'db-admin')).exit).toBe(0);
    // When the file was left, its host's clock was a day behind that of now; the ledger's must not be taken to be ahead for that.
    await s.pass(24 * hour);
    const before = await seen(ask);
    const back = await ask('boss', 'ledger', 'copy', '--to', join(s.folder, 'oncall.yaml'));
    expect([back.exit, back.document.result]).toEqual([0, 'copied']);
    expect(await seen(s.json)).toEqual(before);
    expect((await s.json('boss', 'audit', 'verify')).document).toMatchObject({ whole: true, head: back.document.head });
    expect(errorOf((await ask('maria', 'release', 'db-admin')).document)?.code).toBe('ledger-moved');
    expect((await s.json('maria', 'release', 'db-admin')).exit).toBe(0);
    const { faults } = (await s.json('boss', 'status')).document;
    expect(faults).not.toContainEqual(expect.objectContaining({ code: 'clock' }));
  });

  const files = (name: string): string[] => readdirSync(s.folder).filter((file) => file.startsWith(name));
  const save = (name: string): void => {
    for (const file of files(name)) cpSync(join(s.folder, file), join(s.folder, `saved-${file}`));
  };
  const putBack = (name: string): void => {
    for (const file of files(name)) rmSync(join(s.folder, file));
    for (const file of files(`saved-${name}`)) cpSync(join(s.folder, file), join(s.folder, file.slice('saved-'.length)));
  };

  it('a copy of before that is put back in the old place is still noticed, and so is one in the new place', async () => {
    await team();
    save('oncall.db');
    expect((await copy('boss', 'other.yaml')).exit).toBe(0);
    save('other.db');
    const ask = under('other.yaml');
    await ask('cron', 'sweep');
    expect((await ask('sam', 'request', 'db-admin')).exit).toBe(0);
    putBack('oncall.db');
    expect(errorOf((await s.json('ana', 'request', 'db-admin')).document)?.code).toBe('ledger-behind');
    expect((await s.run('cron', 'sweep')).exit).toBe(1);
    putBack('other.db');
    expect(errorOf((await ask('ana', 'request', 'db-admin')).document)?.code).toBe('ledger-behind');
    // Nor is such a one copied, which would make it the newest that anybody has seen.
    rmSync(join(s.folder, 'next.yaml'));
    s.write('next.yaml', policyWith('./third.db'));
    for (const policy of ['oncall.yaml', 'other.yaml']) {
      const { exit, document } = await under(policy)('boss', 'ledger', 'copy', '--to', join(s.folder, 'next.yaml'));
      expect([exit, errorOf(document)?.code]).toEqual([1, 'ledger-behind']);
    }
  });

  it('is refused into a ledger that has something in it, with what that is, and changes neither', async () => {
    await team();
    await under('other.yaml')('cron', 'sweep');
    const before = [await seen(s.json), await seen(under('other.yaml'))];
    const { exit, document } = await copy('boss', 'other.yaml');
    expect([exit, errorOf(document)]).toEqual([
      1,
      expect.objectContaining({ code: 'ledger-behind', why: expect.stringContaining('it is not the ledger that was') }),
    ]);
    const headFile = errorOf(document)?.next.match(/rm (\S+)/)?.[1] ?? '';
    rmSync(headFile);
    const again = await copy('boss', 'other.yaml');
    expect([again.exit, errorOf(again.document)]).toEqual([
      1,
      expect.objectContaining({
        code: 'ledger-not-empty',
        why: expect.stringMatching(/^it is another one: 1 in directories, .* in events$/),
      }),
    ]);
    expect([await seen(s.json), await seen(under('other.yaml'))]).toEqual(before);
    expect((await s.run('maria', 'release', 'db-admin')).exit).toBe(0);
  });

  it('is refused into this very ledger, where that has gone on by itself', async () => {
    await team();
    save('oncall.db');
    expect((await copy('boss', 'other.yaml')).exit).toBe(0);
    const before = await seen(under('other.yaml'));
    putBack('oncall.db');
    // On another host nobody would know of the copy.
    rmSync(join(s.folder, '.local'), { recursive: true });
    expect(errorOf((await copy('boss', 'other.yaml')).document)).toMatchObject({
      code: 'ledger-not-empty',
      why: expect.stringMatching(/^it is this one, gone on by itself: 3 in requests/),
    });
    expect(await seen(under('other.yaml'))).toEqual(before);
  });

  it('is refused to who is no admin, to nowhere, to itself, and from nothing', async () => {
    await team();
    expect(await copy('maria', 'other.yaml')).toMatchObject({ exit: 3, document: { error: { code: 'forbidden' } } });
    expect(await s.json('boss', 'ledger', 'copy')).toMatchObject({ exit: 2, document: { error: { code: 'usage' } } });
    expect(await copy('boss', 'gone.yaml')).toMatchObject({ exit: 2, document: { error: { code: 'policy-unreadable' } } });
    expect(await copy('boss', 'oncall.yaml')).toMatchObject({ exit: 2, document: { error: { code: 'same-ledger' } } });
    s.write('empty.yaml', policyWith('./empty.db'));
    const { exit, document } = await under('empty.yaml')('boss', 'ledger', 'copy', '--to', join(s.folder, 'other.yaml'));
    expect([exit, errorOf(document)?.code]).toEqual([2, 'no-ledger']);
    expect(readdirSync(s.folder).filter((name) => /^(empty|other)\.db/.test(name))).toEqual([]);
  });

  it('is refused where the chain is broken, and the ledger stays in use', async () => {
    await team();
    sqlite('oncall.db', 'DROP TRIGGER events_no_update');
    const open = new Libsql(join(s.folder, 'oncall.db'));
    open.exec("UPDATE events SET body = replace(body, 'sam@', 'eve@') WHERE seq = 2");
    open.close();
    const { exit, document } = await copy('boss', 'other.yaml');
    expect([exit, errorOf(document)]).toEqual([
      1,
      expect.objectContaining({ code: 'audit-broken', message: expect.stringMatching(/oncall\.db is broken at event 2$/) }),
    ]);
    expect((await s.run('maria', 'release', 'db-admin')).exit).toBe(0);
  });

  it('says with --dry-run what it would do, and leaves no trace', async () => {
    await team();
    const before = await seen(s.json);
    const { exit, document } = await copy('boss', 'other.yaml', '--dry-run');
    expect([exit, document.result, tablesOf(document).requests]).toEqual([0, 'would-copy', 3]);
    expect(readdirSync(s.folder).filter((name) => name.startsWith('other.db'))).toEqual([]);
    expect(await seen(s.json)).toEqual(before);
    const { out } = await s.run('boss', 'ledger', 'copy', '--to', join(s.folder, 'other.yaml'), '--dry-run');
    expect(out).toMatch(/^would copy \S+oncall\.db to \S+other\.db\n {2}rows: 3 in requests, /);
  });
});

/** The real program, killed at the n-th of the points around the commits of the file that it leaves. */
function killedAt(point: number, to: string): Promise<Run> {
  const [bin, failpoints] = ['../../bin/oncall.js', '../fakes/failpoints.cjs'].map((path) => resolve(import.meta.dirname, path));
  const env = {
    PATH: process.env.PATH,
    HOME: s.folder,
    ONCALL_USER: 'boss@acme.dev',
    NODE_OPTIONS: `--require ${failpoints}`,
    FAILPOINT: String(point),
    FAILPOINT_SKIP: 'PostgreSQL',
  };
  return new Promise((done) => {
    const child = spawn(process.execPath, [bin as string, 'ledger', 'copy', '--policy', 'oncall.yaml', '--to', to], { cwd: s.folder, env });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => void (out += chunk));
    child.stderr.on('data', (chunk) => void (err += chunk));
    child.on('close', (code) => done({ exit: code ?? -1, out, err }));
  });
}

describe.skipIf(noPostgres !== undefined)(`to PostgreSQL${noPostgres === undefined ? '' : ` (skipped: ${noPostgres})`}`, () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres({ tls: makeCertificate(['db.acme.dev']) });
    postgres = server;
  }, 120_000);
  afterAll(() => server?.remove());

  it('copies all of it, and everything is as it was; the sweep there ends what is due', { timeout: 60_000 }, async () => {
    await team();
    const before = await seen(s.json);
    const { exit, document } = await copy();
    expect([exit, document.result, document.to]).toEqual([0, 'copied', `postgres://127.0.0.1:${server.port}/${database}`]);
    expect(await seen(next)).toEqual(before);
    expect((await next('boss', 'audit', 'verify')).document).toMatchObject({
      whole: true,
      head: document.head,
      kept: { seq: tablesOf(document).events },
    });
    expect((await s.run('cron', 'sweep')).exit).toBe(1);
    // Right away, without a new sweep: the heartbeat and the head have come along.
    expect((await next('sam', 'request', 'db-admin')).exit).toBe(0);
    expect((await next('maria', 'release', 'db-admin')).exit).toBe(0);
    await server.shiftClock(database, 2 * hour);
    expect((await next('cron', 'sweep')).document).toMatchObject({ ended: 1, failed: 0 });
    expect(members()).toEqual(['old@acme.dev']);
  });

  it('comes back from there into the file of before', { timeout: 60_000 }, async () => {
    await team();
    expect((await copy()).exit).toBe(0);
    expect((await next('ana', 'request', 'db-admin')).exit).toBe(0);
    const before = await seen(next);
    const back = await next('boss', 'ledger', 'copy', '--to', join(s.folder, 'oncall.yaml'));
    expect([back.exit, back.document.result]).toEqual([0, 'copied']);
    expect(await seen(s.json)).toEqual(before);
    expect((await s.json('boss', 'audit', 'verify')).document).toMatchObject({ whole: true, head: back.document.head });
    expect(errorOf((await next('maria', 'release', 'db-admin')).document)?.code).toBe('ledger-moved');
    expect((await s.json('maria', 'release', 'db-admin')).exit).toBe(0);
    expect((await next('boss', 'doctor')).exit).toBe(1);
  });

  it('killed before the old one is closed, the new one takes nothing, the old one goes on, and the same again finishes it', {
    timeout: 60_000,
  }, async () => {
    await team();
    expect((await killedAt(1, 'next.yaml')).exit).toBe(-1);
    const refused = await next('cron', 'sweep');
    expect([refused.exit, JSON.stringify(refused.document)]).toEqual([1, expect.stringContaining('unfinished copy of')]);
    expect(errorOf((await next('ana', 'request', 'db-admin')).document)).toMatchObject({
      code: 'ledger-moved',
      next: expect.stringContaining('oncall ledger copy --to'),
    });
    // It has gone on since, so the first copy is no longer all of it.
    expect((await s.run('maria', 'release', 'db-admin')).exit).toBe(0);
    expect((await s.run('sam', 'request', 'db-admin')).exit).toBe(0);
    const before = await seen(s.json);
    expect(await copy()).toMatchObject({ exit: 0, document: { result: 'copied' } });
    expect(await seen(next)).toEqual(before);
    expect((await next('boss', 'audit', 'verify')).exit).toBe(0);
    expect((await next('sam', 'release', 'db-admin')).exit).toBe(0);
    expect(members()).toEqual(['old@acme.dev']);
  });

  it('killed when the old one is closed, both take nothing and say so, and the same again finishes it', { timeout: 60_000 }, async () => {
    await team();
    const before = await seen(s.json);
    expect((await killedAt(2, 'next.yaml')).exit).toBe(-1);
    for (const ask of [s.json, next]) expect(errorOf((await ask('ana', 'request', 'db-admin')).document)?.code).toBe('ledger-moved');
    for (const ask of [s.json, next]) expect((await ask('cron', 'sweep')).exit).toBe(1);
    // Not into another one, and then there would be two.
    expect(errorOf((await copy('boss', 'other.yaml')).document)).toMatchObject({ code: 'ledger-moved' });
    expect(await copy()).toMatchObject({ exit: 0, document: { result: 'copied' } });
    expect(await seen(next)).toEqual(before);
    expect((await next('ana', 'request', 'db-admin')).exit).toBe(0);
    expect((await next('boss', 'audit', 'verify')).exit).toBe(0);
    const kept = (await next('boss', 'audit', 'verify')).document.kept;
    // Once more, long after: nothing is changed, nor is the head that was kept since.
    expect(await copy()).toMatchObject({ exit: 0, document: { result: 'already-copied' } });
    expect((await next('boss', 'audit', 'verify')).document.kept).toMatchObject({ seq: (kept as { seq: number }).seq });
    expect((await next('sam', 'request', 'db-admin')).exit).toBe(0);
  });

  it('is refused into a database that has something in it', { timeout: 60_000 }, async () => {
    await team();
    await server.query(database, 'CREATE TABLE requests (x int)');
    const foreign = await copy();
    expect([foreign.exit, errorOf(foreign.document)?.why]).toEqual([1, expect.stringContaining('already exists')]);
    await server.query(database, 'DROP TABLE requests');
    // Somebody has let it be swept already.
    expect((await next('cron', 'sweep')).exit).toBe(0);
    rmSync(join(s.folder, '.local'), { recursive: true });
    expect(errorOf((await copy()).document)).toMatchObject({ code: 'ledger-not-empty', why: expect.stringContaining('in events') });
    expect((await s.run('maria', 'release', 'db-admin')).exit).toBe(0);
  });

  it.each<[string, (url: string) => string, RegExp]>([
    ['is wrong in its password', (url) => url.replace('CANARY-postgres-password', 'CANARY-wrong-password'), /password|login/],
    ['is wrong in its port', (url) => url.replace(/:\d+\//, ':1/'), /reach/],
    ['is of no database', (url) => `${url}_gone`, /no database|not there/],
    ['wants a certificate that does not fit', (url) => `${url}?sslmode=verify-full`, /certificate|the one/],
    ['is no address', (url) => url.replace('postgres://', 'mysql://'), /postgres:\/\//],
    ['cannot be read', (url) => url.replace('CANARY-', 'CANARY-%zz#@/'), /address/],
  ])('an address that %s is told in three lines without the password', { timeout: 60_000 }, async (_, change, why) => {
    await team(change);
    for (const run of [
      () => s.run('boss', 'ledger', 'copy', '--to', join(s.folder, 'next.yaml'), '--verbose'),
      () => s.run('boss', 'status', '--verbose', '--policy', join(s.folder, 'next.yaml')),
      () => s.run('cron', 'sweep', '--verbose', '--policy', join(s.folder, 'next.yaml')),
    ]) {
      const { exit, out, err } = await run();
      expect([0, 1, 2]).toContain(exit);
      expect(exit).not.toBe(0);
      expect(err).toMatch(/error: .*\n +why: .*\n +next: /);
      expect(err).toMatch(why);
      expect(`${out}${err}`).not.toMatch(/CANARY|wrong-password|oncall:(?!PASSWORD@db\.acme\.dev)/);
    }
    const { out } = await s.run('boss', 'doctor', '--policy', join(s.folder, 'next.yaml'));
    expect(out).toContain('FAULT');
    expect(out).not.toContain('CANARY');
    expect((await s.run('maria', 'release', 'db-admin')).exit).toBe(0);
  });

  it('tells in doctor what the database is like, and what it lacks', { timeout: 60_000 }, async () => {
    await team();
    expect((await copy()).exit).toBe(0);
    const flat = async (): Promise<string> =>
      (await s.run('boss', 'doctor', '--policy', join(s.folder, 'next.yaml'))).out.replaceAll(/\s+/g, ' ');
    const well = await flat();
    const place = `postgres://127.0.0.1:${server.port}/${database}`;
    expect(well).toMatch(
      new RegExp(`ok ledger ${place}: PostgreSQL \\d[\\d.]+, not encrypted, and on this machine; schema 4, made by oncall \\S+ on \\S+`),
    );
    expect(well).not.toContain('superuser');
    expect(well).not.toContain('may create');
    await server.query(database, 'GRANT CREATE ON SCHEMA public TO PUBLIC');
    expect(await flat()).toContain(`FAULT ledger ${place}: every user of that database may create things`);
    await server.query(database, 'REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    expect(well).toContain('ok clock this host: within 10 s of the database');
    await server.query(database, "CREATE ROLE poor LOGIN PASSWORD 'CANARY-poor'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO poor");
    await server.query(database, 'GRANT UPDATE ON ledger TO poor');
    s.write('database-url', server.url(database).replace(/oncall:[^@]*/, 'poor:CANARY-poor'));
    const poor = await flat();
    expect(poor).toContain('its user poor lacks rights there: DELETE on answers, INSERT on answers');
    expect(poor).not.toContain('superuser');
    await server.query(database, 'DROP OWNED BY poor; DROP ROLE poor');
    s.write('database-url', server.socketUrl(database).replace('oncall@', 'postgres@'));
    expect(await flat()).toContain('its user postgres is a superuser');
    s.write('database-url', server.url(database));
    await server.shiftClock(database, -300_000);
    const behind = await flat();
    expect(behind).toMatch(/FAULT clock the database: (4|5) min .*behind what the ledger has seen, so nobody is let in/);
  });

  it('works with the users that docs/operations.md makes, and one of them cannot rewrite what happened', { timeout: 60_000 }, async () => {
    await team();
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/operations.md'), 'utf8');
    const [owner = '', asker = ''] = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql]) => sql);
    const named = (sql: string): string[] =>
      sql
        .replaceAll(/\boncall(?=_ask\b|\b)/g, 'team')
        .replaceAll("'PASSWORD'", "'CANARY-team'")
        .split(';')
        .filter((one) => one.trim() !== '');
    for (const statement of named(owner)) await server.query('postgres', statement);
    const address = (user: string): string => server.url('team').replace(/oncall:[^@]*/, `${user}:CANARY-team`);
    s.write('database-url', address('team'));
    expect((await copy()).exit).toBe(0);
    for (const statement of named(asker)) await server.query('team', statement);
    s.write('database-url', address('team_ask'));
    expect((await next('sam', 'request', 'db-admin')).exit).toBe(0);
    expect((await next('sam', 'release', 'db-admin')).exit).toBe(0);
    expect((await next('cron', 'sweep')).exit).toBe(0);
    expect((await next('boss', 'audit', 'verify')).document).toMatchObject({ whole: true });
    const checks = (await next('boss', 'doctor')).document.checks as { area: string; outcome: string; because: string }[];
    expect(checks.filter(({ area, outcome }) => area === 'ledger' && outcome !== 'ok')).toEqual([]);
    const rewriting = ['UPDATE events SET body = body', 'DELETE FROM events', 'ALTER TABLE events DISABLE TRIGGER ALL'];
    for (const sql of rewriting)
      await expect(server.query('team', `SET ROLE team_ask; ${sql}`)).rejects.toThrow(/permission denied|must be owner/);
  });

  it('never lets the address of the database out', async () => {
    await team();
    await copy();
    for (const name of readdirSync(s.folder, { recursive: true, withFileTypes: true })) {
      if (!name.isFile() || name.name === 'database-url') continue;
      expect([name.name, readFileSync(join(name.parentPath, name.name)).includes('CANARY-postgres')]).toEqual([name.name, false]);
    }
    const said = await server.query(database, 'SELECT body FROM events');
    expect(JSON.stringify(said)).not.toContain('CANARY');
  });
});
