/** The sweeps of a broker: regular, one at a time, told once. */

import { describe, expect, it } from 'vitest';
import type { LogEntry } from '../../src/commands/command.ts';
import { OncallError } from '../../src/errors.ts';
import type { SweepResult, SweepStep } from '../../src/operations/types.ts';
import { sweepRegularly } from '../../src/wiring/serve-sweeps.ts';

const empty: SweepResult = { steps: [], ended: 0, failed: 0, remaining: 0 };
const failed: SweepStep = { action: 'end', outcome: 'failed', requestId: 'k7m2xq', because: 'no right to do it' };

/** Sweeps once for each of these, as fast as may be; then stops. */
const sweeps = (...answers: (SweepResult | Error)[]) => reminding(undefined, ...answers);

async function reminding(remindMs: number | undefined, ...answers: (SweepResult | Error)[]) {
  const stop = new AbortController();
  const told: LogEntry[] = [];
  let [runs, most, now] = [0, 0, 0];
  const sweep = async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now--;
    const answer = answers[runs++] ?? empty;
    if (runs >= answers.length) stop.abort();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  await sweepRegularly({
    everyMs: 1,
    leastPauseMs: 1,
    ...(remindMs === undefined ? {} : { remindMs }),
    sweep,
    tell: (entry) => void told.push(entry),
    random: () => 0.5,
    signal: stop.signal,
  });
  return { runs, most, told: told.filter(({ level }) => level !== 'debug') };
}

describe('a broker sweeps', () => {
  it('at once, then again and again, never two at a time', async () => {
    expect(await sweeps(empty, empty, empty)).toEqual({ runs: 3, most: 1, told: [] });
  });

  it('and goes on after one that failed, which is said once for as long as it is so', async () => {
    const broken = new OncallError('ledger-io', 'the ledger cannot be read', { next: 'check the disk' });
    const { runs, told } = await sweeps(broken, broken, new TypeError('a bug'), empty, empty);
    expect(runs).toBe(5);
    expect(told.map(({ event, message }) => `${event}: ${message}`)).toEqual([
      'sweep.failed: the sweep failed, and is tried again: the ledger cannot be read',
      'sweep.failed: the sweep failed, and is tried again: a bug',
      'sweep.well: sweep: nothing is wrong any more',
    ]);
    expect(told[0]?.details).toEqual({ next: 'check the disk' });
  });

  it('and tells what it did each time, and what it could not do once', async () => {
    const done: SweepStep = { ...failed, outcome: 'done' };
    const beat: SweepStep = { action: 'heartbeat', outcome: 'done', because: '' };
    const { told } = await sweeps(
      { ...empty, steps: [beat, done, failed], failed: 1 },
      { ...empty, steps: [beat, done, failed], failed: 3 },
      { ...empty, steps: [failed], failed: 3 },
    );
    expect(told.map(({ level, event, step }) => `${level} ${event} ${step?.outcome ?? ''}`)).toEqual([
      'info sweep.step done',
      'error sweep.step failed',
      'info sweep.step done',
      'error sweep.overdue ',
    ]);
  });

  it('and says what to do about what it could not do, and says it again while it stays so', async () => {
    const next = 'use the right credentials (or file)';
    const elsewhere: SweepResult = {
      ...empty,
      failed: 1,
      steps: [{ action: 'heartbeat', outcome: 'failed', because: 'local is now account b', next }],
    };
    const later: SweepStep = { ...failed, outcome: 'later' };
    const { told } = await reminding(
      0,
      elsewhere,
      { ...elsewhere, steps: [...elsewhere.steps, later] },
      { ...elsewhere, steps: [...elsewhere.steps, later] },
    );
    expect(told.map(({ level, message, details }) => [level, message, details?.next])).toEqual([
      ['error', 'local is now account b', next],
      ['error', 'local is now account b', next],
      ['info', 'no right to do it', undefined],
      ['error', 'local is now account b', next],
    ]);
  });

  it('until it is told to stop, which the one that runs hears too', async () => {
    const stop = new AbortController();
    const told: LogEntry[] = [];
    let runs = 0;
    const sweep = (signal: AbortSignal) =>
      new Promise<SweepResult>((_, fail) => {
        runs++;
        signal.addEventListener('abort', () => fail(signal.reason));
        setImmediate(() => stop.abort());
      });
    await sweepRegularly({ everyMs: 1, sweep, tell: (entry) => void told.push(entry), random: () => 0.5, signal: stop.signal });
    expect([runs, told]).toEqual([1, []]);
  });
});
