/** Who copies a ledger, and from where. What is copied: test/scenarios/ledger-copy.test.ts. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { brokersFolder, brokersName } from '../../src/wiring/broker.ts';
import { copyLedger } from '../../src/wiring/copy-ledger.ts';
import { wire } from '../../src/wiring.ts';
import { scratch } from './scratch.ts';

it('is not done over a broker, which has the ledger on its own host', async () => {
  const home = scratch();
  const folder = brokersFolder({ HOME: home });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const known = { brokers: [{ origin: 'https://oncall.acme.dev', identities: [{ kind: 'local' }] }] };
  writeFileSync(join(folder, `${brokersName}.json`), JSON.stringify(known), { mode: 0o600 });
  const copying = copyLedger(
    {
      env: { HOME: home },
      cwd: home,
      now: Date.now,
      signal: new AbortController().signal,
      log: () => undefined,
      progress: () => undefined,
    },
    { to: 'next.yaml', dryRun: false },
  );
  await expect(copying).rejects.toMatchObject({
    code: 'not-over-broker',
    exit: 2,
    why: expect.stringContaining('https://oncall.acme.dev'),
  });
});

it('reads the next policy for admins alone: the program that it names is run by nobody else', async () => {
  const home = scratch();
  const ran = join(home, 'ran');
  const options = (person: string) => ({
    ...{ env: { HOME: home, ONCALL_USER: person }, cwd: home, policyPath: join(home, 'oncall.yaml'), now: Date.now },
    ...{ signal: new AbortController().signal, log: () => undefined, progress: () => undefined },
  });
  const policy = (more: string): string => `
version: 1
admins: [{ user: boss@acme.dev }]
directories: { local: { path: ./groups.json } }
roles: { db: { targets: { local: db }, allow: [{ user: boss@acme.dev }] } }
${more}`;
  writeFileSync(join(home, 'groups.json'), JSON.stringify({ users: ['boss@acme.dev', 'sam@acme.dev'], groups: { db: [] } }));
  writeFileSync(join(home, 'oncall.yaml'), policy('ledger: ./oncall.db'), { mode: 0o600 });
  writeFileSync(join(home, 'next.yaml'), policy(`ledger: { postgres: { command: [/usr/bin/touch, ${JSON.stringify(ran)}] } }`), {
    mode: 0o600,
  });
  const { operations, close } = await wire(options('boss@acme.dev'));
  await operations.sweep({});
  await close();
  await expect(copyLedger(options('sam@acme.dev'), { to: 'next.yaml', dryRun: true })).rejects.toMatchObject({
    code: 'forbidden',
    exit: 3,
  });
  expect(existsSync(ran)).toBe(false);
  await expect(copyLedger(options('boss@acme.dev'), { to: 'next.yaml', dryRun: true })).rejects.toThrow();
  expect(existsSync(ran)).toBe(true);
});
