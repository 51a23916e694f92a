import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import type { CopyInput, LedgerCopy } from '../../src/commands/command.ts';
import { fakeIo } from '../fakes/io.ts';
import { fakeWiring } from '../fakes/operations.ts';

const copied: LedgerCopy = {
  result: 'copied',
  from: '/var/lib/oncall/oncall.db',
  to: 'postgres://db.acme.dev:5432/oncall',
  policy: '/etc/oncall/next.yaml',
  tables: [
    { name: 'requests', rows: 12 },
    { name: 'slots', rows: 0 },
    { name: 'events', rows: 345 },
  ],
  activating: 0,
  head: { ledger: 'l1', seq: 345, hash: 'a'.repeat(64) },
};

async function run(args: readonly string[], more: Partial<LedgerCopy> = {}) {
  const io = fakeIo();
  const asked: CopyInput[] = [];
  const wiring = {
    ...fakeWiring({}),
    copyLedger: async (_: unknown, input: CopyInput) => {
      asked.push(input);
      return { ...copied, ...more };
    },
  };
  const exit = await main(['ledger', 'copy', ...args], {}, io, wiring);
  return { exit, asked, out: io.out(), err: io.err() };
}

describe('oncall ledger copy', () => {
  it('says what was copied from where to where, the head, and what to do next', async () => {
    const { exit, asked, out } = await run(['--to', 'next.yaml']);
    expect([exit, asked]).toEqual([0, [{ to: 'next.yaml', dryRun: false }]]);
    expect(out).toBe(`copied /var/lib/oncall/oncall.db to postgres://db.acme.dev:5432/oncall
  rows: 12 in requests, 345 in events
  head: ${'a'.repeat(64)} (event 345; every hash was checked)
  next: put /etc/oncall/next.yaml in the place of the policy of before, on every host
        restart each broker at once: until then nobody gets in and nothing is ended
        oncall sweep, then oncall audit verify
        keep /var/lib/oncall/oncall.db until then; nothing is written to it any more
`);
  });

  it('tells of grants that were half-way in, and of a copy that was made before', async () => {
    expect((await run(['--to', 'next.yaml'], { activating: 2 })).out).toContain(
      'note: 2 grants half-way in: the next sweep ends or takes back what became of it',
    );
    expect((await run(['--to', 'next.yaml'], { result: 'already-copied' })).out).toMatch(/^copied before, nothing was changed: /);
  });

  it('would copy with --dry-run, and names no next step', async () => {
    const { asked, out } = await run(['--to', 'next.yaml', '--dry-run'], { result: 'would-copy' });
    expect(asked).toEqual([{ to: 'next.yaml', dryRun: true }]);
    expect(out).toMatch(/^would copy .*\n {2}rows: .*\n {2}head: .*\n$/);
  });

  it('prints with --quiet the head alone, and with --json one document', async () => {
    expect((await run(['--to', 'next.yaml', '--quiet'])).out).toBe(`${'a'.repeat(64)}\n`);
    expect(JSON.parse((await run(['--to', 'next.yaml', '--json'])).out)).toEqual({ schema: 1, ...copied });
  });

  it('needs to know where to', async () => {
    const { exit, asked, err } = await run([]);
    expect([exit, asked]).toEqual([2, []]);
    expect(err).toContain('--to is missing');
  });
});
