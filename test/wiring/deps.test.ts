/** Whose clock counts: the one that access ends by. */

import { expect, it } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Deps } from '../../src/operations/deps.ts';
import type { LedgerSettings, Policy } from '../../src/policy/types.ts';
import { depsOf } from '../../src/wiring/deps.ts';
import { startOkta } from '../fakes/okta.ts';

const minute = 60_000;

/** A host whose clock is `hostMs` ahead of everybody else's, and a ledger whose time is `ledgerMs` ahead of them. */
async function world(ledger: LedgerSettings, hostMs: number, ledgerMs: number): Promise<{ deps: Deps; stop: () => Promise<void> }> {
  const okta = await startOkta();
  const now = () => Date.now() + hostMs;
  process.env.OKTA_DEPS_TOKEN = okta.token;
  const settings = { orgUrl: okta.url, token: { env: 'OKTA_DEPS_TOKEN' } };
  const policy = { path: '/etc/oncall/oncall.yaml', ledger, directories: { okta: { name: 'okta', kind: 'okta', settings } }, rosters: {} };
  const opened = { offsetMs: () => ledgerMs - hostMs } as Ledger;
  const deps = depsOf({
    policy: policy as unknown as Policy,
    ledger: async () => opened,
    anchor: { read: async () => undefined, keep: async () => undefined },
    actor: async () => ({ issuer: 'local', subject: 'a', email: 'a@acme.dev' }),
    ...{ now, signal: new AbortController().signal, log: () => undefined, progress: () => undefined, courtesy: false },
  });
  await (await deps.directory('okta')).findUser('nobody@acme.dev', {}).catch(() => undefined);
  await deps.ledger();
  return {
    deps,
    stop: async () => {
      delete process.env.OKTA_DEPS_TOKEN;
      await okta.stop();
    },
  };
}

const postgres: LedgerSettings = { postgres: { env: 'X' } };
/** A provider tells whole seconds. */
const about = (ms: number | undefined): number => Math.round((ms ?? Number.NaN) / 5_000) * 5_000;

it.each<[string, LedgerSettings, number, number, number]>([
  ['a file, on a host that is off', { sqlite: '/x.db' }, 10 * minute, 0, 10 * minute],
  ['a database that is right, on a host that is off', postgres, 10 * minute, 0, 0],
  ['a database that is off, on a host that is right', postgres, 0, -10 * minute, 10 * minute],
  ['a database that is off, on a host that is off with it', postgres, 10 * minute, 10 * minute, 10 * minute],
])('%s', async (_, ledger, hostMs, ledgerMs, skewMs) => {
  const { deps, stop } = await world(ledger, hostMs, ledgerMs);
  try {
    expect(about(deps.clockSkew())).toBe(skewMs);
    expect(about(deps.now() - Date.now())).toBe('sqlite' in ledger ? hostMs : ledgerMs);
  } finally {
    await stop();
  }
});

it('goes by an open database from the first question on, so that nothing which is asked seems old when it is decided', () => {
  const policy = { path: '/etc/oncall/oncall.yaml', ledger: postgres, directories: {}, rosters: {} } as unknown as Policy;
  const opened = { offsetMs: () => -10 * minute } as Ledger;
  const deps = depsOf({
    ...{ policy, opened, ledger: async () => opened, anchor: { read: async () => undefined, keep: async () => undefined } },
    actor: async () => ({ issuer: 'local', subject: 'a', email: 'a@acme.dev' }),
    ...{ now: () => 20 * minute, signal: new AbortController().signal, log: () => undefined, progress: () => undefined, courtesy: false },
  });
  expect(deps.now()).toBe(10 * minute);
});
