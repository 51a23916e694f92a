/** What every roster that is asked over HTTP must make of a provider that does not answer as it should. Part of `roster.ts`. */

import { describe, expect, it } from 'vitest';
import type { Roster } from '../../src/rosters/roster.ts';
import type { Fault } from '../fakes/roster-server.ts';

export type FaultyProvider = {
  /** Every request from now on gets this instead of an answer. */
  failAlways(fault: Fault): void;
  /** The next request, once. */
  fail(fault: Fault): void;
  clear(): void;
  readonly requests: readonly unknown[];
  /** A roster of the same provider with this key in its settings. */
  withKey(key: string): Promise<Roster>;
};

export function faultContract(
  world: () => { readonly roster: Roster; readonly provider?: FaultyProvider; readonly incidents?: unknown },
  arrange: () => Promise<string>,
): void {
  const questions = [
    [
      'who is on call',
      async (roster: Roster) => roster.onCall({ schedule: 'primary', levels: [] }, Date.parse('2026-11-15T12:00:00Z'), {}),
    ],
    ['what is live', async (roster: Roster) => roster.incidents?.({})],
    ['one incident', async (roster: Roster, ref: string) => roster.incident?.(ref, {})],
  ] as const;

  describe.each(questions)('when asked %s, a provider that fails', (what, question) => {
    const begin = async () => {
      const { roster, provider, incidents } = world();
      if (provider === undefined) throw new Error('this roster asks nobody');
      const ref = await arrange();
      provider.clear();
      const ask = () => question(roster, ref);
      return { provider, ask, ref, applies: what === 'who is on call' || incidents !== undefined };
    };

    it('is told by the fault of its answer, and never taken for nobody or nothing', async () => {
      const { provider, ask, applies } = await begin();
      if (!applies) return;
      const cases: readonly (readonly [Fault, string])[] = [
        [{ status: 401 }, 'credentials'],
        [{ status: 403 }, 'forbidden'],
        [{ status: 503 }, 'unavailable'],
        [{ cut: true }, 'unavailable'],
        [{ status: 302, headers: { location: 'http://127.0.0.2/' } }, 'refused'],
        [{ status: 200, body: '<html>sign in</html>' }, 'malformed'],
        [{ status: 200, body: '{"data":[{"user"' }, 'malformed'],
        [{ status: 200, body: '' }, 'malformed'],
        [{ status: 200, body: '[]' }, 'malformed'],
        [{ status: 200, body: '{}' }, 'malformed'],
        [{ status: 200, body: 'null' }, 'malformed'],
      ];
      for (const [fault, expected] of cases) {
        provider.failAlways(fault);
        await expect(ask(), JSON.stringify(fault)).rejects.toMatchObject({ name: 'ProviderError', fault: expected, applied: 'no' });
      }
    }, 30_000);

    it('is asked again after a 429 whose wait fits, and left alone where it does not', async () => {
      const { provider, ask, applies } = await begin();
      if (!applies) return;
      provider.fail({ status: 429, headers: { 'retry-after': '0' } });
      await expect(ask()).resolves.toBeDefined();
      provider.clear();
      provider.failAlways({ status: 429, headers: { 'retry-after': '90' } });
      await expect(ask()).rejects.toMatchObject({ fault: 'rate-limited', retryAfterMs: 90_000 });
      expect(provider.requests.length).toBeLessThanOrEqual(2);
    });

    it('is given up where it says nothing', async () => {
      const { provider, ask, applies } = await begin();
      if (!applies) return;
      provider.failAlways({ hang: true });
      await expect(ask()).rejects.toMatchObject({ fault: 'timeout' });
    }, 20_000);

    it('refuses a wrong key as that, and the key is in no message', async () => {
      const { provider, ref, applies } = await begin();
      if (!applies) return;
      const wrong = 'a-wrong-CANARY-key-entirely';
      const stranger = await provider.withKey(wrong);
      const error = await question(stranger, ref).catch((thrown: Error) => thrown);
      expect(error).toMatchObject({ name: 'ProviderError', fault: 'credentials' });
      expect(JSON.stringify([error, (error as Error).message, (error as Error).stack])).not.toContain(wrong);
    });
  });
}
