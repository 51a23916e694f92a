/** The ledger on a real PostgreSQL server: what every ledger promises, and what is true of a database that several hosts share. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ledger, type LedgerWorld, openLedger } from '../../src/ledger/ledger.ts';
import { openPostgres } from '../../src/ledger/postgres.ts';
import { ledgerContract, maria } from '../contracts/ledger.ts';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';

let server: Postgres;
beforeAll(async () => {
  if (noPostgres === undefined) server = await startPostgres();
});
afterAll(async () => server?.remove());

const nameOf = (url: string): string => new URL(url).pathname.slice(1);

ledgerContract({
  title: 'PostgreSQL',
  skip: noPostgres,
  place: async () => server.url(await server.createDatabase()),
  connect: (place) => openPostgres(place),
  setClock: (place, aheadMs) => server.shiftClock(nameOf(place), aheadMs),
  now: () => Date.now(),
});

describe.skipIf(noPostgres !== undefined)(`a database${noPostgres === undefined ? '' : ` (skipped: ${noPostgres})`}`, () => {
  const open = async (url: string, over: Partial<LedgerWorld> = {}): Promise<Ledger> =>
    openLedger(await openPostgres(url), { now: Date.now, id: 'a', mayMigrate: true, ...over });

  it('is made a ledger only by who may, and another one says what to run', async () => {
    const url = server.url(await server.createDatabase());
    await expect(open(url, { mayMigrate: false })).rejects.toMatchObject({
      code: 'ledger-empty',
      next: expect.stringContaining('oncall sweep'),
    });
    expect(await server.query(nameOf(url), "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
    await (await open(url)).close();
    await (await open(url, { mayMigrate: undefined })).close();
  });

  it('of an older version is upgraded only by who may', async () => {
    const url = server.url(await server.createDatabase());
    await (await open(url)).close();
    await server.query(nameOf(url), 'UPDATE ledger SET schema = 1');
    await expect(open(url, { mayMigrate: undefined })).rejects.toMatchObject({ code: 'ledger-older' });
  });

  it('that holds something else is not touched', async () => {
    const url = server.url(await server.createDatabase());
    await server.query(nameOf(url), 'CREATE TABLE requests (mine text)');
    await expect(open(url)).rejects.toMatchObject({ code: 'ledger-refused', why: expect.stringContaining('already exists') });
    expect(await server.query(nameOf(url), "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([
      { tablename: 'requests' },
    ]);
  });

  it('that cannot hold every name is refused', async () => {
    const url = server.url(await server.createDatabase("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"));
    await expect(open(url)).rejects.toMatchObject({ code: 'ledger-refused', why: expect.stringContaining('LATIN1') });
  });

  it('gives its own time, not that of the host which asks', async () => {
    const url = server.url(await server.createDatabase());
    await server.shiftClock(nameOf(url), -3_600_000);
    const ledger = await open(url);
    const [now, behind] = await ledger.write(async (q, at) => [at, q.clockBehindMs]);
    expect(behind).toBe(0);
    expect(Math.abs(Number(now) + 3_600_000 - Date.now())).toBeLessThan(60_000);
    expect(Math.abs(ledger.offsetMs() + 3_600_000)).toBeLessThan(60_000);
    expect(Math.abs(ledger.now() + 3_600_000 - Date.now())).toBeLessThan(60_000);
    await ledger.close();
  });

  it('loses nothing to TRUNCATE either', async () => {
    const url = server.url(await server.createDatabase());
    const ledger = await open(url);
    await ledger.write((q) => q.record({ type: 'request.pending', actor: maria }));
    await expect(server.query(nameOf(url), 'TRUNCATE events')).rejects.toThrow(/append-only/);
    await ledger.close();
  });

  it('waits for the disk at every change, also where the server is told not to', async () => {
    const name = await server.createDatabase();
    await server.query(name, `ALTER DATABASE ${name} SET synchronous_commit = off`);
    const database = await openPostgres(server.url(name));
    const [row] = await database.write((c) => c.all("SELECT current_setting('synchronous_commit') AS it", []));
    expect(row?.it).toBe('on');
    await database.close();
  });

  it('is reached through its socket as well', async () => {
    const ledger = await open(server.socketUrl(await server.createDatabase()));
    expect(await ledger.write(async (q) => (await q.head()).seq)).toBe(0);
    await ledger.close();
  });

  it('remembers each change for an hour', async () => {
    const name = await server.createDatabase();
    const ledger = await open(server.url(name));
    await server.query(name, "INSERT INTO commits (id, at) SELECT 'old', clock - 3700000 FROM ledger");
    await ledger.close();
    const again = await open(server.url(name));
    await again.write(async () => undefined);
    expect(await server.query(name, "SELECT id FROM commits WHERE id = 'old'")).toEqual([]);
    expect((await server.query(name, 'SELECT id FROM commits')).length).toBeGreaterThan(0);
    await again.close();
  });

  it('takes a change back from a process that was stopped in the middle of it, so that others can go on', { timeout: 60_000 }, async () => {
    const url = server.url(await server.createDatabase());
    const [stopped, other] = [await open(url), await open(url)];
    let goOn = (): void => undefined;
    const held = stopped.write(async (q) => {
      await q.beat('okta', 1, false);
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      await q.beat('okta', 2, false);
    });
    const failed = expect(held).rejects.toMatchObject({ code: 'ledger-unreachable', next: expect.stringContaining('nothing was changed') });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await other.write((q) => q.beat('aws', 3, false));
    goOn();
    await failed;
    expect((await other.read((q) => q.directories())).map(({ name }) => name)).toEqual(['aws']);
    await stopped.write((q) => q.beat('okta', 4, false));
    await Promise.all([stopped.close(), other.close()]);
  });
});
