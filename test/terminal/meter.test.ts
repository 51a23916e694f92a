import { describe, expect, it } from 'vitest';
import { makeMeter } from '../../src/terminal/meter.ts';

const erase = '\r\u001b[2K';

function screen({ width = 80 } = {}) {
  let [written, now] = ['', 0];
  const stop = new AbortController();
  const stream = { write: (text: string) => void (written += text), isTty: true, width };
  const meter = makeMeter(stream, () => now, stop.signal);
  return {
    meter,
    stop,
    stream,
    pass: (ms: number) => void (now += ms),
    /** What has been written since it was last asked. */
    written: () => {
      const text = written;
      written = '';
      return text;
    },
  };
}

describe('the meter', () => {
  it('shows nothing for work of less than a second', () => {
    const { meter, pass, written } = screen();
    for (let done = 1; done <= 9; done++) {
      meter.show(done, 10);
      pass(100);
    }
    meter.over();
    expect(written()).toBe('');
  });

  it('shows how much is done, how fast it goes and how long it takes yet, and leaves nothing behind', () => {
    const { meter, pass, written } = screen();
    meter.show(1, 10_000);
    pass(2_000);
    meter.show(2_500, 10_000);
    expect(written()).toBe(`${erase}[=====>              ]  2,500 of 10,000  1250/s  6 s left`);
    meter.show(2_501, 10_000);
    expect(written()).toBe('');
    pass(100);
    meter.show(10_000, 10_000);
    expect(written()).toContain('[====================]  10,000 of 10,000');
    meter.over();
    expect(written()).toBe(erase);
    meter.over();
    expect(written()).toBe('');
  });

  it('is never wider than the terminal, where it could not be erased', () => {
    const { meter, pass, written } = screen({ width: 30 });
    meter.show(1, 10_000);
    pass(1_500);
    meter.show(2, 10_000);
    expect(written().replace(erase, '').length).toBeLessThanOrEqual(29);
  });

  it('makes room for a line, and comes back below it', () => {
    const { meter, stream, pass, written } = screen();
    meter.show(1, 10);
    pass(1_500);
    meter.show(3, 10);
    const line = written().replace(erase, '');
    meter.above(() => stream.write('a warning\n'));
    expect(written()).toBe(`${erase}a warning\n${line}`);
    meter.over();
    expect(written()).toBe(erase);
    meter.above(() => stream.write('another\n'));
    expect(written()).toBe('another\n');
  });

  it('goes at an interrupt, before anything is said about that, and stays away', () => {
    const { meter, stop, stream, pass, written } = screen();
    meter.show(1, 10);
    pass(1_500);
    meter.show(3, 10);
    written();
    stop.abort();
    expect(written()).toBe(erase);
    pass(1_000);
    meter.show(4, 10);
    meter.above(() => stream.write('stopping\n'));
    meter.over();
    expect(written()).toBe('stopping\n');
  });
});
