/** An `Io` that keeps what is written, with a clock that only `sleep` moves. */

import type { Io } from '../../src/terminal/io.ts';
import type { Prompts } from '../../src/terminal/prompt.ts';

export type FakeIo = Io & {
  out(): string;
  err(): string;
  /** Presses Ctrl-C. */
  interrupt(): void;
  readonly left: number[];
  readonly sleeps: number[];
};

type Wishes = { tty?: boolean; width?: number; now?: number; prompts?: Prompts; beforeSleep?: () => void };

export const noon = Date.parse('2026-11-22T12:00:00Z');

export function fakeIo({ tty = false, width = Number.POSITIVE_INFINITY, now = noon, prompts, beforeSleep }: Wishes = {}): FakeIo {
  let [out, err, time] = ['', '', now];
  const listeners = new Set<(by: 'SIGINT') => void>();
  const left: number[] = [];
  const sleeps: number[] = [];
  return {
    stdout: { write: (text) => void (out += text), isTty: tty, width },
    stderr: { write: (text) => void (err += text), isTty: tty, width },
    stdin: { isTty: tty },
    cwd: '/nowhere',
    now: () => time,
    sleep: async (ms, signal) => {
      sleeps.push(ms);
      beforeSleep?.();
      if (!signal.aborted) time += ms;
    },
    onInterrupt: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onReload: () => () => undefined,
    onSuspend: () => () => undefined,
    leaveAtOnce: (exit) => void left.push(exit),
    prompts: async () => {
      if (prompts === undefined) throw new Error('nothing may be asked here');
      return prompts;
    },
    out: () => out,
    err: () => err,
    interrupt: () => {
      for (const listener of listeners) listener('SIGINT');
    },
    left,
    sleeps,
  };
}
