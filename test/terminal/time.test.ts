import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localInstants, showAgo, showInstant, showRecord, showRemaining } from '../../src/terminal/time.ts';

const at = (text: string) => Date.parse(text);
const clockAt = (text: string, utc = false) => ({ now: at(text), utc });

let zone: string | undefined;
beforeEach(() => {
  zone = process.env.TZ;
});
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

describe('showInstant', () => {
  it.each([
    ['Europe/Berlin', '06:00 CET (05:00Z)'],
    ['America/New_York', '00:00 EST (05:00Z)'],
    ['Asia/Kolkata', '10:30 +05:30 (05:00Z)'],
    ['Australia/Sydney', '16:00 AEDT (05:00Z)'],
    ['Africa/Sao_Tome', '05:00Z'],
    ['UTC', '05:00Z'],
  ])('tells local time with its zone, then UTC: %s', (name, shown) => {
    process.env.TZ = name;
    expect(showInstant(at('2026-11-22T05:00:00Z'), clockAt('2026-11-22T08:00:00Z'))).toBe(shown);
  });

  it('adds the date, year included, where it is not today', () => {
    process.env.TZ = 'Europe/Berlin';
    expect(showInstant(at('2026-11-23T05:00:00Z'), clockAt('2026-11-22T12:00:00Z'))).toBe('2026-11-23 06:00 CET (05:00Z)');
  });

  it('names both dates where local and UTC days differ', () => {
    process.env.TZ = 'Europe/Berlin';
    expect(showInstant(at('2026-11-22T23:30:00Z'), clockAt('2026-11-22T12:00:00Z'))).toBe('2026-11-23 00:30 CET (2026-11-22 23:30Z)');
    expect(showInstant(at('2026-11-22T23:30:00Z'), clockAt('2026-11-23T12:00:00Z'))).toBe('00:30 CET (2026-11-22 23:30Z)');
  });

  it('tells the two hours apart that carry the same local time when summer time ends', () => {
    process.env.TZ = 'Europe/Berlin';
    const clock = clockAt('2026-10-25T10:00:00Z');
    expect(showInstant(at('2026-10-25T00:30:00Z'), clock)).toBe('02:30 CEST (00:30Z)');
    expect(showInstant(at('2026-10-25T01:30:00Z'), clock)).toBe('02:30 CET (01:30Z)');
  });

  it('shows UTC alone with --utc', () => {
    process.env.TZ = 'Europe/Berlin';
    expect(showInstant(at('2026-11-22T05:00:00Z'), clockAt('2026-11-22T08:00:00Z', true))).toBe('05:00Z');
    expect(showInstant(at('2026-11-23T05:00:00Z'), clockAt('2026-11-22T08:00:00Z', true))).toBe('2026-11-23 05:00Z');
  });

  it('shows seconds for what is about to happen', () => {
    process.env.TZ = 'UTC';
    expect(showInstant(at('2026-11-22T05:00:03Z'), clockAt('2026-11-22T05:00:00Z'))).toBe('05:00:03Z');
  });
});

describe('showRecord', () => {
  it('never leaves the date out', () => {
    process.env.TZ = 'Europe/Berlin';
    expect(showRecord(at('2026-11-22T05:00:07Z'), clockAt('2026-11-22T08:00:00Z'))).toBe('2026-11-22 06:00:07 CET (05:00:07Z)');
    expect(showRecord(at('2026-11-22T05:00:07Z'), clockAt('2026-11-22T08:00:00Z', true))).toBe('2026-11-22 05:00:07Z');
  });
});

describe('lengths', () => {
  it('rounds what remains down', () => {
    const clock = clockAt('2026-11-22T05:00:00Z');
    expect(showRemaining(at('2026-11-22T07:47:59.999Z'), clock)).toBe('2 h 47 min');
    expect(showRemaining(at('2026-11-22T05:00:59.999Z'), clock)).toBe('59 s');
  });

  it('never shows less than nothing', () => {
    expect(showRemaining(at('2026-11-22T04:00:00Z'), clockAt('2026-11-22T05:00:00Z'))).toBe('0 s');
    expect(showAgo(at('2026-11-22T05:00:10Z'), clockAt('2026-11-22T05:00:00Z'))).toBe('just now');
    expect(showAgo(at('2026-11-22T04:58:00Z'), clockAt('2026-11-22T05:00:00Z'))).toBe('2 min ago');
  });
});

describe('instants inside a text', () => {
  it('become the time of the reader, with the day where it is not today', () => {
    const clock = { now: Date.parse('2026-11-22T03:00:00Z'), utc: true };
    expect(localInstants('your shift ends 2026-11-22T05:45:00Z, plus 15 min', clock)).toBe('your shift ends 05:45Z, plus 15 min');
    expect(localInstants('until 2026-11-24T05:45:00.123Z', clock)).toBe('until 2026-11-24 05:45Z');
    expect(localInstants('2026-13-45T99:00:00Z stays', clock)).toBe('2026-13-45T99:00:00Z stays');
  });
});
