import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration, parseInstant } from '../../src/policy/duration.ts';

describe('a length of time', () => {
  it.each([
    ['45s', 45_000],
    ['90m', 5_400_000],
    ['2h30m', 9_000_000],
    ['7d', 7 * 24 * 3_600_000],
    ['1d12h', 36 * 3_600_000],
    ['3650d', 3650 * 24 * 3_600_000],
  ])('is read from %s', (text, ms) => expect(parseDuration(text)).toEqual({ ms }));

  it.each(['12', '0', '1.5', '-3'])('is refused without a unit: %s', (text) => {
    expect(parseDuration(text)).toEqual({ fault: expect.stringContaining('has no unit') });
  });

  it.each(['', ' ', '1.5h', '-2h', '0h', '0d0h0m0s', '30m2h', '2h2h', '2H', '2h 30m', '1w', '1e3s', 'h', '３h', '2h\n'])(
    'is refused: %j',
    (text) => {
      expect(parseDuration(text)).toEqual({ fault: expect.any(String) });
    },
  );

  it.each(['3651d', '87601h', `${'9'.repeat(400)}s`])('is refused over ten years: %s', (text) => {
    expect(parseDuration(text)).toEqual({ fault: 'is longer than ten years' });
  });

  it.each([
    [(2 * 60 + 47) * 60_000 + 59_999, '2 h 47 min'],
    [12 * 3_600_000, '12 h'],
    [24 * 3_600_000, '24 h'],
    [48 * 3_600_000, '2 d'],
    [51.5 * 3_600_000, '2 d 3 h'],
    [45_999, '45 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [999, '0 s'],
    [-5, '0 s'],
  ])('of %d ms is shown, rounded down, as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it('never shows more than there is, nor loses more than the smaller unit shown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 3_650 * 86_400_000 }), (ms) => {
        const shown = parseDuration(formatDuration(ms).replace('min', 'm').replaceAll(' ', ''));
        expect(shown).toHaveProperty('ms');
        const left = ms - (shown as { ms: number }).ms;
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThan(ms >= 48 * 3_600_000 ? 3_600_000 : ms >= 60_000 ? 60_000 : 1_000);
      }),
    );
  });
});

describe('an instant', () => {
  it.each([
    ['2026-11-22T05:00:00Z', '2026-11-22T05:00:00Z'],
    ['2026-11-22T06:00+01:00', '2026-11-22T05:00:00Z'],
    ['2026-11-22t05:00:00.250z', '2026-11-22T05:00:00Z'],
    ['2028-02-29T00:00Z', '2028-02-29T00:00:00Z'],
  ])('is read from %s', (text, same) => expect(parseInstant(text)).toEqual({ ms: Date.parse(same) }));

  it.each(['2026-11-22T05:00:00', '2026-11-22 05:00'])('without an offset is refused: %s', (text) => {
    expect(parseInstant(text)).toEqual({ fault: expect.stringContaining('has no offset') });
  });

  it.each(['tomorrow', '2026-11-22', '05:00Z', '2026-11-22T05Z', '1763769600000', '', 'Sun, 22 Nov 2026 05:00:00 GMT'])(
    'is nothing else: %j',
    (text) => {
      expect(parseInstant(text)).toEqual({ fault: expect.stringContaining('not an instant') });
    },
  );

  it.each([
    '2026-02-30T00:00Z',
    '2027-02-29T00:00Z',
    '2026-13-01T00:00Z',
    '2026-11-22T24:00Z',
    '2026-11-22T05:60Z',
    '2026-11-22T05:00+99:00',
  ])('must exist: %s', (text) => expect(parseInstant(text)).toEqual({ fault: expect.stringContaining('exists') }));
});
