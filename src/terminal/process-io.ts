/** The `Io` of the real process. */

import type { Interrupt, Io, Stream } from './io.ts';

/** What is written after a fault is dropped: neither a reader that went away (`oncall status | head -1`) nor a full disk may end work under way. */
export function streamOf(stream: NodeJS.WriteStream, onFault: (error: Error) => void): Stream {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (open && error.code !== 'EPIPE') onFault(error);
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

/** The result is lost, and a script must not take it for an empty one. */
function failUnwritten(error: Error): void {
  const next = 'what was done is done; once there is room: oncall status';
  process.stderr.write(`error: the result could not be written\n  why:  ${error.message}\n  next: ${next}\n`);
  // At the very end: `main` sets its own exit code after this.
  process.on('exit', () => {
    process.exitCode ||= 1;
  });
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

function onInterrupt(listener: (by: Interrupt) => void): () => void {
  const heard = (by: NodeJS.Signals): void => listener(by === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
  process.on('SIGINT', heard).on('SIGTERM', heard);
  return () => process.off('SIGINT', heard).off('SIGTERM', heard);
}

function onReload(listener: () => void): () => void {
  process.on('SIGHUP', listener);
  return () => process.off('SIGHUP', listener);
}

/** Stopped by the same signal and not by SIGSTOP: where no shell is there to go on with it (`ssh -t host oncall …`), the system passes over Ctrl-Z alone. */
function onSuspend(listener: (stop: () => void) => void): () => void {
  const stop = (): void => {
    process.off('SIGTSTP', heard);
    process.kill(process.pid, 'SIGTSTP');
    process.on('SIGTSTP', heard);
  };
  const heard = (): void => listener(stop);
  process.on('SIGTSTP', heard);
  return () => process.off('SIGTSTP', heard);
}

export function processIo(): Io {
  return {
    stdout: streamOf(process.stdout, failUnwritten),
    stderr: streamOf(process.stderr, () => undefined),
    // A getter: opening stdin costs time and most commands never ask for it.
    get stdin() {
      return { isTty: process.stdin.isTTY === true };
    },
    cwd: process.cwd(),
    now: Date.now,
    sleep,
    onInterrupt,
    onReload,
    onSuspend,
    leaveAtOnce: (exit) => process.exit(exit),
    prompts: async (color) => (await import('./prompt.ts')).makePrompts(color),
  };
}
