/** A zone that nobody knows: times come out in UTC, and somebody at 03:00 should hear that. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { fakeIo } from '../fakes/io.ts';
import { aStatus, fakeWiring } from '../fakes/operations.ts';

async function status(TZ: string, ...argv: string[]) {
  const io = fakeIo();
  await main(['status', ...argv], { TZ }, io, fakeWiring({ status: async () => aStatus() }));
  return io.err();
}

describe('TZ', () => {
  it.each(['Mars/Phobos', 'CET-1CEST'])('that is not known here (%s) is said once', async (zone) => {
    expect(await status(zone)).toBe(`warning: TZ=${zone} is no zone that is known here; times are in UTC\n`);
  });

  it.each(['Europe/Berlin', 'UTC', 'EST5EDT', '', ':/etc/localtime'])(
    'that is known, or left to the system (%j), is not mentioned',
    async (zone) => {
      expect(await status(zone)).toBe('');
    },
  );

  it.each(['--json', '--utc', '--quiet'])('does not matter with %s', async (flag) => {
    expect(await status('Mars/Phobos', flag)).toBe('');
  });
});
