/** The ledger on a real SQLite file: what its transactions, indexes and chain must guarantee. */

import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventHash, firstPrev } from '../../src/ledger/events.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import type { Grant, Request } from '../../src/lifecycle/types.ts';

const folder = mkdtempSync(join(tmpdir(), 'oncall-ledger-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newFile = (): string => join(folder, `${++files}.db`);
const open = async (path: string, now = () => 1000): Promise<Ledger> => openLedger(await openSqlite(path), { now, id: `ledger-${path}` });

const maria = { issuer: 'local', subject: 'maria@acme.dev', email: 'maria@acme.dev' };
const request = (id: string, over: Partial<Request> = {}): Request => ({
  id,
  requester: maria,
  role: 'db-admin',
  targets: [{ directory: 'okta', group: 'db' }],
  asked: { byDefault: true },
  state: 'approved',
  requestedAt: 1000,
  decision: { outcome: 'allow', heldBy: [], endsWith: [], undecided: false, approvers: [], findings: [], policyDigest: 'd' },
  approvals: [],
  version: 1,
  ...over,
});
const pin = { account: 'acme', userId: 'u1', userName: 'maria', groupId: 'g1', groupName: 'db' };
const grant = (id: string, requestId: string, over: Partial<Grant> = {}): Grant => ({
  id,
  requestId,
  membershipId: 'm1',
  target: { directory: 'okta', group: 'db' },
  state: 'activating',
  attempts: 0,
  nextAttemptAt: 5000,
  createdAt: 1000,
  version: 1,
  ...over,
});

describe('the ledger', () => {
  it('is created where it is missing, readable by its owner only, and keeps its name when opened again', async () => {
    const path = newFile();
    const first = await open(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await first.close();
    const second = await open(path);
    expect(second.id).toBe(first.id);
    await second.close();
  });

  it('gives back a request as it was put in, without keys for what is not there', async () => {
    const ledger = await open(newFile());
    const whole = request('k7m2xq', { reason: 'why "not"', incident: 'INC-1', startsAt: 1, expiresAt: 2, asked: { forMs: 5 } });
    await ledger.write((q) => q.insertRequest(whole));
    await ledger.write((q) => q.insertRequest(request('abcdef', { role: 'other' })));
    expect(await ledger.read((q) => q.request('k7m2xq'))).toEqual(whole);
    expect(await ledger.read((q) => q.request('abcdef'))).toEqual(request('abcdef', { role: 'other' }));
  });

  it('holds one open request per person and role, by an index', async () => {
    const ledger = await open(newFile());
    await ledger.write((q) => q.insertRequest(request('aaaaaa')));
    await expect(ledger.write((q) => q.insertRequest(request('bbbbbb')))).rejects.toThrow(/UNIQUE/);
    await ledger.write((q) => q.insertRequest(request('cccccc', { requester: { ...maria, subject: 'sam' } })));
  });

  it('gives one place to one request, by an index, and frees it only when every grant has ended', async () => {
    const ledger = await open(newFile());
    await ledger.write(async (q) => {
      await q.insertRequest(request('aaaaaa'));
      await q.insertMembership('m1', 'okta', 'maria@acme.dev', pin);
      await q.insertMembership('m2', 'okta', 'maria@acme.dev', { ...pin, groupId: 'g2' });
      await q.insertGrant(grant('aaaaaa.1', 'aaaaaa'));
      await q.insertGrant(grant('aaaaaa.2', 'aaaaaa', { membershipId: 'm2' }));
      await q.takePlace('db-admin', 1, 'aaaaaa');
    });
    await expect(ledger.write((q) => q.takePlace('db-admin', 1, 'aaaaaa'))).rejects.toThrow(/UNIQUE/);
    const end = (id: string) =>
      ledger.write(async (q) => {
        const live = await q.grant(id);
        if (!live) throw new Error('gone');
        await q.changeGrant(await q.changeGrant(live, { state: 'revoking', endReason: 'released' }), { state: 'ended', endedAt: 2000 });
        return q.closeRequest('aaaaaa');
      });
    expect(await end('aaaaaa.1')).toBe(false);
    expect(await ledger.read((q) => q.placesTaken('db-admin'))).toEqual([{ place: 1, requestId: 'aaaaaa' }]);
    expect(await end('aaaaaa.2')).toBe(true);
    expect(await ledger.read((q) => q.placesTaken('db-admin'))).toEqual([]);
  });

  it('refuses a change of a row that somebody else has changed since, and undoes the rest of that transaction', async () => {
    const ledger = await open(newFile());
    await ledger.write(async (q) => {
      await q.insertRequest(request('aaaaaa'));
      await q.insertMembership('m1', 'okta', 'maria@acme.dev', pin);
      await q.insertGrant(grant('aaaaaa.1', 'aaaaaa'));
    });
    const [seenGrant, seenRow, seenRequest] = await ledger.read(
      async (q) => [await q.grant('aaaaaa.1'), await q.membership('m1'), await q.request('aaaaaa')] as const,
    );
    if (!seenGrant || !seenRow || !seenRequest) throw new Error('missing');
    await ledger.write(async (q) => {
      await q.changeGrant(seenGrant, { nextAttemptAt: 1 });
      await q.changeMembership(seenRow, { busyUntil: 1 });
      await q.changeRequest(seenRequest, { expiresAt: 1 });
    });
    const stale = { code: 'changed-meanwhile' };
    await expect(ledger.write((q) => q.changeGrant(seenGrant, { nextAttemptAt: 2 }))).rejects.toMatchObject(stale);
    await expect(ledger.write((q) => q.changeMembership(seenRow, { busyUntil: 2 }))).rejects.toMatchObject(stale);
    await expect(
      ledger.write(async (q) => {
        await q.takePlace('db-admin', 1, 'aaaaaa');
        await q.changeRequest(seenRequest, { expiresAt: 2 });
      }),
    ).rejects.toMatchObject(stale);
    expect(await ledger.read((q) => q.placesTaken('db-admin'))).toEqual([]);
  });

  it('never goes back in time, whatever the host’s clock does', async () => {
    const path = newFile();
    const host = { now: 10_000 };
    const ledger = await open(path, () => host.now);
    await ledger.write(async () => undefined);
    host.now = 4000;
    expect(await ledger.read(async (q, now) => ({ now, behind: q.clockBehindMs }))).toEqual({ now: 10_000, behind: 6000 });
    expect(ledger.now()).toBe(10_000);
    // It goes on from there, or nothing that waits for a time would ever come; at half the pace, or the host would never catch up.
    await ledger.write(async () => undefined);
    host.now = 4500;
    expect(await ledger.write(async (_q, now) => now)).toBe(10_250);
    await ledger.close();
    const again = await open(path, () => host.now);
    host.now = 5000;
    expect(await again.write(async (_q, now) => now)).toBe(10_500);
  });

  it('unsets ownership only when told to', async () => {
    const ledger = await open(newFile());
    await ledger.write(async (q) =>
      q.changeMembership(await q.insertMembership('m1', 'okta', 'm', pin), { owned: true, addBy: 7, unansweredUntil: 9 }),
    );
    const row = await ledger.read((q) => q.membership('m1'));
    expect(row).toMatchObject({ owned: true, addBy: 7, unansweredUntil: 9 });
    if (!row) throw new Error('gone');
    const kept = await ledger.write((q) => q.changeMembership(row, { busyUntil: 9 }));
    expect(kept.owned).toBe(true);
    await ledger.write((q) => q.changeMembership(kept, { owned: null }));
    expect(await ledger.read((q) => q.membership('m1'))).not.toHaveProperty('owned');
  });

  it('takes turns between transactions of one process whose bodies await', async () => {
    const ledger = await open(newFile());
    await ledger.write((q) => q.insertRequest(request('aaaaaa', { expiresAt: 0 })));
    await Promise.all(
      Array.from({ length: 20 }, () =>
        ledger.write(async (q) => {
          const seen = await q.request('aaaaaa');
          await new Promise((resolve) => setImmediate(resolve));
          if (seen) await q.changeRequest(seen, { expiresAt: (seen.expiresAt ?? 0) + 1 });
        }),
      ),
    );
    expect(await ledger.read((q) => q.request('aaaaaa'))).toMatchObject({ expiresAt: 20 });
  });
});

describe('the chain of events', () => {
  it('hashes each canonical body with the hash before it, without gaps', async () => {
    const path = newFile();
    const ledger = await open(path);
    for (const reason of ['first', 'second ü "x"', 'lone \ud800 surrogate'])
      await ledger.write((q) => q.record({ type: 'request.pending', actor: maria, reason, data: { z: 1, a: undefined } }));
    await ledger.close();
    const database = await openSqlite(path);
    const rows = await database.read((connection) => connection.all('SELECT * FROM events ORDER BY seq', []));
    let prev = firstPrev;
    for (const [index, row] of rows.entries()) {
      const body = String(row.body);
      expect(row.seq).toBe(index + 1);
      expect(row.prev).toBe(prev);
      // Computed here by hand, as docs/lifecycle.md gives it.
      const inner = createHash('sha256').update(body, 'utf8').digest('hex');
      expect(row.hash).toBe(createHash('sha256').update(`oncall.audit.v1\n${prev}\n${inner}`).digest('hex'));
      expect(eventHash(prev, body)).toBe(row.hash);
      expect(body.isWellFormed()).toBe(true);
      const keys = Object.keys(JSON.parse(body));
      expect(keys).toEqual([...keys].sort());
      prev = String(row.hash);
    }
    expect(rows.length).toBe(3);
  });

  it('cannot be edited or shortened through SQL', async () => {
    const path = newFile();
    const ledger = await open(path);
    await ledger.write((q) => q.record({ type: 'request.pending', actor: 'sweep' }));
    await ledger.close();
    const database = await openSqlite(path);
    await expect(database.write((connection) => connection.run("UPDATE events SET body = '{}'", []))).rejects.toThrow(/append-only/);
    await expect(database.write((connection) => connection.run('DELETE FROM events', []))).rejects.toThrow(/append-only/);
  });

  it('is not written when the change it tells of is not', async () => {
    const ledger = await open(newFile());
    await expect(
      ledger.write(async (q) => {
        await q.record({ type: 'request.pending', actor: 'sweep' });
        throw new Error('on purpose');
      }),
    ).rejects.toThrow('on purpose');
    expect(await ledger.read((q) => q.lastEvents(10))).toEqual([]);
  });
});

describe('a ledger that cannot be used', () => {
  const root = process.getuid?.() === 0;

  it('says so where its folder is missing', async () => {
    await expect(openSqlite(join(folder, 'none', 'x.db'))).rejects.toMatchObject({
      name: 'OncallError',
      code: 'ledger-cannot-open',
      next: expect.any(String),
    });
  });

  it('says so where the file is no database', async () => {
    const path = newFile();
    writeFileSync(path, 'hello '.repeat(1000));
    await expect(openSqlite(path)).rejects.toMatchObject({ code: 'ledger-corrupt' });
  });

  it.skipIf(root)('says so where it may not be written (skipped as root, whom modes do not stop)', async () => {
    const path = newFile();
    await (await open(path)).close();
    chmodSync(path, 0o400);
    await expect(
      open(path).then((ledger) => ledger.write(async (q) => q.record({ type: 'request.pending', actor: 'sweep' }))),
    ).rejects.toMatchObject({ code: 'ledger-read-only' });
  });

  it('says so where a newer oncall has written it', async () => {
    const path = newFile();
    await (await open(path)).close();
    const database = await openSqlite(path);
    await database.write((connection) => database.schemaVersion.set(connection, 99));
    await database.close();
    await expect(open(path)).rejects.toMatchObject({ code: 'ledger-newer', next: expect.stringContaining('upgrade') });
  });
});
