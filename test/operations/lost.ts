/** A company whose ledger is put back from a copy that is older than what happened. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { onTestFinished } from 'vitest';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { openSqlite } from '../../src/ledger/sqlite.ts';
import type { Deps } from '../../src/operations/deps.ts';
import type { Operations } from '../../src/operations/types.ts';
import { company, type World } from './world.ts';

export type Lost = World & {
  readonly older: Ledger;
  /** As everybody is from now on: on the copy. */
  readonly on: (name: string, over?: Partial<Deps>) => Operations;
  readonly sweepOn: (ms: number) => ReturnType<Operations['sweep']>;
};

/** `before` is in the copy, `since` is not. */
export async function putBack(
  options: Parameters<typeof company>[0],
  before: (world: World) => Promise<unknown>,
  since: (world: World) => Promise<unknown>,
): Promise<Lost> {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-lost-'));
  const [path, copy] = [join(folder, 'oncall.db'), join(folder, 'copy.db')];
  const world = await company({ ...options, database: path });
  await before(world);
  const database = new Libsql(path);
  database.exec(`VACUUM INTO '${copy}'`);
  database.close();
  await since(world);
  const older = await openLedger(await openSqlite(copy), { now: () => world.now, id: 'unused' });
  onTestFinished(async () => {
    await Promise.all([older.close(), world.ledger.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const on = (name: string, over: Partial<Deps> = {}): Operations => world.as(name, { ledger: async () => older, ...over });
  return Object.assign(world, {
    older,
    on,
    sweepOn: async (ms: number) => {
      world.now += ms;
      return on('cron').sweep({});
    },
  });
}
