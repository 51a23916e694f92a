/** What `doctor` says about files, on real ones. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Check } from '../../src/operations/types.ts';
import { checkFiles } from '../../src/wiring.ts';
import { scratch } from './scratch.ts';

const embedded = `version: 1
ledger: ./state/oncall.db
directories:
  local: { path: ./groups.json }
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { local: db-admins }
    allow: [{ onCall: file/primary }]
`;
const withAws = embedded.replace('directories:\n', 'directories:\n  aws-iam: { endpoint: http://127.0.0.1:9 }\n');

function world(policy = embedded) {
  const folder = scratch();
  chmodSync(folder, 0o755);
  const path = join(folder, 'oncall.yaml');
  const ledger = join(folder, 'state/oncall.db');
  mkdirSync(join(folder, 'state'), { mode: 0o700 });
  writeFileSync(path, policy, { mode: 0o600 });
  const look = (env: Record<string, string> = {}): Promise<readonly Check[]> =>
    checkFiles({ policyPath: path, env: { HOME: folder, ...env }, cwd: folder });
  return { folder, path, ledger, look };
}
const faultsIn = (checks: readonly Check[]) => checks.filter(({ outcome }) => outcome === 'fault');

describe('the files, as doctor sees them', () => {
  it('says which policy and which ledger are in use, and why', async () => {
    const { path, ledger, look } = world();
    writeFileSync(ledger, '', { mode: 0o600 });
    expect(await look()).toEqual([
      { area: 'policy', what: path, outcome: 'ok', because: 'in use because it is named by --policy; no faults' },
      { area: 'files', what: ledger, outcome: 'ok', because: 'in use because the policy names it; mode 0600' },
      {
        area: 'files',
        what: expect.stringMatching(`^${join(path, '..')}/.local/state/oncall/head-[0-9a-f]{32}\\.json$`),
        outcome: 'ok',
        because: 'keeps the head of the ledger outside it',
      },
    ]);
  });

  it('tells where there is no policy at all', async () => {
    const folder = scratch();
    const [line, ...more] = await checkFiles({ policyPath: join(folder, 'gone.yaml'), env: {}, cwd: folder });
    expect(more).toEqual([]);
    expect(line).toMatchObject({ area: 'policy', outcome: 'fault', next: 'correct --policy' });
    expect(line?.because).toContain('does not exist');
  });

  it('tells of faults in the policy, and still finds the ledger that a sweep would use', async () => {
    const { path, ledger, look } = world(`${embedded}oops: 1\n`);
    const checks = await look();
    expect(checks[0]).toMatchObject({ area: 'policy', what: path, outcome: 'fault', next: 'oncall policy check' });
    expect(checks[0]?.because).toMatch(/1 fault, the first in line 11: .*oops/);
    expect(checks[1]).toMatchObject({ what: ledger, outcome: 'ok' });
  });

  it('tells of a policy that others may change, and believes nothing in it', async () => {
    const { path, look } = world(withAws);
    chmodSync(path, 0o666);
    const checks = await look();
    expect(checks).toMatchObject([{ area: 'policy' }, { area: 'files', what: path, outcome: 'fault', next: `chmod go-w ${path}` }]);
    expect(checks[1]?.because).toContain(`others may write to ${path}`);
  });

  it('only warns of that where every source is a file on this machine', async () => {
    const { path, look } = world();
    chmodSync(path, 0o666);
    const checks = await look();
    expect(faultsIn(checks)).toEqual([]);
    expect(checks[1]).toMatchObject({ outcome: 'warning', next: `chmod go-w ${path}` });
  });

  it('calls no policy used that is not, and says why it is not', async () => {
    const found = async (policy: string, env: Record<string, string> = {}): Promise<readonly Check[]> => {
      const { folder } = world(policy);
      return checkFiles({ env: { HOME: folder, XDG_CONFIG_HOME: join(folder, 'none'), ...env }, cwd: folder });
    };
    const notUsed = { area: 'policy', outcome: 'skipped', because: 'not used, although it is in the current folder; no faults' };
    const [line, why, ...more] = await found(withAws);
    expect(line).toMatchObject(notUsed);
    expect(why).toMatchObject({ area: 'files', outcome: 'fault', because: expect.stringContaining('is not used where it names sources') });
    expect(more).toEqual([]);
    // Also where it has faults of its own, which are then no reason to look for its ledger.
    const [faulty, reason, ...others] = await found(`${withAws}oops: 1\n`);
    expect(faulty).toMatchObject({ outcome: 'fault', because: expect.stringMatching(/^not used, although .* 1 fault, the first/) });
    expect(reason).toMatchObject({ outcome: 'fault', because: expect.stringContaining('it was only found in the current folder') });
    expect(others).toEqual([]);
    // Behind sudo a policy of files alone is not used either.
    const someoneElse = { SUDO_UID: String((process.geteuid?.() ?? 0) + 1) };
    expect(await found(embedded, someoneElse)).toMatchObject([notUsed, { outcome: 'fault' }]);
    expect((await found(embedded))[0]).toMatchObject({ outcome: 'ok', because: 'in use because it is in the current folder; no faults' });
  });

  it('behind sudo, calls what others may change a fault, also where every source is a file on this machine', async () => {
    const { path, look } = world();
    chmodSync(path, 0o666);
    const checks = await look({ SUDO_UID: String((process.geteuid?.() ?? 0) + 1) });
    expect(checks).toMatchObject([
      { area: 'policy', outcome: 'skipped', because: 'not used, although it is named by --policy; no faults' },
      { area: 'files', what: path, outcome: 'fault', next: `chmod go-w ${path}` },
    ]);
  });

  it('tells of a ledger that others may read, write or replace', async () => {
    const { ledger, folder, look } = world();
    writeFileSync(ledger, '');
    chmodSync(ledger, 0o664);
    chmodSync(join(folder, 'state'), 0o777);
    const checks = await look();
    expect(checks).toContainEqual(expect.objectContaining({ what: ledger, outcome: 'warning', next: `chmod 600 ${ledger}` }));
    expect(faultsIn(checks).map(({ what, next }) => [what, next])).toEqual([
      [join(folder, 'state'), `chmod go-w ${join(folder, 'state')}`],
      [ledger, `chmod go-w ${ledger}`],
    ]);
  });

  it('tells of a ledger that cannot be made, or is none', async () => {
    const missing = world(embedded.replace('./state/', './no such folder/'));
    const folder = join(missing.folder, 'no such folder');
    expect(faultsIn(await missing.look())).toMatchObject([
      { because: 'in use because the policy names it, but its folder does not exist', next: `mkdir -m 700 '${folder}'` },
    ]);
    const odd = world();
    mkdirSync(odd.ledger);
    expect(faultsIn(await odd.look())).toMatchObject([{ because: expect.stringContaining('not a regular file') }]);
  });

  it.skipIf(process.geteuid?.() === 0)('tells of a ledger that this user may not write (skipped for root, who may)', async () => {
    const { ledger, folder, look } = world();
    writeFileSync(ledger, '', { mode: 0o400 });
    expect(faultsIn(await look())).toMatchObject([{ what: ledger, next: expect.stringContaining('as the user of the sweep') }]);
    chmodSync(ledger, 0o600);
    chmodSync(join(folder, 'state'), 0o500);
    expect(faultsIn(await look())).toMatchObject([{ what: ledger }]);
    chmodSync(join(folder, 'state'), 0o700);
  });

  it('warns of groups and schedules that others may write', async () => {
    const { folder, look } = world();
    for (const name of ['groups.json', 'schedule.yaml']) {
      writeFileSync(join(folder, name), '{}');
      chmodSync(join(folder, name), 0o666);
    }
    expect((await look()).filter(({ outcome }) => outcome === 'warning').map(({ what }) => what)).toEqual([
      join(folder, 'groups.json'),
      join(folder, 'schedule.yaml'),
    ]);
  });
});
