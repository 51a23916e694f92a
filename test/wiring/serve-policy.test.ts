/** Which policy a broker goes by while its file changes: only a sound one takes the place of the one before, and it is on record. */

import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LogEntry } from '../../src/commands/command.ts';
import { OncallError } from '../../src/errors.ts';
import type { LedgerEvent } from '../../src/lifecycle/events.ts';
import { readPolicyFile } from '../../src/wiring/load-policy.ts';
import { inForce, judge } from '../../src/wiring/serve-policy.ts';
import { scratch } from './scratch.ts';

const policy = (more = ''): string => `version: 1
ledger: ./oncall.db
directories:
  local: { path: ./groups.json }
rosters:
  file: { path: ./schedule.yaml }
roles:
  db-admin:
    targets: { local: db-admins }
    allow: [{ onCall: file/primary, until: shift }]
${more}`;

async function world(servable: Parameters<typeof judge>[1] = () => undefined, settleMs = 5) {
  const folder = scratch();
  const path = join(folder, 'oncall.yaml');
  const write = (text: string) => {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  write(policy());
  const found = { path, why: 'named by --policy', fromWorkingFolder: false };
  const file = readPolicyFile(found);
  const judged = judge({ HOME: folder }, servable);
  const events: LedgerEvent[] = [];
  const told: LogEntry[] = [];
  const knobs = { recording: true };
  const record = async (event: LedgerEvent) => {
    if (!knobs.recording) throw new OncallError('ledger-io', 'the ledger cannot be written');
    events.push(event);
  };
  const first = { file, policy: await judged(file) };
  const policies = inForce({ found, first, judge: judged, record, tell: (entry) => void told.push(entry), settleMs });
  const roles = () => Object.keys(policies.current().roles);
  return { folder, path, write, policies, roles, events, told, knobs, first: first.policy };
}

const second = policy('  helper:\n    targets: { local: db-admins }\n    allow: [{ onCall: file/primary }]\n');
const faulty = policy('    ttll: 1h\n  other: {}\n');

describe('a changed policy', () => {
  it('is in force from the next look on, and its digest is an event', async () => {
    const { write, policies, roles, events, told } = await world();
    await policies.look();
    expect([events, told]).toEqual([[], []]);
    write(second);
    await policies.look();
    expect(roles()).toEqual(['db-admin', 'helper']);
    expect(events).toEqual([expect.objectContaining({ type: 'policy.loaded', actor: 'oncall', policyDigest: policies.current().digest })]);
    expect(told).toEqual([expect.objectContaining({ level: 'info', event: 'policy.loaded' })]);
  });

  it('that has faults is not, which is one event with their codes and lines, said once and again when asked', async () => {
    const { write, policies, roles, events, told, first } = await world();
    write(faulty);
    await policies.look();
    await policies.look();
    expect(roles()).toEqual(['db-admin']);
    expect(policies.rejected()).toContain('faults');
    expect(events).toEqual([
      {
        type: 'policy.rejected',
        actor: 'oncall',
        policyDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
        data: { path: first.path, inForce: first.digest, faults: expect.arrayContaining([{ code: 'unknown-key', line: 11 }]) },
      },
    ]);
    expect(told).toEqual([expect.objectContaining({ level: 'error', event: 'policy.rejected' })]);
    expect(Object.values(told[0]?.details ?? {}).join('\n')).toContain('oncall.yaml:11:');
    await policies.look(true);
    expect(told[1]).toMatchObject({ level: 'error', event: 'policy.stays' });
  });

  it('that is mended counts again; the one before, put back, needs no event', async () => {
    const { write, policies, roles, events, told } = await world();
    write(faulty);
    await policies.look();
    write(policy());
    await policies.look();
    expect(policies.rejected()).toBeUndefined();
    expect(told.at(-1)).toMatchObject({ event: 'policy.loaded' });
    write(second);
    await policies.look();
    expect(roles()).toEqual(['db-admin', 'helper']);
    expect(events.map(({ type }) => type)).toEqual(['policy.rejected', 'policy.loaded']);
  });

  it('is not in force before its event is written, and is looked at again', async () => {
    const { write, policies, roles, events, told, knobs } = await world();
    knobs.recording = false;
    write(second);
    await policies.look();
    expect(roles()).toEqual(['db-admin']);
    expect(told).toEqual([expect.objectContaining({ level: 'error', event: 'policy.not-looked-at' })]);
    knobs.recording = true;
    await policies.look();
    expect(roles()).toEqual(['db-admin', 'helper']);
    expect(events).toHaveLength(1);
  });

  it('is not judged while somebody writes at it: half of a sound file may be sound, with half of its rules', async () => {
    const { path, policies, roles, events } = await world(undefined, 500);
    writeFileSync(path, second.slice(0, second.indexOf('  helper') - 1));
    const looking = policies.look();
    await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(path, second);
    await looking;
    expect([roles(), events]).toEqual([['db-admin'], []]);
    await policies.look();
    expect(roles()).toEqual(['db-admin', 'helper']);
  });
});

describe('a policy file', () => {
  it('that others may write to does not count, the embedded pair alone included', async () => {
    const { path, write, policies, roles, events } = await world();
    write(second);
    chmodSync(path, 0o622);
    await policies.look();
    expect(roles()).toEqual(['db-admin']);
    expect(events).toEqual([
      expect.objectContaining({ type: 'policy.rejected', data: expect.objectContaining({ faults: [{ code: 'policy-not-trusted' }] }) }),
    ]);
    chmodSync(path, 0o600);
    await policies.look();
    expect(roles()).toEqual(['db-admin', 'helper']);
  });

  it('in a folder that others may write to from now on is said, and does not count', async () => {
    const { folder, policies, told } = await world();
    chmodSync(folder, 0o777);
    await policies.look();
    expect(told).toEqual([expect.objectContaining({ event: 'policy.rejected', message: expect.stringContaining('others may write') })]);
    chmodSync(folder, 0o700);
    await policies.look();
    expect(policies.rejected()).toBeUndefined();
  });

  it('that is gone leaves the policy in force', async () => {
    const { path, write, policies, roles, told } = await world();
    rmSync(path);
    await policies.look();
    expect(roles()).toEqual(['db-admin']);
    expect(told).toEqual([expect.objectContaining({ event: 'policy.rejected', message: expect.stringContaining('cannot be read') })]);
    write(policy());
    await policies.look();
    expect(policies.rejected()).toBeUndefined();
  });

  it('that names another ledger does not count before a restart', async () => {
    const { write, policies, first } = await world();
    write(policy().replace('./oncall.db', './other.db'));
    await policies.look();
    expect(policies.current()).toBe(first);
    expect(policies.rejected()).toContain('another ledger');
  });

  it('that could not be served here does not count', async () => {
    const { write, policies, roles } = await world(({ roles: all }) => {
      if ('helper' in all) throw new OncallError('identity-local', 'whoever reaches it would be taken at their word', { exit: 2 });
    });
    write(second);
    await policies.look();
    expect(roles()).toEqual(['db-admin']);
    expect(policies.rejected()).toContain('taken at their word');
  });
});

it('a policy of the working folder is refused by a broker, and one that others may write to', async () => {
  const { path, folder } = await world();
  const judged = judge({ HOME: folder }, () => undefined);
  await expect(judged(readPolicyFile({ path, why: 'in the current folder', fromWorkingFolder: true }))).rejects.toMatchObject({
    exit: 2,
    code: 'policy-not-trusted',
  });
  chmodSync(path, 0o602);
  await expect(judged(readPolicyFile({ path, why: 'named', fromWorkingFolder: false }))).rejects.toMatchObject({
    exit: 2,
    code: 'policy-not-trusted',
  });
});
