/** The ledger is put back from a copy, deleted or changed while somebody has access that it no longer knows of. */

import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Json, type Stage, stage } from './stage.ts';
import { brokerDoors, brokers, cannotOpen, skippedAt } from './through-broker.ts';

const hour = 3_600_000;

const policy = `version: 1
ledger: ./oncall.db
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
`;
const people = ['maria', 'sam', 'ana', 'boss', 'old'].map((name) => `${name}@acme.dev`);

let s: Stage;
afterEach(() => s.remove());

const files = {
  'oncall.yaml': policy,
  'groups.json': JSON.stringify({ users: people, groups: { 'db-admins': ['old@acme.dev'] } }),
  'schedule.yaml': 'schedules: {}\n',
};

async function company(door: Parameters<typeof stage>[0] = 'main()'): Promise<Stage> {
  s = stage(door, files);
  expect((await s.run('cron', 'sweep')).exit).toBe(0);
  return s;
}

const members = (): string[] => (JSON.parse(s.read('groups.json')) as { groups: Record<string, string[]> }).groups['db-admins'] ?? [];
const ledgerFiles = (folder = s.folder): string[] => readdirSync(folder).filter((name) => /^oncall\.db(-|$)/.test(name));
const save = (): void => {
  mkdirSync(join(s.folder, 'backup'));
  for (const name of ledgerFiles()) cpSync(join(s.folder, name), join(s.folder, 'backup', name));
};
const lose = (): void => {
  for (const name of ledgerFiles()) rmSync(join(s.folder, name));
};
const putBack = (): void => {
  lose();
  for (const name of ledgerFiles(join(s.folder, 'backup'))) cpSync(join(s.folder, 'backup', name), join(s.folder, name));
};
const code = (document: Json): unknown => (document.error as { code?: string } | undefined)?.code;

const headFile = (): string => {
  const folder = join(s.folder, '.local/state/oncall');
  return join('.local/state/oncall', readdirSync(folder).find((name) => name.startsWith('head-')) ?? '');
};

/** sam has an hour, a copy is made, maria is let in, and the copy is put back. */
async function rolledBack(door?: Parameters<typeof stage>[0]): Promise<void> {
  await company(door);
  expect((await s.run('sam', 'request', 'db-admin', '--hours', '1')).exit).toBe(0);
  save();
  expect((await s.run('maria', 'request', 'db-admin', '--hours', '12')).exit).toBe(0);
  putBack();
}

describe('a ledger put back from a copy', () => {
  it('grants nothing, and says what to do', async () => {
    await rolledBack();
    const { exit, document } = await s.json('ana', 'request', 'db-admin');
    expect([exit, code(document)]).toEqual([1, 'ledger-behind']);
    const { err } = await s.run('ana', 'request', 'db-admin');
    expect(err).toMatch(
      /nothing is granted: the ledger has lost what it knew\n +why: {2}its last event is number \d+; number \d+ was seen .* ago;.*\n +next:.*oncall ledger recover/,
    );
    expect(members()).toEqual(['old@acme.dev', 'sam@acme.dev', 'maria@acme.dev']);
    expect((await s.json('ana', 'explain', 'db-admin')).document).toMatchObject({ refusal: { code: 'ledger-behind' } });
  });

  it('extends nothing either', async () => {
    await rolledBack();
    expect(code((await s.json('sam', 'request', 'db-admin', '--hours', '3')).document)).toBe('ledger-behind');
  });

  it('is swept all the same, and every sweep and check says so', async () => {
    await rolledBack();
    await s.pass(2 * hour);
    const swept = await s.json('cron', 'sweep');
    expect(swept.exit).toBe(1);
    expect(swept.document).toMatchObject({ ended: 1, failed: 1 });
    expect(swept.document.steps).toContainEqual(
      expect.objectContaining({ action: 'ledger', outcome: 'failed', next: 'oncall ledger recover' }),
    );
    expect(members()).toEqual(['old@acme.dev', 'maria@acme.dev']);
    expect(await s.json('boss', 'status', '--check')).toMatchObject({ exit: 1, document: { faults: [{ code: 'ledger-behind' }] } });
    const doctor = await s.json('boss', 'doctor');
    expect(doctor.exit).toBe(1);
    expect(doctor.document.checks).toContainEqual(
      expect.objectContaining({ area: 'ledger', outcome: 'fault', next: 'oncall ledger recover' }),
    );
  });

  it('still lets the holder give back what it knows', async () => {
    await rolledBack();
    expect((await s.run('sam', 'release', 'db-admin')).exit).toBe(0);
    expect(members()).toEqual(['old@acme.dev', 'maria@acme.dev']);
  });

  it('does not come to be believed by going on from there', async () => {
    await rolledBack();
    // More events than were lost: the numbers are past what was seen, the chain is another one.
    for (let round = 0; round < 12; round++) await s.run('boss', 'request', 'db-admin');
    expect((await s.json('ana', 'request', 'db-admin')).document).toMatchObject({
      error: { code: 'ledger-behind', why: expect.stringContaining('is not the one that was seen') },
    });
  });

  it('is recovered by an admin alone, who decides about each member that no grant explains', async () => {
    await rolledBack();
    expect((await s.json('maria', 'ledger', 'recover', '--keep-all', '--yes')).exit).toBe(3);
    const listed = await s.run('boss', 'ledger', 'recover');
    expect(listed.exit).toBe(1);
    expect(listed.out).toMatch(/maria@acme\.dev@local\/db-admins +unknown +nothing is known/);
    expect(listed.out).toMatch(/old@acme\.dev@local\/db-admins +from before/);
    expect(listed.out).not.toContain('sam@acme.dev');
    expect(listed.err).toContain('--end <who>, --end-unknown, --keep-all');
    expect((await s.run('boss', 'ledger', 'recover', '--yes')).exit).toBe(1);
    expect((await s.run('boss', 'ledger', 'recover', '--end', 'mari@acme.dev', '--yes')).exit).toBe(2);
    expect(code((await s.json('ana', 'request', 'db-admin')).document)).toBe('ledger-behind');

    const done = await s.run('boss', 'ledger', 'recover', '--end-unknown', '--yes');
    expect(done).toMatchObject({ exit: 0, err: '' });
    expect(done.out).toMatch(
      /out +maria@acme\.dev in local\/db-admins\nstays +old@acme\.dev in local\/db-admins\n1 with standing access: .*\nrecovered: /,
    );
    expect(members()).toEqual(['old@acme.dev', 'sam@acme.dev']);
    expect((await s.run('ana', 'request', 'db-admin')).exit).toBe(0);
    expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0, out: '', err: '' });
    expect((await s.run('boss', 'audit', 'verify')).exit).toBe(0);
    expect((await s.run('boss', 'ledger', 'recover')).out).toContain('nothing shows here that the ledger has lost anything');
    expect((await s.run('boss', 'audit', 'list')).out).toContain('ledger.recovered');
  });

  it('may keep everybody, who then are known', async () => {
    await rolledBack();
    expect((await s.run('boss', 'ledger', 'recover', '--keep-all', '--yes')).exit).toBe(0);
    expect(members()).toEqual(['old@acme.dev', 'sam@acme.dev', 'maria@acme.dev']);
    await s.pass(hour / 2);
    expect(await s.run('cron', 'sweep')).toMatchObject({ exit: 0, out: '', err: '' });
  });

  it('is recovered by the built bundle as well', async () => {
    await rolledBack('the built bundle');
    expect(code((await s.json('ana', 'request', 'db-admin')).document)).toBe('ledger-behind');
    expect((await s.json('boss', 'audit', 'verify')).document).toMatchObject({ whole: false, breach: { kind: 'truncation' } });
    expect((await s.run('boss', 'ledger', 'recover', '--end', 'maria@acme.dev', '--yes')).exit).toBe(0);
    expect(members()).toEqual(['old@acme.dev', 'sam@acme.dev']);
    expect((await s.run('ana', 'request', 'db-admin')).exit).toBe(0);
  });
});

describe('another user of the same host', () => {
  it('goes on after an admin has recovered, with the head that was kept before', async () => {
    await rolledBack();
    const theirs = s.read(headFile());
    expect((await s.run('boss', 'ledger', 'recover', '--keep-all', '--yes')).exit).toBe(0);
    // As if it lay in a home of their own.
    s.write(headFile(), theirs);
    expect(await s.run('boss', 'audit', 'verify')).toMatchObject({ exit: 0, out: expect.stringContaining('boss@acme.dev has recovered') });
    expect((await s.run('boss', 'ledger', 'recover')).out).toMatch(/maria@acme\.dev@local\/db-admins +from before/);
    expect((await s.run('ana', 'request', 'db-admin')).exit).toBe(0);
    expect((await s.run('boss', 'audit', 'verify')).out).toContain('is part of it');
  });
});

describe('a ledger that was deleted', () => {
  it('is noticed although a new one is sound, and recovered in the same way', async () => {
    await company();
    expect((await s.run('maria', 'request', 'db-admin')).exit).toBe(0);
    lose();
    expect(await s.json('boss', 'audit', 'verify')).toMatchObject({ exit: 1, document: { breach: { kind: 'truncation', seq: 1 } } });
    expect(existsSync(join(s.folder, 'oncall.db'))).toBe(false);
    expect((await s.json('boss', 'doctor')).document.checks).toContainEqual(
      expect.objectContaining({ outcome: 'fault', because: expect.stringContaining('it is gone') }),
    );
    // A new one, which takes whoever is there for its baseline.
    expect((await s.run('cron', 'sweep')).exit).toBe(1);
    expect(code((await s.json('ana', 'request', 'db-admin')).document)).toBe('ledger-behind');
    const listed = await s.run('boss', 'ledger', 'recover');
    expect(listed.out).toContain('it is not the ledger that was seen');
    expect(listed.out).toMatch(/maria@acme\.dev@local\/db-admins +unknown/);
    expect((await s.run('boss', 'ledger', 'recover', '--end', 'maria@acme.dev@local/db-admins', '--yes')).exit).toBe(0);
    expect(members()).toEqual(['old@acme.dev']);
    // A new ledger has seen no sweep.
    await s.run('cron', 'sweep');
    const last = await s.run('ana', 'request', 'db-admin');
    expect(last.exit, last.err).toBe(0);
  });
});

describe('what is kept of the ledger', () => {
  it('is nothing until something has happened, and then the head of the chain', async () => {
    await company();
    await s.run('maria', 'request', 'db-admin');
    const kept = JSON.parse(s.read(headFile())) as { seq: number; hash: string };
    const database = new Libsql(join(s.folder, 'oncall.db'));
    expect(database.prepare('SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1').get()).toMatchObject({
      seq: kept.seq,
      hash: kept.hash,
    });
    database.close();
    const { err } = await s.run('cron', 'sweep', '--verbose');
    expect(err).toContain(`is event ${kept.seq}, ${kept.hash}`);
    expect((await s.json('boss', 'audit', 'verify', '--head', kept.hash)).document).toMatchObject({
      whole: true,
      foundSeq: kept.seq,
      kept: { seq: kept.seq },
    });
  });

  it('stops every grant where it is not what was written there, until a recovery', async () => {
    await company();
    await s.run('maria', 'request', 'db-admin');
    s.write(headFile(), '{"seq":1');
    const { exit, document } = await s.json('sam', 'request', 'db-admin');
    expect([exit, code(document)]).toEqual([1, 'anchor-unusable']);
    expect(document).toMatchObject({
      error: { message: expect.stringContaining(headFile()), next: expect.stringContaining('oncall ledger recover') },
    });
    expect((await s.run('cron', 'sweep')).exit).toBe(1);
    expect((await s.run('boss', 'audit', 'verify')).exit).toBe(2);
    expect((await s.run('boss', 'ledger', 'recover', '--keep-all', '--yes')).exit).toBe(0);
    expect((await s.run('sam', 'request', 'db-admin')).exit).toBe(0);
  });

  it('is not what anything depends on where this user has nowhere to keep it', async () => {
    s = stage(
      'main()',
      {
        'oncall.yaml': policy,
        'groups.json': JSON.stringify({ users: people, groups: { 'db-admins': [] } }),
        'schedule.yaml': 'schedules: {}\n',
      },
      { HOME: '/nonexistent', XDG_STATE_HOME: '/dev/null/state' },
    );
    expect((await s.run('cron', 'sweep')).exit).toBe(0);
    const { exit, err } = await s.run('maria', 'request', 'db-admin', '--verbose');
    expect(exit).toBe(0);
    expect(err).toContain('the head of the ledger could not be kept in /dev/null/state/oncall');
    expect((await s.json('boss', 'doctor')).document.checks).toContainEqual(
      expect.objectContaining({ area: 'files', outcome: 'warning', because: expect.stringContaining('cannot write there') }),
    );
    expect((await s.run('boss', 'audit', 'verify')).out).toContain('no head outside the ledger for this user');
  });
});

describe('a ledger that is put back behind a broker', () => {
  const through = brokers();
  beforeAll(() => through.start(), 60_000);
  afterAll(() => through.stop());

  for (const door of brokerDoors)
    it.skipIf(cannotOpen(door) !== undefined)(
      `grants nothing, is swept all the same, and is recovered by an admin from a laptop, through ${door}${skippedAt(door)}`,
      async () => {
        const made = await through.open(door, files);
        s = made;
        expect((await s.run('cron', 'sweep')).exit).toBe(0);
        expect((await s.run('sam', 'request', 'db-admin', '--hours', '1')).exit).toBe(0);
        await made.whileDown((ledger, folder) => ledger.copy(folder));
        expect((await s.run('maria', 'request', 'db-admin', '--hours', '12')).exit).toBe(0);
        await made.whileDown((ledger, folder) => ledger.putBack(folder));

        expect(code((await s.json('ana', 'request', 'db-admin')).document)).toBe('ledger-behind');
        expect((await s.json('boss', 'audit', 'verify')).document).toMatchObject({ whole: false, breach: { kind: 'truncation' } });
        await s.pass(2 * hour);
        expect(await s.json('cron', 'sweep')).toMatchObject({ exit: 1, document: { ended: 1, failed: 1 } });
        expect(members()).toEqual(['old@acme.dev', 'maria@acme.dev']);

        expect((await s.json('maria', 'ledger', 'recover', '--keep-all', '--yes')).exit).toBe(3);
        expect((await s.run('boss', 'ledger', 'recover')).out).toMatch(/maria@acme\.dev@local\/db-admins +unknown +nothing is known/);
        expect((await s.run('boss', 'ledger', 'recover', '--end-unknown', '--yes')).exit).toBe(0);
        expect(members()).toEqual(['old@acme.dev']);
        // No sweep counted while the ledger was behind.
        expect(await s.run('cron', 'sweep')).toEqual({ exit: 0, out: '', err: '' });
        const last = await s.run('ana', 'request', 'db-admin');
        expect(last.exit, last.err).toBe(0);
        expect((await s.run('boss', 'audit', 'verify')).exit).toBe(0);
      },
      60_000,
    );
});
