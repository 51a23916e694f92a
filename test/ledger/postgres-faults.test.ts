/** PostgreSQL that is away, comes back, or loses an answer: nothing is lost, nothing doubled, and whoever asked is told the truth. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isOncallError } from '../../src/errors.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { openPostgres, type PostgresOptions } from '../../src/ledger/postgres.ts';
import { checkChain } from '../contracts/ledger.ts';
import { type CuttingProxy, startCuttingProxy } from '../fakes/cutting-proxy.ts';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';

let server: Postgres;
let proxy: CuttingProxy;
beforeAll(async () => {
  if (noPostgres !== undefined) return;
  server = await startPostgres();
  proxy = await startCuttingProxy(server.port);
});
afterAll(async () => {
  await proxy?.stop();
  await server?.remove();
});

const open = async (url: string, options: PostgresOptions = {}): Promise<Ledger> =>
  openLedger(await openPostgres(url, options), { now: Date.now, id: 'a', mayMigrate: true });
const note = (ledger: Ledger, reason: string) =>
  ledger.write(async (q) => {
    await q.record({ type: 'request.pending', actor: 'sweep', reason });
    return reason;
  });
const noted = async (database: string): Promise<readonly unknown[]> =>
  (await server.query(database, 'SELECT body FROM events ORDER BY seq')).map(({ body }) => JSON.parse(String(body)).reason);
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** All that anybody could print of it. */
function everything(error: unknown): string {
  const { message, stack, cause, ...rest } = error as Error;
  return [message, stack, JSON.stringify(rest), cause === undefined ? '' : everything(cause)].join('\n');
}

async function fault(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => {
      throw new Error('it did not fail');
    },
    (failed: unknown) => failed,
  );
  expect(everything(error)).not.toContain('CANARY');
  expect(isOncallError(error) && error.next).toBeTruthy();
  return error;
}

const why = noPostgres === undefined ? '' : ` (skipped: ${noPostgres})`;

describe.skipIf(noPostgres !== undefined)(`a COMMIT whose answer is lost${why}`, () => {
  let name: string;
  let ledger: Ledger;
  beforeEach(async () => {
    name = await server.createDatabase();
    ledger = await open(server.url(name, proxy.port), { patienceMs: 4000 });
    return () => ledger.close();
  });

  it('counts as done where it was done, for all who wrote together', async () => {
    proxy.cut('answer');
    expect(await Promise.all(['one', 'two'].map((reason) => note(ledger, reason)))).toEqual(['one', 'two']);
    expect(await noted(name)).toEqual(['one', 'two']);
  });

  it('is told as a fault where it was not done, and the next one goes through', async () => {
    proxy.cut('before');
    const nothing = { code: 'ledger-unreachable', next: expect.stringContaining('nothing was changed') };
    expect(await fault(note(ledger, 'one'))).toMatchObject(nothing);
    expect(await noted(name)).toEqual([]);
    expect(await note(ledger, 'two')).toBe('two');
  });

  it('is waited for where the server has not finished with it yet', async () => {
    proxy.cut('late');
    expect(await note(ledger, 'one')).toBe('one');
    proxy.cut('never');
    expect(await fault(note(ledger, 'two'))).toMatchObject({ code: 'ledger-unreachable' });
    expect(await noted(name)).toEqual(['one']);
  });

  it('is said to be unknown where it cannot be found out', { timeout: 60_000 }, async () => {
    proxy.cut('answer');
    proxy.refuse(true);
    const unknown = { code: 'ledger-unanswered', next: expect.stringMatching(/not known whether/) };
    expect(await fault(note(ledger, 'one'))).toMatchObject(unknown);
    proxy.refuse(false);
    expect(await noted(name)).toEqual(['one']);
  });
});

describe.skipIf(noPostgres !== undefined)(`a server that goes away${why}`, () => {
  it('is waited for before a change begins, and read again', async () => {
    const lines: string[] = [];
    const name = await server.createDatabase();
    const ledger = await open(server.url(name), { patienceMs: 30_000, log: (line) => lines.push(line) });
    await server.stop();
    const both = Promise.all([note(ledger, 'one'), ledger.read((q) => q.openRequests())]);
    await wait(300);
    await server.start();
    expect(await both).toEqual(['one', []]);
    expect(lines.join()).toMatch(/does not answer.*trying again/);
    expect(lines.join()).not.toContain('CANARY');
    await ledger.close();
  });

  it('is not waited for longer than there is patience', async () => {
    const name = await server.createDatabase();
    const ledger = await open(server.url(name), { patienceMs: 200 });
    await server.stop();
    expect(await fault(note(ledger, 'one'))).toMatchObject({ code: 'ledger-unreachable' });
    expect(await fault(open(server.url(name), { patienceMs: 200 }))).toMatchObject({ code: 'ledger-unreachable' });
    await ledger.close();
    await server.start();
  });

  it('in the middle of a change leaves nothing of it', async () => {
    const name = await server.createDatabase();
    const ledger = await open(server.url(name));
    const half = ledger.write(async (q) => {
      await q.record({ type: 'request.pending', actor: 'sweep', reason: 'one' });
      await server.restart();
      await q.record({ type: 'request.pending', actor: 'sweep', reason: 'two' });
    });
    expect(await fault(half)).toMatchObject({ code: 'ledger-unreachable', next: expect.stringContaining('nothing was changed') });
    expect(await noted(name)).toEqual([]);
    expect(await note(ledger, 'three')).toBe('three');
    await ledger.close();
  });

  it('and comes back as a standby is neither read nor written, until it is the primary', { timeout: 60_000 }, async () => {
    const name = await server.createDatabase();
    const ledger = await open(server.url(name), { patienceMs: 300 });
    await server.restart('standby');
    expect(await fault(note(ledger, 'one'))).toMatchObject({ code: 'ledger-read-only' });
    expect(await fault(ledger.read((q) => q.openRequests()))).toMatchObject({ code: 'ledger-read-only' });
    await server.restart();
    expect(await note(ledger, 'two')).toBe('two');
    await ledger.close();
  });

  it('again and again under load loses no change that was acknowledged, and makes none that was not', { timeout: 120_000 }, async () => {
    const name = await server.createDatabase();
    const ledgers = [await open(server.url(name), { patienceMs: 30_000 }), await open(server.url(name), { patienceMs: 30_000 })];
    let isOver = false;
    const done: string[] = [];
    const undone: string[] = [];
    const writers = Array.from({ length: 20 }, async (_, writer) => {
      for (let round = 0; !isOver; round++) {
        const reason = `${writer}.${round}`;
        await note(ledgers[writer % 2] as Ledger, reason).then(
          () => done.push(reason),
          (error: unknown) => {
            expect(error).toMatchObject({ code: 'ledger-unreachable', next: expect.stringContaining('nothing was changed') });
            undone.push(reason);
          },
        );
      }
    });
    for (const stop of [server.stop, server.stopHard, server.stop, server.stopHard]) {
      await wait(400);
      await stop();
      await server.start();
    }
    await wait(400);
    isOver = true;
    await Promise.all(writers);
    expect([...(await noted(name))].sort()).toEqual([...done].sort());
    expect(done.length).toBeGreaterThan(20);
    const database = await openPostgres(server.url(name));
    expect(await checkChain(database)).toBe(done.length);
    for (const one of [...ledgers, database]) await one.close();
  });
});

describe.skipIf(noPostgres !== undefined)(`a database that is not to be had${why}`, () => {
  it('is told apart: no such database, a wrong password, none at all, no connection left, no right', async () => {
    const name = await server.createDatabase();
    const url = server.url(name);
    expect(await fault(open(server.url('nowhere')))).toMatchObject({
      code: 'ledger-refused',
      why: expect.stringContaining('does not exist'),
    });
    expect(await fault(open(url.replace('CANARY', 'WRONG')))).toMatchObject({
      code: 'ledger-refused',
      next: expect.stringContaining('password'),
    });
    expect(await fault(open(url.replace(/:[^:@]*@/, '@')))).toMatchObject({
      code: 'ledger-refused',
      next: expect.stringContaining('address'),
    });
    await server.query('postgres', `ALTER DATABASE ${name} CONNECTION LIMIT 0`);
    expect(await fault(open(url, { patienceMs: 100 }))).toMatchObject({
      code: 'ledger-busy',
      next: expect.stringContaining('max_connections'),
    });
    await server.query('postgres', `ALTER DATABASE ${name} CONNECTION LIMIT -1`);
    await server.query('postgres', `ALTER DATABASE ${name} OWNER TO postgres`);
    expect(await fault(open(url))).toMatchObject({ code: 'ledger-refused', why: expect.stringContaining('permission denied') });
  });

  it('is one that others hold, where they hold it for too long', { timeout: 60_000 }, async () => {
    const name = await server.createDatabase();
    const ledger = await open(server.url(name));
    const holder = server.query(name, 'BEGIN; LOCK TABLE ledger; SELECT pg_sleep(25)');
    await wait(300);
    expect(await fault(note(ledger, 'one'))).toMatchObject({ code: 'ledger-busy', next: expect.stringContaining('pg_stat_activity') });
    await holder;
    expect(await note(ledger, 'two')).toBe('two');
    await ledger.close();
  });
});
