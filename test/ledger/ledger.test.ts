/** The ledger on a real SQLite file: what every ledger promises, and what is true of a file. */

import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Ledger, type LedgerWorld, openLedger } from '../../src/ledger/ledger.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import { checkChain, ledgerContract, maria, request } from '../contracts/ledger.ts';

const folder = mkdtempSync(join(tmpdir(), 'oncall-ledger-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newFile = (): string => join(folder, `${++files}.db`);
const open = async (path: string, now = () => 1000, over: Partial<LedgerWorld> = {}): Promise<Ledger> =>
  openLedger(await openSqlite(path), { now, id: `ledger-${path}`, ...over });

/** How far the clock of the host is ahead, by file. */
const clocks = new Map<string, number>();

ledgerContract({
  title: 'SQLite',
  place: async () => newFile(),
  connect: openSqlite,
  setClock: async (place, aheadMs) => void clocks.set(place, aheadMs),
  now: (place) => Date.now() + (clocks.get(place) ?? 0),
});

describe('a file', () => {
  it('is created where it is missing, also by who may not upgrade one, readable by its owner only', async () => {
    const path = newFile();
    await (await open(path, () => 1000, { mayMigrate: false })).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('goes on at half the pace where the host’s clock is behind', async () => {
    const path = newFile();
    const host = { now: 10_000 };
    const ledger = await open(path, () => host.now);
    await ledger.write(async () => undefined);
    host.now = 4000;
    expect(await ledger.read(async (q, now) => ({ now, behind: q.clockBehindMs }))).toEqual({ now: 10_000, behind: 6000 });
    expect([ledger.now(), ledger.offsetMs()]).toEqual([10_000, 6000]);
    // It goes on from there, or nothing that waits for a time would ever come; at half the pace, or the host would never catch up.
    await ledger.write(async () => undefined);
    host.now = 4500;
    expect(await ledger.write(async (_q, now) => now)).toBe(10_250);
    await ledger.close();
    const again = await open(path, () => host.now);
    host.now = 5000;
    expect(await again.write(async (_q, now) => now)).toBe(10_500);
    await again.close();
  });

  it('of the first version is upgraded in place by whoever may, and keeps all that is in it', async () => {
    const path = newFile();
    await firstVersion(path);
    const older = { code: 'ledger-older', next: expect.stringMatching(/upgrade oncall on the host that sweeps.*oncall sweep/) };
    await expect(open(path)).rejects.toMatchObject(older);
    const ledger = await open(path, () => 2000, { mayMigrate: true, host: 'broker-1', program: '1.2.3' });
    expect(ledger.id).toBe('old');
    expect(await ledger.read((q) => q.request('aaaaaa'))).toEqual(request('aaaaaa'));
    await ledger.write((q) => q.record({ type: 'request.pending', actor: maria }));
    await ledger.close();
    const database = await openSqlite(path);
    expect(await database.read((c) => c.all('SELECT * FROM upgrades', []))).toEqual([
      { version: 4, at: 2000, host: 'broker-1', program: '1.2.3' },
    ]);
    expect(await checkChain(database)).toBe(1);
    await database.close();
    await (await open(path)).close();
  });

  it('says that its folder is missing', async () => {
    await expect(openSqlite(join(folder, 'none', 'x.db'))).rejects.toMatchObject({
      name: 'OncallError',
      code: 'ledger-cannot-open',
      next: expect.any(String),
    });
  });

  it('says that it is no database', async () => {
    const path = newFile();
    writeFileSync(path, 'hello '.repeat(1000));
    await expect(openSqlite(path)).rejects.toMatchObject({ code: 'ledger-corrupt' });
  });

  const root = process.getuid?.() === 0;
  it.skipIf(root)('says that it may not be written (skipped as root, whom modes do not stop)', async () => {
    const path = newFile();
    await (await open(path)).close();
    chmodSync(path, 0o400);
    await expect(
      open(path).then((ledger) => ledger.write(async (q) => q.record({ type: 'request.pending', actor: 'sweep' }))),
    ).rejects.toMatchObject({ code: 'ledger-read-only' });
  });
});

/** As a program without the second migration left it. */
async function firstVersion(path: string): Promise<void> {
  const database = await openSqlite(path);
  await database.write(async (connection) => {
    await connection.script(readFileSync(resolve(import.meta.dirname, '../../src/ledger/migrations/0001-first.sql'), 'utf8'));
    await connection.run("INSERT INTO ledger (one, id, clock, host) VALUES (1, 'old', 1, 1)", []);
    const { id, requester, role, targets, asked, state, decision } = request('aaaaaa');
    await connection.run(
      `INSERT INTO requests (id, issuer, subject, email, role, targets, asked, state, open, requested_at, decision, approvals, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 1000, ?, '[]', 1)`,
      [
        id,
        requester.issuer,
        requester.subject,
        requester.email,
        role,
        JSON.stringify(targets),
        JSON.stringify(asked),
        state,
        JSON.stringify(decision),
      ],
    );
    await database.schemaVersion.set(connection, 1);
  });
  await database.close();
}
