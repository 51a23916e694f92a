/** The streams as they are: who is a terminal, how wide, in how many colours, and whether a question may be asked. */

import type { Prompts } from './prompt.ts';

export type Stream = {
  readonly write: (text: string) => void;
  readonly isTty: boolean;
  /** Columns; `Infinity` off a terminal, where nothing is wrapped or cut. */
  readonly width: number;
};

/** Everything of the surrounding process that the command line touches. Tests hand in their own. */
export type Io = {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly stdin: { readonly isTty: boolean };
  readonly cwd: string;
  readonly now: () => number;
  /** Ends early, without throwing, when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Calls back at each Ctrl-C or SIGTERM; returns how to stop listening. */
  readonly onInterrupt: (listener: (by: Interrupt) => void) => () => void;
  /** Calls back at each SIGHUP, which else ends the process; returns how to stop listening. */
  readonly onReload: (listener: () => void) => () => void;
  /** At each Ctrl-Z hands over how to stop, to be called when nobody waits for what this process holds; returns how to stop listening. */
  readonly onSuspend: (listener: (stop: () => void) => void) => () => void;
  readonly leaveAtOnce: (exit: number) => void;
  readonly prompts: (color: boolean) => Promise<Prompts>;
};

export type Interrupt = 'SIGINT' | 'SIGTERM';

export type Env = Readonly<Record<string, string | undefined>>;

/** 0 none, 1 sixteen colours, 2 256, 3 all. Flag before NO_COLOR before FORCE_COLOR, as https://no-color.org and https://force-color.org ask. */
export function colorLevel(stream: Pick<Stream, 'isTty'>, env: Env, wanted: boolean): 0 | 1 | 2 | 3 {
  if (!wanted || env.NO_COLOR) return 0;
  const forced = env.FORCE_COLOR;
  if (forced !== undefined && forced !== '') {
    if (forced === '0' || forced === 'false') return 0;
    return forced === '2' ? 2 : forced === '3' ? 3 : 1;
  }
  if (!stream.isTty || env.TERM === 'dumb') return 0;
  if (env.COLORTERM === 'truecolor' || env.COLORTERM === '24bit') return 3;
  return env.TERM?.endsWith('-256color') ? 2 : 1;
}

export type Paint = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow', (text: string) => string>>;

const plain = (text: string) => text;
export const noPaint: Paint = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };

/** chalk is loaded only where there is colour: cron, pipes and `NO_COLOR` do not pay for it. */
export async function makePaint(level: 0 | 1 | 2 | 3): Promise<Paint> {
  if (level === 0) return noPaint;
  const { newChalk } = await import('./color.ts');
  return newChalk(level);
}

/** Prompts are written to stderr, so both ends of the conversation must be a terminal. stdin comes last: opening it takes 2 ms of a start. */
export function canPrompt(io: Pick<Io, 'stdin' | 'stderr'>, env: Env, wanted: boolean): boolean {
  return wanted && io.stderr.isTty && !env.CI && env.TERM !== 'dumb' && io.stdin.isTty;
}
