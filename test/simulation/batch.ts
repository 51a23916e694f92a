/** Many histories, one after the other, and what they came to. */

import type { AblationName } from './ablations.ts';
import { runHistory } from './history.ts';

export type Violation = { readonly seed: number; readonly what: string; readonly timeline: readonly string[] };
export type Batch = {
  readonly histories: number;
  readonly steps: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  /** Of each history, in the order of their seeds. */
  readonly hashes: readonly string[];
};

const timelineLines = 40;

export async function runBatch(from: number, seeds: number, ablate?: AblationName): Promise<Batch> {
  const each: Batch[] = [];
  for (let seed = from; seed < from + seeds; seed++) {
    const { steps, counts, trace, violation, hash } = await runHistory(seed, ablate);
    const violations = violation === undefined ? [] : [{ seed, what: violation, timeline: trace.slice(-timelineLines) }];
    each.push({ histories: 1, steps, counts: Object.fromEntries(counts), violations, hashes: [hash] });
  }
  return together(each);
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
    hashes: batches.flatMap((batch) => batch.hashes),
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
  ...[
    'stale read',
    'truncated list',
    'acknowledged in vain',
    'forbidden for long',
    'wrong account',
    'ledger busy',
    'ledger unacknowledged',
  ].map((fault) => `fault: ${fault}`),
  ...['elsewhere', 'forbidden', 'read-only'].map((kind) => `a directory was out of order: ${kind}`),
  ...[
    'took a member out',
    'deleted a user',
    'made a user anew',
    'renamed a user',
    'deactivated a user',
    'deleted a group',
    'made a group anew',
    'renamed a group',
  ].map((what) => `an administrator ${what}`),
  'a shift ended early',
  'an incident closed',
  'somebody was taken off an incident',
  'the roster was asked while it was down',
  'access ended early, with its shift or incident',
  'access went on, as nobody could say whether it still holds',
  'request goes over to another incident',
  'the clock was set forward',
  'the clock was set back',
  'the policy was changed',
  'the ledger was deleted',
  'the ledger was put back',
  'recover: recovered',
  'a grant stayed stuck, and was tried on',
  'the next one got in',
  'a process crashed',
  'a process was suspended',
  'a write landed late',
  'an administrator added a member',
  'nothing removed, because another grant stands on the membership',
  'request: taken',
  'request: queued',
  'request none → queued',
  'request queued → offered',
  'request queued → withdrawn',
  'request offered → approved',
  'request offered → expired',
  'request extended',
  'request let in again',
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
  ...['extended', 'changed', 'held-over'].map(
    (what) => `the end of a rotation grant: ${what === 'extended' ? 'request' : 'rotation'}.${what}`,
  ),
  'event rotation.refused',
  'event rotation.accepted',
  'the rotation was looked at after a run',
  'event member.adopted',
  'event member.taken-over',
  'adopt: adopted',
  'somebody who is named was let in',
  'somebody who is named was looked for',
  'what was standing ended as the policy no longer says so',
  'event member.drift',
  ...['granted', 'pending', 'said-yes-already', 'not-your-turn', 'not-pending'].map((said) => `approve: ${said}`),
  'event request.escalated',
  'a yes that others must follow',
  'a yes in the place of somebody',
  'a yes was dropped',
  'begun by the yes of 2',
  'request pending → queued',
  'a place was taken that others had said yes to',
  'a shift of a deputy ended early',
  'let in by access group=prod',
  ...['granted', 'extended', 'denied', 'taken', 'review-overdue'].map((said) => `break-glass: ${said}`),
  'the glass was broken once more',
  'event request.review-overdue',
  'review: reviewed',
  'review: own-request',
];
