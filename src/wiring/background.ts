/** Work that nobody waits for: beside what comes next, and ended when that is over. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Deps } from '../operations/deps.ts';

export type Background = {
  readonly run: NonNullable<Deps['background']>;
  /** Waits for what was begun, as long as that was to be waited for, and ends it then. */
  over(): Promise<void>;
};

/** For one command. What was told to stop has this long to say so. */
const lastWordsMs = 500;

export function background(signal: AbortSignal): Background {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const works: Promise<void>[] = [];
  let longestMs = 0;
  return {
    run: (work, forMs) => {
      longestMs = Math.max(longestMs, forMs);
      works.push(work(either).catch(() => undefined));
    },
    over: async () => {
      if (works.length === 0) return;
      const all = Promise.all(works);
      const waited = new AbortController();
      const within = (ms: number) => Promise.race([all, delay(ms, undefined, { signal: waited.signal }).catch(() => undefined)]);
      await within(longestMs);
      stop.abort();
      await within(lastWordsMs);
      waited.abort();
    },
  };
}

/** For a process that stays: one after the other, and of those that come meanwhile the last one stands for all. */
export function takingTurns(signal: AbortSignal): Background {
  type Work = Parameters<Background['run']>[0];
  let next: Work | undefined;
  let running: Promise<void> | undefined;
  const runAll = async (): Promise<void> => {
    while (next !== undefined && !signal.aborted) {
      const work = next;
      next = undefined;
      await work(signal).catch(() => undefined);
    }
    running = undefined;
  };
  return {
    run: (work) => {
      next = work;
      running ??= runAll();
    },
    over: async () => running,
  };
}
