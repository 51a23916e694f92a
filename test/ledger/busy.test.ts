import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqlite } from '../../src/ledger/sqlite.ts';

it('says of a ledger that another process holds what to look for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'oncall-busy-'));
  const path = join(folder, 'oncall.db');
  const [one, other] = [await openSqlite(path), await openSqlite(path)];
  await one.write((c) => c.script('CREATE TABLE t (n)'));
  // Writing on what has become old is refused at once, where waiting for a lock would take its 20 s.
  const late = one.read(async (c) => {
    await c.all('SELECT n FROM t', []);
    await other.write((its) => its.run('INSERT INTO t VALUES (1)', []));
    await c.run('INSERT INTO t VALUES (2)', []);
  });
  await expect(late).rejects.toMatchObject({ code: 'ledger-busy', next: expect.stringMatching(/^try again; .*stopped.*: jobs; ps /) });
  await Promise.all([one.close(), other.close()]);
  rmSync(folder, { recursive: true });
});
