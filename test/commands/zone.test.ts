/** A zone that nobody knows: times come out in UTC, and somebody at 03:00 should hear that. A zone of one's own: room for two times, or for one. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import type { Operations } from '../../src/operations/types.ts';
import type { Prompts } from '../../src/terminal/prompt.ts';
import { fakeIo, noon } from '../fakes/io.ts';
import { aDecision, aRequest, aStatus, fakeWiring, hour, oktaTarget } from '../fakes/operations.ts';
import { inZone } from '../fakes/zone.ts';

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

describe('an end that is tomorrow, in a zone of one’s own', () => {
  inZone('Europe/Berlin');
  const tomorrow = noon + 18 * hour;

  it.each([
    [80, 'maria@acme.dev  active  18 h  2026-11-23 07:00 CET'],
    [120, 'maria@acme.dev  2 of 2  active  18 h  2026-11-23 07:00 CET (06:00Z)'],
  ])('is told by status without UTC rather than without the whole name, at %d columns', async (width, row) => {
    const requests = [aRequest({ role: 'database-admin', expiresAt: tomorrow })];
    const io = fakeIo({ tty: true, width });
    await main(['status'], { NO_COLOR: '1' }, io, fakeWiring({ status: async () => aStatus({ requests }) }));
    expect(io.out()).toContain(`k7m2xq  database-admin  ${row}\n`);
  });

  it('leaves room in the list of roles for how long that is', async () => {
    let names: readonly string[] = [];
    const prompts = {
      select: async (_: string, choices: readonly { name: string }[]) => {
        names = choices.map(({ name }) => name);
        throw new Error('seen');
      },
    } as unknown as Prompts;
    const [role, targets] = ['support customer=globex', [oktaTarget]];
    const answers: Partial<Operations> = {
      roles: async () => [{ name: role, targets, ttl: { defaultMs: hour, maxMs: 24 * hour }, rules: [] }],
      explain: async () => ({ role, targets, requester: 'maria@acme.dev', decision: aDecision({ expiresAt: tomorrow }), exit: 0 }),
    };
    await main(['--no-color', 'request'], {}, fakeIo({ tty: true, width: 80, prompts }), fakeWiring(answers));
    // The looking took a moment by the clock of this terminal.
    expect(names).toEqual([`${role}  allowed until 2026-11-23 07:00 CET, 17 h 59 min`]);
  });
});
