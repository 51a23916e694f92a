/** The composition root on real files, a real ledger and the real adapters of the embedded pair. */

import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Libsql from 'libsql';
import { describe, expect, it } from 'vitest';
import { isOncallError, type OncallError } from '../../src/errors.ts';
import { checkPolicy, type WireOptions, wire } from '../../src/wiring.ts';
import { scratch } from './scratch.ts';

const now = Date.parse('2026-11-22T03:00:00Z');

const embedded = `version: 1
ledger: ./oncall.db
directories:
  local: { path: ./groups.json }
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { local: db-admins }
    allow: [{ onCall: file/primary, until: shift }]
`;

/** Outside the embedded pair, yet on loopback, so that it needs no sign-in. */
const withAws = `${embedded}`.replace('directories:\n', 'directories:\n  aws-iam: { endpoint: http://127.0.0.1:9 }\n');

function world(policy = embedded) {
  const folder = scratch();
  const path = join(folder, 'oncall.yaml');
  writeFileSync(path, policy, { mode: 0o600 });
  writeFileSync(join(folder, 'groups.json'), JSON.stringify({ users: ['maria@acme.dev', 'sam@acme.dev'], groups: { 'db-admins': [] } }));
  writeFileSync(
    join(folder, 'schedule.yaml'),
    'schedules:\n  primary:\n    - { user: maria@acme.dev, start: 2026-11-22T00:00:00Z, end: 2026-11-22T06:00:00Z }\n',
  );
  const lines: string[] = [];
  const options = (more: Partial<WireOptions> = {}): WireOptions => ({
    policyPath: path,
    env: { HOME: folder, ONCALL_USER: 'maria@acme.dev' },
    cwd: folder,
    now: () => now,
    signal: new AbortController().signal,
    log: () => undefined,
    progress: (line) => lines.push(line),
    ...more,
  });
  const members = (): string[] => JSON.parse(readFileSync(join(folder, 'groups.json'), 'utf8')).groups['db-admins'];
  return { folder, path, lines, options, members };
}

async function refusal(options: WireOptions): Promise<OncallError> {
  const error: unknown = await wire(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isOncallError(error)) throw new Error('it was not refused', { cause: error });
  return error;
}

describe('wire', () => {
  it('makes operations that sweep, give access by the roster, and end it', async () => {
    const { options, members, folder } = world();
    const { operations, policy, close } = await wire(options());
    await operations.sweep({});
    const result = await operations.request({ role: 'db-admin', asked: { forMs: 60_000 } });
    expect(result.result).toBe('granted');
    expect(members()).toEqual(['maria@acme.dev']);
    await operations.release({ id: 'db-admin' });
    expect(members()).toEqual([]);
    expect((await operations.status({})).courtesy).toBe(true);
    await close();
    expect(policy.path).toBe(join(folder, 'oncall.yaml'));
    expect(statSync(join(folder, 'oncall.db')).mode & 0o777).toBe(0o600);
  });

  it('behind sudo refuses a policy that the caller could have written, the embedded pair included', async () => {
    const { options, path, folder } = world();
    chmodSync(path, 0o666);
    const env = { HOME: folder, SUDO_UID: String((process.geteuid?.() ?? 0) + 1), SUDO_USER: 'mallory@acme.dev' };
    expect(await refusal(options({ env }))).toMatchObject({ code: 'policy-not-trusted', exit: 2 });
    chmodSync(path, 0o600);
    const { close } = await wire(options({ env }));
    await close();
  });

  it('opens nothing that is not used: no ledger is made by listing the roles', async () => {
    const { options, folder } = world();
    const { operations, close } = await wire(options());
    expect(await operations.roles()).toHaveLength(1);
    await close();
    expect(statSync(join(folder, 'oncall.db'), { throwIfNoEntry: false })).toBeUndefined();
  });

  it('stops on Ctrl-Z only while the ledger is free for others', async () => {
    const { options, folder } = world();
    const found: string[] = [];
    const stop = () => {
      const other = new Libsql(join(folder, 'oncall.db'));
      try {
        other.exec('BEGIN IMMEDIATE');
        other.exec('ROLLBACK');
        found.push('free');
      } catch (error) {
        found.push((error as Error).message);
      } finally {
        other.close();
      }
    };
    const listeners = new Set<(stop: () => void) => void>();
    // The ledger asks for the time in the middle of each transaction: there it is pressed.
    const press = () => {
      for (const listener of listeners) listener(stop);
      return now;
    };
    const onSuspend = (listener: (stop: () => void) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    const { operations, close } = await wire(options({ now: press, onSuspend }));
    await operations.sweep({});
    await operations.request({ role: 'db-admin', asked: { forMs: 60_000 } });
    await close();
    expect(found.length).toBeGreaterThan(5);
    expect(new Set(found)).toEqual(new Set(['free']));
    expect(listeners.size).toBe(0);
  });

  it('asks who acts only where that matters', async () => {
    const { options } = world();
    const { operations, close } = await wire(options({ env: { ONCALL_USER: 'nobody' } }));
    expect((await operations.sweep({})).failed).toBe(0);
    await expect(operations.request({ role: 'db-admin', asked: { byDefault: true } })).rejects.toMatchObject({ exit: 4 });
    await close();
  });
});

describe('a policy with faults', () => {
  const faulty = embedded.replace('    allow:', '    ttll: 1h\n    allow:').replace('version: 1', 'version: 1\nversoin: 2');

  it('is refused with every fault, its place and its code', async () => {
    const { options, path } = world(faulty);
    const error = await refusal(options());
    expect(error).toMatchObject({ exit: 2, code: 'policy-faults' });
    expect(error.message).toBe(`the policy ${path} has 2 faults`);
    const [first, second] = (error.why ?? '').split('\n');
    expect(first).toContain(`${path}:2:1 unknown-key`);
    expect(second).toContain(`${path}:11:5 unknown-key`);
    expect(error.next).toContain(`oncall policy check --policy ${path}`);
  });

  it('still ends access: the sweep gets the ledger and the sound sources, and no roles', async () => {
    const { options, path, members } = world();
    const whole = await wire(options());
    await whole.operations.sweep({});
    await whole.operations.request({ role: 'db-admin', asked: { forMs: 60_000 } });
    await whole.close();
    writeFileSync(path, faulty);
    const { operations, policy, issues, close } = await wire(options({ salvage: true, now: () => now + 61_000 }));
    const result = await operations.sweep({});
    await close();
    expect(members()).toEqual([]);
    expect(result).toMatchObject({ ended: 1, remaining: 0 });
    expect(result.failed).toBeGreaterThan(0);
    expect(policy.roles).toEqual({});
    expect(issues.map((issue) => issue.code)).toEqual(['unknown-key', 'unknown-key']);
  });

  it('is refused even for the sweep where it does not say where the ledger is', async () => {
    const { options } = world(faulty.replace('ledger: ./oncall.db', 'ledger: [nowhere]'));
    expect(await refusal(options({ salvage: true }))).toMatchObject({ exit: 2, code: 'policy-faults' });
  });

  it.each([
    ['larger than', `#${'x'.repeat(1024 * 1024)}`],
    ['not valid', Buffer.from([0x76, 0xff, 0xfe])],
  ])('is refused where the file is %s what a policy can be', async (why, bytes) => {
    const { options, path } = world();
    writeFileSync(path, bytes);
    expect(await refusal(options())).toMatchObject({ exit: 2, code: 'policy-unreadable', why: expect.stringContaining(why) });
  });
});

describe('a policy that somebody else could change', () => {
  it('is refused where it reaches beyond the embedded pair, with the path, the mode and the chmod', async () => {
    const { options, path } = world(withAws);
    chmodSync(path, 0o662);
    const error = await refusal(options());
    expect(error).toMatchObject({ exit: 2, code: 'policy-not-trusted', next: `chmod go-w ${path}` });
    expect(error.why).toContain(`${path} (mode 0662)`);
    chmodSync(path, 0o600);
    const { close } = await wire(options());
    await close();
  });

  it('is refused for the sweep as well, whole or salvaged', async () => {
    const { options, path } = world(withAws);
    chmodSync(path, 0o662);
    expect(await refusal(options({ salvage: true }))).toMatchObject({ code: 'policy-not-trusted' });
    writeFileSync(path, withAws.replace('    allow:', '    ttll: 1h\n    allow:'));
    expect(await refusal(options({ salvage: true }))).toMatchObject({ code: 'policy-not-trusted' });
  });

  it('is used with a warning where it names nothing but the embedded pair', async () => {
    const { options, path, lines } = world();
    chmodSync(path, 0o662);
    const { close } = await wire(options());
    await close();
    expect(lines).toEqual([expect.stringContaining(`others may write to ${path}`)]);
  });

  it('counts a ledger as well: whoever names its place, or the command that gives it, decides what is believed', async () => {
    const { options, path } = world(embedded.replace('ledger: ./oncall.db', 'ledger: { postgres: { command: [cat, address] } }'));
    chmodSync(path, 0o662);
    expect(await refusal(options())).toMatchObject({ code: 'policy-not-trusted' });
    expect(await refusal(options({ salvage: true }))).toMatchObject({ code: 'policy-not-trusted' });
    expect((await checkPolicy(options())).issues).toContainEqual(expect.objectContaining({ severity: 'error', code: 'not-trusted' }));
  });

  it('counts a roster as well: its settings name a host that a token is sent to', async () => {
    const { options, path } = world(
      embedded.replace('file: { path: ./schedule.yaml }', 'file: { kind: pagerduty, token: { env: TOKEN } }'),
    );
    chmodSync(path, 0o662);
    expect(await refusal(options())).toMatchObject({ code: 'policy-not-trusted' });
  });
});

describe('a policy that was only found in the current folder', () => {
  const found = (folder: string, cwd: string) => ({ policyPath: undefined, cwd, env: { HOME: folder, ONCALL_USER: 'maria@acme.dev' } });
  // A host that has a policy of its own never gets as far as the current folder.
  const systemWide = statSync('/etc/oncall/oncall.yaml', { throwIfNoEntry: false }) !== undefined;
  if (systemWide) console.log('skipped: the policy of the current folder (this host has /etc/oncall/oncall.yaml)');

  it.skipIf(systemWide)('is used where it names nothing but the embedded pair', async () => {
    const { options, folder, path } = world();
    const { policyPath: _, ...more } = { ...options(), ...found(folder, folder) };
    const { policy, close } = await wire(more);
    await close();
    expect(policy.path).toBe(path);
  });

  it.skipIf(systemWide)('is not used where it names anything else, and says how to use it on purpose', async () => {
    const { options, folder, path } = world(withAws);
    const { policyPath: _, ...more } = { ...options(), ...found(folder, folder) };
    expect(await refusal(more)).toMatchObject({ exit: 2, code: 'policy-not-trusted', next: expect.stringContaining(`--policy ${path}`) });
    expect((await checkPolicy(more)).issues).toMatchObject([{ severity: 'error', code: 'working-folder' }]);
  });
});

describe('checkPolicy', () => {
  it('names the file, why that one, and that direct use is a courtesy', async () => {
    const { options, path } = world();
    expect(await checkPolicy(options())).toEqual({ path, whyThisOne: 'named by --policy', issues: [], courtesy: true });
  });

  it('gives faults of the text and of who could change it together', async () => {
    const { options, path } = world(withAws.replace('    allow:', '    ttll: 1h\n    allow:'));
    chmodSync(path, 0o662);
    const { issues } = await checkPolicy(options());
    expect(issues.map((issue) => [issue.severity, issue.code])).toEqual([
      ['error', 'unknown-key'],
      ['error', 'not-trusted'],
    ]);
  });

  it('reads a policy through a link relative to where the link lies, as a mounted secret needs', async () => {
    const { folder, options } = world();
    const mounted = join(folder, 'mounted');
    mkdirSync(mounted);
    symlinkSync('../oncall.yaml', join(mounted, 'oncall.yaml'));
    const { policy, close } = await wire(options({ policyPath: join(mounted, 'oncall.yaml') }));
    await close();
    expect(policy.ledger).toEqual({ sqlite: join(mounted, 'oncall.db') });
  });
});
