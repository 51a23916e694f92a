/** Who copies a ledger, and from where. What is copied: test/scenarios/ledger-copy.test.ts. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { brokersFolder, brokersName } from '../../src/wiring/broker.ts';
import { copyLedger } from '../../src/wiring/copy-ledger.ts';
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
