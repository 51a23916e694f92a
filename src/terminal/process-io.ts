/** The `Io` of the real process. */

import type { Io, Stream } from './io.ts';

/** A reader that went away (`oncall status | head -1`) must neither end work under way nor be a fault: what is written afterwards is dropped. */
function streamOf(stream: NodeJS.WriteStream): Stream {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    open = false;
  });
  const isTty = stream.isTTY === true;
  return {
    write: (text) => {
      if (open) stream.write(text);
    },
    isTty,
    width: isTty ? stream.columns || 80 : Number.POSITIVE_INFINITY,
  };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

function onInterrupt(listener: () => void): () => void {
  process.on('SIGINT', listener).on('SIGTERM', listener);
  return () => process.off('SIGINT', listener).off('SIGTERM', listener);
}

export function processIo(): Io {
  return {
    stdout: streamOf(process.stdout),
    stderr: streamOf(process.stderr),
    // A getter: opening stdin costs time and most commands never ask for it.
    get stdin() {
      return { isTty: process.stdin.isTTY === true };
    },
    cwd: process.cwd(),
    now: Date.now,
    sleep,
    onInterrupt,
    leaveAtOnce: (exit) => process.exit(exit),
    prompts: async (color) => (await import('./prompt.ts')).makePrompts(color),
  };
}
