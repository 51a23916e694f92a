/** Refused calls on their way to the audit: one by one as long as they are few, and a flood of them as one count a minute. */

import type { Host, RefusedCall } from './host.ts';
import type { Limits } from './settings.ts';

export type Refusals = {
  /** Never rejects; waits for the ledger, but not for long. */
  note(call: RefusedCall): Promise<void>;
  /** Writes what was only counted so far. */
  flush(): Promise<void>;
};

const MINUTE_MS = 60_000;
/** An answer does not wait longer than this for a ledger that is slow. */
const PATIENCE_MS = 3_000;

type Count = { noted: number; more: number; last: RefusedCall };

export function refusals(
  { refused, log }: Pick<Host, 'refused' | 'log'>,
  { recordedPerMinute, recordedPerMinuteOfNobody }: Pick<Limits, 'recordedPerMinute' | 'recordedPerMinuteOfNobody'>,
): Refusals {
  // One entry for each proven person, and one for all who prove nobody: their number is the company's, not the flood's.
  let counts = new Map<string, Count>();
  let timer: NodeJS.Timeout | undefined;

  const write = (call: RefusedCall): Promise<void> =>
    refused(call).catch((error: Error) => log(`a refused call is not in the audit: ${call.code} of ${call.operation}: ${error.message}`));

  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const over = [...counts.values()].filter(({ more }) => more > 0);
    counts = new Map();
    await Promise.all(over.map(({ more, last }) => write({ ...last, count: more })));
  };

  return {
    flush,
    note: async (call) => {
      timer ??= setTimeout(() => void flush(), MINUTE_MS).unref();
      const key = call.actor === undefined ? '' : JSON.stringify([call.actor.issuer, call.actor.subject]);
      const count = counts.get(key) ?? { noted: 0, more: 0, last: call };
      counts.set(key, count);
      count.last = call;
      if (count.noted >= (call.actor === undefined ? recordedPerMinuteOfNobody : recordedPerMinute)) {
        count.more += 1;
        return;
      }
      count.noted += 1;
      await within(write(call), PATIENCE_MS);
    },
  };
}

function within(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
