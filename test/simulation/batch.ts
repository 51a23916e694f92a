/** Many histories, one after the other, and what they came to. */

import type { AblationName } from './ablations.ts';
import { type History, runHistory } from './history.ts';

export type Violation = { readonly seed: number; readonly what: string; readonly timeline: readonly string[] };
export type Batch = {
  readonly histories: number;
  readonly steps: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
};

const timelineLines = 40;

export async function runBatch(from: number, seeds: number, ablate?: AblationName): Promise<Batch> {
  const each: Batch[] = [];
  for (let seed = from; seed < from + seeds; seed++) each.push(batchOf(await runHistory(seed, ablate)));
  return together(each);
}

function batchOf({ seed, steps, counts, trace, violation }: History): Batch {
  const violations = violation === undefined ? [] : [{ seed, what: violation, timeline: trace.slice(-timelineLines) }];
  return { histories: 1, steps, counts: Object.fromEntries(counts), violations };
}

export function together(batches: readonly Batch[]): Batch {
  const counts: Record<string, number> = {};
  for (const batch of batches) for (const [what, times] of Object.entries(batch.counts)) counts[what] = (counts[what] ?? 0) + times;
  const sum = (of: (batch: Batch) => number): number => batches.reduce((total, batch) => total + of(batch), 0);
  return {
    histories: sum((batch) => batch.histories),
    steps: sum((batch) => batch.steps),
    counts,
    violations: batches.flatMap((batch) => batch.violations),
  };
}

export function tell({ seed, what, timeline }: Violation, ablate?: AblationName): string {
  const replay = `npm run sim -- --seed ${seed}${ablate === undefined ? '' : ` --ablate ${ablate}`}`;
  return [`seed ${seed}: ${what}`, ...timeline.map((line) => `  ${line}`), `  replay: ${replay}`, ''].join('\n');
}

/** What a run of any size must have met at least once, or it has proved nothing about it. */
export const sometimes: readonly string[] = [
  ...['time-out-before', 'time-out-after', 'late', 'refused', 'rate-limited', '5xx-before', '5xx-after', 'read'].map(
    (fault) => `fault: ${fault}`,
  ),
  'a process crashed',
  'a process was suspended',
  'a write landed late',
  'an administrator added a member',
  'nothing removed, because another grant stands on the membership',
  'request: taken',
  'request extended',
  'request pending → approved',
  'request pending → denied',
  'request pending → withdrawn',
  'request pending → expired',
  'approve: own-request',
  'grant none → activating',
  'grant activating → active',
  'grant activating → ended',
  'grant active → ended',
  'grant revoking → ended',
  ...['failed', 'released', 'revoked'].map((why) => `grant activating → revoking (${why})`),
  ...['expired', 'released', 'revoked'].map((why) => `grant active → revoking (${why})`),
  'event member.adopted',
  'event member.drift',
];
