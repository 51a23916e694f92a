/** What is answered to a length or an instant that was written otherwise: the right form of what was probably meant. */

import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { fakeIo } from '../fakes/io.ts';
import { fakeWiring } from '../fakes/operations.ts';
import { inZone } from '../fakes/zone.ts';

inZone('Europe/Berlin');

async function explain(...argv: string[]) {
  const io = fakeIo();
  const exit = await main(['explain', 'db-admin', ...argv], {}, io, fakeWiring({}));
  return { exit, next: /next: (.*)\n/.exec(io.err())?.[1] };
}

describe('a length or an end in another form', () => {
  it.each([
    [['--for', '12'], 'write --for 12h'],
    [['--for', '1.5h'], 'write --for 1h30m'],
    [['--for', '90 minutes'], 'write --for 1h30m'],
    [['--for', '30m2h'], 'write --for 2h30m'],
    [['--for', '2 days'], 'write --for 48h'],
    [['--for', '30sec'], 'write --for 30s'],
    [['--for', 'a while'], 'write --for 12h'],
    [['--for', '99999999999h'], 'write --for 12h'],
    [['--hours', '1.5'], 'write --for 1h30m'],
    [['--hours', '12h'], 'write --hours 12'],
    [['--hours', 'twelve'], 'write --hours 12'],
    [['--until', '2026-11-22T18:00'], 'write --until 2026-11-22T18:00+01:00'],
    [['--until', '2026-11-22 18:00:00'], 'write --until 2026-11-22T18:00:00+01:00'],
    [['--until', '18:00'], 'write --until 2026-11-22T18:00+01:00'],
    [['--until', '6:30'], 'write --until 2026-11-23T06:30+01:00'],
    [['--until', 'shfit'], 'write --until shift'],
    [['--until', '6h'], 'write --for 6h'],
    [['--until', 'tomorrow'], 'write --until 2026-11-22T18:00+01:00, --until shift or --until incident'],
    [['--until', '2026-02-31T10:00Z'], 'write --until 2026-11-22T18:00+01:00, --until shift or --until incident'],
  ])('%j: exit 2, %s', async (argv, next) => {
    expect(await explain(...argv)).toEqual({ exit: 2, next });
  });
});
