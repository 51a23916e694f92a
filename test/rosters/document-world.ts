/** A roster of a vendor whose requests and whose fake are held against the vendor's own API document. */

import { afterAll, beforeAll, beforeEach } from 'vitest';
import { z } from 'zod/mini';
import type { Roster, RosterKind } from '../../src/rosters/roster.ts';

export const november = { start: '2026-11-01T00:00:00Z', end: '2026-12-01T00:00:00Z' };
export const at = Date.parse('2026-11-15T12:00:00Z');

/** Of the environment, where the key is while a test of such a file runs. */
export const keyName = 'ONCALL_TEST_DOCUMENT_KEY';

type Fake = { readonly url: string; readonly key: string; stop(): Promise<void> };

/** `settings`: where the key is, of which the environment variable is named. The fake is there from the first test of the file to its last. */
export function rosterByDocument<F extends Fake>(
  kind: RosterKind<unknown>,
  start: () => Promise<F>,
  settings: (key: { readonly env: string }) => object,
): { fake: F; open(endpoint: string): Promise<Roster> } {
  const here = {
    fake: undefined as unknown as F,
    open: async (endpoint: string) =>
      kind.open(z.parse(kind.settings, { ...settings({ env: keyName }), endpoint, timeout: '30s' }), {
        name: 'roster',
        now: () => at,
        log: () => {},
        onServerDate: () => {},
        baseDir: '/',
      }),
  };
  beforeAll(async () => {
    here.fake = await start();
  });
  afterAll(async () => {
    delete process.env[keyName];
    await here.fake?.stop();
  });
  beforeEach(() => {
    process.env[keyName] = here.fake.key;
  });
  return here;
}
