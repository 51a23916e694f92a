import { describe, expect, it } from 'vitest';
import { OncallError, ProviderError, type ProviderFault } from '../../src/errors.ts';
import { noPaint } from '../../src/terminal/io.ts';
import { describeError, errorLines } from '../../src/terminal/report-error.ts';

const wide = { width: Number.POSITIVE_INFINITY, paint: noPaint };

describe('describeError', () => {
  it('keeps what an OncallError says', () => {
    const error = new OncallError('no-policy', 'no policy file was found', { exit: 2, why: 'looked everywhere', next: 'name one' });
    expect(describeError(error)).toEqual({
      code: 'no-policy',
      message: 'no policy file was found',
      why: 'looked everywhere',
      next: 'name one',
      exit: 2,
      isBug: false,
    });
  });

  it('knows an OncallError of another bundle by its name', () => {
    const foreign = Object.assign(new Error('no policy'), {
      name: 'OncallError',
      code: 'no-policy',
      exit: 2,
      why: undefined,
      next: undefined,
    });
    expect(describeError(foreign)).toMatchObject({ code: 'no-policy', exit: 2, isBug: false });
  });

  const faults: ProviderFault[] = [
    'credentials',
    'forbidden',
    'wrong-account',
    'not-found',
    'ambiguous',
    'quota',
    'rate-limited',
    'timeout',
    'unavailable',
    'malformed',
    'too-late',
    'refused',
  ];
  it.each(faults)('gives a reason and a next step for a provider that answered: %s', (fault) => {
    const report = describeError(new ProviderError('PagerDuty', fault, 'PagerDuty did not answer'));
    expect(report).toMatchObject({ code: `provider-${fault}`, message: 'PagerDuty did not answer', exit: 1, isBug: false });
    expect(report.why).not.toBe('');
    expect(report.next).not.toBe('');
  });

  it('names the provider where the message does not, and how long it asks to wait', () => {
    const report = describeError(new ProviderError('okta', 'rate-limited', 'too many calls', { retryAfterMs: 1500 }));
    expect(report.message).toBe('okta: too many calls');
    expect(report.why).toContain('it asks for 2 s');
    const atOnce = describeError(new ProviderError('okta', 'rate-limited', 'too many calls', { retryAfterMs: 0 }));
    expect([atOnce.why, atOnce.next]).toEqual([expect.stringContaining('it asks for 1 s'), 'run the same command again in 1 s']);
  });

  it('calls anything else a fault of its own, with where to report it', () => {
    expect(describeError(new TypeError('x is not a function'))).toMatchObject({
      code: 'internal',
      exit: 1,
      isBug: true,
      next: expect.stringContaining('report it'),
    });
    expect(describeError('a string').message).toContain('a string');
  });
});

describe('errorLines', () => {
  it('is three lines', () => {
    const lines = errorLines({ message: 'migration has one place: ana@acme.dev has it', why: 'maxHolders 1', next: 'wait' }, wide);
    expect(lines).toBe('error: migration has one place: ana@acme.dev has it\n  why:  maxHolders 1\n  next: wait');
  });

  it('leaves out what there is nothing to say about', () => {
    expect(errorLines({ message: 'no', why: '', next: '' }, wide)).toBe('error: no');
  });

  it('indents the lines of a part that has several, and cleans each', () => {
    const lines = errorLines({ message: 'two faults', why: 'a.yaml:1:2 x\na.yaml:3:4 \u001b[31my', next: '' }, wide);
    expect(lines).toBe('error: two faults\n  why:  a.yaml:1:2 x\n        a.yaml:3:4 y');
  });

  it('wraps at the width of the terminal', () => {
    const lines = errorLines({ message: 'word '.repeat(40).trim(), why: '', next: '' }, { ...wide, width: 80 }).split('\n');
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });
});
