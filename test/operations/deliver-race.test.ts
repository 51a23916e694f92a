/** Several processes tell the same channels at the same time, on both databases: each thing comes once, and in order. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { openPostgres } from '../../src/ledger/postgres.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import type { EventBatch, Notice } from '../../src/lifecycle/notice.ts';
import { type Delivering, deliver } from '../../src/operations/deliver.ts';
import type { Policy } from '../../src/policy/types.ts';
import { noPostgres, type Postgres, startPostgres } from '../fakes/postgres.ts';
import { channel, type Fake, fakeChannel } from './told-world.ts';

const processes = 4;
const rounds = 5;

async function race(ledgers: readonly Ledger[]): Promise<{ readonly slack: Fake; readonly trail: Fake; readonly recorded: number }> {
  const fakes: Record<string, Fake> = { slack: fakeChannel(), trail: fakeChannel() };
  // While one is under way the others look.
  for (const fake of Object.values(fakes)) fake.fault = () => new Promise((resolve) => setImmediate(resolve));
  const policy = {
    roles: {},
    people: {},
    notify: { slack: channel('slack'), trail: channel('trail', { events: 'all' }) },
  } as unknown as Policy;
  const depsOf = (ledger: Ledger): Delivering => ({
    policy,
    ledger: async () => ledger,
    sender: async (name) => (fakes[name] as Fake).sender,
    random: Math.random,
    log: () => undefined,
    progress: () => undefined,
    sleep: async () => undefined,
    signal: new AbortController().signal,
    patient: true,
  });
  const all = () => Promise.all(ledgers.map((ledger) => deliver(depsOf(ledger))));
  await all();
  let recorded = 0;
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < 8; at++) {
      await ledgers[at % ledgers.length]?.write((q) =>
        q.record({ type: 'ledger.behind', actor: 'sweep', data: { because: String(recorded) } }),
      );
      recorded += 1;
    }
    await all();
  }
  await all();
  return { slack: fakes.slack as Fake, trail: fakes.trail as Fake, recorded };
}

function each(start: () => Promise<Ledger>): void {
  it('tells each of them once, in order', async () => {
    const ledgers: Ledger[] = [];
    // One after the other: the first makes the tables.
    for (let at = 0; at < processes; at++) ledgers.push(await start());
    try {
      const { slack, trail, recorded } = await race(ledgers);
      const becauses = (slack.told as Notice[]).map(({ lines }) => Number(/\d+/.exec(lines[0] ?? '')?.[0]));
      expect(becauses).toEqual(Array.from({ length: recorded }, (_, index) => index));
      const numbers = (trail.told as EventBatch[]).flatMap(({ events }) => events.map(({ seq }) => seq));
      expect(numbers).toEqual(Array.from({ length: recorded }, (_, index) => index + 1));
    } finally {
      for (const ledger of ledgers) await ledger.close();
    }
  });
}

describe('on SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-told-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  each(async () => openLedger(await openSqlite(join(folder, 'oncall.db')), { now: Date.now, id: 'race', mayMigrate: true }));
});

describe.skipIf(noPostgres !== undefined)('on PostgreSQL', () => {
  let postgres: Postgres;
  let url: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    url = postgres.url(await postgres.createDatabase());
  });
  afterAll(() => postgres?.remove());
  each(async () =>
    openLedger(await openPostgres(url, { application: 'oncall', log: () => undefined }), { now: Date.now, id: 'race', mayMigrate: true }),
  );
});
