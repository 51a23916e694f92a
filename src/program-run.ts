/** Runs a program of the user's: what it is told on its stdin, its answer from its stdout; bounded in time and size, and what it starts ends with it. */

import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process';
import { ProviderError, type ProviderFault } from './errors.ts';

export type Program = {
  /** What the policy calls it. */
  readonly title: string;
  /** The page that says what it is asked and what it prints: `docs/rosters.md`. */
  readonly page: string;
  readonly path: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Never repeated, wherever the program prints them. */
  readonly secrets: readonly string[];
  readonly timeoutMs: number;
};

const maxAnswer = 1024 * 1024;
const maxComplaint = 4096;
/** Between the signal to end and the one that nobody can refuse. */
const patienceMs = 2000;

/** What this process started and has not seen the end of. */
const running = new Set<ChildProcess>();

/** All that it wrote to stdout. An end without success, or none in time, is a `ProviderError`. */
export async function run(program: Program, question: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const { spawn } = await import('node:child_process');
  const stopped = () => new ProviderError(program.title, 'unavailable', `stopped before ${program.title} answered`, { applied: 'no' });
  if (signal?.aborted) throw stopped();
  return new Promise((done, failed) => {
    const child = started(program, spawn);
    const chunks: Buffer[] = [];
    let bytes = 0;
    let complaint = Buffer.alloc(0);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const giveUp = (error: ProviderError) => {
      settle();
      failed(error);
      if (running.has(child)) endPolitely(child);
      else letGo(child);
    };
    const onAbort = () => giveUp(stopped());
    const timer = setTimeout(() => giveUp(late(program, running.has(child))), program.timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });

    child.stdout.on('data', (chunk: Buffer) => {
      const hadRoom = bytes <= maxAnswer;
      bytes += chunk.length;
      if (bytes <= maxAnswer) chunks.push(chunk);
      else if (hadRoom) giveUp(malformed(program, `printed more than ${maxAnswer} bytes`));
    });
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = Buffer.concat([complaint, chunk]).subarray(-maxComplaint);
    });
    // It may end without having read the question.
    child.stdin.on('error', () => undefined);
    child.stdin.end(question);
    child.once('error', (error: NodeJS.ErrnoException) => {
      settle();
      failed(unstarted(program, error.code));
    });
    child.once('close', (code, by) => {
      settle();
      if (code === 0) done(Buffer.concat(chunks));
      else failed(unsuccessful(program, by === null ? `ended with code ${code}` : `was ended by ${by}`, lastLine(complaint, program)));
    });
  });
}

/** In a process group of its own, so that what it starts ends with it: when it ends, when it is late, and when this process leaves at once. */
function started(program: Program, spawn: typeof import('node:child_process').spawn): ChildProcessWithoutNullStreams {
  try {
    const child = spawn(program.path, program.args, { cwd: program.cwd, env: program.env, detached: true, shell: false });
    if (child.pid !== undefined) running.add(child);
    child.once('exit', () => {
      running.delete(child);
      signalGroup(child, 'SIGKILL');
    });
    if (!process.listeners('exit').includes(endAll)) process.on('exit', endAll);
    return child;
  } catch (error) {
    throw unstarted(program, (error as NodeJS.ErrnoException).code);
  }
}

function endAll(): void {
  for (const child of running) signalGroup(child, 'SIGKILL');
}

/** It is still listened to, as a program that nobody hears is killed by its next word, before it can clean up. */
function endPolitely(child: ChildProcessWithoutNullStreams): void {
  signalGroup(child, 'SIGTERM');
  const patience = setTimeout(() => signalGroup(child, 'SIGKILL'), patienceMs);
  child.once('exit', () => {
    clearTimeout(patience);
    letGo(child);
  });
}

/** What has left its group may hold these open for ever. */
function letGo({ stdin, stdout, stderr }: ChildProcessWithoutNullStreams): void {
  for (const stream of [stdin, stdout, stderr]) stream.destroy();
}

/** Called while its first process runs, or in the moment of its end: later, the number could be somebody else's. */
function signalGroup(child: ChildProcess, name: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // Nobody is left in it.
    child.kill(name);
  }
}

const byHand = ({ path, page }: Program) => `run ${path} as the user that runs oncall and see what it says; ${page} has what it is asked`;

function fail(program: Program, fault: ProviderFault, what: string, next = byHand(program)): ProviderError {
  return new ProviderError(program.title, fault, `the program of ${program.title} ${what}`, { applied: 'no', next });
}

export const malformed = (program: Program, what: string): ProviderError =>
  fail(program, 'malformed', what, `mend ${program.path}: ${program.page} says what it has to print`);

const seconds = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`);

function late(program: Program, isRunning: boolean): ProviderError {
  const within = `within ${seconds(program.timeoutMs)}`;
  if (isRunning) return fail(program, 'timeout', `did not answer ${within}`);
  return fail(program, 'timeout', `ended, but left something running that kept its output open and did not end ${within}`);
}

function unstarted(program: Program, code = 'for no reason given'): ProviderError {
  if (code === 'EACCES')
    return fail(program, 'forbidden', `may not be run by this user: ${program.path}`, `chmod u+x ${program.path}, or let this user run it`);
  if (code === 'ENOENT') return fail(program, 'not-found', `cannot be run: ${program.path}, or what its first line names, is not there`);
  return fail(program, 'unavailable', `cannot be run (${code}): ${program.path}`);
}

function unsuccessful(program: Program, how: string, said: string): ProviderError {
  return fail(program, 'unavailable', `${how}${said === '' ? '' : `: "${said}"`}`);
}

/** Of a line whose beginning was not kept nothing is told: it could begin in the middle of a secret. */
function lastLine(complaint: Buffer, program: Program): string {
  const lines = complaint.toString('utf8').split(/[\r\n]+/);
  const whole = complaint.length < maxComplaint ? lines : lines.slice(1);
  return plain(whole.filter((line) => line.trim() !== '').at(-1) ?? '', program);
}

const escapeSequence =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]/g;

/** What a program says, for people: one short line without escape codes, invisible characters and secrets. */
export function plain(text: string, { secrets }: Program): string {
  let said = text
    .replace(escapeSequence, '')
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '');
  for (const secret of secrets) if (secret.length >= 6) said = said.replaceAll(secret, '…');
  return said.trim().slice(0, 200);
}
