/** The sweeps of a broker: the first at once, then every so often, never two at a time here; beside others each step is claimed by one of them. */

import { setTimeout as delay } from 'node:timers/promises';
import type { LogEntry } from '../commands/command.ts';
import { isOncallError } from '../errors.ts';
import type { SweepResult, SweepStep } from '../operations/types.ts';

export type Sweeps = {
  readonly everyMs: number;
  readonly sweep: (signal: AbortSignal) => Promise<SweepResult>;
  readonly tell: (entry: LogEntry) => void;
  readonly random: () => number;
  /** What stays wrong is told again after so long. */
  readonly remindMs?: number;
  /** Between two at least, however long they take: the ledger is there for requests too. */
  readonly leastPauseMs?: number;
  /** Ends the one that runs at its next safe point, and all of them. */
  readonly signal: AbortSignal;
};

export async function sweepRegularly({
  everyMs,
  leastPauseMs = 1_000,
  remindMs = 10 * 60_000,
  sweep,
  tell,
  random,
  signal,
}: Sweeps): Promise<void> {
  let before: Wrong = new Map();
  while (!signal.aborted) {
    const startedAt = performance.now();
    before = await one(sweep, { before, remindMs }, tell, signal);
    // Brokers that were started together are not to sweep together for ever.
    const length = everyMs * (0.9 + random() * 0.2) - (performance.now() - startedAt);
    await delay(Math.max(leastPauseMs, length), undefined, { signal }).catch(() => undefined);
  }
}

/** What is wrong, and when it was told last. */
type Wrong = ReadonlyMap<string, number>;

/** Gives what was wrong, which is told at first and then now and again for as long as it stays so. */
async function one(
  sweep: Sweeps['sweep'],
  { before, remindMs }: { readonly before: Wrong; readonly remindMs: number },
  tell: Sweeps['tell'],
  stopped: AbortSignal,
): Promise<Wrong> {
  // Of its own: what listens to it goes when the sweep has ended.
  const stop = new AbortController();
  const onStop = (): void => stop.abort();
  stopped.addEventListener('abort', onStop);
  const wrong = new Map<string, number>();
  const tellOnce = (key: string, entry: LogEntry): void => {
    const toldAt = before.get(key);
    const isDue = toldAt === undefined || (entry.level === 'error' && performance.now() - toldAt > remindMs);
    wrong.set(key, isDue ? performance.now() : toldAt);
    if (isDue) tell(entry);
  };
  try {
    const { steps, failed, remaining } = await sweep(stop.signal);
    for (const step of steps.filter(isNews)) {
      const entry: LogEntry = {
        level: step.outcome === 'failed' ? 'error' : 'info',
        event: 'sweep.step',
        message: step.because,
        step,
        ...nextOf(step),
      };
      if (step.outcome === 'done') tell(entry);
      else tellOnce(JSON.stringify([step.action, step.outcome, step.requestId, step.target, step.because]), entry);
    }
    const overdue = failed - steps.filter(({ outcome }) => outcome === 'failed').length;
    if (overdue > 0) tellOnce(`overdue ${overdue}`, overdueEntry(overdue));
    if (before.size > 0 && wrong.size === 0) tell({ level: 'info', event: 'sweep.well', message: 'sweep: nothing is wrong any more' });
    tell({ level: 'debug', event: 'sweep', message: `sweep: ${steps.length} steps, ${failed} failed, ${remaining} left` });
  } catch (error) {
    if (stopped.aborted) return wrong;
    const text = error instanceof Error ? error.message : String(error);
    const details = isOncallError(error) ? { ...(error.why && { why: error.why }), ...(error.next && { next: error.next }) } : {};
    tellOnce(text, { level: 'error', event: 'sweep.failed', message: `the sweep failed, and is tried again: ${text}`, details });
  } finally {
    stopped.removeEventListener('abort', onStop);
  }
  return wrong;
}

const nextOf = ({ outcome, next }: SweepStep): Pick<LogEntry, 'details'> =>
  outcome === 'done' || next === undefined ? {} : { details: { next } };

/** A heartbeat that was given is none. */
const isNews = ({ action, outcome }: SweepStep): boolean => action !== 'heartbeat' || outcome !== 'done';

const overdueEntry = (many: number): LogEntry => ({
  level: 'error',
  event: 'sweep.overdue',
  message: `sweep: ${many} ${many === 1 ? 'grant is' : 'grants are'} overdue or stuck; more: oncall status --check`,
});
