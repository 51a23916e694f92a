/** What nobody waits for: it never keeps a command for longer than it may, nor a broker at all. */

import { describe, expect, it } from 'vitest';
import { background, takingTurns } from '../../src/wiring/background.ts';

const never = new AbortController().signal;
const gate = () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};

describe('for one command', () => {
  it('waits for what was begun', async () => {
    const besides = background(never);
    const { open, opened } = gate();
    let done = false;
    besides.run(async () => {
      await opened;
      done = true;
    }, 60_000);
    setImmediate(open);
    await besides.over();
    expect(done).toBe(true);
  });

  it('tells it to stop when its time is over, and goes on also where it does not', async () => {
    const besides = background(never);
    const told: boolean[] = [];
    besides.run(
      (signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => told.push(signal.aborted));
        }),
      0,
    );
    await besides.over();
    expect(told).toEqual([true]);
  });

  it('tells it to stop when somebody presses Ctrl-C', async () => {
    const pressed = new AbortController();
    const besides = background(pressed.signal);
    let stopped = false;
    besides.run(
      (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            stopped = true;
            resolve();
          });
        }),
      60_000,
    );
    pressed.abort();
    await besides.over();
    expect(stopped).toBe(true);
  });

  it('is nobody else’s failure', async () => {
    const besides = background(never);
    besides.run(async () => Promise.reject(new Error('x')), 1_000);
    await expect(besides.over()).resolves.toBeUndefined();
  });
});

describe('for a process that stays', () => {
  it('does one after the other, and once more for all that came meanwhile', async () => {
    const besides = takingTurns(never);
    const { open, opened } = gate();
    const begun: string[] = [];
    let atOnce = 0;
    let most = 0;
    const work = (name: string) => async () => {
      begun.push(name);
      atOnce += 1;
      most = Math.max(most, atOnce);
      await opened;
      atOnce -= 1;
    };
    for (const name of ['first', 'second', 'third']) besides.run(work(name), 0);
    open();
    await besides.over();
    expect(begun).toEqual(['first', 'third']);
    expect(most).toBe(1);
    besides.run(work('later'), 0);
    await besides.over();
    expect(begun).toEqual(['first', 'third', 'later']);
  });

  it('begins nothing once it is to stop, and survives what fails', async () => {
    const stop = new AbortController();
    const besides = takingTurns(stop.signal);
    besides.run(async () => Promise.reject(new Error('x')), 0);
    await besides.over();
    const begun: string[] = [];
    besides.run(async () => void begun.push('well'), 0);
    await besides.over();
    stop.abort();
    besides.run(async () => void begun.push('too late'), 0);
    await besides.over();
    expect(begun).toEqual(['well']);
  });
});
